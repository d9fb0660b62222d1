"""CPU time of compiling, masking and advancing over real schemas, ours alone.

    python bench/masks.py

Schemas are a seeded part of the MaskBench sample (conformance data), the vocabulary is Llama 3's (128,256 ids). Every
valid instance is tokenised greedily by longest match and followed token by token: one mask and one advance each, one
grammar per schema. First visits and repeats are not told apart; the clock itself costs about 1 us. A refused token ends
an instance (its keys stand in another order), a refused schema is counted. The peers are not in this run: the figures
say where we stand against our own targets, not who is faster.
"""

from __future__ import annotations

import argparse
import gc
import gzip
import json
import os
import platform
import random
import resource
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np

import ruvllm_grammar as rg
from ruvllm_runtime.model.encode import LongestMatchEncoder
from ruvllm_runtime.model.installed import llama3

ROOT = Path(__file__).resolve().parent
DATA = Path(os.environ.get("RUVLLM_CONFORMANCE_DATA", ROOT.parent.parent / "shared" / "data"))
SEED = 3
SHARES = {"p50": 50, "p90": 90, "p99": 99, "p99.9": 99.9, "max": 100}


def timed(times: list[float], unit: float, call: Callable[[], object]) -> object:
    """Run `call` and append its CPU time, in nanoseconds over `unit`."""
    start = time.thread_time_ns()
    result = call()
    times.append((time.thread_time_ns() - start) / unit)
    return result


def main() -> None:
    """Measure, print, and write results/masks.json."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--schemas", type=int, default=400)
    count = parser.parse_args().schemas
    sample = DATA / "maskbench-sample.jsonl.gz"
    vocabulary = llama3()
    if vocabulary is None or not sample.is_file():
        sys.exit(f"needs the package llama-models and {sample} (set RUVLLM_CONFORMANCE_DATA)")
    with gzip.open(sample, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    random.Random(SEED).shuffle(rows)
    encoder = LongestMatchEncoder(vocabulary)
    mask = rg.allocate_bitmask(1, vocabulary.size)[0]
    times: dict[str, list[float]] = {"compile ms": [], "first mask ms": [], "mask us": [], "advance us": []}
    refused = 0
    gc.collect()
    gc.freeze()
    gc.disable()
    for row in rows[:count]:
        source = rg.JsonSchema(row["schema"], formats="annotate")
        try:
            grammar = timed(times["compile ms"], 1e6, lambda source=source: rg.compile(source, vocabulary))
        except rg.RuvllmError:
            refused += 1
            continue
        matcher = grammar.matcher()
        timed(times["first mask ms"], 1e6, lambda matcher=matcher: matcher.fill_mask(mask))
        for case in row["tests"]:
            if case["valid"]:
                follow(
                    grammar.matcher(),
                    encoder.encode(json.dumps(case["data"], ensure_ascii=False)),
                    mask,
                    times,
                )
    found = {
        "what": "CPU time over real schemas: one grammar per schema, first visits and repeats together",
        "command": " ".join(["python", "bench/masks.py", *sys.argv[1:]]),
        "machine": {
            "python": platform.python_version(),
            "cores": os.cpu_count(),
            "system": platform.platform(),
        },
        "versions": {name: version(name) for name in ("ruvllm", "numba", "numpy")},
        "vocabulary": {"name": "llama3", "ids": vocabulary.size},
        "schemas": len(times["first mask ms"]),
        "refused": refused,
        "masks": len(times["mask us"]),
        "peak memory MB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "figures": {
            name: {share: round(float(np.percentile(values, at)), 3) for share, at in SHARES.items()}
            for name, values in times.items()
        },
    }
    text = json.dumps(found, indent=1)
    (ROOT / "results" / "masks.json").write_text(text + "\n", encoding="utf-8")
    print(text)


def follow(matcher: rg.Matcher, tokens: list[int], mask: np.ndarray, times: dict[str, list[float]]) -> None:
    """Mask and advance along one instance."""
    for token in tokens:
        timed(times["mask us"], 1e3, lambda: matcher.fill_mask(mask))
        if not (int(mask[token >> 5]) >> (token & 31)) & 1:
            return
        timed(times["advance us"], 1e3, lambda token=token: matcher.accept(token))


if __name__ == "__main__":
    main()
