"""Plain parts: what they are, and that leaving them out of the passes over the schema changes nothing."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.validator import Validator
from support.instances import Instances
from support.orders import written
from support.schemas import schemas

import ruvllm_grammar as rg
from ruvllm_grammar.jsonschema import read, reader
from ruvllm_grammar.jsonschema.cells import Cells
from ruvllm_grammar.jsonschema.document import Document, parse
from ruvllm_grammar.jsonschema.emptiness import Emptiness
from ruvllm_grammar.jsonschema.obligations import Obligations
from ruvllm_grammar.jsonschema.plain import NOTHING, plain_parts
from ruvllm_grammar.jsonschema.shapes import Shapes

STRING, NULL = {"type": "string"}, {"type": "null"}
OBJECT = {"type": "object", "properties": {"a": STRING, "b": NULL}}


def parts(schema, algebra, *, draft=None, limits=None, any_order=False):
    limits = limits or rg.Limits()
    value, text = parse(schema, limits)
    document = Document(value, text, draft=draft, registry=None, limits=limits)
    found = plain_parts(
        document,
        algebra=algebra,
        limits=limits,
        assert_formats=True,
        assert_content=False,
        any_order=any_order,
    )
    return found, document


@pytest.mark.parametrize(
    "schema",
    [
        {},
        OBJECT,
        {"enum": ["a", 1, {"b": []}]},
        {"type": "integer", "minimum": 1, "maximum": 10},
        {"type": "string", "maxLength": 9, "pattern": "^[a-z]+$"},
        {"type": "string", "format": "date"},
        {"properties": {"a": {"$ref": "#"}}},
        {"$ref": "#/$defs/x", "$defs": {"x": {"type": "array", "items": {"$ref": "#/$defs/x"}}}},
        {"anyOf": [STRING, OBJECT]},
        {**OBJECT, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
        {"oneOf": [STRING, {"type": "array"}, {"const": 1}]},
        {"oneOf": [{"const": "a"}, {"enum": ["b", "c"]}]},
        {"allOf": [OBJECT, {"properties": {"c": NULL}}, {"description": "says nothing"}]},
        {"allOf": [OBJECT, {"properties": {"a": {"enum": ["x"]}}}]},
        {"type": "object", "patternProperties": {"^x-": STRING}, "additionalProperties": False},
        {"type": "array", "items": STRING, "uniqueItems": True},
        {"type": "array", "items": OBJECT, "uniqueItems": True},
        {"$defs": {"unused": {"not": {"type": 7}}}},
    ],
)
def test_plain(schema, algebra):
    found, document = parts(schema, algebra)
    assert found.has(document.root.schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"not": {"type": "string"}},
        {"if": {"type": "string"}, "then": {"minLength": 3}},
        {"contains": STRING},
        {"multipleOf": 3},
        {"dependentRequired": {"a": ["b"]}},
        {"unevaluatedProperties": False},
        {"propertyNames": {"maxLength": 3}},
        {"type": "string", "pattern": "("},
        {"type": "strings"},
        {"required": "a"},
        {"properties": {"a": {"minLength": -1}}},
        {"$ref": "#/$defs/x"},
        {"$ref": "other.json"},
        {"$ref": "#"},
        {"anyOf": [STRING, {"anyOf": [{"$ref": "#"}]}]},
        {"oneOf": [STRING, {"maxLength": 3}]},
        {"oneOf": [OBJECT, {"type": "object", "required": ["c"]}]},
        {"anyOf": [OBJECT, OBJECT], "properties": {"a": NULL}},
        {"allOf": [OBJECT, {"properties": {"a": {"type": "array"}}}]},
        {"allOf": [OBJECT, {"additionalProperties": False}]},
        {"patternProperties": {"^(a|x.*)$": STRING}, "additionalProperties": False},
        {"patternProperties": {"^a": STRING}, "properties": {"ab": NULL}},
        {"patternProperties": {"^a": STRING, "b$": NULL}},
        {"type": "array", "items": {"enum": [1, 2]}, "uniqueItems": True},
        {"type": "array", "items": {"type": "string", "maxLength": 1}, "uniqueItems": True},
        {"minimum": 10**400},
    ],
)
def test_not_plain(schema, algebra):
    found, document = parts(schema, algebra)
    assert not found.has(document.root.schema)


def test_what_reaches_something_that_is_not_plain_is_not_plain_but_its_other_parts_are(algebra):
    schema = {
        "properties": {
            "a": {"$ref": "#/$defs/t"},
            "b": {"not": NULL},
            "c": {"items": {"$ref": "#/$defs/u"}},
        },
        "$defs": {"t": STRING, "u": {"properties": {"d": {"$ref": "#"}}}},
    }
    found, document = parts(schema, algebra)
    root = document.root.schema
    plain = {name for name, one in root["properties"].items() if found.has(one)}
    assert plain == {"a"}
    assert found.has(root["$defs"]["t"])
    assert not found.has(root)


def test_a_union_of_thousands_of_branches_in_unions_is_not_plain(algebra):
    union = {"anyOf": [{"const": i} for i in range(60)]}
    for _ in range(2):
        union = {"anyOf": [union] * 60}
    found, _ = parts(union, algebra)
    assert len(found) == 0


def test_budgets_of_schemas_hold(algebra):
    schema = {"properties": {f"p{i}": {"type": "string", "minLength": i} for i in range(50)}}
    assert len(parts(schema, algebra, limits=rg.Limits(schema_nodes=1000))[0]) == 51
    assert len(parts(schema, algebra, limits=rg.Limits(schema_nodes=60))[0]) == 0
    with pytest.raises(rg.LimitError):
        rg.check(rg.JsonSchema(schema), limits=rg.Limits(schema_nodes=20))


def test_documents_of_several_resources_have_no_plain_parts(algebra):
    schema = {"$id": "http://a/b", "properties": {"x": {"$id": "c", "type": "string"}}}
    assert len(parts(schema, algebra)[0]) == 0


def test_pointers_are_found_upwards(algebra):
    schema = {
        "items": {"$ref": "#/$defs/a~1b"},
        "$defs": {"a/b": {"anyOf": [{"properties": {"~": {"minLength": 1}}}]}},
    }
    found, document = parts(schema, algebra)
    inner = document.root.schema["$defs"]["a/b"]["anyOf"][0]
    assert found.pointer(inner["properties"]["~"]) == "/$defs/a~1b/anyOf/0/properties/~0"
    assert found.pointer(document.root.schema) == ""


def test_the_same_listed_values_filtered_by_different_choices_are_different_rules(accepts):
    schema = {"not": {"if": {"const": {"a": 1}}, "then": {"type": "integer"}, "else": {"minimum": 2}}}
    assert accepts(schema, {"a": 1}, {"a": 2}, 1, 2) == ['{"a": 1}', "1"]


def _without(monkeypatch):
    monkeypatch.setattr(reader, "plain_parts", lambda *_, **__: NOTHING)


def _read(schema, algebra, limits, **options):
    try:
        return read(schema, algebra=algebra, limits=limits, **options)
    except rg.GrammarError as error:
        return type(error), str(error)


@pytest.mark.parametrize("draft", ["7", "2019-09", "2020-12"])
def test_guards_errors_and_documents_are_the_same_without_plain_parts(
    draft, algebra, limits, bytes_vocabulary
):
    @settings(max_examples=120)
    @given(schema=schemas(draft), any_order=st.booleans(), seed=st.integers(0, 2**32))
    def check(schema, any_order, seed):
        options = {"draft": draft, "any_order": any_order}
        one = _read(schema, algebra, limits, **options)
        with pytest.MonkeyPatch.context() as monkeypatch:
            _without(monkeypatch)
            other = _read(schema, algebra, limits, **options)
            if isinstance(one, tuple) or isinstance(other, tuple):
                assert one == other
                return
            assert set(one.guards) == set(other.guards)
            slow = rg.compile(rg.JsonSchema(schema, **options), bytes_vocabulary)
        fast = rg.compile(rg.JsonSchema(schema, **options), bytes_vocabulary)
        instances = Instances(Validator(schema, draft=draft), random.Random(seed))
        for _ in range(8):
            text = written(instances.draw())
            assert fast.accepts(text) == slow.accepts(text), text

    check()


@pytest.mark.parametrize("draft", ["7", "2020-12"])
def test_what_is_surely_inhabited_is_inhabited(draft, algebra, limits):
    @settings(max_examples=120)
    @given(schema=schemas(draft))
    def check(schema):
        try:
            found, document = parts(schema, algebra, draft=draft)
            cells = Cells(document, limits=limits, assert_formats=True)
            cells.survey(cells.cell(document.root))
        except rg.GrammarError:
            return
        obligations = Obligations(cells, algebra=algebra, limits=limits)
        emptiness = Emptiness(Shapes(obligations))
        for number in range(len(found)):
            one = found.numbered(number)
            if found.rank(one) is not None:
                node = document.at(one, found.pointer(one))
                assert emptiness.inhabited(obligations.obligation(cells.cell(node)))

    check()
