"""Numbers: intervals and multiples merged exactly, and the automaton that reads their decimals.

Without a bound the whole JSON number grammar is offered. With one, numbers are written without exponent, and the
language is a finite automaton over digits, exact on decimals of any length:

- *Integer part against a bound.* A string with fewer digits than the bound is smaller, one with more is greater
  (JSON has no leading zeros), one with as many compares digit by digit. So the state is how many digits were read, up
  to one more than the bound has, and how they compare so far.
- *Fraction.* Once the integer parts are equal, each digit compares with the bound's next one, or with 0 beyond its
  last; a bound read from JSON has finitely many.
- *Multiples.* `q = m / 10^s`: the digits up to `s` places behind the point, read as one integer, must leave remainder
  0 modulo `m`, and every later digit must be 0. The state is that remainder and the place.

The product of the three, for the positive numbers and mirrored for the negative ones, keeps only states that are
reached; the dead ones fall to minimisation. Worked example, `minimum 0.5, exclusiveMaximum 12`: after `1` both `1`
and a second digit `0` or `1` are open, after `12` nothing but a dead end is left, after `0.` only `5` to `9` lead on
at once, and `0.49...` never does.

Cost: states are about (digits of the bounds) x 2 x `m` x (`s` + 1). Where that is beyond `Limits.leaf_states`, the
automaton keeps to the bounds, or to decimals at all, and a check decides the number when it ends: exact, but a number
may turn out wrong at its end, so such a place is guarded. `-0` is offered where negative numbers are.

A number with an exponent is no matter for a finite automaton where there are bounds, so it is not offered there;
acceptance reads every spelling and asks the check (`leaf` with `lenient`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor, lcm

from ruvllm_grammar import ir
from ruvllm_grammar.errors import LimitError
from ruvllm_grammar.jsonschema.clauses import Bound, Cell, Listed
from ruvllm_grammar.jsonschema.exact import comparable, is_multiple
from ruvllm_grammar.jsonschema.values import (
    decimal_places,
    digits_of,
    is_number,
    plain_decimal,
    rational,
)
from ruvllm_grammar.limits import Limits

_DIGIT = ir.chars(ir.CharSet.of((0x30, 0x39)))
_INTEGER = ir.seq(
    ir.optional(ir.literal("-")),
    ir.alt(ir.literal("0"), ir.seq(ir.chars(ir.CharSet.of((0x31, 0x39))), ir.repeat(_DIGIT, 0))),
)
_E = ir.chars(ir.CharSet.of("eE"))

_ANY_EXPONENT = ir.seq(_E, ir.optional(ir.chars(ir.CharSet.of("+-"))), ir.repeat(_DIGIT, 1))
_WHOLE_EXPONENT = ir.seq(_E, ir.optional(ir.literal("+")), ir.repeat(_DIGIT, 1, 2))
#: Numbers that are looked at one by one.
_FEW = 1000
#: Numbers tried before an automaton is asked whether any is left.
_TRIED = 100
#: Bounds below, in lowest terms, have few digits.
_SMALL = 10**1000

#: RFC 8259 section 6.
NUMBER = ir.leaf(
    ir.seq(
        _INTEGER,
        ir.optional(ir.seq(ir.literal("."), ir.repeat(_DIGIT, 1))),
        ir.optional(_ANY_EXPONENT),
    )
)

#: The same without exponent.
DECIMAL = ir.seq(_INTEGER, ir.optional(ir.seq(ir.literal("."), ir.repeat(_DIGIT, 1))))

#: Integers of draft 4: "a JSON number without a fraction or exponent part" (draft-zyp-json-schema-04, section 3.5).
WHOLE = ir.leaf(_INTEGER)

#: A number with a fraction that does not end in 0.
_SHORTEST = ir.seq(_INTEGER, ir.literal("."), ir.repeat(_DIGIT, 0), ir.chars(ir.CharSet.of((0x31, 0x39))))
_ZEROS = ir.repeat(ir.literal("0"), 1)
#: Zero as the mantissa of an exponent.
_ZERO = ir.seq(ir.optional(ir.literal("-")), ir.literal("0"), ir.optional(ir.seq(ir.literal("."), _ZEROS)))

#: Integers by value: `7`, `7.0`, `7e2`, `7.0E+02`. The exponent has at most two digits, so that readers which hold
#: numbers in binary floating point still see an integer.
INTEGER = ir.leaf(
    ir.seq(
        _INTEGER,
        ir.optional(ir.seq(ir.literal("."), ir.repeat(ir.literal("0"), 1))),
        ir.optional(_WHOLE_EXPONENT),
    )
)


@dataclass(frozen=True, slots=True)
class NumberShape:
    """Merged assertions about a number.

    Attributes:
        lower: the greatest lower bound, or None.
        upper: the least upper bound, or None.
        multiple: the number must be a multiple of this; 1 for an integer; None: of nothing.
        multiples: the clauses that `multiple` comes from.
        not_multiples: the number must not be a multiple of any of these.
        not_values: lists of values it must not be.
        integer: pointer of the clause that asks for an integer, or None.
        whole: integers are spelled without fraction and exponent (draft 4).
    """

    lower: Bound | None = None
    upper: Bound | None = None
    multiple: Fraction | None = None
    multiples: tuple[Bound, ...] = ()
    not_multiples: tuple[Bound, ...] = ()
    not_values: tuple[Listed, ...] = ()
    integer: str | None = None
    whole: bool = False

    def why_empty(self, algebra: ir.Algebra, limits: Limits) -> str | None:
        """Why no number fits, naming the clauses; None when one does, or may (`guards`)."""
        if self._interval_is_empty():
            return self._clash()
        if self.not_multiples or self.not_values:
            few = self._few()
            if few is not None:
                return None if any(map(self.holds, few)) else self._clash()
            if self._excluded():
                return self._clash()
            if any(map(self.holds, self._first())):
                return None
            found, exact = self._language(limits)
            if exact and algebra.is_empty(found):
                return self._clash()
        return None

    def _few(self) -> list[Decimal] | None:
        """All numbers that the bounds and the multiples leave, where they are few; else None."""
        low, high, step = self.lower, self.upper, self.multiple
        if low is None or high is None or step is None or (high.value - low.value) / step > _FEW:
            return None
        first, last = ceil(low.value / step), floor(high.value / step)
        return [Decimal(plain_decimal(n * step)) for n in range(first, last + 1)]

    def _excluded(self) -> bool:
        """Whether every multiple that is asked for is one of those that are denied."""
        step = self.multiple
        return step is not None and any((step / one.value).denominator == 1 for one in self.not_multiples)

    def _first(self) -> Iterator[Decimal]:
        """The first numbers inside the bounds in steps that are allowed: mostly one of them is not excluded."""
        step = Fraction(1, 8) if self.multiple is None else self.multiple
        if self.lower is not None:
            numbers = range(start := ceil(self.lower.value / step), start + _TRIED)
        else:
            last = 0 if self.upper is None else floor(self.upper.value / step)
            numbers = range(last, last - _TRIED, -1)
        return (Decimal(plain_decimal(n * step)) for n in numbers)

    def holds(self, value: int | Decimal) -> bool:
        """Whether a number satisfies all of it, whatever its exponent. The spelling of `whole` apart."""
        point = comparable(value)
        low, high = self.lower, self.upper
        return (
            (low is None or point > low.value or (point == low.value and not low.open))
            and (high is None or point < high.value or (point == high.value and not high.open))
            and (self.multiple is None or is_multiple(value, self.multiple))
            and not any(is_multiple(value, one.value) for one in self.not_multiples)
            and not any(
                point == rational(one)
                for listed in self.not_values
                for one in listed.values
                if is_number(one)
            )
        )

    def _interval_is_empty(self) -> bool:
        low, high, step = self.lower, self.upper, self.multiple
        if low is None or high is None:
            return False
        if step is None:
            return low.value > high.value or (low.value == high.value and (low.open or high.open))
        first = -((-low.value) // step) * step
        if first == low.value and low.open:
            first += step
        return first > high.value or (first == high.value and high.open)

    def _clauses(self) -> str:
        """Everything it says, in words."""
        bounds = [one for one in (self.lower, self.upper) if one is not None]
        clauses = [str(one) for one in (*bounds, *self.multiples, *self.not_multiples)]
        clauses.extend(f"not {one}" for one in self.not_values)
        if self.integer is not None:
            clauses.append(f"type integer (at {self.integer})")
        return clauses[0] if len(clauses) == 1 else f"{', '.join(clauses[:-1])} and {clauses[-1]}"

    def _clash(self) -> str:
        clauses = self._clauses()
        return f"{clauses} {'leave' if ' and ' in clauses else 'leaves'} no number"

    def leaf(self, limits: Limits, *, lenient: bool = False) -> ir.Expr:
        """The numbers, with a check behind them where no automaton decides.

        Args:
            limits: `leaf_states` bounds the automaton.
            lenient: every spelling, for acceptance; else those that generation keeps to.
        """
        if self._says_nothing:
            return NUMBER
        if lenient and not self.whole:
            return ir.seq(NUMBER, ir.check(self._check()))
        if self.multiple == 1 and self._unbounded and not self.not_multiples and not self.not_values:
            return WHOLE if self.whole else INTEGER
        found, exact = self._language(limits)
        return ir.leaf(found) if exact else ir.seq(ir.leaf(found), ir.check(self._check()))

    def item(self, limits: Limits, algebra: ir.Algebra, again: ir.Expr) -> ir.Expr:
        """The same numbers, with `again` wherever a spelling goes on although its value is settled.

        `7` may go on as `7.0`, and `0` as `0e5`, which are the same numbers. Where a number must not be repeated (an
        item of an array whose items differ), `again` stands there for the question whether this one has come before:
        the same that stands behind the item. So no such spelling is begun that could only end as a repetition.
        """
        exponents: ir.Expr = ir.NEVER
        exact = True
        plain = self.lower is None and self.upper is None and not self.not_multiples and not self.not_values
        if plain and self.multiple is None:
            decimals = mantissas = DECIMAL
            exponents = _ANY_EXPONENT
        elif plain and self.multiple == 1 and not self.whole:
            mantissas = ir.seq(_INTEGER, ir.optional(ir.seq(ir.literal("."), _ZEROS)))
            decimals = mantissas
            exponents = _WHOLE_EXPONENT
        else:
            decimals, exact = self._language(limits)
            mantissas = decimals
        whole, shortest = ir.both(decimals, _INTEGER), ir.both(decimals, _SHORTEST)
        parts = [ir.leaf(ir.both(decimals, ir.alt(_INTEGER, _SHORTEST)))]
        if not self.whole:
            zeros = ir.leaf(_ZEROS)
            if not algebra.is_empty(whole):
                parts.append(ir.seq(ir.leaf(whole), again, ir.literal("."), zeros))
            if not algebra.is_empty(shortest):
                parts.append(ir.seq(ir.leaf(shortest), again, zeros))
        if exponents is not ir.NEVER:
            parts.append(ir.leaf(ir.seq(ir.but_not(mantissas, _ZERO), exponents)))
            parts.append(ir.seq(ir.leaf(_ZERO), again, ir.leaf(exponents)))
        return ir.alt(*parts) if exact else ir.seq(ir.alt(*parts), ir.check(self._check()))

    def guards(self, limits: Limits) -> tuple[ir.Guard, ...]:
        """Where generation meets a check."""
        if not (self.multiples or self.not_multiples or self.not_values) and self._small:
            return ()
        _, exact = self._language(limits)
        if exact:
            return ()
        return (ir.Guard(self._pointer, f"{self._clauses()}: decided when the number ends"),)

    @property
    def _unbounded(self) -> bool:
        return self.lower is None and self.upper is None

    @property
    def _says_nothing(self) -> bool:
        return self._unbounded and self.multiple is None and not self.not_multiples and not self.not_values

    @property
    def _small(self) -> bool:
        """Whether the digits of the bounds are few enough for any budget."""
        return all(
            bound is None or max(bound.value.numerator, bound.value.denominator) < _SMALL
            for bound in (self.lower, self.upper)
        )

    def _check(self) -> ir.Check:
        """The test of the whole shape; its name says all of it, digit by digit, since names identify tests."""
        parts = []
        for word, bound in ((">", self.lower), ("<", self.upper)):
            if bound is not None:
                parts.append(f"{word}{'' if bound.open else '='} {plain_decimal(bound.value)}")
        if self.multiple is not None:
            parts.append(f"multiple of {plain_decimal(self.multiple)}")
        parts.extend(f"no multiple of {plain_decimal(one.value)}" for one in self.not_multiples)
        excluded = {rational(v) for listed in self.not_values for v in listed.values if is_number(v)}
        parts.extend(f"not {plain_decimal(one)}" for one in sorted(excluded))
        return ir.Check("value", f"number {', '.join(parts)}", self._pointer, self.holds)

    @property
    def _pointer(self) -> str:
        """A clause of the shape."""
        bounds = [one for one in (self.lower, self.upper) if one is not None]
        pointers = [one.pointer for one in (*self.multiples, *self.not_multiples, *bounds)]
        pointers += [one.pointer for one in self.not_values]
        return pointers[0] if pointers else self.integer or ""

    def _language(self, limits: Limits) -> tuple[ir.Expr, bool]:
        """The decimals without exponent, as a regular expression, and whether that decides; else it is a superset."""
        budget = limits.leaf_states
        # Where no number is negative, only -0 could have a sign, and 0 says it.
        signed = self.lower is None or self.lower.value < 0
        low, high = _end(self.lower), _end(self.upper)
        exact = True
        try:
            found = _machine(low, high, self.multiple, budget, signed=signed)
            for one in self.not_multiples:
                found = ir.but_not(found, _machine(None, None, one.value, budget))
        except LimitError:
            exact = False
            try:
                found = _machine(low, high, None, budget, signed=signed)
            except LimitError:
                found = DECIMAL
            if self.integer is not None:
                found = ir.both(found, _INTEGER)
        for listed in self.not_values if exact else ():
            for value in listed.values:
                if is_number(value):
                    point = (rational(value), False)
                    found = ir.but_not(found, _machine(point, point, None, budget))
        return (ir.both(found, _INTEGER) if self.whole else found), exact


def merge(cells: Iterable[Cell]) -> NumberShape:
    """The conjunction of what the cells say about numbers."""
    lower: Bound | None = None
    upper: Bound | None = None
    multiples: list[Bound] = []
    not_multiples: list[Bound] = []
    not_values: list[Listed] = []
    integer: str | None = None
    whole = False
    for cell in cells:
        whole = whole or cell.whole
        for bound in cell.lower:
            if lower is None or (bound.value, bound.open) > (lower.value, lower.open):
                lower = bound
        for bound in cell.upper:
            if upper is None or (bound.value, not bound.open) < (upper.value, not upper.open):
                upper = bound
        multiples.extend(cell.multiples)
        not_multiples.extend(cell.not_multiples)
        not_values.extend(one for one in cell.not_values if any(is_number(value) for value in one.values))
        if cell.integer and integer is None:
            integer = cell.at("type")
    multiple = Fraction(1) if integer is not None else None
    for one in multiples:
        multiple = one.value if multiple is None else _lcm(multiple, one.value)
    return NumberShape(
        lower, upper, multiple, tuple(multiples), tuple(not_multiples), tuple(not_values), integer, whole
    )


def _lcm(a: Fraction, b: Fraction) -> Fraction:
    """The least positive common multiple of two positive rationals."""
    common = a.denominator * b.denominator
    return Fraction(lcm(a.numerator * b.denominator, b.numerator * a.denominator), common)


def _end(bound: Bound | None) -> tuple[Fraction, bool] | None:
    return None if bound is None else (bound.value, bound.open)


# ----------------------------------------------------------------------------------------------------- the automaton


class _Comparison:
    """Compares a decimal that is read digit by digit with one fixed non-negative bound.

    A state is `(digits read, sign so far)` in the integer part and `(place, sign so far)` in the fraction, both
    saturating, so there are finitely many.
    """

    __slots__ = ("fraction", "open", "whole")

    def __init__(self, value: Fraction, *, open: bool) -> None:
        whole = floor(value)
        places = decimal_places(value)
        self.whole = digits_of(whole)
        rest = (value - whole) * 10**places
        self.fraction = digits_of(int(rest)).rjust(places, "0") if places else ""
        self.open = open

    def digit(self, state: tuple[int, int], digit: int) -> tuple[int, int]:
        read, sign = state
        if read >= len(self.whole):
            return (len(self.whole) + 1, 1)
        if sign == 0:
            sign = (digit > int(self.whole[read])) - (digit < int(self.whole[read]))
        return (read + 1, sign)

    def point(self, state: tuple[int, int]) -> tuple[int, int]:
        read, sign = state
        return (0, -1 if read < len(self.whole) else sign)

    def place(self, state: tuple[int, int], digit: int) -> tuple[int, int]:
        place, sign = state
        if sign:
            return (0, sign)
        expected = int(self.fraction[place]) if place < len(self.fraction) else 0
        if digit != expected:
            return (0, 1 if digit > expected else -1)
        return (min(place + 1, len(self.fraction)), 0)

    def sign(self, state: tuple[int, int]) -> int:
        """The comparison if the number ended here, in the fraction."""
        place, sign = state
        return sign or (-1 if place < len(self.fraction) else 0)


#: States of the two comparisons, the remainder, and the place behind the point (0 in the integer part).
_Inner = tuple[tuple[int, int], tuple[int, int], int, int]

#: Phase, sign, inner state. Phases: "start", "minus", "zero" and "whole" (integer part), "point", "fraction".
_State = tuple[str, str, _Inner]

_FRESH: _Inner = ((0, 0), (0, 0), 0, 0)


class _Side:
    """Magnitudes of one sign: an interval and a multiple."""

    def __init__(
        self, low: tuple[Fraction, bool] | None, high: tuple[Fraction, bool] | None, multiple: Fraction | None
    ) -> None:
        zero = (Fraction(0), False)
        self.possible = high is None or high[0] > 0 or high == zero
        self.low = self.high = None
        if self.possible and low is not None and low[0] >= 0 and low != zero:
            self.low = _Comparison(low[0], open=low[1])
        if self.possible and high is not None:
            self.high = _Comparison(high[0], open=high[1])
        self.places = 0 if multiple is None else decimal_places(multiple)
        self.modulus = 0 if multiple is None else int(multiple * 10**self.places)

    def digit(self, state: _Inner, digit: int) -> _Inner | None:
        """One more digit of the integer part; None when it has more digits than the upper bound."""
        low, high, rest, place = state
        if self.high is not None:
            high = self.high.digit(high, digit)
            if high[0] > len(self.high.whole):
                return None
        if self.low is not None:
            low = self.low.digit(low, digit)
        return (low, high, (rest * 10 + digit) % self.modulus if self.modulus else 0, place)

    def point(self, state: _Inner) -> _Inner:
        """The integer part is over."""
        low, high, rest, place = state
        return (
            self.low.point(low) if self.low else low,
            self.high.point(high) if self.high else high,
            rest,
            place,
        )

    def place(self, state: _Inner, digit: int) -> _Inner | None:
        """One more digit of the fraction; None when no number can come of it."""
        low, high, rest, place = state
        if self.modulus:
            if place < self.places:
                rest, place = (rest * 10 + digit) % self.modulus, place + 1
            elif digit:
                return None
        after = (
            self.low.place(low, digit) if self.low else low,
            self.high.place(high, digit) if self.high else high,
            rest,
            place,
        )
        return None if self.lost(after) else after

    def lost(self, state: _Inner) -> bool:
        """Whether a comparison in the fraction is lost for good."""
        low, high, _, _ = state
        return (self.low is not None and low[1] < 0) or (self.high is not None and high[1] > 0)

    def accepts(self, state: _Inner) -> bool:
        """Whether the number may end here, in the fraction."""
        low, high, rest, place = state
        if self.modulus and rest * 10 ** (self.places - place) % self.modulus:
            return False
        if self.low:
            sign = self.low.sign(low)
            if sign < 0 or (sign == 0 and self.low.open):
                return False
        if self.high:
            sign = self.high.sign(high)
            if sign > 0 or (sign == 0 and self.high.open):
                return False
        return True


@lru_cache(maxsize=4096)
def _machine(
    low: tuple[Fraction, bool] | None,
    high: tuple[Fraction, bool] | None,
    multiple: Fraction | None,
    budget: int,
    *,
    signed: bool = True,
) -> ir.Expr:
    """The automaton of the decimals without exponent in an interval that are multiples of `multiple`.

    Without `signed` the minus sign is left out.
    """
    sides = {"+": _Side(low, high, multiple)}
    if signed:
        sides["-"] = _Side(_mirrored(high), _mirrored(low), multiple)
    modulus = sides["+"].modulus
    if modulus > budget:
        msg = f"needs {modulus} remainders, more than Limits.leaf_states = {budget}; raise the limit"
        raise LimitError(msg, limit="leaf_states", needed=modulus)
    start: _State = ("start", "+", _FRESH)
    numbers: dict[_State, int] = {start: 0}
    queue = [start]
    rows: list[tuple[tuple[int, int, int], ...]] = []
    accepting: list[int] = []
    for state in queue:
        if _ends(state, sides):
            accepting.append(len(rows))
        edges: list[tuple[int, int]] = []
        for point, onward in _edges(state, sides):
            found = numbers.get(onward)
            if found is None:
                found = numbers[onward] = len(numbers)
                queue.append(onward)
            edges.append((point, found))
        rows.append(tuple(_ranges(edges)))
        if len(numbers) > budget:
            msg = f"needs more than Limits.leaf_states = {budget} states; raise the limit"
            raise LimitError(msg, limit="leaf_states", needed=len(numbers))
    return ir.machine(rows, accepting)


def _mirrored(end: tuple[Fraction, bool] | None) -> tuple[Fraction, bool] | None:
    return None if end is None else (-end[0], end[1])


def _ends(state: _State, sides: dict[str, _Side]) -> bool:
    phase, sign, inner = state
    if phase in {"zero", "whole"}:
        return sides[sign].accepts(sides[sign].point(inner))
    return phase == "fraction" and sides[sign].accepts(inner)


def _edges(state: _State, sides: dict[str, _Side]) -> Iterator[tuple[int, _State]]:
    """(code point, next state), ascending; `-` and `.` come before the digits in Unicode as here."""
    phase, sign, inner = state
    side = sides[sign]
    if phase == "start" and "-" in sides and sides["-"].possible:
        yield 0x2D, ("minus", "-", inner)
    if phase in {"start", "minus", "whole"}:
        if phase == "whole" and not side.lost(side.point(inner)):
            yield 0x2E, ("point", sign, side.point(inner))
        for digit in range(10 if side.possible else 0):
            onward = side.digit(inner, digit)
            if onward is not None:
                leading_zero = phase != "whole" and digit == 0
                yield 0x30 + digit, ("zero" if leading_zero else "whole", sign, onward)
    elif phase == "zero":
        if not side.lost(side.point(inner)):
            yield 0x2E, ("point", sign, side.point(inner))
    else:
        for digit in range(10):
            onward = side.place(inner, digit)
            if onward is not None:
                yield 0x30 + digit, ("fraction", sign, onward)


def _ranges(edges: list[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Join neighbouring code points with one target into ranges."""
    out: list[tuple[int, int, int]] = []
    for point, onward in edges:
        if out and out[-1][1] == point - 1 and out[-1][2] == onward:
            out[-1] = (out[-1][0], point, onward)
        else:
            out.append((point, point, onward))
    return out
