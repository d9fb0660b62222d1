from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import ruvllm_grammar as rg
from ruvllm_runtime import ModelMismatchError
from ruvllm_runtime.decode import masking
from ruvllm_runtime.model import byte_vocabulary

SIZES = st.integers(1, 300)


def naive_ids(row, size):
    return [i for i in range(size) if row[i >> 5] >> (i & 31) & 1]


@st.composite
def masks(draw):
    """Width, and the legal ids of a few rows."""
    size = draw(SIZES)
    legal = st.sets(st.integers(0, size - 1))
    return size, draw(st.lists(legal, min_size=1, max_size=4))


def bitmask_of(size, rows):
    return np.stack([masking.row_of(ids, size) for ids in rows])


@given(masks())
def test_row_of_sets_exactly_these_bits(case):
    size, rows = case
    for ids, row in zip(rows, bitmask_of(size, rows), strict=True):
        assert (row.dtype, row.shape) == (np.int32, (-(-size // 32),))
        assert naive_ids(row.tolist(), size) == sorted(ids)


@given(masks(), st.sampled_from(["float32", "float64", "bfloat16", "strided"]))
def test_apply_mask_equals_one_by_one(case, kind):
    size, rows = case
    bitmask = bitmask_of(size, rows)
    dtype = torch.float32 if kind == "strided" else getattr(torch, kind)
    logits = torch.randn(len(rows), size).to(dtype)
    if kind == "strided":
        logits = torch.stack([logits, logits], dim=-1)[..., 0]
    expected = logits.clone()
    for at, ids in enumerate(rows):
        for token in set(range(size)) - ids:
            expected[at, token] = -float("inf")
    masking.apply_mask(logits, bitmask)
    assert torch.equal(logits, expected)


@given(masks(), st.integers(0, 40))
def test_legal_ids_are_the_ids_unless_too_many(case, limit):
    size, rows = case
    for ids, row in zip(rows, bitmask_of(size, rows), strict=True):
        found = masking.legal_ids(row, limit=limit)
        if len(ids) > limit:
            assert found is None
        else:
            assert found is not None
            assert found.tolist() == sorted(ids)
        assert masking.is_empty(row) == (not ids)


def test_a_mask_of_another_width_is_refused():
    with pytest.raises(
        ModelMismatchError, match="the model's logits have 100 columns but the vocabulary has 96 ids"
    ):
        masking.apply_mask(torch.zeros(2, 100), rg.allocate_bitmask(2, 96))
    with pytest.raises(ModelMismatchError):
        masking.apply_mask(torch.zeros(2, 100), rg.allocate_bitmask(3, 100))


def test_free_text_is_every_token_with_bytes_and_the_stops():
    tokens = [b"a", None, b"b", b"c", None]
    vocabulary = rg.Vocabulary.from_tokens(tokens, special={3}, eos={4}, size=70)
    row = masking.free_row(vocabulary, frozenset({4}))
    assert naive_ids(row.tolist(), 70) == [0, 2, 4]
    with_special = masking.free_row(vocabulary, frozenset({3, 4}))
    assert naive_ids(with_special.tolist(), 70) == [0, 2, 3, 4]


def test_free_text_of_bytes():
    row = masking.free_row(byte_vocabulary(), frozenset({257}))
    assert naive_ids(row.tolist(), 258) == [*range(256), 257]
