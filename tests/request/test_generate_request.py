from __future__ import annotations

import dataclasses

import pytest

import ruvllm_grammar as rg
from ruvllm_runtime import GenerateRequest, RequestError


@pytest.mark.parametrize(
    ("fields", "param", "message"),
    [
        ({"prompt": 3}, "prompt", "prompt must be text or a sequence of token ids, not int (3)"),
        ({"prompt": [1, -2]}, "prompt", "prompt must be at least 0, not -2"),
        ({"prompt": [1, True]}, "prompt", "prompt must be an integer, not bool (True)"),
        (
            {"json_schema": 3},
            "json_schema",
            "json_schema must be a dict, a boolean or JSON text, not int (3)",
        ),
        (
            {"json_schema": {}, "grammar": rg.Json()},
            "grammar",
            "json_schema and grammar exclude each other; give one",
        ),
        ({"strict": 1}, "strict", "strict must be True or False, not int (1)"),
        ({"force": None}, "force", "force must be True or False, not None"),
        ({"max_tokens": 0}, "max_tokens", "max_tokens must be at least 1, not 0"),
        ({"max_tokens": 1.5}, "max_tokens", "max_tokens must be an integer, not float (1.5)"),
        ({"sampling": {}}, "sampling", "sampling must be a SamplingParams, not dict ({})"),
        ({"stop": "END"}, "stop", "stop must be a list or tuple of strings, not str ('END')"),
        ({"stop": ["a", ""]}, "stop", "stop holds an empty string, which is everywhere; remove it"),
        ({"stop": [1]}, "stop", "stop must hold strings only, not int (1)"),
        (
            {"stop_token_ids": 5},
            "stop_token_ids",
            "stop_token_ids must be a sequence of token ids, not int (5)",
        ),
        (
            {"json_schema": {}, "whitespace": "lots"},
            "whitespace",
            "whitespace must be one of flexible, compact, spaced, pretty, any, not 'lots'",
        ),
        (
            {"whitespace": "compact"},
            "whitespace",
            "whitespace belongs to json_schema; with grammar=, give it to the source itself",
        ),
        (
            {"json_schema": {}, "stop": ["x"]},
            "stop",
            "a stop string could cut the document short; leave out stop, or set strict=False",
        ),
    ],
)
def test_wrong_fields_are_refused_by_name(fields, param, message):
    with pytest.raises(RequestError) as caught:
        GenerateRequest(**{"prompt": "?", **fields})
    assert (caught.value.param, str(caught.value)) == (param, message)


def test_sequences_become_tuples():
    request = GenerateRequest(prompt=[1, 2], stop=["a"], stop_token_ids={9, 3}, strict=False)
    assert (request.prompt, request.stop, request.stop_token_ids) == ((1, 2), ("a",), (3, 9))


def test_requests_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        GenerateRequest(prompt="?").prompt = "!"


@pytest.mark.parametrize(
    ("fields", "param", "at"),
    [({"prompt": "a\udc00"}, "prompt", 1), ({"prompt": "?", "stop": ["\udc00"]}, "stop", 0)],
)
def test_lone_surrogates_are_refused(fields, param, at):
    with pytest.raises(RequestError) as caught:
        GenerateRequest(**fields)
    assert (caught.value.param, str(caught.value)) == (
        param,
        f"{param} holds the lone surrogate U+DC00 at offset {at}, which is no character; remove it",
    )


@pytest.mark.parametrize("schema", [False, True, {}, "{}"])
def test_any_schema_constrains(schema):
    assert GenerateRequest(prompt="?", json_schema=schema).constrained
    assert not GenerateRequest(prompt="?").constrained
