"""Random schemas over all keywords, judged twice: by the plain evaluator of `tests/reference` and by `jsonschema`.

Laws, for schemas of drafts 7, 2019-09 and 2020-12 with nested formulas and recursion, and for instances drawn from their
clauses and then damaged:

- what is accepted, in whatever order of members and spelling, is valid;
- a name that comes twice in an object is accepted nowhere;
- of a valid instance some order of its members is accepted, and with `any_order=True` every one;
- what a walk along the masks writes is valid, and ends nowhere unless the schema has a guard;
- a schema that nothing can match has no valid instance; a refused one has a place, and few are refused;
- the two oracles agree, but for the listed disagreements.

The plain evaluator alone judges real schemas too, near their labelled instances.
"""

import gzip
import itertools
import json
import random
from collections import Counter
from dataclasses import dataclass

import jsonschema
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference.validator import Validator, loads
from support.declared import declared
from support.instances import Instances
from support.orders import count, orders, spellings, written
from support.schemas import schemas

import ruvllm_grammar as rg

PACKAGE = {
    "7": jsonschema.Draft7Validator,
    "2019-09": jsonschema.Draft201909Validator,
    "2020-12": jsonschema.Draft202012Validator,
}
#: Refused of 1,000 schemas, at most. It may only be lowered.
REFUSED = {"7": 5, "2019-09": 5, "2020-12": 5}
INSTANCES = 20
#: Orders of a valid instance that are tried with `any_order`.
UNORDERED = 6


@dataclass(frozen=True)
class Disagreement:
    """Where the package decides otherwise than the specification. words: all of them stand in the schema's text."""

    clause: str
    words: tuple[str, ...]
    draft: str | None = None

    def explains(self, draft, schema):
        text = json.dumps(schema)
        return self.draft in {None, draft} and all(word in text for word in self.words)


DISAGREEMENTS = [
    Disagreement(r"Core 6.4: patterns are ECMA-262, whose \w is ASCII; Python's is not", (r"\\w",)),
    Disagreement(
        "2019-09 Core 9.3.1.2: additionalItems means nothing beside an `items` that is no list; the package fails",
        ('"additionalItems"',),
    ),
    Disagreement(
        "2019-09 Core 9.3.2.4: names that additionalProperties applied to are evaluated; the package forgets them",
        ('"unevaluatedProperties"', '"additionalProperties"'),
        "2019-09",
    ),
    Disagreement(
        "2019-09 Core 9.3.1.3 and 9.3.1.4: contains leaves no annotation for unevaluatedItems; the package takes one",
        ('"unevaluatedItems"', '"contains"'),
        "2019-09",
    ),
    Disagreement(
        "2019-09 Core 9.3.1.1: `items: false` holds for the empty array; beside unevaluatedItems the package says no",
        ('"unevaluatedItems"', '"items": false'),
        "2019-09",
    ),
]


class Judge:
    """One schema in both oracles and compiled."""

    def __init__(self, draft, schema, vocabulary):
        self.draft, self.schema = draft, schema
        self.reference = Validator(schema)
        self.package = PACKAGE[draft](schema)
        self.refused = None
        self.compiled = self.unordered = None
        try:
            self.compiled = rg.compile(rg.JsonSchema(schema), vocabulary)
            self.unordered = rg.compile(rg.JsonSchema(schema, any_order=True), vocabulary)
        except rg.UnsatisfiableGrammar:
            pass
        except (rg.UnsupportedKeyword, rg.LimitError) as error:
            assert "(at /" in str(error)
            self.refused = str(error)

    def valid(self, value):
        """What the plain evaluator says; the package agrees or is known not to."""
        valid = self.reference.valid(value)
        try:
            same = valid == self.package.is_valid(json.loads(written(value)))
        except TypeError:
            same = False
        assert same or any(one.explains(self.draft, self.schema) for one in DISAGREEMENTS), (
            "oracles disagree",
            valid,
            self.shown(value),
        )
        return valid

    def shown(self, value):
        return json.dumps(self.schema), written(value)

    def judge(self, value):
        """Fail when the compiled schema decides otherwise, in the order of the schema or in any."""
        candidates = [written(one) for one in orders(value, declared=declared(self.reference, value))]
        if not self.valid(value):
            texts = [spellings(value)[1], *candidates]
            accepted = [
                text for text in texts if accepts(self.compiled, text) or accepts(self.unordered, text)
            ]
            assert accepted == [], ("false accept", self.shown(value))
            return
        some = accepts(self.compiled, written(value)) or any(
            accepts(self.compiled, text) for text in candidates
        )
        assert some or len(candidates) < count(value), ("false refusal", self.shown(value))
        missed = [text for text in candidates[:UNORDERED] if not accepts(self.unordered, text)]
        assert missed == [], ("false refusal in any order", self.shown(value), missed)
        if isinstance(value, dict) and value:
            last = dict([list(value.items())[-1]])
            twice = f"{written(value)[:-1]},{written(last)[1:]}"
            accepted = accepts(self.compiled, twice) or accepts(self.unordered, twice)
            assert not accepted, ("a name twice", self.shown(value), twice)

    def walk(self, rng):
        """Write a document along the masks, byte by byte, and judge it."""
        matcher, text = self.compiled.matcher(), b""
        row = np.zeros(9, np.int32)
        while not (matcher.is_accepting and (len(text) > 40 or rng.random() < 0.3)):
            if len(text) == 40 and matcher.tokens_to_finish > 0:
                matcher.finish_within(max(1, matcher.tokens_to_finish) + 8)
            matcher.fill_mask(row)
            legal = np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little"))
            legal = legal[legal < 256]
            if not len(legal):
                assert matcher.is_accepting or self.compiled.guards, (
                    "dead end",
                    self.shown(text.decode(errors="replace")),
                )
                break
            liked = [byte for byte in legal if byte in b'{}[]",:abc01-.tfn']
            byte = rng.choice(liked or list(legal))
            matcher.accept(int(byte))
            text += bytes([byte])
        if matcher.is_accepting:
            value = loads(text.decode())
            assert self.valid(value), ("false accept", self.shown(value))


