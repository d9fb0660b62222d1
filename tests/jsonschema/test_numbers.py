"""Every integer and short decimal around the bounds, against rational arithmetic."""

import itertools
import json
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ruvllm_grammar as rg
from ruvllm_grammar import ir
from ruvllm_grammar.automata.algebra import RegularAlgebra
from ruvllm_grammar.automata.leaf import symbolic_dfa
from ruvllm_grammar.jsonschema import numbers
from ruvllm_grammar.jsonschema.clauses import Bound
from ruvllm_grammar.jsonschema.exact import comparable, is_multiple
from ruvllm_grammar.jsonschema.numbers import NumberShape
from ruvllm_grammar.limits import Limits

LIMITS = Limits()
ALGEBRA = RegularAlgebra(LIMITS)
FRACTIONS = ("", ".0", ".00", ".1", ".25", ".49", ".5", ".50", ".999", ".001", ".125")
WHOLE = (*range(131), 199, 200, 999, 1000, 1001, 12345)
TEXTS = tuple(f"{sign}{whole}{part}" for sign in ("", "-") for whole in WHOLE for part in FRACTIONS)

ENDS = st.sampled_from(
    [
        "0",
        "1",
        "-1",
        "5",
        "12",
        "99",
        "100",
        "101",
        "0.5",
        "-0.5",
        "1.05",
        "12.49",
        "-12.5",
        "1000",
        "0.001",
        "-100",
        "9.99",
        "10",
        "123.456",
    ]
).map(Fraction)
STEPS = st.sampled_from(
    ["1", "2", "5", "7", "10", "100", "0.5", "0.01", "0.25", "1.5", "3.3", "12", "0.001"]
).map(Fraction)


def bound(value, keyword, *, open=False):
    return Bound(value, open, keyword, "/" + keyword)


def shape_of(low, high, step):
    return NumberShape(
        lower=None if low is None else bound(low[0], "minimum", open=low[1]),
        upper=None if high is None else bound(high[0], "maximum", open=high[1]),
        multiple=step,
        multiples=() if step is None else (bound(step, "multipleOf"),),
    )


def fits(value, low, high, step):
    return (
        (low is None or value > low[0] or (value == low[0] and not low[1]))
        and (high is None or value < high[0] or (value == high[0] and not high[1]))
        and (step is None or (value / step).denominator == 1)
    )


def language(shape):
    expression = shape.leaf(LIMITS)
    return symbolic_dfa(expression.body, LIMITS)


@given(
    st.none() | st.tuples(ENDS, st.booleans()),
    st.none() | st.tuples(ENDS, st.booleans()),
    st.none() | STEPS,
)
@settings(max_examples=150)
def test_automaton_equals_arithmetic(low, high, step):
    shape = shape_of(low, high, step)
    if shape.why_empty(ALGEBRA, LIMITS) is not None:
        assert not any(fits(Fraction(text), low, high, step) for text in TEXTS)
        return
    dfa = language(shape)
    for text in TEXTS:
        value = Fraction(text)
        expected = fits(value, low, high, step)
        if text.startswith("-") and value == 0 and low is not None and low[0] >= 0:
            expected = False  # -0 is offered only where negative numbers are
        assert dfa.matches(text) is expected, text


@given(
    st.none() | st.tuples(ENDS, st.booleans()),
    st.none() | st.tuples(ENDS, st.booleans()),
    st.none() | STEPS,
)
@settings(max_examples=300)
def test_emptiness_by_arithmetic_equals_emptiness_of_the_automaton(low, high, step):
    machine = numbers._machine(low, high, step, LIMITS.leaf_states)
    empty = machine is ir.NEVER or symbolic_dfa(machine, LIMITS).is_empty
    assert (shape_of(low, high, step).why_empty(ALGEBRA, LIMITS) is not None) is empty


@pytest.mark.parametrize(
    "text", ["01", "-01", "00", "+1", "1.", ".5", "-", "", "1e2", "1E0", "0x1", "1 ", "--1"]
)
def test_bounded_numbers_are_json_without_exponent(text):
    assert not language(shape_of((Fraction(-1000), False), None, None)).matches(text)


