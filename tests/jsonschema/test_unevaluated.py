"""`unevaluatedProperties` and `unevaluatedItems`: who evaluates what, case by case, and against a plain evaluator."""

import itertools
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference.validator import InPlaceLoop, Validator

import ruvllm_grammar as rg
from ruvllm_grammar.jsonschema.cells import Cells
from ruvllm_grammar.jsonschema.document import Document, parse
from ruvllm_grammar.jsonschema.obligations import Obligations

A, B = {"properties": {"a": {"type": "integer"}}}, {"properties": {"b": {"type": "string"}}}


@pytest.mark.parametrize(
    ("schema", "valid", "invalid"),
    [
        # In the owner itself: all keywords for members, and the rest judged by the schema.
        ({"unevaluatedProperties": False}, [{}, 1, [1]], [{"a": 1}]),
        ({**A, "unevaluatedProperties": False}, [{}, {"a": 1}], [{"b": 1}, {"a": "x"}]),
        ({**A, "unevaluatedProperties": {"type": "null"}}, [{"a": 1, "z": None}], [{"a": 1, "z": 1}, {"a": None}]),
        ({"patternProperties": {"^a": True}, "unevaluatedProperties": False}, [{"a": 1, "ab": 2}], [{"ba": 1}]),
        ({"additionalProperties": True, "unevaluatedProperties": False}, [{"z": 1}], []),
        # Through references and allOf, whether they assert anything or not.
        ({"allOf": [A, {"$ref": "#/$defs/b"}], "unevaluatedProperties": False, "$defs": {"b": B}},
         [{"a": 1, "b": "x"}], [{"a": 1, "c": 1}, {"b": 1}]),
        ({"allOf": [{"patternProperties": {"": True}}], "unevaluatedProperties": False}, [{"z": 1}], []),
        ({"allOf": [{"unevaluatedProperties": True}], "unevaluatedProperties": False}, [{"z": 1}], []),
        # A cousin is not seen, and looks at its own surroundings only.
        ({"allOf": [A, {"unevaluatedProperties": False}]}, [{}], [{"a": 1}]),
        ({"allOf": [{**A, "unevaluatedProperties": False}], **B}, [{"a": 1}], [{"b": "x"}, {"a": 1, "b": "x"}]),
        # anyOf: all branches that hold count, and only these.
        ({"anyOf": [A, B], "unevaluatedProperties": False},
         [{}, {"a": 1}, {"b": "x"}, {"a": 1, "b": "x"}], [{"a": "x", "b": "x"}, {"a": 1, "b": 1}, {"c": 1}]),
        ({"anyOf": [A, True], "unevaluatedProperties": False}, [{}, {"a": 1}], [{"a": "x"}, {"b": 1}]),
        ({"anyOf": [A], "unevaluatedProperties": False}, [{"a": 1}], [{"b": 1}]),
        ({"anyOf": [A, {"required": ["a"]}], "unevaluatedProperties": False}, [{}, {"a": 1}], [{"a": "x"}]),
        # oneOf: the branch that holds.
        ({"oneOf": [{**A, "required": ["a"]}, {**B, "required": ["b"]}], "unevaluatedProperties": False},
         [{"a": 1}, {"b": "x"}], [{}, {"a": 1, "b": "x"}, {"a": 1, "b": 1}, {"a": "x", "b": "x"}]),
        # A branch may need what the other one evaluates, and still exclude it.
        ({"oneOf": [{"properties": {"a": True}}, {"required": ["a"]}], "unevaluatedProperties": False},
         [{}], [{"a": 1}, {"b": 1}]),
        ({"anyOf": [{**A, "required": ["a", "c"]}, {**B, "required": ["b", "c"]}, {"properties": {"c": True}}],
          "unevaluatedProperties": False},
         [{}, {"a": 1, "c": 1}, {"a": 1, "b": "x", "c": 1}], [{"a": 1}, {"a": 1, "b": "x"}, {"b": 1, "c": 1}]),
        # if annotates where it holds, with or without then and else.
        ({"if": {**A, "required": ["a"]}, "unevaluatedProperties": False}, [{}, {"a": 1}], [{"a": "x"}, {"b": 1}]),
        ({"if": {**A, "required": ["a"]}, "then": B, "unevaluatedProperties": False},
         [{}, {"a": 1, "b": "x"}], [{"b": "x"}, {"a": 1, "b": 1}]),
        ({"if": {**A, "required": ["a"]}, "else": B, "unevaluatedProperties": False},
         [{"a": 1}, {"b": "x"}], [{"a": 1, "b": "x"}, {"a": "x"}]),
        # A dependent schema counts where its name is there.
        ({"properties": {"x": True}, "dependentSchemas": {"x": A}, "unevaluatedProperties": False},
         [{}, {"x": 1, "a": 1}], [{"a": 1}, {"x": 1, "a": "x"}]),
        # Listed values are evaluated, and evaluate nothing.
        ({"enum": [{"a": 1}, {"a": "x"}, {}], "anyOf": [A, True], "unevaluatedProperties": False},
         [{"a": 1}, {}], [{"a": "x"}]),
        ({"allOf": [{"enum": [{"a": 1}, {}]}], "unevaluatedProperties": False}, [{}], [{"a": 1}]),
        # not evaluates nothing.
        ({"not": {"not": A}, "unevaluatedProperties": False}, [{}], [{"a": 1}]),
        ({"allOf": [{"not": {"not": A}}], "unevaluatedProperties": False}, [{}], [{"a": 1}]),
        ({"anyOf": [{"not": {"not": A}}, B], "unevaluatedProperties": False}, [{}, {"b": "x"}], [{"a": 1}]),
        # A name declared by one branch is undeclared for another.
        ({"anyOf": [{"$ref": "#/$defs/a"}, {"properties": {"t": {"const": 1}}, "required": ["t"]}],
          "unevaluatedProperties": False, "$defs": {"a": A}},
         [{"a": 1}, {"t": 1}, {"a": 1, "t": 1}], [{"t": 2}, {"a": 1, "t": 2}]),
    ],
)  # fmt: skip
def test_members(accepts, schema, valid, invalid):
    assert accepts(schema, *valid, *invalid) == [json.dumps(one) for one in valid]


