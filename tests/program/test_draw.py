"""Drawings: what is explored, what becomes an edge, and the text of both."""

from __future__ import annotations

from hypothesis import given, settings
from support.grammars import grammars

from ruvllm_grammar import ir
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.program.draw import Automaton, Edge, State, byte_ranges, explore, graphviz
from ruvllm_grammar.program.machine import Machine


def machine_of(expression):
    return Machine(ir.Grammar("start", {"start": expression}), Limits())


def explored(expression, **options):
    return explore(machine_of(expression), **options)


def test_chains_are_edges():
    assert explored(ir.alt(ir.literal("true"), ir.literal("{}"))) == Automaton(
        (
            State(0, accepting=False, edges=(Edge(1, text=b"true"), Edge(1, text=b"{}"))),
            State(1, accepting=True, edges=()),
        ),
        complete=True,
    )


def test_every_byte():
    assert explored(ir.literal("ab"), chains=False) == Automaton(
        (
            State(0, accepting=False, edges=(Edge(1, on=(97,)),)),
            State(1, accepting=False, edges=(Edge(2, on=(98,)),)),
            State(2, accepting=True, edges=()),
        ),
        complete=True,
    )


def test_a_state_that_is_met_twice_is_drawn():
    c = ir.literal("c")
    found = explored(ir.seq(ir.alt(ir.literal("ab"), ir.literal("b")), c))
    assert [{(edge.target, edge.on, edge.text) for edge in state.edges} for state in found.states] == [
        {(1, (), b"ab"), (1, (98,), b"")},
        {(2, (99,), b"")},
        set(),
    ]


def test_a_state_that_accepts_is_drawn():
    found = explored(ir.seq(ir.literal("a"), ir.optional(ir.literal("bc"))))
    assert found == Automaton(
        (
            State(0, accepting=False, edges=(Edge(1, on=(97,)),)),
            State(1, accepting=True, edges=(Edge(2, text=b"bc"),)),
            State(2, accepting=True, edges=()),
        ),
        complete=True,
    )


def test_the_bound_leaves_edges_to_nowhere():
    digits = ir.chars(ir.CharSet.of((0x30, 0x39)))
    two = ir.seq(digits, digits, ir.literal("!"))
    assert explored(two, states=1) == Automaton(
        (State(0, accepting=False, edges=(Edge(None, on=tuple(b"0123456789")),)),), complete=False
    )
    assert [len(explored(two, states=n).states) for n in (1, 2)] == [1, 2]
    assert explored(two, states=3).complete  # the state before "!" is forced and does not count


def test_tokens():
    found = explored(ir.alt(ir.literal("a"), ir.token(7, 9)))
    assert {(edge.on, edge.tokens) for edge in found.states[0].edges} == {((97,), ()), ((), (7, 9))}
    assert 'label="<7, 9>"' in graphviz(found)


def test_nothing():
    assert explored(ir.NEVER) == Automaton((), complete=True)
    assert 'label="nothing matches"' in graphviz(explored(ir.NEVER))


def test_labels():
    automaton = Automaton(
        (
            State(
                0,
                accepting=False,
                edges=(
                    Edge(1, on=(9, 10, 32, 34, 92)),
                    Edge(1, on=tuple(range(0x80, 0xC0))),
                    Edge(1, text=b'"a b"\n'),
                    Edge(None, on=(97, 98)),
                    Edge(None, tokens=tuple(range(20))),
                ),
            ),
            State(1, accepting=True, edges=()),
        ),
        complete=False,
    )
    assert graphviz(automaton, name='a"b').splitlines() == [
        'digraph "a\\"b" {',
        "  rankdir=LR;",
        '  node [shape=circle, fontname="monospace", fontsize=11];',
        '  edge [fontname="monospace", fontsize=10];',
        "  start [shape=point];",
        "  start -> 0;",
        '  more0 [shape=plaintext, label="..."];',
        '  0 -> 1 [label="\\\\t-\\\\n space \\" \\\\"];',
        '  0 -> 1 [label="x80-xBF"];',
        '  0 -> 1 [label="\\"a b\\"\\\\n"];',
        f'  0 -> more0 [style=dashed, label="a-b\\n<{", ".join(map(str, range(16)))}, ...>"];',
        "  1 [shape=doublecircle];",
        "}",
    ]


def test_byte_ranges():
    assert byte_ranges([]) == []
    assert byte_ranges({5, 1, 2, 3, 255}) == [(1, 3), (5, 5), (255, 255)]


@settings(max_examples=30)
@given(grammars())
def test_chains_change_the_picture_only(grammar):
    """A walk through the merged automaton reads the bytes that a walk through the plain one reads."""
    plain, merged = (
        explore(Machine(grammar, Limits()), states=25, chains=chains) for chains in (False, True)
    )
    if not (plain.complete and merged.complete):
        return
    assert words(plain, 4) == words(merged, 4)


def words(automaton, longest):
    """Accepted strings of up to `longest` bytes, at most two bytes tried on each edge."""
    found, queue = set(), [(b"", 0)] if automaton.states else []
    for text, number in queue:
        state = automaton.states[number]
        if state.accepting:
            found.add(text)
        for edge in state.edges:
            steps = [edge.text] if edge.text else [bytes([byte]) for byte in {min(edge.on), max(edge.on)}]
            queue.extend((text + step, edge.target) for step in steps if len(text + step) <= longest)
    return found
