"""What counts as right, and what the thresholds are checked against."""

from __future__ import annotations

import json

import pytest

from bench.embedded_model import bfcl
from bench.embedded_model.answering import call_schema, closed
from bench.embedded_model.cases import ROWS
from bench.embedded_model.evaluate import MODES, THRESHOLDS, figures, missed, summary
from bench.embedded_model.functions import run
from bench.embedded_model.judge import Verdict, judge_calls, judge_document, judge_run, leaves, read_calls

SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "number"}, "day": {"type": "string", "format": "date"}},
    "required": ["a"],
}
TOOLS = ({"type": "function", "function": {"name": "f", "parameters": SCHEMA}},)


def call(body: str) -> str:
    return f"<tool_call>\n{body}\n</tool_call>"


F1 = call('{"name": "f", "arguments": {"a": 1}}')
F2 = call('{"name": "f", "arguments": {"a": 2}}')


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("Hello.", []),
        (F1, [("f", {"a": 1})]),
        (f"{F1}\n{F2}", [("f", {"a": 1}), ("f", {"a": 2})]),
        ("<tool_call>\n{", None),
        (call("{"), None),
        (call("[]"), None),
        (call('{"name": "f"}'), None),
    ],
)
def test_calls_are_read_from_the_text(text, calls):
    assert read_calls(text) == calls


@pytest.mark.parametrize(
    ("text", "right", "verdict"),
    [
        (F1, (("f", {"a": 1}),), Verdict(tool=True, exact=True, valid=True)),
        (F1, (("f", {"a": 1.0}),), Verdict(tool=True, exact=True, valid=True)),
        (F1, (("f", {"a": 2}),), Verdict(tool=True, exact=False, valid=True)),
        (f"{F1}\n{F2}", (("f", {"a": 2}), ("f", {"a": 1})), Verdict(tool=True, exact=True, valid=True)),
        (f"{F1}\n{F1}", (("f", {"a": 1}),), Verdict(tool=False, exact=False, valid=True)),
        (
            call('{"name": "g", "arguments": {"a": 1}}'),
            (("f", {"a": 1}),),
            Verdict(tool=False, exact=False, valid=False),
        ),
        (
            call('{"name": "f", "arguments": {"a": "1"}}'),
            (("f", {"a": 1}),),
            Verdict(tool=True, exact=False, valid=False),
        ),
        (
            call('{"name": "f", "arguments": {"a": 1, "day": "x"}}'),
            (),
            Verdict(tool=False, exact=False, valid=False),
        ),
        ("I have no tool for that.", (), Verdict(tool=True, exact=True, valid=True)),
        (F1, (), Verdict(tool=False, exact=False, valid=True)),
        ("Words.", (("f", {"a": 1}),), Verdict(tool=False, exact=False, valid=True)),
    ],
)
def test_calls_are_judged(text, right, verdict):
    assert judge_calls(text, right, TOOLS) == verdict


def test_documents_are_judged_leaf_by_leaf():
    schema = {"type": "object", "required": ["a"]}
    right = {"a": {"b": 1, "c": ["x", "y"]}, "d": [{"e": True}]}
    assert leaves(right) == {"/a/b": 1, "/a/c": ["x", "y"], "/d/0/e": True}
    verdict = judge_document('{"a": {"b": 1.0, "c": ["x"]}, "d": [{"e": true}]}', right, schema)
    assert verdict == Verdict(tool=True, exact=False, valid=True, right=2, of=3)
    assert judge_document("{", right, schema) == Verdict(tool=False, exact=False, valid=False, right=0, of=3)
    assert not judge_document("{}", right, schema).valid


def test_true_is_not_one():
    assert not judge_document('{"a": 1}', {"a": True}, {}).exact


