"""Answers against the right ones. Everything is read from the text alone, as a client would.

A call is right when name and arguments are equal as JSON values (1 and 1.0 are the same number). Several calls may
come in any order. An extraction scores each leaf of the right document, and is exact when nothing is missing and
nothing is added.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator

from bench.embedded_model.functions import run

_CALL = re.compile(r"<tool_call>\n?(.*?)\n?</tool_call>", re.DOTALL)
MARK = "<tool_call>"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer is worth.

    Attributes:
        tool: the tools are right, whatever their arguments.
        exact: the whole answer is right.
        valid: every call, or the document, is JSON and fits its schema.
        right: leaves of the document that are right.
        of: leaves of the right document.
    """

    tool: bool
    exact: bool
    valid: bool
    right: int = 0
    of: int = 0


def read_calls(text: str) -> list[tuple[str, Any]] | None:
    """The calls of an answer; None where one of them cannot be read."""
    found = []
    for body in _CALL.findall(text):
        try:
            call = json.loads(body)
            found.append((call["name"], call["arguments"]))
        except (ValueError, KeyError, TypeError):
            return None
    return found if len(found) == text.count(MARK) else None


def judge_calls(text: str, right: tuple[tuple[str, Any], ...], tools: tuple[dict[str, Any], ...]) -> Verdict:
    """An answer to a request, for which no calls may be right."""
    calls = read_calls(text)
    if calls is None:
        return Verdict(tool=False, exact=False, valid=False)
    schemas = {tool["function"]["name"]: tool["function"]["parameters"] for tool in tools}
    valid = all(name in schemas and fits(arguments, schemas[name]) for name, arguments in calls)
    named = sorted(str(name) for name, _ in calls) == sorted(name for name, _ in right)
    exact = sorted(map(canonical, calls)) == sorted(map(canonical, right))
    return Verdict(tool=named, exact=exact, valid=valid)


def judge_document(text: str, right: Any, schema: dict[str, Any]) -> Verdict:
    """An extracted document."""
    try:
        found = json.loads(text)
    except ValueError:
        return Verdict(tool=False, exact=False, valid=False, right=0, of=len(leaves(right)))
    wanted, got = leaves(right), leaves(found)
    same = sum(
        1 for place, value in wanted.items() if place in got and canonical(got[place]) == canonical(value)
    )
    return Verdict(
        tool=True,
        exact=canonical(found) == canonical(right),
        valid=fits(found, schema),
        right=same,
        of=len(wanted),
    )


def judge_run(text: str, right: tuple[tuple[str, Any], ...], tools: tuple[dict[str, Any], ...]) -> Verdict:
    """A call that is run: exact means that it returns what the right one returns."""
    verdict = judge_calls(text, right, tools)
    calls = read_calls(text)
    if calls is None or not verdict.valid or len(calls) != len(right):
        return Verdict(tool=verdict.tool, exact=False, valid=verdict.valid)
    try:
        results = [run(name, arguments) for name, arguments in calls]
    except (LookupError, TypeError, ValueError, ZeroDivisionError):
        return Verdict(tool=verdict.tool, exact=False, valid=verdict.valid)
    wanted = [run(name, arguments) for name, arguments in right]
    return Verdict(tool=verdict.tool, exact=verdict.tool and results == wanted, valid=verdict.valid)


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """Whether a value is valid, formats included."""
    return bool(
        Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).is_valid(value)
    )


def leaves(value: Any, place: str = "") -> dict[str, Any]:
    """The scalars of a document by their place; an array of scalars is one leaf, and so is anything empty."""
    if isinstance(value, dict) and value:
        return {
            at: leaf for key, inner in value.items() for at, leaf in leaves(inner, f"{place}/{key}").items()
        }
    if isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        return {
            at: leaf for n, inner in enumerate(value) for at, leaf in leaves(inner, f"{place}/{n}").items()
        }
    return {place: value}


def canonical(value: Any) -> str:
    """A JSON value as text, equal for equal values: members sorted, 1.0 as 1."""
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
