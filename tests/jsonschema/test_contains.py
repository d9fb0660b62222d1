import itertools
import json

import pytest
from jsonschema import Draft202012Validator

import ruvllm_grammar as rg
from ruvllm_grammar.jsonschema import read

ARRAYS = [list(items) for n in range(5) for items in itertools.product((0, "x"), repeat=n)]


@pytest.mark.parametrize("low", [None, 0, 1, 2, 3])
@pytest.mark.parametrize("high", [None, 0, 1, 2])
@pytest.mark.parametrize("sizes", [{}, {"minItems": 2}, {"maxItems": 3}, {"minItems": 2, "maxItems": 2}])
def test_every_count(bytes_vocabulary, low, high, sizes):
    schema = {"type": "array", "contains": {"type": "string"}} | sizes
    schema |= {} if low is None else {"minContains": low}
    schema |= {} if high is None else {"maxContains": high}
    expected = [array for array in ARRAYS if Draft202012Validator(schema).is_valid(array)]
    try:
        compiled = rg.compile(rg.JsonSchema(schema), bytes_vocabulary)
    except rg.UnsatisfiableGrammar:
        assert expected == []
        return
    assert [array for array in ARRAYS if compiled.accepts(json.dumps(array))] == expected


def test_two_clauses_a_prefix_and_a_rest(accepts):
    schema = {
        "type": "array",
        "prefixItems": [{"type": "integer"}],
        "items": {"type": ["integer", "string"]},
        "contains": {"minimum": 5, "type": "integer"},
        "allOf": [{"contains": {"type": "string"}}],
    }
    arrays = [[5, "x"], [1, "x"], [1, "x", 7], [7], ["x", 7], [1, 7, "y"], [1, 7, None, "y"]]
    assert accepts(schema, *arrays) == [json.dumps(a) for a in ([5, "x"], [1, "x", 7], [1, 7, "y"])]


def test_matches_that_no_item_can_be(refused, accepts):
    impossible = {"type": "array", "items": {"type": "string"}, "contains": {"type": "integer"}}
    assert refused(impossible).because == (
        "contains (at /contains) asks for an item that nothing can be: "
        'type "string" (at /items/type) and type "integer" (at /contains/type) exclude each other'
    )
    full = {"type": "array", "maxItems": 1, "contains": {"type": "null"}, "minContains": 2}
    assert (
        refused(full).because
        == "no array has the items that contains asks for (at /contains), maxItems 1 (at /maxItems)"
    )
    optional = {"contains": {"type": "integer"}, "items": {"type": "string"}}
    assert accepts(optional, "[]", '["a"]', "1") == ["1"]


def test_before_2019_the_counts_mean_nothing(accepts):
    schema = {"contains": {"type": "null"}, "minContains": 2, "maxContains": 0, "type": "array"}
    assert accepts(schema, "[null]", "[null, null]", "[1]", draft="7") == ["[null]", "[null, null]"]


def test_styles_of_white_space(accepts):
    schema = {"type": "array", "contains": {"type": "null"}, "minContains": 0, "maxContains": 1}
    texts = ["[]", "[1,null]", "[1, null]", "[\n 1,\n null\n]", "[null, null]"]
    assert accepts(schema, *texts, whitespace="compact") == texts[:2]
    assert accepts(schema, *texts, whitespace="spaced") == [texts[0], texts[2]]
    assert accepts(schema, *texts, whitespace="pretty") == [texts[0], texts[3]]
    assert accepts(schema, *texts) == texts[:4]


BIG = [["x"] * n + [0] * m for n in (0, 3, 299, 300, 301) for m in (0, 1, 200)]


@pytest.mark.parametrize(
    "schema",
    [
        {"minContains": 300},
        {"minContains": 300, "minItems": 301},
        {"minContains": 299, "maxContains": 300, "minItems": 301, "maxItems": 501},
        {"maxContains": 3, "maxItems": 100_000},
        {"not": {"maxItems": 400}, "minContains": 300},
    ],
)
def test_counts_too_large_for_a_graph_are_tested_on_the_finished_array(accepts, schema):
    schema = {"type": "array", "contains": {"type": "string"}} | schema
    expected = [json.dumps(array) for array in BIG if Draft202012Validator(schema).is_valid(array)]
    assert accepts(schema, *BIG) == expected


def test_many_clauses_are_tested_on_the_finished_array(accepts):
    schema = {"type": "array", "allOf": [{"contains": {"const": i}} for i in range(9)]}
    texts = [json.dumps(list(range(n))) for n in (8, 9, 10)]
    assert accepts(schema, *texts, "[8,7,6,5,4,3,2,1,0]") == [*texts[1:], "[8,7,6,5,4,3,2,1,0]"]


LATE = "this is decided on the finished array, and its length is limited, so it may come too late"
SHORT = "this is decided on the finished array, and a budget of tokens may end it before that holds"


@pytest.mark.parametrize(
    ("schema", "guards"),
    [
        ({"minContains": 30_000}, (rg.Guard("/contains", SHORT),)),
        ({"minContains": 3, "maxItems": 10}, ()),
        ({"minContains": 300, "maxItems": 100_000}, (rg.Guard("/contains", LATE),)),
        ({"minContains": 0, "maxContains": 30_000}, (rg.Guard("/contains", LATE),)),
    ],
)
def test_a_test_of_finished_arrays_is_guarded(algebra, limits, schema, guards):
    schema = {"type": "array", "contains": {"type": "string"}} | schema
    assert read(schema, algebra=algebra, limits=limits).guards == guards


@pytest.mark.parametrize(
    ("schema", "because"),
    [
        (
            {"minContains": 30_000, "maxItems": 29_999},
            "no array has the items that contains asks for (at /contains), maxItems 29999 (at /maxItems)",
        ),
        (
            {"minContains": 30_000, "items": {"type": "null"}},
            'contains (at /contains) asks for items that nothing can satisfy: type "null" (at /items/type) and '
            'type "string" (at /contains/type) exclude each other',
        ),
    ],
)
def test_what_no_finished_array_can_pass(refused, schema, because):
    assert refused({"type": "array", "contains": {"type": "string"}} | schema).because == because
