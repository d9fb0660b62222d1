"""The evaluator of listed values against the `jsonschema` package."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 8)
    | st.sampled_from([0.5, 1.0, 2.5])
    | st.text("ab", max_size=3)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
    max_leaves=5,
)
LEAF_SCHEMAS = st.sampled_from(
    [
        True,
        False,
        {"type": "integer"},
        {"type": ["string", "null"]},
        {"minimum": 2},
        {"exclusiveMaximum": 2},
        {"multipleOf": 0.5},
        {"maxLength": 1},
        {"pattern": "a"},
        {"required": ["a"]},
        {"minProperties": 1, "maxProperties": 2},
        {"minItems": 1, "uniqueItems": True},
        {"const": 1},
        {"enum": [None, "a", [1]]},
        {"dependentRequired": {"a": ["b"]}},
    ]
)
SCHEMAS = st.recursive(
    LEAF_SCHEMAS,
    lambda inner: st.one_of(
        st.builds(lambda a, b: {"allOf": [a, b]}, inner, inner),
        st.builds(lambda a, b: {"anyOf": [a, b]}, inner, inner),
        st.builds(lambda a, b: {"oneOf": [a, b]}, inner, inner),
        st.builds(lambda a: {"not": a}, inner),
        st.builds(lambda a, b, c: {"if": a, "then": b, "else": c}, inner, inner, inner),
        st.builds(lambda a, b: {"properties": {"a": a}, "additionalProperties": b}, inner, inner),
        st.builds(lambda a, b: {"patternProperties": {"^a": a}, "propertyNames": b}, inner, inner),
        st.builds(lambda a, b: {"prefixItems": [a], "items": b}, inner, inner),
        st.builds(lambda a: {"contains": a}, inner),
        st.builds(lambda a: {"contains": a, "minContains": 0, "maxContains": 1}, inner),
        st.builds(lambda a: {"dependentSchemas": {"a": a}}, inner),
    ),
    max_leaves=5,
)


@given(SCHEMAS, st.lists(VALUES, min_size=1, max_size=5))
def test_listed_values_are_evaluated_as_the_jsonschema_package_does(emptiness_of, schema, values):
    expected = [value for value in values if Draft202012Validator(schema).is_valid(value)]
    parts, root = emptiness_of({"enum": values, "allOf": [schema]})
    found = [
        value
        for conjunction in parts.shapes.obligations.conjunctions(root)
        for value in conjunction.values or ()
    ]
    assert [as_json(value) for value in found] == unique(as_json(value) for value in expected)


def as_json(value):
    """Numbers by value, keys sorted: 1 and 1.0 are one."""
    text = json.dumps(value, sort_keys=True, default=float)
    return json.dumps(
        json.loads(text, parse_float=lambda t: int(Decimal(t)) if Decimal(t) % 1 == 0 else float(t))
    )


def unique(texts):
    return list(dict.fromkeys(texts))


@pytest.fixture(scope="module")
def emptiness_of(algebra, limits):
    from ruvllm_grammar.jsonschema.cells import Cells
    from ruvllm_grammar.jsonschema.document import Document, parse
    from ruvllm_grammar.jsonschema.emptiness import Emptiness
    from ruvllm_grammar.jsonschema.obligations import Obligations
    from ruvllm_grammar.jsonschema.shapes import Shapes

    def parts(schema):
        value, text = parse(schema, limits)
        cells = Cells(
            Document(value, text, draft=None, registry=None, limits=limits),
            limits=limits,
            assert_formats=True,
        )
        obligations = Obligations(cells, algebra=algebra, limits=limits)
        return Emptiness(Shapes(obligations)), obligations.obligation(cells.cell(cells.document.root))

    return parts


def test_formats_with_a_test_are_evaluated(accepts):
    assert accepts({"enum": ["(a", "(a)"], "format": "regex"}, '"(a"', '"(a)"') == ['"(a)"']
    assert accepts({"enum": ["(a", "(a)"], "not": {"format": "regex"}}, '"(a"', '"(a)"') == ['"(a"']
