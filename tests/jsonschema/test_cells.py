"""Keywords whose values break the metaschema's rules, one by one."""

import pytest

import ruvllm_grammar as rg
from ruvllm_grammar.jsonschema import keywords, support


@pytest.mark.parametrize(
    ("schema", "message", "pointer"),
    [
        ({"type": "int"}, 'unknown type "int"; the types are null, boolean, number, string, object, array and integer', "/type"),
        ({"type": 3}, "type is a name or a list of names, not 3", "/type"),
        ({"type": []}, "type is a name or a list of names, not []", "/type"),
        ({"enum": "a"}, 'enum is a list of values, not "a"', "/enum"),
        ({"required": "a"}, 'required is a list of names, not "a"', "/required"),
        ({"required": [1]}, "required is a list of names, not [1]", "/required"),
        ({"required": True}, "required is a list of names, not true", "/required"),
        ({"minimum": "3"}, 'minimum is a number, not "3"', "/minimum"),
        ({"maximum": True}, "maximum is a number, not true", "/maximum"),
        ({"multipleOf": 0}, "multipleOf is greater than 0, not 0", "/multipleOf"),
        ({"multipleOf": -2}, "multipleOf is greater than 0, not -2", "/multipleOf"),
        ({"maxLength": -1}, "maxLength is a non-negative integer, not -1", "/maxLength"),
        ({"minItems": 1.5}, "minItems is a non-negative integer, not 1.5", "/minItems"),
        ({"maxProperties": "1"}, 'maxProperties is a non-negative integer, not "1"', "/maxProperties"),
        ({"pattern": 1}, "pattern is a string, not 1", "/pattern"),
        ({"format": 1}, "format is a name, not 1", "/format"),
        ({"properties": []}, "properties is an object, not []", "/properties"),
        ({"properties": {"a": 1}}, "properties: a schema is an object or a boolean, not 1", "/properties/a"),
        ({"patternProperties": 1}, "patternProperties is an object, not 1", "/patternProperties"),
        ({"additionalProperties": "x"}, 'additionalProperties: a schema is an object or a boolean, not "x"', "/additionalProperties"),
        ({"allOf": []}, "allOf is a list of at least one schema, not []", "/allOf"),
        ({"anyOf": {}}, "anyOf is a list of at least one schema, not {}", "/anyOf"),
        ({"oneOf": [1]}, "oneOf: a schema is an object or a boolean, not 1", "/oneOf/0"),
        ({"items": 1}, "items: a schema is an object or a boolean, not 1", "/items"),
        ({"prefixItems": []}, "prefixItems is a list of at least one schema, not []", "/prefixItems"),
        ({"uniqueItems": 1}, "uniqueItems is a boolean, not 1", "/uniqueItems"),
        ({"$ref": 1}, "$ref is a URI reference, not 1", "/$ref"),
        ({"not": 1}, "not: a schema is an object or a boolean, not 1", "/not"),
        ({"dependentRequired": {"a": "b"}}, 'dependentRequired is a list of names, not "b"', "/dependentRequired/a"),
        ({"dependentSchemas": {"a": ["b"]}}, 'dependentSchemas: a schema is an object or a boolean, not ["b"]', "/dependentSchemas/a"),
        (
            {"$schema": "https://json-schema.org/draft/2020-12/schema", "items": []},
            "a list in items is prefixItems since 2020-12; rename it, or name an older draft",
            "/items",
        ),
        (
            {"$schema": "http://json-schema.org/draft-04/schema#", "exclusiveMinimum": 3},
            "exclusiveMinimum is a boolean in draft 4, not 3; name a newer draft",
            "/exclusiveMinimum",
        ),
    ],
)  # fmt: skip
def test_malformed_values(refused, schema, message, pointer):
    error = refused({"properties": {"p": schema}} if "$schema" not in schema else schema)
    prefix = "/properties/p" if "$schema" not in schema else ""
    assert type(error) is rg.SchemaError
    assert str(error) == f"{message} (at {prefix}{pointer})"
    assert error.pointer == prefix + pointer


def test_a_pattern_that_is_none_shows_where(refused):
    error = refused({"properties": {"p": {"pattern": "^a(b"}}})
    assert type(error) is rg.SchemaError
    assert error.pointer == "/properties/p/pattern"
    assert str(error).startswith('pattern "^a(b" cannot be read: ')
    assert "^" in str(error).splitlines()[-1]


def test_lengths_may_be_decimals_of_integers(accepts):
    assert accepts('{"type": "string", "minLength": 2.0, "maxLength": 2e0}', '"a"', '"ab"', '"abc"') == [
        '"ab"'
    ]


