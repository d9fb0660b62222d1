"""The running program: growth, budgets, dropping and distances."""

from __future__ import annotations

import json
from itertools import product

import pytest
from reference.derivatives import matches

from ruvllm_grammar import ir
from ruvllm_grammar.errors import LimitError
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.match import CompiledGrammar
from ruvllm_grammar.program import Machine
from ruvllm_grammar.vocab import Vocabulary

BYTES = Vocabulary.from_tokens(
    [bytes([b]) for b in range(256)] + [b"true", b"[[", b"]]", b'"a"', None], eos={260}
)


def brackets() -> ir.Grammar:
    """Nested lists of letters, two shapes at every level: 2^n linked stacks after n brackets."""
    item = ir.alt(ir.chars(ir.CharSet.of((97, 122))), ir.ref("list"))
    more = ir.repeat(ir.seq(ir.literal(","), item), 0)
    first = ir.seq(ir.literal("["), item, more, ir.literal("]"))
    second = ir.seq(ir.literal("["), ir.optional(item), ir.literal("]"))
    return ir.Grammar("list", {"list": ir.alt(first, second)})


def test_ambiguous_recursion_stays_linear():
    machine = Machine(brackets(), Limits())
    state = machine.step_bytes(machine.start, b"[" * 60)
    assert state >= 0
    assert machine.n_states < 700
    assert len(machine.configurations(state)) < 12
    state = machine.step_bytes(state, b"a" + b"]" * 60)
    assert machine.accepting(state)


def test_counters_of_any_size_cost_one_instruction():
    e = ir.seq(ir.literal("["), ir.repeat(ir.seq(ir.literal(","), ir.ref("x")), 3, 100_000), ir.literal("]"))
    machine = Machine(ir.Grammar("s", {"s": e, "x": ir.literal("ab")}), Limits())
    assert machine.size < 30
    for count, accepted in [(2, False), (3, True), (1000, True)]:
        state = machine.step_bytes(machine.start, b"[" + b",ab" * count + b"]")
        assert (state >= 0 and machine.accepting(state)) == accepted


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 6, 7])
@pytest.mark.parametrize(
    ("low", "high"), [(0, 0), (0, 1), (2, 3), (2, 5), (0, None), (3, None), (5, None), (4, 6)]
)
def test_repetition_counts_exactly(count, low, high):
    body = ir.seq(ir.literal("a"), ir.ref("b"))
    grammar = ir.Grammar("s", {"s": ir.repeat(body, low, high), "b": ir.literal("b")})
    machine = Machine(grammar, Limits())
    state = machine.step_bytes(machine.start, b"ab" * count)
    accepted = state >= 0 and machine.accepting(state)
    assert accepted == (low <= count and (high is None or count <= high)) == matches(grammar, b"ab" * count)


@pytest.mark.parametrize("text", ["", "a", "aa", "aaaa", "aaaaaaa", "b"])
@pytest.mark.parametrize(("low", "high"), [(0, 3), (2, 6), (2, None), (5, 5)])
def test_repeating_something_that_may_be_empty_ends(text, low, high):
    maybe = ir.alt(ir.EMPTY, ir.seq(ir.literal("a"), ir.ref("nothing")))
    grammar = ir.Grammar("s", {"s": ir.repeat(maybe, low, high), "nothing": ir.EMPTY})
    machine = Machine(grammar, Limits())
    state = machine.step_bytes(machine.start, text.encode())
    assert (state >= 0 and machine.accepting(state)) == matches(grammar, text.encode())


@pytest.mark.parametrize("more", [False, True])
@pytest.mark.parametrize("required", list(product((False, True), repeat=3)))
def test_a_chain_has_its_parts_in_order(required, more):
    parts = [ir.alt(ir.literal(letter), ir.literal(letter * 2)) for letter in "abc"]
    chain = ir.chain(
        zip(parts, required, strict=True), ir.literal("x") if more else ir.NEVER, ir.literal(",")
    )
    machine = Machine(ir.Grammar("r", {"r": ir.seq(ir.literal("<"), chain, ir.literal(">"))}), Limits())
    for count in range(5):
        for letters in product(("a", "bb", "c", "x"), repeat=count):
            kept = [letter[0] for letter in letters if letter != "x"]
            wanted = (
                count > 0
                and kept == sorted(set(kept))
                and letters == tuple(sorted(letters))
                and (more or "x" not in letters)
                and all(letter in kept for letter, must in zip("abc", required, strict=True) if must)
            )
            state = machine.step_bytes(machine.start, f"<{','.join(letters)}>".encode())
            assert (state >= 0 and machine.accepting(state)) is wanted, letters


