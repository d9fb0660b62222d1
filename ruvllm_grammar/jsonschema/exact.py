"""Tests of single numbers, exact at any exponent.

A number that was read has a sign, digits and a power of ten, `1e999999999` among them, and must never be written out:
the digits of the text are all there is to work with.

- *Against a bound.* Bounds have exponents within `values.MAX_EXPONENT`; a number beyond stands for itself just as well
  when it is pulled in to the nearest exponent outside.
- *Against a multiple.* `d * 10^e / (a / b)` is an integer when `a` divides `d * b * 10^e`; with `e >= 0` that power is
  taken modulo `a`. With `e < 0`, after the trailing zeros of `d` are gone, a multiple of a number with `p` decimal
  places has itself at most `p` of them, so `e < -p` says no, and what is left is short.

```text
1e999999999 under maximum 200        pulled in to 1e20002: no
1e999999999 multipleOf 0.123456789   10^(999999999 + 9) modulo 123456789: no
-1e-999999999 under maximum 0        pulled in to -1e-20002: yes
```

Cost: linear in the digits written, apart from multiplying them.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from ruvllm_grammar.jsonschema.values import MAX_EXPONENT, decimal_places

_OUTSIDE = MAX_EXPONENT + 2


def comparable(value: int | Decimal) -> Fraction:
    """A number that lies on the same side as `value` of every number with an exponent within `MAX_EXPONENT`."""
    if isinstance(value, int):
        return Fraction(value)
    if not value:
        return Fraction(0)
    exponent = value.adjusted()
    if abs(exponent) < _OUTSIDE:
        return Fraction(value)
    pulled = Fraction(10**_OUTSIDE) if exponent > 0 else Fraction(1, 10**_OUTSIDE)
    return -pulled if value.is_signed() else pulled


def is_multiple(value: int | Decimal, step: Fraction) -> bool:
    """Whether `value` is an integer times `step`, which is positive and has a finite decimal expansion."""
    digits, exponent = _parts(value)
    if digits == 0:
        return True
    a, b = step.numerator, step.denominator
    if exponent >= 0:
        return digits * b * int(pow(10, exponent, a)) % a == 0
    if -exponent > decimal_places(step):
        return False
    return bool(digits * b % (a * 10**-exponent) == 0)


def _parts(value: int | Decimal) -> tuple[int, int]:
    """Digits without trailing zeros, and the power of ten; the sign is left out."""
    if isinstance(value, int):
        return abs(value), 0
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        msg = f"{value} is no number of JSON"
        raise TypeError(msg)
    end = len(digits)
    while end > 1 and digits[end - 1] == 0:
        end -= 1
    whole = int(Decimal((0, digits[:end], 0)))
    return whole, exponent + len(digits) - end
