"""Canonical text of expressions and grammars: for people, golden tests and fingerprints.

```text
root ::= "[" item ("," item){0,3} "]"
item ::= json_string([a-z]+ & ~("no")) | <128009>
```

Precedence, tightest first: repetition, complement `~`, sequence, intersection `&`, alternation `|`.
"""

from __future__ import annotations

import re

from ruvllm_grammar.ir.expr import (
    NEVER,
    Alt,
    Both,
    Chain,
    Chars,
    Checked,
    Complement,
    Empty,
    Expr,
    Framed,
    JsonString,
    Leaf,
    Literal,
    Machine,
    Mark,
    Never,
    Pick,
    Ref,
    Repeat,
    Seq,
    Step,
    Token,
    bottom_up,
)

_ALT, _BOTH, _SEQ, _NOT, _ATOM = range(5)
_PLAIN_NAME = re.compile(r"[\w.^\-]+")


def _quoted(node: Literal) -> str:
    if node.text is None:
        return "".join(f"\\x{byte:02x}" for byte in node.data).join(('b"', '"'))
    return _quoted_text(node.text)


def _quoted_text(text: str) -> str:
    out = []
    for char in text:
        if char in '"\\':
            out.append("\\" + char)
        elif char.isprintable():
            out.append(char)
        else:
            out.append(f"\\u{{{ord(char):x}}}")
    return '"' + "".join(out) + '"'


def _bounds(node: Repeat) -> str:
    table = {(0, None): "*", (1, None): "+", (0, 1): "?"}
    plain = table.get((node.low, node.high))
    if plain is not None:
        return plain
    if node.low == node.high:
        return f"{{{node.low}}}"
    return f"{{{node.low},{'' if node.high is None else node.high}}}"


def _render(node: Expr, done: dict[Expr, tuple[str, int]]) -> tuple[str, int]:
    """Text and precedence of a node whose parts are in `done`."""

    def wrap(part: Expr, at_least: int) -> str:
        text, precedence = done[part]
        return text if precedence >= at_least else f"({text})"

    match node:
        case Never():
            return "NEVER", _ATOM
        case Empty():
            return '""', _ATOM
        case Literal():
            return _quoted(node), _ATOM
        case Chars():
            return str(node.set), _ATOM
        case Seq():
            return " ".join(wrap(p, _SEQ + 1) for p in node.parts), _SEQ
        case Alt():
            return " | ".join(wrap(p, _ALT + 1) for p in node.parts), _ALT
        case Both():
            return " & ".join(wrap(p, _BOTH + 1) for p in node.parts), _BOTH
        case Complement():
            return "~" + wrap(node.body, _NOT), _NOT
        case Repeat():
            return wrap(node.body, _ATOM) + _bounds(node), _NOT
        case Ref():
            return f"${name_text(node.name)}", _ATOM
        case Leaf():
            return f"leaf({done[node.body][0]})", _ATOM
        case JsonString():
            kind = "name" if node.canonical else "string" if node.quoted else "chars"
            return f"json_{kind}({done[node.body][0]})", _ATOM
        case Token():
            return "<" + ",".join(str(i) for i in sorted(node.ids)) + ">", _ATOM
        case Mark():
            return f"{name_text(node.name)}:({done[node.body][0]})", _ATOM
        case Checked():
            return f"check({node.check.kind} {_quoted_text(node.check.name)})", _ATOM
        case Framed():
            return f"frame({_quoted_text(node.frame.key)}: {done[node.body][0]})", _ATOM
        case Step():
            return f"@{node.symbol}", _ATOM
        case Chain():
            parts = [
                wrap(part, _SEQ + 1) + ("" if must else "?")
                for part, must in zip(node.parts, node.required, strict=True)
            ]
            if node.more is not NEVER:
                parts.append(wrap(node.more, _SEQ + 1) + "*")
            return f"chain({wrap(node.separator, _ALT + 1)}: {' '.join(parts)})", _ATOM
        case Pick():
            return "pick(" + " | ".join(wrap(p, _ALT + 1) for p in node.parts) + ")", _ATOM
        case Machine():
            rows = "; ".join(
                f"{state}{'!' if state in node.accepting else ''}:"
                + ",".join(f"{low:x}-{high:x}>{target}" for low, high, target in row)
                for state, row in enumerate(node.rows)
            )
            return f"machine({rows})", _ATOM
        case _:
            return type(node).__name__, _ATOM


def name_text(name: str) -> str:
    """A rule's or mark's name, quoted where it could be read as something else."""
    return name if _PLAIN_NAME.fullmatch(name) else _quoted_text(name)


def show(node: Expr) -> str:
    """Canonical one-line text of an expression; equal texts mean equal expressions.

    Does not recurse: expressions may be nested deeper than Python's stack.
    """
    done: dict[Expr, tuple[str, int]] = {}
    for part in bottom_up(node):
        done[part] = _render(part, done)
    return done[node][0]


Expr.printer = show
