"""Any text but some words: the direct construction equals the complement."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ruvllm_grammar import ir
from ruvllm_grammar.automata.construct import construct
from ruvllm_grammar.automata.exclusion import any_but, excluded_words

WORDS = st.lists(st.text('ab"é\U0001f600', max_size=4), min_size=1, max_size=8)


@given(WORDS)
def test_equals_the_complement_of_the_words(words):
    complement = ir.complement(ir.alt(*map(ir.literal, words)))
    assert any_but(words) == construct(complement, 10_000)


@given(WORDS)
def test_recognised_exactly_when_it_is_a_list_of_words(words):
    e = ir.complement(ir.alt(*map(ir.literal, words)))
    found = excluded_words(e)
    assert found is None if "" in words else set(found or ()) == set(words)


def test_other_complements_are_not_lists():
    assert excluded_words(ir.complement(ir.chars(ir.CharSet.of("ab")))) is None
    assert excluded_words(ir.complement(ir.alt(ir.literal("a"), ir.repeat(ir.literal("b"), 0)))) is None
    assert excluded_words(ir.literal("a")) is None
