"""Dates and times of RFC 3339, durations of its appendix A.

Days fit their month, 29 February its year (Gregorian rule, so 1900 has none and 2000 has one). A leap second is
offered where the offset is `Z` or whole hours and the time is then 23:59:60 UTC; with other offsets it is not,
because every minute of the day would need its own offset.
"""

from __future__ import annotations

from ruvllm_grammar import ir
from ruvllm_grammar.jsonschema.formats.parts import DIGIT, numbers, one_of, times, word


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


def time() -> ir.Expr:
    """RFC 3339 `full-time`."""
    colon = word(":")
    fraction = ir.optional(ir.seq(word("."), times(DIGIT, 1)))
    zulu = one_of("Zz")
    offset = ir.alt(zulu, ir.seq(one_of("+-"), numbers(0, 23), colon, numbers(0, 59)))
    usual = ir.seq(numbers(0, 23), colon, numbers(0, 59), colon, numbers(0, 59), fraction, offset)
    second = ir.seq(word(":59:60"), fraction)
    leap = [ir.seq(word("23"), second, zulu)]
    for hours in range(24):
        away = word(f"{hours:02d}:00")
        leap.append(ir.seq(word(f"{(23 + hours) % 24:02d}"), second, word("+"), away))
        leap.append(ir.seq(word(f"{(23 - hours) % 24:02d}"), second, word("-"), away))
    return ir.alt(usual, *leap)


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
    """`date-time`: date and time with a `T` between them."""
    return ir.seq(date(), one_of("Tt"), time())
