import json
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruvllm_grammar.errors import LimitError
from ruvllm_grammar.jsonschema import values


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1, Decimal("1.0"), True),
        (1, Decimal("1e0"), True),
        (1, True, False),
        (0, False, False),
        (None, False, False),
        ("1", 1, False),
        ([1, Decimal("2.0")], [1, 2], True),
        ([1], [True], False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ([], {}, False),
        (Decimal("0.1"), Decimal("0.10"), True),
        (9007199254740993, Decimal(9007199254740992), False),
    ],
)
def test_values_are_equal_by_value_and_never_across_kinds(one, other, equal):
    assert (values.canonical(one) == values.canonical(other)) is equal


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2, 2),
        (Decimal("2.0"), 2),
        (Decimal("2e1"), 20),
        (Decimal("2.5"), None),
        (-1, None),
        (True, None),
        ("2", None),
        (None, None),
    ],
)
def test_counts_are_integers_by_value(value, expected):
    assert values.count(value) == expected


@pytest.mark.parametrize(
    ("value", "spellings"),
    [
        (2, ("2", "2.0")),
        (0, ("0", "0.0")),
        (-7, ("-7", "-7.0")),
        (Decimal("1.50"), ("1.5",)),
        (Decimal("-0.001"), ("-0.001",)),
        (Decimal("1e-7"), ("0.0000001", "1e-07")),
        (Decimal("1e16"), ("10000000000000000", "10000000000000000.0", "1e+16")),
        (Decimal("-0.0"), ("0", "0.0")),
    ],
)
def test_spellings_of_numbers(value, spellings):
    assert values.number_spellings(value) == spellings


@given(st.integers(-(10**20), 10**20), st.integers(-12, 12))
def test_plain_decimals_read_back_exactly(mantissa, exponent):
    value = Fraction(mantissa) * Fraction(10) ** exponent
    text = values.plain_decimal(value)
    assert Fraction(Decimal(text)) == value
    assert "e" not in text.lower()


@given(st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False))
def test_every_spelling_is_json_for_the_same_number(value):
    exact = json.loads(json.dumps(value), parse_float=Decimal)
    for text in values.number_spellings(exact):
        assert Fraction(Decimal(text)) == values.rational(exact)
        json.loads(text)
    assert json.dumps(value) in values.number_spellings(exact) or value == 0 or exact == int(exact)


def test_a_huge_exponent_is_a_limit_and_not_a_hang():
    with pytest.raises(LimitError) as caught:
        values.rational(Decimal("1e999999999"))
    assert caught.value.limit == "leaf_states"


@pytest.mark.parametrize(
    ("text", "fine"), [("a", True), ("é😀", True), ("\ud800", False), ("a\udfff", False)]
)
def test_lone_surrogates_cannot_be_spelled(text, fine):
    assert values.spellable(text) is fine
