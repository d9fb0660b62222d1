import itertools
import json

import pytest
from jsonschema import Draft202012Validator

import ruvllm_grammar as rg

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
