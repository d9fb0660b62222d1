import json

import pytest

import ruvllm_grammar as rg

TEXTS = [json.dumps(list(range(n))) for n in range(7)]


@pytest.mark.parametrize("low", range(5))
@pytest.mark.parametrize("high", [None, 0, 1, 2, 3, 5])
@pytest.mark.parametrize("prefix", [0, 1, 2, 3])
def test_every_length(bytes_vocabulary, low, high, prefix):
    schema = {"type": "array", "minItems": low, "items": {"type": "integer"}}
    if prefix:
        schema["prefixItems"] = [{"type": "integer"}] * prefix
    if high is not None:
        schema["maxItems"] = high
    expected = [text for n, text in enumerate(TEXTS) if low <= n <= (9 if high is None else high)]
    try:
        compiled = rg.compile(rg.JsonSchema(schema), bytes_vocabulary)
    except rg.UnsatisfiableGrammar:
        assert expected == []
        return
    assert [text for text in TEXTS if compiled.accepts(text)] == expected


def test_items_by_position(accepts):
    schema = {
        "type": "array",
        "prefixItems": [{"type": "null"}, {"type": "boolean"}],
        "items": {"type": "integer"},
    }
    assert accepts(schema, "[]", "[null]", "[null, true]", "[null, true, 1, 2]", "[true]", "[null, 1]", "[null, true, true]") == [
        "[]",
        "[null]",
        "[null, true]",
        "[null, true, 1, 2]",
    ]  # fmt: skip
    closed = {"type": "array", "prefixItems": [{"type": "null"}], "items": False}
    assert accepts(closed, "[]", "[null]", "[null, null]") == ["[]", "[null]"]


def test_positions_of_several_cells_are_merged(accepts):
    schema = {
        "type": "array",
        "prefixItems": [{"minimum": 2}],
        "items": {"minimum": 5},
        "allOf": [{"items": {"type": "integer"}}, {"prefixItems": [True, {"maximum": 7}]}],
    }
    assert accepts(schema, "[2, 5, 9]", "[1]", "[2, 4]", "[2, 8]", "[2.5]") == ["[2, 5, 9]"]


def test_an_item_that_nothing_can_satisfy_ends_the_array_before_it(accepts):
    schema = {"type": "array", "prefixItems": [{}, {"type": "integer", "minimum": 1, "maximum": 0}, {}]}
    assert accepts(schema, "[]", "[1]", "[1, 1]", "[1, 1, 1]") == ["[]", "[1]"]
    hollow = {"type": "array", "items": {"type": "string", "enum": [1]}}
    assert accepts(hollow, "[]", "[1]") == ["[]"]


def test_large_bounds(accepts):
    schema = {"type": "array", "items": {"type": "null"}, "minItems": 1000, "maxItems": 100_000}
    texts = ["[" + ",".join(["null"] * n) + "]" for n in (999, 1000, 5000)]
    assert accepts(schema, *texts) == texts[1:]


def test_old_spellings_of_tuples(accepts):
    schema = {"items": [{"type": "null"}], "additionalItems": {"type": "integer"}, "type": "array"}
    assert accepts(schema, "[null, 1]", "[1]", "[null, null]", draft="7") == ["[null, 1]"]
    alone = {"items": {"type": "null"}, "additionalItems": False, "type": "array"}
    assert accepts(alone, "[null, null]", draft="7") == ["[null, null]"]


def test_a_long_prefix_is_no_depth(accepts):
    schema = {
        "type": "array",
        "prefixItems": [{"const": i} for i in range(2000)],
        "minItems": 2000,
        "items": False,
    }
    assert accepts(schema, list(range(2000)), list(range(1999))) == [json.dumps(list(range(2000)))]


@pytest.mark.parametrize(
    ("schema", "because"),
    [
        (
            {"minItems": 3, "maxItems": 2},
            "minItems 3 (at /minItems) and maxItems 2 (at /maxItems) leave no array",
        ),
        (
            {"minItems": 2, "prefixItems": [{}], "items": False},
            "minItems 2 (at /minItems) asks for item 1, which nothing can satisfy: the schema at /items allows nothing",
        ),
        (
            {"minItems": 1, "items": {"$ref": "#"}},
            "minItems 1 (at /minItems) asks for item 0, which nothing can satisfy: "
            "that demands itself again without end",
        ),
    ],
)
def test_why_no_array_fits(refused, schema, because):
    error = refused({"type": "array"} | schema)
    assert type(error) is rg.UnsatisfiableGrammar
    assert error.because == because
