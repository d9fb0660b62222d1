"""`not` and `if` by cases, against the `jsonschema` package and by hand."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import ruvllm_grammar as rg
from ruvllm_grammar.jsonschema.cells import Cells
from ruvllm_grammar.jsonschema.document import Document, parse

VALUES = [
    None, True, False, 0, 1, 2, 3, 4, 6, -1, 0.5, 1.5, "", "a", "ab", "b", "abc", [], [1], ["a"], [1, 2], [1, "a"], ["a", 1], ["a", "a"], [1, 1], [None],
    {}, {"a": 1}, {"a": "x"}, {"b": 1}, {"a": 1, "b": 1}, {"a": {"a": 1}}, {"a": 1, "c": 2},
]  # fmt: skip


def expected(schema):
    return [json.dumps(value) for value in VALUES if Draft202012Validator(schema).is_valid(value)]


@pytest.mark.parametrize(
    "schema",
    [
        {"not": {"type": "string"}},
        {"not": {"type": "integer"}},
        {"not": {"type": ["integer", "object"]}},
        {"not": {"enum": [1, "a", None, True]}},
        {"not": {"const": 0}},
        {"not": {"minimum": 2}},
        {"not": {"maximum": 2, "type": "number"}},
        {"not": {"exclusiveMinimum": 1, "exclusiveMaximum": 3}},
        {"not": {"multipleOf": 2}},
        {"not": {"minLength": 2}},
        {"not": {"maxLength": 1}},
        {"not": {"pattern": "^a"}},
        {"not": {"required": ["a"]}},
        {"not": {"required": ["a", "b"]}},
        {"not": {"properties": {"a": {"type": "integer"}}}},
        {"not": {"properties": {"a": {"properties": {"a": {"const": 1}}}}}},
        {"not": {"properties": {"a": False}}},
        {"not": {"items": {"type": "integer"}}},
        {"not": {"prefixItems": [True], "items": {"type": "integer"}}},
        {"not": {"not": {"prefixItems": [True], "items": {"type": "integer"}}}},
        {"not": {"not": {"uniqueItems": True}}},
        {"not": {"uniqueItems": True}},
        {"not": {"uniqueItems": True, "items": {"type": "integer"}, "prefixItems": [True]}},
        {"oneOf": [{"uniqueItems": True, "type": "array"}, {"type": "array", "maxItems": 1}]},
        {"if": {"uniqueItems": True}, "then": {"maxItems": 1}},
        {"not": {"prefixItems": [{"type": "integer"}, {"type": "string"}]}},
        {"not": {"minItems": 1}},
        {"not": {"maxItems": 1}},
        {"not": {"minProperties": 1}},
        {"not": {"contains": {"type": "integer"}}},
        {"not": {"contains": {"type": "integer"}, "maxContains": 1}},
        {"not": {"not": {"type": "string"}}},
        {"not": {"allOf": [{"type": "number"}, {"minimum": 2}]}},
        {"not": {"anyOf": [{"type": "number"}, {"maxLength": 1}]}},
        {"not": {"oneOf": [{"minimum": 2}, {"multipleOf": 2}]}},
        {"not": {"if": {"type": "number"}, "then": {"minimum": 2}, "else": {"type": "string"}}},
        {"not": {"dependentRequired": {"a": ["b"]}}},
        {"not": {"dependentSchemas": {"a": {"properties": {"c": False}}}}},
        {"not": {"$ref": "#/$defs/s"}, "$defs": {"s": {"type": "string", "minLength": 2}}},
        {"type": ["integer", "string"], "not": {"type": "integer", "minimum": 2}},
        {"type": "boolean", "not": {"const": True}},
        {"type": "number", "not": {"const": 1}, "multipleOf": 0.5},
        {"if": {"type": "integer"}, "then": {"minimum": 2}, "else": {"type": "string"}},
        {"if": {"required": ["a"]}, "then": {"required": ["b"]}},
        {"if": {"properties": {"a": {"const": 1}}, "required": ["a"]}, "then": {"required": ["b"]}},
        {"if": {"type": "string"}, "else": False},
    ],
)
def test_every_case_of_a_negation(accepts, schema):
    assert accepts(schema, *map(json.dumps, VALUES)) == expected(schema)


def test_numbers_between_what_is_denied(accepts):
    schema = {"type": "number", "not": {"anyOf": [{"type": "integer"}, {"minimum": 10}]}}
    assert accepts(schema, "1", "1.0", "1.5", "9.99", "10.5", "-0", "-0.5") == ["1.5", "9.99", "-0.5"]
    listed = {"type": "integer", "not": {"enum": [0, 2]}, "minimum": 0, "maximum": 3}
    assert accepts(listed, "0", "0.0", "1", "2", "2.0", "3", "4") == ["1", "3"]


def test_strings_between_what_is_denied(accepts):
    schema = {"type": "string", "pattern": "^[ab]{2}$", "not": {"enum": ["ab", "ba", 3]}}
    assert accepts(schema, '"aa"', '"ab"', '"\\u0061b"', '"bb"') == ['"aa"', '"bb"']


def test_formats_are_denied_too(accepts):
    assert accepts({"type": "string", "not": {"format": "date"}}, '"2024-02-29"', '"2024-02-30"') == [
        '"2024-02-30"'
    ]


def test_a_member_that_is_denied_keeps_its_place(accepts):
    schema = {
        "type": "object",
        "properties": {"kind": {"type": "string"}, "n": {"type": "integer"}},
        "required": ["kind"],
        "if": {"properties": {"kind": {"const": "small"}}},
        "then": {"properties": {"n": {"maximum": 9}}},
        "else": {"required": ["n"]},
    }
    documents = [{"kind": k, "n": n} for k in ("small", "large") for n in (9, 10)] + [
        {"kind": "small"},
        {"kind": "x"},
    ]
    valid = [json.dumps(d) for d in documents if Draft202012Validator(schema).is_valid(d)]
    assert accepts(schema, *documents) == valid
    assert len(valid) == 4


def test_recursion_through_a_negated_member(accepts):
    # A tree in which some branch ends in something other than an object or null.
    schema = {
        "not": {"$ref": "#/$defs/t"},
        "$defs": {"t": {"type": ["object", "null"], "properties": {"n": {"$ref": "#/$defs/t"}}}},
    }
    texts = ["null", "{}", '{"n": null}', '{"n": {"n": null}}', '{"n": 1}', '{"n": {"n": {"n": "x"}}}', "1"]
    assert accepts(schema, *texts) == texts[4:]


def test_a_negation_is_made_once_and_undone(limits):
    value, text = parse({"not": {"type": "string"}}, limits)
    document = Document(value, text, draft=None, registry=None, limits=limits)
    cells = Cells(document, limits=limits, assert_formats=True)
    root = document.root
    denied = cells.deny(root, "not", "/x")
    assert cells.deny(root, "not", "/x") is denied
    assert cells.deny(denied, "not", "/y") is root


@pytest.mark.parametrize(
    ("schema", "because"),
    [
        (
            {"type": "string", "not": {"type": "string"}},
            'type "string" (at /type) and not type "string" (at /not/type) exclude each other',
        ),
        (
            {"type": "integer", "minimum": 3, "maximum": 4, "not": {"enum": [3, 4]}},
            "minimum 3 (at /minimum), maximum 4 (at /maximum), not enum (at /not/enum) and type integer (at /type) "
            "leave no number",
        ),
        (
            {"type": "string", "pattern": "^ab?$", "not": {"pattern": "a"}},
            'pattern "^ab?$" (at /pattern) and not pattern "a" (at /not/pattern) leave no string',
        ),
    ],
)
def test_why_nothing_is_left(refused, schema, because):
    error = refused(schema)
    assert type(error) is rg.UnsatisfiableGrammar
    assert error.because == because


LEAVES = st.sampled_from(
    [
        {"type": "integer"}, {"type": ["string", "null"]}, {"minimum": 2}, {"multipleOf": 2}, {"maxLength": 1},
        {"pattern": "a"}, {"required": ["a"]}, {"minItems": 1}, {"enum": [1, "a"]}, {"const": None}, True, False,
        {"const": {"a": 1}}, {"enum": [[1], {}, {"a": 1, "c": 2}]}, {"const": ["a"]},
    ]
)  # fmt: skip
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda a: {"not": a}, inner),
        st.builds(lambda a, b: {"oneOf": [a, b]}, inner, inner),
        st.builds(lambda a, b: {"anyOf": [a, b]}, inner, inner),
        st.builds(lambda a, b: {"allOf": [a, b]}, inner, inner),
        st.builds(lambda a, b, c: {"if": a, "then": b, "else": c}, inner, inner, inner),
        st.builds(lambda a: {"properties": {"a": a}}, inner),
        st.builds(lambda a: {"items": a}, inner),
        st.builds(lambda a: {"contains": a}, inner),
        st.builds(lambda a: {"contains": a, "minContains": 0, "maxContains": 1}, inner),
        st.builds(lambda a: {"dependentSchemas": {"a": a}}, inner),
        st.builds(lambda a: {"additionalProperties": a}, inner),
        st.builds(lambda a, b: {"properties": {"a": a}, "additionalProperties": b}, inner, inner),
        st.builds(lambda a: {"patternProperties": {"^[ab]": a}}, inner),
        st.builds(lambda a: {"propertyNames": a}, inner),
        st.builds(
            lambda a, b: {"minProperties": a, "maxProperties": b}, st.integers(0, 2), st.integers(0, 2)
        ),
    ),
    max_leaves=5,
)


def check(vocabulary, schema):
    try:
        compiled = rg.compile(rg.JsonSchema(schema), vocabulary)
    except (rg.UnsupportedKeyword, rg.LimitError):
        return
    except rg.UnsatisfiableGrammar:
        compiled = None
    found = [text for text in map(json.dumps, VALUES) if compiled is not None and compiled.accepts(text)]
    assert found == expected(schema)


@given(SCHEMAS)
@settings(max_examples=150)
def test_formulas(bytes_vocabulary, schema):
    check(bytes_vocabulary, schema)


@pytest.mark.slow
@given(SCHEMAS)
@settings(max_examples=4000)
def test_many_formulas(bytes_vocabulary, schema):
    check(bytes_vocabulary, schema)


def test_a_denial_is_judged_in_the_scope_of_what_it_denies(accepts):
    """`b` is entered through `a`, so its items are judged by `a`, which is not satisfied by an empty array."""
    schema = {
        "$id": "http://x/root",
        "type": "array",
        "not": {"$id": "a", "$dynamicAnchor": "n", "minItems": 1, "$ref": "b"},
        "$defs": {"b": {"$id": "b", "$dynamicAnchor": "n", "items": {"$dynamicRef": "#n"}}},
    }
    assert accepts(schema, [[]], [1], [], [[1]], [[[]]], draft="2020-12") == ["[[]]", "[]", "[[[]]]"]
