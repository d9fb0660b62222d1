"""Forced text in the decode loop: the same documents, and passes saved."""

from __future__ import annotations

import json

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

import ruvllm_grammar as rg
from ruvllm_runtime import SamplingParams
from ruvllm_runtime.decode import Constraint, Sampler, Sequence, TextStream, decode
from ruvllm_runtime.decode.masking import free_row
from ruvllm_runtime.decode.stop import StopStrings
from ruvllm_runtime.model import byte_vocabulary, random_llama
from ruvllm_runtime.model.adapter import CausalModel

N = 200
SCHEMAS = {
    "person": {
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 8},
            "nationality": {"enum": ["Norwegian", "Northern Irish", None, 3]},
            "born": {"type": "object", "properties": {"year": {"type": "integer"}}, "required": ["year"]},
        },
        "required": ["name", "nationality", "born"],
        "additionalProperties": False,
    },
    "list": {
        "type": "array",
        "items": {"enum": ["alpha", "alpine", "beta", True]},
        "minItems": 2,
        "maxItems": 5,
    },
    "only": {"const": {"a": [True, {"deep": "text"}], "b": None}},
}
TEXTS = [
    '{"name":"Ann","nationality":"Northern Irish","born":{"year":1970}}',
    '{"name":"","nationality":"Norwegian","born":{"year":-3}}',
    '{"name":"<Bo>","nationality":null,"born":{"year":0}}',
    '["alpha","alpine","beta",true]',
    '{"a":[true,{"deep":"text"}],"b":null}',
]


def learnt():
    """A tokenizer whose tokens run across the borders of JSON's parts, and its vocabulary."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=340, initial_alphabet=alphabet, special_tokens=["</s>"])
    tokenizer.train_from_iterator(TEXTS * 4, trainer)
    return rg.Vocabulary.from_tokenizer(tokenizer, eos={tokenizer.token_to_id("</s>")})


class Writer:
    """A model that writes one text in its tokenizer's own tokens, and prefers ever lower ids when it cannot."""

    def __init__(self, vocabulary, text):
        self.vocabulary, self.tokens = vocabulary, [*vocabulary.encode(text), *vocabulary.eos]

    def logits(self, written):
        found = -torch.arange(self.vocabulary.size, dtype=torch.float32)
        if written == self.tokens[: len(written)] and len(written) < len(self.tokens):
            found[self.tokens[len(written)]] = 9.0
        return found


class Told:
    """What the decode loop needs of a model, around a `Writer`."""

    def __init__(self, writer):
        self.writer, self.passes = writer, 0

    def prefill(self, cache, tokens):
        cache += tokens
        return self.writer.logits(cache[1:])

    def step(self, rows):
        self.passes += 1
        for row in rows:
            row.cache.extend(row.tokens)
        return torch.stack([self.writer.logits(row.cache[1:]) for row in rows])


def answer(model, vocabulary, grammar, cache, *, force, seed=None):
    sequence = Sequence(
        (65,),
        vocabulary=vocabulary,
        cache=cache,
        sampler=Sampler(SamplingParams.greedy() if seed is None else SamplingParams(seed=seed)),
        text=TextStream(StopStrings(())),
        max_tokens=N,
        stop_tokens=vocabulary.eos,
        constraint=Constraint(grammar, N),
        free_row=free_row(vocabulary, vocabulary.eos),
        force=force,
    )
    for _ in decode(model, [sequence]):
        pass
    return sequence


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("weights", range(3))
def test_where_text_has_one_spelling_documents_are_the_same(name, weights):
    """Bytes as tokens: what is forced is what the model would have had to write, so nothing differs, greedy or drawn."""
    vocabulary = byte_vocabulary()
    model = CausalModel(random_llama(vocabulary, seed=weights, spread=3.0), vocabulary)
    grammar = rg.compile(rg.JsonSchema(SCHEMAS[name], whitespace="compact"), vocabulary)
    forced = answer(model, vocabulary, grammar, model.new_cache(), force=True)
    asked = answer(model, vocabulary, grammar, model.new_cache(), force=False)
    assert forced.tokens == asked.tokens
    assert forced.clock.forward_passes == max(0, len(forced.tokens) - forced.forced - 1)
    assert asked.clock.forward_passes + 1 == len(asked.tokens)
    assert forced.forced > 0


@pytest.mark.parametrize("whitespace", ["compact", "flexible"])
@pytest.mark.parametrize("text", TEXTS)
def test_a_model_that_writes_its_own_tokens_is_never_bent(text, whitespace):
    """Forcing gives the tokens that the model would have written, not only the same text: no split it would not make."""
    vocabulary = learnt()
    schema = next(
        schema for schema in SCHEMAS.values() if rg.compile(rg.JsonSchema(schema), vocabulary).accepts(text)
    )
    grammar = rg.compile(rg.JsonSchema(schema, whitespace=whitespace), vocabulary)
    writer = Writer(vocabulary, text)
    models_ = Told(writer), Told(writer)
    forced, asked = (
        answer(model, vocabulary, grammar, [], force=force)
        for model, force in zip(models_, (True, False), strict=True)
    )
    assert forced.tokens == asked.tokens == writer.tokens
    assert models_[0].passes <= models_[1].passes
    if whitespace == "compact":
        assert models_[0].passes < models_[1].passes


@pytest.mark.parametrize("weights", range(2))
def test_a_grammar_of_one_document_is_that_document(weights):
    vocabulary = learnt()
    model = CausalModel(random_llama(vocabulary, seed=weights), vocabulary)
    grammar = rg.compile(rg.JsonSchema(SCHEMAS["only"], whitespace="compact"), vocabulary)
    forced = answer(model, vocabulary, grammar, model.new_cache(), force=True)
    asked = answer(model, vocabulary, grammar, model.new_cache(), force=False)
    assert forced.text.text == asked.text.text
    assert json.loads(forced.text.text) == SCHEMAS["only"]["const"]
    assert forced.clock.forward_passes == 0
    assert forced.tokens[:-1] == list(vocabulary.encode(forced.text.text))


def test_a_run_of_forced_tokens_costs_one_pass():
    """They are run through the model together with the next token it is asked for."""
    vocabulary = byte_vocabulary()
    seen = []
    model = CausalModel(random_llama(vocabulary), vocabulary)
    step = model.step
    model.step = lambda rows: (seen.append([len(row.tokens) for row in rows]), step(rows))[1]
    grammar = rg.compile(rg.Regex("^(x|y)( and then a long way to say )(x|y)$"), vocabulary)
    done = answer(model, vocabulary, grammar, model.new_cache(), force=True)
    assert len(done.tokens) == 31  # the end token included
    assert seen == [[29]]