@pytest.mark.parametrize(
    ("schema", "valid", "invalid"),
    [
        ({"unevaluatedItems": False}, [[], {"a": 1}], [[1]]),
        ({"prefixItems": [True], "unevaluatedItems": False}, [[], [1]], [[1, 2]]),
        ({"prefixItems": [True], "unevaluatedItems": {"type": "null"}}, [[1, None, None]], [[1, 2], [1, None, 2]]),
        ({"items": {"type": "integer"}, "unevaluatedItems": False}, [[1, 2]], [["x"]]),
        ({"allOf": [{"prefixItems": [True, True]}], "prefixItems": [True], "unevaluatedItems": False},
         [[1], [1, 2]], [[1, 2, 3]]),
        ({"anyOf": [{"prefixItems": [{"const": 1}]}, {"prefixItems": [True, {"const": 2}]}],
          "unevaluatedItems": False}, [[], [1], [1, 2], [3, 2], [3]], [[1, 3], [1, 2, 3]]),
        ({"allOf": [{"unevaluatedItems": {"type": "integer"}}], "unevaluatedItems": False}, [[1, 2]], [["x"]]),
        ({"allOf": [{"prefixItems": [True]}, {"unevaluatedItems": False}]}, [[]], [[1]]),
        # What contains accepts is evaluated, item by item.
        ({"contains": {"const": 1}, "unevaluatedItems": False}, [[1], [1, 1]], [[], [1, 2]]),
        ({"contains": {"const": 1}, "unevaluatedItems": {"const": 2}}, [[1, 2], [2, 2, 1]], [[2], [1, 3]]),
        ({"contains": {"const": 1}, "minContains": 0, "unevaluatedItems": False}, [[], [1]], [[2]]),
        ({"allOf": [{"contains": {"multipleOf": 2}}, {"contains": {"multipleOf": 3}}], "unevaluatedItems": False},
         [[2, 3], [6]], [[2, 3, 5], [2]]),
        ({"contains": True, "unevaluatedItems": False}, [[5]], [[]]),
        ({"if": {"prefixItems": [{"const": 1}]}, "unevaluatedItems": False}, [[], [1]], [[2], [1, 2]]),
        ({"enum": [[1], []], "unevaluatedItems": False}, [[]], [[1]]),
        ({"enum": [[1], [2]], "contains": {"const": 1}, "unevaluatedItems": False}, [[1]], [[2]]),
    ],
)  # fmt: skip
def test_items(accepts, schema, valid, invalid):
    assert accepts(schema, *valid, *invalid) == [json.dumps(one) for one in valid]


