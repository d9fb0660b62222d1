"""CPU time that checks cost: the same documents under the same grammars, with and without them, ours alone.

    python bench/checks.py

Grammars are written by hand, so that only the checks differ; the vocabulary is Llama 3's (128,256 ids). Documents are
followed token by token (greedy, longest match), a second time when every super-state is known: these figures are kept.
Most names and items begin alike, which is the hard case: masks look closer wherever an earlier one still threatens.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

import ruvllm_grammar as rg
from ruvllm_grammar import ir
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.match import CompiledGrammar
from ruvllm_runtime.model.encode import LongestMatchEncoder
from ruvllm_runtime.model.installed import llama3

ROOT = Path(__file__).resolve().parent
SHARES = {"p50": 50, "p90": 90, "p99": 99, "max": 100}
DIGIT = ir.chars(ir.CharSet.of((48, 57)))
STRING = ir.json_string(ir.ANY_TEXT)
INTEGER = ir.leaf(ir.alt(ir.literal("0"), ir.seq(ir.chars(ir.CharSet.of((49, 57))), ir.repeat(DIGIT, 0))))
COLOURS = ["red", "green", "grey", "blue", "black", "white", "yellow"]
COLOUR = ir.json_string(ir.alt(*map(ir.literal, COLOURS)))
SPACE = ir.repeat(ir.literal(" "), 0, 1)


def listed(brackets: str, one: ir.Expr) -> ir.Expr:
    """Any number of members or items."""
    more = ir.repeat(ir.seq(ir.literal(","), SPACE, one), 0)
    return ir.seq(ir.literal(brackets[0]), ir.alt(ir.EMPTY, ir.seq(one, more)), ir.literal(brackets[1]))


def cases(*, checks: bool) -> dict[str, tuple[ir.Expr, object]]:
    """Grammar and document by name."""
    name = ir.check(ir.Check("name", "names", "")) if checks else ir.EMPTY
    item = ir.check(ir.Check("item", "items", "")) if checks else ir.EMPTY

    def members(value: ir.Expr) -> ir.Expr:
        return listed("{}", ir.seq(STRING, name, ir.literal(":"), SPACE, value))

    def items(value: ir.Expr) -> ir.Expr:
        return listed("[]", ir.seq(value, item))

    return {
        "60 members": (members(STRING), {f"name{i} of {i * 7}": "the quick brown fox" for i in range(60)}),
        "100 strings": (items(STRING), [f"value {i * i} of it" for i in range(100)]),
        "20 integers": (items(INTEGER), [i * 37 + 5 for i in range(20)]),
        "200 integers": (items(INTEGER), [i * 37 + 5 for i in range(200)]),
        "60 objects": (
            items(members(ir.alt(STRING, INTEGER))),
            [{"id": i, "label": f"some text {i % 7}"} for i in range(60)],
        ),
        "7 of 7 colours": (items(COLOUR), COLOURS),
    }


def main() -> None:
    """Measure, print, and write results/checks.json."""
    vocabulary = llama3()
    if vocabulary is None:
        sys.exit("needs the package llama-models")
    encoder = LongestMatchEncoder(vocabulary)
    mask = rg.allocate_bitmask(1, vocabulary.size)[0]
    figures: dict[str, dict[str, object]] = {}
    for name in cases(checks=False):
        for checks in (False, True):
            body, document = cases(checks=checks)[name]
            grammar = CompiledGrammar(ir.Grammar("start", {"start": body}), vocabulary, Limits())
            tokens = encoder.encode(json.dumps(document))
            for _ in range(2):
                masks, advances = follow(grammar.matcher(), tokens, mask)
            found = figures.setdefault(name, {"tokens": len(tokens)})
            found["with checks" if checks else "without"] = {
                "mask us": spread(masks),
                "advance us": spread(advances),
            }
    result = {
        "what": "CPU time of masks and advances along one document per grammar, with and without checks",
        "command": " ".join(["python", "bench/checks.py", *sys.argv[1:]]),
        "machine": {
            "python": platform.python_version(),
            "cores": os.cpu_count(),
            "system": platform.platform(),
        },
        "versions": {name: version(name) for name in ("ruvllm", "numba", "numpy")},
        "vocabulary": {"name": "llama3", "ids": vocabulary.size},
        "figures": figures,
    }
    text = json.dumps(result, indent=1)
    (ROOT / "results" / "checks.json").write_text(text + "\n", encoding="utf-8")
    print(text)


def spread(times: list[float]) -> dict[str, float]:
    """Percentiles, in microseconds."""
    return {share: round(float(np.percentile(times, at)), 1) for share, at in SHARES.items()}


def follow(matcher: rg.Matcher, tokens: list[int], mask: np.ndarray) -> tuple[list[float], list[float]]:
    """Microseconds of every mask and every step."""
    masks, advances = [], []
    for token in tokens:
        start = time.thread_time_ns()
        matcher.fill_mask(mask)
        between = time.thread_time_ns()
        assert (int(mask[token >> 5]) >> (token & 31)) & 1
        matcher.accept(token)
        masks.append((between - start) / 1e3)
        advances.append((time.thread_time_ns() - between) / 1e3)
    return masks, advances


if __name__ == "__main__":
    main()
