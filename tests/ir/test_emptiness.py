"""Which rules match anything: against the oracle's own fixed point, and with exact answers below boolean operators."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from reference import expressions
from reference.brzozowski import not_empty
from reference.derivatives import alive, matches

from ruvllm_grammar import ir
from ruvllm_grammar.automata import RegularAlgebra
from ruvllm_grammar.ir import alt, both, literal, prune, ref, repeat, seq

ALGEBRA = RegularAlgebra()
A, B = literal("a"), literal("b")
NOTHING = both(A, B)
NAMES = ["p", "q", "r"]


@st.composite
def rule_sets(draw: st.DrawFn) -> dict[str, ir.Expr]:
    """Three rules that refer to each other, with leaves that may secretly be empty."""
    atoms = st.sampled_from(
        [A, B, ir.leaf(NOTHING), ir.json_string(NOTHING), NOTHING, *map(ref, NAMES), *map(ref, NAMES)]
    )
    body = st.recursive(
        atoms,
        lambda e: st.one_of(
            st.tuples(e, e).map(lambda ab: seq(*ab)),
            st.tuples(e, e).map(lambda ab: alt(*ab)),
            st.tuples(e, st.integers(0, 2)).map(lambda en: repeat(en[0], en[1], 2)),
            e.map(lambda x: ir.mark("m", x)),
        ),
        max_leaves=5,
    )
    return {name: draw(body) for name in NAMES}


@given(rule_sets())
def test_productive_rules_are_those_with_a_word(rules):
    expected = {name for name in NAMES if alive(ir.Grammar(name, rules, key=b"k"), b"")}
    assert ir.productive_rules(rules, ALGEBRA) == expected


@given(rule_sets(), st.lists(st.sampled_from([b"a", b"b"]), max_size=4))
def test_pruning_keeps_every_word_and_leaves_no_dead_end(rules, letters):
    text = b"".join(letters)
    pruned = prune(rules, ALGEBRA)
    for name, body in pruned.items():
        assert set(ir.references(body)) <= set(pruned)
        before, after = (ir.Grammar(name, group, key=b"k") for group in (rules, pruned))
        assert matches(before, text) == matches(after, text)
        assert NOTHING not in _all_nodes(body)


def test_a_chain_loses_what_nothing_matches():
    dead, comma = ref("dead"), literal(",")
    rules = {
        "dead": ref("dead"),
        "optional": ir.chain([(dead, False), (A, True)], dead, comma),
        "required": ir.chain([(dead, True), (A, False)], B, comma),
        "alone": ir.chain([(A, True), (dead, False)], ir.NEVER, dead),
        "pair": ir.chain([(A, True), (B, True)], ir.NEVER, dead),
    }
    assert prune(rules, ALGEBRA) == {
        "optional": ir.chain([(A, True)], ir.NEVER, comma),
        "alone": ir.chain([(A, True)], ir.NEVER, ir.NEVER),
    }


def _all_nodes(e: ir.Expr) -> set[ir.Expr]:
    found, stack = set(), [e]
    while stack:
        node = stack.pop()
        found.add(node)
        stack.extend(ir.children(node))
    return found


@given(expressions.regular())
def test_only_boolean_operators_and_machines_hide_emptiness(e):
    if not ir.hides_emptiness(e):
        assert not_empty(e) == (e is not ir.NEVER)
    assert ir.hides_emptiness(e) == any(
        isinstance(node, (ir.Both, ir.Complement, ir.Machine)) for node in _all_nodes(e)
    )


def test_a_dead_branch_becomes_never():
    rules = {"start": alt(seq(A, ref("dead")), B), "dead": seq(A, ref("dead"))}
    assert prune(rules, ALGEBRA) == {"start": B}
