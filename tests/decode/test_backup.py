"""Backing up from the dead ends of a grammar whose last word a test of the text has."""

from __future__ import annotations

import re

import numpy as np
import pytest

import ruvllm_grammar as rg
from ruvllm_runtime import GenerationDeadEnd, SamplingParams
from ruvllm_runtime.decode import Constraint, Sampler, Sequence, TextStream, decode
from ruvllm_runtime.decode.backup import Backups, luby
from ruvllm_runtime.decode.masking import free_row, row_of
from ruvllm_runtime.decode.stop import StopStrings
from ruvllm_runtime.model import byte_vocabulary, random_llama, toy_model
from ruvllm_runtime.model.adapter import CausalModel

EOS = 257


class Checked:
    """A grammar narrowed by a test of every beginning of a document; guarded, for the masks look one token ahead."""

    guards = (rg.Guard("/items", "some words are missing"),)

    def __init__(self, source, test, vocabulary):
        self.inner = rg.compile(source, vocabulary)
        self.vocabulary = vocabulary
        self.test = test

    def matcher(self):
        return CheckedMatcher(self)

    def accepts(self, text):
        return self.inner.accepts(text) and self.test(text)


class CheckedMatcher:
    def __init__(self, grammar):
        self.grammar = grammar
        self.inner = grammar.inner.matcher()
        self.tokens = []

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def fork(self):
        copy = CheckedMatcher(self.grammar)
        copy.inner, copy.tokens = self.inner.fork(), list(self.tokens)
        return copy

    def accept(self, token):
        if token != EOS and not self.fine(token):
            raise rg.MatchError("not allowed", token=token)
        self.inner.accept(token)
        self.tokens.append(token)

    def rollback(self, n):
        self.inner.rollback(n)
        del self.tokens[len(self.tokens) - n :]

    def legal(self):
        row = self.inner.legal()
        wrong = [token for token in row.ids.tolist() if token != EOS and not self.fine(token)]
        return row.without(np.array(wrong, np.int32))

    def fine(self, *tokens):
        return self.grammar.test(self.grammar.vocabulary.decode([*self.tokens, *tokens]))


def distinct(text: bytes) -> bool:
    words = text.split(b",")[: text.count(b",")]
    return len(words) == len(set(words))


def paired(text: bytes) -> bool:
    """What stands in front of a long filling decides how it may end."""
    return not text.endswith(b"!") or text[:1] == b"q"


WORDS = rg.Regex("^((aa|ab|ba|bb|cc),){5}$")
FILLED = rg.Regex("^[a-z][a-z]{12}!$")


@pytest.fixture(scope="module")
def model():
    return toy_model()


def sequence(model, grammar, *, max_backups=64, max_tokens=60, force=True, **sampling):
    vocabulary = model.vocabulary
    return Sequence(
        tuple(b"?!"),
        vocabulary=vocabulary,
        cache=model.new_cache(),
        sampler=Sampler(SamplingParams(**sampling), seen=b"?!"),
        text=TextStream(StopStrings(())),
        max_tokens=max_tokens,
        stop_tokens=vocabulary.eos,
        constraint=Constraint(grammar, max_tokens),
        free_row=free_row(vocabulary, vocabulary.eos),
        force=force,
        max_backups=max_backups,
    )


def finished(model, *sequences, **options):
    steps = list(decode(model, sequences, **options))
    return [(s.finish_reason, s.tokens, s.text.text) for s in sequences], steps


def test_the_jumps_are_lubys():
    assert [luby(k) for k in range(1, 32)] == [
        1, 1, 2, 1, 1, 2, 4, 1, 1, 2, 1, 1, 2, 4, 8, 1, 1, 2, 1, 1, 2, 4, 1, 1, 2, 1, 1, 2, 4, 8, 16
    ]  # fmt: skip


@pytest.mark.parametrize("force", [True, False])
@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_dead_ends_are_repaired(model, temperature, force):
    grammar = Checked(WORDS, distinct, model.vocabulary)
    backed = 0
    for seed in range(20):
        one = sequence(model, grammar, temperature=temperature, seed=seed, force=force)
        [(reason, tokens, text)], _ = finished(model, one)
        assert (reason, sorted(text.split(","))) == ("stop", ["", "aa", "ab", "ba", "bb", "cc"])
        assert (tokens[-1], model.vocabulary.decode(tokens)) == (EOS, text.encode())
        assert one.backups.made <= one.backups.discarded
        assert len(one.tokens) - one.forced == len(one.backups.choices)
        assert one.cache.length + len(one.pending) == len(one.prompt) + len(one.tokens)
        backed += one.backups.made
    assert backed >= 20


def test_what_is_written_after_a_back_up_is_what_the_model_says_there(model):
    """The cache was cut at the right place: the model, asked afresh about each kept prefix, prefers the same token."""
    grammar = Checked(WORDS, distinct, model.vocabulary)
    one = sequence(model, grammar, temperature=0.0)
    finished(model, one)
    position = one.backups.choices[-1]
    again = model.prefill(model.new_cache(), [*one.prompt, *one.tokens[:position]])
    matcher = grammar.matcher()
    for token in one.tokens[:position]:
        matcher.accept(token)
    legal = matcher.legal().ids.tolist()
    assert one.tokens[position] == legal[int(again[legal].argmax())]


