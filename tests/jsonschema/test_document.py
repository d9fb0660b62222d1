"""JSON text, resources, references."""

import json

import pytest

import ruvllm_grammar as rg
from ruvllm_grammar.jsonschema import document
from ruvllm_grammar.jsonschema.document import Document
from ruvllm_grammar.limits import Limits

LIMITS = Limits()


def load(schema, **options):
    value, text = document.parse(schema, LIMITS)
    options = {"draft": None, "registry": None} | options
    return Document(value, text, limits=LIMITS, **options)


def follow(schema, reference, **options):
    """(schema, pointer) that a reference at the root leads to."""
    loaded = load(schema, **options)
    node, _ = loaded.resolve(loaded.root, reference, "$ref")
    return node.schema, node.pointer


# ------------------------------------------------------------------------------------------------------------- text


def test_a_syntax_error_has_line_and_column(refused):
    error = refused('{\n  "type": "string",\n  "pattern": }')
    assert str(error) == (
        "the schema is not JSON: schema:3:14: Expecting value\n"
        '  2 |   "type": "string",\n'
        '  3 |   "pattern": }\n'
        "    |              ^ correct the JSON text (at the root of the schema)"
    )


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ("[]", 'a schema is an object or a boolean, not []; wrap a constant as {"const": ...}'),
        ("3", 'a schema is an object or a boolean, not 3; wrap a constant as {"const": ...}'),
        ('{"minimum": NaN}', "the schema is not JSON: NaN is not a JSON number"),
        ('{"a": 1, "a": 2}', 'the name "a" is written twice in one object of the schema; remove one of them'),
    ],
)
def test_what_is_not_a_schema(refused, schema, message):
    assert str(refused(schema)) == message + " (at the root of the schema)"


@pytest.mark.parametrize(
    "schema", [{"minimum": float("nan")}, {"maximum": float("inf")}, {"const": {1, 2}}, None]
)
def test_python_values_that_json_cannot_say(refused, schema):
    assert isinstance(refused(schema), rg.SchemaError)


def test_a_circular_python_object_is_refused(refused):
    schema = {"properties": {}}
    schema["properties"]["a"] = schema
    assert "not a JSON value" in str(refused(schema))


@pytest.mark.parametrize("text", [True, False])
def test_a_deep_document_is_a_limit(algebra, text):
    schema = {}
    for _ in range(3000):
        schema = {"not": schema}
    if text:
        schema = '{"not":' * 3000 + "{}" + "}" * 3000
    with pytest.raises(rg.LimitError) as caught:
        rg.check(rg.JsonSchema(schema))
    assert caught.value.limit == "depth"


def test_text_and_python_values_read_alike(rules):
    schema = {"properties": {"a": {"multipleOf": 0.1}}, "required": ["a"]}
    assert rules(schema) == rules(json.dumps(schema, indent=3))


def test_decimals_of_a_text_are_exact(accepts):
    schema = (
        '{"type": "number", "exclusiveMinimum": 0.10000000000000000001, "maximum": 0.10000000000000000002}'
    )
    assert accepts(schema, "0.1", "0.10000000000000000001", "0.10000000000000000002") == [
        "0.10000000000000000002"
    ]


def test_the_schema_text_has_a_limit(algebra):
    with pytest.raises(rg.LimitError) as caught:
        rg.jsonschema.read('{"title": "' + "x" * 100 + '"}', algebra=algebra, limits=Limits(text=50))
    assert caught.value.limit == "text"
    assert caught.value.needed == 113


def test_the_number_of_schemas_has_a_limit(algebra):
    schema = {"properties": {str(i): {"type": "string"} for i in range(100)}}
    with pytest.raises(rg.LimitError) as caught:
        rg.jsonschema.read(schema, algebra=algebra, limits=Limits(schema_nodes=50))
    assert caught.value.limit == "schema_nodes"


# ------------------------------------------------------------------------------------------------------- references


def test_pointers_with_escapes():
    schema = {
        "$defs": {"a/b": {"type": "null"}, "c~d": {"type": "string"}, "e%f": {"type": "array"}, "": True}
    }
    assert follow(schema, "#/$defs/a~1b") == ({"type": "null"}, "/$defs/a~1b")
    assert follow(schema, "#/$defs/c~0d") == ({"type": "string"}, "/$defs/c~0d")
    assert follow(schema, "#/$defs/e%25f") == ({"type": "array"}, "/$defs/e%f")
    assert follow(schema, "#/$defs/") == (True, "/$defs/")


