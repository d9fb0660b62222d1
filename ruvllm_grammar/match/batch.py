"""Masks of a batch, rows that are not known yet in parallel.

Problem. A server fills one mask per sequence before each forward pass. Most rows are known, and a known one is two
microseconds of dictionary and copy: no thread is worth that. Some are new, at tens of microseconds to milliseconds
each, in kernels that run without the interpreter's lock.

Idea. Known rows are copied at once, here. What is left is grouped by grammar, because one lock guards what a grammar
may add, and groups run side by side:

    row      0  1  2  3  4  5  6  7
    grammar  A  B  A  A  B  C  B  A
    known    x  x     x           x        copied by the caller's thread
    left           A     B  C  B           A here; B (both rows) and C in threads

Two sequences of one grammar never wait for each other in two threads, and with one grammar alone nothing is started.

Cost. Handing a group to a thread takes about 50 us: a few new rows are worth it and known ones are not, hence the
threshold.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np

from ruvllm_grammar.errors import MatchError, VocabularyError
from ruvllm_grammar.kernels.layout import I32
from ruvllm_grammar.match.matcher import Matcher

#: Rows that must be unknown before threads are asked; fewer are filled faster than handed over.
_WORTH: Final = 4

_Work = list[tuple[Matcher, I32]]


class _Pool:
    """The threads of this process, started when first needed and kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None

    def get(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="ruvllm-mask")
            return self._threads

    def forget(self) -> None:
        """A forked process has none of the threads."""
        self._lock = threading.Lock()
        self._threads = None


_POOL = _Pool()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_POOL.forget)


def fill_bitmask(matchers: Sequence[Matcher], bitmask: I32, *, threads: int | None = None) -> None:
    """Write the legal tokens of each matcher into its row, as `Matcher.fill_mask` does.

    Args:
        matchers: one for each row, of one vocabulary or of vocabularies of the same size; grammars may differ.
        bitmask: int32 `[B, ceil(V / 32)]`, as `allocate_bitmask` makes it.
        threads: how many may work, the caller's included; None takes one for each core, 1 starts none. More than one is
            used only for rows that are not known yet, of two grammars at least.

    Raises:
        MatchError: a sequence is finished. Nothing is written then.
        VocabularyError: the bitmask has another shape or dtype.
        LimitError: a row exceeds a budget; other rows may have been written.
    """
    if threads is not None and threads < 1:
        raise VocabularyError(
            f"threads={threads}: give 1 for none besides the caller's, or None for one per core"
        )
    if bitmask.dtype != np.int32 or bitmask.ndim != 2 or len(bitmask) != len(matchers):
        raise VocabularyError(
            f"{len(matchers)} matchers need a bitmask int32[{len(matchers)}, ceil(V / 32)], "
            f"got {bitmask.dtype}{list(bitmask.shape)}"
        )
    for at, matcher in enumerate(matchers):
        if matcher.is_finished:
            raise MatchError(
                f"the sequence of row {at} is finished; roll it back, or leave it out of the batch"
            )
    left: dict[int, _Work] = {}
    for matcher, row in zip(matchers, bitmask, strict=True):
        if matcher.is_known:
            matcher.fill_mask(row)
        else:
            left.setdefault(matcher.grammar_id, []).append((matcher, row))
    groups = sorted(left.values(), key=len, reverse=True)
    most = min((os.cpu_count() or 1) if threads is None else threads, len(groups))
    if most < 2 or sum(map(len, groups)) < _WORTH:
        for group in groups:
            _fill(group)
        return
    shares: list[_Work] = [[] for _ in range(most)]
    for group in groups:  # the longest first, each to whoever has least
        min(shares, key=len).extend(group)
    waiting = [_POOL.get().submit(_fill, share) for share in shares[1:]]
    try:
        _fill(shares[0])
    finally:
        for one in waiting:
            one.exception()  # a row must not be written after this call has ended
    for one in waiting:
        one.result()


def _fill(work: _Work) -> None:
    for matcher, row in work:
        matcher.fill_mask(row)
