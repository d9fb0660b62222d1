import itertools
import json

import pytest

import ruvllm_grammar as rg


def documents(names):
    """Every object over some of `names` in every order, values 0."""
    for count in range(len(names) + 1):
        for some in itertools.permutations(names, count):
            yield json.dumps(dict.fromkeys(some, 0))


def in_order(names):
    """Every object over some of `names` in the order given."""
    for count in range(len(names) + 1):
        for some in itertools.combinations(names, count):
            yield dict.fromkeys(some, 0)


def test_properties_come_in_the_order_of_the_schema_and_once(accepts):
    schema = {"type": "object", "properties": dict.fromkeys("abc", {}), "additionalProperties": False}
    expected = [json.dumps(d) for d in in_order("abc")]
    assert sorted(accepts(schema, *documents("abcd"))) == sorted(expected)
    assert accepts(schema, '{"a": 1, "a": 2}', '{"a": 1,}', "{,}", '{"a" 1}') == []


def test_required_names_without_schema_follow_then_all_others_in_any_order(accepts):
    schema = {"type": "object", "properties": {"a": {}, "b": {}}, "required": ["r", "b"]}
    accepted = set(accepts(schema, *documents(("a", "b", "r", "x", "y"))))
    expected = {
        json.dumps(dict.fromkeys((*head, *tail), 0))
        for head in (("a", "b", "r"), ("b", "r"))
        for count in range(3)
        for tail in itertools.permutations("xy", count)
    }
    assert accepted == expected


def test_a_declared_name_is_not_an_additional_one_however_it_is_spelled(accepts):
    schema = {
        "type": "object",
        "properties": {"a": {"type": "null"}},
        "additionalProperties": {"type": "integer"},
    }
    assert accepts(
        schema, '{"a": null}', '{"a": 1}', '{"\\u0061": 1}', '{"b": 1}', '{"\\u0062": 1}', '{"b": null}'
    ) == [
        '{"a": null}',
        '{"b": 1}',
        '{"\\u0062": 1}',
    ]


def test_names_that_need_escapes(accepts):
    names = ['quote"', "back\\slash", "line\nbreak", "\u0001", "\u007f", "é", "😀", "\u2028", ""]
    schema = {"type": "object", "properties": dict.fromkeys(names, {}), "additionalProperties": False}
    documents = [json.dumps(dict.fromkeys(names, 1), ensure_ascii=escaped) for escaped in (False, True)]
    assert accepts(schema, *documents) == documents


def test_a_declared_name_that_matches_a_pattern_gets_both_schemas(accepts):
    schema = {
        "type": "object",
        "properties": {"ab": {"type": "integer"}},
        "patternProperties": {"^a": {"minimum": 5}, "b$": {"maximum": 7}},
        "additionalProperties": {"type": "null"},
    }
    assert accepts(
        schema, {"ab": 6}, {"ab": 8}, {"ab": 4}, {"a": 9}, {"a": 1}, {"b": 7}, {"b": 8}, {"a_b": 6}, {"a_b": 9}, {"c": None},
        {"c": 6}, {"a": "text"},
    ) == [json.dumps(d) for d in ({"ab": 6}, {"a": 9}, {"b": 7}, {"a_b": 6}, {"c": None}, {"a": "text"})]  # fmt: skip


def test_a_required_name_may_get_its_schema_from_a_pattern(accepts):
    schema = {"required": ["xa"], "patternProperties": {"^x": {"type": "null"}}, "type": "object"}
    assert accepts(schema, {"xa": None}, {"xa": 1}, {}) == ['{"xa": null}']


def test_additional_properties_ignore_the_declarations_of_other_cells(accepts):
    schema = {"properties": {"a": {}}, "allOf": [{"properties": {"b": {}}, "additionalProperties": False}]}
    assert accepts(schema, {"b": 1}, {"a": 1}, {"a": 1, "b": 1}, {}) == ['{"b": 1}', "{}"]


def test_properties_that_nothing_can_satisfy_are_not_offered(accepts, rules):
    schema = {
        "type": "object",
        "properties": {"a": False, "b": {"type": "null"}},
        "additionalProperties": False,
    }
    assert accepts(schema, {"a": 1}, {"b": None}, {}) == ['{"b": null}', "{}"]
    assert '"a"' not in rules(schema)
    dead = {"type": "object", "properties": {"a": {"type": "integer", "minimum": 2, "maximum": 1}}}
    assert json_names(rules(dead)) == []


def json_names(text):
    return [line for line in text.splitlines() if '\\"a\\"' in line]


def test_property_names(accepts):
    schema = {
        "type": "object",
        "properties": {"abc": {}, "x": {}},
        "propertyNames": {"maxLength": 2},
    }
    assert accepts(schema, {"x": 1}, {"abc": 1}, {"yy": 1}, {"yyy": 1}, {}) == ['{"x": 1}', '{"yy": 1}', "{}"]
    listed = {"type": "object", "propertyNames": {"enum": ["a", "b", 3]}}
    assert accepts(listed, {"a": 1}, {"c": 1}, {"a": 1, "b": 1}) == ['{"a": 1}', '{"a": 1, "b": 1}']
    chosen = {"type": "object", "propertyNames": {"anyOf": [{"pattern": "^a"}, {"const": "q"}]}}
    assert accepts(chosen, {"ax": 1}, {"q": 1}, {"b": 1}) == ['{"ax": 1}', '{"q": 1}']
    assert accepts({"type": "object", "propertyNames": False}, {}, {"a": 1}) == ["{}"]


