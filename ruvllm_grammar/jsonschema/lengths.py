"""The lengths of the strings of an expression, read off it without building anything.

`abc[0-9]*` has the lengths 3, 4, 5, ...; `(ab)*` has gaps. Where a boolean operator or a machine hides them, there is
no answer. Linear in the expression.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from ruvllm_grammar import ir


@dataclass(frozen=True, slots=True)
class Lengths:
    """The lengths, in characters, of the strings of an expression.

    Attributes:
        shortest: of the shortest string; there is one.
        longest: of the longest string, None when there is none.
        gapless: every length between them occurs.
    """

    shortest: int
    longest: int | None
    gapless: bool


@lru_cache(maxsize=1024)  # the same formats and patterns, over and over
def lengths(e: ir.Expr) -> Lengths | None:
    """The lengths of a regular expression's strings; None where a boolean operator or a machine hides them."""
    return _lengths(e)


def _lengths(e: ir.Expr) -> Lengths | None:
    match e:
        case ir.Empty():
            return Lengths(0, 0, gapless=True)
        case ir.Literal(text=str(text)):
            return Lengths(len(text), len(text), gapless=True)
        case ir.Chars():
            return Lengths(1, 1, gapless=True)
        case ir.Seq():
            parts = [_lengths(part) for part in e.parts]
            if any(part is None for part in parts):
                return None
            known = [part for part in parts if part is not None]
            ends = [part.longest for part in known if part.longest is not None]
            longest = sum(ends) if len(ends) == len(known) else None
            return Lengths(sum(part.shortest for part in known), longest, all(part.gapless for part in known))
        case ir.Alt():
            return _union([_lengths(part) for part in e.parts])
        case ir.Repeat():
            return _repeated(_lengths(e.body), e.low, e.high)
        case _:
            return None


def _union(parts: list[Lengths | None]) -> Lengths | None:
    known = sorted((part for part in parts if part is not None), key=lambda part: part.shortest)
    if len(known) < len(parts):
        return None
    reach: int | None = known[0].shortest
    gapless = all(part.gapless for part in known)
    for part in known:
        if reach is not None:
            gapless = gapless and part.shortest <= reach + 1
            reach = None if part.longest is None else max(reach, part.longest)
    return Lengths(known[0].shortest, reach, gapless)


def _repeated(body: Lengths | None, low: int, high: int | None) -> Lengths | None:
    if body is None:
        return None
    bounded = body.longest is not None and (high is not None or body.longest == 0)
    longest = body.longest * (high or 0) if bounded and body.longest is not None else None
    # From k to k + 1 copies there is no gap when k * longest + 1 reaches (k + 1) * shortest; k = low is the worst.
    reach = low * body.longest if body.longest is not None else (None if low else 0)
    joined = reach is None or reach + 1 >= (low + 1) * body.shortest
    return Lengths(low * body.shortest, longest, body.gapless and (joined or low == high))
