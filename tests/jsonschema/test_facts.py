"""Facts of one schema, as they are read from the JSON."""

import pytest

import ruvllm_grammar as rg
from ruvllm_grammar.jsonschema.document import Document, parse
from ruvllm_grammar.jsonschema.facts import FactReader


def facts(schema, *, draft=None, formats=True, content=False):
    value, text = parse(schema, rg.Limits())
    document = Document(value, text, draft=draft, registry=None, limits=rg.Limits())
    reader = FactReader(document, formats=formats, content=content)
    return reader.read(document.root.schema), reader


def test_what_is_said_of_an_object():
    schema = {
        "type": "object",
        "properties": {"a": {}},
        "required": ["a"],
        "additionalProperties": False,
        "title": "t",
    }
    said, reader = facts(schema)
    assert said.plain
    assert (said.kinds, said.properties, said.required, said.additional) == (
        {"object"},
        {"a": {}},
        ["a"],
        False,
    )
    assert said.asserting == 3
    assert reader.children == [{}, False]


@pytest.mark.parametrize(
    ("schema", "draft", "plain"),
    [
        ({"exclusiveMinimum": True, "minimum": 1}, "4", True),
        ({"exclusiveMinimum": True, "minimum": 1}, "7", False),
        ({"exclusiveMinimum": 1}, "4", False),
        ({"exclusiveMinimum": 1}, "7", True),
        ({"items": [{}]}, "7", True),
        ({"items": [{}]}, "2020-12", False),
        ({"prefixItems": [{}]}, "2020-12", True),
        ({"const": 1, "if": {}}, "4", True),  # neither means anything there
        ({"if": {}}, "7", False),
        ({"then": {"minLength": -1}}, "7", True),
        ({"then": 1}, "7", False),
        ({"const": "\ud800"}, "7", False),
        ({"const": 10**300}, "7", False),
        ({"enum": [[{"a": 1}], None]}, "7", True),
        ({"minLength": True}, "7", False),
        ({"maxLength": 3.0}, "7", False),
        ({"format": 1}, "7", False),
        ({"type": ["string", "string"]}, "7", True),
        ({"type": []}, "7", False),
        ({"allOf": []}, "7", False),
        ({"$ref": "#/nowhere"}, "7", False),
        ({"$ref": "#/definitions/0/a", "definitions": [{"a": True}]}, "7", True),
        ({"$ref": "#/%"}, "7", False),
    ],
)
def test_plain(schema, draft, plain):
    assert facts(schema, draft=draft)[0].plain is plain


def test_up_to_draft_7_a_reference_hides_its_siblings():
    schema = {"$ref": "#/definitions/a", "minLength": -1, "definitions": {"a": {"type": "null"}}}
    said, _ = facts(schema, draft="7")
    assert said.plain
    assert said.reference == {"type": "null"}
    assert not facts(schema, draft="2019-09")[0].plain


def test_formats_and_content_matter_where_they_are_asserted():
    assert facts({"format": "date"})[0].asserting == 1
    assert facts({"format": "date"}, formats=False)[0].asserting == 0
    assert facts({"format": "what ever"})[0].asserting == 0
    assert facts({"contentEncoding": "base64"})[0].plain
    assert not facts({"contentEncoding": "base64"}, content=True)[0].plain


def test_a_look_inside_leaves_the_children_alone():
    _, reader = facts({"items": {"items": {}}})
    before = list(reader.children)
    assert reader.inner({"properties": {"a": {}}}).properties == {"a": {}}
    assert reader.children == before
