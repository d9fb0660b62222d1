"""Smart constructors: equal expressions are one object, normal forms hold, no law changes a language."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import expressions
from reference.brzozowski import has, nullable

from ruvllm_grammar import ir
from ruvllm_grammar.errors import GrammarError
from ruvllm_grammar.ir import EMPTY, NEVER, CharSet, alt, both, chars, complement, literal, repeat, seq

A, B, C = literal("a"), literal("b"), literal("c")
SET = chars(CharSet.of("xy"))
RULE = ir.ref("rule")


@pytest.mark.parametrize(
    "make",
    [
        lambda: literal("ab"),
        lambda: chars(CharSet.of("ab")),
        lambda: seq(literal("a"), SET),
        lambda: alt(literal("a"), SET),
        lambda: repeat(SET, 2, 5),
        lambda: both(SET, literal("x")),
        lambda: complement(SET),
        lambda: ir.machine([[(1, 2, 0)]], [0]),
        lambda: ir.ref("r"),
        lambda: ir.leaf(SET),
        lambda: ir.json_string(SET),
        lambda: ir.token(3, 1),
        lambda: ir.mark("m", SET),
    ],
)
def test_equal_expressions_are_the_same_object(make):
    assert make() is make()


def test_threads_share_one_object():
    found: list[ir.Expr] = []

    def work() -> None:
        found.extend(literal(f"thread {i}") for i in range(300))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(e) for e in found}) == 300


def test_expressions_nobody_holds_are_freed():
    watcher = weakref.ref(literal("nobody holds this"))
    gc.collect()
    assert watcher() is None


LAWS = {
    "a sequence of nothing is the empty string": (seq(), EMPTY),
    "a sequence of one is that one": (seq(SET), SET),
    "sequences flatten": (seq(SET, seq(RULE, SET)), seq(seq(SET, RULE), SET)),
    "EMPTY vanishes from a sequence": (seq(EMPTY, SET, EMPTY), SET),
    "NEVER swallows a sequence": (seq(A, NEVER, RULE), NEVER),
    "literals join": (seq(A, seq(B, SET), EMPTY), seq(literal("ab"), SET)),
    "literals join over flattening": (seq(seq(SET, A), seq(B, SET)), seq(SET, literal("ab"), SET)),
    "bytes of one character join to text": (seq(literal(b"\xc3"), literal(b"\xa9")), literal("é")),
    "an alternation of nothing is empty": (alt(), NEVER),
    "an alternation of one is that one": (alt(SET), SET),
    "alternations flatten and forget repetitions": (alt(A, alt(B, A)), alt(A, B)),
    "NEVER vanishes from an alternation": (alt(NEVER, A, NEVER), A),
    "sets join where the first stood": (
        alt(A, SET, B, chars(CharSet.of("z"))),
        alt(A, chars(CharSet.of("xyz")), B),
    ),
    "no copies": (repeat(A, 0, 0), EMPTY),
    "one copy": (repeat(A, 1, 1), A),
    "bounds exchanged": (repeat(A, 3, 2), NEVER),
    "copies of the empty string": (repeat(EMPTY, 3), EMPTY),
    "no copies of nothing": (repeat(NEVER, 0), EMPTY),
    "some copies of nothing": (repeat(NEVER, 1), NEVER),
    "copies of a star": (repeat(repeat(A, 0), 2, 9), repeat(A, 0)),
    "optional": (ir.optional(A), repeat(A, 0, 1)),
    "intersection of nothing": (both(), ir.ANY_TEXT),
    "intersection with any text": (both(A, ir.ANY_TEXT), A),
    "intersection with nothing": (both(A, NEVER), NEVER),
    "intersections flatten and forget repetitions": (both(A, both(SET, A)), both(A, SET)),
    "intersection of sets": (both(SET, chars(CharSet.of("yz"))), chars(CharSet.of("y"))),
    "double complement": (complement(complement(A)), A),
    "complement of nothing": (complement(NEVER), ir.ANY_TEXT),
    "complement of any text": (complement(ir.ANY_TEXT), NEVER),
    "difference": (ir.but_not(A, B), both(A, complement(B))),
    "difference to nothing": (ir.but_not(A, NEVER), A),
    "no characters": (chars(CharSet.NONE), NEVER),
    "the empty literal": (literal(""), EMPTY),
    "text and its bytes": (literal("é"), literal("é".encode())),
    "no tokens": (ir.token(), NEVER),
    "a mark around nothing": (ir.mark("m", NEVER), NEVER),
    "a leaf of nothing": (ir.leaf(NEVER), NEVER),
    "a leaf of the empty string": (ir.leaf(EMPTY), EMPTY),
    "a JSON string of nothing": (ir.json_string(NEVER), NEVER),
    "a machine that never accepts": (ir.machine([[(0, 9, 0)]], []), NEVER),
}


@pytest.mark.parametrize("law", LAWS)
def test_laws(law):
    found, expected = LAWS[law]
    assert found is expected


@given(expressions.regular(), expressions.regular(), expressions.texts())
def test_constructors_mean_what_they_are_called(a, b, text):
    """Whatever normal form they choose."""
    points = [ord(c) for c in text]
    in_a, in_b = has(a, points), has(b, points)
    splits = range(len(points) + 1)
    assert has(alt(a, b), points) == (in_a or in_b)
    assert has(both(a, b), points) == (in_a and in_b)
    assert has(ir.but_not(a, b), points) == (in_a and not in_b)
    assert has(complement(a), points) == (not in_a)
    assert has(seq(a, b), points) == any(has(a, points[:i]) and has(b, points[i:]) for i in splits)
    twice = any(has(a, points[:i]) and has(a, points[i:]) for i in splits)
    assert has(repeat(a, 2, 2), points) == twice
    assert has(repeat(a, 1, 2), points) == (in_a or twice)


@given(expressions.regular())
def test_nullable_is_exact_on_regular_expressions(e):
    assert e.regular
    assert e.nullable == nullable(e)


@pytest.mark.parametrize(
    ("e", "regular", "null"),
    [
        (RULE, False, False),
        (seq(RULE, A), False, False),
        (repeat(RULE, 0), False, True),
        (alt(RULE, EMPTY), False, True),
        (ir.mark("m", repeat(A, 0)), False, True),
        (ir.token(1), False, False),
        (ir.leaf(repeat(A, 0)), False, True),
        (ir.json_string(EMPTY), False, False),
        (literal(b"\xff"), False, False),
        (ir.machine([[]], [0]), True, True),
    ],
)
def test_properties_of_structure(e, regular, null):
    assert (e.regular, e.nullable) == (regular, null)


@pytest.mark.parametrize(
    "operation", [ir.leaf, ir.json_string, complement, lambda e: both(A, e), lambda e: ir.but_not(A, e)]
)
@pytest.mark.parametrize("operand", [RULE, ir.token(1), ir.mark("m", A), literal(b"\xff"), ir.leaf(A)])
def test_boolean_operators_refuse_structure(operation, operand):
    with pytest.raises(
        GrammarError, match=r"needs regular operands \(no rules, tokens, marks or raw bytes\), got "
    ):
        operation(operand)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: literal("a\ud800"), "a literal holds the lone surrogate U+D800; pair it or remove it"),
        (lambda: repeat(A, -1), "a repetition cannot start at -1; use 0 or more"),
        (lambda: ir.machine([], [0]), "a machine needs at least one state"),
        (lambda: ir.machine([[(5, 4, 0)]], [0]), "a machine's state 0 has a bad edge (5, 4, 0)"),
        (lambda: ir.machine([[(1, 4, 1)]], [0]), "a machine's state 0 has a bad edge (1, 4, 1)"),
        (
            lambda: ir.machine([[], [(1, 4, 1), (4, 5, 0)]], [0]),
            "a machine's state 1 has a bad edge (4, 5, 0)",
        ),
    ],
)
def test_what_cannot_be_built(make, message):
    with pytest.raises(GrammarError) as caught:
        make()
    assert str(caught.value) == message


def test_children_and_references():
    e = seq(ir.ref("b"), alt(ir.mark("m", ir.ref("a")), repeat(ir.ref("b"), 2, 3)), ir.leaf(A))
    assert ir.references(e) == ["b", "a"]
    assert ir.children(repeat(RULE, 2, 3)) == (RULE,)
    assert ir.children(A) == ()


@given(st.integers(1, 3_000))
def test_references_do_not_recurse(depth):
    e: ir.Expr = RULE
    for _ in range(depth):
        e = ir.optional(seq(A, e))
    assert ir.references(e) == ["rule"]
