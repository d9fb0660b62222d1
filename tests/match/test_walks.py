"""Masks alone lead to valid documents: random walks at token level over real schemas and over those of the suite.

Each walk writes what the masks allow, is told to finish after 60 tokens, and is then judged by the plain evaluator of
`tests/reference`. Without guards no walk may end in a dead end; over all real schemas at most one in a thousand.
"""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter

import pytest
from reference.validator import Validator, loads
from support.real_vocabularies import sentencepiece_v3
from support.suite import DRAFTS, groups, registry
from support.walks import walk

import ruvllm_grammar as rg

WALKS = 3
DEAD = 1 / 1_000
#: Schemas of the sample that are refused or beyond a budget, at most. It may only be lowered.
NOT_WALKED = 0


def sample(conformance):
    with gzip.open(conformance / "maskbench-sample.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def walked(source, validator, name, counts, failures, *, walks=WALKS):
    """Walk a schema; count what became of it, and note what must not happen."""
    try:
        grammar = rg.compile(source, sentencepiece_v3())
    except (rg.UnsupportedKeyword, rg.LimitError, rg.UnsatisfiableGrammar) as error:
        counts[type(error).__name__] += 1
        return
    for number in range(walks):
        found = walk(grammar, random.Random(f"{name} {number}"))
        counts["walks"] += 1
        if found.dead:
            counts["dead"] += 1
            if not grammar.guards:
                failures.append((name, number, "dead end without a guard", found.text))
        elif not grammar.accepts(found.text):
            failures.append((name, number, "not accepted as a whole", found.text))
        elif not validator.valid(loads(found.text.decode())):
            failures.append((name, number, "invalid", found.text))


def judge(counts, failures, *, dead=DEAD):
    assert failures == [], counts
    assert counts["dead"] <= dead * counts["walks"], counts


def test_walks_over_every_fortieth_real_schema(conformance):
    counts, failures = Counter(), []
    for row in sample(conformance)[::40]:
        source = rg.JsonSchema(row["schema"])
        walked(source, Validator(row["schema"], draft="7"), row["id"], counts, failures, walks=1)
    judge(counts, failures)
    assert counts["walks"] >= 30


@pytest.mark.slow
def test_walks_over_every_real_schema(conformance):
    counts, failures = Counter(), []
    for row in sample(conformance):
        source = rg.JsonSchema(row["schema"])
        walked(source, Validator(row["schema"], draft="7"), row["id"], counts, failures)
    judge(counts, failures)
    assert counts["UnsupportedKeyword"] + counts["LimitError"] <= NOT_WALKED, counts


@pytest.mark.slow
@pytest.mark.parametrize("draft", DRAFTS)
def test_walks_over_the_schemas_of_the_suite(conformance, draft):
    documents = registry(conformance)
    counts, failures = Counter(), []
    for group in groups(conformance, draft):
        source = rg.JsonSchema(group.schema, draft=group.draft, formats="annotate", registry=documents)
        validator = Validator(group.schema, draft=draft, registry=documents)
        walked(source, validator, f"{draft} {group.file}: {group.name}", counts, failures, walks=1)
    judge(counts, failures, dead=10 * DEAD)  # schemas made to be hard, and few of them
    assert counts["walks"] >= 100
