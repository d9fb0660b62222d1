"""Steps that are remembered or foreseen, and places that outlive their super-states."""

from __future__ import annotations

import random
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.grammars import grammars, vocabularies

from ruvllm_grammar import ir
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.match import CompiledGrammar
from ruvllm_grammar.tables import allocate_bitmask
from ruvllm_grammar.vocab import Vocabulary

LETTERS = Vocabulary.from_tokens(
    [bytes([b]) for b in range(256)] + [b"ab", "aé".encode(), b'a"', b"\\n", b"a,b", None], eos={261}
)
MORE = ir.json_string(ir.ANY_TEXT)
SPELLED = {
    "any": ir.seq(ir.literal("["), MORE, ir.repeat(ir.seq(ir.literal(","), MORE), 0), ir.literal("]")),
    "two ways": ir.alt(
        ir.json_string(ir.ANY_TEXT), ir.seq(ir.json_string(ir.repeat(ir.chars(ir.CharSet.of("ab")), 2)), ir.literal("!"))
    ),
    "counted": ir.json_string(ir.repeat(ir.ANY_CHAR, 3, 40)),
    "lower case": ir.json_string(ir.repeat(ir.chars(ir.CharSet.of((97, 122))), 0)),
}  # fmt: skip


def legal(matcher, vocabulary) -> set[int]:
    mask = allocate_bitmask(1, vocabulary.size)[0]
    matcher.fill_mask(mask)
    return {i for i in range(vocabulary.size) if (int(mask[i >> 5]) >> (i & 31)) & 1}


def wander(matcher, vocabulary, choose, steps, *, tokens=None) -> list[int]:
    """Take legal tokens at random, mostly the same ones; those taken."""
    out = []
    for _ in range(steps):
        choices = sorted(legal(matcher, vocabulary) - vocabulary.eos)
        if tokens is not None:
            choices = [t for t in choices if t in tokens] or choices
        if not choices:
            break
        out.append(choose.choice(choices))
        matcher.accept(out[-1])
    return out


@pytest.mark.parametrize("name", SPELLED)
def test_plain_tokens_lead_back_where_a_place_says_so(name):
    compiled = CompiledGrammar(ir.Grammar("s", {"s": SPELLED[name]}), LETTERS, Limits())
    machine, places = compiled.tokens.machine, compiled.tokens._places
    for seed in range(6):
        wander(compiled.matcher(), LETTERS, random.Random(seed), 30, tokens={*b'[",abcd', 256, 259, 260})
    looping = [place for place in places.values() if place.plain]
    assert bool(looping) == (name in {"any", "two ways"})
    for place in looping:
        for token, plain in enumerate(place.plain):
            text = LETTERS.token_bytes(token) or b""
            assert plain == (text != b"" and all(0x20 <= b < 0x7F and b not in b'"\\' for b in text))
            if plain:
                assert machine.step_bytes(place.state, text) == place.state


@settings(max_examples=30)
@given(grammars(), vocabularies(), st.integers(0, 2**32))
def test_dropping_super_states_at_any_time_changes_nothing(grammar, vocabulary, seed):
    choose = random.Random(seed)
    free = CompiledGrammar(grammar, vocabulary, Limits())
    tight = CompiledGrammar(grammar, vocabulary, Limits(super_states=4))
    one, other = free.matcher(), tight.matcher()
    length = 0
    for _ in range(12):
        assert legal(one, vocabulary) == legal(other, vocabulary)
        choices = sorted(legal(one, vocabulary) - vocabulary.eos)
        if choices and choose.random() < 0.8:
            token = choose.choice(choices)
            one.accept(token)
            other.accept(token)
            length += 1
        elif length:
            back = choose.randint(1, length)
            one.rollback(back)
            other.rollback(back)
            length -= back
        if choose.random() < 0.3:
            tight.tokens.machine.limits = Limits(super_states=1)
            tight.tokens.machine.relieve()
            tight.tokens.machine.limits = Limits(super_states=4)
        if choose.random() < 0.2:
            other = other.fork()


def test_a_matcher_that_walks_on_while_others_drop_its_super_states():
    """The race of `match.place`: what the dropping thread sees is not where the matcher stands afterwards."""
    compiled = CompiledGrammar(ir.Grammar("s", {"s": SPELLED["lower case"]}), LETTERS, Limits())
    first, matcher = compiled.matcher(), compiled.matcher()
    for token in b'"abcabc':
        first.accept(token)
    matcher.accept(ord('"'))
    old = matcher._place
    machine = compiled.tokens.machine
    machine.limits = Limits(super_states=1)
    machine.relieve()
    machine.limits = Limits()
    matcher._past = (matcher._past, ord("a"), old, matcher._scan, matcher._known)
    matcher._place = old.steps.get(ord("a")) or type(old)(old.state + 1, old.epoch, 0)
    matcher._length += 1
    assert legal(matcher, LETTERS) == legal(first, LETTERS)
    matcher.accept_bytes(b'b"')
    assert matcher.is_accepting


def test_threads_that_drop_super_states_of_each_other():
    rules = {"s": SPELLED["any"]}
    shared = CompiledGrammar(ir.Grammar("s", rules), LETTERS, Limits(super_states=8))
    alone = CompiledGrammar(ir.Grammar("s", rules), LETTERS, Limits())
    failures = []

    def work(seed: int) -> None:
        try:
            choose = random.Random(seed)
            matcher, twin = shared.matcher(), alone.matcher()
            for token in wander(
                alone.matcher(), LETTERS, random.Random(seed), 60, tokens={*b'[",abc]', 256, 258}
            ):
                matcher.accept(token)
                twin.accept(token)
                if choose.random() < 0.2:
                    matcher.rollback(1)
                    matcher.accept(token)
                assert legal(matcher, LETTERS) == legal(twin, LETTERS)
        except Exception as error:  # noqa: BLE001  reported by the main thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[0]
