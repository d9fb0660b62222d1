import json

import pytest

import ruvllm_grammar as rg
from ruvllm_grammar.automata.algebra import RegularAlgebra
from ruvllm_grammar.jsonschema import read, read_json
from ruvllm_grammar.limits import Limits


def key(algebra, schema, **options):
    return read(schema, algebra=algebra, limits=Limits(), **options).key


def test_the_key_is_the_schema_and_its_options(algebra):
    schema = {"properties": {"b": {}, "a": {}}}
    base = key(algebra, schema)
    assert key(algebra, json.dumps(schema, indent=4)) == base
    others = [
        key(algebra, {"properties": {"a": {}, "b": {}}}),  # the order of properties is part of the language
        key(algebra, schema, whitespace="compact"),
        key(algebra, schema, formats="annotate"),
        key(algebra, schema, draft="7"),
    ]
    assert len({base, *others}) == 5


def test_the_key_holds_the_documents_that_were_used_and_no_others(algebra):
    schema = {"$ref": "http://a/x"}
    registry = {"http://a/x": {"type": "null"}, "http://a/y": {"type": "string"}}
    base = key(algebra, schema, registry=registry)
    assert key(algebra, schema, registry={"http://a/x": {"type": "null"}}) == base
    assert key(algebra, schema, registry={"http://a/x": {"type": "string"}}) != base


def test_white_space_inside_strings_is_kept_in_the_key(algebra):
    assert key(algebra, '{ "const" : "a  b" }') == key(algebra, {"const": "a  b"})
    assert key(algebra, '{"const": "a b"}') != key(algebra, '{"const": "a  b"}')
    assert key(algebra, '{"const": "\\" }"}') == key(algebra, {"const": '" }'})


def test_unknown_options(algebra):
    for options in ({"formats": "maybe"}, {"whitespace": "none"}, {"draft": "3"}):
        with pytest.raises(rg.GrammarError):
            read({}, algebra=algebra, limits=Limits(), **options)


def test_refusals_never_come_late(algebra):
    """Every rule of what was read can be written."""
    schema = {
        "properties": {
            "a": {"multipleOf": 0.001, "minimum": 0, "maximum": 5},
            "b": {"format": "ipv6"},
            "c": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"$ref": "#"}}]},
        }
    }
    assert len(read(schema, algebra=algebra, limits=Limits()).force()) > 5
    deep = {"items": {"items": {"items": {"properties": {"a": {"propertyNames": {"format": "regex"}}}}}}}
    with pytest.raises(rg.UnsupportedKeyword) as caught:
        read(deep, algebra=algebra, limits=Limits())
    assert caught.value.pointer == "/items/items/items/properties/a/propertyNames/format"
    costly = {"properties": {"a": {"items": {"pattern": "^(a{1,99}b){1,99}$"}}}}
    small = Limits(leaf_states=2_000)
    with pytest.raises(rg.LimitError) as limited:
        read(costly, algebra=RegularAlgebra(small), limits=small)
    assert limited.value.limit == "leaf_states"
    assert "/properties/a/items/pattern" in str(limited.value)


def test_every_guard_is_known_when_a_schema_is_read(algebra):
    schema = {"properties": {"a": {"items": {"multipleOf": 0.123456789}}, "b": {"not": {"format": "regex"}}}}
    found = read(schema, algebra=algebra, limits=Limits()).guards
    assert sorted(guard.pointer for guard in found) == [
        "/properties/a/items/multipleOf",
        "/properties/b/not/format",
    ]


def test_json_mode_asks_nothing(bytes_vocabulary):
    assert read_json(limits=Limits()).text() == read_json(limits=Limits(), whitespace="flexible").text()
    compiled = rg.compile(rg.Json(), bytes_vocabulary)
    assert compiled.accepts('{"a": [1, -2.5e3, "x", null, true, {}]}')
    assert not compiled.accepts('{"a": 01}')


def test_a_schema_is_not_changed_by_reading(algebra):
    schema = {"properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"enum": [1, {"b": 2}]}}}
    before = json.dumps(schema)
    read(schema, algebra=algebra, limits=Limits()).force()
    assert json.dumps(schema) == before


def test_one_python_object_in_two_places(accepts):
    shared = {"type": "null"}
    schema = {"properties": {"a": shared, "b": shared}, "type": "object"}
    assert accepts(schema, {"a": None, "b": None}, {"b": 1}) == ['{"a": null, "b": null}']


def test_depth_of_documents_and_schemas(accepts):
    nest = {
        "$ref": "#/$defs/n",
        "$defs": {"n": {"properties": {"n": {"$ref": "#/$defs/n"}}, "type": "object"}},
    }
    text = '{"n": ' * 300 + "{}" + "}" * 300
    assert accepts(nest, text) == [text]
    schema: dict = {"type": "null"}
    for _ in range(150):
        schema = {"type": "object", "properties": {"n": schema}, "required": ["n"]}
    text = '{"n": ' * 150 + "null" + "}" * 150
    assert accepts(schema, text, text.replace("null", "1")) == [text]
    chained: dict = {"type": "integer"}
    for _ in range(200):
        chained = {"allOf": [chained]}
    assert accepts(chained, "1", "1.5") == ["1"]