def test_runs_compare_results():
    tools = ({"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}},)
    right = (("add", {"a": 1, "b": 2}),)
    assert judge_run(call('{"name": "add", "arguments": {"a": 2, "b": 1}}'), right, tools).exact
    assert not judge_run(call('{"name": "add", "arguments": {"a": 2, "b": 2}}'), right, tools).exact
    assert not judge_run(call('{"name": "add", "arguments": {"a": 2}}'), right, tools).exact
    assert not judge_run("Three.", right, tools).exact


def test_functions_take_the_names_of_the_schema():
    assert run("convert_unit", {"value": 2, "from": "kilometer", "to": "meter"}) == {
        "value": 2000.0,
        "unit": "meter",
    }
    assert run("copy_file", {"source": "a", "target": "b"}) == {"from": "a", "to": "b"}
    with pytest.raises(LookupError):
        run("fly", {})


def test_grammars_are_closed():
    schema = {
        "type": "object",
        "description": "x",
        "properties": {"description": {"type": "string", "description": "y"}},
    }
    assert closed(schema) == {
        "type": "object",
        "properties": {"description": {"type": "string"}},
        "additionalProperties": False,
    }
    (one,) = call_schema(TOOLS)["anyOf"]
    assert one["properties"]["name"] == {"const": "f"}
    assert one["additionalProperties"] is one["properties"]["arguments"]["additionalProperties"] is False


def test_every_threshold_names_a_row_and_a_figure():
    limits = json.loads(THRESHOLDS.read_text(encoding="utf-8"))
    for wanted in limits["rows"]:
        assert wanted["row"] in ROWS
        assert wanted["mode"] in MODES
        assert 0 < wanted["least"] <= 1
        shown = figures(wanted["row"], [Verdict(tool=True, exact=True, valid=True, right=1, of=1)])
        assert wanted["figure"] in shown


def test_what_is_missed_is_said():
    found = summary(
        [{"tool": 0.97, "exact": 0.95, "valid": 1.0}, {"tool": 0.98, "exact": 0.95, "valid": 1.0}]
    )
    assert found["tool"] == {"mean": 0.975, "min": 0.97, "max": 0.98}
    result = {
        "rows": {"call, known tools": {"constrained": found, "unconstrained": found}},
        "speed": {"load s": 2, "tokens/s": 900},
    }
    assert missed(result) == ["call, known tools, tool, constrained: 0.975 < 0.98", "load time: 2 s > 1.0 s"]


@pytest.mark.parametrize(
    ("arguments", "allowed", "right"),
    [
        ({"a": 1}, {"a": [1], "b": ["x", ""]}, True),
        ({}, {"a": [1]}, False),
        ({"a": 1, "c": 2}, {"a": [1]}, False),
        ({"a": "New York, NY"}, {"a": ["new york ny"]}, True),
        ({"a": [1, 2.0]}, {"a": [[1, 2]]}, True),
        ({"a": {"b": 1}}, {"a": [{"b": [1], "c": [""]}]}, True),
        ({"a": True}, {"a": [1]}, False),
        ({"a": None}, {"a": [None]}, True),
    ],
)
def test_values_of_the_stress_test(arguments, allowed, right):
    assert bfcl.right(arguments, allowed) is right


def test_python_types_of_the_stress_test_become_those_of_json_schema():
    node = {
        "type": "dict",
        "properties": {"type": {"type": "float"}, "x": {"type": "tuple", "items": {"type": "any"}}},
    }
    assert bfcl.schema(node) == {
        "type": "object",
        "properties": {"type": {"type": "number"}, "x": {"type": "array", "items": {}}},
    }


@pytest.mark.conformance
def test_entries_of_the_stress_test_can_be_read(conformance, monkeypatch):
    import gzip

    for name in bfcl.FILES:
        with gzip.open(conformance / "bfcl" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            entries = [json.loads(line) for line in lines]
        questions = [bfcl.question(entry) for entry in entries]
        texts = []
        for entry in entries:
            ((wanted, values),) = entry["ground_truth"][0].items()
            given = {key: _one(options) for key, options in values.items() if "" not in options}
            texts.append(call(json.dumps({"name": wanted, "arguments": given})))
        assert bfcl.shares(entries, questions, texts)["exact"] == 1.0


def _one(options):
    """A right value, from the lists of right values."""
    value = options[0]
    return (
        {key: _one(inner) for key, inner in value.items() if "" not in inner}
        if isinstance(value, dict)
        else _listed(value)
    )


def _listed(value):
    return [_one([item]) for item in value] if isinstance(value, list) else value
