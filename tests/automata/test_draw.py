"""Drawings, whole."""

from __future__ import annotations

from ruvllm_grammar import ir
from ruvllm_grammar.automata import leaf_dfa
from ruvllm_grammar.automata.draw import byte_label, dot, table
from ruvllm_grammar.limits import Limits


def drawn() -> ir.Expr:
    return ir.seq(ir.chars(ir.CharSet.of((0x61, 0x7A), '"')), ir.repeat(ir.literal("é\\"), 0, 1))


def test_table():
    assert table(leaf_dfa(drawn(), Limits())) == (
        'state    [" a-z]  [\\\\]  [\\xa9]  [\\xc3]\n'
        "1 START  2        .     .       .\n"
        "2 *      .        .     .       3\n"
        "3        .        .     4       .\n"
        "4        .        5     .       .\n"
        "5 *      .        .     .       ."
    )


def test_dot():
    assert dot(leaf_dfa(drawn(), Limits())) == (
        "digraph dfa {\n"
        "  rankdir=LR;\n"
        "  node [shape=circle];\n"
        "  start [shape=point]; start -> 1;\n"
        '  1 -> 2 [label="\\" a-z"];\n'
        "  2 [shape=doublecircle];\n"
        '  2 -> 3 [label="\\\\xc3"];\n'
        '  3 -> 4 [label="\\\\xa9"];\n'
        '  4 -> 5 [label="\\\\\\\\"];\n'
        "  5 [shape=doublecircle];\n"
        "}"
    )


def test_the_empty_language_has_a_drawing_too():
    empty = leaf_dfa(ir.NEVER, Limits())
    assert table(empty) == "state\n1 START"
    assert dot(empty).splitlines()[-1] == "}"


def test_labels():
    assert byte_label([0x20, 0x2D, 0x41, 0x42, 0xFF]) == "\\x20 \\- A-B \\xff"
    assert byte_label([]) == ""
