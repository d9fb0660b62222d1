"""Time per token with and without a grammar, on the same model in the same run.

    python bench/latency.py

Four ways to decode the same number of tokens, one after the other, in an order that rotates:

    forced        constrained; tokens the grammar leaves no choice about skip the model
    unforced      constrained; the model is asked for every token
    free          no grammar; special tokens masked, same sampler
    bare          no grammar, no mask, no sampler: a forward pass and an argmax, which is what remains of a decode loop

The model is a randomly initialised Llama: its time per pass is that of a trained one of the same shape. It writes
noise, so strings run to their limits; the schemas bound them. Every constrained document is validated, and an invalid
one stops the run: a wrong answer has no time.

Bias: random text meets the grammar's exits more often than a trained model's would, and uses the rare rows; a larger
model makes every ratio closer to 1, or, with forcing, closer to the share of tokens that are not forced.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

import ruvllm_grammar as rg
from ruvllm_runtime.cli.demo import CASES, invalid
from ruvllm_runtime.cli.schemas import shipped_schema
from ruvllm_runtime.decode import Constraint, Sampler, Sequence, TextStream, decode
from ruvllm_runtime.decode.masking import free_row
from ruvllm_runtime.decode.stop import StopStrings
from ruvllm_runtime.model import CausalModel, Row, random_model
from ruvllm_runtime.model.installed import llama3
from ruvllm_runtime.request import SamplingParams

RESULTS = Path(__file__).resolve().parent / "results" / "latency.json"
MODES = ("forced", "unforced", "free", "bare")
MAX_TOKENS = 256


@dataclass(frozen=True, slots=True)
class Run:
    """One decoding of one document.

    Attributes:
        schema: name of the schema.
        seed: of the sampling.
        mode: one of `MODES`.
        tokens: tokens generated.
        passes: forward passes, prefill not counted.
        seconds: from the end of the prefill to the last token.
        steps_ms: time of each round, in milliseconds.
    """

    schema: str
    seed: int
    mode: str
    tokens: int
    passes: int
    seconds: float
    steps_ms: list[float]

    @property
    def ms_per_token(self) -> float:
        """Milliseconds per generated token."""
        return 1e3 * self.seconds / self.tokens


def main() -> None:
    """Measure, print a table, write the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, default=1, help="torch threads (default 1)")
    parser.add_argument("--repeat", type=int, default=5, help="documents per schema (default 5)")
    parser.add_argument("--hidden", type=int, default=384, help="hidden size (default 384)")
    parser.add_argument("--layers", type=int, default=8, help="layers (default 8)")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    console = Console(stderr=True, width=110)
    vocabulary = llama3()
    if vocabulary is None:
        sys.exit(
            "bench/latency.py needs the 128k vocabulary of the package llama-models: pip install llama-models"
        )
    model = random_model(
        vocabulary, hidden=options.hidden, layers=options.layers, heads=6, kv_heads=2, tied=True, context=4096
    )
    parameters = sum(weight.numel() for weight in model.model.parameters())
    console.print(f"{parameters / 1e6:.1f} million random parameters, {vocabulary.size:,} ids")
    rows = measure(model, repeat=options.repeat)
    report = {
        "what": "milliseconds per token with and without a grammar",
        "command": " ".join(["python", "bench/latency.py", *sys.argv[1:]]),
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "versions": {name: version(name) for name in ("ruvllm", "torch", "transformers", "numba", "numpy")},
        "torch_threads": options.threads,
        "model": {
            "parameters": parameters,
            "hidden": options.hidden,
            "layers": options.layers,
            "vocabulary": "llama3",
            "ids": vocabulary.size,
            "dtype": "float32",
        },
        "sampling": asdict(SamplingParams()),
        "summary": summary(rows),
        "schemas": {
            case.schema: summary([row for row in rows if row.schema == case.schema]) for case in CASES
        },
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    console.print(table(report["summary"]))
    console.print(
        f"written to {RESULTS.relative_to(Path.cwd()) if RESULTS.is_relative_to(Path.cwd()) else RESULTS}"
    )


@dataclass(frozen=True, slots=True)
class Job:
    """One schema on one model.

    Attributes:
        model: the model.
        schema: name of the schema.
        prompt: token ids.
        grammar: the schema, compiled.
        free_row: the row of unconstrained text.
    """

    model: CausalModel
    schema: str
    prompt: list[int]
    grammar: rg.CompiledGrammar
    free_row: rg.Row


def measure(model: CausalModel, *, repeat: int) -> list[Run]:
    """Every schema and seed in every mode; the order of the modes rotates. The first seed is a warm-up, not kept."""
    free = free_row(model.vocabulary, frozenset())
    jobs = [
        Job(
            model,
            case.schema,
            model.encode(case.prompt),
            rg.compile(rg.JsonSchema(shipped_schema(case.schema), whitespace="spaced"), model.vocabulary),
            free,
        )
        for case in CASES
    ]
    rows: list[Run] = []
    for seed in track(
        range(repeat + 1), description="measuring", console=Console(stderr=True), transient=True
    ):
        for job in jobs:
            length = constrained(job, seed=seed, force=True).tokens
            found = {}
            for at in range(len(MODES)):
                mode = MODES[(seed + at) % len(MODES)]
                if mode == "bare":
                    found[mode] = bare(job, length, seed=seed)
                elif mode == "free":
                    found[mode] = timed(job, sequence(job, length, seed=seed), mode, seed=seed)
                else:
                    found[mode] = constrained(job, seed=seed, force=mode == "forced")
            rows += found.values() if seed else ()
    return rows


def constrained(job: Job, *, seed: int, force: bool) -> Run:
    """A document, timed and validated."""
    constraint = Constraint(job.grammar, MAX_TOKENS)
    made = sequence(job, MAX_TOKENS, seed=seed, constraint=constraint, force=force)
    run = timed(job, made, "forced" if force else "unforced", seed=seed)
    error = invalid(made.text.text, shipped_schema(job.schema))
    if error is not None:
        sys.exit(f"{job.schema}, seed {seed}: {made.text.text!r} is invalid: {error}")
    return run


def sequence(
    job: Job, length: int, *, seed: int, constraint: Constraint | None = None, force: bool = False
) -> Sequence:
    """A request for the decode loop; without a grammar no token ends it, so that it makes exactly `length`."""
    vocabulary = job.model.vocabulary
    return Sequence(
        tuple(job.prompt),
        vocabulary=vocabulary,
        cache=job.model.new_cache(),
        sampler=Sampler(SamplingParams(seed=seed)),
        text=TextStream(StopStrings(())),
        max_tokens=length,
        stop_tokens=frozenset() if constraint is None else vocabulary.eos,
        constraint=constraint,
        free_row=job.free_row,
        force=force,
    )


def timed(job: Job, made: Sequence, mode: str, *, seed: int) -> Run:
    """Run a sequence to its end. The first step, which holds the prefill, is not counted; nor are its tokens."""
    steps = decode(job.model, [made])
    first = next(steps)
    times = [time.perf_counter()]
    times += [time.perf_counter() for _ in steps]
    rounds = [1e3 * (after - before) for before, after in pairwise(times)]
    tokens = max(1, len(made.tokens) - len(first.tokens))
    return Run(job.schema, seed, mode, tokens, made.clock.forward_passes, times[-1] - times[0], rounds)


def bare(job: Job, length: int, *, seed: int) -> Run:
    """A forward pass and an argmax per token."""
    cache = job.model.new_cache()
    token = int(job.model.prefill(cache, job.prompt).numpy().argmax())
    times = [time.perf_counter()]
    for _ in range(length - 1):
        token = int(job.model.step([Row(cache, [token])])[0].numpy().argmax())
        times.append(time.perf_counter())
    rounds = [1e3 * (after - before) for before, after in pairwise(times)]
    return Run(job.schema, seed, "bare", max(1, length - 1), length - 1, times[-1] - times[0], rounds)


def summary(rows: list[Run]) -> dict[str, dict[str, float]]:
    """Per mode: time per token (median and spread over documents), per round, and ratios to the unconstrained.

    Ratios are medians over documents of the time in one mode to the time in another, measured one after the other: what
    else the machine was doing then slowed both.
    """
    found: dict[str, dict[str, float]] = {}
    for mode in MODES:
        runs = [row for row in rows if row.mode == mode]
        per_token = sorted(row.ms_per_token for row in runs)
        rounds = sorted(step for row in runs for step in row.steps_ms)
        found[mode] = {
            "documents": len(runs),
            "tokens": sum(row.tokens for row in runs),
            "forward_passes": sum(row.passes for row in runs),
            "ms_per_token_p50": round(statistics.median(per_token), 3),
            "ms_per_token_p10": round(quantile(per_token, 0.1), 3),
            "ms_per_token_p90": round(quantile(per_token, 0.9), 3),
            "ms_per_round_p50": round(quantile(rounds, 0.5), 3),
            "ms_per_round_p90": round(quantile(rounds, 0.9), 3),
            "ms_per_round_p99": round(quantile(rounds, 0.99), 3),
        }
    per_token_of = {(row.mode, row.schema, row.seed): row.ms_per_token for row in rows}
    for mode in MODES:
        for other in ("free", "bare"):
            pairs = [
                value / per_token_of[other, schema, seed]
                for (which, schema, seed), value in per_token_of.items()
                if which == mode
            ]
            found[mode][f"ratio_to_{other}"] = round(statistics.median(pairs), 4)
    return found


def quantile(values: list[float], share: float) -> float:
    """Nearest-rank quantile of sorted values."""
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0


def table(found: dict[str, dict[str, float]]) -> Table:
    """The summary for people."""
    shown = Table(title="milliseconds per token")
    shown.add_column("mode")
    for title in ("p50", "p10", "p90", "round p50", "round p99", "tokens", "passes", "vs free", "vs bare"):
        shown.add_column(title, justify="right")
    for mode, row in found.items():
        shown.add_row(
            mode,
            f"{row['ms_per_token_p50']:.2f}",
            f"{row['ms_per_token_p10']:.2f}",
            f"{row['ms_per_token_p90']:.2f}",
            f"{row['ms_per_round_p50']:.2f}",
            f"{row['ms_per_round_p99']:.2f}",
            f"{row['tokens']:,}",
            f"{row['forward_passes']:,}",
            f"{row['ratio_to_free']:.3f}",
            f"{row['ratio_to_bare']:.3f}",
        )
    return shown


def machine() -> dict[str, object]:
    """What the figures depend on."""
    facts: dict[str, object] = {
        "system": platform.platform(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
    }
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.partition(":")[2].strip()
            for line in cpuinfo.read_text().splitlines()
            if "model name" in line
        ]
        facts["cpu"] = names[0] if names else "unknown"
    return facts


if __name__ == "__main__":
    main()
