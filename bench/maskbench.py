"""The benchmark: every engine over the sample, and the figures that follow.

Set A is the whole sample, for engines that take milliseconds a schema. Its figures are over the schemas that this
project and llguidance both take. Set B is a fixed subset of 150, for engines that take seconds; each of these is shown
beside this project and llguidance on the tests that all three decide rightly.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import engines, facts, measure, records, runner, sample, stats
from bench.records import Run
from bench.runner import Job, Limits

RESULTS = Path(__file__).resolve().parent / "results" / "maskbench.json"
FAST = ("ruvllm", "llguidance")
#: Repeated like the fast ones, over set B.
STRONG = ("xgrammar", "xgrammar-strict")
#: Once, over set B, two at a time.
SLOW = ("outlines-core", "lm-format-enforcer")
#: Schemas of set B along which applying is measured.
APPLIED = 50


@dataclass(frozen=True, slots=True)
class Options:
    """What to run.

    Attributes:
        repeat: runs of the engines that are repeated.
        every: take every n-th schema only.
        slow: whether the engines of `SLOW` take part.
        strong: whether those of `STRONG` do.
    """

    repeat: int = 3
    every: int = 1
    slow: bool = True
    strong: bool = True


def jobs(options: Options, count: int) -> tuple[list[Job], list[Job]]:
    """What runs alone, in order, and what runs two at a time behind it.

    Repeats go round the engines, so that a machine that slows down slows all of them.
    """
    everything = tuple(range(0, count, options.every))
    subset = tuple(sorted(sample.subset(count)))[:: options.every]
    short = subset[: max(1, APPLIED // options.every)]
    strong = STRONG if options.strong else ()
    alone = []
    for repeat in range(options.repeat):
        alone += [Job(name, mode, everything, repeat) for mode in ("shared", "fresh") for name in FAST]
        alone += [Job(name, "shared", subset, repeat) for name in strong]
        alone += [Job(name, "apply", short, repeat) for name in (*FAST, *strong[:1])]
    limits = Limits(total_seconds=420.0)
    together = [Job(name, "shared", subset, 0, limits) for name in (SLOW if options.slow else ())]
    return alone, together


def execute(folder: Path, options: Options) -> dict[str, Any]:
    """Run what is not done yet, and return the results."""
    sample.prepare(folder)
    alone, together = jobs(options, sum(1 for _ in sample.cases(folder)))
    load = facts.machine()
    fingerprint = f"{facts.commit()} {facts.versions()}"
    for job in alone:
        _one(folder, job, fingerprint)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda job: _one(folder, job, fingerprint), together))
    found = results(folder, [*alone, *together])
    return {
        "what": "CPU time of structured-generation engines over the MaskBench sample",
        "command": " ".join(["python", "-m", "bench", *sys.argv[1:]]),
        "date": time.strftime("%Y-%m-%d"),
        "commit": facts.commit(),
        "machine": load,
        "versions": facts.versions(),
        "vocabulary": {"name": "llama3", "ids": 128_256},
        "options": {"repeat": options.repeat, "every": options.every},
        **found,
    }


def _one(folder: Path, job: Job, fingerprint: str) -> None:
    if runner.done(folder, job, fingerprint):
        print(f"{job.name}: done before", flush=True)
        return
    start = time.perf_counter()
    runner.execute(folder, job, fingerprint)
    print(f"{job.name}: {time.perf_counter() - start:.0f} s", flush=True)


def results(folder: Path, listed: list[Job]) -> dict[str, Any]:
    """Figures of finished jobs."""
    runs: dict[tuple[str, str], list[Run]] = {}
    for job in listed:
        runs.setdefault((job.engine, job.mode), []).append(records.read(runner.path_of(folder, job)))
    names = [name for name in engines.ENGINES if (name, "shared") in runs]
    subset = set(runs[FAST[0], "shared"][0].schemas) & sample.subset(sum(1 for _ in sample.cases(folder)))
    return {
        "clock ns": stats.rounded(
            max(run.end.get("clock ns", 0.0) for each in runs.values() for run in each)
        ),
        "settings": {name: runs[name, "shared"][0].end.get("settings", "") for name in names},
        "limits": {"CPU seconds a schema": Limits().seconds, "memory MB": Limits().memory_mb},
        "coverage": {name: records.coverage(runs[name, "shared"][0]) for name in names},
        "coverage on set B": {
            name: records.coverage(_part(runs[name, "shared"][0], subset)) for name in names
        },
        "memory MB": {
            name: {
                "loaded": runs[name, "shared"][0].loaded_mb,
                "peak": max(run.peak_mb for run in runs[name, "shared"]),
            }
            for name in names
        },
        "set A": compare(runs, FAST, ("shared", "fresh"), None),
        "set B": {
            name: compare(runs, (*FAST, name), ("shared",), subset) for name in names if name not in FAST
        },
        "apply": _applied(runs),
        "curves": _curves(runs, names, subset),
    }


def _part(run: Run, numbers: set[int]) -> Run:
    return Run({number: record for number, record in run.schemas.items() if number in numbers}, run.end)


def compare(
    runs: dict[tuple[str, str], list[Run]],
    names: tuple[str, ...],
    modes: tuple[str, ...],
    numbers: set[int] | None,
) -> dict[str, Any]:
    """Engines beside each other on the tests that all of them decide rightly in all runs and modes."""
    tests = records.common(run for name in names for mode in modes for run in runs[name, mode])
    tests = {test for test in tests if numbers is None or test[0] in numbers}
    found: dict[str, Any] = {"schemas": len({number for number, _ in tests}), "tests": len(tests)}
    for mode in modes:
        found[mode] = {}
        for name in names:
            per_run = [records.figures(run, tests) for run in runs[name, mode]]
            masks = [run["mask us"] for run in per_run]
            found[mode][name] = records.medians(per_run) | {
                "runs": {at: stats.spread_of(masks, at) for at in ("p50", "p99", "p99.9", "max")}
            }
    return found


def _applied(runs: dict[tuple[str, str], list[Run]]) -> dict[str, Any]:
    names = [name for name, mode in runs if mode == "apply"]
    taken = set.intersection(*(run.taken() for name in names for run in runs[name, "apply"]))
    figures = {
        name: records.medians([records.applied(run, taken) for run in runs[name, "apply"]]) for name in names
    }
    return {"schemas": len(taken), "tokens each": measure.APPLIED, "engines": figures}


def _curves(runs: dict[tuple[str, str], list[Run]], names: list[str], subset: set[int]) -> dict[str, Any]:
    """Values at `stats.QUANTILES` of the first run: per engine on set B what it decides rightly; the fast ones on A."""
    found: dict[str, Any] = {"quantiles": list(stats.QUANTILES), "set A": {}, "set B": {}}
    both = records.common(run for name in FAST for mode in ("shared", "fresh") for run in runs[name, mode])
    for name in FAST:
        for mode in ("shared", "fresh"):
            found["set A"][f"{name}, {mode}"] = _curve(runs[name, mode][0], both)
    for name in names:
        run = runs[name, "shared"][0]
        tests = {test for test in run.right() if test[0] in subset & run.taken()}
        found["set B"][name] = _curve(run, tests)
    return found


def _curve(run: Run, tests: set[tuple[int, int]]) -> dict[str, list[float]]:
    times = records.times(run, tests)
    return {name: stats.curve(times[name]) for name in ("mask us", "compile ms")}


def write(found: dict[str, Any], path: Path = RESULTS) -> None:
    """As JSON, short lists on one line."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(compact(found) + "\n", encoding="utf-8")


def compact(value: Any, indent: int = 0) -> str:
    """JSON with one line for each object or list that holds no other."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if not any(isinstance(item, dict | list) for item in inner):
        return json.dumps(value)
    pad, end = "\n" + " " * (indent + 1), "\n" + " " * indent
    if isinstance(value, dict):
        parts = [f"{json.dumps(name)}: {compact(item, indent + 1)}" for name, item in value.items()]
        return "{" + pad + ("," + pad).join(parts) + end + "}"
    return "[" + pad + ("," + pad).join(compact(item, indent + 1) for item in value) + end + "]"
