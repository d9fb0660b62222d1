"""The record `Dfa`: its invariants are checked by number, equality is equality of languages."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from reference import expressions
from reference.brzozowski import not_empty

from ruvllm_grammar import ir
from ruvllm_grammar.automata import DEAD, START, Dfa, leaf_dfa
from ruvllm_grammar.limits import Limits

LIMITS = Limits()
ABC = leaf_dfa(ir.alt(ir.literal("ab"), ir.literal("cb")), LIMITS)


def test_an_automaton_by_hand():
    assert ABC.transitions.tolist() == [[0, 0, 0], [0, 2, 0], [0, 0, 3], [0, 0, 0]]
    assert ABC.accepting.tolist() == [False, False, False, True]
    assert [int(ABC.byte_to_class[b]) for b in b"xabc"] == [0, 1, 2, 1]
    assert (ABC.n_states, ABC.n_classes, ABC.is_empty) == (4, 3, False)
    assert [ABC.matches(w) for w in (b"ab", b"cb", b"a", b"abb", b"", b"\xff")] == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]
    assert ABC.shortest() == b"ab"
    assert ABC.distances().tolist() == [-1, 2, 1, 0]
    assert ABC.live_bytes().tolist() == [0, 2, 1, 0]
    assert ABC.successors() == [[], [2], [3], []]
    assert ABC.distances().dtype == ABC.live_bytes().dtype == np.int32
    ABC.check()


def test_the_empty_language_has_two_states():
    empty = leaf_dfa(ir.both(ir.literal("a"), ir.literal("b")), LIMITS)
    empty.check()
    assert (empty.n_states, empty.n_classes, empty.is_empty, empty.shortest()) == (2, 1, True, None)
    assert not empty.transitions.any()


def test_arrays_cannot_be_written():
    for array in (ABC.byte_to_class, ABC.transitions, ABC.accepting):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def changed(
    *,
    classes: dict[int, int] | None = None,
    rows: list[list[int]] | None = None,
    accepting: list[bool] | None = None,
) -> Dfa:
    byte_to_class = ABC.byte_to_class.copy()
    for byte, number in (classes or {}).items():
        byte_to_class[byte] = number
    return Dfa(
        byte_to_class,
        np.array(ABC.transitions if rows is None else rows, np.int32),
        np.array(ABC.accepting if accepting is None else accepting, np.bool_),
    )


@pytest.mark.parametrize(
    ("broken", "number"),
    [
        (changed(accepting=[False, True]), 1),
        (changed(rows=[[0, 0, 0], [0, 2, 0], [0, 0, 4], [0, 0, 0]]), 2),
        (changed(classes={0x62: 1}), 2),
        (changed(rows=[[0, 0, 1], [0, 2, 0], [0, 0, 3], [0, 0, 0]]), 3),
        (changed(accepting=[True, False, False, True]), 3),
        (changed(rows=[[0, 0, 0], [0, 2, 0], [0, 0, 0], [0, 0, 0]]), 4),
        (changed(accepting=[False] * 4), 4),
        (changed(classes={0x00: 1}), 5),
        (
            changed(rows=[[0, 0, 0], [0, 3, 0], [0, 0, 0], [0, 0, 2]], accepting=[False, False, True, False]),
            6,
        ),
        (
            changed(
                rows=[[0, 0, 0], [0, 2, 3], [0, 4, 0], [0, 4, 0], [0, 0, 0]],
                accepting=[False, False, False, False, True],
            ),
            7,
        ),
    ],
)
def test_check_names_the_broken_invariant(broken, number):
    with pytest.raises(ValueError, match=f"invariant {number} of Dfa does not hold"):
        broken.check()


@given(expressions.regular(max_leaves=4), expressions.regular(max_leaves=4))
def test_equal_arrays_mean_equal_languages(a, b):
    """The symmetric difference decides, by derivatives; digest and hash follow."""
    one, two = leaf_dfa(ir.leaf(a), LIMITS), leaf_dfa(ir.leaf(b), LIMITS)
    differ = not_empty(ir.but_not(a, b)) or not_empty(ir.but_not(b, a))
    assert (one == two) == (not differ)
    assert (one.digest == two.digest) == (not differ)
    if not differ:
        assert hash(one) == hash(two)


@given(expressions.regular(max_leaves=6))
def test_one_language_written_two_ways_is_one_automaton(e):
    """Laws of the algebra, each of which takes another path through the construction."""
    twins = [
        ir.complement(ir.both(ir.complement(e), ir.ANY_TEXT)),
        ir.alt(ir.both(e, ir.repeat(ir.ANY_CHAR, 0, 2)), ir.both(e, ir.repeat(ir.ANY_CHAR, 3))),
        ir.but_not(ir.ANY_TEXT, ir.complement(e)),
        ir.alt(e, ir.seq(e, ir.both(ir.literal("x"), ir.literal("y")))),
    ]
    expected = leaf_dfa(ir.leaf(e), LIMITS)
    assert [leaf_dfa(ir.leaf(twin), LIMITS) == expected for twin in twins] == [True] * 4


def test_a_dfa_equals_only_dfas():
    assert ABC != "ab"
    assert repr(ABC).startswith("Dfa(4 states, 3 classes, ")
    assert ABC.step(START, b"ax") == DEAD