def test_pointers_into_lists_and_unknown_keywords():
    schema = {"allOf": [{"x-own": {"type": "null"}}]}
    assert follow(schema, "#/allOf/0/x-own") == ({"type": "null"}, "/allOf/0/x-own")


def test_resources_inside_a_document():
    inner = {"$id": "c", "$defs": {"y": {"type": "null"}}}
    schema = {"$id": "http://a/b", "$defs": {"x": inner}}
    for reference in ("c#/$defs/y", "http://a/c#/$defs/y", "#/$defs/x/$defs/y"):
        assert follow(schema, reference) == ({"type": "null"}, "/$defs/x/$defs/y")
    assert follow(schema, "c") == (inner, "/$defs/x")
    assert follow(schema, "#") == (schema, "")


def test_an_id_inside_enum_or_beside_properties_is_a_value():
    schema = {
        "$id": "http://a/b",
        "enum": [{"$id": "c", "type": "null"}],
        "properties": {"$id": {"type": "string"}, "d": {"$id": "c", "type": "array"}},
    }
    assert follow(schema, "c")[1] == "/properties/d"


@pytest.mark.parametrize(
    ("draft", "schema"), [("2020-12", {"$anchor": "n"}), ("7", {"$id": "#n"}), ("4", {"id": "#n"})]
)
def test_anchors(draft, schema):
    whole = {"definitions": {"x": schema}}
    assert follow(whole, "#n", draft=draft) == (schema, "/definitions/x")


def test_references_beside_urns():
    schema = {"$id": "urn:uuid:1-2", "$defs": {"x": {"type": "null"}}}
    assert follow(schema, "#/$defs/x") == ({"type": "null"}, "/$defs/x")
    assert follow(schema, "urn:uuid:1-2#/$defs/x") == ({"type": "null"}, "/$defs/x")


def test_other_documents_come_from_the_registry():
    other = {"$defs": {"x": {"type": "null"}}}
    registry = {"http://a/other.json": other}
    assert follow({"$id": "http://a/b"}, "other.json#/$defs/x", registry=registry) == (
        {"type": "null"},
        "http://a/other.json#/$defs/x",
    )


def test_a_registry_of_resources():
    from referencing import Registry
    from referencing.jsonschema import DRAFT202012

    registry = Registry().with_resource("http://a/x", DRAFT202012.create_resource({"type": "null"}))
    assert follow({}, "http://a/x", registry=registry) == ({"type": "null"}, "http://a/x#")


def test_a_document_in_another_draft(accepts):
    old = {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "null"}]}
    new = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": "http://a/old"}
    assert accepts(new, "[null, 1]", "[1]", registry={"http://a/old": old}) == ["[null, 1]"]


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (
            "#/$defs/y",
            '$ref "#/$defs/y" leads nowhere: "y" is not in /$defs; define it there or correct the reference',
        ),
        (
            "#name",
            '$ref "#name" leads nowhere: there is no anchor "name"; define it, or write a pointer such as #/$defs/name',
        ),
        ("#/$defs/x/type", '$ref "#/$defs/x/type" leads to "null", which is no schema'),
        (
            "http://a/b",
            'the reference "http://a/b" names another document, "http://a/b", which is not at hand; '
            "nothing is fetched from the network: pass it in registry={uri: schema}",
        ),
        (
            "http://json-schema.org/draft-07/schema#",
            'the reference "http://json-schema.org/draft-07/schema#" names a metaschema, '
            '"http://json-schema.org/draft-07/schema", which is not at hand; '
            "nothing is fetched from the network: pass it in registry={uri: schema}",
        ),
    ],
)
def test_dangling_references(refused, reference, message):
    schema = {"$defs": {"x": {"type": "null"}}, "properties": {"p": {"$ref": reference}}}
    error = refused(schema)
    assert str(error) == message + " (at /properties/p/$ref)"
    assert error.pointer == "/properties/p/$ref"


