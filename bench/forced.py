"""Over real documents: passes that forced text saves, and what mask, apply and advance cost when rows are known.

    python -m bench.forced                   # about two minutes

Valid instances of a seeded part of the sample are followed in the tokens of Llama 3's own tokenizer, each twice.

*Forced.* Wherever the grammar leaves one text, its tokens (`Matcher.forced`) are compared with those of the document.
Equal ones are saved: the decode loop appends them without a pass. Different ones would be a split the model does not
make; they are counted, and the document's own tokens followed. A place with one legal token is saved, too.

*Apply.* On the second way, CPU time of the parts of a decode step: the row (`Matcher.legal`), minus infinity over the
others in 128,256 logits of a dtype (or, where few tokens are legal, gathering their logits instead), `Matcher.accept`.

*Batches.* Wall time of `rg.fill_bitmask` along documents of n different grammars, each compiled anew, so that most rows
are new: with the caller's thread alone, and with a thread for each core.

Bias: the documents stand in JSON's compact or usual writing, which a model may not choose; one grammar per schema.
"""

from __future__ import annotations

import argparse
import gc
import gzip
import json
import random
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import torch

import ruvllm_grammar as rg
from bench import facts, sample, stats
from ruvllm_runtime.decode import masking
from ruvllm_runtime.model.installed import llama3

