"""The process in which one engine is measured: reads the prepared sample, writes one record a line.

    python -m bench.worker FOLDER --engine llguidance --mode shared

A line {"begin": number, "cpu": seconds} goes before each record, so that `runner` knows which schema a process was at
when it ended, and for how long.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench import engines, measure, sample

#: Once each before anything is timed: what belongs to the machine or to the vocabulary is warm, for every engine.
WARM = (
    "{}",
    '{"type": "object", "properties": {"a": {"type": "string", "maxLength": 9}}}',
    '{"type": "string", "pattern": "^[a-z]+$"}',
)
MODES = ("shared", "fresh", "apply")
_COLLECT_EVERY = 10


def main() -> None:
    """Measure the cases asked for, then write what the whole process took."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--engine", required=True, choices=engines.ENGINES)
    parser.add_argument("--mode", required=True, choices=MODES)
    parser.add_argument("--only", type=Path, help="JSON list of places in the sample")
    parser.add_argument("--first", type=int, default=0, help="place in the sample to begin at")
    parser.add_argument("--seconds", type=float, default=10.0, help="CPU seconds a schema")
    options = parser.parse_args()
    imported = rss_mb()
    engine = engines.load(options.engine, options.folder)
    only = None if options.only is None else frozenset(json.loads(options.only.read_text(encoding="utf-8")))
    loaded = rss_mb()
    for schema in WARM:
        try:
            engine.compile(schema).matcher().mask()
        except engines.Refused as reason:
            print(f"{options.engine} refuses {schema}: {reason}", file=sys.stderr)
    write({"cpu": time.process_time(), "loaded MB": loaded, "imported MB": imported})
    gc.collect()
    gc.freeze()
    gc.disable()
    for count, case in enumerate(sample.cases(options.folder, only=only, first=options.first)):
        if count % _COLLECT_EVERY == 0:
            gc.collect()
        write({"begin": case.number, "id": case.name, "cpu": time.process_time()})
        if options.mode == "apply":
            record = measure.run_applied(engine, case, seconds=options.seconds)
        else:
            record = measure.run(engine, case, fresh=options.mode == "fresh", seconds=options.seconds)
        write(record)
    write(
        {
            "end": True,
            "engine": options.engine,
            "settings": engine.settings,
            "version": version(engine.package),
            "clock ns": measure.clock_cost(),
            "loaded MB": loaded,
            "peak MB": rss_mb(),
        }
    )


def write(record: dict[str, Any]) -> None:
    """One line, at once: the process may be ended any time."""
    os.write(sys.stdout.fileno(), (json.dumps(record) + "\n").encode())


def rss_mb(line: str = "VmHWM") -> int:
    """The most memory this process has held so far, in MB; "VmRSS": what it holds now.

    Not `getrusage`, which begins with what the parent held when it started the process.
    """
    text = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(text.partition(f"{line}:")[2].split()[0]) // 1024


if __name__ == "__main__":
    main()
