"""Names split into slots and classes, and the needs that they may meet."""

import json

import pytest

import ruvllm_grammar as rg
from ruvllm_grammar import ir


def shape_of(emptiness, schema):
    found, root = emptiness({"type": "object"} | schema)
    (conjunction,) = found.shapes.obligations.conjunctions(root)
    return found.shapes.object(conjunction), found


def slots(shape):
    return [(slot.name, slot.required is not None, slot.free) for slot in shape.slots]


def test_names_of_a_small_class_are_slots_without_a_place(emptiness):
    schema = {
        "properties": {"z": {}, "b": {}},
        "patternProperties": {"^[a-c]$": {"type": "null"}},
        "additionalProperties": False,
        "required": ["z"],
    }
    shape, _ = shape_of(emptiness, schema)
    assert slots(shape) == [("z", True, False), ("b", False, False), ("a", False, True), ("c", False, True)]
    assert shape.classes == ()


@pytest.mark.parametrize(
    ("names", "classes", "guarded"),
    [
        ({"patternProperties": {"^x": {}}, "additionalProperties": False}, 1, []),
        ({"patternProperties": {"^x-": {}}}, 2, []),
        ({"patternProperties": {"^[a-z]$": {}}, "additionalProperties": False}, 0, []),
        ({"patternProperties": {"^[a-z]{1,2}$": {}}, "additionalProperties": False}, 1, ["/patternProperties/^[a-z]{1,2}$"]),
        ({"patternProperties": {"^(a|x.*)$": {}}, "additionalProperties": False}, 1, ["/patternProperties/^(a|x.*)$"]),
        ({"propertyNames": {"maxLength": 9}}, 1, ["/propertyNames"]),
        ({"propertyNames": {"maxLength": 9}, "maxProperties": 1}, 1, []),
        ({"propertyNames": {"minLength": 2}}, 1, []),
        ({"propertyNames": {"not": {"const": "a"}}, "properties": {"b": {}}}, 1, []),
        ({"propertyNames": False}, 0, []),
        ({}, 1, []),
    ],
)  # fmt: skip
def test_classes_and_their_guards(emptiness, algebra, limits, names, classes, guarded):
    shape, _ = shape_of(emptiness, names)
    assert len(shape.classes) == classes
    assert [guard.pointer for guard in shape.guards] == guarded
    grammar = rg.jsonschema.read({"type": "object"} | names, algebra=algebra, limits=limits)
    assert [guard.pointer for guard in grammar.guards] == guarded
    assert all(isinstance(guard, ir.Guard) and guard.reason for guard in grammar.guards)


def test_guards_of_what_no_document_reaches_are_not_collected(algebra, limits):
    short = {"type": "object", "propertyNames": {"maxLength": 9}}
    schemas = [
        {"properties": {"a": {"allOf": [short, {"type": "null"}]}}, "type": "object"},
        {"$defs": {"unused": short}},
        {"type": "object", "properties": {"a": short | {"required": ["x"], "properties": {"x": False}}}},
        short | {"additionalProperties": False},
    ]
    found = [rg.jsonschema.read(schema, algebra=algebra, limits=limits).guards for schema in schemas]
    assert found == [()] * 4


def forms(shape, found):
    offered = shape.offered(found.inhabited)
    return {
        slot.name: (slot.always, sorted(proof.needs for proof in slot.proofs)) for slot in offered.slots
    } | {"*": [(one.always, sorted(proof.needs for proof in one.proofs)) for one in offered.classes]}


def test_members_are_witnesses_by_their_names_or_by_their_values(emptiness):
    schema = {
        "properties": {"a": {"type": "integer"}, "b": {"type": "string"}, "c": {}},
        "not": {"properties": {"a": {"type": "integer"}, "c": {"type": "null"}}, "additionalProperties": {"type": "string"}},
    }  # fmt: skip
    shape, found = shape_of(emptiness, schema)
    assert len(shape.needs) == 1
    assert forms(shape, found) == {"a": (0, []), "b": (0, []), "c": (0, [1]), "*": [(0, [1])]}
    closed = {
        "properties": {"a": {}, "b": {}},
        "not": {"properties": {"a": {}}, "additionalProperties": False},
    }
    shape, found = shape_of(emptiness, closed)
    assert forms(shape, found) == {"a": (0, []), "b": (1, []), "*": [(1, [])]}


