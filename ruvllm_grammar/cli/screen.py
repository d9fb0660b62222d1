"""What reaches a terminal: text that cannot harm it, bytes that can be read, bars only where somebody looks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

_T = TypeVar("_T")

_UNWRAPPED = 100_000  # columns where nobody looks: a pipe or a file gets every row on one line
_PICTURES = {code: 0x2400 + code for code in range(32) if code not in (9, 10)} | {127: 0x2421}


def stdout() -> Console:
    """Where answers go; wraps on terminals only."""
    return _console(to_stderr=False)


def stderr() -> Console:
    """Where errors and progress go."""
    return _console(to_stderr=True)


def _console(*, to_stderr: bool) -> Console:
    console = Console(stderr=to_stderr, highlight=False)
    if not console.is_terminal:
        console.width = _UNWRAPPED
    return console


def print_json(value: Any) -> None:
    """Print one JSON document."""
    typer.echo(json_text(value))


def json_text(value: Any) -> str:
    """A JSON document as these commands write it: on one line, in ASCII."""
    return json.dumps(value)


def print_text(text: str) -> None:
    """Print text as it is, without wrapping, terminal controls made visible."""
    typer.echo(printable(text))


def printable(text: str) -> str:
    """The text with control characters as their pictures (U+2400 ...), one for one; tabs and newlines stay.

    Surrogates, which file names that are not UTF-8 have, become U+FFFD.
    """
    return text.translate(_PICTURES).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def quoted(data: bytes) -> str:
    r"""Bytes for people: quoted text where they are printable UTF-8, `b"..."` with escapes where they are not.

    `a` with a newline becomes `"a\n"`, the first two bytes of `€` become `b"\xe2\x82"`.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return 'b"' + "".join(_escaped(chr(byte)) if byte < 128 else f"\\x{byte:02x}" for byte in data) + '"'
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    if char.isprintable():
        return char
    return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char) or (
        f"\\x{ord(char):02x}" if ord(char) < 128 else f"\\u{{{ord(char):x}}}"
    )


def table(*columns: str, right: Iterable[str] = ()) -> Table:
    """An empty table; columns named in `right` are aligned there."""
    out = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        out.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return out


def print_table(filled: Table) -> None:
    """Print a table, without the spaces that fill its last column up."""
    console = stdout()
    with console.capture() as captured:
        console.print(filled)
    lines = captured.get().splitlines()
    typer.echo("\n".join(lines if console.is_terminal else [line.rstrip() for line in lines]))


def cells(*values: object) -> list[Text]:
    """Cells of a row: plain text, never markup."""
    return [Text(printable(str(value))) for value in values]


def watched(items: Iterable[_T], *, what: str, total: int | None) -> Iterator[_T]:
    """The items, with a bar on stderr while they are worked off, if there are several and somebody looks."""
    console = stderr()
    if not console.is_terminal or total == 1:
        yield from items
        return
    with _bar(console) as progress:
        task = progress.add_task(what, total=total)
        for item in items:
            yield item
            progress.advance(task)


@contextmanager
def busy(what: str) -> Iterator[None]:
    """A spinner on stderr while something of unknown length runs, if somebody looks."""
    console = stderr()
    if not console.is_terminal:
        yield
        return
    with console.status(Text(printable(what))):
        yield


def _bar(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
