"""Peak memory over the whole sample, in a process that loads nothing but what `ruvllm_grammar` needs.

    python -m bench.memory

Every schema is compiled and every instance followed, a grammar living as long as its schema's instances, as in a
server whose requests never repeat. The sample is read line by line, so that it is not in the figure.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bench import engines, facts, maskbench, measure, sample
from bench.worker import rss_mb

RESULTS = Path(__file__).resolve().parent / "results" / "memory.json"
#: Modules that must not be in the process, lest they be in the figure.
STRANGERS = ("torch", "transformers", "tiktoken")
_EVERY = 100
_SECONDS = 60.0


def one(folder: Path) -> dict[str, Any]:
    """The figures, in this process."""
    stages = {"python": rss_mb()}
    engine = engines.load("ruvllm", folder)
    stages["vocabulary loaded"] = rss_mb()
    engine.compile("{}").matcher().mask()
    stages["kernels loaded, first mask"] = rss_mb()
    course: list[list[int]] = []
    outcomes: Counter[str] = Counter()
    for count, case in enumerate(sample.cases(folder), 1):
        record = measure.run(engine, case, fresh=False, seconds=_SECONDS)
        outcomes[record["status"]] += 1
        if count % _EVERY == 0:
            course.append([count, rss_mb("VmRSS"), rss_mb()])
    return {
        "stages MB": stages,
        "schemas, resident MB, peak MB": course,
        "outcomes": dict(outcomes),
        "peak MB": rss_mb(),
        "strangers": [name for name in STRANGERS if name in sys.modules],
    }


def execute(folder: Path) -> dict[str, Any]:
    """In a fresh process."""
    sample.prepare(folder)
    load = facts.machine()
    command = [sys.executable, "-m", "bench.memory", "--folder", str(folder), "--one"]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603  our own arguments
    return {
        "what": "peak resident memory over the whole sample, one process, one thread",
        "command": "python -m bench.memory",
        "date": time.strftime("%Y-%m-%d"),
        "commit": facts.commit(),
        "machine": load,
        "versions": facts.versions(),
        **json.loads(run.stdout),
    }


def main() -> None:
    """Everything, or the process that is measured."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, default=facts.ROOT / "build" / "bench")
    parser.add_argument("--one", action="store_true", help="measure this process")
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(one(chosen.folder)))
    else:
        maskbench.write(execute(chosen.folder), RESULTS)


if __name__ == "__main__":
    main()
