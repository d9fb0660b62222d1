"""The boolean operations against derivatives, one text at a time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import expressions
from reference.brzozowski import has

from ruvllm_grammar import ir
from ruvllm_grammar.automata.alphabet import Alphabet
from ruvllm_grammar.automata.construct import construct
from ruvllm_grammar.automata.product import complement, draft_of, is_disjoint, is_empty_between
from ruvllm_grammar.errors import LimitError

LIMIT = 10_000


@given(expressions.regular(max_leaves=6), expressions.texts())
def test_complement(e, text):
    result = complement(draft_of(construct(e, LIMIT), Alphabet())).trimmed().freeze()
    assert result.matches(text) != has(e, [ord(c) for c in text])


@given(expressions.regular(max_leaves=4), expressions.regular(max_leaves=4))
def test_disjoint_means_that_the_intersection_is_empty(a, b):
    alphabet = Alphabet()
    one, two = (draft_of(construct(e, LIMIT), alphabet) for e in (a, b))
    assert is_disjoint(one, two, LIMIT) == construct(ir.both(a, b), LIMIT).is_empty


@given(
    st.lists(expressions.regular(max_leaves=4, boolean=False), min_size=1, max_size=3),
    st.lists(expressions.regular(max_leaves=4, boolean=False), max_size=2),
)
def test_empty_between_means_that_the_difference_is_empty(inside, outside):
    whole = construct(ir.both(*inside, *(ir.complement(e) for e in outside)), LIMIT)
    parts = ([construct(e, LIMIT) for e in each] for each in (inside, outside))
    assert is_empty_between(*parts, LIMIT) == whole.is_empty


def test_a_language_with_strings_is_seen_to_have_one_in_few_steps():
    """A text of 300 characters beside a pattern: as many tuples as characters, not as many as there are texts."""
    word = construct(ir.seq(ir.ANY_TEXT, ir.literal("ab"), ir.ANY_TEXT), LIMIT)
    long, other = (construct(ir.repeat(ir.ANY_CHAR, n, n), LIMIT) for n in (300, 299))
    assert not is_empty_between([word, long], [other], 1_000)
    with pytest.raises(LimitError):
        is_empty_between([word, long, other], [], 100)
    assert is_empty_between([word, long, other], [], 10_000)


def test_pairs_are_counted():
    alphabet = Alphabet()
    one, two = (
        draft_of(construct(ir.repeat(ir.repeat(ir.ANY_CHAR, n, n), 1), LIMIT), alphabet) for n in (97, 101)
    )
    with pytest.raises(LimitError) as caught:
        is_disjoint(one, two, 5_000)
    assert (caught.value.limit, caught.value.needed) == ("leaf_states", 5_001)
