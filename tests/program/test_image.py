"""Machines made from images: the same answers, and no answer from an image that the source does not bear out."""

from __future__ import annotations

import gc
import logging
import random
import weakref

import numpy as np
import pytest

import ruvllm_grammar as rg
from ruvllm_grammar import api, ir
from ruvllm_grammar.kernels import layout
from ruvllm_grammar.program.image import ENOUGH_STATES, MOST_STATES, Image

VOCABULARY = rg.Vocabulary.from_tokens([*(bytes([b]) for b in range(256)), b'":', b"12", None], eos={258})
LIMITS = rg.Limits()


def schema(**members):
    return rg.JsonSchema(
        {"properties": members, "required": list(members), "additionalProperties": False},
        whitespace="compact",
    )


WHOLE = schema(a={"type": "integer"}, b={"type": "string", "maxLength": 3}, c={"enum": ["x", "y"]})


def image_of(source, *texts):
    grammar = rg.compile(source, VOCABULARY)
    for text in texts:
        mask(grammar.matcher(), text)
    return grammar.tokens.machine.image(range(grammar.tokens.machine.n_states))


def resumed(image, source):
    """A grammar on an image, whose source turns out to be `source`."""
    read = api.to_ir(source, LIMITS)
    deferred = ir.DeferredGrammar(read.start, lambda: read, key=read.key, lenient=read.lenient is not None)
    return rg.CompiledGrammar(deferred, VOCABULARY, LIMITS, image=image)


def mask(matcher, text=""):
    matcher.accept_bytes(text.encode())
    row = rg.allocate_bitmask(1, VOCABULARY.size)[0]
    matcher.fill_mask(row)
    return row.tobytes()


def test_what_is_known_needs_no_source():
    image = image_of(WHOLE, '{"a":1')
    grammar = resumed(image, WHOLE)
    assert mask(grammar.matcher(), '{"a":1') == mask(rg.compile(WHOLE, VOCABULARY).matcher(), '{"a":1')
    assert grammar.tokens.machine.is_dormant
    assert grammar.tokens.machine.image().names == image.names


def test_the_source_is_read_where_nobody_was():
    grammar = resumed(image_of(WHOLE, '{"a":1'), WHOLE)
    matcher = grammar.matcher()
    fresh = rg.compile(WHOLE, VOCABULARY).matcher()
    for text in ('{"a":1', ',"b":"é', '","c":', '"x"}'):
        assert mask(matcher, text) == mask(fresh, text)
    assert not grammar.tokens.machine.is_dormant
    assert grammar.tokens.machine.epoch == 0


def test_an_image_of_a_resumed_machine_is_that_of_a_machine_that_did_it_all():
    grammar = resumed(image_of(WHOLE, '{"a":1'), WHOLE)
    mask(grammar.matcher(), '{"a":1,"b":"z')
    found = grammar.tokens.machine.image(range(grammar.tokens.machine.n_states))
    expected = image_of(WHOLE, '{"a":1', '{"a":1,"b":"z')
    assert found.names == expected.names
    assert {name: array.tolist() for name, array in found.arrays.items()} == {
        name: array.tolist() for name, array in expected.arrays.items()
    }


OTHERS = [
    schema(a={"type": "integer"}, b={"type": "string", "maxLength": 3}, c={"enum": ["x", "z"]}),
    schema(a={"type": "integer"}, b={"type": "integer"}, c={"enum": ["x", "y"]}),
    schema(a={"type": "integer"}, b={"type": "string", "maxLength": 4}, c={"enum": ["x", "y"]}),
    schema(a={"type": "integer"}, d={}),
    rg.JsonSchema({"properties": {"a": {}}}, any_order=True),
]


@pytest.mark.parametrize("other", OTHERS, ids=range(len(OTHERS)))
def test_another_source_is_started_anew(other, caplog):
    """Cannot happen while keys and compiler agree; if it does, matchers go on in the source as it is."""
    grammar = resumed(image_of(WHOLE, '{"a":1'), other)
    truth = rg.compile(other, VOCABULARY)
    matcher, waiting, forked = grammar.matcher(), grammar.matcher(), grammar.matcher()
    waiting.accept_bytes(b'{"a')
    forked.accept_bytes(b'{"')
    forked = forked.fork()
    matcher.accept_bytes(b'{"a":1')
    with caplog.at_level(logging.WARNING):
        assert matcher.tokens_to_finish > 1  # asks for every rule
    assert "starting anew" in caplog.text
    expected = truth.matcher()
    assert mask(matcher) == mask(expected, '{"a":1')
    assert mask(waiting, '":') == mask(truth.matcher(), '{"a":')
    assert mask(forked, "a") == mask(truth.matcher(), '{"a')
    matcher.rollback(2)
    assert mask(matcher) == mask(truth.matcher())
    assert grammar.tokens.machine.epoch == 1
    assert grammar.tokens.machine.image() is None


