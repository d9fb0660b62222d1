"""Recorded outcomes that may get better and must not get worse.

A record is two text files in `tests/golden`: `<name>.txt` has a line for each case that is not right and exact, sorted,
and `<name>-summary.txt` has the counts. Lines merge well: `.gitattributes` joins the lines of both sides of a conflict.
What a merge leaves behind is refreshed by the command that the test names, with RUVLLM_REWRITE_GOLDEN=1.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
EXACT, GUARDED, REFUSED = "right and exact", "right and guarded", "refused"
VALID_REFUSED, INVALID_ACCEPTED = "valid refused", "invalid accepted"
#: From best to worst. A detail may follow an outcome, behind a colon.
OUTCOMES = (EXACT, GUARDED, REFUSED, VALID_REFUSED, INVALID_ACCEPTED)


def kind(outcome: str) -> str:
    """The outcome without its detail."""
    return outcome.partition(":")[0]


def rank(outcome: str) -> int:
    """0 is best."""
    return OUTCOMES.index(kind(outcome))


def compare(name: str, found: Mapping[str, str], groups: Mapping[str, str], *, command: str) -> None:
    """Fail when an outcome is worse than recorded, an invalid document is accepted, or the record is out of date.

    Args:
        name: of the record.
        found: outcome by case.
        groups: by case, the line of the summary that it is counted in, beside `all`.
        command: what rewrites the record.
    """
    assert [case for case, outcome in found.items() if kind(outcome) == INVALID_ACCEPTED] == []
    entries = [f"{case} => {outcome}" for case, outcome in sorted(found.items()) if outcome != EXACT]
    summary = _summary(found, groups)
    record, counts = GOLDEN / f"{name}.txt", GOLDEN / f"{name}-summary.txt"
    if os.environ.get("RUVLLM_REWRITE_GOLDEN") == "1":
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text("".join(f"{line}\n" for line in entries), encoding="utf-8")
        counts.write_text("".join(f"{line}\n" for line in summary), encoding="utf-8")
    before = recorded(name)
    worse = {case: one for case, one in found.items() if rank(one) > rank(before.get(case, EXACT))}
    assert worse == {}
    assert record.read_text(encoding="utf-8").splitlines() == entries, f"out of date: {command}"
    assert counts.read_text(encoding="utf-8").splitlines() == summary, f"out of date: {command}"


def recorded(name: str) -> dict[str, str]:
    """Outcome by case, as recorded; what is not in it is right and exact."""
    lines = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return {case: outcome for case, _, outcome in (line.rpartition(" => ") for line in lines)}


def _summary(found: Mapping[str, str], groups: Mapping[str, str]) -> list[str]:
    """A line for each group with how many cases it has and what became of them."""
    counts: dict[str, Counter[str]] = {"all": Counter(map(kind, found.values()))}
    for case, outcome in sorted(found.items()):
        counts.setdefault(groups[case], Counter())[kind(outcome)] += 1
    return [
        f"{group}: {', '.join(f'{outcomes[one]} {one}' for one in OUTCOMES if outcomes[one])}"
        for group, outcomes in counts.items()
    ]