@pytest.mark.parametrize(
    ("text", "number", "integer"),
    [
        ("0", True, True),
        ("-0", True, True),
        ("10", True, True),
        ("1.0", True, True),
        ("1.000", True, True),
        ("1e2", True, True),
        ("1.0E+02", True, True),
        ("1e-2", True, False),
        ("1.5", True, False),
        ("1.5e1", True, False),
        ("1e123", True, False),
        ("1.5E-10", True, False),
        ("01", False, False),
        ("1.", False, False),
        (".1", False, False),
        ("1e", False, False),
        ("NaN", False, False),
    ],
)
def test_numbers_without_bounds(text, number, integer):
    assert symbolic_dfa(numbers.NUMBER.body, LIMITS).matches(text) is number
    assert symbolic_dfa(numbers.INTEGER.body, LIMITS).matches(text) is integer


def test_digits_of_any_length():
    dfa = language(shape_of((Fraction("0.1"), True), (Fraction("0.2"), True), None))
    assert dfa.matches("0.1" + "0" * 5000 + "1")
    assert not dfa.matches("0.1" + "0" * 5000)
    assert dfa.matches("0.1" + "9" * 5000)
    assert not dfa.matches("0.2")


def test_bounds_of_three_hundred_digits():
    huge = Fraction(10**308)
    dfa = language(shape_of((-huge, False), (huge, True), Fraction(1)))
    assert dfa.matches("9" * 308)
    assert not dfa.matches("1" + "0" * 308)
    assert dfa.matches("-1" + "0" * 308)
    assert not dfa.matches("-1" + "0" * 307 + "1")


@pytest.mark.parametrize(("low", "high"), list(itertools.product((-13, -9, 0, 7, 10), (-9, 0, 9, 10, 112))))
def test_every_integer_around_two_bounds(low, high):
    shape = shape_of((Fraction(low), False), (Fraction(high), False), Fraction(1))
    if low > high:
        assert shape.why_empty(ALGEBRA, LIMITS) is not None
        return
    dfa = language(shape)
    found = [n for n in range(-200, 300) if dfa.matches(str(n))]
    assert found == list(range(low, high + 1))


def test_why_empty_names_the_clauses():
    shape = NumberShape(
        lower=bound(Fraction(5), "minimum"),
        upper=bound(Fraction("5.5"), "exclusiveMaximum", open=True),
        multiple=Fraction(6),
        multiples=(bound(Fraction(6), "multipleOf"),),
        integer="/type",
    )
    assert shape.why_empty(ALGEBRA, LIMITS) == (
        "minimum 5 (at /minimum), exclusiveMaximum 5.5 (at /exclusiveMaximum), multipleOf 6 (at /multipleOf) "
        "and type integer (at /type) leave no number"
    )


def test_a_multiple_with_too_many_remainders_is_decided_when_the_number_ends(accepts, bytes_vocabulary):
    schema = '{"type": "integer", "multipleOf": 0.123456789, "minimum": -1e9}'
    texts = [
        "0",
        "123456789",
        "-246913578",
        "123456788",
        "1e308",
        "123456789e300",
        "1.23456789E8",
        "-123456789000",
    ]
    good = ["0", "123456789", "-246913578", "123456789e300", "1.23456789E8"]
    assert accepts(schema, *texts) == good
    (guard,) = rg.compile(rg.JsonSchema(schema), bytes_vocabulary).guards
    assert guard.pointer == "/multipleOf"
    assert guard.reason == (
        "minimum -1000000000 (at /minimum), multipleOf 0.123456789 (at /multipleOf) and type integer (at /type): "
        "decided when the number ends"
    )
    denied = '{"type": "number", "not": {"multipleOf": 0.123456789}}'
    assert accepts(denied, *texts) == ["123456788", "1e308"]


def test_few_candidates_are_looked_at_one_by_one(refused):
    schema = '{"type": "number", "multipleOf": 0.123456789, "minimum": 0.1, "maximum": 0.3, "not": {"multipleOf": 0.0617283945}}'
    assert type(refused(json.loads(schema))) is rg.UnsatisfiableGrammar
    schema = '{"multipleOf": 0.123456789, "minimum": 0.1, "maximum": 0.3, "not": {"const": 0.123456789}}'
    assert type(
        refused({**json.loads(schema), "not": {"enum": [0.123456789, 0.246913578]}, "type": "number"})
    ) is (rg.UnsatisfiableGrammar)


