import pytest

import ruvllm_grammar as rg
from ruvllm_grammar.jsonschema import Report
from ruvllm_grammar.jsonschema.clauses import Refusal, Use


def test_every_use_and_every_refusal():
    report = rg.check(
        rg.JsonSchema(
            {
                "$schema": "http://json-schema.org/draft-07/schema#",
                "title": "t",
                "type": "object",
                "properties": {
                    "a": {"propertyNames": {"format": "regex"}},
                    "d": {"type": "string", "format": "regex"},
                    "b": {"not": {"propertyNames": False}},
                    "c": {"prefixItems": [], "uniqueItems": False},
                },
            }
        )
    )
    assert not report.supported
    assert [(one.keyword, one.pointer) for one in report.refusals] == [
        ("format", "/properties/a/propertyNames/format"),
    ]
    assert all(isinstance(one, Refusal) and ";" in one.reason for one in report.refusals)
    assert set(report.uses) == {
        Use("$schema", "/$schema", "document"),
        Use("title", "/title", "annotation"),
        Use("type", "/type", "exact"),
        Use("properties", "/properties", "exact"),
        Use("propertyNames", "/properties/a/propertyNames", "exact"),
        Use("format", "/properties/a/propertyNames/format", "refused"),
        Use("type", "/properties/d/type", "exact"),
        Use("format", "/properties/d/format", "guarded"),
        Use("not", "/properties/b/not", "exact"),
        Use("propertyNames", "/properties/b/not/propertyNames", "exact"),
        Use("prefixItems", "/properties/c/prefixItems", "ignored in draft 7"),
        Use("uniqueItems", "/properties/c/uniqueItems", "exact"),
    }


def test_a_supported_schema():
    report = rg.check(rg.JsonSchema({"type": "string", "maxLength": 3}))
    assert report == Report(
        uses=(Use("type", "/type", "exact"), Use("maxLength", "/maxLength", "exact")), refusals=()
    )
    assert report.supported
    assert str(report).splitlines() == [
        "maxLength                exact        1",
        "type                     exact        1",
    ]


def test_a_schema_that_nothing_satisfies():
    report = rg.check(rg.JsonSchema({"type": "string", "const": 1}))
    assert not report.supported
    assert report.unsatisfiable == (
        'nothing can match: const (at /const) lists nothing that type "string" (at /type) allows '
        "(at the root of the schema)"
    )


def test_a_malformed_schema_is_an_error_and_no_report():
    with pytest.raises(rg.SchemaError):
        rg.check(rg.JsonSchema({"type": "strnig"}))


def test_names_that_a_test_decides_are_reported():
    report = rg.check(rg.JsonSchema({"propertyNames": {"format": "regex"}}))
    assert [(one.keyword, one.pointer) for one in report.refusals] == [("format", "/propertyNames/format")]


def test_json_mode_is_exact():
    assert rg.check(rg.Json()) == Report.exact()


def test_guards_belong_to_the_keyword_at_their_place():
    schema = {
        "type": "object",
        "properties": {"p": {"patternProperties": {"^a[0-9]{4}$": True}, "additionalProperties": False}},
    }
    report = rg.check(rg.JsonSchema(schema))
    (guard,) = report.guards
    assert (guard.pointer, report.supported) == ("/properties/p/patternProperties/^a[0-9]{4}$", True)
    assert set(report.uses) == {
        Use("type", "/type", "exact"),
        Use("properties", "/properties", "exact"),
        Use("patternProperties", "/properties/p/patternProperties", "guarded"),
        Use("additionalProperties", "/properties/p/additionalProperties", "exact"),
    }
    assert str(report).splitlines()[-1] == f"guarded at {guard.pointer}: {guard.reason}"