RESULTS = Path(__file__).resolve().parent / "results" / "forced.json"
WRITINGS: dict[Literal["compact", "flexible"], tuple[str, str]] = {
    "compact": (",", ":"),
    "flexible": (", ", ": "),
}
BATCHES = (4, 8, 16, 32)
FOLLOWED = 60  # tokens of each document of a batch
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def main() -> None:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--schemas", type=int, default=150)
    parser.add_argument("--dry", action="store_true", help="write no results")
    options = parser.parse_args()
    vocabulary = llama3()
    if vocabulary is None or not sample.source().is_file():
        sys.exit(f"needs the package llama-models and {sample.source()} (set RUVLLM_CONFORMANCE_DATA)")
    torch.set_num_threads(1)
    with gzip.open(sample.source(), "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    random.Random(sample.SEED).shuffle(rows)
    rows = rows[: options.schemas]
    gc.freeze()
    gc.disable()
    found = {
        "what": "forward passes saved by forced text; microseconds of CPU time of mask, apply and advance, rows known",
        "command": " ".join(["python", "-m", "bench.forced", *sys.argv[1:]]),
        "commit": facts.commit(),
        "machine": facts.machine(),
        "versions": facts.versions(("ruvllm", "torch", "numba", "numpy")),
        "schemas": len(rows),
        "saved": {
            writing: saved(vocabulary, list(documents(vocabulary, rows, writing))) for writing in WRITINGS
        },
        "apply": {
            name: applied(vocabulary, list(documents(vocabulary, rows, "flexible")), dtype)
            for name, dtype in DTYPES.items()
        },
    }
    found["batches, ms"] = {
        str(size): batch(vocabulary, rows, size) for size in BATCHES if len(rows) >= 2 * size
    }
    text = json.dumps(found, indent=1)
    print(text)
    if not options.dry:
        RESULTS.write_text(text + "\n", encoding="utf-8")


def documents(
    vocabulary: rg.Vocabulary, rows: list[dict[str, Any]], writing: Literal["compact", "flexible"]
) -> Iterator[tuple[rg.CompiledGrammar, list[int]]]:
    """Grammars, and the valid instances of each as tokens."""
    if vocabulary.encode is None:
        msg = "the vocabulary does not know its tokenizer"
        raise ValueError(msg)
    for row in rows:
        source = rg.JsonSchema(row["schema"], formats="annotate", whitespace=writing)
        try:
            grammar = rg.compile(source, vocabulary)
        except rg.RuvllmError:
            continue
        for test in row["tests"]:
            if test["valid"]:
                text = json.dumps(test["data"], ensure_ascii=False, separators=WRITINGS[writing])
                yield grammar, list(vocabulary.encode(text))


def batch(vocabulary: rg.Vocabulary, rows: list[dict[str, Any]], size: int) -> dict[str, float]:
    """Medians over several batches of the wall time of all masks, in milliseconds, by number of threads."""
    times: dict[str, list[float]] = {"one thread": [], "all threads": []}
    for start in range(0, min(len(rows), 6 * size) - size + 1, size):
        for name in sorted(times, reverse=bool(start // size % 2)):
            chosen: dict[int, tuple[rg.Matcher, list[int]]] = {}
            for grammar, tokens in documents(vocabulary, rows[start : start + size], "flexible"):
                chosen.setdefault(id(grammar), (grammar.matcher(), tokens[:FOLLOWED]))
            times[name].append(
                _filled(vocabulary, list(chosen.values()), 1 if name == "one thread" else None)
            )
    return {name: stats.rounded(statistics.median(values)) for name, values in times.items()}


def _filled(
    vocabulary: rg.Vocabulary, batch: list[tuple[rg.Matcher, list[int]]], threads: int | None
) -> float:
    spent = 0.0
    for at in range(FOLLOWED):
        batch = [(matcher, tokens) for matcher, tokens in batch if at < len(tokens)]
        mask = rg.allocate_bitmask(len(batch), vocabulary.size)
        started = time.perf_counter()
        rg.fill_bitmask([matcher for matcher, _ in batch], mask, threads=threads)
        spent += time.perf_counter() - started
        for matcher, tokens in batch:
            try:
                matcher.accept(tokens[at])
            except rg.MatchError:
                tokens.clear()
    return 1e3 * spent


def saved(vocabulary: rg.Vocabulary, wanted: list[tuple[rg.CompiledGrammar, list[int]]]) -> dict[str, float]:
    """Shares of the tokens of all documents that could be followed to their ends, the end token included."""
    counts: dict[str, int] = defaultdict(int)
    for grammar, tokens in wanted:
        here: dict[str, int] = defaultdict(int)
        matcher, at = grammar.matcher(), 0
        try:
            while at < len(tokens):
                found = matcher.forced()
                if found and found == tokens[at : at + len(found)]:
                    here["forced"] += len(found)
                else:
                    here["other splits"] += bool(found)
                    here["single"] += matcher.legal().count == 1
                    found = tokens[at : at + 1]
                for token in found:
                    matcher.accept(token)
                at += len(found)
        except rg.MatchError:  # members in another order than the schema's
            continue
        here["single"] += vocabulary.eos.issuperset(_few(matcher.legal()))
        here["tokens"] = len(tokens) + 1
        here["documents"] = 1
        for name, number in here.items():
            counts[name] += number
    total = counts["tokens"]
    return {
        "documents": counts["documents"],
        "tokens": total,
        "forced share": stats.rounded(counts["forced"] / total),
        "single legal token or end share": stats.rounded(counts["single"] / total),
        "passes saved share": stats.rounded((counts["forced"] + counts["single"]) / total),
        "splits the tokenizer would not make": counts["other splits"],
    }


def _few(row: rg.Row) -> list[int]:
    """The legal tokens of a row, or one that is no end token where there are many."""
    return row.ids.tolist() if row.form == "few" else [-1]


@torch.inference_mode()
def applied(
    vocabulary: rg.Vocabulary, wanted: list[tuple[rg.CompiledGrammar, list[int]]], dtype: torch.dtype
) -> dict[str, stats.Figures]:
    """CPU microseconds of each part on the second way through a document; the clock's own share is in `clock`."""
    clock = time.thread_time_ns
    fresh = torch.randn(vocabulary.size).to(dtype)
    times: dict[str, list[float]] = defaultdict(list)
    for grammar, tokens in wanted:
        for again in (False, True):
            matcher = grammar.matcher()
            try:
                for token in tokens:
                    logits = fresh.clone()
                    marks = [clock(), clock()]
                    row = matcher.legal()
                    marks.append(clock())
                    masking.apply_row(logits, row)
                    marks.append(clock())
                    if row.form == "few":
                        masking.gather(fresh, row)
                    marks.append(clock())
                    matcher.accept(token)
                    marks.append(clock())
                    if again:
                        _note(times, row.form, [(b - a) / 1e3 for a, b in pairwise(marks)])
            except rg.MatchError:
                break
    return {name: stats.figures(values) for name, values in times.items()}


def _note(times: dict[str, list[float]], form: str, parts: list[float]) -> None:
    tick, mask, write, gather, advance = parts
    times["clock"].append(tick)
    times["mask"].append(mask)
    times["advance"].append(advance)
    times[f"apply in place, {form}"].append(write)
    if form == "few":
        times["gather, few"].append(gather)
    times["mask + apply in place + advance"].append(mask + write + advance)
    times["mask + apply or gather + advance"].append(mask + (gather if form == "few" else write) + advance)


if __name__ == "__main__":
    main()
