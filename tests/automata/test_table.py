"""Tables: products and minimal forms against texts one at a time, and against drafts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from reference import expressions
from reference.brzozowski import has

from ruvllm_grammar import ir
from ruvllm_grammar.automata import table as module
from ruvllm_grammar.automata.alphabet import Alphabet
from ruvllm_grammar.automata.construct import construct
from ruvllm_grammar.automata.minimize import minimize
from ruvllm_grammar.automata.product import draft_of
from ruvllm_grammar.automata.table import Table, symbols_of

LIMIT = 10_000


def tables(*es):
    alphabet = Alphabet()
    drafts = [draft_of(construct(e, LIMIT), alphabet) for e in es]
    symbols = symbols_of(drafts)
    return alphabet, symbols, [Table.of(draft, symbols) for draft in drafts]


@pytest.mark.parametrize("without", [False, True])
@given(
    a=expressions.regular(max_leaves=5, boolean=False),
    b=expressions.regular(max_leaves=5, boolean=False),
    text=expressions.texts(),
)
def test_what_both_match_and_what_only_one_does(without, a, b, text):
    alphabet, symbols, (one, two) = tables(a, b)
    found = one.combined(two, LIMIT, without=without).minimal().draft(alphabet, symbols)
    result = found.freeze()
    points = [ord(c) for c in text]
    assert result.matches(text) == (has(a, points) and has(b, points) is not without)
    assert minimize(found).freeze() == result


@given(expressions.regular(max_leaves=6))
def test_there_and_back(e):
    alphabet, symbols, (one,) = tables(e)
    assert one.draft(alphabet, symbols).freeze() == construct(e, LIMIT)
    assert one.minimal() is not None
    assert one.minimal().draft(alphabet, symbols).freeze() == construct(e, LIMIT)


def test_room():
    _, _, (one, two) = tables(*(ir.repeat(ir.repeat(ir.ANY_CHAR, n, n), 1) for n in (7, 11)))
    assert one.combined(two, 77, without=False) is None
    assert len(one.combined(two, 78, without=False).next) == 79


def test_more_room_when_it_is_needed(monkeypatch):
    _, _, (one, two) = tables(*(ir.repeat(ir.repeat(ir.ANY_CHAR, n, n), 1) for n in (7, 11)))
    whole = one.combined(two, 1_000, without=True)
    monkeypatch.setattr(module, "_FIRST_ROOM", 5)
    again = one.combined(two, 1_000, without=True)
    assert np.array_equal(whole.next, again.next)
    assert np.array_equal(whole.accepting, again.accepting)