def test_a_choice_far_back_is_reached(model):
    """Every filling of "p............!" is dead; trying them one by one would take 26 ** 12 back-ups."""
    grammar = Checked(FILLED, paired, model.vocabulary)
    for seed in range(5):
        one = sequence(model, grammar, max_backups=400, seed=seed)
        [(reason, _, text)], _ = finished(model, one)
        assert (reason, bool(re.fullmatch("q[a-z]{12}!", text))) == ("stop", True)


@pytest.mark.parametrize("most", [0, 1, 5])
def test_the_budget_ends_in_an_error_that_names_the_guards(model, most):
    never = Checked(FILLED, lambda text: not text.endswith(b"!"), model.vocabulary)
    one = sequence(model, never, max_backups=most, seed=1)
    with pytest.raises(
        GenerationDeadEnd,
        match=rf"after 13 tokens .*, after {most} back-ups; the grammar is guarded at /items \(some words.*raise max_b",
    ) as caught:
        finished(model, one)
    assert (caught.value.backups, caught.value.guards) == (most, never.guards)
    assert re.fullmatch("[a-z]{13}", caught.value.text)


def test_a_grammar_without_documents_is_exhausted(model):
    none = Checked(rg.Regex("^[ab][cd]!$"), lambda text: not text.endswith(b"!"), model.vocabulary)
    with pytest.raises(
        GenerationDeadEnd, match=r"every choice before leads there; .*at /items .*; raise max_tok"
    ):
        finished(model, sequence(model, none, max_backups=10_000))


def test_a_dead_end_before_any_choice_is_an_error(model):
    none = Checked(rg.Regex("^ab!$"), lambda text: not text.endswith(b"!"), model.vocabulary)
    with pytest.raises(GenerationDeadEnd, match=r"after 2 tokens .*every choice before leads there"):
        finished(model, sequence(model, none))


def test_rows_answer_in_a_batch_as_alone(model):
    grammar = Checked(WORDS, distinct, model.vocabulary)

    def rows():
        return [sequence(model, grammar, seed=seed, repetition_penalty=1.3) for seed in range(9)]

    alone = [finished(model, one)[0][0] for one in rows()]
    assert finished(model, *rows(), max_rows=4)[0] == alone


def test_rows_that_cannot_be_packed_answer_the_same(model):
    plain = CausalModel(random_llama(byte_vocabulary()), byte_vocabulary(), packed=False)
    answers = []
    for each in (model, plain):
        grammar = Checked(WORDS, distinct, each.vocabulary)
        answers.append(finished(each, *(sequence(each, grammar, seed=seed) for seed in range(4)))[0])
    assert answers[0] == answers[1]


def test_nothing_that_may_be_taken_back_is_shown(model):
    grammar = Checked(WORDS, distinct, model.vocabulary)
    one = sequence(model, grammar, seed=3)
    (answer,), steps = finished(model, one)
    assert answer == ("stop", one.tokens, one.text.text)
    assert [(step.text, step.tokens, step.forced) for step in steps[:-1]] == [("", (), 0)] * (len(steps) - 1)
    assert (steps[-1].text, steps[-1].tokens, steps[-1].forced) == (
        one.text.text,
        tuple(one.tokens),
        one.forced,
    )


def test_without_back_ups_text_is_shown_as_it_is_written(model):
    grammar = Checked(rg.Regex("^[a-z]{9}$"), lambda _: True, model.vocabulary)
    one = sequence(model, grammar, seed=3, max_backups=0)
    (_, steps) = finished(model, one)
    assert (one.backups, [len(step.text) for step in steps[:9]]) == (None, [1] * 9)


def test_exact_grammars_remember_nothing(model):
    one = sequence(model, rg.compile(WORDS, model.vocabulary))
    finished(model, one)
    assert one.backups is None


def test_texts_are_barred_however_they_are_spelled():
    tokens = [b"a", b"b", b"ab", b"abc", b"ab", None, b"c"]
    vocabulary = rg.Vocabulary.from_tokens(tokens, special={5}, eos={5})
    backups = Backups(vocabulary, 9)
    backups.append(0)
    backups.append(1)
    assert backups.start() == 1
    backups.rewind([], discarded=2)
    every = row_of(range(7), 7)
    row, other = backups.bar(every)
    assert (row.ids.tolist(), other) == ([0, 1, 3, 5, 6], True)
    backups.append(0)
    row, other = backups.bar(every)
    assert (row.ids.tolist(), other) == ([0, 2, 3, 4, 5, 6], True)
    backups.avoid(2)
    row, other = backups.bar(row_of([2, 4], 7))
    assert (row.ids.tolist(), other) == ([2, 4], False)  # avoided, but nothing else is left
    row, other = backups.bar(row_of([1], 7))
    assert (row.count, other) == (0, False)
    backups.rewind([6], discarded=1)
    assert backups.bar(every) == (every, True)  # other texts bar nothing here
    assert backups.discarded == 3


def test_tokens_without_text_are_barred_too():
    vocabulary = rg.Vocabulary.from_tokens([b"a", None, None], special={1, 2}, eos={2})
    backups = Backups(vocabulary, 9)
    backups.append(1)
    backups.dead()
    backups.rewind([], discarded=1)
    row, _ = backups.bar(row_of(range(3), 3))
    assert row.ids.tolist() == [0, 2]
