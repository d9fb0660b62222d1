"""`TableCache`: compiled tables on disk, found again by whoever compiles the same source.

A hit reads no schema: the file's arrays become a running machine (`program.image`), its rows are found by super-state
(`tables.saved`), and the source is read only when a document goes where nobody went before. A miss is always quiet: a
reason in the log and in `TableCache.stats`, and the source is compiled as if there were no cache.

```text
<path>/<vocabulary>/grammars/<key>.tables      one grammar, see `store.grammars`
<path>/<vocabulary>/rows/<time>-<pid>.segment  rows that grammars share, see `store.segments`
```
"""

from __future__ import annotations

import logging
import os
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from ruvllm_grammar import ir
from ruvllm_grammar.errors import CacheError
from ruvllm_grammar.kernels.layout import I32
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.program import Image, Machine
from ruvllm_grammar.store.container import pack, unpack
from ruvllm_grammar.store.folder import Folder
from ruvllm_grammar.store.grammars import Facts, restored, sections_of
from ruvllm_grammar.store.keys import compiler_digest, grammar_key
from ruvllm_grammar.store.segments import SUFFIX, Key, Segment, Segments
from ruvllm_grammar.tables import Known, SavedRows
from ruvllm_grammar.vocab import Vocabulary

logger = logging.getLogger("ruvllm_grammar.store")

ENVIRONMENT: Final = "RUVLLM_CACHE_DIR"
TABLES: Final = ".tables"
_SHORT: Final = 16  # digits of a vocabulary's fingerprint that name its folder


@dataclass(slots=True)
class CacheStats:
    """What a cache has done since it was made.

    Attributes:
        hits: grammars taken from disk.
        misses: grammars that were not, by reason: "absent", "cut short", "damaged", "foreign".
        rows: rows taken from disk.
        lost_rows: rows that a grammar's file names and no segment has (any more); they are computed again.
        written: grammars written.
        failed: files that could not be written.
        evicted: files deleted to stay within `max_bytes`.
    """

    hits: int = 0
    misses: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    lost_rows: int = 0
    written: int = 0
    failed: int = 0
    evicted: int = 0


class _Tokens(Protocol):
    machine: Machine

    def learned(self) -> list[Known]:
        """What is known of super-states."""

    def taken(self) -> dict[tuple[int, int], int]:
        """Super-states by super-state and token, of all steps that were taken."""


class Storable(Protocol):
    """A compiled grammar, as far as it is kept."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokens it constrains."""

    @property
    def tokens(self) -> _Tokens:
        """The running program."""

    @property
    def identity(self) -> bytes | None:
        """Its source with all options; None: built by hand."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A grammar from disk.

    Attributes:
        facts: what it answers without its program.
        image: of its machine.
        rows: of its super-states.
    """

    facts: Facts
    image: Image
    rows: SavedRows


def default_path() -> Path:
    """`RUVLLM_CACHE_DIR` if it is set, else `tables` in the user's cache folder for this project."""
    given = os.environ.get(ENVIRONMENT)
    if given:
        return Path(given)
    from platformdirs import user_cache_path

    return user_cache_path("ruvllm") / "tables"


