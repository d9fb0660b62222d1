from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruvllm_grammar.match.canonical import Number, Pool, number, plain

NUMERALS = st.from_regex(r"-?(0|[1-9][0-9]{0,4})(\.[0-9]{1,4})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)


def exactly(text: str) -> Fraction:
    mantissa, _, exponent = text.lower().partition("e")
    return Fraction(mantissa) * Fraction(10) ** int(exponent or 0)


@given(NUMERALS, NUMERALS)
def test_numbers_are_equal_as_rationals_are(a, b):
    assert (number(a.encode()) == number(b.encode())) == (exactly(a) == exactly(b))
    assert Fraction(plain(number(a.encode()))) == exactly(a)


@pytest.mark.parametrize("text", [b"", b"-", b"1.", b"1e", b"1e+", b"01x", b"."])
def test_beginnings_of_numbers_are_no_numbers(text):
    assert number(text) is None


def test_numbers_far_away_cost_nothing():
    assert number(b"1e999999999") == number(b"10E+999999998") == Number("1", 999_999_999)
    assert number(b"1e" + b"9" * 10_000) != number(b"1e" + b"9" * 9_999 + b"8")
    assert plain(number(b"1e999999999")) == Decimal("1e999999999")
    assert plain(number(b"1e" + b"9" * 30)) == Decimal("1e100000000000000000")  # capped


def test_containers_are_equal_when_they_are_one():
    pool = Pool()
    one = number(b"1")
    assert pool.array([one, True]) is pool.array([number(b"1.0"), True])
    assert pool.array([one]) is not pool.array([True])
    assert pool.array([]) is not pool.object({})
    assert pool.object({"a": one, "b": None}) is pool.object({"b": None, "a": one})
    assert pool.object({"a": one}) is not pool.object({"a": "1"})
    assert plain(pool.object({"a": pool.array([one, "x"]), "b": False})) == {"a": [1, "x"], "b": False}


def test_depth_does_not_matter():
    pool = Pool()
    a = b = pool.array([])
    for _ in range(50_000):
        a, b = pool.array([a]), pool.array([b])
    assert a is b
    value = plain(a)
    depth = 0
    while value:
        (value,) = value
        depth += 1
    assert depth == 50_000
