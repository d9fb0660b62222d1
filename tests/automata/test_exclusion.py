"""Any text but some words: the direct construction equals the complement."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruvllm_grammar import ir
from ruvllm_grammar.automata import DEAD, START, leaf_dfa
from ruvllm_grammar.automata.construct import construct
from ruvllm_grammar.automata.encode import Encoding, encode
from ruvllm_grammar.automata.exclusion import any_but, excluded_words, names_but
from ruvllm_grammar.errors import LimitError
from ruvllm_grammar.limits import Limits

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


NAMES = st.lists(st.text('ab"é\U0001f600\\\n\x01\x11è', max_size=4), min_size=1, max_size=8)
ANY_NAME = leaf_dfa(ir.json_name(ir.ANY_TEXT), Limits())


@given(NAMES)
def test_the_trie_laid_over_any_name_is_the_automaton_by_way_of_code_points(words):
    found = names_but(words, ANY_NAME, 10_000)
    found.check()
    assert found == encode(any_but(words), Encoding.JSON_NAME, 10_000)
    assert found.digest == encode(any_but(words), Encoding.JSON_NAME, 10_000).digest


@given(NAMES)
def test_states_beside(words):
    found = names_but(words, ANY_NAME, 10_000)
    beside = found.beside
    assert beside.free is ANY_NAME
    assert beside.state[[DEAD, START]].tolist() == [DEAD, START]
    by_byte = found.transitions[:, found.byte_to_class]
    free = ANY_NAME.transitions[:, ANY_NAME.byte_to_class][beside.state]
    # The same bytes lead on, to the state beside; only the closing quote may be missing, and only where words are.
    differs = (by_byte != DEAD) != (free != DEAD)
    assert set(np.argwhere(differs)[:, 1].tolist()) <= {0x22}
    assert beside.excludes[differs.any(axis=1)].all()
    assert np.array_equal(beside.state[by_byte][by_byte != DEAD], free[by_byte != DEAD])
    # Where nothing is excluded, the rest is that of the state beside: no way leads back to the trie.
    assert not beside.excludes[np.unique(by_byte[~beside.excludes])].any()


def test_the_budget_of_names():
    with pytest.raises(LimitError) as caught:
        names_but(["abcdef"], ANY_NAME, ANY_NAME.n_states + 4)
    assert caught.value.limit == "leaf_states"


def test_leaves_of_names_know_what_is_beside():
    leaf = ir.json_name(ir.but_not(ir.ANY_TEXT, ir.alt(ir.literal("a"), ir.literal("b"))))
    assert leaf_dfa(leaf, Limits()).beside.free is ANY_NAME
    assert leaf_dfa(ir.json_string(ir.ANY_TEXT), Limits()).beside is None
