import json

import pytest

import ruvllm_grammar as rg


@pytest.mark.parametrize(
    ("schema", "inhabited"),
    [
        (True, True),
        (False, False),
        ({}, True),
        ({"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}}, False),
        ({"type": ["object", "null"], "required": ["a"], "properties": {"a": {"$ref": "#"}}}, True),
        ({"type": "array", "items": {"$ref": "#"}}, True),
        ({"type": "array", "items": {"$ref": "#"}, "minItems": 1}, False),
        ({"type": "array", "items": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}, "minItems": 1}, True),
        (
            {
                "$ref": "#/$defs/a",
                "$defs": {
                    "a": {"type": "object", "required": ["b"], "properties": {"b": {"$ref": "#/$defs/b"}}},
                    "b": {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#/$defs/a"}}},
                },
            },
            False,
        ),
        ({"type": "object", "properties": {"a": False}}, True),
        ({"type": "object", "properties": {"a": False}, "minProperties": 1}, True),
        (
            {"type": "object", "properties": {"a": False}, "minProperties": 1, "additionalProperties": False},
            False,
        ),
        ({"anyOf": [False, {"type": "string", "enum": [1]}]}, False),
    ],
)
def test_which_obligations_have_a_value(emptiness, schema, inhabited):
    parts, root = emptiness(schema)
    assert parts.inhabited(root) is inhabited


@pytest.mark.parametrize(
    ("schema", "because", "pointer"),
    [
        (False, "the schema at the root allows nothing", ""),
        (
            {"allOf": [{"type": "string"}, {"type": ["number", "null"]}]},
            'type "string" (at /allOf/0/type) and type ["number", "null"] (at /allOf/1/type) exclude each other',
            "",
        ),
        (
            {"type": "null", "anyOf": [{"type": "string"}, False]},
            'no branch of /anyOf agrees with the rest: type "null" (at /type)',
            "",
        ),
        (
            {"properties": {"a": {"type": "integer", "minimum": 5, "maximum": 3}}, "required": ["a"], "type": "object"},
            'the property "a" is required (at /required), but nothing can be its value: '
            "minimum 5 (at /properties/a/minimum), maximum 3 (at /properties/a/maximum) "
            "and type integer (at /properties/a/type) leave no number",
            "/properties/a",
        ),
        (
            {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 0}, {"type": "string", "minLength": 2, "maxLength": 1}]},
            "minimum 1 (at /anyOf/0/minimum), maximum 0 (at /anyOf/0/maximum) and type integer (at /anyOf/0/type) "
            "leave no number; minLength 2 (at /anyOf/1/minLength) and maxLength 1 (at /anyOf/1/maxLength) leave no string",
            "",
        ),
    ],
)  # fmt: skip
def test_why_nothing_fits(refused, schema, because, pointer):
    error = refused(schema)
    assert type(error) is rg.UnsatisfiableGrammar
    assert (error.because, error.pointer) == (because, pointer)
    assert str(error) == f"nothing can match: {because} (at {pointer or 'the root of the schema'})"


def test_every_legal_prefix_of_a_document_can_be_completed(bytes_vocabulary):
    """Walk a matcher along every single legal byte for a while: no super-state may be without a way on."""
    schema = {
        "type": "object",
        "properties": {
            "dead": {"type": "object", "required": ["x"], "properties": {"x": False}},
            "loop": {"$ref": "#/$defs/loop"},
            "list": {"type": "array", "prefixItems": [{"const": 1}, False], "minItems": 1},
            "n": {"type": "integer", "minimum": 95, "maximum": 105, "multipleOf": 7},
            "s": {"type": "string", "pattern": "^(ab|cd)$", "minLength": 1},
        },
        "required": ["n"],
        "patternProperties": {"^z": {"type": "boolean"}},
        "additionalProperties": False,
        "$defs": {"loop": {"type": "array", "items": {"$ref": "#/$defs/loop"}, "minItems": 1}},
    }
    compiled = rg.compile(rg.JsonSchema(schema, whitespace="compact"), bytes_vocabulary)
    seen: set[bytes] = set()
    frontier = [b""]
    for _ in range(14):
        grown = []
        for prefix in frontier:
            matcher = compiled.matcher()
            matcher.accept_bytes(prefix)
            row = rg.allocate_bitmask(1, bytes_vocabulary.size)
            matcher.fill_mask(row[0])
            bits = [i for i in range(257) if row[0][i >> 5] >> (i & 31) & 1]
            assert bits, prefix
            # One byte of each sort is enough to walk on: letters of free names behave alike.
            grown += [prefix + bytes([b]) for b in bits if b < 256 and (b < 0x7F or b > 0xF3)][:6]
        frontier = [p for p in dict.fromkeys(grown) if p not in seen][:150]
        seen.update(frontier)
    finished = json.dumps({"n": 98}, separators=(",", ":"))
    assert compiled.accepts(finished)
    assert not any(b'"dead"' in prefix or b'"loop"' in prefix for prefix in seen)
