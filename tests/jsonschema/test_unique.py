"""`uniqueItems` and its denial: what is accepted, how long arrays can get, and where guards stand."""

import itertools
import json
import random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference.validator import Validator, loads

import ruvllm_grammar as rg
from ruvllm_grammar.jsonschema import read

POOL = [
    "1",
    "1.0",
    "1e0",
    "2",
    "true",
    "null",
    '"a"',
    '"\\u0061"',
    "[1]",
    "[1.0]",
    '{"a":1,"b":2}',
    '{"b":2,"a":1.0}',
]
ARRAYS = ["[" + ",".join(items) + "]" for n in range(4) for items in itertools.product(POOL, repeat=n)]


def valid(schema, texts):
    judge = Validator(schema)
    return [text for text in texts if judge.valid(loads(text))]


def compiled(schema, vocabulary):
    try:
        return rg.compile(rg.JsonSchema({"type": "array"} | schema, whitespace="compact"), vocabulary)
    except rg.UnsatisfiableGrammar:
        return None


@pytest.mark.parametrize(
    "schema",
    [
        {"uniqueItems": True},
        {"uniqueItems": True, "items": {"type": ["integer", "boolean", "array", "object"]}},
        {"uniqueItems": True, "minItems": 2, "maxItems": 2},
        {"uniqueItems": True, "prefixItems": [{"type": "number"}, True], "items": {"type": "string"}},
        {"uniqueItems": True, "contains": {"type": "number"}},
        {"uniqueItems": True, "contains": {"type": "number"}, "maxContains": 1},
        {"not": {"uniqueItems": True}},
        {
            "not": {"uniqueItems": True},
            "prefixItems": [{"type": "number"}],
            "items": {"type": ["boolean", "number"]},
        },
        {"not": {"uniqueItems": True}, "contains": {"type": "boolean"}},
        {"uniqueItems": False},
    ],
)
def test_every_array_of_a_few_items(bytes_vocabulary, schema):
    grammar = compiled(schema, bytes_vocabulary)
    assert [text for text in ARRAYS if grammar.accepts(text)] == valid(schema | {"type": "array"}, ARRAYS)


def lengths(schema, vocabulary, items, most=5):
    """The lengths of arrays of these items that are accepted, and those that are valid."""
    grammar = compiled(schema, vocabulary)
    texts = ["[" + ",".join(row) + "]" for n in range(most + 1) for row in itertools.product(items, repeat=n)]
    accepted = {} if grammar is None else {json.loads(t).__len__(): None for t in texts if grammar.accepts(t)}
    return list(accepted), list(
        {json.loads(t).__len__(): None for t in valid(schema | {"type": "array"}, texts)}
    )


@pytest.mark.parametrize(
    "schema",
    [
        {"items": {"type": "boolean"}},
        {"items": {"enum": [1, 1.0, 2, 2, "1"]}},
        {"items": {"type": "integer", "minimum": 1, "maximum": 2}},
        {"items": {"type": "number", "minimum": 1, "exclusiveMaximum": 2, "multipleOf": 0.5}},
        {"items": {"type": "integer", "minimum": 1, "maximum": 3, "not": {"const": 2}}},
        {"items": {"pattern": "^[12]$", "type": "string"}},
        {"items": {"type": "string", "maxLength": 0}},
        {"items": {"anyOf": [{"const": 1}, {"type": "null"}]}},
        {"prefixItems": [{"enum": [1, 2]}, {"const": 1}], "items": {"enum": [1, 2]}},
        {"prefixItems": [{"enum": [1, 2, "1"]}, {"const": 1}, {"const": 2}], "items": False},
        {"prefixItems": [{"const": 1}, {"const": 1}]},
        {"prefixItems": [{"type": "boolean"}], "items": {"enum": [1, 2]}},
        {"items": {"type": "boolean"}, "minItems": 3},
        {"items": {"type": "boolean"}, "minItems": 2},
        {"items": {"type": "boolean"}, "maxItems": 1},
    ],
)
def test_few_values_limit_the_length(bytes_vocabulary, schema):
    items = ["true", "false", "null", "1", "1.5", "2", "3", '"1"', '"2"', '""']
    found, expected = lengths(schema | {"uniqueItems": True}, bytes_vocabulary, items, most=4)
    assert found == expected