@pytest.mark.parametrize(
    ("schema", "valid", "invalid"),
    [
        ({"unevaluatedProperties": False}, [{"a": 1}], [{}, 1]),
        ({**A, "unevaluatedProperties": False}, [{"a": "x"}, {"b": 1}, {"a": 1, "b": 1}], [{}, {"a": 1}, 2]),
        ({"unevaluatedProperties": {"type": "null"}}, [{"a": 1}, {"b": None, "a": 1}], [{}, {"a": None}]),
        ({"patternProperties": {"^a": True}, "unevaluatedProperties": False}, [{"a": 1, "b": 1}], [{"a": 1, "ab": 1}]),
        ({"additionalProperties": True, "unevaluatedProperties": False, "required": ["a"]}, [{"b": 1}], [{"a": 1}]),
        # What holds below the denied owner is known both ways.
        ({"anyOf": [A, B], "unevaluatedProperties": False},
         [{"c": 1}, {"a": 1, "b": 1}, {"a": "x", "b": 1}, {"a": "x", "b": "x"}, {"a": 1, "b": "x", "c": 1}],
         [{}, {"a": 1}, {"b": "x"}, {"a": 1, "b": "x"}]),
        ({"if": {**A, "required": ["a"]}, "unevaluatedProperties": False}, [{"a": "x"}, {"b": 1}], [{}, {"a": 1}]),
        ({"if": {**A, "required": ["a"]}, "then": B, "unevaluatedProperties": False},
         [{"b": "x"}, {"a": 1, "b": 1}, {"a": 1, "c": 1}], [{}, {"a": 1, "b": "x"}]),
        ({"oneOf": [{**A, "required": ["a"]}, {**B, "required": ["b"]}], "unevaluatedProperties": False},
         [{}, {"a": 1, "b": "x"}, {"a": 1, "b": 1}], [{"a": 1}, {"b": "x"}]),
        ({"properties": {"x": True}, "dependentSchemas": {"x": A}, "unevaluatedProperties": False},
         [{"a": 1}, {"x": 1, "a": "x"}], [{}, {"x": 1, "a": 1}]),
        ({"allOf": [{"unevaluatedProperties": True}], "unevaluatedProperties": False, "required": ["a"]},
         [{}], [{"a": 1}]),
        ({"not": {"not": A}, "unevaluatedProperties": False}, [{"a": 1}, {"a": "x"}], [{}]),
    ],
)  # fmt: skip
def test_denied_of_members(accepts, schema, valid, invalid):
    assert accepts({"not": schema}, *valid, *invalid) == [json.dumps(one) for one in valid]
    assert accepts({"not": {"not": schema}}, *invalid, *valid) == [json.dumps(one) for one in invalid]


