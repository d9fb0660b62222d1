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


def naive_ids(row):
    words = rg.allocate_bitmask(1, row.size)[0]
    row.copy_to(words)
    return [i for i in range(row.size) if words[i >> 5] >> (i & 31) & 1]


@st.composite
def masks(draw):
    """Width, and the legal ids of a few rows."""
    size = draw(SIZES)
    legal = st.sets(st.integers(0, size - 1))
    return size, draw(st.lists(legal, min_size=1, max_size=4))


def rows_of(size, rows):
    return [masking.row_of(ids, size) for ids in rows]


def naive_applied(logits, rows):
    expected = logits.clone()
    for at, row in enumerate(rows):
        for token in set(range(row.size)) - set(naive_ids(row)):
            expected[at, token] = -float("inf")
    return expected


@given(masks())
def test_row_of_sets_exactly_these_bits(case):
    size, rows = case
    for ids, row in zip(rows, rows_of(size, rows), strict=True):
        assert (row.size, row.count, naive_ids(row)) == (size, len(ids), sorted(ids))


@given(masks(), st.sampled_from(["float32", "float64", "float16", "bfloat16", "strided"]))
def test_apply_rows_equals_one_by_one(case, kind):
    size, rows = case[0], rows_of(*case)
    dtype = torch.float32 if kind == "strided" else getattr(torch, kind)
    logits = torch.randn(len(rows), size).to(dtype)
    if kind == "strided":
        logits = torch.stack([logits, logits], dim=-1)[..., 0]
    expected = naive_applied(logits, rows)
    masking.apply_rows(logits, rows)
    assert torch.equal(logits, expected)


@pytest.mark.parametrize("share", [0.001, 0.03, 0.3, 0.7, 0.97, 0.999, 0.0, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_every_form_of_a_wide_row(share, dtype):
    """Widths where rows list their legal ids, their illegal ids, or neither."""
    size = 40_001
    legal = np.random.default_rng(1).random(size) < share
    row = masking.row_of(np.flatnonzero(legal), size)
    assert row.form == {0.3: "bits", 0.7: "bits"}.get(share, "few" if share < 0.5 else "most")
    logits = torch.randn(1, size).to(dtype)
    expected = logits.clone()
    expected[0, torch.from_numpy(~legal)] = -float("inf")
    if row.form == "few":
        assert torch.equal(masking.gather(logits[0], row), logits[0][torch.from_numpy(legal)])
    masking.apply_rows(logits, [row])
    assert torch.equal(logits, expected)


@given(masks())
def test_gathered_logits_are_those_of_the_ids(case):
    size, rows = case[0], rows_of(*case)
    logits = torch.randn(size)
    for row in rows:
        assert masking.gather(logits, row).tolist() == [float(logits[i]) for i in naive_ids(row)]


def test_index_tensors_are_bounded_and_kept_in_use():
    kept = masking.Resident(torch.device("cpu"), most_bytes=8 * 30)
    rows = [masking.row_of(range(at, at + 10), 500) for at in range(0, 100, 10)]
    first = kept.ids(rows[0])
    assert first[0].tolist() == list(range(10))
    assert first[1]
    for row in rows:
        kept.ids(row)
        assert kept.ids(rows[0])[0] is first[0]  # used again and again: it stays
        assert len(kept) <= 3
    huge = masking.row_of(range(100), 500)
    assert len(kept.ids(huge)[0]) == 100  # larger than all of it: the only one
    assert len(kept) == 1


def test_a_row_of_another_width_is_refused():
    logits = torch.zeros(2, 100)
    narrow, right = masking.row_of([1], 96), masking.row_of([1], 100)
    with pytest.raises(
        ModelMismatchError, match="the model's logits have 100 columns but the vocabulary has 96 ids"
    ):
        masking.apply_rows(logits, [right, narrow])
    with pytest.raises(ModelMismatchError):
        masking.gather(logits[0], narrow)
    with pytest.raises(ModelMismatchError, match="2 rows of logits need as many rows of tokens, not 3"):
        masking.apply_rows(logits, [right] * 3)


def test_free_text_is_every_token_with_bytes_and_the_stops():
    tokens = [b"a", None, b"b", b"c", None]
    vocabulary = rg.Vocabulary.from_tokens(tokens, special={3}, eos={4}, size=70)
    assert naive_ids(masking.free_row(vocabulary, frozenset({4}))) == [0, 2, 4]
    assert naive_ids(masking.free_row(vocabulary, frozenset({3, 4}))) == [0, 2, 3, 4]


def test_free_text_of_bytes():
    row = masking.free_row(byte_vocabulary(), frozenset({257}))
    assert naive_ids(row) == [*range(256), 257]