@pytest.mark.parametrize(
    ("schema", "because"),
    [
        (
            {"uniqueItems": True, "items": {"type": "boolean"}, "minItems": 3},
            "minItems 3 (at /minItems) and uniqueItems, whose different items number 2 (at /uniqueItems) "
            "leave no array",
        ),
        (
            {"uniqueItems": True, "prefixItems": [{"const": 1}, {"const": 1.0}], "minItems": 2},
            "minItems 2 (at /minItems) and uniqueItems, whose different items number 1 (at /uniqueItems) "
            "leave no array",
        ),
        (
            {"uniqueItems": True, "not": {"uniqueItems": True}},
            "uniqueItems (at /uniqueItems) and its denial (at /not/uniqueItems) leave no array",
        ),
        (
            {"not": {"uniqueItems": True}, "prefixItems": [{"const": 1}], "items": False},
            "not uniqueItems, so minItems 2 (at /not/uniqueItems) asks for item 1, which nothing can satisfy: "
            "the schema at /items allows nothing",
        ),
        (
            {"not": {"uniqueItems": True}, "prefixItems": [{"const": 1}, {"const": 2}], "items": False},
            "no two items can be equal, as not uniqueItems (at /not/uniqueItems) asks",
        ),
    ],
)
def test_why_no_array_fits(refused, schema, because):
    error = refused({"type": "array"} | schema)
    assert type(error) is rg.UnsatisfiableGrammar
    assert error.because == because


SPENT = "items have to differ, and the values of a later item may all be taken by earlier ones"
TRAP = "items have to differ, and an item may be begun that can only end like an earlier one"
CLOSED = {"type": "object", "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "reasons"),
    [
        ({}, []),
        ({"items": {"type": "string"}}, []),
        ({"items": {"type": "integer"}}, []),
        ({"items": {"type": "number", "minimum": 0}}, []),
        ({"items": {"enum": ["a", "b", "c"]}}, []),
        ({"items": {"type": ["boolean", "null"]}}, []),
        ({"items": {"type": "string", "pattern": "^[a-z]+$"}}, []),
        ({"items": {"type": "string", "maxLength": 40}, "maxItems": 16}, []),
        ({"prefixItems": [{"type": "boolean"}, {"type": "boolean"}], "items": False}, []),
        ({"items": {"type": "object"}}, []),
        ({"items": CLOSED | {"properties": {"a": {"type": "integer"}, "b": {"type": "string"}}}}, []),
        ({"items": {"type": "array", "items": {"type": "boolean"}}}, []),
        ({"maxItems": 1, "items": CLOSED}, []),
        ({"items": CLOSED | {"properties": {"a": {"type": "string"}, "b": {"type": "boolean"}}}}, [TRAP]),
        ({"items": {"type": "string", "maxLength": 40}}, [SPENT, TRAP]),
        ({"items": {"type": "string", "pattern": "^(a|b+)$"}}, [TRAP]),
        ({"prefixItems": [{"enum": [1, 2]}, {"enum": [1, 2]}], "items": {"enum": [1, 2, 3]}}, []),
        ({"prefixItems": [{"enum": [1, 2, 3]}, {"enum": [1, 2]}], "items": {"enum": [1, 2]}}, [SPENT]),
        ({"items": CLOSED}, [SPENT, TRAP]),
        ({"items": {"enum": [[1], [2], "a"]}}, [TRAP]),
    ],
)
def test_guards_say_where_items_may_run_out(algebra, limits, schema, reasons):
    grammar = read({"type": "array", "uniqueItems": True} | schema, algebra=algebra, limits=limits)
    assert grammar.guards == tuple(rg.Guard("/uniqueItems", reason) for reason in reasons)


