"""How many values a scalar can have, where they are few.

Items that have to differ (`uniqueItems`) run out where their values do. So the values of small domains are listed: the
multiples in an interval, the strings of a finite language. Everything larger counts as without end.
"""

from __future__ import annotations

from collections.abc import Hashable
from fractions import Fraction

from ruvllm_grammar import ir
from ruvllm_grammar.errors import LimitError
from ruvllm_grammar.jsonschema.lengths import lengths
from ruvllm_grammar.jsonschema.numbers import NumberShape
from ruvllm_grammar.jsonschema.strings import StringShape
from ruvllm_grammar.jsonschema.values import canonical, canonical_number, is_number, rational
from ruvllm_grammar.limits import Limits

#: Values up to which a domain is listed.
FEW = 64
#: Candidates that are looked at for that.
_CANDIDATES = 4 * FEW
#: Lengths up to which the strings of a pattern may be few.
_SHORT = 64


def numbers(shape: NumberShape) -> frozenset[Hashable] | None:
    """The numbers of a shape, in canonical form; None where they are more than a few."""
    low, high = shape.lower, shape.upper
    if low is None or high is None:
        return None
    if shape.multiple is None and low.value < high.value:
        return None
    step = shape.multiple or abs(low.value) or Fraction(1)
    first, last = -(-low.value // step), high.value // step
    if last - first > _CANDIDATES:
        return None
    denied = {rational(value) for listed in shape.not_values for value in listed.values if is_number(value)}
    found = [
        k * step
        for k in range(int(first), int(last) + 1)
        if not (low.open and k * step == low.value)
        and not (high.open and k * step == high.value)
        and k * step not in denied
        and all((k * step / one.value).denominator != 1 for one in shape.not_multiples)
    ]
    return frozenset(map(canonical_number, found)) if len(found) <= FEW else None


def strings(shape: StringShape, algebra: ir.Algebra, limits: Limits) -> frozenset[Hashable] | None:
    """The strings of a shape, in canonical form; None where they are more than a few, or hard to list."""
    if shape.high is not None and shape.high.value == 0 and not shape.patterns:
        return frozenset((canonical(""),)) if shape.why_empty(algebra, limits) is None else frozenset()
    if not shape.patterns or shape.checked:
        return None
    longest = [found.longest for found in (lengths(one.expr) for one in shape.patterns) if found is not None]
    ends = [end for end in longest if end is not None]
    if shape.high is not None:
        ends.append(shape.high.value)
    if min(ends, default=_SHORT + 1) > _SHORT:
        return None
    try:
        found = algebra.strings(shape.expression(), FEW)
    except LimitError:
        return None
    return None if found is None else frozenset(canonical(text) for text in found)
