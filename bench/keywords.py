"""The official JSON Schema Test Suite keyword by keyword, ours beside the peers, for drafts 7 and 2020-12.

    python bench/keywords.py

Our outcomes are those that `tests/golden/suite` records and `tests/jsonschema/test_suite.py` holds to be true; the
peers' were measured once (`peers/keywords.json`, with versions and method) and do not run here. Writes
results/keywords.json and the table at the end of docs/reference/json-schema.md.

The rules are the same but for two. A valid instance of ours has to be accepted in both spellings, theirs in one. The
peers got no remote documents, so their `refRemote` and `vocabulary` only say that they were not asked.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ruvllm_grammar.jsonschema import reference

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden" / "suite"
PAGE = ROOT / "docs" / "reference" / "json-schema.md"
RESULTS = ROOT / "bench" / "results" / "keywords.json"
OUTCOMES = ("right and exact", "right and guarded", "refused", "valid refused", "invalid accepted")
DRAFTS = ("4", "6", "7", "2019-09", "2020-12")


def ours(draft: str) -> dict[str, dict[str, int]]:
    """Counts of outcomes by keyword file, `all` first."""
    found = {}
    for line in (GOLDEN / f"{draft}-summary.txt").read_text(encoding="utf-8").splitlines():
        keyword, _, counts = line.partition(": ")
        numbers = {outcome: int(number) for number, outcome in re.findall(r"(\d+) ([a-z ]+)", counts)}
        found[keyword] = {outcome: numbers.get(outcome, 0) for outcome in OUTCOMES}
    return found


def right(counts: dict[str, int]) -> int:
    """Tests decided rightly."""
    return counts["right and exact"] + counts["right and guarded"]


def row(name: str, counts: dict[str, int], peers: list[list[int]]) -> str:
    """One keyword: how many tests, and per engine right / invalid accepted / valid refused / refused."""
    own = [right(counts), counts["invalid accepted"], counts["valid refused"], counts["refused"]]
    cells = [" / ".join(map(str, cell)) for cell in (own, *peers)]
    return f"| {name} | {sum(counts.values())} | {counts['right and guarded'] or ''} | {' | '.join(cells)} |"


def table(results: dict[str, Any]) -> str:
    """The measured part of the reference page."""
    peers = results["peers"]
    engines = "; ".join(peers["engines"])
    totals = ", ".join(
        f"{name}: {right(counts['all'])} of {sum(counts['all'].values())}"
        for name, counts in results["ours"].items()
    )
    lines = [
        f"Required tests decided rightly, by draft: {totals}.",
        "",
        "Cells: right / invalid accepted / valid refused / schema refused. *Guarded*: of ours, right, where",
        f"generation may have to back up. The peers were measured in {peers['measured']}: {engines}.",
        peers["method"],
        "",
    ]
    for draft, keywords in peers["drafts"].items():
        own = results["ours"][draft]
        heads = ["tests", "guarded", "ruvllm", "llguidance", "xgrammar", "xgrammar, lenient"]
        lines += [
            f"### {'Draft ' if len(draft) == 1 else ''}{draft}",
            "",
            f"| keyword | {' | '.join(heads)} |",
        ]
        lines.append("|---|--:|--:|---|---|---|---|")
        lines += [row(f"`{name}`", own[name], cells) for name, cells in keywords.items()]
        columns = [
            [sum(part) for part in zip(*cells, strict=True)] for cells in zip(*keywords.values(), strict=True)
        ]
        lines += [row("all", own["all"], columns), ""]
    return "\n".join([*lines, ""])


def main() -> None:
    """Collect, write the results, and splice the table into the page."""
    peers = json.loads((ROOT / "bench" / "peers" / "keywords.json").read_text(encoding="utf-8"))
    results: dict[str, Any] = {
        "command": "python bench/keywords.py",
        "ours": {draft: ours(draft) for draft in DRAFTS},
        "peers": peers,
    }
    for draft, keywords in peers["drafts"].items():
        assert set(keywords) | {"all"} == set(results["ours"][draft])
    results["table"] = table(results)
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(reference.page(measured=results["table"]), encoding="utf-8")
    print(results["table"])


if __name__ == "__main__":
    main()