def walk(grammar, vocabulary, generator, most=200):
    """A text of random bytes that the masks allow; None where it does not end, False in a dead end."""
    matcher = grammar.matcher()
    row = np.zeros((vocabulary.size + 31) // 32, np.int32)
    text = b""
    for _ in range(most):
        matcher.fill_mask(row)
        allowed = np.flatnonzero(
            np.unpackbits(row.view(np.uint8), bitorder="little")[: vocabulary.size]
        ).tolist()
        if not allowed:
            return False
        # Brackets, quotes, commas and what was written before: repetitions are what this is about.
        likely = [t for t in allowed if t == 256 or t in b'[]{}",:' or t in text]
        token = generator.choice(likely if likely and generator.random() < 0.8 else allowed)
        if token == 256:
            return text.decode()
        matcher.accept(token)
        text += bytes([token])
    return None


@pytest.mark.parametrize(
    "schema",
    [
        {"items": {"type": "boolean"}, "minItems": 2},
        {"items": {"type": ["boolean", "null"]}, "minItems": 3},
        {"items": {"enum": ["a", "ab", "abc", 1, 1.5, None]}, "minItems": 6},
        {"items": {"type": "integer", "minimum": -1, "maximum": 12}, "minItems": 13},
        {"items": {"type": "number", "minimum": 0, "maximum": 1, "multipleOf": 0.5}, "minItems": 3},
        {"items": {"type": "string", "pattern": "^(a|b|ab)$"}, "minItems": 3},
        {"items": {"type": "string", "maxLength": 2}, "maxItems": 16},
        {"items": {"type": "integer"}, "minItems": 4},
        {"items": {"type": "number", "maximum": 2}},
        {"prefixItems": [{"enum": [1, 2]}, {"enum": [1, 2]}], "items": {"enum": [1, 2, 3]}, "minItems": 3},
        {"items": CLOSED | {"properties": {"a": {"enum": [1, 2]}, "b": {"type": "string"}}}},
        {"items": {"type": "array", "items": {"type": "boolean"}}},
        {"items": {"type": "array", "maxItems": 2, "items": {"type": "string"}}},
        {},
    ],
)
def test_without_a_guard_random_bytes_never_come_to_a_dead_end(bytes_vocabulary, schema):
    schema = {"type": "array", "uniqueItems": True, "maxItems": 16} | schema
    grammar = rg.compile(rg.JsonSchema(schema, whitespace="compact"), bytes_vocabulary)
    assert grammar.guards == ()
    judge = Validator(schema)
    texts = [walk(grammar, bytes_vocabulary, random.Random(seed)) for seed in range(12)]
    assert False not in texts
    ended = [text for text in texts if text is not None]
    assert [text for text in ended if not judge.valid(loads(text))] == []
    assert ended or schema["maxItems"] > 1


ITEMS = st.sampled_from(
    [
        True,
        False,
        {"type": "boolean"},
        {"enum": [1, 2.0, "a"]},
        {"const": [1]},
        {"type": ["null", "boolean"]},
        {"type": "integer", "minimum": 0, "maximum": 2},
        {"type": "string"},
        {"type": "array", "maxItems": 1},
    ]
)
SIZES = st.none() | st.integers(0, 3)
VALUES = st.sampled_from([0, 1, 2, 1.0, "a", "b", True, False, None, [], [1], [1.0], {"a": 1}])


@given(
    st.sampled_from([{"uniqueItems": True}, {"not": {"uniqueItems": True}}]),
    st.lists(ITEMS, max_size=3),
    ITEMS,
    SIZES,
    SIZES,
    st.lists(st.lists(VALUES, max_size=4), min_size=5, max_size=20),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_positions_and_sizes_by_chance(bytes_vocabulary, demand, prefix, rest, low, high, arrays):
    schema = {"type": "array", "items": rest} | demand
    schema |= {"prefixItems": prefix} if prefix else {}
    schema |= {} if low is None else {"minItems": low}
    schema |= {} if high is None else {"maxItems": high}
    grammar = compiled(schema, bytes_vocabulary)
    judge = Validator(schema)
    texts = [json.dumps(array, separators=(",", ":")) for array in arrays]
    expected = [text for text in texts if judge.valid(loads(text))]
    assert [text for text in texts if grammar is not None and grammar.accepts(text)] == expected


PIECES = [b"true", b',"', b',"a', b",t", b", n", b'a","', b"1,1", b",[", b",-", b"],["]


@pytest.mark.parametrize(
    "items",
    [
        {"anyOf": [{"not": {"type": "string"}}, {"enum": ["a", "b"]}]},
        {"type": ["boolean", "null", "integer"]},
        {"anyOf": [{"type": "string"}, {"enum": [-1, None]}]},
        CLOSED | {"properties": {"a": {"enum": [1, 2]}, "b": {"type": "string"}}},
        {"type": "array", "maxItems": 2, "items": {"type": "string"}},
        {},
    ],
)
def test_tokens_that_begin_another_item_are_no_dead_ends(items):
    tokens = [bytes([i]) for i in range(256)] + [b""] + PIECES
    vocabulary = rg.Vocabulary.from_tokens(tokens, special={256}, eos={256})
    schema = {"type": "array", "uniqueItems": True, "items": items, "maxItems": 12}
    grammar = rg.compile(rg.JsonSchema(schema), vocabulary)
    for seed in range(30):
        generator = random.Random(seed)
        matcher = grammar.matcher()
        row = np.zeros((vocabulary.size + 31) // 32, np.int32)
        for _ in range(60):
            matcher.fill_mask(row)
            bits = np.unpackbits(row.view(np.uint8), bitorder="little")[: vocabulary.size]
            allowed = np.flatnonzero(bits).tolist()
            assert allowed
            pieces = [t for t in allowed if t >= 256 or t in b'"abtn,[']
            token = generator.choice(pieces if pieces and generator.random() < 0.8 else allowed)
            if token == 256:
                break
            matcher.accept(token)
