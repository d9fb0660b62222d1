"""The MaskBench sample: real schemas with labelled instances, as a ratchet.

A schema is *right* when every instance is decided as labelled, compact and with blanks. Refusals carry a pointer; no
invalid instance is accepted. `tests/golden/maskbench.json` holds the schemas that are not right and why: what is
refused, or how many valid instances are not accepted because their properties do not come in the order of the schema.
To rewrite it: `RUVLLM_REWRITE_GOLDEN=1 pytest -m "" tests/jsonschema/test_maskbench.py`.
"""

import gzip
import json
import os
from pathlib import Path

import pytest

import ruvllm_grammar as rg

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "maskbench.json"


def rows(conformance, every=1):
    with gzip.open(conformance / "maskbench-sample.jsonl.gz", "rt") as lines:
        return [json.loads(line) for number, line in enumerate(lines) if number % every == 0]


def outcome(row, vocabulary):
    """`right`, or why not."""
    try:
        compiled = rg.compile(rg.JsonSchema(row["schema"]), vocabulary)
    except rg.UnsupportedKeyword as error:
        assert error.pointer.startswith("/")
        return f"refused: {error.keyword} at {error.pointer}"
    except rg.LimitError as error:
        assert "(at /" in str(error)
        return f"refused: Limits.{error.limit}"
    missed = 0
    for case in row["tests"]:
        verdicts = set()
        for separators in ((",", ":"), (", ", ": ")):
            text = json.dumps(case["data"], ensure_ascii=False, separators=separators)
            verdicts.add(
                compiled.accepts(text)
            )  # a budget is refused when the schema is compiled, never here
        if not case["valid"] and True in verdicts:
            return "invalid accepted"
        missed += case["valid"] and verdicts != {True}
    return f"valid refused: {missed}" if missed else "right"


def compare(found, before):
    assert [name for name, result in found.items() if result == "invalid accepted"] == []
    now = {name: result for name, result in found.items() if result != "right"}
    worse = {name: result for name, result in now.items() if name not in before}
    assert worse == {}
    expected = {name: result for name, result in before.items() if name in found}
    assert now == expected, "better than recorded: rewrite the golden file"


def test_every_twentieth_schema(conformance, bytes_vocabulary):
    found = {row["id"]: outcome(row, bytes_vocabulary) for row in rows(conformance, every=20)}
    compare(found, json.loads(GOLDEN.read_text())["not right"])


@pytest.mark.slow
def test_every_schema(conformance, bytes_vocabulary):
    found = {row["id"]: outcome(row, bytes_vocabulary) for row in rows(conformance)}
    not_right = {name: result for name, result in sorted(found.items()) if result != "right"}
    if os.environ.get("RUVLLM_REWRITE_GOLDEN") == "1":
        counts = {"schemas": len(found), "right": len(found) - len(not_right)}
        for result in not_right.values():
            sort = result.split(":")[0]
            counts[sort] = counts.get(sort, 0) + 1
        GOLDEN.write_text(
            json.dumps({"summary": counts, "not right": not_right}, indent=1, ensure_ascii=False) + "\n"
        )
    compare(found, json.loads(GOLDEN.read_text())["not right"])
