"""Rewriting loops over bodies that may be empty."""

from __future__ import annotations

import pytest
from hypothesis import given
from reference import expressions
from reference.brzozowski import has

from ruvllm_grammar import ir
from ruvllm_grammar.automata.counts import without_empty_bodies

A, B = ir.literal("a"), ir.literal("b")


@pytest.mark.parametrize(
    ("e", "shown"),
    [
        (ir.repeat(ir.optional(A), 2, 9), '"a"{0,9}'),
        (ir.repeat(ir.seq(ir.optional(A), ir.optional(B)), 0, 9), '("a" "b"? | "b"){0,9}'),
        (ir.repeat(ir.alt(A, ir.EMPTY), 0, 9), '"a"{0,9}'),
        (ir.repeat(ir.repeat(ir.optional(A), 1, 5), 3, 9), '("a"{1,5}){0,9}'),
        (ir.repeat(ir.repeat(A, 0), 0, 9), '"a"*'),
        (ir.repeat(ir.seq(A, ir.optional(B)), 2, 3), '("a" "b"?){2,3}'),
        (ir.repeat(ir.complement(A), 2, 3), '(~"a"){0,3}'),
    ],
)
def test_what_becomes_of_loops(e, shown):
    assert ir.show(without_empty_bodies(e)) == shown


@given(expressions.regular(), expressions.texts())
def test_the_language_stays(e, text):
    points = [ord(c) for c in text]
    assert has(without_empty_bodies(e), points) == has(e, points)


def test_depth_is_no_problem():
    e = A
    for _ in range(3_000):
        e = ir.optional(ir.seq(A, e))
    assert without_empty_bodies(e) is e
