from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ruvllm_grammar.kernels.rows import apply_rows, row_hash, rows_within

WORDS = hnp.arrays(np.int32, st.integers(1, 12), elements=st.integers(-(2**31), 2**31 - 1))


@given(WORDS, st.integers(0, 11), st.integers(0, 31))
def test_row_hash_sees_every_bit(row, word, bit):
    changed = row.copy()
    changed[word % len(row)] ^= np.array(1 << bit, np.uint32).view(np.int32)
    assert row_hash(row) != row_hash(changed)
    assert row_hash(row) == row_hash(row.copy())


@given(hnp.arrays(np.int32, st.integers(1, 80), elements=st.integers(-1, 9)), st.integers(0, 9))
def test_rows_within_equals_a_comparison(need, room):
    row = np.zeros((len(need) + 31) // 32, np.int32)
    rows_within(need, room, row)
    assert [(int(row[i >> 5]) >> (i & 31)) & 1 for i in range(len(need))] == [
        int(0 <= n <= room) for n in need
    ]


@given(st.integers(1, 3), st.integers(1, 100), st.randoms(use_true_random=False))
def test_apply_rows_equals_a_where(batch, size, random):
    logits = np.array([[random.random() for _ in range(size)] for _ in range(batch)], np.float32)
    allowed = np.array([[random.random() < 0.5 for _ in range(size)] for _ in range(batch)])
    rows = np.zeros((batch, (size + 31) // 32), np.int32)
    for b, i in zip(*np.nonzero(allowed), strict=True):
        rows[b, i >> 5] |= np.array(1 << (i & 31), np.uint32).view(np.int32)
    expected = np.where(allowed, logits, -np.inf).astype(np.float32)
    apply_rows(logits, rows)
    assert np.array_equal(logits, expected)
