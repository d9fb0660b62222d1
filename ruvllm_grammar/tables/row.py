"""A row: which tokens are legal at one place, stored once however many places and grammars share it.

184,528 masks on the way through real schemas were 7,862 distinct rows, so rows are content-addressed per
vocabulary, and what whoever applies them needs beside the bits (their number, the shorter list of ids) is worked out
once and kept with the row. A row with few non-zero words keeps only those.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from ruvllm_grammar.kernels.layout import I32

#: What a row was made of: two words of a hash, and whether the end tokens are in it.
RowKey = tuple[int, int, int]
#: See `kernels.rows.sealed`: non-zero words, their places, hash and numbers.
Parts = tuple[I32, npt.NDArray[np.int64], tuple[int, ...]]
Form = Literal["few", "most", "bits"]

#: Rows of at most this many legal tokens list them.
FEW: Final = 4096
#: Rows of at most this many illegal tokens list those.
MOST: Final = 8192
_SPARSE_WORDS: Final = 256
_MANY: Final = 1024
_KEYS: Final = 1 << 15  # names of rows kept before all are forgotten
_NOTHING: Final = np.empty(0, np.int32)
_NOTHING.setflags(write=False)
_NOWHERE: Final = np.empty(0, np.int64)


def sealed_parts(words: I32, ids: I32) -> Parts:
    """Set the bits of `ids`; what a row of these words is made of."""
    from ruvllm_grammar.kernels.rows import sealed  # numba loads on first use, not on import

    value, index = np.empty(_SPARSE_WORDS, np.int32), np.empty(_SPARSE_WORDS, np.int64)
    return value, index, sealed(words, ids, value, index)


def set_bits(words: I32, ids: I32) -> None:
    """Set the bits of tokens, in place."""
    if len(ids) > _MANY:  # twice as fast from a thousand on
        held = np.zeros(32 * len(words), np.bool_)
        held[ids] = True
        np.bitwise_or(words, np.packbits(held, bitorder="little").view("<i4"), out=words)
        return
    np.bitwise_or.at(words, ids >> 5, np.int32(1) << (ids & 31))


def without_bits(words: I32, ids: I32) -> I32:
    """A copy with the bits of tokens cleared; `words` itself for no tokens."""
    if not len(ids):
        return words
    out = words.copy()
    np.bitwise_and.at(out, ids >> 5, ~(np.int32(1) << (ids & 31)))
    return out


class Row:
    """An immutable set of tokens of a vocabulary.

    Args:
        words: int32[ceil(size / 32)], bit `i & 31` of word `i >> 5` for token `i`; bits from `size` on are zero. Not
            kept.
        size: tokens of the vocabulary, V.
        parts: of `sealed_parts`, where they are known.

    Attributes:
        size: V.
        count: number of legal tokens.
        form: what `ids` lists: "few" the legal tokens (at most 4,096), "most" the illegal ones (at most 8,192), "bits"
            nothing.
        nbytes: bytes held when `ids` was asked for.
    """

    __slots__ = ("_dense", "_ids", "_index", "_value", "count", "form", "nbytes", "size")

    def __init__(self, words: I32, size: int, *, parts: Parts | None = None) -> None:
        value, index, sealed = parts or sealed_parts(words, _NOTHING)
        _, _, count, places = sealed
        self.size = size
        self.count = count
        self.form: Form = "few" if count <= FEW else "most" if size - count <= MOST else "bits"
        self._dense: I32 | None = None
        self._index: npt.NDArray[np.int64] = _NOWHERE
        self._value = _NOTHING
        self._ids: I32 | None = None
        if places <= _SPARSE_WORDS:
            self._index = index[:places].copy()
            self._value = value[:places].copy()
            held = 12 * places
        else:
            self._dense = words.copy()
            self._dense.setflags(write=False)
            held = words.nbytes
        self.nbytes = held + 4 * (count if self.form == "few" else size - count if self.form == "most" else 0)

    @property
    def ids(self) -> I32:
        """int32, ascending, read-only: what `form` says. Worked out when first asked for."""
        if self._ids is None:
            self._ids = self._listed()
            self._ids.setflags(write=False)
        return self._ids

    def __contains__(self, token: int) -> bool:
        if not 0 <= token < self.size:
            return False
        word = token >> 5
        if self._dense is not None:
            return bool(self._dense.item(word) >> (token & 31) & 1)
        at = int(np.searchsorted(self._index, word))
        held = at < len(self._index) and self._index.item(at) == word
        return bool(held and self._value.item(at) >> (token & 31) & 1)

    def copy_to(self, out: I32) -> None:
        """Overwrite `out`, int32[ceil(V / 32)]."""
        if self._dense is not None:
            out[:] = self._dense
        else:
            out.fill(0)
            out[self._index] = self._value

    def without(self, ids: I32) -> Row:
        """The row less some tokens; itself when it holds none of them.

        Args:
            ids: int32, tokens in any order, of this vocabulary; the row need not hold them.
        """
        if not len(ids):
            return self
        words = np.empty((self.size + 31) // 32, np.int32)
        self.copy_to(words)
        gone = np.unique(ids[(words[ids >> 5] >> (ids & 31)) & 1 != 0])
        if not len(gone):
            return self
        left = Row(without_bits(words, gone), self.size)
        if self._ids is not None and left.form == self.form != "bits":
            at = np.searchsorted(self._ids, gone)
            ids = np.delete(self._ids, at) if self.form == "few" else np.insert(self._ids, at, gone)
            ids.setflags(write=False)
            left._ids = ids
        return left

    def _listed(self) -> I32:
        if self.form == "bits":
            return _NOTHING
        if self._dense is None and self.form == "few":
            place, bit = np.nonzero(_bits(self._value).reshape(-1, 32))
            return (self._index[place] * 32 + bit).astype(np.int32)
        words = np.empty((self.size + 31) // 32, np.int32)
        self.copy_to(words)
        wanted = words if self.form == "few" else ~words
        return np.flatnonzero(_bits(wanted)[: self.size]).astype(np.int32)


def _bits(words: I32) -> npt.NDArray[np.uint8]:
    """uint8[32 n]: the bits of `n` words, lowest first."""
    return np.unpackbits(words.astype("<i4", copy=False).view(np.uint8), bitorder="little")


class RowStore:
    """Rows by content and by key, the least recently used ones dropped above `max_bytes`; users keep what they have.

    A *key* is a hash of what a row was made of (`kernels.gather`). Equal keys mean equal rows; equal rows may have many
    keys.

    Args:
        size: tokens of the vocabulary.
        max_bytes: bound on the bytes of kept rows.
    """

    def __init__(self, size: int, *, max_bytes: int = 24 << 20) -> None:
        self._size = size
        self._max_bytes = max_bytes
        self._bytes = 0
        self._rows: OrderedDict[tuple[int, int], Row] = OrderedDict()
        self._named: dict[RowKey, tuple[int, int]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._rows)

    def find(self, key: RowKey) -> Row | None:
        """The row with a key, if it is known."""
        content = self._named.get(key)
        if content is None:
            return None
        with self._lock:
            row = self._rows.get(content)
            if row is not None:
                self._rows.move_to_end(content)
            return row

    def intern(self, words: I32, ids: I32, *, key: RowKey | None = None) -> Row:
        """The row of these bits and ids, from now on known by `key`, too.

        Args:
            words: int32[W]; overwritten, but not kept.
            ids: int32, tokens.
            key: what they were made of.
        """
        parts = sealed_parts(words, ids)
        content = parts[2][0], parts[2][1]
        with self._lock:
            if key is not None:
                if len(self._named) >= _KEYS:
                    self._named.clear()
                self._named[key] = content
            row = self._rows.get(content)
            if row is None:
                row = self._rows[content] = Row(words, self._size, parts=parts)
                self._bytes += row.nbytes
                while self._bytes > self._max_bytes and len(self._rows) > 1:
                    self._bytes -= self._rows.popitem(last=False)[1].nbytes
            else:
                self._rows.move_to_end(content)
            return row
