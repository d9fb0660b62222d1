"""Construction: pruning changes no language, shared nodes, and budgets that stop before the work is done."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import expressions
from reference.brzozowski import has

from ruvllm_grammar import ir
from ruvllm_grammar.automata.alphabet import Alphabet
from ruvllm_grammar.automata.construct import construct
from ruvllm_grammar.automata.determinize import determinize
from ruvllm_grammar.automata.minimize import minimize
from ruvllm_grammar.automata.nfa import ACCEPT, Nfa, unrolled_size
from ruvllm_grammar.errors import GrammarError, LimitError

LIMIT = 20_000


class Unpruned(Nfa):
    """The plain subset construction."""

    def pruned(self, nodes):
        return tuple(sorted(nodes))


def counted(inner: st.SearchStrategy[ir.Expr]) -> st.SearchStrategy[ir.Expr]:
    bounds = st.tuples(st.integers(0, 3), st.integers(0, 4))
    return st.tuples(inner, bounds).map(lambda eb: ir.repeat(eb[0], eb[1][0], sum(eb[1])))


@st.composite
def loops(draw: st.DrawFn) -> ir.Expr:
    """Counted loops within counted loops, over two letters, found anywhere."""
    atoms = st.sampled_from(
        [ir.literal("a"), ir.literal("b"), ir.literal("ab"), ir.chars(ir.CharSet.of("ab"))]
    )
    body = st.recursive(
        atoms,
        lambda e: (
            counted(e)
            | st.tuples(e, e).map(lambda ab: ir.seq(*ab))
            | st.tuples(e, e).map(lambda ab: ir.alt(*ab))
            | e.map(lambda x: ir.repeat(x, 0))
        ),
        max_leaves=6,
    )
    before = draw(st.sampled_from([ir.EMPTY, ir.ANY_TEXT]))
    behind = draw(st.sampled_from([ir.EMPTY, ir.ANY_TEXT, ir.literal("a")]))
    return ir.seq(before, draw(counted(body)), behind)


@given(loops())
def test_pruning_changes_no_language_and_adds_no_state(e):
    drafts = []
    for make in (Nfa, Unpruned):
        nfa = make(Alphabet(), LIMIT)
        if e is not ir.NEVER:
            drafts.append(determinize(nfa, nfa.build(e, {}), LIMIT))
    if drafts:
        pruned, plain = drafts
        assert len(pruned.rows) <= len(plain.rows)
        assert minimize(pruned).freeze() == minimize(plain).freeze()


@given(expressions.regular(max_leaves=10), expressions.texts())
def test_words_of_the_automaton(e, text):
    assert construct(e, LIMIT).matches(text) == has(e, [ord(c) for c in text])


def test_pruning_keeps_one_place_in_an_optional_loop():
    """`.*[ab]{1,200}c`: without pruning every state would hold up to 200 nodes."""
    e = ir.seq(ir.ANY_TEXT, ir.repeat(ir.chars(ir.CharSet.of("ab")), 1, 200), ir.literal("c"))
    nfa = Nfa(Alphabet(), LIMIT)
    assert len(determinize(nfa, nfa.build(e, {}), LIMIT).rows) == 3


def test_equal_endings_are_shared():
    nfa = Nfa(Alphabet(), LIMIT)
    nfa.build(ir.alt(ir.literal("xend"), ir.literal("yend"), ir.literal("zend")), {})
    assert sum(symbol >= 0 for symbol in nfa.symbol) == 3 + len("end")


def test_the_empty_string_is_the_accepting_node():
    assert Nfa(Alphabet(), LIMIT).build(ir.EMPTY, {}) == ACCEPT


def test_many_literals_make_a_trie():
    rng = random.Random(5)
    words = sorted({"".join(rng.choices("abcdef", k=rng.randrange(1, 9))) for _ in range(3_000)})
    dfa = construct(ir.alt(*map(ir.literal, words)), LIMIT)
    others = {"".join(rng.choices("abcdef", k=rng.randrange(1, 9))) for _ in range(500)} - set(words)
    assert [w for w in words if not dfa.matches(w)] == []
    assert [w for w in others if dfa.matches(w)] == []


@pytest.mark.parametrize(
    ("e", "size"),
    [
        (ir.literal("abc"), 3),
        (ir.repeat(ir.literal("ab"), 2, 5), 15),
        (ir.repeat(ir.literal("a"), 0), 2),
        (ir.repeat(ir.repeat(ir.literal("a"), 1, 1000), 1, 1000), 2_001_000),
        (ir.alt(ir.literal("ab"), ir.literal("c")), 4),
    ],
)
def test_sizes_are_known_before_anything_is_built(e, size):
    assert unrolled_size(e, {}) == size


@pytest.mark.parametrize(
    "e",
    [
        ir.repeat(ir.repeat(ir.literal("a"), 1, 1000), 1, 1000),
        ir.repeat(ir.literal("abc"), 10**12, 10**12),
        ir.repeat(
            ir.both(ir.repeat(ir.literal("a"), 0, 2), ir.ANY_TEXT, ir.complement(ir.literal("b"))), 0, 9_000
        ),
        ir.machine([[(97, 97, i + 1)] for i in range(30_000)] + [[]], [30_000]),
    ],
)
def test_what_would_not_fit_is_refused(e):
    with pytest.raises(LimitError) as caught:
        construct(e, LIMIT)
    assert caught.value.limit == "leaf_states"
    assert caught.value.needed > LIMIT


@pytest.mark.parametrize(
    "body", [ir.optional(ir.literal("a")), ir.seq(ir.optional(ir.literal("a")), ir.optional(ir.literal("a")))]
)
def test_optional_bodies_of_long_loops_do_not_reach_each_other(body):
    dfa = construct(ir.repeat(body, 5, 3_000), LIMIT)
    assert {len(row) for row in dfa.rows} == {0, 1}
    assert all(dfa.accepting)


def test_structure_is_refused():
    with pytest.raises(GrammarError, match="only regular expressions become automata"):
        construct(ir.seq(ir.literal("a"), ir.token(3)), LIMIT)
