"""`oneOf` where it is provably disjoint, and only there."""

import pytest

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


@pytest.mark.parametrize(
    ("branches", "pair"),
    [
        ([{"type": "integer"}, {"type": "number"}], (0, 1)),
        ([{"type": "string"}, {"type": "integer"}, {"minLength": 2}], (0, 2)),
        ([{"required": ["a"]}, {"required": ["b"]}], (0, 1)),
        ([tagged("a"), tagged("a", u={"type": "null"})], (0, 1)),
        ([True, {"type": "null"}], (0, 1)),
        (
            [{"type": "array", "items": {"type": "integer"}}, {"type": "array", "items": {"type": "string"}}],
            (0, 1),
        ),
    ],
)
def test_overlapping_branches_are_refused_by_number(refused, branches, pair):
    error = refused({"items": {"oneOf": branches}, "type": "array"})
    assert type(error) is rg.UnsupportedKeyword
    assert (error.keyword, error.pointer) == ("oneOf", "/items/oneOf")
    assert f"branches {pair[0]} and {pair[1]} are not provably disjoint" in str(error)


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
        Obligations, "split", lambda self, cells, forced: asked.append(forced) or split(self, cells, forced)
    )
    schema = {"oneOf": [tagged(f"tool-{i}", x={"type": "integer"}) for i in range(300)]}
    rg.jsonschema.read(schema, algebra=algebra, limits=limits)
    together = [forced for forced in asked if any(len(branches) > 1 for branches in forced.values())]
    assert together == []