EXPONENTS = [
    "1e2",
    "2E+2",
    "20001e-2",
    "1e999999999",
    "-1e999999999",
    "1e-999999999",
    "0e999999999",
    "2.5e1",
    "25e-1",
]


@pytest.mark.parametrize(
    ("schema", "good"),
    [
        ({"maximum": 200}, ["1e2", "2E+2", "-1e999999999", "1e-999999999", "0e999999999", "2.5e1", "25e-1"]),
        (
            {"exclusiveMinimum": 0},
            ["1e2", "2E+2", "20001e-2", "1e999999999", "1e-999999999", "2.5e1", "25e-1"],
        ),
        ({"type": "integer"}, ["1e2", "2E+2", "1e999999999", "-1e999999999", "0e999999999", "2.5e1"]),
        (
            {"multipleOf": 0.5},
            ["1e2", "2E+2", "1e999999999", "-1e999999999", "0e999999999", "2.5e1", "25e-1"],
        ),
        ({"multipleOf": 7}, ["0e999999999"]),
        ({"type": "number", "not": {"type": "integer"}}, ["20001e-2", "1e-999999999", "25e-1"]),
        ({"type": "number", "not": {"const": 25}}, [text for text in EXPONENTS if text != "2.5e1"]),
    ],
)
def test_numbers_with_exponents_are_accepted_by_value(accepts, schema, good):
    assert accepts(schema, *EXPONENTS) == good


def test_bounds_of_any_size(accepts):
    assert accepts(
        '{"maximum": 1e5000, "exclusiveMinimum": -1e-5000}', "1e5000", "1e5001", "-1e-5000", "-1e-5001"
    ) == [
        "1e5000",
        "-1e-5001",
    ]


@given(st.integers(-(10**6), 10**6), st.integers(-8, 8), STEPS)
def test_multiples_by_digits_are_those_of_arithmetic(digits, exponent, step):
    value = Decimal(digits).scaleb(exponent)
    assert is_multiple(value, step) is ((Fraction(value) / step).denominator == 1)
    assert is_multiple(digits, step) is ((digits / step).denominator == 1)


@pytest.mark.parametrize(
    ("text", "sign"), [("1e999999999", 1), ("-1e999999999", -1), ("1e-999999999", 1), ("-1e-99999", -1)]
)
def test_far_exponents_keep_their_side(text, sign):
    found = comparable(Decimal(text))
    bounds = [Fraction(10) ** n * s for n in (-20_000, 0, 20_000) for s in (-1, 1)]
    big = "e9" in text
    assert [found > one for one in bounds] == [
        (sign > 0 and (big or one < 0)) or (sign < 0 and not big and one < 0) for one in bounds
    ]


def test_rationals_have_common_multiples():
    assert numbers._lcm(Fraction(3, 10), Fraction(1, 4)) == Fraction(3, 2)
    assert numbers._lcm(Fraction(1), Fraction(1, 2)) == 1


@pytest.mark.parametrize(
    ("schema", "texts"),
    [
        ({"type": "integer"}, ["0", "-7", "12"]),
        ({"type": "integer", "minimum": 3, "maximum": 12}, ["3", "12"]),
        ({"type": "integer", "enum": [1, -2]}, ["1", "-2"]),
        ({"allOf": [{"type": "number", "multipleOf": 2}, {"type": ["integer", "null"]}]}, ["0", "12"]),
    ],
)
def test_an_integer_of_draft_4_has_no_fraction_and_no_exponent(schema, texts):
    vocabulary = rg.Vocabulary.from_tokens([bytes([b]) for b in range(256)] + [None], eos={256})
    old = rg.compile(rg.JsonSchema(schema, draft="4"), vocabulary)
    new = rg.compile(rg.JsonSchema(schema, draft="6"), vocabulary)
    for text in texts:
        assert old.accepts(text)
        assert new.accepts(text)
        for spelling in (text + ".0", text + "e0"):
            assert not old.accepts(spelling)
        assert new.accepts(text + ".0")
