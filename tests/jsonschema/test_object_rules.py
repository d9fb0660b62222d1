"""How objects are written: as right-linear rules, or as one body with a record."""

import itertools
import json

import pytest

import ruvllm_grammar as rg


def orders(document):
    return [dict(some) for some in itertools.permutations(document.items())]


def test_the_usual_object_has_rules_and_no_record(rules):
    usual = [
        {"properties": {"a": {}, "b": {}}, "required": ["b"]},
        {"properties": {"a": {}}, "additionalProperties": False, "minProperties": 1},
        {"patternProperties": {"^a": {}}, "additionalProperties": {"type": "null"}},
        {"additionalProperties": {"type": "null"}, "minProperties": 1},
    ]
    assert [schema for schema in usual if "frame(" in rules({"type": "object"} | schema)] == []


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {}, "b": {}}, "minProperties": 2},
        {"properties": {"a": {}}, "maxProperties": 3},
        {"propertyNames": {"enum": ["a", "b"]}},
        {"not": {"additionalProperties": False}},
    ],
)
def test_what_counts_or_looks_for_a_witness_has_a_record(rules, schema):
    assert "frame(" in rules({"type": "object"} | schema)


def test_an_object_with_a_record(rules):
    schema = {
        "type": "object",
        "properties": {"a": {"type": "null"}, "b": {"type": "null"}},
        "required": ["a"],
    }
    text = rules(schema | {"additionalProperties": False}, any_order=True)
    key = text[text.index('frame("') + 7 : text.index('": ')]
    assert key.startswith("c0 ")
    assert text.splitlines() == [
        "root ::= $c0",
        f'c0 ::= frame("{key}": "{{" (@0 "}}" | ((@2 | @3 ",") pick(@4 "\\"a\\"" $c0.v0 | @5 "\\"b\\"" $c0.v1))* '
        '@1 "}"))',
        'c0.v0 ::= ":null"',
        'c0.v1 ::= ":null"',
    ]


def test_any_order_is_every_order(accepts):
    schema = {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {}, "c": {"properties": {"x": {}, "y": {}}}},
        "required": ["a", "c"],
        "additionalProperties": {"type": "null"},
    }
    documents = orders({"a": 1, "b": 2, "c": {"y": 1, "x": 2}, "z": None})
    wrong = [{"c": {}, "b": 1}, {"c": {}, "a": "x"}, {"c": {}, "z": 1, "a": 1}]
    assert accepts(schema, *documents, *wrong, any_order=True) == [json.dumps(one) for one in documents]
    in_order = {"a": 1, "b": 2, "c": {"x": 1, "y": 2}, "z": None}
    assert accepts(schema, *documents, in_order) == [json.dumps(in_order)]


def test_listed_objects_in_any_order(accepts):
    schema = {"enum": [{"a": 1, "b": {"c": [{"d": 1, "e": 2}], "f": None}}, {"a": 2}, 3]}
    inner = orders({"c": [{"e": 2, "d": 1}], "f": None})
    documents = [one for some in inner for one in orders({"a": 1, "b": some})]
    wrong = [{"a": 1}, {"a": 1, "b": {"f": None}}, {"b": inner[0], "a": 2}]
    assert accepts(schema, *documents, {"a": 2}, 3, *wrong, any_order=True) == [
        *(json.dumps(one) for one in documents),
        '{"a": 2}',
        "3",
    ]
    assert accepts(schema, *documents) == []


def test_empty_objects_are_spaced_as_empty_ones(accepts):
    schema = {"type": "object", "properties": {"a": {}, "b": {}}, "additionalProperties": False}
    texts = ["{}", "{\n}", '{\n  "b": 1\n}', '{\n  "b": 1,\n  "a": {}\n}']
    assert accepts(schema, *texts, whitespace="pretty", any_order=True) == [texts[0], *texts[2:]]


def documents_over(names, values, most):
    for count in range(most + 1):
        for some in itertools.permutations(names, count):
            for members in itertools.product(values, repeat=count):
                yield dict(zip(some, members, strict=True))


@pytest.mark.parametrize("any_order", [False, True])
@pytest.mark.parametrize(("low", "high"), [(2, None), (2, 2), (0, 1), (3, 4), (1, 3)])
def test_counts_with_additional_names(accepts, low, high, any_order):
    schema = {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {}},
        "required": ["b"],
        "minProperties": low,
    }
    if high is not None:
        schema["maxProperties"] = high

    def fits(document):
        names = list(document)
        ordered = any_order or [n for n in names if n in "ab"] == names[: len(set(names) & {"a", "b"})] == [
            n for n in "ab" if n in names
        ]
        return ordered and "b" in names and low <= len(names) <= (9 if high is None else high)

    documents = list(documents_over("abxyz", [0], 4))
    expected = [json.dumps(one) for one in documents if fits(one)]
    assert accepts(schema, *documents, any_order=any_order) == expected


