"""The canonical printer, whole: one line per node and per precedence."""

from __future__ import annotations

import pytest
from hypothesis import given
from reference import expressions

from ruvllm_grammar import ir
from ruvllm_grammar.ir import CharSet, alt, both, chars, complement, literal, ref, repeat, seq, show

A, B = literal("a"), literal("b")
GOLDEN = [
    (ir.NEVER, "NEVER"),
    (ir.EMPTY, '""'),
    (literal('say "\\"\n é\u200b'), r'"say \"\\\"\u{a} é\u{200b}"'),
    (literal(b"\xff\x00"), r'b"\xff\x00"'),
    (chars(CharSet.of((0x61, 0x7A))), "[a-z]"),
    (ir.ANY_TEXT, ".*"),
    (seq(A, ref("r"), B), '"a" $r "b"'),
    (alt(A, ref("r"), ir.EMPTY), '"a" | $r | ""'),
    (seq(alt(A, B), ref("r")), '("a" | "b") $r'),
    (alt(seq(A, ref("r")), B), '"a" $r | "b"'),
    (repeat(A, 0), '"a"*'),
    (repeat(A, 1), '"a"+'),
    (repeat(A, 0, 1), '"a"?'),
    (repeat(A, 3, 3), '"a"{3}'),
    (repeat(A, 2), '"a"{2,}'),
    (repeat(A, 2, 5), '"a"{2,5}'),
    (repeat(seq(A, ref("r")), 0), '("a" $r)*'),
    (repeat(repeat(A, 2, 3), 4, 5), '("a"{2,3}){4,5}'),
    (both(A, B), '"a" & "b"'),
    (both(A, complement(alt(A, B))), '"a" & ~("a" | "b")'),
    (alt(both(A, B), A), '"a" & "b" | "a"'),
    (both(alt(A, B), A), '("a" | "b") & "a"'),
    (both(seq(A, repeat(B, 0)), A), '"a" "b"* & "a"'),
    (complement(repeat(A, 0)), '~"a"*'),
    (repeat(complement(A), 0), '(~"a")*'),
    (complement(seq(A, repeat(B, 0))), '~("a" "b"*)'),
    (ir.leaf(alt(A, B)), 'leaf("a" | "b")'),
    (ir.json_string(repeat(A, 0)), 'json_string("a"*)'),
    (ir.token(12, 3), "<3,12>"),
    (ir.mark("name", alt(A, B)), 'name:("a" | "b")'),
    (ir.chain([(A, True), (alt(A, B), False)], B, literal(",")), 'chain(",": "a" ("a" | "b")? "b"*)'),
    (ir.chain([], A, B), '"a" "ba"*'),
    (ir.machine([[(0x61, 0x7A, 1)], []], [1]), "machine(0:61-7a>1; 1!:)"),
]


@pytest.mark.parametrize(("e", "shown"), GOLDEN)
def test_golden(e, shown):
    assert show(e) == shown
    assert repr(e) == shown


@given(expressions.regular(), expressions.regular())
def test_equal_texts_mean_equal_expressions(a, b):
    assert (show(a) == show(b)) == (a is b)


def test_odd_names_are_quoted():
    assert ir.show(ir.ref('a "x"')) != ir.show(ir.seq(ir.ref("a"), ir.literal("x")))
    assert ir.show(ir.ref("a.b-c_1")) == "$a.b-c_1"
    assert ir.show(ir.ref('a "x"')) == '$"a \\"x\\""'


def test_depth_does_not_matter():
    e = ir.literal("x")
    for _ in range(5_000):
        e = ir.alt(ir.seq(ir.literal("("), e, ir.literal(")")), ir.ref("r"))
    assert ir.show(e).count("(") > 5_000
