"""One grammar under many threads, and masks of a batch: the same answers as one after the other."""

from __future__ import annotations

import os
import random
import sys
import threading
import zlib

import numpy as np
import pytest

import ruvllm_grammar as rg
from ruvllm_grammar.match import batch

PIECES = [
    '{"',
    '":',
    '",',
    '"}',
    "],",
    "[[",
    "tr",
    "true",
    "fal",
    "se",
    "null",
    "12",
    "ab",
    '","',
    "}]",
    "\\u00",
]
VOCABULARY = rg.Vocabulary.from_tokens(
    [bytes([byte]) for byte in range(256)] + [piece.encode() for piece in PIECES] + [None],
    eos={256 + len(PIECES)},
)
TREE = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "pattern": "^[a-z]{1,9}(-[0-9]+)*$"},
                "kind": {"enum": ["true", "tree", "trunk", "leaf"]},
                "below": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                "marks": {"type": "array", "items": {"type": "boolean"}, "uniqueItems": True},
            },
            "required": ["name"],
        }
    },
}
SOURCES = [
    rg.JsonSchema(TREE),
    rg.Json(),
    rg.JsonSchema({"type": "array", "items": {"type": ["number", "string"]}, "maxItems": 40}),
]


@pytest.fixture
def impatient():
    """Threads that change places a hundred times more often than usual."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(5e-5)
    yield
    sys.setswitchinterval(usual)


def walk(grammar, seed, *, steps=200):
    """What a matcher and its forks say along a random walk with steps back: all that could be corrupted."""
    rng = random.Random(seed)
    matcher, said = grammar.matcher(), []
    parked = []
    if seed % 3 == 0:
        matcher.finish_within(80)
    for _ in range(steps):
        row = matcher.legal()
        words = rg.allocate_bitmask(1, VOCABULARY.size)[0]
        row.copy_to(words)
        said.append((row.count, zlib.crc32(words.tobytes()), matcher.is_accepting, tuple(matcher.forced())))
        choices = row.ids.tolist()
        token = rng.choice(choices) if choices else None
        if token is None or token in VOCABULARY.eos or rng.random() < 0.1:
            back = rng.randrange(1, 8)
            try:
                matcher.rollback(back)
            except rg.MatchError:
                matcher.rollback(0)
                if token is None or token in VOCABULARY.eos:
                    break
            continue
        matcher.accept(token)
        if rng.random() < 0.1:
            parked.append(matcher.fork())
        if parked and rng.random() < 0.1:
            matcher, parked[0] = parked[0], matcher
    return said


@pytest.mark.parametrize("source", SOURCES, ids=["tree", "json", "array"])
@pytest.mark.parametrize("super_states", [60, 100_000])
def test_threads_hear_what_one_alone_hears(source, super_states, impatient):
    """Eight threads and many matchers on one grammar, which drops its super-states again and again when it may keep few."""
    oracle = rg.compile(source, VOCABULARY)
    expected = [walk(oracle, seed) for seed in range(64)]
    limits = rg.Limits(super_states=super_states)
    shared = rg.compile(source, VOCABULARY, limits=limits)
    found: dict[int, object] = {}
    start = threading.Barrier(8)

    def work(number):
        start.wait()
        for seed in range(number, 64, 8):
            try:
                found[seed] = walk(shared, seed)
            except Exception as error:  # noqa: BLE001  whatever it is, it is the finding
                found[seed] = error

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[seed] for seed in range(64)] == expected
    if super_states == 60:
        assert shared.tokens.machine.epoch > 3


def batch_of(n, seed):
    """Matchers of several grammars at random places."""
    rng = random.Random(seed)
    grammars = [rg.compile(source, VOCABULARY) for source in SOURCES]
    found = []
    for _ in range(n):
        matcher = rng.choice(grammars).matcher()
        for _ in range(rng.randrange(12)):
            matcher.accept(int(rng.choice(sorted(set(matcher.legal().ids.tolist()) - VOCABULARY.eos))))
        found.append(matcher)
    return found


@pytest.mark.parametrize("threads", [None, 1, 2, 8])
@pytest.mark.parametrize("n", [1, 3, 24])
def test_a_batch_is_filled_as_one_by_one(threads, n, impatient, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    for seed in range(4):
        expected = rg.allocate_bitmask(n, VOCABULARY.size)
        for matcher, row in zip(batch_of(n, seed), expected, strict=True):
            matcher.fill_mask(row)
        bitmask = rg.allocate_bitmask(n, VOCABULARY.size)
        rg.fill_bitmask(batch_of(n, seed), bitmask, threads=threads)
        assert np.array_equal(bitmask, expected)


def test_known_rows_and_single_grammars_start_no_thread(monkeypatch):
    def refuse(_):
        raise AssertionError("a thread was asked for")

    monkeypatch.setattr(batch._Pool, "get", refuse)
    bitmask = rg.allocate_bitmask(12, VOCABULARY.size)
    one = rg.compile(SOURCES[0], VOCABULARY)
    rg.fill_bitmask([one.matcher() for _ in range(12)], bitmask, threads=8)
    matchers = batch_of(12, 1)
    for matcher in matchers:
        matcher.legal()
    rg.fill_bitmask(matchers, bitmask, threads=8)
    expected = rg.allocate_bitmask(12, VOCABULARY.size)
    for matcher, row in zip(matchers, expected, strict=True):
        matcher.fill_mask(row)
    assert np.array_equal(bitmask, expected)


def test_an_error_in_a_thread_is_raised_when_all_have_ended(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    matchers = batch_of(24, 2)
    fill = rg.Matcher.fill_mask
    broken = {id(matchers[-1]), id(matchers[0])}

    def failing(matcher, row):
        if id(matcher) in broken:
            raise rg.LimitError("too much", limit="super_states", needed=1)
        fill(matcher, row)

    monkeypatch.setattr(rg.Matcher, "fill_mask", failing)
    with pytest.raises(rg.LimitError):
        rg.fill_bitmask(matchers, rg.allocate_bitmask(24, VOCABULARY.size), threads=4)


def test_finished_sequences_are_refused_before_anything_is_written():
    matchers = batch_of(3, 3)
    ended = rg.compile(rg.Regex("^a$"), VOCABULARY).matcher()
    ended.accept(ord("a"))
    ended.accept(max(VOCABULARY.eos))
    bitmask = rg.allocate_bitmask(4, VOCABULARY.size)
    with pytest.raises(rg.MatchError, match="the sequence of row 3 is finished"):
        rg.fill_bitmask([*matchers, ended], bitmask)
    assert not bitmask.any()


def test_what_does_not_fit_is_refused():
    matchers = batch_of(2, 4)
    right = rg.allocate_bitmask(2, VOCABULARY.size)
    for bitmask in (right[:1], right[0], right.astype(np.int64), right[:, 1:]):
        with pytest.raises(rg.VocabularyError):
            rg.fill_bitmask(matchers, bitmask)
    with pytest.raises(rg.VocabularyError, match="threads=0"):
        rg.fill_bitmask(matchers, right, threads=0)
