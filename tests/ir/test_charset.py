"""Character sets behave like Python sets of scalar values."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ruvllm_grammar.ir import MAX_SCALAR, CharSet

# A small universe with every border in it; ranges between its points behave like their ends and middles.
POINTS = sorted(
    {0, 1, 2, 0x61, 0x62, 0x63, 0xD7FE, 0xD7FF, 0xE000, 0xE001, 0xFFFF, 0x10000, 0x10FFFE, MAX_SCALAR}
)
LOOSE = [-5, *POINTS, 0xD800, 0xDBFF, 0xDFFF, 0x110000]

ranges = st.lists(st.tuples(st.sampled_from(LOOSE), st.sampled_from(LOOSE)), max_size=5)


def model(pairs: list[tuple[int, int]]) -> set[int]:
    return {p for p in POINTS if any(low <= p <= high for low, high in pairs)}


def members(charset: CharSet) -> set[int]:
    return {p for p in POINTS if p in charset}


@given(ranges)
@example([(0x61, 0x61), (0x62, 0x62)])
@example([(0xD700, 0xE100)])
@example([(0xD800, 0xDFFF)])
@example([(5, 3)])
def test_of_makes_the_normal_form(pairs):
    charset = CharSet.of(*pairs)
    assert members(charset) == model(pairs)
    assert charset.ranges == CharSet.of(*charset.ranges).ranges
    for (_, high), (low, _) in zip(charset.ranges, charset.ranges[1:], strict=False):
        assert high + 1 < low
    for low, high in charset.ranges:
        assert 0 <= low <= high <= MAX_SCALAR
        assert high < 0xD800 or low > 0xDFFF


@given(ranges, ranges)
def test_operations_are_those_of_sets(one, two):
    a, b = CharSet.of(*one), CharSet.of(*two)
    x, y = model(one), model(two)
    assert members(a.union(b)) == x | y
    assert members(a.intersect(b)) == x & y
    assert members(a.difference(b)) == x - y
    assert members(a.complement()) == set(POINTS) - x


@given(ranges, ranges)
def test_equal_sets_are_equal_values(one, two):
    """Two ways to the same set give the same ranges, so the same hash."""
    a, b = CharSet.of(*one), CharSet.of(*two)
    assert a.union(b) == b.union(a)
    assert a.intersect(b) == a.complement().union(b.complement()).complement()
    assert a.difference(b) == a.intersect(b.complement())
    assert a.complement().complement() == a
    assert hash(a.union(b)) == hash(b.union(a))


@given(ranges)
def test_size_and_truth(pairs):
    charset = CharSet.of(*pairs)
    assert len(charset) == sum(high - low + 1 for low, high in charset.ranges)
    assert len(charset) + len(charset.complement()) == 0x110000 - 0x800
    assert bool(charset) == (len(charset) > 0)


def test_members_may_be_given_as_characters_numbers_and_ranges():
    assert CharSet.of("ab", 0x63, (0x64, 0x66)).ranges == ((0x61, 0x66),)
    assert "a" in CharSet.of("a")
    assert 0x61 in CharSet.of("a")
    assert None not in CharSet.ANY


def test_all_and_none():
    assert CharSet.ANY.ranges == ((0, 0xD7FF), (0xE000, MAX_SCALAR))
    assert CharSet.NONE.ranges == ()
    assert CharSet.ANY.complement() == CharSet.NONE


@pytest.mark.parametrize(
    ("charset", "shown"),
    [
        (CharSet.ANY, "."),
        (CharSet.NONE, "[]"),
        (CharSet.of("a"), "[a]"),
        (CharSet.of((0x61, 0x7A), "0"), "[0a-z]"),
        (CharSet.of("-]^\\["), "[\\-\\[-\\^]"),
        (CharSet.of("\n", "é"), "[\\u{a}\\u{e9}]"),
    ],
)
def test_shown(charset, shown):
    assert str(charset) == shown
