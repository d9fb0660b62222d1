"""Sources named on the command line: which files, what they hold, and their text."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ruvllm_grammar.api import JsonSchema, Regex, Source
from ruvllm_grammar.cli.files import STDIN, read_text, shown
from ruvllm_grammar.cli.options import Kind, WhitespaceChoice
from ruvllm_grammar.cli.report import InputError
from ruvllm_grammar.limits import Limits

_KINDS = {".json": Kind.SCHEMA, ".regex": Kind.REGEX}
_ENDINGS = " or ".join(_KINDS)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that holds a source.

    Attributes:
        name: its path as given, or found below a folder as given; `-` is standard input.
        kind: what it holds.
    """

    name: str
    kind: Kind


def one(name: str, kind: Kind | None) -> SourceFile:
    """The source of a command that takes one.

    Raises:
        InputError: there is no such file, it is a folder, or its name does not tell its kind.
    """
    if name != STDIN and Path(name).is_dir():
        raise InputError(f"{name}: a folder; this command takes one file")
    return _named(name, kind)


def find(names: Sequence[str], kind: Kind | None) -> list[SourceFile]:
    """The sources of a command that takes files and folders, each once, folders searched in order of names.

    Raises:
        InputError: as `one`, or a folder holds no source.
    """
    found: dict[str, SourceFile] = {}
    for name in names:
        if name != STDIN and Path(name).is_dir():
            below = _below(name, kind)
            if not below:
                raise InputError(f"{name}: no file in this folder ends with {_ENDINGS}; name the files")
            found |= {source.name: source for source in below}
        else:
            found[name] = _named(name, kind)
    return list(found.values())


def read(
    file: SourceFile, whitespace: WhitespaceChoice, limits: Limits, *, any_order: bool = False
) -> Source:
    """The source in a file. A pattern ends before the newline that editors put at the end of a file.

    Raises:
        InputError: it cannot be read, or is not UTF-8.
        LimitError: it is longer than `Limits.text`.
    """
    text = read_text(file.name, limits)
    if file.kind is Kind.SCHEMA:
        return JsonSchema(text, whitespace=whitespace.value, any_order=any_order)
    return Regex(text[:-2] if text.endswith("\r\n") else text.removesuffix("\n"))


def _named(name: str, kind: Kind | None) -> SourceFile:
    if name != STDIN and not Path(name).exists():
        raise InputError(f"{name}: no such file; check its name")
    kind = kind or _KINDS.get(Path(name).suffix.lower())
    if kind is None:
        choices = " or ".join(f"--kind {kind}" for kind in Kind)
        raise InputError(
            f"{shown(name)}: its name does not end with {_ENDINGS}; say what it holds with {choices}"
        )
    return SourceFile(name, kind)


def _below(folder: str, kind: Kind | None) -> list[SourceFile]:
    """Source files below a folder. Hidden ones, and folders behind symbolic links, are left out."""
    found = []
    for here, folders, names in os.walk(folder, onerror=_cannot_list):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            known = _KINDS.get(Path(name).suffix.lower())
            if known is not None and not name.startswith("."):
                found.append(SourceFile(str(Path(here, name)), kind or known))
    return found


def _cannot_list(error: OSError) -> None:
    raise InputError(f"{error.filename}: cannot be listed: {error.strerror}; check its rights") from error
