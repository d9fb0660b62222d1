"""The official JSON Schema Test Suite: every required test of five drafts, as a ratchet.

An outcome per test, from best to worst:

- `right`: decided as the suite says, in both spellings (compact, and with a blank after comma and colon);
- `refused`: the schema is refused, with a pointer;
- `valid refused`: a valid instance is not accepted in the order in which the suite writes its properties;
- `invalid accepted`: never.

`tests/golden/suite.json` lists the outcomes that are not right. A test may get better, and then the file has to follow;
it must not get worse. To rewrite the file: `RUVLLM_REWRITE_GOLDEN=1 pytest tests/jsonschema/test_suite.py`.
"""

import json
import os
from pathlib import Path

import jsonschema_specifications
import pytest

import ruvllm_grammar as rg

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "suite.json"
DRAFTS = {"draft4": "4", "draft6": "6", "draft7": "7", "draft2019-09": "2019-09", "draft2020-12": "2020-12"}


@pytest.fixture(scope="module")
def registry(conformance):
    """The metaschemas, and the documents that the suite expects at localhost."""
    found = {
        uri: jsonschema_specifications.REGISTRY[uri].contents for uri in jsonschema_specifications.REGISTRY
    }
    remotes = conformance / "json-schema-test-suite" / "remotes"
    for path in remotes.rglob("*.json"):
        found[f"http://localhost:1234/{path.relative_to(remotes).as_posix()}"] = json.loads(path.read_text())
    return found


def outcomes(folder, draft, registry, vocabulary):
    """Outcome per test, by `file | group | test`."""
    found = {}
    for file in sorted(folder.glob("*.json")):
        for group in json.loads(file.read_text()):
            schema = group["schema"]
            says = isinstance(schema, dict) and "$schema" in schema
            compiled, refused = None, None
            try:
                source = rg.JsonSchema(
                    schema, draft=None if says else draft, formats="annotate", registry=registry
                )
                compiled = rg.compile(source, vocabulary)
            except rg.UnsatisfiableGrammar:
                pass
            except rg.UnsupportedKeyword as error:
                assert error.pointer.endswith(error.keyword) or error.keyword in error.pointer
                refused = f"refused: {error.keyword}"
            except rg.LimitError as error:
                refused = f"refused: Limits.{error.limit}"
            for case in group["tests"]:
                name = f"{file.stem} | {group['description']} | {case['description']}"
                found[name] = refused or judged(compiled, case)
    return found


def judged(compiled, case):
    for separators in ((",", ":"), (", ", ": ")):
        text = json.dumps(case["data"], ensure_ascii=False, separators=separators)
        accepted = compiled is not None and compiled.accepts(text)
        if accepted != case["valid"]:
            return "invalid accepted" if accepted else "valid refused"
    return "right"


def rank(outcome):
    return ["right", "refused", "valid refused", "invalid accepted"].index(outcome.split(":")[0])


def summary(found):
    counts: dict[str, int] = {}
    for outcome in found.values():
        sort = outcome.split(":")[0]
        counts[sort] = counts.get(sort, 0) + 1
    return dict(sorted(counts.items()))


@pytest.mark.parametrize("draft", DRAFTS)
def test_required_tests(conformance, registry, bytes_vocabulary, draft):
    folder = conformance / "json-schema-test-suite" / "tests" / draft
    found = outcomes(folder, DRAFTS[draft], registry, bytes_vocabulary)
    assert [name for name, outcome in found.items() if outcome == "invalid accepted"] == []
    now = {"summary": summary(found), "not right": {k: v for k, v in sorted(found.items()) if v != "right"}}
    if os.environ.get("RUVLLM_REWRITE_GOLDEN") == "1":
        whole = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
        whole[draft] = now
        GOLDEN.write_text(json.dumps(whole, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    before = json.loads(GOLDEN.read_text())[draft]["not right"]
    worse = {n: o for n, o in now["not right"].items() if rank(o) > rank(before.get(n, "right"))}
    assert worse == {}
    assert now["not right"] == before, "better than recorded: rewrite the golden file"
