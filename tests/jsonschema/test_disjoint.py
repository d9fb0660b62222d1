"""`oneOf`: disjoint branches as an alternation, overlapping ones denied in each other."""

import json

import pytest
from jsonschema import Draft202012Validator

import ruvllm_grammar as rg
from ruvllm_grammar.jsonschema.obligations import Obligations


def tagged(tag, **more):
    return {"properties": {"t": {"const": tag}} | more, "required": ["t"], "type": "object"}


@pytest.mark.parametrize(
    "branches",
    [
        [{"type": "integer"}, {"type": "string"}],
        [{"type": "integer", "maximum": 3}, {"type": "integer", "exclusiveMinimum": 3}],
        [{"type": "string", "pattern": "^a"}, {"type": "string", "pattern": "^b"}],
        [{"type": "string", "maxLength": 3}, {"type": "string", "minLength": 4}],
        [{"const": 1}, {"const": 2}, {"const": True}],
        [{"enum": ["a", "b"]}, {"enum": ["c"]}, {"type": "null"}],
        [tagged("a"), tagged("b"), tagged("c")],
        [tagged("a"), {"type": "array"}],
        [{"type": "object", "required": ["a"]}, {"type": "object", "properties": {"a": False}}],
        [
            {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}},
            {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}},
        ],
        [{"type": "array", "minItems": 2}, {"type": "array", "maxItems": 1}],
        [
            {"type": "integer", "multipleOf": 2, "minimum": 3, "maximum": 5},
            {"type": "integer", "multipleOf": 3},
        ],
        [False, {"type": "null"}],
    ],
)
def test_disjoint_branches_are_an_alternation(accepts, branches):
    texts = [
        "1",
        "4",
        "7",
        '"a"',
        '"bbbb"',
        "true",
        "null",
        '{"t": "a"}',
        "[]",
        "[1, 2]",
        '{"a": 1}',
        '{"a": "x"}',
    ]
    one = accepts({"oneOf": branches}, *texts)
    assert one == accepts({"anyOf": branches}, *texts)
    assert one


OVERLAPPING = [
    [{"type": "integer"}, {"type": "number"}],
    [{"type": "string"}, {"type": "integer"}, {"minLength": 2}],
    [{"required": ["a"]}, {"required": ["b"]}],
    [{"required": ["a"]}, {"required": ["b"]}, {"required": ["c"]}],
    [tagged("a"), tagged("a", u={"type": "null"})],
    [True, {"type": "null"}],
    [{"type": "array", "items": {"type": "integer"}}, {"type": "array", "items": {"type": "string"}}],
    [{"type": "integer"}, {"minimum": 2}],
    [{"pattern": "a"}, {"maxLength": 2}],
    [{"multipleOf": 2}, {"multipleOf": 3}],
    [{"enum": [1, "a"]}, {"type": "integer"}],
]


@pytest.mark.parametrize("branches", OVERLAPPING)
def test_overlapping_branches_exclude_each_other(accepts, branches):
    values = [0, 1, 2, 3, 6, 1.5, "a", "b", "ab", "bb", "aab", None, True, [], [1], ["x"], [1, "x"], {"a": 1}, {"b": 1},
              {"a": 1, "b": 1}, {"c": 1}, {"a": 1, "b": 1, "c": 1}, {"t": "a"}, {"t": "a", "u": None}, {"t": "b"}]  # fmt: skip
    schema = {"oneOf": branches}
    expected = [json.dumps(value) for value in values if Draft202012Validator(schema).is_valid(value)]
    assert accepts(schema, *map(json.dumps, values)) == expected


def test_an_overlap_of_closed_objects_is_denied_member_by_member(accepts):
    closed = {"type": "object", "properties": {"a": {}}, "additionalProperties": False}
    schema = {"items": {"oneOf": [closed, {"maxProperties": 1}]}, "type": "array"}
    assert accepts(schema, [{"b": 1}], [{"a": 1}], [{}], [{"a": 1, "b": 2}], [1]) == ['[{"b": 1}]', "[1]"]


def test_the_place_may_make_branches_disjoint(accepts):
    schema = {
        "type": ["string", "null"],
        "oneOf": [{"maxLength": 3, "type": ["string", "array"]}, {"type": ["null", "array"]}],
    }
    assert accepts(schema, '"abc"', '"abcd"', "null", "[]") == ['"abc"', "null"]


def test_recursive_branches(accepts):
    schema = {
        "$ref": "#/$defs/tree",
        "$defs": {
            "tree": {
                "oneOf": [
                    {"type": "integer"},
                    tagged("node", kids={"type": "array", "items": {"$ref": "#/$defs/tree"}}),
                    tagged("leaf", value={"$ref": "#/$defs/tree"}),
                ]
            }
        },
    }
    good = '{"t": "node", "kids": [1, {"t": "leaf", "value": 2}]}'
    assert accepts(schema, good, '{"t": "node", "kids": ["x"]}', "3", '{"t": "other"}') == [good, "3"]


def test_large_unions_with_a_discriminator_are_not_compared_in_pairs(monkeypatch, algebra, limits):
    asked = []
    split = Obligations.split
    monkeypatch.setattr(
        Obligations,
        "split",
        lambda self, cells, forced: asked.append(forced) or split(self, cells, forced),
    )
    schema = {"oneOf": [tagged(f"tool-{i}", x={"type": "integer"}) for i in range(300)]}
    rg.jsonschema.read(schema, algebra=algebra, limits=limits)
    together = [forced for forced in asked if any(len(branches) > 1 for branches in forced.values())]
    assert together == []


def test_overlaps_that_judge_names(accepts):
    names = {"oneOf": [{"minLength": 2}, {"pattern": "^a"}]}
    documents = [{"bb": 1}, {"a": 1}, {"ab": 1}, {"b": 1}, {}]
    for schema in ({"propertyNames": names}, {"not": {"not": {"propertyNames": names}}}):
        assert accepts({"type": "object"} | schema, *documents) == ['{"bb": 1}', '{"a": 1}', "{}"]
    denied = {"type": "object", "not": {"propertyNames": names}}
    assert accepts(denied, *documents) == ['{"ab": 1}', '{"b": 1}']
