"""CPU time of compiling a schema and filling its first mask, over the whole MaskBench sample, ours alone.

    python bench/compile.py

Every schema once, in the order of the sample, into Llama 3's vocabulary (128,256 ids) with the default options:
reading, checking, emitting what the first mask enters, and the mask itself. What belongs to the machine or to the
vocabulary is warm (kernels, the trie, the frames of plain strings); what belongs to a schema is cold, except rows and
automata that earlier schemas of the run share with it, as they would in a server. A refusal counts as an answer and is
timed apart.
"""

from __future__ import annotations

import argparse
import gc
import gzip
import json
import os
import platform
import resource
import sys
import time
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import numpy as np

import ruvllm_grammar as rg
from ruvllm_runtime.model.installed import llama3

ROOT = Path(__file__).resolve().parent
DATA = Path(os.environ.get("RUVLLM_CONFORMANCE_DATA", ROOT.parent.parent / "shared" / "data"))
SHARES = {"p50": 50, "p90": 90, "p99": 99, "p99.9": 99.9, "max": 100}
WARM = (
    True,
    {"type": "object", "properties": {"a": {"type": "string", "maxLength": 9}}},
    {"pattern": "^[a-z]+$"},
)
LONGEST_S, LARGEST_MB = 5.0, 1024


def main() -> None:
    """Measure, print, and write results/compile.json."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--worst", type=int, default=20, help="how many of the slowest to list")
    parser.add_argument("--dry", action="store_true", help="print only")
    arguments = parser.parse_args()
    sample = DATA / "maskbench-sample.jsonl.gz"
    vocabulary = llama3()
    if vocabulary is None or not sample.is_file():
        sys.exit(f"needs the package llama-models and {sample} (set RUVLLM_CONFORMANCE_DATA)")
    with gzip.open(sample, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    mask = rg.allocate_bitmask(1, vocabulary.size)[0]
    for schema in WARM:
        rg.compile(rg.JsonSchema(schema), vocabulary).matcher().fill_mask(mask)
    before = peak_mb()
    gc.collect()
    gc.freeze()
    gc.disable()
    outcomes: Counter[str] = Counter()
    guarded = 0
    done: list[tuple[float, float, str, float]] = []
    refused: list[float] = []
    for row in rows:
        held = peak_mb()
        start = time.thread_time()
        read = start
        try:
            grammar = rg.compile(rg.JsonSchema(row["schema"]), vocabulary)
            read = time.thread_time()
            grammar.matcher().fill_mask(mask)
        except rg.RuvllmError as error:
            outcomes[type(error).__name__] += 1
            refused.append((time.thread_time() - start) * 1e3)
            continue
        spent = time.thread_time() - start
        outcomes["compiled"] += 1
        guarded += bool(grammar.guards)
        done.append((spent * 1e3, (read - start) * 1e3, row["id"], peak_mb() - held))
    total = [each[0] for each in done]
    found = {
        "what": "CPU ms of compile plus first mask, each schema once, default options",
        "command": " ".join(["python", "bench/compile.py", *sys.argv[1:]]),
        "machine": {
            "python": platform.python_version(),
            "cores": os.cpu_count(),
            "system": platform.platform(),
            "load before": round(os.getloadavg()[0], 1),
        },
        "versions": {name: version(name) for name in ("ruvllm", "numba", "numpy")},
        "vocabulary": {"name": "llama3", "ids": vocabulary.size},
        "schemas": len(rows),
        "outcomes": dict(outcomes.most_common()),
        "guarded": guarded,
        "peak memory MB": {"before the first schema": before, "after the last": peak_mb()},
        "above 5 s or 1 GB": [name for ms, _, name, mb in done if ms > LONGEST_S * 1e3 or mb > LARGEST_MB],
        "figures": {
            "compile plus first mask": shares(total),
            "compile": shares([each[1] for each in done]),
            "first mask": shares([each[0] - each[1] for each in done]),
            "refusal": shares(refused),
        },
        "worst": [
            {"schema": name, "ms": round(ms, 1), "compile ms": round(reading, 1), "grew MB": mb}
            for ms, reading, name, mb in sorted(done, reverse=True)[: arguments.worst]
        ],
    }
    text = json.dumps(found, indent=1)
    if not arguments.dry:
        (ROOT / "results" / "compile.json").write_text(text + "\n", encoding="utf-8")
    print(text)


def peak_mb() -> int:
    """The most memory this process has held so far, in MB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def shares(values: list[float]) -> dict[str, float]:
    """Percentiles of a list, empty for an empty one."""
    return (
        {share: round(float(np.percentile(values, at)), 3) for share, at in SHARES.items()} if values else {}
    )


if __name__ == "__main__":
    main()
