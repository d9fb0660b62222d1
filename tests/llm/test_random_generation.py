"""The promise, tried hard: whatever a random model writes under a schema is valid, and nothing is cut.

With a guarded grammar generation may instead end with the stated error, its budget of back-ups used up; that has to stay
rare.

A model with random weights at temperature 1 and more is the hardest user of a grammar: whatever is legal, it tries.
Each answer is validated by the independent `jsonschema` package.
"""

from __future__ import annotations

import gzip
import json
import random
from decimal import Decimal

import jsonschema
import pytest
from jsonschema.validators import extend, validator_for
from reference import ecma

import ruvllm_grammar as rg
from ruvllm_runtime import LLM, GenerateRequest, SamplingParams
from ruvllm_runtime.errors import GenerationDeadEnd, TokenBudgetError
from ruvllm_runtime.model.toy import byte_vocabulary, random_model

PAIRS = 1_000
DEAD_ENDS = 3  # of so many pairs, under guarded grammars only
DEEP = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "type": "object",
            "properties": {"name": {"type": "string", "maxLength": 3}, "child": {"$ref": "#/$defs/node"}},
            "required": ["name"],
            "additionalProperties": False,
        }
    },
}


def nested(depth: int) -> dict:
    """A schema whose only documents are `depth` objects deep."""
    schema: dict = {"type": "boolean"}
    for level in range(depth):
        schema = {
            "type": "object",
            "properties": {f"level{level}": schema},
            "required": [f"level{level}"],
            "additionalProperties": False,
        }
    return schema


def exact(digits: str) -> int | Decimal:
    value = Decimal(digits)
    return int(value) if value == value.to_integral_value() else value


def pattern(validator, wanted, instance, schema):
    """The keyword `pattern` with the meaning that JSON Schema gives it, which Python's `re` does not quite have."""
    del schema
    if validator.is_type(instance, "string") and not ecma.found(wanted, instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {wanted!r}")


def problems(schema, text: str) -> list[str]:
    """What the `jsonschema` package says against a document, patterns read as ECMA-262 has them.

    It judges `multipleOf` in binary floating point, where 38.4 is no multiple of 0.05: such schemas are judged again with
    exact numbers.
    """
    make = extend(validator_for(schema, default=jsonschema.Draft202012Validator), {"pattern": pattern})
    found = [error.message for error in make(schema).iter_errors(json.loads(text))]
    if found and "multipleOf" in json.dumps(schema):
        exactly = make(json.loads(json.dumps(schema), parse_float=exact))
        found = [error.message for error in exactly.iter_errors(json.loads(text, parse_float=exact))]
    return found


def answer(llm, schema, *, seed, temperature, max_tokens):
    """Generate with the given room, or with what the shortest document needs and a little more."""
    request = {
        "prompt": list(b"Answer:"),
        "grammar": rg.JsonSchema(schema, formats="annotate"),
        "sampling": SamplingParams(temperature=temperature, seed=seed),
    }
    try:
        return llm.generate(GenerateRequest(max_tokens=max_tokens, **request))
    except TokenBudgetError as error:
        return llm.generate(GenerateRequest(max_tokens=error.needed + 8, **request))


def sample(conformance):
    with gzip.open(conformance / "maskbench-sample.jsonl.gz", "rt", encoding="utf-8") as lines:
        entries = [json.loads(line)["schema"] for line in lines]
    random.Random(11).shuffle(entries)
    return entries


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore:Possible nested set:FutureWarning"
)  # jsonschema reads patterns with Python's re
def test_a_thousand_random_answers_are_valid(conformance):
    from support.real_vocabularies import sentencepiece_v3

    models = [
        LLM(random_model(sentencepiece_v3(), hidden=16, layers=1, context=16_384, spread=2.0)),
        LLM(random_model(byte_vocabulary(), hidden=32, layers=2, context=16_384)),
    ]
    done = 0
    refused = 0
    given_up = []
    for number, schema in enumerate(sample(conformance)):
        llm = models[number % 2]
        try:
            grammar = llm.compile(rg.JsonSchema(schema, formats="annotate"))
        except (rg.UnsupportedKeyword, rg.UnsatisfiableGrammar, rg.SchemaError, rg.LimitError):
            refused += 1
            continue
        heat = 1.0 + (number % 3) / 2
        try:
            result = answer(llm, schema, seed=number, temperature=heat, max_tokens=80 + number % 100)
        except GenerationDeadEnd:
            assert grammar.guards, schema
            given_up.append(schema)
            continue
        assert result.finish_reason == "stop", schema
        assert problems(schema, result.text) == [], (schema, result.text)
        done += 1
        if done == PAIRS:
            break
    assert done == PAIRS, (done, refused)
    assert len(given_up) <= DEAD_ENDS, given_up


@pytest.mark.parametrize("seed", range(3))
def test_twenty_levels_of_nesting(seed):
    schema = nested(20)
    result = answer(LLM.load("toy"), schema, seed=seed, temperature=1.5, max_tokens=800)
    assert result.finish_reason == "stop"
    assert problems(schema, result.text) == []


@pytest.mark.parametrize("seed", range(3))
def test_recursion_ends_within_the_budget(seed):
    result = answer(LLM.load("toy"), DEEP, seed=seed, temperature=1.0, max_tokens=300)
    assert result.finish_reason == "stop"
    assert problems(DEEP, result.text) == []


@pytest.mark.slow
def test_a_thousand_elements():
    schema = {
        "type": "array",
        "items": {"type": "integer", "minimum": 0, "maximum": 999},
        "minItems": 1000,
        "maxItems": 1000,
    }
    llm = LLM(random_model(byte_vocabulary(), hidden=16, layers=1, context=16_384))
    grammar = rg.JsonSchema(schema, whitespace="compact")
    request = GenerateRequest(
        prompt=[1], grammar=grammar, max_tokens=8_000, sampling=SamplingParams(temperature=1.0, seed=5)
    )
    result = llm.generate(request)
    assert result.finish_reason == "stop"
    assert len(result.parsed) == 1000
    assert problems(schema, result.text) == []
