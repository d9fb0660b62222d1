"""The Berkeley function-calling entries as a stress test: requests and tools far from the training data.

Only `simple_python` and `multiple` are scored: one call each, against lists of values that are right. As there, an
argument whose list holds "" may be left out, and texts are compared without case, blanks and punctuation. The data is
read where it lies (`RUVLLM_CONFORMANCE_DATA`), never copied; absent, the score says so.
"""

from __future__ import annotations

import gzip
import json
import os
import re
from pathlib import Path
from typing import Any

from bench.embedded_model.answering import Question, constrained_calls, free
from bench.embedded_model.judge import fits, read_calls
from ruvllm_runtime import LLM

DATA = (
    Path(os.environ.get("RUVLLM_CONFORMANCE_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
    / "bfcl"
)
FILES = ("simple_python", "multiple")

_TYPES = {"dict": "object", "float": "number", "tuple": "array", "list": "array"}
_IGNORED = re.compile(r"[\s,./\-_*^'\"]")


def score(llm: LLM, *, batch: int = 32) -> dict[str, Any]:
    """Shares of both files, constrained and unconstrained."""
    if not DATA.is_dir():
        return {"absent": "no conformance data; set RUVLLM_CONFORMANCE_DATA"}
    found: dict[str, Any] = {}
    for name in FILES:
        with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            entries = [json.loads(line) for line in lines]
        questions = [question(entry) for entry in entries]
        modes = {"constrained": constrained_calls, "unconstrained": free}
        found[name] = {
            mode: shares(entries, questions, answer(llm, questions, rows=batch))
            for mode, answer in modes.items()
        }
        print(f"bfcl {name}: {found[name]}", flush=True)
    return found


def question(entry: dict[str, Any]) -> Question:
    """An entry as messages and tools."""
    tools = [
        {"type": "function", "function": {**function, "parameters": schema(function["parameters"])}}
        for function in entry["function"]
    ]
    return list(entry["question"][0]), tools


def schema(node: Any) -> Any:
    """A parameter's description as JSON Schema: the entries write Python's names for some types."""
    if isinstance(node, list):
        return [schema(one) for one in node]
    if not isinstance(node, dict):
        return node
    found: dict[str, Any] = {}
    for key, value in node.items():
        if key == "properties":
            found[key] = {name: schema(inner) for name, inner in value.items()}
        elif key == "type" and value == "any":
            continue
        elif key == "type" and isinstance(value, str):
            found[key] = _TYPES.get(value, value)
        elif key in {"description", "required", "enum", "items", "type"}:
            found[key] = schema(value) if key == "items" else value
    return found


def shares(entries: list[dict[str, Any]], questions: list[Question], texts: list[str]) -> dict[str, float]:
    """Right tool, right call and valid calls, as shares."""
    tool = exact = valid = 0
    for entry, (_, tools), text in zip(entries, questions, texts, strict=True):
        calls = read_calls(text)
        if not calls:
            continue
        schemas = {one["function"]["name"]: one["function"]["parameters"] for one in tools}
        valid += all(name in schemas and fits(arguments, schemas[name]) for name, arguments in calls)
        ((wanted, values),) = entry["ground_truth"][0].items()
        name, arguments = calls[0]
        same = len(calls) == 1 and name == wanted
        tool += same
        exact += same and isinstance(arguments, dict) and right(arguments, values)
    count = len(entries)
    return {
        "tool": round(tool / count, 4),
        "exact": round(exact / count, 4),
        "valid": round(valid / count, 4),
    }


def right(arguments: dict[str, Any], allowed: dict[str, list[Any]]) -> bool:
    """Whether arguments are among the values that are right."""
    if any(name not in allowed for name in arguments):
        return False
    return all(
        any(_same(arguments[name], option) for option in options) if name in arguments else "" in options
        for name, options in allowed.items()
    )


def _same(value: Any, option: Any) -> bool:
    if isinstance(option, dict) and isinstance(value, dict):
        return right(value, option)
    if isinstance(option, list) and isinstance(value, list):
        return len(value) == len(option) and all(map(_same, value, option))
    if isinstance(option, str) and isinstance(value, str):
        return _IGNORED.sub("", value).casefold() == _IGNORED.sub("", option).casefold()
    if type(value) in {int, float} and type(option) in {int, float}:
        return bool(value == option)
    return value is option
