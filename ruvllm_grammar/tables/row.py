"""A row: which tokens are legal at one place, stored once however many places and grammars share it.

184,528 masks on the way through real schemas were 7,862 distinct rows, so rows are content-addressed per
vocabulary. A row with few non-zero words keeps only those.
"""

from __future__ import annotations

import threading
import weakref

import numpy as np

from ruvllm_grammar.kernels.layout import I32

_SPARSE_WORDS = 256


class Row:
    """An immutable set of tokens.

    Attributes:
        dense: int32[W], or None when the row is sparse.
        index, value: positions (int64) and contents (int32) of the non-zero words of a sparse row.
    """

    __slots__ = ("__weakref__", "dense", "index", "value")

    def __init__(self, words: I32) -> None:
        from ruvllm_grammar.kernels.rows import sparse_words

        index = np.empty(_SPARSE_WORDS, np.int32)
        value = np.empty(_SPARSE_WORDS, np.int32)
        count = int(sparse_words(words, index, value))
        self.dense: I32 | None = None
        self.index = index[:0].astype(np.int64)
        self.value = value[:0]
        if count <= _SPARSE_WORDS:
            self.index = index[:count].astype(np.int64)
            self.value = value[:count].copy()
        else:
            self.dense = words.copy()
            self.dense.setflags(write=False)

    def copy_to(self, out: I32) -> None:
        """Overwrite `out`, int32[W]."""
        if self.dense is not None:
            out[:] = self.dense
        else:
            out.fill(0)
            out[self.index] = self.value

    @property
    def nbytes(self) -> int:
        """Bytes of the stored arrays."""
        return self.index.nbytes + self.value.nbytes if self.dense is None else self.dense.nbytes


class RowStore:
    """Rows by content. Rows live as long as some grammar's memo (or caller) holds them."""

    def __init__(self) -> None:
        self._rows: weakref.WeakValueDictionary[tuple[int, int], Row] = weakref.WeakValueDictionary()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._rows)

    def intern(self, words: I32) -> Row:
        """The row with exactly these bits. `words` is not kept."""
        from ruvllm_grammar.kernels.rows import row_hash

        key = row_hash(words)
        with self._lock:
            row = self._rows.get(key)
            if row is None:
                row = Row(words)
                self._rows[key] = row
            return row
