"""The plain evaluator that judges the compiler, judged by the official test suite and by the traps of the standard."""

from fractions import Fraction

import pytest
from reference.resources import UnresolvableReference
from reference.validator import InPlaceLoop, Validator, loads
from support import suite

#: How many required tests there are.
REQUIRED = {"4": 618, "6": 839, "7": 927, "2019-09": 1259, "2020-12": 1299}


@pytest.mark.parametrize("draft", REQUIRED)
def test_all_required_tests_are_decided_as_the_suite_says(conformance, draft):
    registry = suite.registry(conformance)
    verdicts = {}
    for group in suite.groups(conformance, draft):
        validator = Validator(group.schema, draft=draft, registry=registry)
        for case in group.tests:
            name = f"{group.file} | {group.name} | {case['description']}"
            verdicts[name] = validator.valid(case["data"]) == case["valid"]
    assert [name for name, right in verdicts.items() if not right] == []
    assert len(verdicts) == REQUIRED[draft]


TRAPS = [
    # annotations: of a failed branch and below `not` they vanish, of `if` alone they count, of a cousin they do not
    ({"not": {"not": {"properties": {"a": {}}}}, "unevaluatedProperties": False}, {"a": 1}, False),
    ({"if": {"properties": {"a": {"const": 1}}}, "unevaluatedProperties": False}, {"a": 1}, True),
    ({"if": {"properties": {"a": {"const": 1}}}, "unevaluatedProperties": False}, {"a": 2}, False),
    (
        {"anyOf": [{"properties": {"a": {}, "b": {"const": 1}}}, True], "unevaluatedProperties": False},
        {"a": 1, "b": 2},
        False,
    ),
    ({"allOf": [{"properties": {"a": {}}}, {"unevaluatedProperties": False}]}, {"a": 1}, False),
    ({"allOf": [{"unevaluatedProperties": True}], "unevaluatedProperties": False}, {"a": 1}, True),
    ({"not": {"properties": {"a": {}}, "unevaluatedProperties": False}}, {"a": 1, "b": 1}, True),
    ({"enum": [{"a": 1}], "unevaluatedProperties": False}, {"a": 1}, False),
    ({"enum": [[1]], "unevaluatedItems": False}, [1], False),
    # contains
    ({"contains": {"const": 1}, "minContains": 0}, [], True),
    ({"contains": {"const": 1}, "minContains": 0, "unevaluatedItems": False}, [1, 2], False),
    ({"contains": {"const": 1}, "unevaluatedItems": False}, [1, 1], True),
    ({"minContains": 2}, [], True),
    # names that are not keywords, and keywords that are not schemas
    ({"properties": {"$ref": {"type": "string"}}}, {"$ref": 1}, False),
    ({"properties": {"$id": {"type": "string"}, "__proto__": {"type": "null"}}}, {"__proto__": 1}, False),
    ({"enum": [{"$id": "x", "$ref": "#/nowhere"}]}, {"$id": "x", "$ref": "#/nowhere"}, True),
    ({"unknown": {"type": "string"}, "$ref": "#/unknown"}, 1, False),
    # numbers: decimals, and `true` is not 1
    ({"multipleOf": 0.0001}, 0.0075, True),
    ({"multipleOf": 0.0001}, 0.00751, False),
    ({"enum": [True]}, 1, False),
    ({"enum": [1]}, 1.0, True),
    ({"uniqueItems": True}, [1, True, "1", None, [1]], True),
    ({"uniqueItems": True}, [{"a": 1, "b": [1.0]}, {"b": [1], "a": 1}], False),
    ({"maxLength": 2.0}, "\U0001f600\U0001f600", True),
    # patterns: the end is the end, digits are ASCII, four line ends, property escapes
    ({"pattern": "^a$"}, "a\n", False),
    ({"pattern": r"^\d$"}, "٣", False),
    ({"pattern": "^.$"}, "\u2028", False),
    ({"pattern": r"^\p{Lu}$"}, "Ä", True),
    ({"pattern": ""}, "anything", True),
]


@pytest.mark.parametrize(("schema", "instance", "valid"), TRAPS)
def test_traps(schema, instance, valid):
    assert Validator(schema).valid(instance) is valid


OLDER = [
    ("4", {"type": "integer"}, "1.0", False),
    ("4", {"minimum": 1, "exclusiveMinimum": True}, "1", False),
    ("6", {"type": "integer"}, "1.0", True),
    ("6", {"if": True, "then": False}, "1", True),
    ("7", {"$ref": "#/definitions/a", "type": "string", "definitions": {"a": True}}, "1", True),
    ("7", {"items": [True], "additionalItems": False}, "[1, 2]", False),
    ("7", {"additionalItems": False}, "[1, 2]", True),
    ("7", {"contains": True, "minContains": 2}, "[1]", True),
    ("2019-09", {"contains": {"const": 1}, "unevaluatedItems": False}, "[1]", False),
    ("2019-09", {"items": [True], "additionalItems": True, "unevaluatedItems": False}, "[1, 2]", True),
    ("2019-09", {"additionalProperties": True, "unevaluatedProperties": False}, '{"a": 1}', True),
    ("2019-09", {"$recursiveRef": "#/$defs/a", "$defs": {"a": False}}, "1", False),
]


@pytest.mark.parametrize(("draft", "schema", "text", "valid"), OLDER)
def test_drafts_differ(draft, schema, text, valid):
    assert Validator(schema, draft=draft).valid(loads(text)) is valid


def test_a_dynamic_reference_takes_the_outermost_resource_that_names_the_anchor():
    tree = {
        "$id": "https://example.com/tree",
        "$dynamicAnchor": "node",
        "properties": {"children": {"items": {"$dynamicRef": "#node"}}},
    }
    strict = {
        "$id": "https://example.com/strict",
        "$dynamicAnchor": "node",
        "$ref": "tree",
        "unevaluatedProperties": False,
    }
    registry = {"https://example.com/tree": tree}
    assert Validator(tree).valid({"children": [{"other": 1}]})
    assert not Validator(strict, registry=registry).valid({"children": [{"other": 1}]})


def test_what_has_no_verdict_is_an_error():
    with pytest.raises(UnresolvableReference):
        Validator({"$ref": "#/nowhere"}).valid(1)
    with pytest.raises(InPlaceLoop):
        Validator({"allOf": [{"$ref": "#"}]}).valid(1)


def test_formats_are_annotations_unless_a_judge_is_given():
    schema = {"items": {"format": "even"}}
    assert Validator(schema).valid(["odd"])
    judge = Validator(schema, formats=lambda name, text: name == "even" and len(text) % 2 == 0)
    assert [judge.valid(["odd"]), judge.valid(["even"]), judge.valid([1])] == [False, True, True]


def test_numbers_are_read_as_written():
    assert [Fraction(number) for number in loads("[1, 1.0, 1e-3]")] == [1, 1, Fraction(1, 1000)]