def test_a_dangling_reference_that_nothing_reaches_is_let_be(accepts):
    assert accepts({"$defs": {"x": {"$ref": "#/nowhere"}}, "type": "null"}, "null") == ["null"]


@pytest.mark.parametrize(
    ("schema", "loop"),
    [
        ({"$ref": "#"}, "# -> #"),
        (
            {"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}]}}},
            "/$defs/a -> /$defs/a/allOf/0 -> /$defs/a",
        ),
        ({"anyOf": [{"type": "null"}, {"$ref": "#"}]}, "# -> /anyOf/1 -> #"),
        ({"not": {"$ref": "#"}}, "# -> /not -> #"),
    ],
)
def test_loops_without_content_are_named(refused, schema, loop):
    assert str(refused(schema)).startswith(
        f"the schema refers to itself without content between: {loop}; "
        "let the loop pass through properties or items, or remove a reference (at "
    )


def test_loops_through_members_and_items_are_fine(accepts):
    tree = {"type": "object", "properties": {"left": {"$ref": "#"}, "kids": {"items": {"$ref": "#"}}}}
    assert accepts(tree, {"left": {"left": {}}}, {"kids": [{"kids": []}]}, {"left": 1}, {"kids": [1]}) == [
        '{"left": {"left": {}}}',
        '{"kids": [{"kids": []}]}',
    ]


# ----------------------------------------------------------------------------------------------------------- drafts


def test_siblings_of_ref(accepts):
    schema = {"$ref": "#/definitions/s", "maxLength": 1, "definitions": {"s": {"type": "string"}}}
    assert accepts(schema, '"ab"', draft="7") == ['"ab"']
    assert accepts(schema, '"ab"', '"a"', draft="2019-09") == ['"a"']


def test_schema_names_the_draft_and_the_argument_overrides_it(refused, accepts):
    assert str(refused({"$schema": "http://json-schema.org/draft-03/schema#"})) == (
        '$schema "http://json-schema.org/draft-03/schema#" names no draft this reader knows (4, 6, 7, 2019-09, '
        "2020-12); correct it, pass draft=..., or put the metaschema into the registry (at /$schema)"
    )
    unknown = {"$schema": "http://example.com/own", "items": [{"type": "null"}]}
    assert accepts(unknown, "[null]", "[1]", draft="7") == ["[null]"]
    said = {"$schema": "https://json-schema.org/draft/2020-12/schema", "items": [{"type": "null"}]}
    assert accepts(said, "[null]", "[1]", draft="7") == ["[null]"]
    assert str(refused({}, draft="5")) == (
        "unknown draft '5'; use 4, 6, 7, 2019-09 or 2020-12 (at the root of the schema)"
    )


def test_a_metaschema_without_validation_asserts_nothing(accepts):
    meta = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "http://a/meta",
        "$vocabulary": {"https://json-schema.org/draft/2020-12/vocab/applicator": True},
    }
    schema = {"$schema": "http://a/meta", "properties": {"a": False}, "minProperties": 5}
    assert accepts(schema, "{}", '{"a": 1}', registry={"http://a/meta": meta}) == ["{}"]


def test_a_schema_that_names_no_draft_may_use_the_words_of_draft_7(accepts):
    assert accepts({"items": [{"type": "null"}], "additionalItems": False}, "[null]", "[null, 1]") == [
        "[null]"
    ]
    assert accepts(
        {"dependencies": {"a": ["b"]}, "properties": {"a": True, "b": True}}, '{"a": 1}', "{}"
    ) == ["{}"]


def test_dynamic_references(accepts):
    tree = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "http://a/tree",
        "$dynamicAnchor": "node",
        "type": "object",
        "properties": {"data": True, "children": {"type": "array", "items": {"$dynamicRef": "#node"}}},
    }
    strict = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "http://a/strict",
        "$dynamicAnchor": "node",
        "$ref": "tree",
        "propertyNames": {"enum": ["data", "children"]},
    }
    registry = {"http://a/tree": tree}
    good, bad = {"children": [{"data": 1}]}, {"children": [{"daat": 1}]}
    assert accepts(strict, good, bad, registry=registry) == [json.dumps(good)]
    assert accepts(tree, good, bad) == [json.dumps(good), json.dumps(bad)]
