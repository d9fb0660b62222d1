"""Time per token with and without a grammar, on the same model in the same run.

    python -m bench.latency                  # about seven minutes

*One sequence.* Four ways to decode the same number of tokens, one after the other, in an order that rotates:

    forced        constrained; tokens the grammar leaves no choice about skip the model
    unforced      constrained; the model is asked for every token
    free          no grammar; special tokens masked, same sampler
    bare          no grammar, no mask, no sampler: a forward pass and an argmax, which is what remains of a decode loop

*Batches.* Tokens per second and peak memory of 1, 8 and 32 sequences at once, in the first three ways.

*Other vocabularies.* The first part again, shorter, with models as wide as Tekken, Qwen and a SentencePiece vocabulary.

The parts have their shares of the time; each does at least one round.

The model is a randomly initialised Llama: its time per pass is that of a trained one of the same shape. It writes
noise, so strings run to their limits; the schemas bound them. Every constrained document is validated, and an invalid
one stops the run: a wrong answer has no time.

Bias: random text meets the grammar's exits more often than a trained model's would, and uses the rare rows; a model
that is asked for every token spells names in small pieces, so documents without forcing have more tokens than with
(`forced` is compared by token, which hides that, and by document, which shows it); a larger model makes every ratio
closer to 1, or, with forcing, closer to the share of tokens that are not forced.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import torch

import ruvllm_grammar as rg
from bench import facts
from ruvllm_runtime.cli.demo import CASES, invalid
from ruvllm_runtime.cli.schemas import shipped_schema
from ruvllm_runtime.decode import Constraint, Sampler, Sequence, TextStream, decode
from ruvllm_runtime.decode.masking import free_row
from ruvllm_runtime.decode.stop import StopStrings
from ruvllm_runtime.model import CausalModel, Row, random_model
from ruvllm_runtime.model.installed import llama3, mistral_sentencepiece, qwen, tekken
from ruvllm_runtime.request import SamplingParams

RESULTS = Path(__file__).resolve().parent / "results" / "latency.json"
MODES = ("forced", "unforced", "free", "bare")
MAX_TOKENS = 128
BATCHES = (1, 8, 32)
BATCH_TOKENS = 64  # per sequence
OTHERS: dict[str, Callable[[], rg.Vocabulary | None]] = {
    "tekken": tekken,
    "qwen": qwen,
    "sentencepiece": mistral_sentencepiece,
}
#: Shares of the time given to one sequence, batches, and each other vocabulary.
SHARES = (0.45, 0.2, 0.05)


@dataclass(frozen=True, slots=True)
class Shape:
    """Hidden size and layers of the model."""

    hidden: int
    layers: int


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


@dataclass(frozen=True, slots=True)
class Job:
    """One schema on one model.

    Attributes:
        model: the model.
        schema: name of the schema.
        prompt: token ids.
        grammar: the schema, compiled, compact.
        free_row: the row of unconstrained text.
    """

    model: CausalModel
    schema: str
    prompt: list[int]
    grammar: rg.CompiledGrammar
    free_row: rg.Row


def main() -> None:
    """Measure, print the summaries, write the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, default=1, help="torch threads (default 1)")
    parser.add_argument("--minutes", type=float, default=7.0, help="time to measure (default 7)")
    parser.add_argument("--hidden", type=int, default=512, help="hidden size (default 512)")
    parser.add_argument("--layers", type=int, default=13, help="layers (default 13)")
    parser.add_argument("--dry", action="store_true", help="write no results")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    vocabulary = llama3()
    if vocabulary is None:
        sys.exit("needs the 128k vocabulary of the package llama-models: pip install llama-models")
    gc.freeze()
    seconds = 60 * options.minutes
    shape = Shape(options.hidden, options.layers)
    model = made(vocabulary, shape)
    jobs = jobs_of(model)
    report: dict[str, Any] = {
        "what": "milliseconds per token with and without a grammar",
        "command": " ".join(["python", "-m", "bench.latency", *sys.argv[1:]]),
        "date": time.strftime("%Y-%m-%d"),
        "commit": facts.commit(),
        "machine": facts.machine(),
        "versions": facts.versions(("ruvllm", "torch", "transformers", "numba", "numpy")),
        "torch_threads": options.threads,
        "model": {**described(model), **asdict(shape), "dtype": "float32"},
        "whitespace": "compact",
        "sampling": asdict(SamplingParams()),
    }
    rows = measure(jobs, seconds=SHARES[0] * seconds)
    report["one sequence"] = shown("llama3", summary(rows))
    report["schemas"] = {
        job.schema: summary([row for row in rows if row.schema == job.schema]) for job in jobs
    }
    report["batches"] = batches(jobs, seconds=SHARES[1] * seconds)
    del model, jobs
    report["other vocabularies"] = others(shape, seconds=SHARES[2] * seconds)
    text = json.dumps(report, indent=1)
    if options.dry:
        print(text)
        return
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(text + "\n", encoding="utf-8")
    print(f"written to {RESULTS}")


