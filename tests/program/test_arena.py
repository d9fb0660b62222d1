"""Arrays of machines: freed when a grammar goes, tables used again, never while somebody looks at them."""

from __future__ import annotations

import gc
import weakref

import numpy as np

import ruvllm_grammar as rg
from ruvllm_grammar import ir
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.program import Machine, arena

VOCABULARY = rg.Vocabulary.from_tokens([bytes([b]) for b in range(256)] + [None], eos={256})


def test_a_dropped_grammar_needs_no_collector():
    schema = {"properties": {"a": {"items": {"type": "integer"}, "uniqueItems": True}}}
    gc.collect()
    gc.disable()
    try:
        grammar = rg.compile(rg.JsonSchema(schema), VOCABULARY)
        matcher = grammar.matcher()
        matcher.accept_bytes(b'{"a": [1, 2, ')
        matcher.fill_mask(rg.allocate_bitmask(1, VOCABULARY.size)[0])
        machine = weakref.ref(grammar.tokens.machine)
        del grammar, matcher
        assert machine() is None
    finally:
        gc.enable()


def made() -> Machine:
    return Machine(ir.Grammar("s", {"s": ir.repeat(ir.literal("ab"), 0)}), Limits())


def test_a_table_is_used_again_once_nobody_sees_it():
    arena._SPARE.clear()
    machine = made()
    row = machine.arena.table[machine.start]
    before = row.copy()
    del machine
    gc.collect()
    assert not arena._SPARE  # `row` is a view of it
    other = made()
    assert other.step_bytes(other.start, b"abab") >= 0
    assert np.array_equal(row, before)
    del row
    assert len(arena._SPARE) == 1
    third = made()
    assert not arena._SPARE
    assert third.step_bytes(third.start, b"abab") >= 0
    assert third.step_bytes(third.start, b"b") < 0