def test_one_member_may_be_a_witness_of_several_needs(emptiness, accepts):
    schema = {
        "properties": {"a": {"type": "string"}},
        "additionalProperties": False,
        "allOf": [{"not": {"additionalProperties": one}} for one in ({"maxLength": 1}, {"pattern": "^x"})],
    }
    shape, found = shape_of(emptiness, schema)
    assert forms(shape, found) == {"a": (0, [1, 2, 3]), "*": []}
    documents = [{"a": text} for text in ("ab", "a", "xa", "x", "")] + [{}]
    assert accepts({"type": "object"} | schema, *documents) == ['{"a": "ab"}']


def test_equal_schemas_are_denied_together(emptiness):
    tagged = [
        {"properties": {"t": {"enum": [i]}, "v": {"type": "number"}}, "type": "object"} for i in range(8)
    ]
    schema = {"properties": {"t": {"enum": [9]}}, "allOf": [{"not": one} for one in tagged]}
    shape, found = shape_of(emptiness, schema)
    assert len(shape.needs) == 8
    offered = {slot.name: slot for slot in shape.offered(found.inhabited).slots}
    assert offered["t"].always == 255
    assert [proof.needs for proof in offered["v"].proofs] == [255]


@pytest.mark.parametrize(
    ("schema", "because"),
    [
        (
            {"properties": {"a": {}}, "additionalProperties": False, "not": {"propertyNames": {"const": "a"}}},
            "not propertyNames (at /not/propertyNames) asks for a member that nothing can be",
        ),
        (
            {
                "properties": {"a": {"type": ["null", "string"]}},
                "additionalProperties": False,
                "allOf": [{"not": {"additionalProperties": {"type": t}}} for t in ("null", "string")],
            },
            "not additionalProperties (at /allOf/0/not/additionalProperties) and not additionalProperties "
            "(at /allOf/1/not/additionalProperties) ask for more members than there can be",
        ),
        (
            {
                "maxProperties": 1,
                "required": ["a"],
                "properties": {"a": {"type": "null"}},
                "not": {"additionalProperties": {"type": "null"}},
            },
            "maxProperties 1 (at /maxProperties) is less than the 2 properties that not additionalProperties "
            "(at /not/additionalProperties) and required ask for",
        ),
        (
            {"required": ["a"], "not": {"required": ["a"]}},
            'the property "a" is required (at /required) and denied (at /not/required)',
        ),
    ],
)  # fmt: skip
def test_why_nothing_meets_the_needs(refused, schema, because):
    error = refused({"type": "object"} | schema)
    assert type(error) is rg.UnsatisfiableGrammar
    assert error.because == because


def test_needs_that_can_be_met_in_too_many_sets_are_refused(refused):
    denied = [
        {"properties": {"x": {"type": "null"}}, "additionalProperties": {"multipleOf": i}}
        for i in range(2, 15)
    ]
    error = refused({"type": "object", "allOf": [{"not": one} for one in denied]})
    assert type(error) is rg.UnsupportedKeyword
    assert error.pointer == "/allOf/0/not/properties/x"
    assert "in too many ways; say what is allowed instead" in str(error)


def test_a_denied_schema_is_met_by_members_in_any_number_of_ways(accepts):
    schema = {
        "type": "object",
        "not": {
            "properties": {"a": {"type": "integer"}, "b": {"minimum": 3}},
            "patternProperties": {"^x": {"type": "string"}},
            "additionalProperties": {"type": ["null", "integer", "string"]},
        },
    }
    documents = [
        {"a": 1}, {"a": "x"}, {"b": 2}, {"b": 3}, {"x": "s"}, {"x": 1}, {"c": 1}, {"c": []}, {}, {"a": 1, "x": "s", "c": True},
    ]  # fmt: skip
    assert accepts(schema, *documents) == [
        json.dumps(one)
        for one in documents
        if one in ({"a": "x"}, {"b": 2}, {"x": 1}, {"c": []}, documents[-1])
    ]
