"""The evaluation: every row, several seeds of data, constrained and unconstrained, against the thresholds.

    python -m bench.embedded_model evaluate --model ruvllm_runtime/embedded

`thresholds.json` says what each row must reach, in which figure. The result goes to
`bench/results/embedded_model.json`, with the machine and the versions; the command fails when a threshold is missed.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

import ruvllm_grammar as rg
from bench.embedded_model import bfcl
from bench.embedded_model import tokenizer as tokenizers
from bench.embedded_model.answering import GREEDY, constrained_calls, constrained_documents, free, play
from bench.embedded_model.cases import ROWS, Case, cases
from bench.embedded_model.chat_format import prompt
from bench.embedded_model.judge import Verdict, judge_calls, judge_document, judge_run
from ruvllm_runtime import LLM, GenerateRequest

FOLDER = Path(__file__).resolve().parent
THRESHOLDS = FOLDER / "thresholds.json"
RESULTS = FOLDER.parent / "results" / "embedded_model.json"
MODES = ("constrained", "unconstrained")


@dataclass(frozen=True, slots=True)
class Options:
    """How much is asked.

    Attributes:
        count: cases in a row.
        seeds: of the data.
        rows: which rows; empty for all.
        threads: of torch.
        batch: sequences in a forward pass.
    """

    count: int = 500
    seeds: tuple[int, ...] = (101, 102, 103)
    rows: tuple[str, ...] = ()
    threads: int = 2
    batch: int = 32


def evaluate(folder: Path, options: Options) -> dict[str, Any]:
    """Everything the evaluation finds, as it is written."""
    torch.set_num_threads(options.threads)
    llm = LLM.load(folder, dtype="float32")
    pieces = tokenizers.pieces(tokenizers.load(folder))
    rows: dict[str, Any] = {}
    for row in options.rows or tuple(ROWS):
        rows[row] = {mode: [] for mode in MODES}
        for seed in options.seeds:
            asked = cases(row, seed, options.count, pieces=pieces)
            for mode in MODES:
                found = figures(
                    row, verdicts(llm, row, asked, constrained=mode == "constrained", batch=options.batch)
                )
                rows[row][mode].append(found)
                print(f"{row}, seed {seed}, {mode}: {found}", flush=True)
    # The stress test and the clock belong to whole runs.
    whole = {} if options.rows else {"bfcl": bfcl.score(llm, batch=options.batch), "speed": speed(folder)}
    return {
        "what": "the embedded model on held-out requests, texts and tools, as shares of the cases",
        "command": " ".join(["python -m bench.embedded_model", *sys.argv[1:]]),
        "machine": {
            "python": platform.python_version(),
            "cores": os.cpu_count(),
            "system": platform.platform(),
        },
        "versions": {name: version(name) for name in ("ruvllm", "torch", "transformers", "tokenizers")},
        "parameters": sum(weight.numel() for weight in llm.model.model.parameters()),
        "cases": options.count,
        "seeds": list(options.seeds),
        "rows": {row: {mode: summary(many) for mode, many in modes.items()} for row, modes in rows.items()},
        **whole,
    }


def verdicts(llm: LLM, row: str, asked: Sequence[Case], *, constrained: bool, batch: int) -> list[Verdict]:
    """The model's answers to the cases of a row, judged."""
    if asked[0].turns:
        return [
            _conversation(case, texts)
            for case, texts in zip(asked, play(llm, asked, constrained=constrained, rows=batch), strict=True)
        ]
    if asked[0].schema is not None:
        texts = (
            constrained_documents(llm, asked, rows=batch)
            if constrained
            else free(llm, [(list(case.messages), []) for case in asked], rows=batch)
        )
        return [
            judge_document(text, case.document, case.schema or {})
            for case, text in zip(asked, texts, strict=True)
        ]
    questions = [(list(case.messages), list(case.tools)) for case in asked]
    texts = (constrained_calls if constrained else free)(llm, questions, rows=batch)
    judge = judge_run if row == "success" else judge_calls
    return [judge(text, case.calls, case.tools) for case, text in zip(asked, texts, strict=True)]


