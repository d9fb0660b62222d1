"""Leaf automata against derivatives: the same words, the same live prefixes, and every invariant."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import expressions
from reference.derivatives import alive, has, matches, single

from ruvllm_grammar import ir
from ruvllm_grammar.automata import DEAD, START, leaf, leaf_dfa, spelled_char_dfa
from ruvllm_grammar.errors import GrammarError, LimitError
from ruvllm_grammar.limits import Limits

LIMITS = Limits()


@given(expressions.regular(), expressions.texts())
def test_words_of_a_leaf_are_the_words_of_its_expression(e, text):
    dfa = leaf_dfa(e, LIMITS)
    dfa.check()
    assert dfa.matches(text.encode()) == has(e, [ord(c) for c in text])


@given(expressions.regular(), st.data())
def test_words_of_a_json_string_are_the_spellings_of_its_words(e, data):
    text = data.draw(expressions.texts())
    spelling = data.draw(expressions.spellings(text))
    dfa = leaf_dfa(ir.json_string(e), LIMITS) if e is not ir.NEVER else leaf_dfa(e, LIMITS)
    dfa.check()
    assert dfa.matches(spelling) == has(e, [ord(c) for c in text])


@given(expressions.regular(), st.data())
def test_words_of_a_name_are_the_canonical_spellings_of_its_words(e, data):
    text = data.draw(expressions.texts())
    name = json.dumps(text, ensure_ascii=False).encode()
    spelling = data.draw(st.one_of(expressions.spellings(text), st.just(name)))
    dfa = leaf_dfa(ir.json_name(e), LIMITS)
    dfa.check()
    assert dfa.matches(spelling) == (spelling == name and has(e, [ord(c) for c in text]))


@given(
    expressions.regular(max_leaves=4),
    expressions.texts(3).flatmap(expressions.spellings),
    st.integers(0, 20),
    st.binary(max_size=2)
    | st.sampled_from([b"\\", b"\\u", b"\\ud8", b"\\udc00", b"\xed\xa0", b"\xf4\x90", b"\xc0"]),
)
def test_every_byte_that_keeps_a_prefix_alive_is_a_live_transition(e, spelling, cut, tail):
    prefix = spelling[:cut] + tail
    for shape, text in ((ir.json_string(e), prefix), (ir.json_name(e), prefix), (ir.leaf(e), prefix[1:])):
        dfa = leaf_dfa(shape, LIMITS)
        grammar = single(shape)
        assert (dfa.step(START, text) != DEAD and not dfa.is_empty) == alive(grammar, text)
        assert dfa.matches(text) == matches(grammar, text)


@given(expressions.regular())
def test_the_shortest_word_is_a_word_and_its_length_the_distance(e):
    dfa = leaf_dfa(ir.leaf(e), LIMITS)
    word = dfa.shortest()
    if word is None:
        assert dfa.is_empty
    else:
        assert dfa.matches(word)
        assert len(word) == dfa.distances()[START]


def test_one_spelled_character():
    dfa = spelled_char_dfa()
    dfa.check()
    words = [
        b"a",
        b'\\"',
        b"\\u0061",
        b"\\u006A",
        b"\\ud83d\\uDE00",
        "é".encode(),
        "😀".encode(),
        b"\x7f",
        b"\\/",
    ]
    others = [
        b"",
        b'"',
        b"\\",
        b"\x1f",
        b"ab",
        b"\\ud83d",
        b"\\ude00",
        b"\\ud83d\\u0061",
        b"\\x41",
        b"\xed\xa0\x80",
    ]
    assert [w for w in words if not dfa.matches(w)] == []
    assert [w for w in others if dfa.matches(w)] == []


def test_a_leaf_is_remembered_by_its_expression():
    e = ir.json_string(ir.seq(ir.literal("once"), ir.ANY_TEXT))
    assert leaf_dfa(e, LIMITS) is leaf_dfa(ir.json_string(ir.seq(ir.literal("once"), ir.ANY_TEXT)), LIMITS)


def test_the_memo_drops_what_was_used_longest_ago():
    memo = leaf._Memo[int](100)
    made: list[int] = []

    def ask(number: int, size: int = 40) -> int:
        key = (ir.literal(str(number)), None)
        return memo.get(key, lambda: made.append(number) or number, lambda _: size)

    assert [ask(n) for n in (1, 2, 1, 3, 1, 2)] == [1, 2, 1, 3, 1, 2]
    assert made == [1, 2, 3, 2]
    assert [ask(4, size=101), ask(4, size=101)] == [4, 4]
    assert made == [1, 2, 3, 2, 4, 4]


def test_structure_has_no_automaton():
    with pytest.raises(GrammarError, match="only leaves, JSON strings and regular expressions"):
        leaf_dfa(ir.seq(ir.literal("a"), ir.ref("rule")), LIMITS)


@pytest.mark.parametrize("shape", [ir.leaf, ir.json_string])
def test_a_small_budget_names_itself_whatever_is_remembered(shape):
    e = shape(ir.repeat(ir.chars(ir.CharSet.of((97, 122))), 0, 50))
    leaf_dfa(e, LIMITS)
    with pytest.raises(LimitError) as caught:
        leaf_dfa(e, Limits(leaf_states=40))
    assert caught.value.limit == "leaf_states"
    assert caught.value.needed > 40


@pytest.mark.parametrize(
    "e",
    [
        pytest.param(
            ir.seq(
                ir.repeat(ir.chars(ir.CharSet.of("ab")), 0),
                ir.literal("a"),
                ir.repeat(ir.chars(ir.CharSet.of("ab")), n, n),
            ),
            id=f"(a|b)*a(a|b){{{n}}}",
        )
        for n in (30, 1000, 50_000)
    ]
    + [
        pytest.param(ir.repeat(ir.repeat(ir.literal("a"), 1, 1000), 1, 1000), id="nested counts"),
        pytest.param(
            ir.both(
                ir.repeat(ir.seq(ir.repeat(ir.ANY_CHAR, 0, 700), ir.literal("a")), 1),
                ir.repeat(ir.seq(ir.repeat(ir.ANY_CHAR, 0, 700), ir.literal("b")), 1),
                ir.repeat(ir.seq(ir.repeat(ir.ANY_CHAR, 0, 700), ir.literal("c")), 1),
            ),
            id="product",
        ),
    ],
)
def test_explosions_stop_at_the_budget(e):
    with pytest.raises(LimitError) as caught:
        leaf_dfa(e, Limits(leaf_states=20_000))
    assert caught.value.limit == "leaf_states"
    assert caught.value.needed > 20_000
