"""The questions of readers, answered as derivatives answer them."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from reference import expressions
from reference.brzozowski import has, not_empty

from ruvllm_grammar import ir
from ruvllm_grammar.automata import RegularAlgebra
from ruvllm_grammar.errors import GrammarError, LimitError
from ruvllm_grammar.limits import Limits

ALGEBRA = RegularAlgebra()


def test_it_is_the_algebra_that_readers_ask():
    questions: ir.Algebra = ALGEBRA
    assert questions.is_empty(ir.NEVER)


@given(expressions.regular(max_leaves=5))
def test_emptiness(e):
    assert ALGEBRA.is_empty(e) != not_empty(e)


@given(expressions.regular(max_leaves=4), expressions.regular(max_leaves=4))
def test_disjointness(a, b):
    assert ALGEBRA.disjoint(a, b) != not_empty(ir.both(a, b))


@given(expressions.regular(max_leaves=5), expressions.texts())
def test_membership(e, text):
    assert ALGEBRA.matches(e, text) == has(e, [ord(c) for c in text])


AB = ir.chars(ir.CharSet.of("ab"))


@pytest.mark.parametrize(
    "e",
    [
        ir.repeat(AB, 2, 4),
        ir.but_not(ir.repeat(AB, 0), ir.repeat(AB, 0, 1)),
        ir.alt(ir.literal("b"), ir.literal("aa")),
        ir.alt(ir.literal("ba"), ir.literal("ab")),
        ir.both(ir.seq(ir.ANY_TEXT, ir.literal("b")), ir.seq(ir.repeat(AB, 1), ir.literal("b"))),
        ir.EMPTY,
        ir.both(ir.literal("a"), ir.literal("b")),
    ],
)
def test_the_shortest_word_is_the_first_of_all_texts(e):
    texts = ("".join(t) for n in range(4) for t in itertools.product("ab", repeat=n))
    expected = next((t for t in texts if has(e, [ord(c) for c in t])), None)
    assert ALGEBRA.shortest(e) == expected


def test_budgets_and_misuse():
    small = RegularAlgebra(Limits(leaf_states=10))
    with pytest.raises(LimitError):
        small.disjoint(ir.repeat(ir.ANY_CHAR, 20, 20), ir.literal("x"))
    with pytest.raises(GrammarError, match="only regular expressions become automata"):
        ALGEBRA.matches(ir.ref("rule"), "")


@given(expressions.regular(max_leaves=4))
def test_strings_are_all_words_by_length_where_they_are_few(e):
    found = ALGEBRA.strings(e, 30)
    few = ALGEBRA.strings(e, 3)
    if found is None:
        assert few is None
        return
    assert list(found) == sorted(set(found), key=lambda text: (len(text), text))
    assert all(has(e, [ord(c) for c in text]) for text in found)
    assert ALGEBRA.is_empty(ir.but_not(e, ir.alt(*(ir.literal(text) for text in found))))
    assert few == (found if len(found) <= 3 else None)


@pytest.mark.parametrize(
    ("e", "runs_out"),
    [
        (ir.NEVER, True),
        (ir.EMPTY, True),
        (ir.literal("ab"), True),
        (ir.ANY_TEXT, False),
        (ir.seq(ir.literal("x"), ir.ANY_TEXT), False),
        (ir.alt(ir.literal("a"), ir.seq(ir.literal("x"), ir.ANY_TEXT)), True),
        (ir.seq(ir.repeat(AB, 0), ir.literal("c")), True),
        (ir.seq(ir.repeat(AB, 0), ir.literal("a")), False),
        (ir.repeat(ir.ANY_CHAR, 0, 9), True),
        (ir.but_not(ir.ANY_TEXT, ir.literal("a")), False),
    ],
)
def test_where_words_run_out(e, runs_out):
    assert ALGEBRA.runs_out(e) == runs_out
