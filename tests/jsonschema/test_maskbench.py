"""The MaskBench sample: real schemas with labelled instances, as a ratchet.

A schema is as good as its worst instance; outcomes and the rule of orders are those of `test_suite.py`. Formats are
asserted, as the labels do. `tests/golden/maskbench*.txt` record the schemas that are not right and exact and count
them by group; the fast test tries few orders of every twentieth schema. After a merge, too, one command refreshes them:

    RUVLLM_REWRITE_GOLDEN=1 python -m pytest -m "" tests/jsonschema/test_maskbench.py
"""

import gzip
import json

import pytest
from reference.resources import plain
from reference.validator import Validator
from support import ratchet
from support.declared import declared
from support.orders import MOST, orders, spellings

import ruvllm_grammar as rg

REFRESH = 'RUVLLM_REWRITE_GOLDEN=1 python -m pytest -m "" tests/jsonschema/test_maskbench.py'


def rows(conformance, every=1):
    with gzip.open(conformance / "maskbench-sample.jsonl.gz", "rt") as lines:
        return [json.loads(line) for number, line in enumerate(lines) if number % every == 0]


def group(name):
    """Github_hard---o1.json is of Github_hard, BFCL_java_1.json of BFCL."""
    return name.partition("---")[0] if "---" in name else name.partition("_")[0]


def outcome(row, vocabulary, *, most=MOST):
    """What becomes of a schema and its instances."""
    try:
        compiled = rg.compile(rg.JsonSchema(row["schema"]), vocabulary)
    except rg.UnsupportedKeyword as error:
        assert error.pointer.startswith("/")
        return f"{ratchet.REFUSED}: {error.keyword} at {error.pointer}"
    except rg.LimitError as error:
        assert "(at /" in str(error)
        return f"{ratchet.REFUSED}: Limits.{error.limit}"
    missed = 0
    validator = Validator(row["schema"], draft="7")
    for case in row["tests"]:
        instance = plain(case["data"])
        instances = orders(instance, declared=declared(validator, instance), most=most)
        verdicts = ([compiled.accepts(text) for text in spellings(one)] for one in instances)
        if case["valid"]:
            missed += not any(all(one) for one in verdicts)
        elif any(any(one) for one in verdicts):
            return ratchet.INVALID_ACCEPTED
    if missed:
        return f"{ratchet.VALID_REFUSED}: {missed} of {len(row['tests'])} instances"
    return ratchet.GUARDED if compiled.guards else ratchet.EXACT


def test_every_twentieth_schema(conformance, bytes_vocabulary):
    found = {row["id"]: outcome(row, bytes_vocabulary, most=3) for row in rows(conformance, every=20)}
    before = ratchet.recorded("maskbench")
    assert found == {name: before.get(name, ratchet.EXACT) for name in found}, REFRESH


@pytest.mark.slow
def test_every_schema(conformance, bytes_vocabulary):
    found = {row["id"]: outcome(row, bytes_vocabulary) for row in rows(conformance)}
    ratchet.compare("maskbench", found, {name: group(name) for name in found}, command=REFRESH)
