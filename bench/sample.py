"""The sample, prepared once per machine: schemas as JSON text, instances as token ids, beside the vocabulary.

Instances are written as `json.dumps(instance, ensure_ascii=False)` writes them (a blank after comma and colon) and
encoded canonically. Set B, for engines that take seconds a schema, is a seeded subset of 150.
"""

from __future__ import annotations

import gzip
import json
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import orders, vocabulary

ROOT = Path(__file__).resolve().parent.parent
SEED = 4
SUBSET = 150


@dataclass(frozen=True, slots=True)
class Instance:
    """One labelled instance.

    Attributes:
        valid: the label.
        tokens: canonical ids of its text.
        others: the same instance with its members in other orders; empty for invalid ones.
    """

    valid: bool
    tokens: list[int]
    others: list[list[int]]


@dataclass(frozen=True, slots=True)
class Case:
    """One schema with its instances; `number` is its place in the sample."""

    number: int
    name: str
    schema: str
    instances: list[Instance]


def source() -> Path:
    """Where the sample is read from: RUVLLM_CONFORMANCE_DATA, else beside the checkout."""
    folder = Path(os.environ.get("RUVLLM_CONFORMANCE_DATA", ROOT.parent / "shared" / "data"))
    return folder / "maskbench-sample.jsonl.gz"


def subset(count: int) -> frozenset[int]:
    """Set B: places in the sample."""
    return frozenset(random.Random(SEED).sample(range(count), min(SUBSET, count)))


def prepare(folder: Path, *, anew: bool = False) -> None:
    """Write vocabulary and sample into a folder, unless they are there (and `anew` is not asked for).

    Raises:
        FileNotFoundError: the sample or the package llama-models is not there.
    """
    target = folder / "sample.jsonl"
    if target.is_file() and not anew:
        return
    if not source().is_file():
        msg = f"no sample at {source()}; set RUVLLM_CONFORMANCE_DATA to the folder that holds it"
        raise FileNotFoundError(msg)
    folder.mkdir(parents=True, exist_ok=True)
    encode = encoder(vocabulary.write(folder))
    partial = target.with_suffix(".part")
    with gzip.open(source(), "rt", encoding="utf-8") as lines, partial.open("w", encoding="utf-8") as out:
        for line in lines:
            row = json.loads(line)
            tests = [_encoded(row["schema"], test, encode) for test in row["tests"]]
            schema = json.dumps(row["schema"], ensure_ascii=False)
            out.write(json.dumps({"id": row["id"], "schema": schema, "tests": tests}) + "\n")
    partial.replace(target)


def encoder(tokens: vocabulary.Tokens) -> Any:
    """Text to canonical ids; specials are text like any other."""
    import tiktoken

    encoding = tiktoken.Encoding(
        "llama3",
        pat_str=tokens.pattern,
        mergeable_ranks={text: rank for rank, text in enumerate(tokens.ordinary)},
        special_tokens=tokens.special,
    )
    return encoding.encode_ordinary


def written(value: Any) -> str:
    """The text of an instance."""
    return json.dumps(value, ensure_ascii=False)


def _encoded(schema: Any, test: dict[str, Any], encode: Any) -> dict[str, Any]:
    text = written(test["data"])
    others = dict.fromkeys(map(written, orders.orders(schema, test["data"]))) if test["valid"] else {}
    others.pop(text, None)
    return {"valid": test["valid"], "tokens": encode(text), "others": [encode(other) for other in others]}


def cases(folder: Path, *, only: frozenset[int] | None = None, first: int = 0) -> Iterator[Case]:
    """The prepared sample from place `first` on, one case at a time."""
    with (folder / "sample.jsonl").open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            if number < first or (only is not None and number not in only):
                continue
            row = json.loads(line)
            yield Case(number, row["id"], row["schema"], [Instance(**test) for test in row["tests"]])
