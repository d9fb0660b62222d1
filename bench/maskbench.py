"""The benchmark: every engine over the sample, and the figures that follow.

Set A is the whole sample, for engines that take milliseconds a schema: this project and llguidance. Its figures are
over the tests that both decide rightly. Set B is a fixed subset of 150, for engines that take seconds; this project and
llguidance run once more among them. Each peer is shown on the tests of set B that it, this project and llguidance
decide rightly. Two processes run at a time (one on each core of the reference machine), so that each has a neighbour.
"""

from __future__ import annotations

import heapq
import json
import subprocess
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
#: This project once more over set A, once: with what it does while a model computes.
PREPARED = "ruvllm-prepared"
#: Repeated like those, over set B.
STRONG = ("xgrammar",)
#: Once, over set B, each until it has used up its time; schemas behind that are counted as not reached.
SLOW = ("outlines-core", "lm-format-enforcer", "xgrammar-strict")
SLOW_TOTAL_S = 480.0
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
        lanes: processes at a time.
    """

    repeat: int = 3
    every: int = 1
    slow: bool = True
    strong: bool = True
    lanes: int = 2


def jobs(options: Options, count: int) -> list[Job]:
    """What runs, in order; those that take longest begin as soon as set A is through.

    Repeats go round the engines, so that a machine that slows down slows all of them.
    """
    subset = tuple(sorted(sample.subset(count)))[:: options.every]
    everything = tuple(sorted({*range(0, count, options.every), *subset}))
    short = subset[: max(1, APPLIED // options.every)]
    set_a, set_b = [], []
    if options.slow:
        limits = Limits(total_seconds=SLOW_TOTAL_S)
        set_b += [Job(name, "shared", "B", subset, 0, limits) for name in SLOW]
    set_a += [Job(PREPARED, mode, "A", everything, 0) for mode in ("shared", "fresh")]
    for repeat in range(options.repeat):
        set_a += [Job(name, mode, "A", everything, repeat) for mode in ("shared", "fresh") for name in FAST]
        set_a += [Job(name, "apply", "B", short, repeat) for name in FAST]
        if options.strong:
            set_b += [Job(name, "shared", "B", subset, repeat) for name in (*STRONG, *FAST)]
            set_b += [Job(name, "apply", "B", short[:: APPLIED // 10], repeat) for name in STRONG]
    return [*set_a, *set_b]


def execute(folder: Path, options: Options) -> dict[str, Any]:
    """Run what is not done yet, and return the results."""
    sample.prepare(folder, anew=True)
    listed = jobs(options, sum(1 for _ in sample.cases(folder)))
    load = facts.machine()
    warm = [
        sys.executable,
        "-m",
        "bench.cold",
        "--one",
    ]  # a process that compiles kernels keeps the compiler's memory
    subprocess.run(warm, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  our own arguments
    fingerprint = f"{facts.commit()} {facts.versions()} {options.lanes}"
    with ThreadPoolExecutor(options.lanes) as pool:
        list(pool.map(lambda job: _one(folder, job, fingerprint), listed))
    return {
        "what": "CPU time of structured-generation engines over the MaskBench sample",
        "command": command(options),
        "date": time.strftime("%Y-%m-%d"),
        "commit": facts.commit(),
        "machine": load,
        "versions": facts.versions(),
        "vocabulary": {"name": "llama3", "ids": 128_256},
        "options": {"repeat": options.repeat, "every": options.every, "lanes": options.lanes},
        **results(folder, listed),
    }


def command(options: Options) -> str:
    """What to type for the same figures; where the work lies on this machine is nobody's business."""
    words = ["python -m bench", f"--repeat {options.repeat}", f"--lanes {options.lanes}"]
    words += [f"--every {options.every}"] if options.every > 1 else []
    words += ["--no-slow"] if options.strong and not options.slow else []
    words += ["--only-fast"] if not options.strong else []
    return " ".join(words)


def _one(folder: Path, job: Job, fingerprint: str) -> None:
    if runner.done(folder, job, fingerprint):
        print(f"{job.name}: done before", flush=True)
        return
    start = time.perf_counter()
    cpu = runner.execute(folder, job, fingerprint)
    print(f"{job.name}: {time.perf_counter() - start:.0f} s, {cpu:.0f} of them CPU", flush=True)


Runs = dict[tuple[str, str, str], list[Run]]  # by engine, part, mode


