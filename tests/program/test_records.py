"""Frames: records in the stack, against the list of all words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.frames import Letters, letters

import ruvllm_grammar as rg
from ruvllm_grammar import ir
from ruvllm_grammar.errors import LimitError
from ruvllm_grammar.kernels import layout
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.match import CompiledGrammar
from ruvllm_grammar.program import Machine
from ruvllm_grammar.vocab import Vocabulary

PIECES = [b"aa!", b"a!,", b"!,b", b"bb!]", b",c", b"[a", b"[a", b"c!", b"!]", b"dd", b"],", b"a!,a"]
TOKENS = Vocabulary.from_tokens([bytes([b]) for b in range(256)] + PIECES + [None], eos={256 + len(PIECES)})
END = 256 + len(PIECES)


def legal(matcher):
    row = rg.allocate_bitmask(1, TOKENS.size)[0]
    matcher.fill_mask(row)
    return {t for t in range(TOKENS.size) if row[t >> 5] >> (t & 31) & 1}


def expected(words, text):
    spelled = {t: TOKENS.token_bytes(t) for t in range(TOKENS.size) if TOKENS.token_bytes(t)}
    found = {t for t, piece in spelled.items() if any(word.startswith(text + piece) for word in words)}
    return found | ({END} if text in words else set())


@given(letters(), st.integers(0, 2**32 - 1), st.sampled_from([100_000, 12]))
@settings(max_examples=60)
def test_masks_are_the_prefixes_of_words(frame, seed, super_states):
    words = frame.words()
    matcher = CompiledGrammar(frame.grammar(), TOKENS, Limits(super_states=super_states)).matcher()
    random = np.random.default_rng(seed)
    text = b""
    while True:
        found = legal(matcher)
        assert found == expected(words, text)
        token = int(random.choice(sorted(found)))
        matcher.accept(token)
        if token == END:
            return
        text += TOKENS.token_bytes(token)


@given(letters(), st.integers(0, 2**32 - 1), st.integers(0, 3))
@settings(max_examples=60)
def test_what_is_owed_bounds_the_way_home(frame, seed, slack):
    matcher = CompiledGrammar(frame.grammar(), TOKENS, Limits()).matcher()
    budget = matcher.tokens_to_finish + slack
    matcher.finish_within(budget)
    random = np.random.default_rng(seed)
    used = 0
    while not matcher.is_finished:
        found = legal(matcher)
        assert found
        matcher.accept(int(random.choice(sorted(found))))
        used += 1
    assert used <= budget


def test_rolling_back_over_a_drop_finds_the_record_again():
    frame = Letters("abcd", frozenset("ad"), 2, 4)
    matcher = CompiledGrammar(frame.grammar(), TOKENS, Limits(super_states=10)).matcher()
    masks = []
    text = b"[bb!,dd!,cc!,aa!]"
    for byte in text:
        masks.append(legal(matcher))
        matcher.accept(byte)
    assert matcher.is_accepting
    for expected_mask in reversed(masks):
        matcher.rollback(1)
        assert legal(matcher) == expected_mask


def test_two_frames_at_once_and_inside_each_other():
    inner = Letters("ab", frozenset("b"), 1, 2)
    outer = Letters("ab", frozenset(), 0, 2)
    strict, loose = inner.grammar().rule("start"), outer.grammar().rule("start")
    rules = inner.grammar().force() | outer.grammar().force()
    rules["start"] = ir.alt(ir.seq(strict, ir.literal("x")), ir.seq(loose, ir.literal("y")))
    grammar = CompiledGrammar(ir.Grammar("start", rules), TOKENS, Limits())
    verdicts = {
        text: grammar.accepts(text)
        for text in ["[aa!]x", "[aa!]y", "[aa!,bb!]x", "[bb!,aa!]y", "[]x", "[]y", "[aa!,aa!]y"]
    }
    assert verdicts == {
        "[aa!]x": False, "[aa!]y": True, "[aa!,bb!]x": True, "[bb!,aa!]y": True, "[]x": False, "[]y": True,
        "[aa!,aa!]y": False,
    }  # fmt: skip


@dataclass(frozen=True)
class Counter:
    """Counts without end."""

    key: str = "counter"
    start: int = 0
    owed: tuple[str, ...] = ()

    def step(self, record: int, symbol: int) -> int:
        return record + 1

    def debt(self, record: int) -> tuple[str, ...]:
        return ()


def test_records_have_a_budget():
    body = ir.repeat(ir.seq(ir.literal("a"), ir.step(0)), 0)
    machine = Machine(ir.Grammar("s", {"s": ir.frame(Counter(), body)}), Limits(stack_nodes=3000))
    with pytest.raises(LimitError) as error:
        machine.step_bytes(machine.start, b"a" * 10_000)
    assert error.value.limit == "stack_nodes"


def test_checks_leave_a_trace_and_can_fail():
    name = ir.Check("name", "names", "/properties")
    item = ir.Check("item", "items", "/items")
    either = ir.alt(
        ir.seq(ir.literal("ab"), ir.check(name), ir.literal("c")), ir.seq(ir.literal("ab"), ir.check(item))
    )
    machine = Machine(ir.Grammar("s", {"s": ir.seq(either, ir.literal("d"))}), Limits())
    before = machine.step_bytes(machine.start, b"a")
    after = machine.step_bytes(before, b"b")
    assert machine.crossed(before) == ()
    assert [machine.checks[k] for k in machine.crossed(after)] == [name, item]
    number = {check: k for k, check in enumerate(machine.checks)}
    survivors = {
        kind: {
            chr(b)
            for b in b"cd"
            if machine.step_bytes(
                machine.step_failing(before, ord("b"), [number[c] for c in failing]), bytes([b])
            )
            >= 0
        }
        for kind, failing in {"name": [name], "item": [item], "none": []}.items()
    }
    assert survivors == {"name": {"d"}, "item": {"c"}, "none": {"c", "d"}}
    assert machine.step_failing(before, ord("b"), list(number.values())) < 0
    assert machine.step_bytes(before, b"b") == after  # what failed is not remembered
    view = np.frombuffer(b"abd", np.uint8)
    assert machine.call(machine.kernels.advance_to_check, machine.start, view, 0, 3) == after
    assert machine.arena.head[[layout.AT, layout.BEFORE]].tolist() == [1, before]


def test_a_call_that_keeps_asking_gets_records_ahead(monkeypatch):
    body = ir.repeat(ir.seq(ir.literal("a"), ir.step(0)), 0)
    machine = Machine(ir.Grammar("s", {"s": ir.frame(Counter(), body)}), Limits())
    asked = []
    serve = Machine.serve

    def counted(self, code, served=0):
        asked.append(code)
        serve(self, code, served)

    monkeypatch.setattr(Machine, "serve", counted)
    one_by_one = machine.step_bytes(machine.start, b"a")
    assert one_by_one >= 0
    assert machine.step_bytes(one_by_one, b"a" * 900) >= 0
    assert 3 < asked.count(layout.NEED_RECORD) < 20