@pytest.mark.parametrize(
    ("schema", "valid", "invalid"),
    [
        ({"unevaluatedItems": False}, [[1]], [[], 1]),
        ({"prefixItems": [{"const": 1}], "unevaluatedItems": False}, [[2], [1, 2]], [[], [1], {}]),
        ({"unevaluatedItems": {"type": "null"}}, [[1], [None, 1]], [[], [None]]),
        ({"items": True, "unevaluatedItems": False, "minItems": 1}, [[]], [[1]]),
        ({"contains": {"const": 1}, "unevaluatedItems": {"const": 2}}, [[], [2], [1, 3]], [[1], [1, 2]]),
        ({"anyOf": [{"prefixItems": [{"const": 1}]}, {"prefixItems": [True, {"const": 2}]}],
          "unevaluatedItems": False}, [[1, 3], [3, 3], [1, 2, 3], [3, 2, 1]], [[], [1], [1, 2], [3, 2]]),
        ({"if": {"prefixItems": [{"const": 1}]}, "unevaluatedItems": False}, [[2], [1, 2]], [[], [1]]),
    ],
)  # fmt: skip
def test_denied_of_items(accepts, schema, valid, invalid):
    assert accepts({"not": schema}, *valid, *invalid) == [json.dumps(one) for one in valid]
    assert accepts({"not": {"not": schema}}, *invalid, *valid) == [json.dumps(one) for one in invalid]


def test_contains_evaluates_nothing_in_2019(accepts):
    schema = {"contains": {"const": 1}, "unevaluatedItems": {"const": 2}}
    assert accepts(schema, [1, 2], [2], draft="2019-09") == []
    assert accepts({"items": [True], "unevaluatedItems": False}, [], [1], [1, 2], draft="2019-09") == [
        "[]",
        "[1]",
    ]
    assert accepts(
        {"items": [True], "additionalItems": True, "unevaluatedItems": False}, [1, 2], draft="2019-09"
    ) == ["[1, 2]"]


def test_members_of_members_are_their_own_affair(accepts):
    schema = {
        "properties": {"child": {"$ref": "#"}, "a": {"type": "integer"}},
        "anyOf": [B, True],
        "unevaluatedProperties": False,
    }
    good = {"child": {"child": {"b": "x"}, "a": 1}, "b": "y"}
    bad = {"child": {"child": {"b": 1}}}
    assert accepts(schema, good, bad) == [json.dumps(good)]


def test_an_item_is_judged_where_contains_stands(accepts):
    """The schema of `contains` keeps its own dynamic scope beside the one of `unevaluatedItems`."""
    schema = {
        "$id": "http://x/root",
        "$dynamicAnchor": "node",
        "type": ["array", "integer"],
        "$ref": "list",
        "unevaluatedItems": {"type": "null"},
        "$defs": {
            "list": {
                "$id": "list",
                "$dynamicAnchor": "node",
                "contains": {"$dynamicRef": "#node"},
                "minContains": 0,
            },
        },
    }
    assert accepts(schema, [1, None, [2]], ["x"], [[["x"]]], draft="2020-12") == ["[1, null, [2]]"]


def test_nothing_changes_where_nobody_asks(algebra, limits):
    """Annotations are not even read: the same cells as ever, and `if` alone is no choice."""
    value, text = parse({"if": A, "anyOf": [True, B], "additionalProperties": True}, limits)
    cells = Cells(
        Document(value, text, draft=None, registry=None, limits=limits), limits=limits, assert_formats=True
    )
    obligations = Obligations(cells, algebra=algebra, limits=limits)
    root = cells.cell(cells.document.root)
    cells.survey(root)
    assert not cells.wants_annotations
    assert [choice.keyword for choice in root.choices] == ["anyOf"]
    assert [one.cells for one in obligations.conjunctions(obligations.obligation(root))] == [()]


def test_a_union_told_apart_by_a_name_is_linear(accepts):
    branches = [
        {"properties": {"kind": {"const": i}, f"p{i}": True}, "required": ["kind"]} for i in range(40)
    ]
    schema = {"anyOf": branches, "properties": {"id": True}, "unevaluatedProperties": False}
    good = {"id": 0, "kind": 7, "p7": 1}
    assert accepts(schema, good, {"kind": 7, "p8": 1}) == [json.dumps(good)]


