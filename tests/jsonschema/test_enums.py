import json

import pytest


def test_scalars_by_value(accepts):
    schema = {"enum": [1, "a", None, True, 2.5, 'x"y', "é"]}
    texts = [
        "1", "1.0", "1.00", "1e0", '"a"', '"\\u0061"', "null", "true", "false", "2.5", "2.50", '"x\\"y"', '"é"',
        '"\\u00e9"', "0", '"1"',
    ]  # fmt: skip
    assert [text for text in texts if text not in accepts(schema, *texts)] == ["false", "0", '"1"']


@pytest.mark.parametrize(
    ("schema", "accepted"),
    [
        ({"const": 0}, ["0", "0.0"]),
        ({"const": False}, ["false"]),
        ({"const": 1}, ["1", "1.0"]),
        ({"const": True}, ["true"]),
        ({"const": ""}, ['""']),
        ({"const": []}, ["[]"]),
        ({"const": {}}, ["{}"]),
    ],
)
def test_zero_false_one_true_and_empty_are_apart(accepts, schema, accepted):
    assert accepts(schema, "0", "0.0", "false", "1", "1.0", "true", '""', "[]", "{}", "null") == accepted


def test_objects_and_arrays_are_written_in_their_own_order(accepts):
    value = {"b": [1, {"c": None}], "a": "x"}
    schema = {"const": value}
    assert accepts(schema, value, {"a": "x", "b": [1, {"c": None}]}, {"b": [1, {"c": None}]}, {}) == [
        json.dumps(value)
    ]
    for style, text in (
        ("compact", json.dumps(value, separators=(",", ":"))),
        ("spaced", json.dumps(value)),
        ("pretty", json.dumps(value, indent=2)),
    ):
        assert accepts(schema, text, whitespace=style) == [text]


@pytest.mark.parametrize(
    ("schema", "accepted"),
    [
        ({"enum": [1, 2, 3], "const": 2}, ["2"]),
        ({"enum": [1, 2, "a"], "type": "string"}, ['"a"']),
        ({"enum": [1, 2, 3], "minimum": 2}, ["2", "3"]),
        ({"enum": ["a", "ab", "abc"], "maxLength": 2, "pattern": "b"}, ['"ab"']),
        ({"enum": [1, 2.5], "type": "integer"}, ["1"]),
        ({"enum": [1, 2, 3], "allOf": [{"enum": [2.0, 3, 4]}]}, ["2", "3"]),
        ({"enum": [1, 2, 3], "anyOf": [{"const": 1}, {"minimum": 3}]}, ["1", "3"]),
        ({"enum": [1, 2, 3], "oneOf": [{"minimum": 2}, {"maximum": 2}]}, ["1", "3"]),
        ({"enum": [1, 2, 3], "not": {"const": 2}}, ["1", "3"]),
        ({"enum": [1, "a"], "if": {"type": "string"}, "then": False}, ["1"]),
        ({"enum": [{"a": 1}, {"a": 2}], "properties": {"a": {"minimum": 2}}}, ['{"a": 2}']),
        ({"enum": [[1], [1, 1]], "uniqueItems": True}, ["[1]"]),
        ({"enum": [[1], ["a"]], "contains": {"type": "string"}}, ['["a"]']),
        ({"$ref": "#/$defs/e", "minimum": 2, "$defs": {"e": {"enum": [1, 2]}}}, ["2"]),
    ],
)
def test_listed_values_meet_every_other_keyword(accepts, schema, accepted):
    texts = [
        "1",
        "2",
        "3",
        "4",
        "2.5",
        '"a"',
        '"ab"',
        '"abc"',
        '{"a": 1}',
        '{"a": 2}',
        "[1]",
        "[1, 1]",
        '["a"]',
    ]
    assert accepts(schema, *texts) == accepted


def test_one_list_in_two_places_is_filtered_in_each_by_what_stands_there(accepts):
    schema = {
        "$defs": {"e": {"enum": [1, "a"]}, "s": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
        "prefixItems": [{"$ref": "#/$defs/e"}, {"allOf": [{"$ref": "#/$defs/e"}, {"$ref": "#/$defs/s"}]}],
        "type": "array",
    }
    assert accepts(schema, [1, "a"], [1, 1], ["a", "a"]) == ['[1, "a"]', '["a", "a"]']


def test_many_values_are_one_leaf(accepts, rules):
    schema = {"enum": [f"value-{i}" for i in range(10_000)]}
    assert accepts(schema, '"value-9999"', '"value-10000"', '"value-"') == ['"value-9999"']
    assert rules(schema).count("leaf(") == 1


def test_strings_that_utf8_cannot_spell_are_not_offered(accepts, refused):
    assert accepts({"enum": ["\ud800", "a"]}, '"a"', '"\\ud800"') == ['"a"']
    assert refused({"enum": ["\ud800"]}).because == (
        'enum (at /enum) lists nothing that UTF-8, which cannot spell "\ud800", allows'
    )


@pytest.mark.parametrize(
    ("schema", "because"),
    [
        ({"enum": []}, "enum (at /enum) lists nothing"),
        (
            {"const": 1, "enum": [2]},
            "const (at /const) lists nothing that enum (at /enum) allows",
        ),
        (
            {"enum": ["a"], "type": "integer"},
            'enum (at /enum) lists nothing that type "integer" (at /type) allows',
        ),
    ],
)
def test_why_no_value_is_left(refused, schema, because):
    assert refused(schema).because == because


def test_every_spelling_is_accepted(accepts):
    schema = {"enum": ["a/b", 100, {"é": [1.5]}, None]}
    texts = [
        r'"a\/b"',
        r'"\u0061/b"',
        "1e2",
        "100.0",
        "1E+02",
        r'{"\u00e9":[15e-1]}',
        "null",
        "1e3",
        r'"\u0062"',
    ]
    assert accepts(schema, *texts) == texts[:-2]
    names = {"properties": {"ab": {"const": 1}}, "additionalProperties": False}
    assert accepts(names, r'{"\u0061b":1.0}', r'{"\u0061b":2}', r'{"\u0061":1}') == [r'{"\u0061b":1.0}']
    assert accepts({"const": 1}, "10e-1", draft="4") == ["10e-1"]