def test_a_rule_that_calls_itself_at_once_is_refused_not_looped():
    grammar = ir.Grammar("s", {"s": ir.alt(ir.seq(ir.ref("s"), ir.literal("a")), ir.literal("b"))})
    with pytest.raises(LimitError) as error:
        Machine(grammar, Limits(stack_nodes=10_000))
    assert error.value.limit in {"configurations", "stack_nodes"}


def test_the_program_has_a_budget():
    rules = {f"r{i}": ir.seq(ir.literal("x" * 100), ir.ref(f"r{i + 1}")) for i in range(100)}
    rules["r100"] = ir.literal("end")
    with pytest.raises(LimitError) as error:
        Machine(ir.Grammar("r0", rules), Limits(program=1000))
    assert error.value.limit == "program"
    assert error.value.needed > 1000


def test_lazy_rules_are_asked_for_when_entered():
    asked = []

    def provider(name):
        asked.append(name)
        return {name: ir.literal(name)}

    rules = {"s": ir.alt(*(ir.seq(ir.literal(c), ir.ref(c)) for c in "abc"))}
    grammar = ir.Grammar("s", rules, provider=provider, key=b"k")
    machine = Machine(grammar, Limits())
    assert asked == []
    machine.step_bytes(machine.start, b"b")
    assert asked == ["b"]


def test_dropping_super_states_moves_live_matchers():
    grammar = CompiledGrammar(brackets(), BYTES, Limits(super_states=64))
    text = "[[a,[b],[[c]]],[d,e,[f]]]"
    matcher = grammar.matcher()
    other = grammar.matcher()
    other.accept_bytes(b"[[a")
    machine = grammar.tokens.machine
    before = machine.epoch
    matcher.accept_bytes(b"[")
    for _ in range(100):
        matcher.accept_bytes(b"[")
    for i in range(40):
        matcher.accept_bytes(bytes([97 + i % 26]))
        matcher.accept_bytes(b",[")
        matcher.accept_bytes(b"a]" if i % 2 else b"[z]]")
        matcher.accept_bytes(b",")
    assert machine.epoch > before
    assert machine.n_states <= 8 * 64
    other.accept_bytes(b"]]")
    assert other.is_accepting
    matcher.rollback(160)
    matcher.accept_bytes(b"x" + b"]" * 101)
    assert matcher.is_accepting
    assert grammar.accepts(text)


def test_distance_counts_tokens_of_literals():
    grammar = ir.Grammar(
        "s", {"s": ir.seq(ir.literal('{"key":'), ir.ref("v"), ir.literal("}")), "v": ir.literal("true")}
    )
    compiled = CompiledGrammar(grammar, BYTES, Limits())
    matcher = compiled.matcher()
    assert matcher.tokens_to_finish == 7 + 1 + 1 + 1  # seven bytes, one token `true`, `}`, the end
    matcher.accept_bytes(b'{"key":')
    assert matcher.tokens_to_finish == 3
    matcher.accept(256)
    assert matcher.tokens_to_finish == 2


def test_distance_of_counted_strings_and_lists():
    e = ir.seq(
        ir.literal("["), ir.repeat(ir.json_string(ir.repeat(ir.ANY_CHAR, 3, 9)), 5, 9), ir.literal("]")
    )
    compiled = CompiledGrammar(ir.Grammar("s", {"s": e}), BYTES, Limits())
    assert compiled.matcher().tokens_to_finish == 1 + 5 * 5 + 1 + 1


def test_a_document_far_longer_than_the_budget_of_states_goes_on():
    item = ir.seq(
        ir.literal("["), ir.repeat(ir.seq(ir.ref("n"), ir.literal(",")), 0, 50_000), ir.literal("]")
    )
    digits = ir.leaf(ir.repeat(ir.chars(ir.CharSet.of((48, 57))), 1))
    grammar = CompiledGrammar(ir.Grammar("s", {"s": item, "n": digits}), BYTES, Limits(super_states=500))
    matcher = grammar.matcher()
    matcher.accept_bytes(b"[")
    for i in range(2_000):
        matcher.accept_bytes(json.dumps(i).encode() + b",")
    matcher.accept_bytes(b"]")
    assert matcher.is_accepting
    assert grammar.tokens.machine.epoch > 3


def test_expressions_deeper_than_pythons_stack():
    e = ir.literal("x")
    for _ in range(3_000):
        e = ir.seq(ir.literal("("), ir.alt(e, ir.seq(ir.literal("y"), ir.ref("end"))), ir.literal(")"))
    machine = Machine(ir.Grammar("s", {"s": e, "end": ir.literal("z")}), Limits())
    for inner, accepted in [(b"x", True), (b"yz", True), (b"y", False)]:
        state = machine.step_bytes(machine.start, b"(" * 3_000 + inner + b")" * 3_000)
        assert (state >= 0 and machine.accepting(state)) == accepted
