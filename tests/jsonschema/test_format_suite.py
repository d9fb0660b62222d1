"""The optional format tests of the official suite, as a ratchet: every draft, every file, formats asserted.

`tests/golden/formats.json` lists the tests that are not right and why. To rewrite the file:
`RUVLLM_REWRITE_GOLDEN=1 pytest tests/jsonschema/test_format_suite.py`.
"""

import json
import os
from pathlib import Path

import pytest

import ruvllm_grammar as rg

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "formats.json"
DRAFTS = {"draft4": "4", "draft6": "6", "draft7": "7", "draft2019-09": "2019-09", "draft2020-12": "2020-12"}


@pytest.mark.parametrize("draft", DRAFTS)
def test_optional_format_tests(conformance, bytes_vocabulary, draft):
    folder = conformance / "json-schema-test-suite" / "tests" / draft / "optional" / "format"
    asked, wrong = 0, {}
    for file in sorted(folder.glob("*.json")):
        for group in json.loads(file.read_text()):
            source = rg.JsonSchema(group["schema"], draft=DRAFTS[draft], formats="assert")
            compiled = rg.compile(source, bytes_vocabulary)
            for case in group["tests"]:
                asked += 1
                if compiled.accepts(json.dumps(case["data"], ensure_ascii=False)) != case["valid"]:
                    name = f"{file.stem} | {group['description']} | {case['description']}"
                    wrong[name] = "invalid accepted" if not case["valid"] else "valid refused"
    now = {"tests": asked, "not right": dict(sorted(wrong.items()))}
    if os.environ.get("RUVLLM_REWRITE_GOLDEN") == "1":
        whole = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
        whole[draft] = now
        GOLDEN.write_text(json.dumps(whole, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    assert now == json.loads(GOLDEN.read_text())[draft]