def test_names_that_run_out_are_counted(accepts, refused):
    schema = {"type": "object", "propertyNames": {"enum": ["a", "b", "c"]}, "minProperties": 3}
    documents = [one for one in documents_over("abcd", [0], 4) if len(one) >= 2]
    expected = [json.dumps(one) for one in documents if set(one) == set("abc")]
    assert accepts(schema, *documents) == expected
    error = refused(schema | {"minProperties": 4})
    assert error.because == "minProperties 4 (at /minProperties) is more than the 3 properties there can be"


def legal(grammar, prefix):
    matcher = grammar.matcher()
    matcher.accept_bytes(prefix)
    mask = rg.allocate_bitmask(1, 257)[0]
    matcher.fill_mask(mask)
    return bytes(i for i in range(256) if mask[i // 32] >> (i % 32) & 1)


def test_names_are_offered_only_while_the_object_can_be_finished(bytes_vocabulary):
    schema = {
        "type": "object",
        "properties": dict.fromkeys("abc", {"type": "null"}),
        "required": ["c"],
        "additionalProperties": False,
        "maxProperties": 2,
        "minProperties": 2,
    }
    grammar = rg.compile(rg.JsonSchema(schema, whitespace="compact", any_order=True), bytes_vocabulary)
    assert legal(grammar, b"{") == b'"'
    assert legal(grammar, b'{"') == b"abc"
    assert legal(grammar, b'{"a":null') == b","
    assert legal(grammar, b'{"a":null,"') == b"c"
    assert legal(grammar, b'{"c":null,"') == b"ab"
    assert legal(grammar, b'{"c":null,"b":null') == b"}"


def test_a_witness_that_is_still_missing_keeps_other_names_away(bytes_vocabulary):
    schema = {
        "type": "object",
        "properties": {"a": {}, "b": {}},
        "additionalProperties": False,
        "not": {"properties": {"a": {"type": "null"}, "b": {"type": "null"}}},
        "maxProperties": 1,
    }
    grammar = rg.compile(rg.JsonSchema(schema, whitespace="compact"), bytes_vocabulary)
    assert legal(grammar, b"{") == b'"'
    assert b"n" not in legal(grammar, b'{"a":')
    assert legal(grammar, b'{"a":1') == b"." + b"0123456789" + b"Ee}"


@pytest.mark.parametrize("any_order", [False, True])
def test_objects_with_records_can_be_finished_in_time(bytes_vocabulary, any_order):
    """Whatever is written, a promise to finish is kept: every byte allowed leaves a way to the end."""
    schema = {
        "type": "object",
        "properties": {"a": {"type": "null"}, "b": {"type": "boolean"}, "cc": {"type": "null"}, "d": {}},
        "required": ["a", "cc"],
        "not": {"additionalProperties": {"type": "null"}},
        "minProperties": 4,
    }
    grammar = rg.compile(rg.JsonSchema(schema, whitespace="compact", any_order=any_order), bytes_vocabulary)
    for choose in (min, max):
        matcher = grammar.matcher()
        matcher.finish_within(120)
        mask = rg.allocate_bitmask(1, 257)[0]
        text = bytearray()
        while not matcher.is_finished:
            matcher.fill_mask(mask)
            allowed = [i for i in range(257) if mask[i // 32] >> (i % 32) & 1]
            assert allowed, bytes(text)
            token = choose(allowed)
            matcher.accept(token)
            text += bytes([token]) if token < 256 else b""
        assert len(text) < 120
        assert grammar.accepts(bytes(text))


def test_no_name_comes_twice_however_it_is_spelled(accepts):
    texts = [
        '{"a": 1, "b": 1}',
        '{"\\u0061": 1, "b": 1}',
        '{"a": 1, "a": 1}',
        '{"a": 1, "\\u0061": 1}',
        '{"x": {"y": 1, "y": 1}}',
        '{"x": {"x": 1}, "\\u0078": 2}',
        '{"x": {"x": 1}, "y": {"x": 1}}',
    ]
    schemas = [True, {"type": "object", "minProperties": 1}, {"propertyNames": {"minLength": 1}}]
    for schema in schemas:
        assert accepts(schema, *texts) == [texts[0], texts[1], texts[6]]
    assert accepts({"type": "object", "propertyNames": {"enum": ["a", "b"]}}, *texts) == texts[:2]
