"""`ruvllm-grammar test`: is this a document of the grammar? If not, where does it cease to be, what was legal?"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from ruvllm_grammar import api
from ruvllm_grammar.cli import sources
from ruvllm_grammar.cli.expected import Expected
from ruvllm_grammar.cli.files import STDIN, read_bytes, too_long, unreadable
from ruvllm_grammar.cli.kernels import load_kernels
from ruvllm_grammar.cli.options import (
    AnyOrderOption,
    DebugOption,
    JsonOption,
    KindOption,
    LimitOption,
    SourceArgument,
    WhitespaceChoice,
    WhitespaceOption,
    limits_from,
)
from ruvllm_grammar.cli.report import NO, InputError, reported
from ruvllm_grammar.cli.screen import print_json, print_text, printable
from ruvllm_grammar.cli.vocabularies import byte_vocabulary
from ruvllm_grammar.errors import MatchError
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.match import CompiledGrammar
from ruvllm_grammar.source import caret, line_and_column

_CHUNK = 4096  # bytes at once: few enough for super-states to be dropped in between


def judge(
    source: SourceArgument,
    documents: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="DOCUMENTS", help="Files, byte for byte; .jsonl: one document a line; -: stdin."
        ),
    ] = None,
    *,
    text: Annotated[
        list[str] | None, typer.Option("--text", "-t", help="A document itself; may be repeated.")
    ] = None,
    strip: Annotated[bool, typer.Option("--strip", help="Ignore white space around each document.")] = False,
    kind: KindOption = None,
    whitespace: WhitespaceOption = WhitespaceChoice.FLEXIBLE,
    any_order: AnyOrderOption = False,
    limit: LimitOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Accept or refuse documents; a refusal says where, and what was legal there; 1 if any is refused."""
    with reported(as_json=as_json, debug=debug):
        limits = limits_from(limit)
        _require_documents(source, documents, text)
        given = sources.read(sources.one(source, kind), whitespace, limits, any_order=any_order)
        load_kernels()
        grammar = api.compile(given, byte_vocabulary(), limits=limits)
        verdicts = []
        for document in _documents(documents or [], text or [], limits):
            verdict = _judge(grammar, _stripped(document) if strip else document)
            verdicts.append(verdict.for_machines())
            if not as_json:
                print_text(str(verdict))
        refused = sum(not verdict["accepted"] for verdict in verdicts)
        if as_json:
            accepted = len(verdicts) - refused
            print_json({"documents": verdicts, "accepted": accepted, "refused": refused})
        elif len(verdicts) != 1:
            print_text(f"{len(verdicts) - refused} accepted, {refused} refused")
    if refused:
        raise typer.Exit(NO)


@dataclass(frozen=True, slots=True)
class _Document:
    """Some bytes to be judged, and what they are called."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What the grammar says of a document.

    Attributes:
        document: the document.
        offset: of the first byte that no document can have there (the length, when it ends too early); None when
            it is accepted.
        expected: what was legal there.
    """

    document: _Document
    offset: int | None = None
    expected: Expected | None = None

    def __str__(self) -> str:
        if self.offset is None:
            return f"{self.document.name}: accepted"
        data = self.document.data
        found = f"ends at byte {self.offset}" if self.offset == len(data) else f"byte {self.offset}"
        text, position = _characters(data, self.offset)
        # Newlines alone begin lines, as source.line_and_column counts them.
        return caret(self.document.name, printable(text), position, f"refused: {found}: {self.expected}")

    def for_machines(self) -> dict[str, object]:
        """The verdict as JSON values."""
        if self.offset is None or self.expected is None:
            return {"document": self.document.name, "accepted": True}
        line, column = line_and_column(*_characters(self.document.data, self.offset))
        return {
            "document": self.document.name,
            "accepted": False,
            "offset": self.offset,
            "line": line,
            "column": column,
            "found": self.document.data[self.offset] if self.offset < len(self.document.data) else None,
            "expected": {
                "bytes": list(self.expected.legal),
                "end": self.expected.end,
                "forced": self.expected.forced.decode("utf-8", "backslashreplace"),
                "text": str(self.expected),
            },
        }


def _characters(data: bytes, offset: int) -> tuple[str, int]:
    """The text of a document, broken bytes replaced, and the place in it of the character with byte `offset`."""
    before = codecs.getincrementaldecoder("utf-8")("replace").decode(data[:offset])
    return data.decode("utf-8", "replace"), len(before)


def _judge(grammar: CompiledGrammar, document: _Document) -> _Verdict:
    matcher = grammar.matcher()
    data = document.data
    at = 0
    with suppress(MatchError):  # then the bytes one by one tell which of the chunk it was
        while at < len(data):
            matcher.accept_bytes(data[at : at + _CHUNK])
            at += _CHUNK
    with suppress(MatchError):
        while at < len(data):
            matcher.accept_bytes(data[at : at + 1])
            at += 1
    if at < len(data):
        return _Verdict(document, at, Expected.at(matcher))
    if matcher.is_accepting:
        return _Verdict(document)
    return _Verdict(document, len(data), Expected.at(matcher))


def _require_documents(source: str, documents: list[str] | None, text: list[str] | None) -> None:
    if not documents and not text:
        raise InputError("no documents: name files, or give one with --text, or - for standard input")
    if [source, *(documents or ())].count(STDIN) > 1:
        raise InputError("standard input (-) can be read once; give files for the others")
    for name in documents or ():
        if name != STDIN and not Path(name).exists():
            raise InputError(f"{name}: no such file; check its name")
        if name != STDIN and Path(name).is_dir():
            raise InputError(f"{name}: a folder; name the documents in it")


def _documents(names: list[str], texts: list[str], limits: Limits) -> Iterator[_Document]:
    for i, text in enumerate(texts, 1):
        yield _Document(
            "--text" if len(texts) == 1 else f"--text {i}", text.encode("utf-8", "surrogateescape")
        )
    for name in names:
        if name.lower().endswith(".jsonl"):
            yield from _lines(name, limits)
        else:
            yield _Document("stdin" if name == STDIN else name, read_bytes(name, limits))


def _lines(name: str, limits: Limits) -> Iterator[_Document]:
    """The lines of a file as documents `name#line`; each may be as long as a file."""
    try:
        with Path(name).open("rb") as file:
            for number, line in enumerate(_bounded(file, name, limits), 1):
                yield _Document(f"{name}#{number}", line.removesuffix(b"\n").removesuffix(b"\r"))
    except OSError as error:
        raise unreadable(name, error) from error


def _bounded(file: BinaryIO, name: str, limits: Limits) -> Iterator[bytes]:
    most = 4 * limits.text
    while line := file.readline(most + 1):
        if len(line) > most:
            raise too_long(name, limits)
        yield line


def _stripped(document: _Document) -> _Document:
    return _Document(document.name, document.data.strip(b" \t\r\n"))
