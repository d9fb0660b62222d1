"""`ruvllm-grammar compile`: do these sources compile, how fast, how large do they become? And keep them, if wanted."""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ruvllm_grammar import api
from ruvllm_grammar.cli import sources
from ruvllm_grammar.cli.keeping import Keeping, Kept
from ruvllm_grammar.cli.kernels import load_kernels
from ruvllm_grammar.cli.options import (
    AnyOrderOption,
    CacheOption,
    DebugOption,
    EosOption,
    JsonOption,
    KindOption,
    LimitOption,
    SizeOption,
    VocabularyOption,
    WhitespaceChoice,
    WhitespaceOption,
    limits_from,
)
from ruvllm_grammar.cli.report import NO, InputError, described, reported
from ruvllm_grammar.cli.screen import busy, cells, print_json, print_table, print_text, table, watched
from ruvllm_grammar.cli.sources import SourceFile
from ruvllm_grammar.cli.vocabularies import load
from ruvllm_grammar.errors import RuvllmError
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.tables import allocate_bitmask
from ruvllm_grammar.vocab import Vocabulary

_SHORT = 12  # digits of a fingerprint shown to people


def compile(
    names: Annotated[
        list[str],
        typer.Argument(metavar="SOURCES", help="Files, or folders to search for .json and .regex files."),
    ],
    *,
    vocabulary: VocabularyOption,
    kind: KindOption = None,
    whitespace: WhitespaceOption = WhitespaceChoice.FLEXIBLE,
    any_order: AnyOrderOption = False,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, max=256, help="Processes to compile in.")] = 1,
    store: Annotated[
        bool, typer.Option("--store", "-s", help="Keep what is compiled in the cache; --cache implies it.")
    ] = False,
    cache: CacheOption = None,
    max_bytes: Annotated[
        int | None,
        typer.Option("--max-bytes", metavar="N", min=1, help="What the cache may hold. [default: 1 GiB]"),
    ] = None,
    walks: Annotated[
        int,
        typer.Option(
            "--walks", metavar="N", min=0, max=1000, help="Random documents to walk before storing."
        ),
    ] = 2,
    documents: Annotated[
        str | None,
        typer.Option(
            "--documents",
            "-d",
            metavar="FOLDER",
            help="Walk the documents in NAME.json or NAME.jsonl of this folder.",
        ),
    ] = None,
    eos: EosOption = None,
    size: SizeOption = None,
    limit: LimitOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Compile schemas and patterns for a vocabulary, with the first mask of each; 1 if any of them fails."""
    with reported(as_json=as_json, debug=debug):
        start = time.perf_counter()
        files = sources.find(names, kind)
        kept = Keeping.wanted(
            store=store, folder=cache, max_bytes=max_bytes, walks=walks, documents=documents
        )
        job = _Job(
            vocabulary, tuple(eos) if eos else None, size, whitespace, limits_from(limit), any_order, kept
        )
        load_kernels()  # compiled by this process, then loaded by all
        with busy(f"reading the vocabulary {Path(vocabulary).name}"):
            tokens = job.load()  # here even when other processes read it again: they could only fail badly
        rows = list(watched(_rows(files, job, tokens, jobs), what="compiling", total=len(files)))
        seconds = time.perf_counter() - start
        failed = sum(row.error is not None for row in rows)
        if as_json:
            found = {
                "sources": [_for_machines(row) for row in rows],
                "compiled": len(rows) - failed,
                "failed": failed,
                "seconds": round(seconds, 3),
            }
            print_json(found if kept is None else found | {"cache": str(kept.opened().path)})
        else:
            _show(rows)
            print_text(f"{len(rows) - failed} compiled, {failed} failed, {seconds:.1f} s")
            if kept is not None:
                print_text(f"{_counted(rows)} in {kept.opened().path}")
    if failed:
        raise typer.Exit(NO)


@dataclass(frozen=True, slots=True)
class _Job:
    """What is the same for all sources; small enough to send to a process.

    Attributes:
        vocabulary, eos, size: as on the command line.
        whitespace: what may stand between JSON tokens.
        limits: budgets.
        any_order: members of objects may come in any order.
        kept: how tables are kept; None: they are not.
    """

    vocabulary: str
    eos: tuple[int, ...] | None
    size: int | None
    whitespace: WhitespaceChoice
    limits: Limits
    any_order: bool
    kept: Keeping | None

    def load(self) -> Vocabulary:
        """Read the vocabulary and build its trie, which is no part of compiling a source."""
        vocabulary = load(self.vocabulary, eos=list(self.eos) if self.eos else None, size=self.size)
        _ = vocabulary.trie
        return vocabulary


@dataclass(frozen=True, slots=True)
class _Row:
    """What became of one source.

    Attributes:
        name: its file.
        error: why it failed, for machines; None when it did not.
        fingerprint: of the compiled grammar.
        compile_ms, mask_ms: compiling, and the first mask, in milliseconds.
        instructions: instructions emitted by then; rules that nothing has entered are not among them.
        guards: (pointer, reason) of places where liveness is not proved.
        kept: "there" for tables that were in the cache, "stored", or "lost" where they could not be written.
        states: super-states that are kept.
    """

    name: str
    error: dict[str, object] | None = None
    fingerprint: str = ""
    compile_ms: float = 0.0
    mask_ms: float = 0.0
    instructions: int = 0
    guards: tuple[tuple[str, str], ...] = ()
    kept: Kept | None = None
    states: int = 0


def _rows(files: Sequence[SourceFile], job: _Job, vocabulary: Vocabulary, jobs: int) -> Iterator[_Row]:
    """A row for each source, in order."""
    if jobs == 1 or len(files) == 1:
        for file in files:
            yield _row(file, job, vocabulary)
        return
    # Not forked: rich's progress bar is a thread, and a fork beside threads may hang.
    pool = ProcessPoolExecutor(
        min(jobs, len(files)),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_Worker.start,
        initargs=(job,),
    )
    with pool:
        try:
            yield from pool.map(_Worker.row, files)
        except BrokenProcessPool as error:
            msg = (
                "a compiling process died, for want of memory perhaps; use fewer --jobs or a smaller --limit"
            )
            raise InputError(msg) from error


class _Worker:
    """What a process of the pool keeps: the job, and the vocabulary with its tables."""

    job: _Job
    vocabulary: Vocabulary

    @classmethod
    def start(cls, job: _Job) -> None:
        cls.job = job
        cls.vocabulary = job.load()
        load_kernels()

    @classmethod
    def row(cls, file: SourceFile) -> _Row:
        return _row(file, cls.job, cls.vocabulary)


def _row(file: SourceFile, job: _Job, vocabulary: Vocabulary) -> _Row:
    try:
        source = sources.read(file, job.whitespace, job.limits, any_order=job.any_order)
        begun = time.perf_counter()
        grammar = api.compile(
            source, vocabulary, limits=job.limits, cache=None if job.kept is None else job.kept.opened()
        )
        compiled = time.perf_counter()
        grammar.matcher().fill_mask(allocate_bitmask(1, vocabulary.size)[0])
        masked = time.perf_counter()
        kept = None if job.kept is None else job.kept.keep(grammar, file)
    except RuvllmError as error:
        return _Row(file.name, error=described(error))
    except RecursionError:
        return _Row(file.name, error=described(InputError("nested too deeply; flatten it")))
    return _Row(
        file.name,
        fingerprint=grammar.fingerprint,
        compile_ms=1000 * (compiled - begun),
        mask_ms=1000 * (masked - compiled),
        instructions=grammar.tokens.machine.size,
        guards=tuple((guard.pointer, guard.reason) for guard in grammar.guards),
        kept=kept,
        states=grammar.tokens.machine.n_states,
    )


def _for_machines(row: _Row) -> dict[str, object]:
    if row.error is not None:
        return {"source": row.name, "error": row.error}
    found: dict[str, object] = {
        "source": row.name,
        "error": None,
        "fingerprint": row.fingerprint,
        "compile_ms": round(row.compile_ms, 3),
        "first_mask_ms": round(row.mask_ms, 3),
        "instructions": row.instructions,
        "guards": [{"pointer": pointer, "reason": reason} for pointer, reason in row.guards],
    }
    return found if row.kept is None else found | {"kept": row.kept, "states": row.states}


def _counted(rows: Sequence[_Row]) -> str:
    """How many tables are where."""
    found = Counter(row.kept for row in rows if row.kept is not None)
    lost = f", {found['lost']} could not be written" if found["lost"] else ""
    return f"{found['stored']} stored, {found['there']} there already{lost}"


def _show(rows: Sequence[_Row]) -> None:
    """The table, then the failures in full: their messages have lines and carets of their own."""
    numbers = ("compile ms", "mask ms", "instructions", "guards")
    out = table("source", "fingerprint", *numbers, right=numbers)
    for row in rows:
        if row.error is None:
            times = (f"{row.compile_ms:.2f}", f"{row.mask_ms:.2f}")
            out.add_row(*cells(row.name, row.fingerprint[:_SHORT], *times, row.instructions, len(row.guards)))
        else:
            out.add_row(*cells(row.name, "failed", "", "", "", ""))
    print_table(out)
    for row in rows:
        if row.error is not None:
            print_text(f"\n{row.name}: {row.error['type']}: {row.error['message']}")
        for pointer, reason in row.guards:
            print_text(f"\n{row.name}: guard at {pointer or 'the root'}: {reason}")
    print_text("")