def made(vocabulary: rg.Vocabulary, shape: Shape) -> CausalModel:
    """A random Llama as wide as a vocabulary."""
    return random_model(
        vocabulary, hidden=shape.hidden, layers=shape.layers, heads=8, kv_heads=2, tied=True, context=4096
    )


def described(model: CausalModel) -> dict[str, int]:
    """Its size."""
    parameters = sum(weight.numel() for weight in model.model.parameters())
    return {"parameters": parameters, "ids": model.vocabulary.size}


def jobs_of(model: CausalModel) -> list[Job]:
    """Every schema of the demonstration, compiled."""
    free = free_row(model.vocabulary, frozenset())
    return [
        Job(
            model,
            case.schema,
            model.encode(case.prompt),
            rg.compile(rg.JsonSchema(shipped_schema(case.schema), whitespace="compact"), model.vocabulary),
            free,
        )
        for case in CASES
    ]


def measure(jobs: list[Job], *, seconds: float) -> list[Run]:
    """Schemas and seeds in every mode, for so long; the order of the modes rotates. The first document is a warm-up."""
    started = time.perf_counter()
    rows: list[Run] = []
    length = constrained(jobs[0], seed=0, force=True).tokens
    for turn in count():
        job, seed = jobs[turn % len(jobs)], 1 + turn // len(jobs)
        for at in range(len(MODES)):
            mode = MODES[(turn + seed + at) % len(MODES)]
            if mode == "bare":
                rows.append(bare(job, length, seed=seed))
            elif mode == "free":
                rows.append(timed(job, sequence(job, length, seed=seed), mode, seed=seed))
            else:
                rows.append(constrained(job, seed=seed, force=mode == "forced"))
                length = max(8, rows[-1].tokens)
        if time.perf_counter() - started >= seconds:
            break
    return rows


def constrained(job: Job, *, seed: int, force: bool) -> Run:
    """A document, timed and validated."""
    constraint = Constraint(job.grammar, MAX_TOKENS)
    document = sequence(job, MAX_TOKENS, seed=seed, constraint=constraint, force=force)
    run = timed(job, document, "forced" if force else "unforced", seed=seed)
    checked(job, document)
    return run


def checked(job: Job, document: Sequence) -> None:
    """Stop at an invalid document."""
    error = invalid(document.text.text, shipped_schema(job.schema))
    if error is not None:
        sys.exit(f"{job.schema}: {document.text.text!r} is invalid: {error}")


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


def timed(job: Job, document: Sequence, mode: str, *, seed: int) -> Run:
    """Run a sequence to its end. The first step, which holds the prefill, is not counted; nor are its tokens."""
    steps = decode(job.model, [document])
    first = next(steps)
    times = [time.perf_counter()]
    times += [time.perf_counter() for _ in steps]
    rounds = [1e3 * (after - before) for before, after in pairwise(times)]
    tokens = max(1, len(document.tokens) - len(first.tokens))
    return Run(job.schema, seed, mode, tokens, document.clock.forward_passes, times[-1] - times[0], rounds)


def bare(job: Job, length: int, *, seed: int) -> Run:
    """A forward pass and an argmax per token."""
    cache = job.model.new_cache()
    token = int(job.model.prefill(cache, job.prompt).numpy().argmax())
    times = [time.perf_counter()]
    for _ in range(max(1, length - 1)):
        token = int(job.model.step([Row(cache, [token])])[0].numpy().argmax())
        times.append(time.perf_counter())
    rounds = [1e3 * (after - before) for before, after in pairwise(times)]
    return Run(job.schema, seed, "bare", len(rounds), len(rounds), times[-1] - times[0], rounds)


def summary(rows: list[Run]) -> dict[str, dict[str, float]]:
    """Per mode: time per token (median and spread over documents), per document, per round, and ratios.

    Ratios are medians over documents of the time per token in one mode to that in another, measured one after the
    other: what else the machine was doing then slowed both. `document_ratio_to_unforced` is of
    whole documents, all together.
    """
    found: dict[str, dict[str, float]] = {}
    for mode in MODES:
        runs = [row for row in rows if row.mode == mode]
        per_token = sorted(row.ms_per_token for row in runs)
        rounds = sorted(step for row in runs for step in row.steps_ms)
        tokens, passes = sum(row.tokens for row in runs), sum(row.passes for row in runs)
        found[mode] = {
            "documents": len(runs),
            "tokens": tokens,
            "forward_passes": passes,
            "passes_saved": round(1 - passes / max(1, tokens), 4),
            "ms_per_token_p50": round(statistics.median(per_token), 3) if per_token else 0.0,
            "ms_per_token_p10": round(quantile(per_token, 0.1), 3),
            "ms_per_token_p90": round(quantile(per_token, 0.9), 3),
            "ms_per_round_p50": round(quantile(rounds, 0.5), 3),
            "ms_per_round_p90": round(quantile(rounds, 0.9), 3),
            "ms_per_round_p99": round(quantile(rounds, 0.99), 3),
            "ms_per_document": round(1e3 * sum(row.seconds for row in runs) / max(1, len(runs)), 1),
        }
    per_token_of = {(row.mode, row.schema, row.seed): row.ms_per_token for row in rows}
    for mode in MODES:
        for other in ("unforced", "free", "bare"):
            pairs = [
                value / per_token_of[other, schema, seed]
                for (which, schema, seed), value in per_token_of.items()
                if which == mode
            ]
            found[mode][f"ratio_to_{other}"] = round(statistics.median(pairs), 4) if pairs else 0.0
        whole = found["unforced"]["ms_per_document"]
        ratio = found[mode]["ms_per_document"] / whole if whole else 0.0
        found[mode]["document_ratio_to_unforced"] = round(ratio, 4)
    return found


