"""Many tools in one grammar: one object per tool, its name a constant, its arguments the tool's schema.

    python -m bench.tools

The argument schemas are real: those of the sample that describe objects, refer to nothing and use no keyword that one
of the engines refuses; functions' arguments come first (enough for 128 tools and most of 400). Each engine, in a
process of its own, compiles the same JSON text three times, then follows one valid call of every fourth tool, twice:
the first time most masks are first visits, the second time none is.
"""

from __future__ import annotations

import argparse
import gc
import json
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench import engines, facts, maskbench, measure, sample, stats, vocabulary
from bench.worker import WARM

RESULTS = Path(__file__).resolve().parent / "results" / "tools.json"
COUNTS = (128, 400)
ENGINES = ("ruvllm", "llguidance", "xgrammar")
#: Groups of the sample that are arguments of functions to begin with; they come first.
_FUNCTIONS = ("BFCL", "Glaiveai2K", "MCPspec")
_REFERENCES = ("$ref", "$id", "id", "$schema")
_REFUSED = frozenset(
    (
        "dependencies", "format", "if", "maxProperties", "minProperties", "not", "oneOf",
        "patternProperties", "propertyNames", "uniqueItems",
    )
)  # fmt: skip
_EVERY = 4
_SECONDS = 60.0
_TIMEOUT_S = 240


def calls(folder: Path, count: int) -> tuple[str, list[str]]:
    """The schema of all calls, and a valid call of each tool, as JSON text."""
    texts = vocabulary.read(folder).texts
    branches: list[dict[str, Any]] = []
    examples: list[str] = []
    for case in sorted(sample.cases(folder), key=lambda case: not case.name.startswith(_FUNCTIONS)):
        schema = json.loads(case.schema)
        valid = next((one for one in case.instances if one.valid), None)
        if valid is None or not isinstance(schema, dict) or schema.get("type") != "object":
            continue
        schema.pop("$schema", None)
        if unfit(schema):
            continue
        named = f"tool_{len(branches)}_{case.name.partition('.')[0].lower().replace('-', '_')}"
        branches.append(
            {
                "type": "object",
                "properties": {"name": {"const": named}, "arguments": schema},
                "required": ["name", "arguments"],
                "additionalProperties": False,
            }
        )
        arguments = b"".join(texts[token] for token in valid.tokens).decode("utf-8")
        examples.append(f'{{"name": "{named}", "arguments": {arguments}}}')
        if len(branches) == count:
            return json.dumps({"anyOf": branches}, ensure_ascii=False), examples
    msg = f"the sample has {len(branches)} schemas that can be arguments, fewer than {count}"
    raise ValueError(msg)


def unfit(schema: Any) -> bool:
    """Whether a schema refers to something (and so means something else inside another) or is refused by somebody."""
    if isinstance(schema, list):
        return any(map(unfit, schema))
    if not isinstance(schema, dict):
        return False
    if any(isinstance(schema.get(word), str) for word in _REFERENCES) or not _REFUSED.isdisjoint(schema):
        return True
    return any(map(unfit, schema.values()))


def prepare(folder: Path) -> None:
    """Write schemas and encoded calls beside the sample."""
    sample.prepare(folder)
    encode = sample.encoder(vocabulary.read(folder))
    for count in COUNTS:
        schema, examples = calls(folder, count)
        made = {"schema": schema, "calls": [encode(text) for text in examples[::_EVERY]]}
        (folder / f"tools-{count}.json").write_text(json.dumps(made), encoding="utf-8")


def one(folder: Path, name: str, count: int) -> dict[str, Any]:
    """Figures of one engine, in this process."""
    engine = engines.load(name, folder)
    made = json.loads((folder / f"tools-{count}.json").read_text(encoding="utf-8"))
    for schema in WARM:
        engine.compile(schema).matcher().mask()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        built = [measure.compiled(engine, made["schema"]) for _ in range(3)]
    except engines.Refused as reason:
        return {"refused": plain(str(reason))}
    grammar, compiling = built[0][0], [spent for _, spent in built]
    first = measure.timed_mask(grammar.matcher())
    visits, budget = measure.Visits(), measure.Budget(_SECONDS)
    found: dict[str, Any] = {
        "compile ms": stats.rounded(compiling[0] / 1e6),
        "compile ms, median of three": stats.rounded(statistics.median(compiling) / 1e6),
        "first mask ms": stats.rounded(first / 1e6),
    }
    for label in ("first time", "second time"):
        walks = [measure.follow(grammar.matcher(), tokens, visits, budget) for tokens in made["calls"]]
        masks = [mask / 1e3 for walk in walks for mask in walk.masks]
        advances = [advance / 1e3 for walk in walks for advance in walk.advances]
        found[label] = {
            "calls": len(walks),
            "accepted": sum(walk.accepted for walk in walks),
            "mask us": stats.figures(masks, thresholds=True),
            "advance us": stats.figures(advances),
        }
    return found


def plain(message: str) -> str:
    """An engine's words without the time and the source file they begin with."""
    return " ".join(re.sub(r"^\[[\d:]+\] \S+:\d+: ", "", message).split())[:200]


def execute(folder: Path) -> dict[str, Any]:
    """Every engine and count, each in a process of its own."""
    prepare(folder)
    load = facts.machine()
    found: dict[str, Any] = {}
    for count in COUNTS:
        found[str(count)] = {}
        for name in ENGINES:
            command = [sys.executable, "-m", "bench.tools", "--folder", str(folder)]
            command += ["--engine", name, "--count", str(count)]
            try:
                run = subprocess.run(  # noqa: S603  our own arguments
                    command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
                )
            except subprocess.TimeoutExpired:
                found[str(count)][name] = {"over the limit": f"{_TIMEOUT_S} s"}
                continue
            lines = run.stdout.splitlines()
            last = run.stderr.strip().splitlines()[-1:]
            found[str(count)][name] = (
                json.loads(lines[-1]) if run.returncode == 0 else {"failed": " ".join(last)}
            )
    return {
        "what": "CPU time of one grammar of many tools: anyOf of objects with a constant name and real arguments",
        "command": "python -m bench.tools",
        "date": time.strftime("%Y-%m-%d"),
        "commit": facts.commit(),
        "machine": load,
        "versions": facts.versions(),
        "tools": found,
    }


def main() -> None:
    """Everything, or one engine for the process that does everything."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, default=facts.ROOT / "build" / "bench")
    parser.add_argument("--engine", choices=ENGINES)
    parser.add_argument("--count", type=int, choices=COUNTS)
    chosen = parser.parse_args()
    if chosen.engine is None:
        maskbench.write(execute(chosen.folder), RESULTS)
    else:
        print(json.dumps(one(chosen.folder, chosen.engine, chosen.count)))


if __name__ == "__main__":
    main()