def test_exclusive_bounds_of_draft_4(accepts):
    schema = {
        "type": "integer",
        "minimum": 3,
        "exclusiveMinimum": True,
        "maximum": 5,
        "exclusiveMaximum": False,
    }
    assert accepts(schema, "3", "4", "5", "6", draft="4") == ["4", "5"]
    assert accepts(schema, "3", "4", "5", "6") == ["4", "5"]  # a schema that names no draft
    assert accepts({"type": "integer", "minimum": 3, "exclusiveMinimum": True}, "3", draft="4") == []


def test_unknown_keywords_and_annotations_assert_nothing(accepts):
    schema = {
        "title": 1,
        "description": [],
        "default": 3,
        "examples": {},
        "deprecated": "x",
        "readOnly": 1,
        "$comment": 0,
        "contentEncoding": "base64",
        "contentMediaType": "application/json",
        "contentSchema": {"type": "object"},
        "x-own": {"type": "nonsense"},
        "minContains": 3,
        "maxContains": 0,
        "then": False,
        "else": False,
    }
    assert accepts(schema, "1", '"x"') == ["1", '"x"']


@pytest.mark.parametrize(
    ("draft", "schema", "text"),
    [
        ("4", {"const": 1}, "2"),
        ("4", {"contains": {"type": "null"}}, "[1]"),
        ("4", {"propertyNames": {"pattern": "^a"}}, '{"b": 1}'),
        ("6", {"if": {}, "then": False}, "1"),
        ("7", {"prefixItems": [{"type": "null"}]}, "[1]"),
        ("7", {"dependentRequired": {"a": ["b"]}}, '{"a": 1}'),
        ("7", {"unevaluatedProperties": False}, '{"a": 1}'),
        ("2020-12", {"additionalItems": False}, "[1]"),
    ],
)
def test_keywords_of_later_or_earlier_drafts_mean_nothing(accepts, draft, schema, text):
    assert accepts(schema, text, draft=draft) == [text]


def test_every_keyword_with_a_meaning_has_a_reader_and_no_other():
    asserting = {row.keyword for row in support.ROWS if row.state.value in {"exact", "guarded", "refused"}}
    # `additionalItems` is read with `items`, which it depends on.
    # What is said of content is asserted on request.
    content = {"contentEncoding", "contentMediaType", "contentSchema"}
    assert set(keywords.READERS) == asserting - {"additionalItems"} | content


@pytest.mark.parametrize(
    ("schema", "keyword", "pointer"),
    [
        ({"type": "object", "propertyNames": {"format": "regex"}}, "format", "/propertyNames/format"),
    ],
)
def test_refusals_say_where_why_and_what_to_do(refused, schema, keyword, pointer):
    error = refused({"properties": {"p": schema}})
    assert type(error) is rg.UnsupportedKeyword
    assert (error.keyword, error.pointer) == (keyword, "/properties/p" + pointer)
    assert str(error).startswith(f"{keyword} is not supported here: ")
    assert ";" in str(error)


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"not": False}, "1"),
        ({"if": {"type": "string"}}, "1"),
        ({"if": True, "then": {"type": "null"}}, "null"),
        ({"if": False, "else": {"type": "null"}}, "null"),
        ({"uniqueItems": False}, "[1, 1]"),
        ({"uniqueItems": True, "type": "string"}, '"a"'),
        ({"uniqueItems": True, "maxItems": 1}, "[1]"),
        ({"contains": {}, "minContains": 0}, "[]"),
        ({"contains": {"type": "null"}, "type": "object"}, "{}"),
        ({"minProperties": 0}, "{}"),
        ({"minProperties": 1, "required": ["a"]}, '{"a": 1}'),
        ({"propertyNames": True}, '{"a": 1}'),
        ({"unevaluatedProperties": True}, '{"a": 1}'),
        ({"unevaluatedItems": {}}, "[1]"),
        ({"format": "regex", "type": "integer"}, "1"),
        ({"format": "no-such-format"}, '"x"'),
        ({"not": {"type": "string"}, "enum": [1]}, "1"),
        ({"type": "array", "uniqueItems": True, "const": [1, 2]}, "[1, 2]"),
    ],
)
def test_what_would_be_refused_is_let_be_where_it_asserts_nothing(accepts, schema, text):
    assert accepts(schema, text) == [text]


def test_not_true_allows_nothing(refused):
    assert type(refused({"not": {}})) is rg.UnsatisfiableGrammar
