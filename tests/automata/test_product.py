"""The boolean operations against derivatives, one text at a time."""

from __future__ import annotations

import pytest
from hypothesis import given
from reference import expressions
from reference.brzozowski import has

from ruvllm_grammar import ir
from ruvllm_grammar.automata.alphabet import Alphabet
from ruvllm_grammar.automata.construct import construct
from ruvllm_grammar.automata.minimize import minimize
from ruvllm_grammar.automata.product import complement, difference, draft_of, intersection, is_disjoint, union
from ruvllm_grammar.errors import LimitError

LIMIT = 10_000
OPERATIONS = {
    "intersection": (intersection, lambda p, q: p and q),
    "union": (union, lambda p, q: p or q),
    "difference": (difference, lambda p, q: p and not q),
}


@pytest.mark.parametrize("name", OPERATIONS)
@given(
    a=expressions.regular(max_leaves=5, boolean=False),
    b=expressions.regular(max_leaves=5, boolean=False),
    text=expressions.texts(),
)
def test_binary_operations(name, a, b, text):
    operation, truth = OPERATIONS[name]
    alphabet = Alphabet()
    one, two = (draft_of(construct(e, LIMIT), alphabet) for e in (a, b))
    result = minimize(operation(one, two, LIMIT).trimmed()).freeze()
    points = [ord(c) for c in text]
    assert result.matches(text) == truth(has(a, points), has(b, points))


@given(expressions.regular(max_leaves=6), expressions.texts())
def test_complement(e, text):
    result = complement(draft_of(construct(e, LIMIT), Alphabet())).trimmed().freeze()
    assert result.matches(text) != has(e, [ord(c) for c in text])


@given(expressions.regular(max_leaves=4), expressions.regular(max_leaves=4))
def test_disjoint_means_that_the_intersection_is_empty(a, b):
    alphabet = Alphabet()
    one, two = (draft_of(construct(e, LIMIT), alphabet) for e in (a, b))
    assert is_disjoint(one, two, LIMIT) == construct(ir.both(a, b), LIMIT).is_empty


def test_pairs_are_counted():
    alphabet = Alphabet()
    one, two = (
        draft_of(construct(ir.repeat(ir.repeat(ir.ANY_CHAR, n, n), 1), LIMIT), alphabet) for n in (97, 101)
    )
    for operation in (intersection, union, difference, is_disjoint):
        with pytest.raises(LimitError) as caught:
            operation(one, two, 5_000)
        assert (caught.value.limit, caught.value.needed) == ("leaf_states", 5_001)
