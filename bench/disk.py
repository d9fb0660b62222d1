"""Compiled tables from disk: a process that compiles nothing, because another one has.

    python -m bench.disk

One process compiles every schema of the sample, follows its first valid instance, and writes what was learned. A new
one takes the same schemas from disk and follows the same instance. Its clock starts at the call of `compile`: imports,
the vocabulary and the kernels are loaded before, the files are in the system's page cache.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import ruvllm_grammar as rg
from bench import facts, maskbench, measure, sample, stats
from bench.engines import Refused, bit
from bench.engines.ruvllm import RuvLLM, read_vocabulary
from bench.sample import Case
from bench.worker import WARM

RESULTS = Path(__file__).resolve().parent / "results" / "disk.json"
_SECONDS = 30.0


def fill(folder: Path, tables: Path, every: int) -> dict[str, Any]:
    """Compile, follow, write."""
    vocabulary = read_vocabulary(folder)
    cache = rg.TableCache(tables)
    words = rg.allocate_bitmask(1, vocabulary.size)[0]
    stored = 0
    for case in _cases(folder, every):
        try:
            grammar = rg.compile(rg.JsonSchema(case.schema), vocabulary, cache=cache)
        except rg.RuvllmError:
            continue
        matcher = grammar.matcher()
        matcher.fill_mask(words)
        for token in _tokens(case):
            if not bit(words, token):
                break
            matcher.accept(token)
            matcher.fill_mask(words)
        stored += cache.store(grammar)
    return {"stored": stored}


def read(folder: Path, tables: Path, every: int) -> dict[str, Any]:
    """Take the same from disk, and follow the same."""
    vocabulary = read_vocabulary(folder)
    engine = RuvLLM(vocabulary)
    for schema in WARM:
        engine.compile(schema).matcher().mask()
    cache = rg.TableCache(tables)
    cached = RuvLLM(vocabulary, cache=cache)
    first, masks, advances = [], [], []
    gc.collect()
    gc.freeze()
    gc.disable()
    for case in _cases(folder, every):
        try:
            grammar, spent = measure.compiled(cached, case.schema)
        except Refused:
            continue
        matcher = grammar.matcher()
        masked = measure.timed_mask(matcher)
        first.append((spent + masked) / 1e6)
        budget = measure.Budget(_SECONDS)
        walk = measure.follow(matcher, _tokens(case), measure.Visits(), budget, masked=masked)
        masks += [mask / 1e3 for mask in walk.masks]
        advances += [advance / 1e3 for advance in walk.advances]
    return {
        "schemas": len(first),
        "hits": cache.stats.hits,
        "misses": dict(cache.stats.misses),
        "compile plus first mask ms": stats.figures(first),
        "mask us": stats.figures(masks, thresholds=True),
        "advance us": stats.figures(advances),
    }


def _cases(folder: Path, every: int) -> list[Case]:
    return [case for case in sample.cases(folder) if case.number % every == 0]


def _tokens(case: Case) -> list[int]:
    """Of the first valid instance, as it stands."""
    return next((one.tokens for one in case.instances if one.valid), [])


def execute(folder: Path, every: int = 1) -> dict[str, Any]:
    """Fill and read, each in a process of its own."""
    sample.prepare(folder)
    load = facts.machine()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as tables:
        for part in ("fill", "read"):
            command = [sys.executable, "-m", "bench.disk", "--folder", str(folder), "--every", str(every)]
            command += ["--part", part, "--tables", tables]
            run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603  our own
            found |= json.loads(run.stdout)
        files = [path for path in Path(tables).rglob("*") if path.is_file()]
        found["files MB"] = round(sum(path.stat().st_size for path in files) / (1 << 20), 1)
        found["kB of a grammar"] = stats.figures(
            [path.stat().st_size / 1000 for path in files if path.suffix == ".tables"]
        )
    return {
        "what": "CPU time in a process that finds its grammars on disk, with what one document has taught them",
        "command": "python -m bench.disk",
        "date": time.strftime("%Y-%m-%d"),
        "commit": facts.commit(),
        "machine": load,
        "versions": facts.versions(),
        **found,
    }


def main() -> None:
    """Everything, or one of the two processes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, default=facts.ROOT / "build" / "bench")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--part", choices=("fill", "read"))
    parser.add_argument("--tables", type=Path)
    parser.add_argument("--dry", action="store_true", help="print only")
    chosen = parser.parse_args()
    if chosen.part is not None:
        part = fill if chosen.part == "fill" else read
        print(json.dumps(part(chosen.folder, chosen.tables, chosen.every)))
    elif chosen.dry:
        print(json.dumps(execute(chosen.folder, chosen.every), indent=1))
    else:
        maskbench.write(execute(chosen.folder, chosen.every), RESULTS)


if __name__ == "__main__":
    main()