def batches(jobs: list[Job], *, seconds: float) -> dict[str, dict[str, dict[str, float]]]:
    """Tokens per second (median of the rounds there was time for) and peak memory, by batch size and mode."""
    started = time.perf_counter()
    rates: dict[tuple[int, str], list[float]] = {}
    peaks: dict[tuple[int, str], list[float]] = {}
    seed = 0
    while seed < 1 or time.perf_counter() - started < 0.5 * seconds:
        seed += 1
        for size in BATCHES:
            lengths: list[int] = []
            for mode in ("unforced", "free", "forced"):
                rate, peak, made_tokens = batch(jobs, size, mode, lengths, seed=seed)
                lengths = lengths or made_tokens
                rates.setdefault((size, mode), []).append(rate)
                peaks.setdefault((size, mode), []).append(peak)
    return {
        str(size): {
            mode: {
                "tokens_per_second": round(statistics.median(rates[size, mode]), 2),
                "ratio_to_free": round(
                    statistics.median(rates[size, mode]) / statistics.median(rates[size, "free"]), 4
                ),
                "peak_memory_MB": round(max(peaks[size, mode])),
                "rounds": len(rates[size, mode]),
            }
            for mode in ("forced", "unforced", "free")
        }
        for size in BATCHES
    }


def batch(
    jobs: list[Job], size: int, mode: str, lengths: list[int], *, seed: int
) -> tuple[float, float, list[int]]:
    """Tokens per second behind the prefills, peak memory in MB, tokens of each sequence.

    Without a grammar, sequences are as long as those of the constrained batch.
    """
    chosen = [jobs[(seed + at) % len(jobs)] for at in range(size)]
    made_here = [
        sequence(job, lengths[at], seed=at)
        if mode == "free"
        else sequence(
            job,
            BATCH_TOKENS,
            seed=at,
            constraint=Constraint(job.grammar, BATCH_TOKENS),
            force=mode == "forced",
        )
        for at, job in enumerate(chosen)
    ]
    reset_peak()
    steps = decode(chosen[0].model, made_here, max_rows=size)
    before = sum(len(next(steps).tokens) for _ in range(size))
    started = time.perf_counter()
    for _ in steps:
        pass
    seconds = time.perf_counter() - started
    if mode != "free":
        for job, document in zip(chosen, made_here, strict=True):
            checked(job, document)
    tokens = [len(document.tokens) for document in made_here]
    return (sum(tokens) - before) / seconds, peak_memory(), tokens


def reset_peak() -> None:
    """Let the kernel forget the highest memory use so far, where it can (Linux)."""
    gc.collect()
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        print("peak memory cannot be reset here: figures are of the whole run so far", file=sys.stderr)


def peak_memory() -> float:
    """Highest resident memory since `reset_peak`, in MB; 0 where the kernel does not say."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def others(shape: Shape, *, seconds: float) -> dict[str, Any]:
    """The first part with other vocabularies, `seconds` each; None for those whose package is not installed."""
    found: dict[str, Any] = {}
    for name, read in OTHERS.items():
        vocabulary = read()
        if vocabulary is None:
            found[name] = None
            continue
        model = made(vocabulary, shape)
        rows = measure(jobs_of(model)[:3], seconds=seconds)
        found[name] = {**described(model), **shown(name, summary(rows))}
    return found


def shown(name: str, found: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Print the ratios of a summary."""
    for mode, row in found.items():
        ratios = "  ".join(
            f"{other} {row['ratio_to_' + other]:.3f}" for other in ("unforced", "free", "bare")
        )
        saved = row["passes_saved"]
        print(
            f"{name:14} {mode:9} {row['ms_per_token_p50']:8.2f} ms/token, of {ratios}; passes saved {saved:.3f}",
            flush=True,
        )
    return found


def quantile(values: list[float], share: float) -> float:
    """Nearest-rank quantile of sorted values."""
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0


if __name__ == "__main__":
    main()
