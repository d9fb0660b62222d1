from __future__ import annotations

import json
from decimal import Decimal

import pytest
import torch

import ruvllm_grammar as rg
from ruvllm_runtime import (
    LLM,
    ContextLengthError,
    Finished,
    GenerateRequest,
    ModelMismatchError,
    RequestError,
    SamplingParams,
    StrictModeError,
    TextDelta,
    TokenBudgetError,
)
from ruvllm_runtime.llm import _integer, _number

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 8},
        "age": {"type": "integer", "minimum": 0, "maximum": 120},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 3},
    },
    "required": ["name", "age", "tags"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def llm():
    return LLM.load("toy")


def ask(llm, **fields):
    return llm.generate(GenerateRequest(**{"prompt": "?", **fields}))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("schema", [PERSON, json.dumps(PERSON)], ids=["dict", "text"])
def test_answers_satisfy_their_schema(llm, schema, seed):
    result = ask(llm, json_schema=schema, max_tokens=120, sampling=SamplingParams(temperature=1.5, seed=seed))
    assert result.parsed == json.loads(result.text)
    assert set(result.parsed) == {"name", "age", "tags"}
    assert llm.compile(rg.JsonSchema(PERSON)).accepts(result.text)
    assert (result.finish_reason, result.stop, result.token_ids[-1]) == ("stop", None, 257)
    assert llm.vocabulary.decode(result.token_ids) == result.text.encode()
    usage = result.usage
    assert (usage.prompt_tokens, usage.cached_tokens) == (2, 0)
    assert usage.completion_tokens == len(result.token_ids) > usage.forced_tokens > 0
    times = result.timings
    assert 0 <= times.prefill_s <= times.first_token_s <= times.total_s
    # One token comes with the prefill; whatever else is not forced takes a pass.
    assert times.forward_passes == usage.completion_tokens - usage.forced_tokens - 1


def test_every_budget_that_suffices_gives_a_whole_document(llm):
    with pytest.raises(TokenBudgetError) as caught:
        ask(llm, json_schema=PERSON, max_tokens=3)
    least = caught.value.needed
    for budget in range(least, least + 12):
        result = ask(llm, json_schema=PERSON, max_tokens=budget, sampling=SamplingParams(seed=budget))
        assert (result.finish_reason, len(result.token_ids) <= budget) == ("stop", True)


@pytest.mark.parametrize("form", ["source", "compiled"])
def test_grammars_come_as_sources_or_compiled(llm, form):
    source = rg.Regex("^(yes|no)$")
    grammar = source if form == "source" else rg.compile(source, llm.vocabulary)
    result = ask(llm, grammar=grammar)
    assert (result.text in ("yes", "no"), result.parsed) == (True, None)


def test_json_sources_are_parsed(llm):
    assert ask(llm, grammar=rg.JsonSchema({"const": [1, None]})).parsed == [1, None]


def test_integers_of_any_length_are_parsed(llm):
    assert ask(llm, json_schema='{"const": 1' + "0" * 900 + "}").parsed == 10**900
    assert _integer("1" + "0" * 5000) == Decimal("1E+5000")  # Python makes no int of more than 4,300 digits


@pytest.mark.parametrize("digits", ["1e400", "-2.5E+309", "1" + "0" * 400 + ".0"])
def test_numbers_beyond_floats_are_not_infinite(digits):
    assert _number(digits) == Decimal(digits)
    assert _number("1e308") == 1e308


def test_a_seeded_program_repeats_its_unseeded_requests(llm):
    answers = []
    for _ in range(2):
        torch.manual_seed(11)
        answers.append([ask(llm, json_schema=PERSON, max_tokens=120).text for _ in range(3)])
    assert answers[0] == answers[1]
    assert len(set(answers[0])) == 3


def test_whitespace_is_chosen_by_the_request(llm):
    schema = {
        "type": "object",
        "properties": {"a": {"const": "x"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    assert ask(llm, json_schema=schema, whitespace="compact").text == '{"a":"x"}'
    assert ask(llm, json_schema=schema, whitespace="spaced").text == '{"a": "x"}'


def test_batches_answer_in_order_and_as_alone(llm):
    requests = [
        GenerateRequest(
            prompt="a" * (1 + 9 * i), json_schema=schema, max_tokens=90, sampling=SamplingParams(seed=i)
        )
        for i, schema in enumerate([PERSON, {"type": "integer"}, None, {"const": "x"}, PERSON])
    ]
    alone = [llm.generate(request) for request in requests]
    together = llm.generate_batch(requests, max_rows=3)
    assert [(r.text, r.token_ids, r.usage) for r in together] == [
        (r.text, r.token_ids, r.usage) for r in alone
    ]
    assert llm.generate_batch([]) == []


@pytest.mark.parametrize("schema", [PERSON, None], ids=["constrained", "free"])
def test_streams_are_the_answer_in_pieces(llm, schema):
    request = GenerateRequest(prompt="é?", json_schema=schema, max_tokens=80, sampling=SamplingParams(seed=4))
    whole = llm.generate(request)
    *deltas, last = llm.stream(request)
    assert all(isinstance(delta, TextDelta) for delta in deltas)
    assert isinstance(last, Finished)
    assert "".join(delta.text for delta in deltas) == last.result.text == whole.text
    assert sum((delta.token_ids for delta in deltas), ()) == last.result.token_ids == whole.token_ids
    assert sum(delta.forced for delta in deltas) == whole.usage.forced_tokens
    assert last.result.parsed == whole.parsed


def test_a_batch_has_at_least_one_row(llm):
    with pytest.raises(RequestError, match="max_rows must be at least 1, not 0") as caught:
        llm.generate_batch([GenerateRequest(prompt="?")], max_rows=0)
    assert caught.value.param == "max_rows"


def test_streams_check_the_request_at_once(llm):
    with pytest.raises(ContextLengthError):
        llm.stream(GenerateRequest(prompt="?" * 5000))


@pytest.mark.parametrize(
    ("fields", "param", "message"),
    [
        (
            {"prompt": "x" * 2047},
            "prompt",
            "the prompt has 2048 tokens, but the model's context holds 2048; shorten the prompt",
        ),
        (
            {"prompt": "x" * 2040, "max_tokens": 9},
            "max_tokens",
            (
                "the prompt has 2041 tokens and max_tokens is 9, but the model's context holds 2048; lower max_tokens "
                "to 7 or shorten the prompt"
            ),
        ),
        (
            {"prompt": "x" * 3000, "max_tokens": 9},
            "prompt",
            "the prompt has 3001 tokens and max_tokens is 9, but the model's context holds 2048; shorten the prompt",
        ),
        ({"prompt": []}, "prompt", "the prompt has no tokens; a model needs at least one to start from"),
        ({"prompt": [258]}, "prompt", "token id 258 of the prompt is outside the vocabulary of 258 ids"),
        (
            {"stop_token_ids": [300]},
            "stop_token_ids",
            "stop token id 300 is outside the vocabulary of 258 ids",
        ),
        (
            {"stop_token_ids": [65], "json_schema": {}},
            "stop_token_ids",
            "stop token id 65 is ordinary text and could cut the document short; leave it out, or set strict=False",
        ),
        (
            {"grammar": "[a-z]+"},
            "grammar",
            "a grammar is an rg source (rg.JsonSchema, rg.Json, rg.Regex), not str",
        ),
    ],
)
def test_requests_that_do_not_fit_the_model_are_refused(llm, fields, param, message):
    with pytest.raises(RequestError) as caught:
        ask(llm, **fields)
    assert (caught.value.param, str(caught.value)) == (param, message)


def test_errors_of_the_grammar_pass_through(llm):
    with pytest.raises(rg.SchemaError):
        ask(llm, json_schema="{not json")
    with pytest.raises(rg.UnsatisfiableGrammar):
        ask(llm, json_schema=False)


def test_a_grammar_of_another_vocabulary_is_refused(llm):
    other = rg.Vocabulary.from_tokens([bytes([b]) for b in range(256)] + [None], eos={256})
    with pytest.raises(ModelMismatchError, match="compiled for another vocabulary"):
        ask(llm, grammar=rg.compile(rg.Regex("^a$"), other))


def test_special_stop_tokens_may_stand_beside_a_grammar(llm):
    result = ask(llm, json_schema={"const": "x"}, whitespace="compact", stop_token_ids=[256, 257])
    assert (result.text, result.finish_reason) == ('"x"', "stop")


def test_free_text_stops_at_strings(llm):
    samples = [SamplingParams(seed=seed) for seed in range(20)]
    sampling, free = next(
        (p, r) for p in samples if len((r := ask(llm, sampling=p, max_tokens=200)).text) > 30
    )
    stop = free.text[20:23]
    result = ask(llm, max_tokens=200, sampling=sampling, stop=[stop])
    assert (result.text, result.stop) == (free.text[: free.text.find(stop)], stop)
    assert result.finish_reason == "stop_string"


class Fickle:
    """A compiled grammar that, asked afterwards, does not accept what its matcher allowed."""

    guards = ()

    def __init__(self, inner):
        self.inner = inner

    def matcher(self):
        return self.inner.matcher()

    def accepts(self, text):
        return False


def test_strict_mode_never_returns_what_the_grammar_does_not_accept(llm, monkeypatch):
    fickle = Fickle(rg.compile(rg.JsonSchema({"const": "x"}, whitespace="compact"), llm.vocabulary))
    monkeypatch.setattr(llm, "compile", lambda source: fickle)
    with pytest.raises(StrictModeError) as caught:
        ask(llm, json_schema={})
    assert str(caught.value) == "strict mode refuses the output: the grammar does not accept it"
    assert (caught.value.text, caught.value.because) == ('"x"', "the grammar does not accept it")
    assert ask(llm, json_schema={}, strict=False).text == '"x"'
    with pytest.raises(StrictModeError):
        list(llm.stream(GenerateRequest(prompt="?", json_schema={})))


def test_strict_mode_never_returns_what_is_not_json(llm, monkeypatch):
    words = rg.compile(rg.Regex("^(nope|nil)$"), llm.vocabulary)
    monkeypatch.setattr(llm, "compile", lambda source: words)
    with pytest.raises(
        StrictModeError, match="strict mode refuses the output: it cannot be read as JSON: Expecting"
    ):
        ask(llm, json_schema={})
    result = ask(llm, json_schema={}, strict=False)
    assert (result.text in ("nope", "nil"), result.parsed) == (True, None)


def test_sources_with_more_than_json_are_compiled_each_time(llm):
    source = rg.JsonSchema({"const": "x"}, registry={"https://example.org/a": {"const": frozenset()}})
    assert llm.compile(source) is not llm.compile(source)


def test_compiled_grammars_are_kept_up_to_a_bound():
    llm = LLM(LLM.load("toy").model, grammar_cache=2)
    sources = [rg.Regex(f"^{word}$") for word in ("a", "b", "c")]
    first = [llm.compile(source) for source in sources[:2]]
    assert [llm.compile(source) for source in sources[:2]] == first
    llm.compile(sources[2])  # drops "a", the least recently used
    assert llm.compile(sources[1]) is first[1]
    assert llm.compile(sources[0]) is not first[0]


def test_the_order_of_properties_tells_grammars_apart(llm):
    ab, ba = {"properties": {"a": True, "b": True}}, {"properties": {"b": True, "a": True}}
    assert llm.compile(rg.JsonSchema(ab)) is llm.compile(rg.JsonSchema(dict(ab)))
    assert llm.compile(rg.JsonSchema(ab)) is not llm.compile(rg.JsonSchema(ba))
    assert llm.compile(rg.JsonSchema(ab)) is not llm.compile(rg.JsonSchema(ab, whitespace="compact"))
