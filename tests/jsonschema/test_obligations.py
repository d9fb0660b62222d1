import json

import pytest

import ruvllm_grammar as rg


def pieces(emptiness, schema):
    """The cells of every conjunction of a schema, by pointer."""
    parts, root = emptiness(schema)
    obligations = parts.shapes.obligations
    return [[cell.pointer for cell in one.cells] for one in obligations.conjunctions(root)]


def test_the_example_of_the_module(emptiness):
    schema = {
        "$ref": "#/$defs/p",
        "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
        "$defs": {"p": {"properties": {"a": {"type": "null"}}}},
    }
    assert pieces(emptiness, schema) == [["/$defs/p", "/anyOf/0"], ["/$defs/p", "/anyOf/1"]]


def test_conjunctions_are_made_once(emptiness):
    schema = {
        "anyOf": [{"$ref": "#/$defs/a"}, {"allOf": [{"$ref": "#/$defs/a"}]}],
        "$defs": {"a": {"minimum": 1}},
    }
    parts, root = emptiness(schema)
    obligations = parts.shapes.obligations
    assert obligations.conjunctions(root) is obligations.conjunctions(root)
    child = obligations.cells.cell(obligations.cells.document.root)
    assert obligations.obligation(child, child) is root


def test_a_choice_that_holds_already_does_not_split(emptiness):
    schema = {
        "$ref": "#/$defs/a",
        "anyOf": [{"minimum": 2}, {"$ref": "#/$defs/b"}],
        "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"maximum": 3}},
    }
    assert pieces(emptiness, schema) == [["/$defs/b"]]
    implied = {"anyOf": [{"minimum": 2}, {}]}
    assert pieces(emptiness, implied) == [[]]


def test_branches_of_no_kind_are_dropped_early(emptiness):
    schema = {"type": "string", "anyOf": [{"type": "integer"}, {"minLength": 1}, False]}
    assert pieces(emptiness, schema) == [["", "/anyOf/1"]]


def test_properties_keep_the_order_of_the_text(accepts):
    before = {"allOf": [{"properties": {"a": {}}}], "properties": {"b": {}}, "type": "object"}
    after = {"properties": {"b": {}}, "allOf": [{"properties": {"a": {}}}], "type": "object"}
    texts = ['{"a": 1, "b": 1}', '{"b": 1, "a": 1}']
    assert accepts(before, *texts) == texts[:1]
    assert accepts(after, *texts) == texts[1:]
    branch = {
        "anyOf": [{"properties": {"a": {}}, "required": ["a"]}],
        "properties": {"b": {}},
        "type": "object",
    }
    branch["anyOf"].append({"required": ["c"]})
    assert accepts(branch, *texts) == texts[1:]


@pytest.mark.parametrize(
    ("schema", "accepted"),
    [
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, ["1", '"a"']),
        ({"type": ["integer", "null"], "anyOf": [{"minimum": 5}, {"type": "null"}]}, ["7", "null"]),
        ({"allOf": [{"minimum": 1}, {"maximum": 5}], "type": "integer"}, ["1"]),
        ({"allOf": [{"anyOf": [{"const": 1}, {"const": 7}]}, {"anyOf": [{"const": 7}, {"const": "a"}]}]}, ["7"]),
        ({"oneOf": [{"type": "integer"}, {"type": "string"}]}, ["1", "7", '"a"']),
        ({"anyOf": [{"allOf": [{"type": "integer"}, {"minimum": 5}]}, {"$ref": "#/$defs/s"}], "$defs": {"s": {"type": "string"}}}, ["7", '"a"']),
    ],
)  # fmt: skip
def test_combinations(accepts, schema, accepted):
    found = accepts(schema, "1", "7", '"a"', "null")
    assert set(accepted) <= set(found)
    expected = [text for text in ("1", "7", '"a"', "null") if valid(schema, json.loads(text))]
    assert found == expected


def valid(schema, value):
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema).is_valid(value)


def test_members_of_branches_are_merged_with_their_siblings(accepts):
    schema = {
        "properties": {"kind": {"type": "string"}, "n": {"type": "integer"}},
        "required": ["kind"],
        "anyOf": [
            {"properties": {"kind": {"const": "small"}, "n": {"maximum": 9}}},
            {"properties": {"kind": {"const": "large"}, "n": {"minimum": 10}}},
        ],
        "type": "object",
    }
    documents = [{"kind": kind, "n": n} for kind in ("small", "large", "other") for n in (9, 10, 1.5)]
    expected = [json.dumps(d) for d in documents if valid(schema, d)]
    assert accepts(schema, *documents) == expected
    assert expected == ['{"kind": "small", "n": 9}', '{"kind": "large", "n": 10}']


def test_too_many_combinations_are_refused_and_not_tried(refused):
    many = [{"anyOf": [{"minimum": 10 * i + j} for j in range(10)]} for i in range(5)]
    error = refused({"properties": {"p": {"allOf": many}}})
    assert type(error) is rg.UnsupportedKeyword
    assert error.keyword == "anyOf"
    assert "multiply to more than 4096 combinations" in str(error)
    assert error.pointer.startswith("/properties/p/allOf/")


def test_ambiguous_branches_over_a_recursion(accepts):
    schema = {
        "$ref": "#/$defs/t",
        "$defs": {
            "t": {
                "anyOf": [
                    {"type": "array", "items": {"$ref": "#/$defs/t"}},
                    {"type": "array", "items": {"$ref": "#/$defs/t"}, "maxItems": 3},
                    {"type": "null"},
                ]
            }
        },
    }
    deep = "[" * 40 + "null" + "]" * 40
    assert accepts(schema, deep, "[" * 40 + "1" + "]" * 40) == [deep]
