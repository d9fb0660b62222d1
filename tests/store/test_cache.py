"""`TableCache`: what comes from disk masks as what was compiled, and nothing on disk can make it mask otherwise."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys

import numpy as np
import pytest

import ruvllm_grammar as rg
from ruvllm_grammar import api, ir

BYTES = [bytes([b]) for b in range(256)]
WORDS = [b'{"', b'":', b'","', b'"}', b" t", b"true", b"12", b"name", b'name":"', b"Ada", b"}}", b'"]']
VOCABULARY = rg.Vocabulary.from_tokens([*BYTES, *WORDS, None], eos={256 + len(WORDS)})

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 5}, "tags": {"items": {"enum": ["a", "b", 7]}}},
    "required": ["name"],
}
SOURCES = [
    (rg.JsonSchema(PERSON), ['{"name":"Ada","tags":["a",7]}', '{"name": "Ada Lovelace"}', '{"x":{"y":[1,{}]},"name":""}']),
    (rg.JsonSchema(PERSON, any_order=True), ['{"tags":[],"name":"é","z":1}', '{"name":"b","name":"c"}']),
    (rg.JsonSchema({"multipleOf": 0.3, "maximum": 1e30}), ["0.9", "1", "3e20", "300000000000000000000000000000"]),
    (rg.JsonSchema({"items": {"type": "integer"}, "uniqueItems": True}), ["[1,2,3]", "[1,12,1]", "[]"]),
    (rg.JsonSchema({"minProperties": 1, "maxProperties": 2, "type": "object"}), ['{"a":1,"b":{}}', '{"a":1,"b":2,"c":3}']),
    (rg.JsonSchema('{"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/a"}}, {"const": null}]}}}'), ["[[],[null,[[]]]]", "[1]"]),
    (rg.JsonSchema({"type": "string", "pattern": "^(ab|c)+$", "minLength": 3}, whitespace="compact"), ['"abab"', '"ab"', '"cab"']),
    (rg.Json(), ['{"a": [1, "x\\u00e9", true]}', "nul"]),
    (rg.Regex("(a|b)*abb"), ["ababb", "abba"]),
]  # fmt: skip
IDS = [str(n) for n in range(len(SOURCES))]


@pytest.fixture
def cache(tmp_path):
    return rg.TableCache(tmp_path / "cache")


def masks(matcher, text):
    """The legal tokens before every byte of a text, up to where it is refused."""
    found = []
    row = rg.allocate_bitmask(1, VOCABULARY.size)[0]
    for byte in text.encode():
        matcher.fill_mask(row)
        found.append(row.tobytes())
        try:
            matcher.accept(byte)
        except rg.MatchError as error:
            return [*found, str(error)]
    matcher.fill_mask(row)
    return [*found, row.tobytes(), matcher.is_accepting, matcher.forced()]


def expected(source, texts):
    grammar = rg.compile(source, VOCABULARY)
    return [(masks(grammar.matcher(), text), grammar.accepts(text)) for text in texts]


def answers(grammar, texts):
    return [(masks(grammar.matcher(), text), grammar.accepts(text)) for text in texts]


def files(cache, suffix):
    return [entry.path for entry in cache.folder.listed() if entry.path.suffix == suffix]


@pytest.fixture
def unread(monkeypatch):
    """Reading a source is an error."""

    def refuse(*_):
        raise AssertionError("the source was read")

    def forbid():
        monkeypatch.setattr(api, "to_ir", refuse)

    return forbid


@pytest.mark.parametrize(("source", "texts"), SOURCES, ids=IDS)
@pytest.mark.parametrize("used", [0, 1, 9])
def test_masks_from_disk_are_the_compiled_ones(cache, source, texts, used):
    grammar = rg.compile(source, VOCABULARY, cache=cache)
    answers(grammar, texts[:used])
    assert cache.store(grammar)
    again = rg.compile(source, VOCABULARY, cache=cache)
    assert cache.stats.hits == 1
    assert answers(again, texts) == expected(source, texts)
    assert again.guards == grammar.guards
    assert again.fingerprint == grammar.fingerprint
    assert again.tokens.machine.epoch == 0


@pytest.mark.parametrize(("source", "texts"), SOURCES, ids=IDS)
def test_distances_are_kept(cache, source, texts):
    grammar = rg.compile(source, VOCABULARY, cache=cache)
    for known in (False, True):
        if known:
            assert grammar.matcher().tokens_to_finish > 0
        masks(grammar.matcher(), texts[0])
        cache.store(grammar)
        again = rg.compile(source, VOCABULARY, cache=cache)
        for text in texts:
            one, other = grammar.matcher(), again.matcher()
            for matcher in (one, other):
                matcher.finish_within(matcher.tokens_to_finish + 5)
            assert masks(other, text) == masks(one, text)
            assert other.tokens_to_finish == one.tokens_to_finish


@pytest.mark.parametrize(("source", "texts"), SOURCES, ids=IDS)
def test_known_ways_are_walked_without_reading(cache, source, texts, unread):
    grammar = rg.compile(source, VOCABULARY, cache=cache)
    asks = any(check.test is not None for check in grammar.tokens.machine.checks)
    known = masks(grammar.matcher(), texts[0])
    asks = asks or any(check.test is not None for check in grammar.tokens.machine.checks)
    cache.store(grammar)
    unread()
    again = rg.compile(source, VOCABULARY, cache=cache)
    if asks:
        with pytest.raises(AssertionError, match="the source was read"):
            masks(again.matcher(), texts[0])
    else:
        assert masks(again.matcher(), texts[0]) == known
        assert again.tokens.machine.is_dormant


def test_a_loaded_grammar_is_stored_with_what_it_learned(cache, unread):
    source, texts = SOURCES[0]
    rg.compile(source, VOCABULARY, cache=cache)
    for text in texts:
        again = rg.compile(source, VOCABULARY, cache=cache)
        masks(again.matcher(), text)
        assert cache.store(again)
    before = expected(source, texts)
    unread()
    again = rg.compile(source, VOCABULARY, cache=cache)
    assert [masks(again.matcher(), text) for text in texts] == [found for found, _ in before]
    assert cache.store(again)  # while its source is still unread
    again = rg.compile(source, VOCABULARY, cache=cache)
    assert [masks(again.matcher(), text) for text in texts] == [found for found, _ in before]
    assert cache.stats.misses == {"absent": 1}


@pytest.mark.slow
def test_every_flipped_byte_is_a_miss_or_the_same_masks(cache):
    source, texts = rg.Regex("(a|b)*c"), ["abac", "ca"]
    grammar = rg.compile(source, VOCABULARY, cache=cache)
    wanted = answers(grammar, texts)
    cache.store(grammar)
    (path,) = files(cache, ".tables")
    whole = path.read_bytes()
    hits = 0
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :])
        kept = cache.load(grammar.identity, rg.Limits(), VOCABULARY)
        if kept is None:
            continue
        hits += 1
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :])
        assert answers(rg.compile(source, VOCABULARY, cache=cache), texts) == wanted
    assert 0 < hits < len(whole) // 2  # padding between sections
    assert set(cache.stats.misses) == {"absent", "damaged", "foreign", "cut short"}


@pytest.mark.slow
def test_every_cut_is_a_miss(cache, caplog):
    grammar = rg.compile(rg.Regex("a"), VOCABULARY, cache=cache)
    (path,) = files(cache, ".tables")
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert cache.load(grammar.identity, rg.Limits(), VOCABULARY) is None
    assert cache.stats.misses["cut short"] == len(whole)
    assert "cut short" in caplog.text
    path.write_bytes(whole)
    assert cache.load(grammar.identity, rg.Limits(), VOCABULARY) is not None


def test_a_damaged_segment_costs_only_time(cache):
    big = rg.Vocabulary.from_tokens(
        [*BYTES, *(b"%x" % n for n in range(1 << 16)), None], eos={256 + (1 << 16)}
    )
    row = rg.allocate_bitmask(1, big.size)[0]

    def mask(grammar):
        matcher = grammar.matcher()
        matcher.accept_bytes(b"a")
        matcher.fill_mask(row)
        return row.tobytes()

    source = rg.Regex("[02468ace]+")
    grammar = rg.compile(source, big, cache=cache)
    wanted = mask(grammar)
    cache.store(grammar)
    assert mask(rg.compile(source, big, cache=cache)) == wanted
    assert cache.stats.rows >= 1
    for path in files(cache, ".segment"):
        data = bytearray(path.read_bytes())
        data[-9] ^= 4
        path.write_bytes(data)
    fresh = rg.TableCache(cache.path)
    assert mask(rg.compile(source, big, cache=fresh)) == wanted
    assert (fresh.stats.hits, fresh.stats.rows) == (1, 0)
    assert fresh.stats.lost_rows == 1
    assert mask(rg.compile(source, big, cache=fresh)) == wanted


def test_what_decides_is_in_the_key(cache):
    sources = [
        rg.JsonSchema({"type": "integer"}),
        rg.JsonSchema({"type": "integer"}, draft="7"),
        rg.JsonSchema({"type": "integer"}, whitespace="compact"),
        rg.JsonSchema({"type": "integer"}, any_order=True),
        rg.JsonSchema({"type": "integer"}, formats="annotate"),
        rg.JsonSchema({"type": "integer"}, content="assert"),
        rg.JsonSchema({"type": "integer"}, registry={}),
        rg.JsonSchema({"type": "integer"}, registry={"urn:a": {"type": "null"}}),
        rg.JsonSchema({"type": "integer"}, registry={"urn:a": {"type": "string"}}),
        rg.JsonSchema('{"type": "integer"}'),
        rg.JsonSchema({"properties": {"a": True, "b": {}}}),
        rg.JsonSchema({"properties": {"b": {}, "a": True}}),
        rg.Json(),
        rg.Json(whitespace="compact"),
        rg.Regex("a"),
        rg.Regex("b"),
    ]
    for source in sources:
        rg.compile(source, VOCABULARY, cache=cache)
    rg.compile(sources[0], VOCABULARY, limits=rg.Limits(depth=499), cache=cache)
    rg.compile(sources[0], rg.Vocabulary.from_tokens([*BYTES, None], eos={256}), cache=cache)
    assert (cache.stats.hits, cache.stats.misses, cache.stats.written) == (0, {"absent": 18}, 18)
    assert len(files(cache, ".tables")) == 18


def test_a_schema_changed_afterwards_changes_nothing(cache):
    schema = {"properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}
    rg.compile(rg.JsonSchema(schema), VOCABULARY, cache=cache)
    kept = rg.compile(rg.JsonSchema(schema), VOCABULARY, cache=cache)
    schema["properties"]["a"]["type"] = "string"
    assert kept.accepts('{"a": 1}')
    assert not kept.accepts('{"a": "1"}')
    assert not kept.tokens.machine.is_dormant


def test_errors_are_those_of_compiling(cache):
    for schema, error in [
        ({"type": "objet"}, rg.SchemaError),
        ({"type": "integer", "minimum": 2, "maximum": 1}, rg.UnsatisfiableGrammar),
        ({"x": {1, 2}}, rg.SchemaError),
        ("{", rg.SchemaError),
    ]:
        for _ in range(2):
            with pytest.raises(error):
                rg.compile(rg.JsonSchema(schema), VOCABULARY, cache=cache)
    assert files(cache, ".tables") == []


def test_a_folder_that_cannot_be_written_is_one_warning(tmp_path, caplog):
    (tmp_path / "file").write_text("not a folder")
    cache = rg.TableCache(tmp_path / "file")
    with caplog.at_level(logging.WARNING, logger="ruvllm_grammar.store"):
        for source, texts in SOURCES[:3]:
            assert answers(rg.compile(source, VOCABULARY, cache=cache), texts) == expected(source, texts)
    assert sum("going on without" in record.getMessage() for record in caplog.records) == 1
    assert cache.stats.failed == 3
    assert cache.stats.written == 0


def test_the_environment_names_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("RUVLLM_CACHE_DIR", str(tmp_path / "there"))
    assert rg.TableCache().path == tmp_path / "there"
    monkeypatch.delenv("RUVLLM_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert rg.TableCache().path.parts[-2:] == ("ruvllm", "tables")


def test_misuse():
    with pytest.raises(rg.CacheError, match="max_bytes=0 leaves no room"):
        rg.TableCache("anywhere", max_bytes=0)
    by_hand = rg.CompiledGrammar(ir.Grammar("a", {"a": ir.literal("a")}), VOCABULARY, rg.Limits())
    with pytest.raises(rg.CacheError, match="built by hand"):
        rg.TableCache("anywhere").store(by_hand)


def test_what_outgrew_its_budget_is_not_kept(cache):
    limits = rg.Limits(super_states=50)
    source = rg.JsonSchema({"type": "array", "items": {"type": "string", "minLength": 20, "maxLength": 40}})
    grammar = rg.compile(source, VOCABULARY, limits=limits, cache=cache)
    matcher = grammar.matcher()
    for byte in b'["' + b"a" * 30 + b'","' + bytes(range(97, 123)):
        matcher.accept(byte)
    assert matcher.tokens_to_finish > 0
    assert grammar.tokens.machine.epoch > 0
    assert not cache.store(grammar)


def test_a_budget_of_bytes(tmp_path):
    cache = rg.TableCache(tmp_path, max_bytes=60_000)
    for n in range(40):
        rg.compile(rg.Regex(f"a{{{n + 1}}}b"), VOCABULARY, cache=cache)
    assert sum(entry.size for entry in cache.folder.listed()) <= 60_000 * 17 // 16
    assert cache.stats.evicted > 0
    assert rg.compile(rg.Regex("a{40}b"), VOCABULARY, cache=cache).accepts("a" * 40 + "b")
    assert cache.stats.hits == 1


FILL = """
import json, sys
import ruvllm_grammar as rg
tokens = [bytes([b]) for b in range(256)] + [bytes.fromhex(t) for t in json.loads(sys.argv[3])] + [None]
vocabulary = rg.Vocabulary.from_tokens(tokens, eos={len(tokens) - 1})
cache = rg.TableCache(sys.argv[1])
row = rg.allocate_bitmask(1, vocabulary.size)[0]
for schema in json.loads(sys.argv[2]):
    grammar = rg.compile(rg.JsonSchema(schema), vocabulary, cache=cache)
    grammar.matcher().fill_mask(row)
    cache.store(grammar)