def accepts(grammar, text):
    """Whether the text is accepted; None is the grammar of a schema that nothing can match."""
    return grammar is not None and grammar.accepts(text)


def run(draft, vocabulary, examples):
    """Judge so many schemas; what was seen."""
    seen = Counter()

    @settings(max_examples=examples, suppress_health_check=list(HealthCheck))
    @given(schemas(draft), st.integers(0, 2**32))
    def judge(schema, seed):
        seen["schemas"] += 1
        judge = Judge(draft, schema, vocabulary)
        if judge.refused:
            seen["refused"] += 1
            return
        rng = random.Random(seed)
        instances = Instances(judge.reference, rng)
        for _ in range(INSTANCES):
            value = instances.draw()
            judge.judge(value)
            seen["valid" if judge.reference.valid(value) else "invalid"] += 1
        for _ in range(2 if judge.compiled is not None else 0):
            judge.walk(rng)

    judge()
    return seen


@pytest.mark.parametrize("draft", PACKAGE)
def test_some_schemas(bytes_vocabulary, draft):
    run(draft, bytes_vocabulary, 30)


@pytest.mark.slow
@pytest.mark.parametrize("draft", PACKAGE)
def test_many_schemas(bytes_vocabulary, draft):
    seen = run(draft, bytes_vocabulary, 600)
    assert seen["valid"] + seen["invalid"] >= 7_000
    assert min(seen["valid"], seen["invalid"]) >= 2_000
    assert seen["refused"] * 1_000 <= REFUSED[draft] * seen["schemas"]


@pytest.mark.slow
def test_real_schemas(conformance, bytes_vocabulary):
    """Damaged instances of every third schema of the MaskBench sample, formats as annotations."""
    wrong, seen = [], Counter()
    with gzip.open(conformance / "maskbench-sample.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) for line in itertools.islice(lines, 1, None, 3)]
    for row in rows:
        schema = row["schema"]
        options = {"formats": "annotate", "draft": None if "$schema" in schema else "7"}
        try:
            ordered = rg.compile(rg.JsonSchema(schema, **options), bytes_vocabulary)
            unordered = rg.compile(rg.JsonSchema(schema, any_order=True, **options), bytes_vocabulary)
        except (rg.UnsupportedKeyword, rg.LimitError):
            continue
        reference = Validator(schema, draft="7")
        instances = Instances(reference, random.Random(row["id"]))
        values = [instances.draw() for _ in range(10)]
        for case in row["tests"]:
            values += itertools.islice(instances.around(case["data"]), 4)
        for value in values:
            valid = reference.valid(value)
            seen[valid] += 1
            accepted = {accepts(unordered, written(one)) for one in orders(value, most=4)}
            wrong += [] if accepted == {valid} else [(row["id"], "any order", valid, written(value))]
            few = [written(one) for one in orders(value, declared=declared(reference, value))]
            accepted = any(accepts(ordered, text) for text in few[: None if valid else 4])
            untried = valid and len(few) < count(value)
            wrong += [] if accepted == valid or untried else [(row["id"], "in order", valid, written(value))]
    assert wrong == []
    assert min(seen.values()) >= 2_000
