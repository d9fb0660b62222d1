"""The law of masks: a token is legal exactly when the text with it is the beginning of some document."""

from __future__ import annotations

import random

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from reference.derivatives import alive, matches
from support.grammars import grammars, vocabularies

from ruvllm_grammar import ir
from ruvllm_grammar.automata.algebra import RegularAlgebra
from ruvllm_grammar.errors import MatchError
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.match import CompiledGrammar
from ruvllm_grammar.tables import allocate_bitmask

LIMITS = Limits()


def legal(matcher, vocabulary) -> set[int]:
    mask = allocate_bitmask(1, vocabulary.size)[0]
    matcher.fill_mask(mask)
    return {i for i in range(vocabulary.size) if (int(mask[i >> 5]) >> (i & 31)) & 1}


def naive(grammar, vocabulary, prefix: bytes) -> set[int]:
    out = set()
    known: dict[bytes, bool] = {}

    def is_alive(text: bytes) -> bool:
        if text not in known:
            known[text] = (len(text) <= len(prefix) or is_alive(text[:-1])) and alive(grammar, text)
        return known[text]

    for token in range(vocabulary.size):
        text = vocabulary.token_bytes(token)
        if token in vocabulary.eos:
            if matches(grammar, prefix):
                out.add(token)
        elif text is not None and is_alive(prefix + text):
            out.add(token)
    return out


def live(grammar: ir.Grammar) -> ir.Grammar | None:
    """The grammar without dead ends; None when nothing is left."""
    rules = ir.prune(grammar.force(), RegularAlgebra(LIMITS))
    return ir.Grammar(grammar.start, rules) if grammar.start in rules else None


def ready(grammar: ir.Grammar, vocabulary) -> tuple[ir.Grammar, CompiledGrammar]:
    """The grammar without dead ends, compiled; the example is dropped when nothing is left of it."""
    pruned = live(grammar)
    assume(pruned is not None)
    return pruned, CompiledGrammar(pruned, vocabulary, LIMITS)


@settings(max_examples=60)
@given(grammars(), vocabularies(), st.integers(0, 2**32))
def test_masks_equal_the_naive_filter(grammar, vocabulary, seed):
    grammar, compiled = ready(grammar, vocabulary)
    choose = random.Random(seed)
    matcher = compiled.matcher()
    prefix = b""
    for _ in range(5):
        expected = naive(grammar, vocabulary, prefix)
        assert legal(matcher, vocabulary) == expected
        assert matcher.is_accepting == matches(grammar, prefix)
        text_tokens = sorted(expected - vocabulary.eos)
        if not text_tokens:
            break
        token = choose.choice(text_tokens)
        forbidden = sorted(set(range(vocabulary.size)) - expected)
        if forbidden:
            try:
                matcher.accept(choose.choice(forbidden))
            except MatchError:
                pass
            else:
                raise AssertionError("an illegal token was accepted")
        matcher.accept(token)
        prefix += vocabulary.token_bytes(token)
    assert compiled.accepts(prefix) == matches(grammar, prefix)


@settings(max_examples=40)
@given(grammars(), vocabularies(), st.integers(0, 2**32), st.integers(0, 12))
def test_finish_within_always_ends_in_time(grammar, vocabulary, seed, slack):
    grammar, compiled = ready(grammar, vocabulary)
    choose = random.Random(seed)
    matcher = compiled.matcher()
    budget = matcher.tokens_to_finish + slack
    matcher.finish_within(budget)
    text = b""
    used = 0
    while not matcher.is_finished:
        choices = sorted(legal(matcher, vocabulary))
        assert choices, "a dead end inside the budget"
        token = choose.choice(choices)
        matcher.accept(token)
        text += vocabulary.token_bytes(token) or b""
        used += 1
        assert used <= budget
    assert matches(grammar, text)


@settings(max_examples=40)
@given(grammars(), vocabularies(), st.integers(0, 2**32))
def test_rollback_and_fork_lead_back_to_the_same_mask(grammar, vocabulary, seed):
    grammar, compiled = ready(grammar, vocabulary)
    choose = random.Random(seed)
    matcher = compiled.matcher()
    masks = [legal(matcher, vocabulary)]
    forks = [matcher.fork()]
    for _ in range(6):
        choices = sorted(masks[-1] - vocabulary.eos)
        if not choices:
            break
        matcher.accept(choose.choice(choices))
        masks.append(legal(matcher, vocabulary))
        forks.append(matcher.fork())
    for fork, mask in zip(forks, masks, strict=True):
        assert legal(fork, vocabulary) == mask
    for mask in reversed(masks):
        assert legal(matcher, vocabulary) == mask
        if mask is not masks[0]:
            matcher.rollback(1)


@settings(max_examples=40)
@given(grammars(), vocabularies())
def test_forced_tokens_are_the_only_text(grammar, vocabulary):
    grammar, compiled = ready(grammar, vocabulary)
    matcher = compiled.matcher()
    prefix = b""
    for token in matcher.forced():
        text = vocabulary.token_bytes(token)
        assert text is not None
        for byte in text:
            assert not matches(grammar, prefix)
            assert {b for b in range(256) if alive(grammar, prefix + bytes([b]))} == {byte}
            prefix += bytes([byte])
        assert token in legal(matcher, vocabulary)
        matcher.accept(token)
