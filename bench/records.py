"""Finished jobs read back, and turned into figures.

Times compare only where both engines did the same work and did it right: a comparison holds the tests that every one of
its engines decided rightly in every run, and nothing else. What is left out is counted as coverage.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import stats
from bench.stats import Figures

#: Values of the last token: mask, apply, advance.
STEPS = ("mask us", "apply us", "advance us")


@dataclass(slots=True)
class Run:
    """One finished job.

    Attributes:
        schemas: record by place in the sample.
        end: what the process said at its end.
        loaded_mb: memory before the first schema.
        peak_mb: the most memory of any of its processes.
    """

    schemas: dict[int, dict[str, Any]] = field(default_factory=dict)
    end: dict[str, Any] = field(default_factory=dict)
    loaded_mb: int = 0
    peak_mb: int = 0

    def right(self) -> set[tuple[int, int]]:
        """Schema and place of the tests that were decided rightly."""
        return {
            (number, place)
            for number, record in self.schemas.items()
            for place, test in enumerate(record["tests"])
            if test["right"]
        }

    def taken(self) -> set[int]:
        """Schemas that were compiled and followed to the end."""
        return {number for number, record in self.schemas.items() if record["status"] == "ok"}


def read(path: Path) -> Run:
    """A finished job's file."""
    run = Run()
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            if "status" in record:
                run.schemas[record["number"]] = record
            elif "end" in record:
                run.end = record
                run.peak_mb = max(run.peak_mb, record["peak MB"])
            elif "loaded MB" in record:
                run.loaded_mb = record["loaded MB"]
    return run


def coverage(run: Run) -> dict[str, int]:
    """What became of schemas and of tests."""
    found: Counter[str] = Counter()
    for record in run.schemas.values():
        wrong = [test for test in record["tests"] if not test["right"]]
        accepted = sum(not test["valid"] for test in wrong)
        found["schemas"] += 1
        found["tests"] += len(record["tests"])
        found["valid refused (tests)"] += len(wrong) - accepted
        found["invalid accepted (tests)"] += accepted
        found["accepted in another order (tests)"] += sum(test["order"] > 0 for test in record["tests"])
        found[_outcome(record, accepted=accepted, wrong=len(wrong))] += 1
    return dict(found)


def _outcome(record: dict[str, Any], *, accepted: int, wrong: int) -> str:
    if record["status"] != "ok":
        return {"limit": "over the time limit", "memory": "over the memory limit"}.get(
            record["status"], str(record["status"])
        )
    return "invalid accepted" if accepted else "valid refused" if wrong else "right"


def common(runs: Iterable[Run]) -> set[tuple[int, int]]:
    """Tests that every run decided rightly, of schemas that every run took."""
    listed = list(runs)
    if not listed:
        return set()
    taken = set.intersection(*(run.taken() for run in listed))
    return {test for test in set.intersection(*(run.right() for run in listed)) if test[0] in taken}


def figures(run: Run, tests: set[tuple[int, int]]) -> dict[str, Figures]:
    """Metric to figures, over the given tests and their schemas."""
    return {
        name: stats.figures(values, thresholds=name.endswith("us"))
        for name, values in times(run, tests).items()
        if values
    }


def times(run: Run, tests: set[tuple[int, int]]) -> dict[str, list[float]]:
    """Metric to times, over the given tests and their schemas."""
    names = (
        "compile ms", "first mask ms", "compile plus first mask ms", "compile again ms",
        "mask us", "first visit us", "repeat us", "advance us", "between us",
    )  # fmt: skip
    found: dict[str, list[float]] = {name: [] for name in names}
    for number in sorted({number for number, _ in tests}):
        record = run.schemas[number]
        found["compile ms"].append(record["compile"] / 1e6)
        found["first mask ms"].append(record["first mask"] / 1e6)
        found["compile plus first mask ms"].append((record["compile"] + record["first mask"]) / 1e6)
        found["compile again ms"] += [again / 1e6 for again in record.get("again", ())]
        for place, test in enumerate(record["tests"]):
            if (number, place) not in tests:
                continue
            masks = [mask / 1e3 for mask in test["masks"]]
            found["mask us"] += masks
            found["first visit us"] += [
                mask for mask, new in zip(masks, test["first"], strict=True) if new == "1"
            ]
            found["repeat us"] += [mask for mask, new in zip(masks, test["first"], strict=True) if new == "0"]
            found["advance us"] += [advance / 1e3 for advance in test["advances"]]
            found["between us"] += [idle / 1e3 for idle in test.get("idles", ())]
    return found


def applied(run: Run, numbers: set[int]) -> dict[str, Figures]:
    """Figures of mask, apply, advance and their sum over the given schemas."""
    steps = [step for number in sorted(numbers) for step in run.schemas[number].get("steps", ())]
    found = {name: stats.figures([step[i] / 1e3 for step in steps]) for i, name in enumerate(STEPS)}
    return found | {"token us": stats.figures([sum(step) / 1e3 for step in steps])}


def medians(per_run: Sequence[dict[str, Figures]]) -> dict[str, Figures]:
    """Metric by metric, figure by figure the median over runs."""
    names = dict.fromkeys(name for run in per_run for name in run)
    return {name: stats.median_of([run[name] for run in per_run if name in run]) for name in names}
