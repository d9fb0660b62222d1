"""Plain schemas written directly have the rules that the general way writes, in the same words."""

import pytest
from hypothesis import given, settings
from support.schemas import schemas

import ruvllm_grammar as rg
from ruvllm_grammar.jsonschema import lower, read

SCHEMAS = [
    {"type": "object", "properties": {"a": {"type": "string"}, "b": {"enum": ["x", "y"]}}, "required": ["b"]},
    {
        "type": "object",
        "properties": {"a": {"type": ["null", "integer"]}},
        "additionalProperties": {"type": "boolean"},
    },
    {"type": "object", "properties": {"a": False, "b": True}, "required": ["c"]},
    {
        "type": "object",
        "required": ["a"],
        "additionalProperties": {"$ref": "#/$defs/x"},
        "$defs": {"x": {"const": "v"}},
    },
    {
        "type": "object",
        "properties": {"a": {"type": "string", "minLength": 2, "maxLength": 5}},
        "additionalProperties": False,
    },
    {"type": "object", "properties": {"a": {"minimum": 3, "type": "number"}, "b": {"$ref": "#"}}},
    {
        "anyOf": [
            {"type": "object", "properties": {"a": {"const": "t"}}},
            {"type": "array", "items": {"$ref": "#"}},
        ]
    },
]
#: Written directly with a name that the general way does not know.
RENAMED = [
    {"properties": {}, "anyOf": [{"type": "object"}]},
    {"items": {}, "oneOf": [{"type": "object", "required": ["a"]}]},
    {"type": "object", "properties": {"a": {"patternProperties": {}, "anyOf": [{"type": "object"}]}}},
]


@pytest.mark.parametrize("whitespace", ["compact", "flexible", "pretty"])
@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_same_rules(schema, whitespace, algebra, limits, monkeypatch):
    options = {"algebra": algebra, "limits": limits, "whitespace": whitespace}
    direct = read(schema, **options).force()
    monkeypatch.setattr(lower.Lowering, "_direct_group", lambda *_, **__: None)
    monkeypatch.setattr(lower.Direct, "value", lambda *_, **__: None)
    general = read(schema, **options).force()
    assert {name: direct[name] for name in direct if name in general} == {
        name: general[name] for name in general if name in direct
    }
    assert set(direct) >= set(general)


@settings(max_examples=150)
@given(schema=schemas("2020-12"))
def test_every_rule_that_is_referred_to_is_there(schema, algebra, limits):
    try:
        grammar = read(schema, algebra=algebra, limits=limits)
    except rg.GrammarError:
        return
    assert grammar.force()


@pytest.mark.parametrize("schema", RENAMED)
def test_rules_that_the_general_way_names_otherwise(schema, algebra, limits):
    assert read(schema, algebra=algebra, limits=limits).force()
