"""Branches told apart by their facts, against the exact answer; items that visibly differ, against the guards."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ruvllm_grammar as rg
from ruvllm_grammar.jsonschema import read, reader
from ruvllm_grammar.jsonschema.apart import Apart
from ruvllm_grammar.jsonschema.document import Document, parse
from ruvllm_grammar.jsonschema.facts import FactReader
from ruvllm_grammar.jsonschema.plain import NOTHING


def apart(schema, *, any_order=False):
    value, text = parse(schema, rg.Limits())
    document = Document(value, text, draft=None, registry=None, limits=rg.Limits())
    reading = FactReader(document, formats=True, content=False)
    return Apart(reading, any_order=any_order), document.root.schema


def closed(*required, **properties):
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def opened(*required, **properties):
    return {"type": "object", "properties": properties, "required": list(required)}


@pytest.mark.parametrize(
    ("branches", "exclusive"),
    [
        ([{"type": "string"}, {"type": ["null", "array"]}, False], True),
        ([{"type": "integer"}, {"type": "number"}], False),
        ([{"const": 1}, {"const": 2}, {"type": "string"}], True),
        ([{"const": 1}, {"const": 1.0}], False),
        ([{"const": "a"}, {"type": "string"}], False),
        ([opened("t", t={"const": "a"}), opened("t", t={"enum": ["b", "c"]})], True),
        ([opened("t", t={"const": "a"}), opened(t={"const": "b"})], True),
        ([opened(t={"const": "a"}), opened(t={"const": "b"})], False),
        ([opened("t", t={"const": "a"}), opened("t", t={"$ref": "#/$defs/b"})], True),
        ([closed("a", a={}), closed("b", b={})], True),
        ([closed("a", a={}, b={}), closed("b", a={}, b={})], False),
        ([opened("a", a={}), opened("b", b={})], False),
        ([opened("a", a={}), closed("b", b={})], True),
        ([opened("a", a={"type": "string"}), opened(a={"type": "null"})], True),
        ([True, {"type": "null"}], False),
        ([opened("a"), {"maxProperties": 3}], False),
    ],
)
def test_branches(branches, exclusive):
    judge, root = apart({"oneOf": branches, "$defs": {"b": {"const": "b"}}})
    assert judge.exclusive(root["oneOf"]) is exclusive


NAMES = st.sampled_from("abc")
VALUES = st.sampled_from([{}, {"type": "string"}, {"type": "null"}, {"const": 1}, {"enum": [1, "x"]}, False])
OBJECTS = st.builds(
    lambda required, properties, more: {
        "type": "object",
        "required": required,
        "properties": properties,
        **({} if more is None else {"additionalProperties": more}),
    },
    st.lists(NAMES, max_size=2, unique=True),
    st.dictionaries(NAMES, VALUES, max_size=3),
    st.sampled_from([None, False, {"type": "null"}]),
)
BRANCHES = st.one_of(
    OBJECTS, VALUES.filter(lambda one: one is not False), st.just({"type": ["object", "null"]})
)


@settings(max_examples=300)
@given(branches=st.lists(BRANCHES, min_size=2, max_size=4))
def test_branches_that_visibly_exclude_each_other_do(branches):
    judge, root = apart({"oneOf": branches})
    if not judge.exclusive(root["oneOf"]):
        return
    limits = rg.Limits()
    for i in range(len(branches)):
        for j in range(i):
            report = rg.check(rg.JsonSchema({"allOf": [branches[i], branches[j]]}), limits=limits)
            assert report.unsatisfiable is not None


ITEMS = st.recursive(
    st.sampled_from(
        [
            {"type": "string"},
            {"type": "string", "maxLength": 2},
            {"type": "string", "pattern": "^a|b"},
            {"type": "number"},
            {"type": "integer"},
            {"type": "integer", "minimum": 0},
            {"type": "boolean"},
            {"const": 1},
            True,
        ]
    ),
    lambda inner: st.one_of(
        st.builds(lambda one: {"type": "array", "items": one}, inner),
        st.builds(
            lambda one, high: {"type": "array", "items": one, "maxItems": high}, inner, st.integers(0, 2)
        ),
        st.builds(
            lambda members, more, required: {
                "type": "object",
                "properties": members,
                "additionalProperties": more,
                "required": [name for name in required if name in members],
            },
            st.dictionaries(NAMES, inner, max_size=3),
            st.one_of(st.booleans(), inner),
            st.lists(NAMES, max_size=2, unique=True),
        ),
    ),
    max_leaves=4,
)


@settings(max_examples=300)
@given(items=ITEMS, any_order=st.booleans())
def test_items_that_visibly_differ_need_no_guard(items, any_order, algebra, limits):
    schema = {"type": "array", "items": items, "uniqueItems": True}
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(reader, "plain_parts", lambda *_, **__: NOTHING)
        slow = read(schema, algebra=algebra, limits=limits, any_order=any_order)
    fast = read(schema, algebra=algebra, limits=limits, any_order=any_order)
    assert set(fast.guards) == set(slow.guards)