def test_too_many_sets_of_branches_are_refused(refused):
    branches = [{"properties": {f"p{i}": True}} for i in range(13)]
    error = refused({"anyOf": branches, "unevaluatedProperties": False})
    assert type(error) is rg.UnsupportedKeyword
    assert (error.keyword, error.pointer) == ("anyOf", "/anyOf")


# ------------------------------------------------------------------------------------------------------- random schemas

NAMES = ("a", "b", "ab", "c")
SCALARS = st.sampled_from([1, 2, "x", "y", None])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=5,
)
LEAVES = st.sampled_from(
    [True, False, {"type": "integer"}, {"type": "string"}, {"const": 1}, {"enum": [1, "x", {"a": 1}, [1]]}]
)


def some(**parts):
    """An object with some of these keywords."""
    return st.fixed_dictionaries({}, optional=parts)


def schemas(inner):
    few = st.lists(inner, min_size=1, max_size=3)
    members = st.dictionaries(st.sampled_from(NAMES), inner, min_size=1, max_size=2)
    rest = st.just(False) | inner
    return st.one_of(
        some(properties=members, unevaluatedProperties=rest, anyOf=few, allOf=few),
        some(patternProperties=st.dictionaries(st.sampled_from(["^a", "b$"]), inner, max_size=2), oneOf=few),
        some(properties=members, required=st.sampled_from([["a"], ["b"]]), unevaluatedProperties=rest),
        some(dependentSchemas=members, unevaluatedProperties=rest, additionalProperties=inner),
        some(prefixItems=few, unevaluatedItems=rest, anyOf=few),
        some(contains=inner, minContains=st.integers(0, 2), unevaluatedItems=rest, items=inner),
        st.fixed_dictionaries(
            {"if": inner, "unevaluatedProperties": rest}, optional={"then": inner, "else": inner}
        ),
        st.fixed_dictionaries(
            {"if": inner, "unevaluatedItems": rest}, optional={"then": inner, "else": inner}
        ),
        st.just({"$ref": "#/$defs/d"}),
    )


SCHEMAS = st.recursive(LEAVES, schemas, max_leaves=8)


def orders(value):
    """The value with the members of its objects in every order."""
    if isinstance(value, list):
        return [list(items) for items in itertools.product(*map(orders, value))]
    if isinstance(value, dict):
        return [
            dict(zip(names, members, strict=True))
            for names in itertools.permutations(value)
            for members in itertools.product(*(orders(value[name]) for name in names))
        ]
    return [value]


def check(vocabulary, schema, definition, instances):
    """What is accepted is valid in whatever order; of a valid instance some order is accepted."""
    if isinstance(schema, dict):
        schema = schema | {"$defs": {"d": definition}}
    try:
        compiled = rg.compile(rg.JsonSchema(schema, whitespace="compact", draft="2020-12"), vocabulary)
    except (rg.UnsupportedKeyword, rg.LimitError):
        return
    except rg.UnsatisfiableGrammar:
        compiled = None
    except rg.SchemaError as error:
        assert "without content between" in str(error)
        return
    validator = Validator(schema)
    for instance in instances:
        spelled = orders(instance)[:200]
        accepted = [
            one
            for one in spelled
            if compiled is not None and compiled.accepts(json.dumps(one, separators=(",", ":")))
        ]
        try:
            valid = validator.valid(instance)
        except InPlaceLoop:
            return
        assert bool(accepted) == valid or (valid and len(spelled) == 200), (schema, instance)


@given(SCHEMAS, SCHEMAS, st.lists(VALUES, min_size=4, max_size=10))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_schemas(bytes_vocabulary, schema, definition, instances):
    check(bytes_vocabulary, schema, definition, instances)


@pytest.mark.slow
@given(SCHEMAS, SCHEMAS, st.lists(VALUES, min_size=4, max_size=12))
@settings(
    max_examples=2000, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_many_random_schemas(bytes_vocabulary, schema, definition, instances):
    check(bytes_vocabulary, schema, definition, instances)
