"""Where something stands in a source: spans of texts with carets, JSON pointers of schemas.

Readers never format positions themselves; they ask here, so every message looks the same:

```text
pattern:1:4: unclosed group
  1 | ^a(b|c
    |   ^ add ")" before the end of the pattern
```
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open range of code points `[start, end)` in a text."""

    start: int
    end: int


def line_and_column(text: str, position: int) -> tuple[int, int]:
    """One-based line and column of a code-point offset."""
    position = min(max(position, 0), len(text))
    line_start = text.rfind("\n", 0, position) + 1
    return text.count("\n", 0, position) + 1, position - line_start + 1


def caret(name: str, text: str, position: int, problem: str, *, remedy: str = "") -> str:
    """Draw `problem` at `position` of `text`, with a line of context above and a caret below.

    Args:
        name: what the text is called in the first line ("pattern", "grammar.gbnf").
        text: the whole source.
        position: offset in code points.
        problem: what is wrong, without a full stop.
        remedy: what to do, printed beside the caret.
    """
    line, column = line_and_column(text, position)
    lines = text.split("\n")
    gutter = len(str(line))
    shown = [f"{name}:{line}:{column}: {problem}"]
    window = 100
    cut = max(0, column - 1 - window // 2)
    shown.extend(
        f"  {number:>{gutter}} | {lines[number - 1][cut : cut + window]}"
        for number in range(max(1, line - 1), line + 1)
    )
    shown.append(f"  {'':>{gutter}} | {' ' * (column - 1 - cut)}^" + (f" {remedy}" if remedy else ""))
    return "\n".join(shown)


def pointer_join(pointer: str, *parts: str | int) -> str:
    """Append reference tokens to a JSON pointer, escaped as RFC 6901 section 3 says.

    >>> pointer_join("/properties", "a/b", 0)
    '/properties/a~1b/0'
    """
    for part in parts:
        pointer += "/" + str(part).replace("~", "~0").replace("/", "~1")
    return pointer