@pytest.mark.parametrize("low", range(5))
@pytest.mark.parametrize("high", [None, 0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("required", [(), ("b",), ("a", "d")])
def test_counts_of_declared_properties(bytes_vocabulary, low, high, required):
    schema = {
        "type": "object",
        "properties": dict.fromkeys("abcd", {}),
        "additionalProperties": False,
        "required": list(required),
        "minProperties": low,
    }
    if high is not None:
        schema["maxProperties"] = high
    expected = [
        json.dumps(document)
        for document in in_order("abcd")
        if low <= len(document) <= (9 if high is None else high) and set(required) <= set(document)
    ]
    try:
        compiled = rg.compile(rg.JsonSchema(schema), bytes_vocabulary)
    except rg.UnsatisfiableGrammar:
        assert expected == []
        return
    assert [text for text in map(json.dumps, in_order("abcd")) if compiled.accepts(text)] == expected


def test_counts_with_additional_names(accepts):
    at_least = {"type": "object", "properties": {"a": {}}, "minProperties": 1}
    assert accepts(at_least, {}, {"a": 1}, {"x": 1}, {"a": 1, "x": 1}) == [
        '{"a": 1}',
        '{"x": 1}',
        '{"a": 1, "x": 1}',
    ]
    at_most = {"type": "object", "properties": {"a": {}}, "maxProperties": 2, "required": ["r"]}
    assert accepts(
        at_most, {"r": 1}, {"a": 1, "r": 1}, {"r": 1, "x": 1}, {"a": 1, "r": 1, "x": 1}, {"a": 1}
    ) == [
        '{"r": 1}',
        '{"a": 1, "r": 1}',
        '{"r": 1, "x": 1}',
    ]
    assert accepts({"type": "object", "maxProperties": 0}, {}, {"a": 1}) == ["{}"]


def test_dependencies_by_cases(accepts):
    schema = {"properties": dict.fromkeys("abc", {}), "dependentRequired": {"a": ["c"]}, "type": "object"}
    expected = [json.dumps(d) for d in in_order("abc") if "a" not in d or "c" in d]
    assert accepts(schema, *in_order("abc")) == expected
    chained = {
        "properties": dict.fromkeys("abc", {}),
        "dependentRequired": {"a": ["b"], "b": ["c"]},
        "type": "object",
    }
    expected = [
        json.dumps(d) for d in in_order("abc") if ("a" not in d or "b" in d) and ("b" not in d or "c" in d)
    ]
    assert accepts(chained, *in_order("abc")) == expected
    shaped = {
        "properties": {"a": {}, "b": {"type": "integer"}},
        "dependentSchemas": {"a": {"properties": {"b": {"maximum": 3}}}},
    }
    assert accepts(shaped, {"a": 1, "b": 3}, {"a": 1, "b": 4}, {"b": 4}, {"a": 1}, 7) == [
        '{"a": 1, "b": 3}',
        '{"b": 4}',
        '{"a": 1}',
        "7",
    ]


def test_rules_are_linear_in_the_number_of_properties(rules):
    def size(count):
        schema = {"type": "object", "properties": {f"p{i:04}": {"type": "null"} for i in range(count)}}
        return len(rules(schema | {"additionalProperties": False}))

    one, two, three = (size(n) for n in (10, 100, 1000))
    assert three - two == 10 * (two - one)


@pytest.mark.parametrize(
    ("schema", "because", "pointer"),
    [
        (
            {"required": ["a"], "properties": {"a": False}},
            'the property "a" is required (at /required), but nothing can be its value: '
            "the schema at /properties/a allows nothing",
            "/properties/a",
        ),
        (
            {"required": ["a"], "additionalProperties": False},
            'the property "a" is required (at /required), but nothing can be its value: '
            "the schema at /additionalProperties allows nothing",
            "/additionalProperties",
        ),
        (
            {"required": ["abc"], "propertyNames": {"maxLength": 2}},
            'the property "abc" is required (at /required), but propertyNames (at /propertyNames) does not allow the name',
            "",
        ),
        (
            {"required": ["a", "b"], "maxProperties": 1},
            "maxProperties 1 (at /maxProperties) is less than the 2 required properties (at /required)",
            "",
        ),
        (
            {"minProperties": 3, "maxProperties": 2, "properties": dict.fromkeys("abc", {}), "additionalProperties": False},
            "minProperties 3 (at /minProperties) and maxProperties 2 (at /maxProperties) leave no object",
            "",
        ),
        (
            {"minProperties": 2, "properties": {"a": {}, "b": False}, "additionalProperties": False},
            "minProperties 2 (at /minProperties) is more than the 1 properties there can be beside false "
            "(at /additionalProperties)",
            "",
        ),
        (
            {"required": ["a"], "properties": {"a": {"$ref": "#"}}},
            'the property "a" is required (at /required), but nothing can be its value: '
            "that demands itself again without end",
            "",
        ),
    ],
)  # fmt: skip
def test_why_no_object_fits(refused, schema, because, pointer):
    error = refused({"type": "object"} | schema)
    assert type(error) is rg.UnsatisfiableGrammar
    assert (error.because, error.pointer) == (because, pointer)
