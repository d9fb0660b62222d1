"""Masks of real schemas under real vocabularies, against every token tried byte by byte."""

from __future__ import annotations

import gzip
import json
import random

import numpy as np
import pytest
from support import real_vocabularies

import ruvllm_grammar as rg

STATES = 240  # over all schemas of one vocabulary


def tried(grammar, state: int) -> np.ndarray:
    """bool[V]: tokens whose bytes lead somewhere, one byte at a time, and the end where the document may end."""
    vocabulary, machine = grammar.vocabulary, grammar.tokens.machine
    out = np.zeros(vocabulary.size, bool)
    after = {b"": state}
    for token in range(vocabulary.size):
        text = vocabulary.token_bytes(token)
        if text is None:
            continue
        here = state
        for cut in range(len(text)):
            head = text[: cut + 1]
            following = after.get(head)
            if following is None:
                following = after[head] = machine.step_bytes(here, text[cut : cut + 1])
            here = following
            if here < 0:
                break
        out[token] = here >= 0
    if machine.accepting(state):
        out[sorted(vocabulary.eos)] = True
    return out


def unpacked(row: np.ndarray, size: int) -> np.ndarray:
    return np.unpackbits(row.view(np.uint8), bitorder="little")[:size].astype(bool)


def schemas(conformance, count: int):
    with gzip.open(conformance / "maskbench-sample.jsonl.gz", "rt", encoding="utf-8") as lines:
        entries = [json.loads(line) for line in lines]
    random.Random(7).shuffle(entries)
    taken = 0
    for entry in entries:
        instances = [t["data"] for t in entry["tests"] if t["valid"]]
        if not instances:
            continue
        text = json.dumps(instances[0], ensure_ascii=False)
        try:
            grammar = rg.compile(rg.JsonSchema(entry["schema"], formats="annotate"), BYTES)
        except rg.RuvllmError:
            continue
        if not grammar.accepts(text):  # its keys stand in another order
            continue
        yield entry["schema"], text.encode()
        taken += 1
        if taken == count:
            return


BYTES = rg.Vocabulary.from_tokens([bytes([b]) for b in range(256)] + [None], eos={256})


@pytest.mark.slow
@pytest.mark.parametrize("name", ["llama3", "tekken", "sentencepiece_v3"])
def test_masks_equal_every_token_tried(conformance, name):
    vocabulary = getattr(real_vocabularies, name)()
    choose = random.Random(name)
    checked = 0
    for schema, text in schemas(conformance, 60):
        grammar = rg.compile(rg.JsonSchema(schema, formats="annotate"), vocabulary)
        cuts = sorted({0, len(text), *(choose.randrange(len(text) + 1) for _ in range(2))})
        for cut in cuts:
            matcher = grammar.matcher()
            matcher.accept_bytes(text[:cut])
            mask = rg.allocate_bitmask(1, vocabulary.size)[0]
            matcher.fill_mask(mask)
            state = grammar.tokens.machine.step_bytes(grammar.tokens.machine.start, text[:cut])
            assert np.array_equal(unpacked(mask, vocabulary.size), tried(grammar, state)), (
                schema,
                text[:cut],
            )
            checked += 1
        if checked >= STATES:
            break
    assert checked >= 200