class TableCache:
    """Compiled tables in a folder. Safe for threads, and for any number of processes at once.

    Args:
        path: the folder, made when first written to. Default: `RUVLLM_CACHE_DIR`, or `tables` in the user's cache
            folder for this project.
        max_bytes: files not used for longest are deleted above this.

    Raises:
        CacheError: `max_bytes` is not positive.
    """

    def __init__(self, path: str | Path | None = None, *, max_bytes: int = 1 << 30) -> None:
        if max_bytes <= 0:
            raise CacheError(f"max_bytes={max_bytes} leaves no room: give the bytes that the cache may hold")
        self.folder = Folder(
            Path(path) if path is not None else default_path(), max_bytes=max_bytes, suffixes=(TABLES, SUFFIX)
        )
        self._stats = CacheStats()
        self._compiler = compiler_digest()
        self._rows: dict[str, Segments] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"TableCache({str(self.folder.path)!r}, max_bytes={self.folder.max_bytes})"

    @property
    def path(self) -> Path:
        """The folder."""
        return self.folder.path

    @property
    def stats(self) -> CacheStats:
        """Counts so far; a snapshot."""
        with self._lock:
            now = self._stats
            return CacheStats(
                now.hits, Counter(now.misses), now.rows, now.lost_rows, now.written, self.folder.failures,
                self.folder.evicted,
            )  # fmt: skip

    def load(self, identity: bytes, limits: Limits, vocabulary: Vocabulary) -> Loaded | None:
        """What is kept of a grammar; None, with the reason logged and counted, when that is nothing.

        Args:
            identity: the source with all its options.
            limits: budgets.
            vocabulary: the tokens to constrain.
        """
        name = self._name(identity, limits, vocabulary)
        data = self.folder.map(name)
        if data is None:
            self._missed("absent", name, logging.DEBUG)
            return None
        try:
            sections = unpack(data, self._compiler)
            facts, image, rows = restored(sections, vocabulary.words, self._shared(vocabulary))
        except CacheError as error:
            self._missed(str(error), name, logging.WARNING)
            return None
        with self._lock:
            self._stats.hits += 1
        return Loaded(facts, image, rows)

    def _missed(self, reason: str, name: str, level: int) -> None:
        logger.log(level, "%s: %s", name, reason)
        with self._lock:
            self._stats.misses[reason.partition(":")[0]] += 1

    def store(self, grammar: Storable) -> bool:
        """Write a compiled grammar with all that it has learned; whether it is on disk now.

        `compile` does this once, right after compiling. Do it again after use, and the next process knows the rows and
        transitions that were met since. A grammar that outgrew `Limits.super_states` is not kept.

        Raises:
            CacheError: the grammar was not made by `compile`, so nothing could find it again.
        """
        if grammar.identity is None:
            raise CacheError("a grammar built by hand has no source to be found by; make it with compile()")
        tokens = grammar.tokens
        with tokens.machine.lock:
            known, steps = tokens.learned(), tokens.taken()
            ends = {state for state, _ in steps}.union(steps.values())
            image = tokens.machine.image(ends.union(one.state for one in known))
        if image is None:
            logger.debug("not kept: it outgrew Limits.super_states")
            return False
        sections, shared = sections_of(Facts.of(tokens.machine.grammar), image, known, steps)
        if shared and not self._segments(grammar.vocabulary).add(shared):
            return False
        name = self._name(grammar.identity, tokens.machine.limits, grammar.vocabulary)
        done = self.folder.write(name, pack(self._compiler, sections))
        if done:
            with self._lock:
                self._stats.written += 1
        return done

    def examine(self, path: Path) -> str | None:
        """What is wrong with one of the folder's files, as a reason; None when nothing is."""
        data = self.folder.map(str(path), touch=False)
        if data is None:
            return "absent"
        try:
            if path.suffix == SUFFIX:
                lost = Segment(data, self._compiler).damaged()
                return f"damaged: {lost} items" if lost else None
            restored(unpack(data, self._compiler), 0, lambda _: None)
        except CacheError as error:
            return str(error)
        return None

    def _name(self, identity: bytes, limits: Limits, vocabulary: Vocabulary) -> str:
        key = grammar_key(identity, limits, vocabulary.fingerprint)
        return f"{vocabulary.fingerprint[:_SHORT]}/grammars/{key}{TABLES}"

    def _segments(self, vocabulary: Vocabulary) -> Segments:
        with self._lock:
            found = self._rows.get(vocabulary.fingerprint)
            if found is None:
                below = f"{vocabulary.fingerprint[:_SHORT]}/rows"
                found = self._rows[vocabulary.fingerprint] = Segments(self.folder, below, self._compiler)
            return found

    def _shared(self, vocabulary: Vocabulary) -> _SharedRows:
        return _SharedRows(self, self._segments(vocabulary))

    def count_row(self, *, found: bool) -> None:
        """For `stats`."""
        with self._lock:
            self._stats.rows += found
            self._stats.lost_rows += not found


class _SharedRows:
    """Packed rows from a vocabulary's segments."""

    def __init__(self, cache: TableCache, segments: Segments) -> None:
        self._cache = cache
        self._segments = segments

    def __call__(self, key: Key) -> I32 | None:
        found = self._segments.find(key)
        self._cache.count_row(found=found is not None)
        return found


def deferred(loaded: Loaded, read: ir.Read) -> ir.Grammar:
    """The grammar of a loaded file: it answers what it can, and reads the source when asked for a rule."""
    facts = loaded.facts
    return ir.DeferredGrammar(facts.start, read, key=facts.key, guards=facts.guards, lenient=facts.lenient)
