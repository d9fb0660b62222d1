from __future__ import annotations

import numpy as np
import pytest
import torch

import ruvllm_grammar as rg
from ruvllm_runtime import GenerationDeadEnd, SamplingParams
from ruvllm_runtime.decode import Constraint, Sampler, Sequence, TextStream, decode
from ruvllm_runtime.decode.masking import free_row, row_of
from ruvllm_runtime.decode.stop import StopStrings
from ruvllm_runtime.model import byte_vocabulary, random_llama, toy_model
from ruvllm_runtime.model.adapter import CausalModel

EOS = 257
GRAMMARS = [
    rg.Regex("^(yes|yesterday|no)$"),
    rg.JsonSchema({"type": "integer", "minimum": 0, "maximum": 120}),
    rg.JsonSchema({"type": "array", "items": {"type": "boolean"}, "maxItems": 6}),
]


@pytest.fixture(scope="module")
def model():
    return toy_model()


def sequence(model, prompt, *, source=None, max_tokens=40, stop=(), force=True, stop_tokens=(), **sampling):
    vocabulary = model.vocabulary
    stops = vocabulary.eos | set(stop_tokens)
    grammar = None if source is None else rg.compile(source, vocabulary)
    return Sequence(
        tuple(prompt),
        vocabulary=vocabulary,
        cache=model.new_cache(),
        sampler=Sampler(SamplingParams(**sampling), seen=prompt),
        text=TextStream(StopStrings(tuple(stop))),
        max_tokens=max_tokens,
        stop_tokens=frozenset(stops),
        constraint=None if grammar is None else Constraint(grammar, max_tokens),
        free_row=free_row(vocabulary, frozenset(stops)),
        force=force,
    )


def finished(model, sequences, **options):
    for _ in decode(model, sequences, **options):
        pass
    return [(s.finish_reason, s.tokens, s.text.text) for s in sequences]


def ragged(model, **options):
    """Requests of different lengths, grammars and seeds."""
    return [
        sequence(model, range(1, 3 + 7 * i), source=[*GRAMMARS, None][i % 4], seed=i, **options)
        for i in range(11)
    ]


def greedy_by_hand(model, prompt, grammar, count):
    """The same without cache, forced tokens or gathering: the whole text through the model for every token."""
    ids, matcher = list(prompt), grammar.matcher()
    matcher.finish_within(count)
    row = rg.allocate_bitmask(1, model.vocabulary.size)
    while not matcher.is_finished:
        with torch.inference_mode():
            logits = model.model(torch.tensor([ids])).logits[0, -1].float()
        matcher.fill_mask(row[0])
        bits = np.unpackbits(row[0].view(np.uint8), bitorder="little")[: len(logits)]
        ids.append(int(logits.masked_fill(torch.from_numpy(bits) == 0, -torch.inf).argmax()))
        matcher.accept(ids[-1])
    return ids[len(prompt) :]


@pytest.mark.parametrize("force", [True, False])
@pytest.mark.parametrize("source", GRAMMARS, ids=str)
def test_greedy_equals_the_loop_written_out(model, source, force):
    grammar = rg.compile(source, model.vocabulary)
    for prompt in (b"?", b"How many?", bytes(range(90))):
        ours = sequence(model, prompt, source=source, force=force, temperature=0.0)
        finished(model, [ours])
        assert ours.tokens == greedy_by_hand(model, prompt, grammar, 40)
        assert (ours.forced > 0) == force or ours.forced == 0


@pytest.mark.parametrize("max_rows", [1, 3, 8])
def test_a_seeded_request_answers_in_a_batch_as_alone(model, max_rows):
    alone = [finished(model, [each])[0] for each in ragged(model)]
    assert finished(model, ragged(model), max_rows=max_rows) == alone


def test_rows_that_cannot_be_packed_answer_the_same(model):
    plain = CausalModel(random_llama(byte_vocabulary()), byte_vocabulary(), packed=False)
    assert finished(plain, ragged(plain)) == finished(model, ragged(model))


def test_steps_report_everything_once(model):
    sequences = ragged(model)
    texts, tokens, forced = ["" for _ in sequences], [[] for _ in sequences], [0 for _ in sequences]
    for step in decode(model, sequences, max_rows=4):
        texts[step.index] += step.text
        tokens[step.index] += step.tokens
        forced[step.index] += step.forced
    assert texts == [each.text.text for each in sequences]
    assert tokens == [each.tokens for each in sequences]
    assert forced == [each.forced for each in sequences]


def test_forced_tokens_cost_no_pass(model):
    source = rg.Regex("^(a long way to say yes|no)$")
    one = sequence(model, b"?", source=source, seed=1)
    two = sequence(model, b"?", source=source, seed=1, force=False)
    assert finished(model, [one]) == finished(model, [two])
    assert one.clock.forward_passes + 1 == len(one.tokens) - one.forced
    assert (two.forced, two.clock.forward_passes + 1) == (0, len(two.tokens))


def test_a_document_without_choice_needs_no_model(model):
    only = sequence(model, b"?", source=rg.JsonSchema({"const": "x"}, whitespace="compact"))
    finished(model, [only])
    assert (only.text.text, only.tokens[-1], only.forced, only.cache.length) == (
        '"x"',
        EOS,
        len(only.tokens),
        0,
    )


def test_free_text_ends_at_the_budget_and_writes_no_specials(model):
    free = sequence(model, b"?", max_tokens=300, seed=2)
    ((reason, tokens, _),) = finished(model, [free])
    assert max(tokens[:-1]) < 256
    assert (reason, len(tokens)) == ("length", 300) or (reason, tokens[-1]) == ("stop", EOS)


def test_stop_tokens_end_free_text(model):
    """Every letter ends the answer; its own bytes are not part of the text."""
    free = sequence(model, b"?", max_tokens=400, seed=2, stop_tokens=range(97, 123))
    ((reason, tokens, text),) = finished(model, [free])
    assert (reason, tokens[-1] in range(97, 123)) == ("stop", True)
    assert not any(97 <= token < 123 for token in tokens[:-1])
    assert text == bytes(tokens[:-1]).decode(errors="replace")


def test_stop_strings_end_the_answer(model):
    source = rg.Regex("^(abcabd|abx)$")
    cut = sequence(model, b"?", source=source, stop=["ca"], temperature=0.0)
    ((reason, _, text),) = finished(model, [cut])
    assert (reason, text, cut.text.stopped_by) in (("stop_string", "ab", "ca"), ("stop", "abx", None))


class Stuck:
    """A matcher that never allows anything."""

    guards = (rg.Guard("/uniqueItems", "items may run out"),)
    is_accepting = False

    def matcher(self):
        return self

    def finish_within(self, n):
        pass

    def forced(self):
        return []

    def legal(self):
        return row_of([], 258)


def test_a_dead_end_is_an_error_that_names_the_guards(model):
    stuck = sequence(model, b"?")
    stuck._constraint = Constraint(Stuck(), 9)
    with pytest.raises(
        GenerationDeadEnd,
        match=r"no token may follow after 0 tokens .*guarded at /uniqueItems \(items may run out\)",
    ):
        finished(model, [stuck])


def test_a_complete_document_without_end_token_is_finished(model):
    done = Stuck()
    done.is_accepting = True
    ended = sequence(model, b"?")
    ended._constraint = Constraint(done, 9)
    assert finished(model, [ended]) == [("stop", [], "")]
