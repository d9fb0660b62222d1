"""The sample: orders of members, the subset, and what is read back."""

import json

import pytest

from bench import orders, sample, tools, vocabularies
from ruvllm_grammar.vocab import Vocabulary

SCHEMA = {
    "properties": {
        "a": {},
        "b": {"$ref": "#/$defs/deep"},
        "c": {"items": {"properties": {"z": {}, "y": {}}}},
    },
    "required": ["c", "e"],
    "$defs": {"deep": {"allOf": [{"properties": {"q": {}, "p": {}}}]}},
}
INSTANCE = {"x": 1, "e": 2, "c": [{"y": 1, "z": 2}], "b": {"p": 1, "q": {"n": 1}}, "a": 0}


def names(value):
    return list(value)


def test_members_are_put_into_the_orders_that_engines_ask_for():
    written, own, required, alphabetical, backwards = orders.orders(SCHEMA, INSTANCE)
    assert names(written) == names(own) == ["a", "b", "c", "e", "x"]
    assert names(written["b"]) == ["q", "p"]
    assert names(written["c"][0]) == ["z", "y"]
    assert names(required) == ["c", "e", "a", "b", "x"]
    assert names(alphabetical) == ["a", "b", "c", "e", "x"]
    assert names(backwards) == ["a", "b", "c", "e", "x"]
    assert names(backwards["b"]) == ["q", "p"]
    assert written == own == required == alphabetical == backwards == INSTANCE


def test_keywords_count_as_they_are_written():
    schema = {
        "allOf": [{"properties": {"b": {}}}],
        "properties": {"a": {}},
        "patternProperties": {"^c": {"properties": {"z": {}, "y": {}}}, "(": {}},
    }
    written, own, *_ = orders.orders(schema, {"c1": {"y": 1, "z": 2}, "a": 1, "b": 2})
    assert names(written) == ["b", "a", "c1"]
    assert names(own) == ["a", "b", "c1"]
    assert names(written["c1"]) == ["z", "y"]


def test_a_schema_that_refers_to_itself_comes_to_an_end():
    assert next(orders.orders({"$ref": "#"}, {"b": 1, "a": 2})) == {"b": 1, "a": 2}


@pytest.mark.parametrize("reference", ["#/nowhere", "other.json", "#/$defs/0", "#/$defs/deep/allOf/9"])
def test_a_reference_that_leads_nowhere_orders_nothing(reference):
    assert list(next(orders.orders({**SCHEMA, "properties": {}, "$ref": reference}, INSTANCE))) == [
        "c", "e", "x", "b", "a",
    ]  # fmt: skip


def test_set_b_is_the_same_every_time():
    assert sample.subset(1379) == sample.subset(1379)
    assert len(sample.subset(1379)) == sample.SUBSET
    assert len(sample.subset(20)) == 20


def test_prepared_cases_are_read_back(tmp_path):
    rows = [
        {"id": f"s{i}", "schema": "{}", "tests": [{"valid": True, "tokens": [i], "others": [[2, 1]]}]}
        for i in range(4)
    ]
    (tmp_path / "sample.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [case.number for case in sample.cases(tmp_path)] == [0, 1, 2, 3]
    (case,) = sample.cases(tmp_path, only=frozenset({1, 3}), first=2)
    assert (case.name, case.schema, case.instances) == ("s3", "{}", [sample.Instance(True, [3], [[2, 1]])])
    sample.prepare(tmp_path)  # is there already


def test_without_the_sample_the_error_says_where_it_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("RUVLLM_CONFORMANCE_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="RUVLLM_CONFORMANCE_DATA"):
        sample.prepare(tmp_path / "work")


def test_schemas_that_refer_or_are_refused_cannot_be_arguments():
    assert tools.unfit({"properties": {"a": {"$ref": "#/x"}}})
    assert tools.unfit({"anyOf": [{"$id": "http://a"}]})
    assert tools.unfit({"items": {"uniqueItems": True}})
    assert not tools.unfit({"properties": {"$ref": {"type": "string"}, "id": {"type": "integer"}}})


def test_messages_lose_their_source_file():
    assert (
        tools.plain("[02:42:55] /a/b/c.cc:3567: Check failed: (x) is false: \n")
        == "Check failed: (x) is false:"
    )
    assert tools.plain("Unknown format: path") == "Unknown format: path"


def test_the_longest_token_is_taken_at_each_place():
    encode = vocabularies.LongestMatch(
        Vocabulary.from_tokens([b"a", b"ab", b"abc", b"b", b"c", b"ab", None], eos={6})
    )
    assert encode(b"ababcc") == [1, 2, 4]
