import json

import pytest

from ruvllm_grammar import ir
from ruvllm_grammar.automata.algebra import RegularAlgebra
from ruvllm_grammar.errors import LimitError
from ruvllm_grammar.jsonschema import read
from ruvllm_grammar.jsonschema.sizes import spelled_states
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.syntax.regex import read_pattern

LIMITS = Limits()


@pytest.mark.parametrize(
    ("pattern", "longest", "states"),
    [
        ("^abc$", None, 3),
        ("^(foo|bar)$", None, 6),
        ("^(foo|bar)$", 1, 4),  # the third letters begin at length 2
        ("^a{100}$", None, 100),
        ("^[ab]{100}$", 49, 50),  # each copy begins at one length
        ("^[ab]+$", 9, 10),
    ],
)
def test_places_times_lengths(pattern, longest, states):
    found = spelled_states(read_pattern(pattern, limits=LIMITS), longest, 10**9)
    assert found == 5 * states


def test_sets_beyond_the_basic_plane_are_spelled_in_more_ways():
    assert spelled_states(read_pattern("^.{9}$", limits=LIMITS), None, 10**9) == 20 * 9


def test_loops_are_reached_at_every_length():
    found = spelled_states(read_pattern("^([ab]+[cd]+){0,49}$", limits=LIMITS), 1000, 10**9)
    assert found > 5 * 49 * 2 * 900


def test_boolean_operators_hide_the_size():
    assert spelled_states(ir.complement(ir.literal("a")), None, 100) is None


def test_counting_stops_at_the_budget():
    huge = ir.repeat(ir.repeat(ir.literal("abc"), 0, 10**6), 0, 10**6)
    assert spelled_states(huge, None, 1000) > 1000


def test_a_pattern_beside_a_length_runs_side_by_side(accepts):
    schema = {"properties": {"p": {"type": "string", "pattern": "^(a+b+){0,49}$", "maxLength": 1000}}}
    texts = ["ab" * n for n in (49, 50)] + ["a" * 950 + "b" * n for n in (50, 51)]
    assert accepts(schema, *({"p": text} for text in texts)) == [
        json.dumps({"p": text}) for text in (texts[0], texts[2])
    ]


def test_a_pattern_that_will_not_fit_is_refused_when_it_is_read():
    schema = {"properties": {"p": {"type": "string", "pattern": "^(.{1,99}a){1,99}b$", "maxLength": 1000}}}
    small = Limits(leaf_states=2_000)
    with pytest.raises(LimitError) as caught:
        read(schema, algebra=RegularAlgebra(small), limits=small)
    assert caught.value.limit == "leaf_states"
    assert str(caught.value).startswith(
        'pattern "^(.{1,99}a){1,99}b$" (at /properties/p/pattern) beside maxLength 1000 (at /properties/p/maxLength): '
    )


def test_a_long_length_beside_a_short_pattern_is_fine(accepts):
    schema = {"type": "string", "pattern": "^[a-z]{2,5}$", "maxLength": 10**6}
    assert accepts(schema, '"abc"', '"a"') == ['"abc"']
