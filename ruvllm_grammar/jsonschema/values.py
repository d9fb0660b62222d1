"""JSON values of a schema: exact numbers, equality by value, canonical spellings.

Python's own equality is wrong here twice over: `True == 1`, and a float is not the decimal that was written. Numbers
are read as `int` or `decimal.Decimal` and compared as rationals; `canonical` tags every value with its kind, so that
`1`, `1.0` and `1e0` are one value and `true` another (JSON Schema 2020-12 Core, section 4.2.2).
"""

from __future__ import annotations

import json
from collections.abc import Hashable
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from fractions import Fraction
from json.encoder import encode_basestring
from typing import Any

from ruvllm_grammar.errors import LimitError

#: The kinds a JSON value can have, in the order they are offered.
KINDS = ("null", "boolean", "number", "string", "object", "array")
ALL_KINDS = frozenset(KINDS)
SCALARS = frozenset(("null", "boolean", "number", "string"))

#: Integers of at most so many digits are their own keys.
_SHORT = 16
_EXACT = Context(prec=MAX_PREC, Emin=MIN_EMIN, Emax=MAX_EMAX)

#: Decimal exponents beyond this are refused before they become integers of as many digits.
MAX_EXPONENT = 20_000


def is_number(value: Any) -> bool:
    """Whether `value` is a JSON number (in Python, `True` is an `int`; in JSON it is not a number)."""
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)


def rational(value: int | Decimal) -> Fraction:
    """The exact value of a JSON number.

    Raises:
        LimitError: the exponent is beyond `MAX_EXPONENT`.
    """
    if isinstance(value, Decimal):
        exponent = value.adjusted()
        if abs(exponent) > MAX_EXPONENT:
            msg = f"the number {value} has the exponent {exponent}; at most {MAX_EXPONENT} is supported"
            raise LimitError(msg, limit="leaf_states", needed=abs(exponent))
    return Fraction(value)


def comparable(value: int | Decimal) -> Fraction:
    """The value of a number of a document, for comparing it with numbers of a schema.

    Beyond `MAX_EXPONENT`, where no number of a schema is, the exponent is cut: greater than all, less than all, next to
    zero and multiple of what has no such digits stay what they are.
    """
    if isinstance(value, Decimal) and abs(value.adjusted()) > MAX_EXPONENT and value:
        sign, digits, exponent = value.as_tuple()
        wanted = MAX_EXPONENT if value.adjusted() > 0 else -MAX_EXPONENT
        value = Decimal((sign, digits, int(exponent) + wanted - value.adjusted()))
    return rational(value) if value else Fraction(0)


def count(value: Any) -> int | None:
    """`value` as a non-negative integer (`2.0` is one), or None when it is none."""
    if not is_number(value) or value < 0:
        return None
    exact = rational(value)
    return exact.numerator if exact.denominator == 1 else None


def kind(value: Any) -> str:
    """The kind of a JSON value: one of `KINDS`."""
    if isinstance(value, str):
        return "string"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, Decimal)):
        return "number"
    return "object" if isinstance(value, dict) else "array"


def canonical(value: Any) -> Hashable:
    """A hashable key; two values are equal in JSON Schema's sense exactly when their keys are."""
    if isinstance(value, str):  # listed by the thousand
        return ("string", value)
    match kind(value):
        case "number":
            return ("number", _significant(value))
        case "object":
            return ("object", frozenset((name, canonical(member)) for name, member in value.items()))
        case "array":
            return ("array", tuple(canonical(item) for item in value))
        case tag:
            return (tag, value)


def canonical_number(value: Fraction) -> Hashable:
    """The key of a number with a finite decimal expansion."""
    places = decimal_places(value)
    return canonical(Decimal(value.numerator * 10**places // value.denominator).scaleb(-places, _EXACT))


def _significant(value: int | Decimal) -> Hashable:
    """Equal for equal numbers, however far exponents reach: a short integer, or digits and a power of ten."""
    if isinstance(value, int) and -(10**_SHORT) < value < 10**_SHORT:
        return value
    sign, digits, exponent = Decimal(value).as_tuple()
    kept = len(digits)
    while kept and digits[kept - 1] == 0:
        kept -= 1
    power = int(exponent) + len(digits) - kept
    if not kept:
        return 0
    if power >= 0 and kept + power <= _SHORT:
        found: int = int("".join(map(str, digits[:kept]))) * 10**power
        return -found if sign else found
    return (sign, digits[:kept], power)


def quoted(text: str) -> str:
    """The canonical JSON spelling of a string: only the escapes that RFC 8259 section 7 demands."""
    return encode_basestring(text)  # what `json.dumps` calls, without making an encoder first


def spellable(text: str) -> bool:
    """Whether UTF-8 can spell the string: a lone surrogate cannot be."""
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


def plain_decimal(value: Fraction) -> str:
    """The spelling of a number without exponent, trailing zeros or a fraction of zeros.

    `value` must have a finite decimal expansion, as every number read from JSON has.
    """
    sign = "-" if value < 0 else ""
    value = abs(value)
    places = decimal_places(value)
    digits = digits_of(value.numerator * 10**places // value.denominator)
    if places == 0:
        return sign + digits
    digits = digits.rjust(places + 1, "0")
    return f"{sign}{digits[:-places]}.{digits[-places:]}"


def digits_of(value: int) -> str:
    """The decimal digits of a non-negative integer of any size; `str` stops at some thousand of them."""
    return format(Decimal(value), "f")


def decimal_places(value: Fraction) -> int:
    """Digits after the point in the finite decimal expansion of `value`."""
    rest, twos, fives = value.denominator, 0, 0
    while rest % 2 == 0:
        rest //= 2
        twos += 1
    while rest % 5 == 0:
        rest //= 5
        fives += 1
    if rest != 1:
        msg = f"{value} has no finite decimal expansion"
        raise ValueError(msg)
    return max(twos, fives)


def number_spellings(value: int | Decimal) -> tuple[str, ...]:
    """The spellings offered for one number: plain, `n.0` for an integer, and Python's own where it has an exponent.

    >>> number_spellings(2)
    ('2', '2.0')
    >>> number_spellings(Decimal("1e-7"))
    ('0.0000001', '1e-07')
    """
    if isinstance(value, int) and -(10**_SHORT) < value < 10**_SHORT:
        plain = str(int(value))
        return (plain, plain + ".0")
    exact = rational(value)
    plain = plain_decimal(exact)
    found = {plain: None}
    if exact.denominator == 1:
        found[plain + ".0"] = None
    try:
        shortest = repr(float(exact))
    except OverflowError:
        return tuple(found)
    if "e" in shortest and Fraction(shortest) == exact:
        found[shortest] = None
    return tuple(found)


def describe(value: Any, *, width: int = 60) -> str:
    """A value for a message: JSON, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False, default=float)
    return text if len(text) <= width else text[: width - 3] + "..."
