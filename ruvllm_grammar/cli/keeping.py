"""How `compile` keeps what it compiled: which cache, and what is walked before, so that masks are known as well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from ruvllm_grammar.cli.cache import opened
from ruvllm_grammar.cli.files import read_bytes
from ruvllm_grammar.cli.report import InputError
from ruvllm_grammar.cli.sources import SourceFile
from ruvllm_grammar.cli.walking import explore
from ruvllm_grammar.kernels import layout
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.match import CompiledGrammar
from ruvllm_grammar.store import TableCache, default_path

Kept = Literal["there", "stored", "lost"]


@lru_cache(maxsize=1)
def _opened(folder: str, max_bytes: int | None) -> TableCache:
    return opened(folder, max_bytes)


@dataclass(frozen=True, slots=True)
class Keeping:
    """What is the same for all sources; small enough to send to a process.

    Attributes:
        folder: of the cache; None: the default one.
        max_bytes: what the cache may hold; None: the default.
        walks: random documents to walk.
        documents: folder of documents to walk, or None.
    """

    folder: str | None
    max_bytes: int | None
    walks: int
    documents: str | None

    @classmethod
    def wanted(
        cls, *, store: bool, folder: str | None, max_bytes: int | None, walks: int, documents: str | None
    ) -> Keeping | None:
        """As the command line says; None where nothing is kept.

        Raises:
            InputError: the folder of documents is none, or documents are given and nothing is kept.
        """
        if not store and folder is None:
            if documents is not None or max_bytes is not None:
                raise InputError(
                    "--documents and --max-bytes are about a cache: name one with --cache, or say --store"
                )
            return None
        if documents is not None and not Path(documents).is_dir():
            raise InputError(f"{documents}: no such folder; check its name")
        return cls(None if folder is None else str(Path(folder).absolute()), max_bytes, walks, documents)

    def opened(self) -> TableCache:
        """The cache, one for each process."""
        return _opened(str(default_path()) if self.folder is None else self.folder, self.max_bytes)

    def keep(self, grammar: CompiledGrammar, file: SourceFile) -> Kept:
        """Walk a grammar and store it, unless that was done before.

        Raises:
            InputError: a document cannot be read.
        """
        machine = grammar.tokens.machine
        if (
            machine.is_dormant
            and (self.documents is None)
            and (not self.walks or machine.arena.head[layout.HAS_DISTANCE])
        ):
            return "there"
        explore(grammar, walks=self.walks, documents=self._documents_of(file))
        return "stored" if self.opened().store(grammar) else "lost"

    def _documents_of(self, file: SourceFile) -> Iterator[bytes]:
        if self.documents is None:
            return
        stem = Path(file.name).stem
        for name in (f"{stem}.json", f"{stem}.jsonl"):
            path = Path(self.documents, name)
            if path.is_file():
                data = read_bytes(str(path), Limits())
                yield from data.splitlines() if name.endswith("l") else (data.rstrip(b"\r\n"),)
