"""A row against a set of ids."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruvllm_grammar.tables.row import FEW, MOST, Row, RowStore

SIZES = (1, 31, 32, 33, 400, FEW + MOST + 77, 40_001)


def packed(ids, size: int) -> np.ndarray:
    words = np.zeros((size + 31) // 32, np.int32)
    for i in ids:
        words[i >> 5] |= np.array(1 << (i & 31), np.uint32).view(np.int32)
    return words


def members(row: Row) -> set[int]:
    out = np.full((row.size + 31) // 32, 99, np.int32)
    row.copy_to(out)
    return set(np.flatnonzero(np.unpackbits(out.view(np.uint8), bitorder="little")).tolist())


@st.composite
def sets(draw) -> tuple[int, set[int]]:
    """A vocabulary's size, and ids: few, nearly all, or about half of them."""
    size = draw(st.sampled_from(SIZES))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    share = draw(st.sampled_from([0.0, 0.01, 0.5, 0.99, 1.0]))
    return size, set(np.flatnonzero(random.random(size) < share).tolist())


def is_like(row: Row, size: int, ids: set[int]) -> None:
    """Everything a row says about itself."""
    illegal = size - len(ids)
    assert members(row) == ids
    assert (row.count, row.size) == (len(ids), size)
    assert row.form == ("few" if len(ids) <= FEW else "most" if illegal <= MOST else "bits")
    listed = {"few": ids, "most": set(range(size)) - ids, "bits": set()}[row.form]
    assert row.ids.dtype == np.int32
    assert row.ids.tolist() == sorted(listed)
    assert row.ids is row.ids
    assert not row.ids.flags.writeable


@settings(max_examples=60, deadline=None)
@given(sets())
def test_a_row_is_the_set_it_was_made_of(case):
    size, ids = case
    words = packed(ids, size)
    row = Row(words, size)
    words[:] = 77  # not kept
    is_like(row, size, ids)
    for token in {-1, 0, size - 1, size, *sorted(ids)[:40]}:
        assert (token in row) == (token in ids)


@settings(max_examples=80, deadline=None)
@given(sets(), st.data(), st.booleans())
def test_without_is_set_difference(case, data, listed_before):
    size, ids = case
    row = Row(packed(ids, size), size)
    if listed_before:
        assert len(row.ids) <= max(FEW, MOST)
    near = st.sampled_from(sorted(ids)) if ids else st.integers(0, size - 1)
    gone = data.draw(st.lists(st.one_of(near, st.integers(0, size - 1)), max_size=12))
    left = row.without(np.array(gone, np.int32))
    is_like(left, size, ids - set(gone))
    assert (left is row) == ids.isdisjoint(gone)
    is_like(row, size, ids)


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 300])
def test_few_words_are_kept_alone(count):
    words = np.zeros(4000, np.int32)
    words[:count] = 2
    row = Row(words, 128_000)
    is_like(
        row, 128_000, set(np.flatnonzero(np.unpackbits(words.view(np.uint8), bitorder="little")).tolist())
    )
    assert (row.nbytes - 4 * row.count < 16_000) == (count <= 256)


def test_the_store_shares_rows_by_content_and_drops_the_oldest():
    size = 32 * 400
    store = RowStore(size, max_bytes=10_000)
    words = np.full(400, 1, np.int32)
    none = np.empty(0, np.int32)
    first = store.intern(words, none)
    assert store.intern(words.copy(), none, key=(1, 2, 0)) is first
    assert store.find((1, 2, 0)) is first
    assert store.find((1, 2, 1)) is None
    for i in range(20):
        words[0] = i + 2
        assert store.intern(words, none) is not first
    assert len(store) == 10_000 // first.nbytes
    assert store.find((1, 2, 0)) is None
    is_like(store.intern(np.full(400, 1, np.int32), none), size, set(range(0, size, 32)))
