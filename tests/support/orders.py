"""A JSON value with the members of all its objects in other orders, and its two common spellings."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

#: How many orders of a value are tried.
MOST = 24


def spellings(value: Any) -> list[str]:
    """The value as JSON text, compact, and with a blank after comma and colon."""
    return [written(value), written(value, comma=", ", colon=": ")]


def written(value: Any, *, comma: str = ",", colon: str = ":") -> str:
    """The value as JSON text; unlike `json.dumps` it writes a `Decimal` digit by digit."""
    if isinstance(value, dict):
        members = (
            f"{json.dumps(name, ensure_ascii=False)}{colon}{written(member, comma=comma, colon=colon)}"
            for name, member in value.items()
        )
        return f"{{{comma.join(members)}}}"
    if isinstance(value, list):
        return f"[{comma.join(written(item, comma=comma, colon=colon) for item in value)}]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)


def count(value: Any) -> int:
    """In how many orders the members of all objects in a value can be written."""
    if isinstance(value, list):
        return math.prod(map(count, value))
    return (
        math.factorial(len(value)) * math.prod(map(count, value.values())) if isinstance(value, dict) else 1
    )


def ordered(value: Any, number: int) -> Any:
    """The order of that number; 0 is as written. Lehmer codes of the objects are the digits of the number."""
    return _ordered(value, number)[0]


def orders(value: Any, *, declared: Any = None, most: int = MOST) -> Iterator[Any]:
    """The value in at most `most` orders: as written, in `declared` order if given, then evenly spread over all."""
    yield value
    if declared is not None and written(declared) != written(value):
        yield declared
        most -= 1
    total = count(value)
    for step in range(1, min(total, most)):
        yield ordered(value, step if total <= most else step * total // most)


def _ordered(value: Any, number: int) -> tuple[Any, int]:
    """The value in an order, and the digits that are left for others."""
    if isinstance(value, list):
        items = []
        for item in value:
            written, number = _ordered(item, number)
            items.append(written)
        return items, number
    if not isinstance(value, dict):
        return value, number
    left, members = list(value), {}
    for radix in range(len(value), 0, -1):
        number, digit = divmod(number, radix)
        name = left.pop(digit)
        members[name], number = _ordered(value[name], number)
    return members, number
