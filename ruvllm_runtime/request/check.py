"""Checks of request fields. Each returns the value it was given, or raises a `RequestError` naming the field.

JSON clients send `true` where a number belongs and `1.0` where a count belongs; Python would take both.
"""

from __future__ import annotations

import math

from ruvllm_runtime.errors import RequestError


def number(
    name: str,
    value: object,
    *,
    low: float,
    high: float = math.inf,
    above: bool = False,
) -> float:
    """A finite real number in `[low, high]`, or in `(low, high]` when `above`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RequestError(f"{name} must be a number, not {kind(value)}", param=name)
    wide = "greater than" if above else "at least"
    if not math.isfinite(value):
        raise RequestError(f"{name} must be finite, not {value}", param=name)
    if value < low or (above and value == low) or value > high:
        upper = "" if high == math.inf else f" and at most {high:g}"
        raise RequestError(f"{name} must be {wide} {low:g}{upper}, not {value:g}", param=name)
    return float(value)


def count(name: str, value: object, *, low: int, high: int | None = None) -> int:
    """An integer of at least `low` and, where given, at most `high`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise RequestError(f"{name} must be an integer, not {kind(value)}", param=name)
    if value < low:
        raise RequestError(f"{name} must be at least {low}, not {value}", param=name)
    if high is not None and value > high:
        raise RequestError(f"{name} must be at most {high}, not {value}", param=name)
    return value


def flag(name: str, value: object) -> bool:
    """True or False, and nothing that merely behaves like one."""
    if not isinstance(value, bool):
        raise RequestError(f"{name} must be True or False, not {kind(value)}", param=name)
    return value


def text(name: str, value: str) -> str:
    """Text that has bytes: without lone surrogates, which no tokenizer can spell."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        at = error.start
        raise RequestError(
            f"{name} holds the lone surrogate U+{ord(value[at]):04X} at offset {at}, which is no character; remove it",
            param=name,
        ) from None
    return value


def strings(name: str, value: object) -> tuple[str, ...]:
    """A sequence of non-empty strings; a lone string is refused, for it is a sequence of its characters."""
    if isinstance(value, str) or not isinstance(value, list | tuple):
        raise RequestError(f"{name} must be a list or tuple of strings, not {kind(value)}", param=name)
    for item in value:
        if not isinstance(item, str):
            raise RequestError(f"{name} must hold strings only, not {kind(item)}", param=name)
        if not item:
            raise RequestError(f"{name} holds an empty string, which is everywhere; remove it", param=name)
        text(name, item)
    return tuple(value)


def token_ids(name: str, value: object) -> tuple[int, ...]:
    """A sequence of token ids. That they are ids of the model's vocabulary is checked where that is known."""
    if not isinstance(value, list | tuple | set | frozenset):
        raise RequestError(f"{name} must be a sequence of token ids, not {kind(value)}", param=name)
    ids = tuple(count(name, item, low=0) for item in value)
    return tuple(sorted(ids)) if isinstance(value, set | frozenset) else ids


def kind(value: object) -> str:
    """What a value is, for a message."""
    return "None" if value is None else f"{type(value).__name__} ({value!r:.60})"