def _conversation(case: Case, texts: list[str]) -> Verdict:
    """A whole conversation: right when every turn is."""
    each = [
        judge_calls(text, tuple((call.tool.name, call.arguments) for call in turn.calls), case.tools)
        for turn, text in zip(case.turns, texts, strict=False)
    ]
    whole = len(texts) == len(case.turns)
    return Verdict(
        tool=whole and all(one.tool for one in each),
        exact=whole and all(one.exact for one in each),
        valid=all(one.valid for one in each),
        right=sum(one.exact for one in each),
        of=len(case.turns),
    )


def figures(row: str, found: Sequence[Verdict]) -> dict[str, float]:
    """The figures of a row, as shares."""
    count = len(found)
    shares = {
        "tool": sum(one.tool for one in found) / count,
        "exact": sum(one.exact for one in found) / count,
        "valid": sum(one.valid for one in found) / count,
    }
    if of := sum(one.of for one in found):
        shares["turns" if row == "five turns" else "fields"] = sum(one.right for one in found) / of
    return {name: round(share, 4) for name, share in shares.items()}


def summary(many: Sequence[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Mean, least and greatest of each figure over the seeds."""
    return {
        name: {
            "mean": round(sum(one[name] for one in many) / len(many), 4),
            "min": min(one[name] for one in many),
            "max": max(one[name] for one in many),
        }
        for name in many[0]
    }


def missed(result: dict[str, Any]) -> list[str]:
    """The thresholds that the means of a result do not reach, in words; rows that were not run are left out."""
    limits = json.loads(THRESHOLDS.read_text(encoding="utf-8"))
    found = []
    for wanted in limits["rows"]:
        row = result["rows"].get(wanted["row"])
        if row is None:
            continue
        value = row[wanted["mode"]][wanted["figure"]]["mean"]
        if value < wanted["least"]:
            found.append(
                f"{wanted['row']}, {wanted['figure']}, {wanted['mode']}: {value} < {wanted['least']}"
            )
    if speed_found := result.get("speed"):
        if speed_found["load s"] > limits["load s"]:
            found.append(f"load time: {speed_found['load s']} s > {limits['load s']} s")
        if speed_found["tokens/s"] < limits["tokens/s"]:
            found.append(f"speed: {speed_found['tokens/s']} tokens/s < {limits['tokens/s']}")
    return found


_SPEED = """
import json, sys, time, torch, transformers
from ruvllm_runtime import LLM
torch.set_num_threads(1)
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM
start = time.perf_counter()
LLM.load(sys.argv[1], dtype="float32")
print(json.dumps(time.perf_counter() - start))
"""


def speed(folder: Path) -> dict[str, float]:
    """Seconds to load in a fresh process after the imports, and tokens per second of one sequence on one thread."""
    command = [sys.executable, "-c", _SPEED, str(folder)]
    root = FOLDER.parents[1]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)  # noqa: S603  our own
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    llm = LLM.load(folder, dtype="float32")
    text = prompt([{"role": "user", "content": "Hello!"}])
    # Three hundred digits, whatever the model wants to say; nothing forced, so that every token is the model's.
    digits = rg.Regex("^[0-9]{300}$")
    request = GenerateRequest(prompt=text, grammar=digits, max_tokens=310, sampling=GREEDY, force=False)
    llm.generate(request)
    start = time.process_time()
    result = llm.generate(request)
    rate = len(result.token_ids) / (time.process_time() - start)
    torch.set_num_threads(threads)
    return {"load s": round(float(json.loads(done.stdout.splitlines()[-1])), 3), "tokens/s": round(rate, 1)}


def write(result: dict[str, Any], target: Path) -> None:
    """Write a result as JSON."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
