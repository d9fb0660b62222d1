"""Unsatisfiable schemas are explained by the clauses that clash, both named with their places."""

from __future__ import annotations

import pytest

import ruvllm_grammar as rg

CLOSED = {"type": "object", "required": ["a"], "properties": {"a": True}, "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "because", "pointer"),
    [
        (
            {"type": "string", "enum": [1, 2]},
            'enum (at /enum) lists nothing that type "string" (at /type) allows',
            "",
        ),
        (
            {"const": "hello", "format": "ipv4"},
            'const (at /const) lists nothing that format "ipv4" (at /format) allows',
            "",
        ),
        (
            {"enum": ["ab", "cdef", 5], "pattern": "^c", "maxLength": 3, "maximum": 4},
            'enum (at /enum) lists nothing that pattern "^c" (at /pattern), maxLength 3 (at /maxLength) and '
            "maximum 4 (at /maximum) allow",
            "",
        ),
        (
            {"enum": [1, 2.5, 9], "type": "integer", "exclusiveMinimum": 1, "multipleOf": 2},
            "enum (at /enum) lists nothing that exclusiveMinimum 1 (at /exclusiveMinimum) and multipleOf 2 "
            "(at /multipleOf) allow",
            "",
        ),
        (
            {"enum": [1, 2], "not": {"enum": [2, 1]}},
            "enum (at /enum) lists nothing that not enum (at /not/enum) allows",
            "",
        ),
        (
            {"const": 1, "allOf": [{"const": 2}]},
            "const (at /const) lists nothing that const (at /allOf/0/const) allows",
            "",
        ),
        (
            {"enum": [{}, {"a": 1, "b": 2}, [1]], "required": ["a"], "maxProperties": 1, "minItems": 2},
            'enum (at /enum) lists nothing that required "a" (at /required), maxProperties 1 (at /maxProperties) and '
            "minItems 2 (at /minItems) allow",
            "",
        ),
        (
            {"minimum": 5, "maximum": 4, "type": "number"},
            "minimum 5 (at /minimum) and maximum 4 (at /maximum) leave no number",
            "",
        ),
        (
            {"type": "string", "pattern": "^abcd", "maxLength": 3},
            'pattern "^abcd" (at /pattern) and maxLength 3 (at /maxLength) leave no string',
            "",
        ),
        (
            {"type": "string", "pattern": "^a", "allOf": [{"pattern": "^b"}]},
            'pattern "^a" (at /pattern) and pattern "^b" (at /allOf/0/pattern) leave no string',
            "",
        ),
        (
            {"type": "string", "not": {"type": "string"}},
            'type "string" (at /type) and not type "string" (at /not/type) exclude each other',
            "",
        ),
        (
            {"type": "object", "required": ["b"], "properties": {"a": True}, "additionalProperties": False},
            'the property "b" is required (at /required), but nothing can be its value: '
            "the schema at /additionalProperties allows nothing",
            "/additionalProperties",
        ),
        (
            {"type": "object", "required": ["b"], "propertyNames": {"pattern": "^a"}},
            'the property "b" is required (at /required), but propertyNames (at /propertyNames) does not allow the name',
            "",
        ),
        (
            {"type": "object", "required": ["a", "b"], "maxProperties": 1},
            "maxProperties 1 (at /maxProperties) is less than the 2 required properties (at /required)",
            "",
        ),
        (
            {"type": "object", "minProperties": 2, "properties": {"a": True}, "additionalProperties": False},
            "minProperties 2 (at /minProperties) is more than the 1 properties there can be beside false "
            "(at /additionalProperties)",
            "",
        ),
        (
            {"allOf": [CLOSED, {"required": ["b"], "properties": {"b": True}, "additionalProperties": False}]},
            'the property "a" is required (at /allOf/0/required), but nothing can be its value: '
            "the schema at /allOf/1/additionalProperties allows nothing",
            "/allOf/1/additionalProperties",
        ),
        (
            {"type": "array", "minItems": 2, "prefixItems": [True], "items": False},
            "minItems 2 (at /minItems) asks for item 1, which nothing can satisfy: the schema at /items allows nothing",
            "/items",
        ),
        (
            {"type": "array", "contains": {"type": "string"}, "items": {"type": "integer"}},
            "contains (at /contains) asks for an item that nothing can be: "
            'type "integer" (at /items/type) and type "string" (at /contains/type) exclude each other',
            "/items",
        ),
        (
            {"type": "array", "contains": True, "minContains": 3, "maxContains": 2},
            "minContains 3 and maxContains 2 (at /contains) leave no array",
            "",
        ),
        (
            {"type": "array", "minItems": 4, "uniqueItems": True, "items": {"enum": [1, 2, 1.0, 3]}},
            "minItems 4 (at /minItems) and uniqueItems, whose different items number 3 (at /uniqueItems) leave no array",
            "",
        ),
        (
            {"type": "object", "required": ["a", "b"], "unevaluatedProperties": False, "properties": {"a": True}},
            'the property "b" is required (at /required), but nothing can be its value: '
            "the schema at /unevaluatedProperties allows nothing",
            "/unevaluatedProperties",
        ),
        (
            {
                "type": "object",
                "required": ["p"],
                "properties": {"p": {"anyOf": [{"const": "x", "maxLength": 0}, {"$ref": "#"}]}},
            },
            'the property "p" is required (at /required), but nothing can be its value: '
            "const (at /properties/p/anyOf/0/const) lists nothing that maxLength 0 (at /properties/p/anyOf/0/maxLength) "
            'allows; the property "p" is required (at /required), but nothing can be its value: '
            "that demands itself again without end",
            "/properties/p",
        ),
    ],
)  # fmt: skip
def test_the_clauses_that_clash_are_named(refused, schema, because, pointer):
    error = refused(schema)
    assert type(error) is rg.UnsatisfiableGrammar
    assert (error.because, error.pointer) == (because, pointer)
    assert rg.check(rg.JsonSchema(schema)).unsatisfiable == str(error)
