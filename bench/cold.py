"""First use on a machine, and the first mask of every later process.

    python -m bench.cold

New processes with an empty folder for compiled kernels, then with the one they filled: wall and CPU seconds from the
start of the process, by stage. With a vocabulary of 256 bytes, so that the figure is the kernels', and with Llama 3's.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import facts  # and nothing that imports numpy: this module is measured

RESULTS = Path(__file__).resolve().parent / "results" / "cold.json"
SCHEMA = '{"type": "object", "properties": {"name": {"type": "string", "maxLength": 40}, "age": {"type": "integer"}}}'
LATER = 5


def one(folder: Path | None) -> dict[str, Any]:
    """Stages of this process: CPU seconds since it began; `folder` holds Llama 3's names, None: 256 bytes."""
    stages = [("interpreter", _cpu())]
    import ruvllm_grammar as rg

    stages.append(("import", _cpu()))
    if folder is None:
        vocabulary = rg.Vocabulary.from_tokens([bytes([byte]) for byte in range(256)] + [None], eos={256})
    else:
        from bench.engines.ruvllm import read_vocabulary

        vocabulary = read_vocabulary(folder)
    stages.append(("vocabulary", _cpu()))
    matcher = rg.compile(rg.JsonSchema(SCHEMA), vocabulary).matcher()
    mask = rg.allocate_bitmask(1, vocabulary.size)[0]
    matcher.fill_mask(mask)
    stages.append(("first mask", _cpu()))
    return {"cpu": dict(stages)}


def _cpu() -> float:
    """CPU seconds of this process and of the children it has waited for."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return round(sum(usage.ru_utime + usage.ru_stime for usage in usages), 3)


def started(cache: str, folder: Path | None) -> dict[str, Any]:
    """One new process: its stages, and the wall time until it has ended."""
    command = [sys.executable, "-m", "bench.cold", "--one"]
    command += [] if folder is None else ["--folder", str(folder)]
    before = time.perf_counter()
    run = subprocess.run(  # noqa: S603  our own arguments
        command, env=os.environ | {"NUMBA_CACHE_DIR": cache}, stdout=subprocess.PIPE, text=True, check=True
    )
    stages: dict[str, Any] = json.loads(run.stdout)
    return stages | {"wall": round(time.perf_counter() - before, 3)}


def execute(folder: Path) -> dict[str, Any]:
    """Cold once, then later processes, for both vocabularies; medians of the later ones."""
    from bench import sample

    sample.prepare(folder)
    load = facts.machine()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as cache:
        found["first use"] = started(cache, None)
        for name, where in (("later, 256 bytes", None), ("later, Llama 3", folder)):
            runs = [started(cache, where) for _ in range(LATER)]
            found[name] = {
                "wall": statistics.median(run["wall"] for run in runs),
                "cpu": {
                    stage: statistics.median(run["cpu"][stage] for run in runs) for stage in runs[0]["cpu"]
                },
            }
    return {
        "what": "seconds to the first mask of a process, kernels not compiled yet and compiled; stages add up",
        "command": "python -m bench.cold",
        "date": time.strftime("%Y-%m-%d"),
        "commit": facts.commit(),
        "machine": load,
        "versions": facts.versions(),
        "seconds": found,
    }


def main() -> None:
    """Everything, or the process that is measured."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--one", action="store_true", help="measure this process")
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(one(chosen.folder)))
    else:
        from bench import maskbench

        maskbench.write(execute(chosen.folder or facts.ROOT / "build" / "bench"), RESULTS)


if __name__ == "__main__":
    main()