@pytest.mark.parametrize("ask", ["accept", "accept_bytes", "fill_mask", "forced", "finish_within"])
def test_whoever_asks_first_gets_the_fresh_answer(ask):
    other = OTHERS[1]
    grammar = resumed(image_of(WHOLE), other)
    found = []
    for matcher in (grammar.matcher(), rg.compile(other, VOCABULARY).matcher()):
        if ask == "finish_within":
            matcher.finish_within(40)
        for byte in b'{"a":1,"b":':
            if ask == "accept_bytes":
                matcher.accept_bytes(bytes([byte]))
            else:
                matcher.accept(byte)
            if ask == "forced":
                found.append(matcher.forced())
            if ask == "fill_mask":
                found.append(mask(matcher))
        found.append(mask(matcher))
    assert found[: len(found) // 2] == found[len(found) // 2 :]
    assert grammar.tokens.machine.epoch == 1


def test_a_text_that_the_source_does_not_know_is_refused_from_then_on():
    grammar = resumed(image_of(WHOLE, '{"a":1'), OTHERS[4])
    matcher = grammar.matcher()
    matcher.accept_bytes(b'{"a":1')
    nowhere = resumed(image_of(WHOLE, '{"a":1'), schema(b={"type": "null"}))
    lost, other = nowhere.matcher(), nowhere.matcher()
    lost.accept_bytes(b'{"a":1')
    assert other.tokens_to_finish > 1
    assert mask(other, '{"b"') == mask(rg.compile(schema(b={"type": "null"}), VOCABULARY).matcher(), '{"b"')
    for ask in (lambda: mask(lost), lambda: lost.accept(32), lost.forced, lambda: lost.is_accepting):
        with pytest.raises(rg.MatchError, match="reads otherwise"):
            ask()
    lost.rollback()
    assert mask(lost) == mask(rg.compile(schema(b={"type": "null"}), VOCABULARY).matcher())


def test_a_log_that_cannot_be_replayed():
    whole = image_of(WHOLE, '{"a":1')
    for event in (99, -99):
        image = Image({**whole.arrays, "log": np.array([event], np.int32)}, whole.names)
        grammar = resumed(image, WHOLE)
        assert mask(grammar.matcher(), '{"a":1,"b":"') == mask(
            rg.compile(WHOLE, VOCABULARY).matcher(), '{"a":1,"b":"'
        )
        assert grammar.tokens.machine.epoch == 1


def test_tests_of_values_read_the_source():
    source = rg.JsonSchema({"multipleOf": 0.3})
    image = image_of(source, "0")
    grammar = resumed(image, source)
    truth = rg.compile(source, VOCABULARY)
    for text in ("0.9", "-12e3", "7"):
        assert grammar.accepts(text) == truth.accepts(text)
    checks = grammar.tokens.machine.checks
    assert [(check.kind, check.name) for check in checks] == [
        (check.kind, check.name) for check in truth.tokens.machine.checks
    ]


def test_a_dropped_grammar_frees_its_arrays_at_once():
    source = rg.JsonSchema({"multipleOf": 0.3})
    grammar = resumed(image_of(source, "0"), source)
    arrays = weakref.ref(grammar.tokens.machine.arena.states)
    gc.collect()
    gc.disable()
    try:
        del grammar
        assert arrays() is None
    finally:
        gc.enable()


def test_only_so_many_states_are_kept():
    source = rg.JsonSchema({"type": "string", "maxLength": 9000})
    grammar = rg.compile(source, VOCABULARY)
    matcher = grammar.matcher()
    matcher.accept_bytes(b'"' + b"a" * (MOST_STATES + 500))
    machine = grammar.tokens.machine
    assert machine.n_states > MOST_STATES
    assert machine.image().number("states") == ENOUGH_STATES
    image = machine.image(range(machine.n_states))
    assert image.number("states") == MOST_STATES
    assert image.arrays["to"].max() < MOST_STATES
    text = '"' + "b" * 9000
    assert mask(resumed(image, source).matcher(), text) == mask(
        rg.compile(source, VOCABULARY).matcher(), text
    )


def test_any_states_may_be_left_out():
    """Whatever is kept, the answers are those of the whole machine."""
    source = rg.JsonSchema(
        {"type": "object", "properties": {"a": {"type": "array", "items": {"enum": ["x", 12]}}}}
    )
    text = '{"a": ["x", 12], "b": {"c": 1}}'
    grammar = rg.compile(source, VOCABULARY)
    wanted = [mask(grammar.matcher(), text[:n]) for n in range(len(text) + 1)]
    machine = grammar.tokens.machine
    randomness = random.Random(1)
    for share in (0.1, 0.5, 0.9):
        useful = [state for state in range(machine.n_states) if randomness.random() < share] + [
            machine.n_states - 1
        ]
        image = machine.image(useful)
        assert set(useful) <= set(image.kept.tolist())
        again = resumed(image, source)
        assert [mask(again.matcher(), text[:n]) for n in range(len(text) + 1)] == wanted


def test_tokens_and_marks_survive():
    body = ir.seq(ir.mark("m", ir.literal("a")), ir.token(257, 258), ir.ref("r"), ir.literal("c"))
    rules = {"s": body, "r": ir.literal("b")}
    grammar = ir.Grammar("s", rules)
    first = rg.CompiledGrammar(grammar, VOCABULARY, LIMITS)
    wanted = [mask(first.matcher()), mask(first.matcher(), "a")]
    image = first.tokens.machine.image()
    again = rg.CompiledGrammar(ir.Grammar("s", rules), VOCABULARY, LIMITS, image=image)
    assert [mask(again.matcher()), mask(again.matcher(), "a")] == wanted
    matcher = again.matcher()
    matcher.accept(ord("a"))
    matcher.accept(257)
    matcher.accept_bytes(b"bc")
    assert matcher.is_accepting


def test_the_arena_is_the_same():
    """Arrays of a resumed machine hold what the first one's do, the hash tables included."""
    grammar = rg.compile(WHOLE, VOCABULARY)
    mask(grammar.matcher(), '{"a":1,"b":"abc","c":"x"}')
    first = grammar.tokens.machine
    image = first.image()
    again = resumed(image, WHOLE).tokens.machine
    n = first.n_states
    assert again.n_states == n
    assert np.array_equal(again.arena.table[:n], first.arena.table[:n])
    assert np.array_equal(again.arena.states[:n], first.arena.states[:n])
    assert again.arena.head[layout.N_EDGES] == first.arena.head[layout.N_EDGES]
    for state in range(n):
        found = again.close(again.configurations(state))
        assert found == first.close(first.configurations(state))