def results(folder: Path, listed: list[Job]) -> dict[str, Any]:
    """Figures of finished jobs."""
    runs: Runs = {}
    for job in listed:
        runs.setdefault((job.engine, job.part, job.mode), []).append(
            records.read(runner.path_of(folder, job))
        )
    of = {part: [name for name in engines.ENGINES if (name, part, "shared") in runs] for part in ("A", "B")}
    peers = [name for name in of["B"] if name not in FAST]
    ends = [run.end for each in runs.values() for run in each if run.end]
    return {
        "clock ns": stats.rounded(max(end["clock ns"] for end in ends)),
        "settings": {end["engine"]: end["settings"] for end in ends},
        "limits": {"CPU seconds a schema": Limits().seconds, "memory MB": Limits().memory_mb},
        "coverage": {
            f"set {part}": {name: records.coverage(runs[name, part, "shared"][0]) for name in names}
            for part, names in of.items()
        },
        "memory MB": {
            f"set {part}": {name: _memory(runs[name, part, "shared"]) for name in names}
            for part, names in of.items()
        },
        "set A": compare(runs, (*FAST, PREPARED), "A", ("shared", "fresh")),
        "set B": {name: _beside(runs, name) for name in peers},
        "apply": _applied(runs),
        "slowest masks": {
            f"{name}, {mode}": _slowest(runs[name, "A", mode][0])
            for name in FAST
            for mode in ("shared", "fresh")
        },
        "curves": _curves(runs, of["B"]),
    }


def _memory(runs: list[Run]) -> dict[str, int]:
    return {"loaded": max(run.loaded_mb for run in runs), "peak": max(run.peak_mb for run in runs)}


def compare(runs: Runs, names: tuple[str, ...], part: str, modes: tuple[str, ...]) -> dict[str, Any]:
    """Engines beside each other on the tests that all of them decide rightly in all runs and modes."""
    tests = records.common(run for name in names for mode in modes for run in runs[name, part, mode])
    found: dict[str, Any] = {"schemas": len({number for number, _ in tests}), "tests": len(tests)}
    for mode in modes:
        found[mode] = {}
        for name in names:
            per_run = [records.figures(run, tests) for run in runs[name, part, mode]]
            masks = [run.get("mask us", {}) for run in per_run]
            found[mode][name] = records.medians(per_run) | {
                "runs": {at: stats.spread_of(masks, at) for at in ("p50", "p99", "p99.9", "max")}
            }
    return found


def _beside(runs: Runs, peer: str) -> dict[str, Any]:
    """A peer on set B, and this project on the same tests, with fresh grammars too (of the runs over set A)."""
    found = compare(runs, (*FAST, peer), "B", ("shared",))
    tests = records.common(run for name in (*FAST, peer) for run in runs[name, "B", "shared"])
    again = runs[FAST[0], "A", "fresh"]
    tests &= records.common(again)
    return found | {"fresh": {FAST[0]: records.medians([records.figures(run, tests) for run in again])}}


def _slowest(run: Run, count: int = 10) -> list[list[Any]]:
    """Microseconds, schema, instance and position of the slowest masks: where to look first."""
    masks = (
        [stats.rounded(mask / 1e3), record["id"], place, at]
        for record in run.schemas.values()
        for place, test in enumerate(record["tests"])
        for at, mask in enumerate(test["masks"])
    )
    return heapq.nlargest(count, masks)


def _applied(runs: Runs) -> dict[str, Any]:
    """Each engine on the schemas that it takes, and on the tokens it was given time for."""
    found = {}
    for (name, _, mode), each in runs.items():
        if mode == "apply":
            found[name] = records.medians([records.applied(run, run.taken()) for run in each])
    return {"tokens a schema": measure.APPLIED, "engines": found}


def _curves(runs: Runs, names: list[str]) -> dict[str, Any]:
    """Values at `stats.QUANTILES` of the first run: per engine on set B what it decides rightly; the fast ones on A."""
    found: dict[str, Any] = {"quantiles": list(stats.QUANTILES), "set A": {}, "set B": {}}
    modes = ("shared", "fresh")
    both = records.common(run for name in FAST for mode in modes for run in runs[name, "A", mode])
    for name in FAST:
        for mode in modes:
            found["set A"][f"{name}, {mode}"] = _curve(runs[name, "A", mode][0], both)
    for name in names:
        run = runs[name, "B", "shared"][0]
        found["set B"][name] = _curve(run, records.common([run]))
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
