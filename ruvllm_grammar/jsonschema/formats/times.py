"""Dates and times of RFC 3339 section 5.6, durations of its appendix A.

Days fit their month, 29 February its year (section 5.7, Gregorian rule, so 1900 has none and 2000 has one). The second
60 exists only in the minute 23:59 UTC (section 5.7, appendix D), whatever the offset: `01:29:60+01:30` is one. Read
as an automaton that needs a state for every minute of the day, through the digits of the fraction: 1,440 of them,
spelled in JSON over a hundred thousand bytes' states, for a case that hardly ever is written. So leap seconds with
`Z` or whole hours of offset are part of the expression, and those with other offsets are decided by arithmetic when
the string ends (`leap_second_fits`).
"""

from __future__ import annotations

import re

from ruvllm_grammar import ir
from ruvllm_grammar.jsonschema.formats.parts import DIGIT, numbers, one_of, times, word

_COLON = word(":")
_FRACTION = ir.optional(ir.seq(word("."), times(DIGIT, 1)))
_ZULU = one_of("Zz")
_OFFSET = ir.alt(_ZULU, ir.seq(one_of("+-"), numbers(0, 23), _COLON, numbers(0, 59)))
_LEAP = re.compile(r"([0-9]{2}):([0-9]{2}):60(?:\.[0-9]+)?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))\Z")
_DAY = 24 * 60


def date() -> ir.Expr:
    """RFC 3339 `full-date`."""
    year = times(DIGIT, 4, 4)
    hundreds_of_4 = numbers(0, 96, step=4)
    leap_year = ir.alt(
        ir.seq(times(DIGIT, 2, 2), numbers(4, 96, step=4)),
        ir.seq(hundreds_of_4, word("00")),
    )
    long_months = ir.alt(*(word(f"{month:02d}") for month in (1, 3, 5, 7, 8, 10, 12)))
    short_months = ir.alt(*(word(f"{month:02d}") for month in (4, 6, 9, 11)))
    dash = word("-")
    every_year = ir.alt(
        ir.seq(long_months, dash, numbers(1, 31)),
        ir.seq(short_months, dash, numbers(1, 30)),
        ir.seq(word("02"), dash, numbers(1, 28)),
    )
    return ir.alt(ir.seq(year, dash, every_year), ir.seq(leap_year, word("-02-29")))


def _usual() -> ir.Expr:
    return ir.seq(numbers(0, 23), _COLON, numbers(0, 59), _COLON, numbers(0, 59), _FRACTION, _OFFSET)


def time() -> ir.Expr:
    """RFC 3339 `full-time`, with the second 60 in any minute: `leap_second_fits` decides which."""
    leap = ir.seq(numbers(0, 23), _COLON, numbers(0, 59), word(":60"), _FRACTION, _OFFSET)
    return ir.alt(_usual(), leap)


def plain_time() -> ir.Expr:
    """`time` with leap seconds only where the offset is whole hours, and then the right ones."""
    second = ir.seq(word(":59:60"), _FRACTION)
    leap = [ir.seq(word("23"), second, _ZULU)]
    for hours in range(24):
        away = word(f"{hours:02d}:00")
        leap.append(ir.seq(word(f"{(23 + hours) % 24:02d}"), second, word("+"), away))
        leap.append(ir.seq(word(f"{(23 - hours) % 24:02d}"), second, word("-"), away))
    return ir.alt(_usual(), *leap)


def leap_second_fits(text: str) -> bool:
    """Whether the time at the end of `text`, which `time` reads, has no second 60 except at 23:59 UTC."""
    found = _LEAP.search(text)
    if found is None:
        return True
    hour, minute, sign, hours, minutes = found.groups()
    away = int(hours) * 60 + int(minutes) if sign else 0
    local = int(hour) * 60 + int(minute)
    return (local + away if sign == "-" else local - away) % _DAY == _DAY - 1


def duration() -> ir.Expr:
    """RFC 3339 appendix A `duration`."""
    number = times(DIGIT, 1)
    seconds = ir.seq(number, word("S"))
    minutes = ir.seq(number, word("M"), ir.optional(seconds))
    hours = ir.seq(number, word("H"), ir.optional(minutes))
    clock = ir.seq(word("T"), ir.alt(hours, minutes, seconds))
    days = ir.seq(number, word("D"))
    months = ir.seq(number, word("M"), ir.optional(days))
    years = ir.seq(number, word("Y"), ir.optional(months))
    calendar = ir.seq(ir.alt(days, months, years), ir.optional(clock))
    return ir.seq(word("P"), ir.alt(calendar, clock, ir.seq(number, word("W"))))


def date_time() -> ir.Expr:
    """RFC 3339 `date-time`: date and time with a `T` between them."""
    return ir.seq(date(), one_of("Tt"), time())


def plain_date_time() -> ir.Expr:
    """`date-time` with the leap seconds of `plain_time`."""
    return ir.seq(date(), one_of("Tt"), plain_time())
