"""Rows that are named and put together, against a plain walk of the whole trie by the same machine."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.grammars import grammars, vocabularies

import ruvllm_grammar as rg
from ruvllm_grammar import ir
from ruvllm_grammar.automata.algebra import RegularAlgebra
from ruvllm_grammar.kernels import layout
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.program import Machine
from ruvllm_grammar.tables import RowBuilder

LIMITS = Limits()


def walked(machine: Machine, vocabulary, state: int, limit: int) -> tuple[set[int], int, bool]:
    """Tokens, the farthest distance, and whether a check was met."""
    trie = vocabulary.trie
    words = np.zeros(vocabulary.words, np.int32)
    path = np.zeros(trie.max_depth + 2, np.int32)
    machine.arena.head[layout.MET] = 0
    far = machine.call(machine.kernels.walk, state, trie.nodes, trie.order, path, limit, words)
    found = set(np.flatnonzero(np.unpackbits(words.view(np.uint8), bitorder="little")).tolist())
    return (
        found | (set(vocabulary.eos) if machine.accepting(state) else set()),
        far,
        bool(machine.arena.head[layout.MET]),
    )


def held(row: rg.Row) -> set[int]:
    out = np.zeros((row.size + 31) // 32, np.int32)
    row.copy_to(out)
    return set(np.flatnonzero(np.unpackbits(out.view(np.uint8), bitorder="little")).tolist())


def compare(machine: Machine, rows: RowBuilder, vocabulary, state: int) -> set[int]:
    tokens, far, met = walked(machine, vocabulary, state, layout.FAR)
    found = rows.row(state)
    assert held(found.row) == tokens
    assert found.farthest >= far
    assert found.meets >= met
    if machine.arena.head[layout.HAS_DISTANCE]:
        nearest = machine.distance(state)
        for limit in (0, nearest - 1, nearest, nearest + 2):
            assert held(rows.row_within(state, limit)) == walked(machine, vocabulary, state, limit)[0]
    return tokens


@settings(max_examples=60)
@given(grammars(), vocabularies(), st.integers(0, 2**32), st.booleans())
def test_rows_equal_a_plain_walk(grammar, vocabulary, seed, distances):
    rules = ir.prune(grammar.force(), RegularAlgebra(LIMITS))
    assume(grammar.start in rules)
    machine = Machine(ir.Grammar(grammar.start, rules), LIMITS)
    rows = RowBuilder(machine, vocabulary)
    if distances:
        machine.prepare_distances(vocabulary.trie.nodes)
    choose = random.Random(seed)
    state = machine.start
    for _ in range(6):
        text = sorted(compare(machine, rows, vocabulary, state) - vocabulary.eos)
        if not text:
            break
        state = machine.step_bytes(state, vocabulary.token_bytes(choose.choice(text)))


PIECES = [
    '"a',
    '":',
    '",',
    '"b',
    '": ',
    '" ',
    "12",
    "1,",
    ' "',
    "  ",
    '\n  "',
    'a"',
    '"}',
    "ab",
    "true",
    'é"',
    '"x",',
    "[1",
]
VOCABULARY = rg.Vocabulary.from_tokens(
    [bytes([b]) for b in range(256)] + [p.encode() for p in PIECES] + [None], eos={256 + len(PIECES)}
)
SCHEMA = {
    "properties": {
        "a": {"type": "string", "minLength": 2, "maxLength": 4},
        "ab": {"type": "string", "pattern": "a.*b"},
        "b": {"type": "array", "items": {"type": "integer"}, "maxItems": 3, "uniqueItems": True},
    },
    "required": ["a"],
}


def test_rows_along_documents_equal_a_plain_walk():
    grammar = rg.compile(rg.JsonSchema(SCHEMA), VOCABULARY)
    machine, rows = grammar.tokens.machine, grammar.tokens.rows
    for text in (b'{"a": "xyzw", "ab": "\\u0061xxb", "b": [1, 23], "c": {"a": null}}', b'{\n  "a" : "xy" }'):
        for round_trip in range(2):
            if round_trip:
                machine.prepare_distances(VOCABULARY.trie.nodes)
            state = machine.start
            for byte in text:
                compare(machine, rows, VOCABULARY, state)
                state = machine.step_bytes(state, bytes([byte]))
            assert machine.accepting(state)


def test_grammars_share_rows_of_other_programs():
    first = rg.compile(
        rg.JsonSchema({"properties": {"abc": {"type": "string"}}, "required": ["abc"]}), VOCABULARY
    )
    other = rg.compile(
        rg.JsonSchema({"properties": {"xyz": {"type": "string"}}, "required": ["xyz"]}), VOCABULARY
    )
    found = []
    for grammar, text in ((first, b'{"abc": "t'), (other, b'{"xyz": "t')):
        matcher = grammar.matcher()
        matcher.accept_bytes(text)
        found.append(matcher.legal())
    assert found[0] is found[1]
