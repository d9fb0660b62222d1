from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ruvllm_grammar.kernels.rows import apply_rows, rows_within, sealed

WORDS = hnp.arrays(np.int32, st.integers(1, 12), elements=st.integers(-(2**31), 2**31 - 1))


def seal(row, ids=(), room=16):
    value, index = np.zeros(room, np.int32), np.zeros(room, np.int64)
    *hashed, count, places = sealed(row, np.array(ids, np.int32), value, index)
    held = list(zip(index[:places].tolist(), value[:places].tolist(), strict=True))
    return hashed, count, places, held


@given(WORDS, st.data())
def test_sealing_adds_ids_and_tells_what_the_row_holds(row, data):
    ids = data.draw(st.lists(st.integers(0, 32 * len(row) - 1), max_size=8))
    expected = row.copy()
    for i in ids:
        expected[i >> 5] |= np.array(1 << (i & 31), np.uint32).view(np.int32)
    _, count, _, held = seal(row, ids)
    assert np.array_equal(row, expected)
    assert count == int(np.bitwise_count(expected.view(np.uint32)).sum())
    assert held == [(i, int(v)) for i, v in enumerate(expected) if v]


def test_sealing_lists_as_many_words_as_fit():
    _, _, places, _ = seal(np.ones(2, np.int32), room=2)
    assert places == 2
    value, index = np.zeros(2, np.int32), np.zeros(2, np.int64)
    assert sealed(np.ones(9, np.int32), np.empty(0, np.int32), value, index)[3] == 3
    assert (value.tolist(), index.tolist()) == ([1, 1], [0, 1])


@given(WORDS, st.integers(0, 11), st.integers(0, 31))
def test_the_hash_sees_every_bit(row, word, bit):
    changed = row.copy()
    changed[word % len(row)] ^= np.array(1 << bit, np.uint32).view(np.int32)
    assert seal(row)[0] != seal(changed)[0]
    assert seal(row)[0] == seal(row.copy())[0]


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