print(cache.stats.hits, cache.stats.failed)
"""


def fill(path, schemas, **environment):
    words = json.dumps([word.hex() for word in WORDS])
    return subprocess.Popen(
        [sys.executable, "-c", FILL, str(path), json.dumps(schemas), words],
        stdout=subprocess.PIPE,
        env=os.environ | environment,
        text=True,
    )


@pytest.mark.slow
def test_processes_fill_one_folder_at_once(tmp_path):
    schemas = [
        source.schema for source, _ in SOURCES if isinstance(source, rg.JsonSchema) and not source.any_order
    ]
    schemas = [json.loads(schema) if isinstance(schema, str) else schema for schema in schemas[:5]]
    running = [fill(tmp_path, schemas * 3) for _ in range(3)]
    for one in running:
        out, _ = one.communicate()
        assert one.returncode == 0
        assert out.split()[1] == "0"
    cache = rg.TableCache(tmp_path)
    for schema, (source, texts) in zip(schemas, SOURCES, strict=False):
        again = rg.compile(rg.JsonSchema(schema), VOCABULARY, cache=cache)
        if source.schema == schema:
            assert answers(again, texts) == expected(source, texts)
    assert (cache.stats.hits, cache.stats.misses) == (5, {})


@pytest.mark.slow
def test_programs_do_not_depend_on_the_order_of_sets(tmp_path):
    """What is emitted must not depend on the hash seed, or every file would be stale in the next process."""
    schemas = [
        PERSON,
        {"anyOf": [{"required": ["a", "b"]}, {"required": ["c"]}], "properties": {"a": {"enum": ["x", 1, None]}}},
        {"patternProperties": {"^a": {"type": "string"}, "b$": {"minLength": 2}}, "minProperties": 2},
        {"allOf": [{"type": ["string", "array"]}, {"not": {"enum": ["a", "b", "c"]}}], "format": "date"},
        {"oneOf": [{"type": "integer", "multipleOf": 2}, {"type": "number", "minimum": 0.5}]},
        {"contains": {"enum": [1, "a"]}, "minContains": 2, "uniqueItems": True},
        {"unevaluatedProperties": False, "properties": {"a": {}}, "if": {"required": ["a"]}, "then": {"properties": {"b": {}}}},
    ]  # fmt: skip
    found = []
    for seed in "123":
        one = fill(tmp_path / seed, schemas, PYTHONHASHSEED=seed)
        one.communicate()
        assert one.returncode == 0
        paths = sorted((tmp_path / seed).glob("*/grammars/*.tables"))
        found.append({path.name: path.read_bytes() for path in paths})
    assert len(found[0]) == len(schemas)
    assert found[0] == found[1] == found[2]


def test_a_cache_is_read_by_another_process(tmp_path):
    assert fill(tmp_path, [PERSON]).communicate()[0].split() == ["0", "0"]
    cache = rg.TableCache(tmp_path)
    again = rg.compile(rg.JsonSchema(PERSON), VOCABULARY, cache=cache)
    assert cache.stats.hits == 1
    assert answers(again, SOURCES[0][1]) == expected(*SOURCES[0])
    assert np.all(again.tokens.machine.arena.failed == 0)
