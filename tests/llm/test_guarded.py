"""Guarded grammars through the whole runtime: checks that only the finished text decides, and backing up from them."""

from __future__ import annotations

import json

import pytest

import ruvllm_grammar as rg
from ruvllm_grammar import ir
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.match import CompiledGrammar
from ruvllm_runtime import LLM, Finished, GenerateRequest, GenerationDeadEnd, SamplingParams

GUARD = ir.Guard("/uniqueItems", "items may run out")


@pytest.fixture(scope="module")
def llm():
    return LLM.load("toy")


def different(llm, *positions):
    """Arrays of one string from each list, all different."""
    check = ir.check(ir.Check("item", "different", "/uniqueItems"))
    parts = []
    for position in positions:
        words = ir.alt(*(ir.literal(f'"{word}"') for word in position))
        parts += [ir.literal("," if parts else "["), words, check]
    grammar = ir.Grammar("start", {"start": ir.seq(*parts, ir.literal("]"))}, guards=(GUARD,))
    return CompiledGrammar(grammar, llm.vocabulary, Limits())


def ask(llm, grammar, **fields):
    sampling = SamplingParams(seed=fields.pop("seed", 0), temperature=fields.pop("temperature", 1.0))
    return llm.generate(GenerateRequest(prompt="?", grammar=grammar, sampling=sampling, **fields))


@pytest.mark.parametrize("force", [True, False])
def test_answers_of_a_guarded_grammar_are_valid(llm, force):
    letters = [f"{a}{b}{c}" for a in "pq" for b in "rs" for c in "tu"]
    grammar = different(llm, ["aa", "ab"], letters, letters, ["ab", "ac"], ["aa"])
    discarded = 0
    for seed in range(12):
        result = ask(llm, grammar, seed=seed, force=force, max_tokens=60)
        items = json.loads(result.text)
        assert (items[0], items[3:], len(set(items))) == ("ab", ["ac", "aa"], 5)
        assert (result.finish_reason, grammar.accepts(result.text)) == ("stop", True)
        assert llm.vocabulary.decode(result.token_ids) == result.text.encode()
        usage = result.usage
        assert usage.completion_tokens == len(result.token_ids) > usage.forced_tokens
        discarded += usage.discarded_tokens
    assert discarded > 0


def test_a_stream_shows_only_what_stays(llm):
    grammar = different(llm, ["aa", "ab"], ["xy", "xz"], ["aa"])
    for seed in range(6):
        request = GenerateRequest(
            prompt="?", grammar=grammar, sampling=SamplingParams(seed=seed), max_tokens=40
        )
        whole = llm.generate(request)
        *deltas, last = llm.stream(request)
        assert isinstance(last, Finished)
        assert "".join(delta.text for delta in deltas) == last.result.text == whole.text
        assert sum((delta.token_ids for delta in deltas), ()) == whole.token_ids
        assert sum(delta.forced for delta in deltas) == whole.usage.forced_tokens
        assert last.result.usage == whole.usage


def test_guarded_requests_answer_in_a_batch_as_alone(llm):
    grammar = different(llm, ["aa", "ab", "ac"], ["xy", "xz"], ["aa", "ab"], ["aa"])
    requests = [
        GenerateRequest(prompt="?" * (1 + i), grammar=grammar, max_tokens=50, sampling=SamplingParams(seed=i))
        for i in range(6)
    ]
    alone = [llm.generate(request) for request in requests]
    together = llm.generate_batch(requests, max_rows=4)
    assert [(r.text, r.usage) for r in together] == [(r.text, r.usage) for r in alone]


@pytest.mark.parametrize("max_backups", [0, 3, 64])
def test_a_grammar_without_documents_ends_in_the_error_that_names_the_guard(llm, max_backups):
    grammar = different(llm, ["aa"], ["xy", "xz"], ["aa"])
    with pytest.raises(
        GenerationDeadEnd, match=r"the grammar is guarded at /uniqueItems \(items may run out\)"
    ) as caught:
        ask(llm, grammar, max_tokens=40, max_backups=max_backups)
    assert caught.value.guards == (GUARD,)
    assert caught.value.backups <= max_backups


def test_schemas_that_run_out_of_names(llm):
    """Names of three letters of two: at most 8, told apart by the schema's guard or its list of names."""
    schema = {
        "type": "object",
        "patternProperties": {"^[ab]{3}$": {"const": 1}},
        "additionalProperties": False,
        "minProperties": 7,
    }
    source = rg.JsonSchema(schema, whitespace="compact")
    for seed in range(4):
        result = ask(llm, source, seed=seed, max_tokens=120)
        assert 7 <= len(result.parsed) <= 8


PAIR = {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 2}
NUMBERED = {
    "type": "object",
    "properties": {"x": {"const": 1}, "y": {"enum": [2, 3]}},
    "required": ["x"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("items", "count"), [(NUMBERED, 3), (PAIR, 4), ({"enum": ["a", "b", 1, 1.0]}, 3)], ids=str
)
def test_arrays_of_all_the_items_there_are(llm, items, count):
    schema = {"type": "array", "items": items, "minItems": count, "uniqueItems": True}
    for seed in range(6):
        result = ask(llm, rg.JsonSchema(schema, whitespace="compact"), seed=seed, max_tokens=160)
        assert len({json.dumps(item, sort_keys=True) for item in _plain(result.parsed)}) == count


def _plain(value):
    """Integers as such, however they were spelled."""
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) else value
