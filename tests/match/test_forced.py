"""Forced text in the tokens of real vocabularies: only what must follow, and as the model's tokenizer writes it."""

from __future__ import annotations

import gzip
import json
import random

import pytest
from support.real_vocabularies import llama3_file, tekken

import ruvllm_grammar as rg
from ruvllm_runtime.model import installed

COUNT = 40


@pytest.fixture(scope="module", params=["llama3", "tekken"])
def vocabulary(request):
    if request.param == "tekken":
        return tekken()
    llama3_file()  # skips where it is absent
    return installed.llama3()


def naive_forced(matcher, most=200):
    """The bytes that must follow, by trying all 256 of them."""
    found = b""
    ahead = matcher.fork()
    while not ahead.is_accepting and len(found) < most:
        living = []
        for byte in range(256):
            try:
                ahead.accept_bytes(bytes([byte]))
            except rg.MatchError:
                continue
            ahead.rollback()
            living.append(byte)
        if len(living) != 1:
            break
        found += bytes(living)
        ahead.accept_bytes(bytes(living))
    return found


def documents(conformance, whitespace):
    """Schemas of real use, compiled, and their valid instances as text."""
    with gzip.open(conformance / "maskbench-sample.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    random.Random(7).shuffle(rows)
    separators = (",", ":") if whitespace == "compact" else None
    for row in rows[:COUNT]:
        source = rg.JsonSchema(row["schema"], formats="annotate", whitespace=whitespace)
        for case in row["tests"]:
            if case["valid"] and len(json.dumps(case["data"])) < 2000:
                yield source, json.dumps(case["data"], ensure_ascii=False, separators=separators)


@pytest.mark.slow
@pytest.mark.parametrize("whitespace", ["compact", "flexible"])
def test_forced_tokens_are_those_of_the_tokenizer(vocabulary, conformance, whitespace):
    """Wherever a document of real use stands between two tokens, what is forced there are its next tokens."""
    forced = followed = 0
    for source, text in documents(conformance, whitespace):
        try:
            matcher = rg.compile(source, vocabulary).matcher()
        except rg.RuvllmError:
            continue
        tokens = list(vocabulary.encode(text))
        at = 0
        while at < len(tokens):
            found = matcher.forced()
            if not vocabulary.decode(tokens[at:]).startswith(vocabulary.decode(found)):
                break  # members in another order than the schema's
            assert found == tokens[at : at + len(found)]
            forced += len(found)
            try:
                for token in found or tokens[at : at + 1]:
                    matcher.accept(token)
                    at += 1
            except rg.MatchError:
                break
        followed += at
    assert followed > 3000
    assert forced > 0.05 * followed


@pytest.mark.slow
def test_forced_tokens_spell_what_must_follow(vocabulary, conformance):
    """Their bytes are a beginning of the forced bytes, found by trying all; what is given up are four tokens at most."""
    rng = random.Random(1)
    seen = 0
    for source, text in list(documents(conformance, "compact"))[:12]:
        try:
            matcher = rg.compile(source, vocabulary).matcher()
        except rg.RuvllmError:
            continue
        for token in vocabulary.encode(text)[:60]:
            if rng.random() < 0.5:
                before = naive_forced(matcher)
                spelled = vocabulary.decode(matcher.forced())
                assert before.startswith(spelled)
                left = before[len(spelled) :]
                assert len(vocabulary.encode(left.decode(errors="ignore"))) <= 5
                seen += bool(before)
            try:
                matcher.accept(token)
            except rg.MatchError:
                break
    assert seen > 50


NAMES = {
    "type": "object",
    "properties": {"name": {"type": "integer"}, "nation": {"type": "integer"}},
    "required": ["name", "nation"],
    "additionalProperties": False,
}


def test_text_behind_a_token_is_spelled_in_its_context(vocabulary):
    """Where the model wrote `na`, the rest of the word follows, and then the tokens of always."""
    grammar = rg.compile(rg.JsonSchema(NAMES, whitespace="compact"), vocabulary)
    whole = list(vocabulary.encode('{"name":'))
    matcher = grammar.matcher()
    forced = matcher.forced()
    assert whole[: len(forced)] == forced
    begun = grammar.matcher()
    begun.accept_bytes(b'{"na')
    spelled = vocabulary.decode(begun.forced())
    assert spelled
    assert b'me":'.startswith(spelled)


def test_forced_tokens_can_be_accepted_and_forks_agree(vocabulary):
    grammar = rg.compile(rg.JsonSchema(NAMES, whitespace="compact"), vocabulary)
    one = grammar.matcher()
    for token in one.forced():
        assert one.forced() == one.fork().forced()
        one.accept(token)
