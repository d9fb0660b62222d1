"""Records of frames against all sequences of members."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.members import Naive

import ruvllm_grammar as rg
from ruvllm_grammar.jsonschema.members import CLOSE, EMPTY, FIRST, FORMS, NEXT, Form, MemberFrame, Supply


def frame_of(supply):
    return MemberFrame(supply, "object")


def write(frame, record, form):
    """The record after a form, written the way bodies write it; None where that is not offered."""
    found = [frame.step(record, symbol) for symbol in (FIRST, NEXT)]
    inside = [one for one in found if one is not None]
    assert len(inside) < 2
    return frame.step(inside[0], FORMS + form) if inside else None


def debt(frame, record):
    """The forms that are owed, once the right number of commas is taken off."""
    owed = frame.debt(record)
    forms = [int(name.removeprefix("object.f")) for name in owed if name != "object.comma"]
    assert owed.count("object.comma") == max(0, len(forms) - (record == frame.start))
    return forms


def compare(supply, deepest, longest):
    """Every sequence of at most `longest` members: offered exactly where it can be finished."""
    naive = Naive(supply, deepest)
    frame = frame_of(supply)
    level = {(): frame.start} if naive.fewest(()) is not None else {}
    assert supply.alive(0, 0, 0) == bool(level)
    for _ in range(longest):
        following = {}
        for forms, record in level.items():
            closes = frame.step(record, CLOSE if forms else EMPTY) is not None
            assert closes == naive.whole(forms)
            assert frame.step(record, EMPTY if forms else CLOSE) is None
            owed = debt(frame, record)
            assert len(owed) == naive.fewest(forms)
            if owed:
                after = write(frame, record, owed[0])
                assert debt(frame, after) == owed[1:]
            for number in range(len(supply.forms)):
                after = write(frame, record, number)
                grown = (*forms, number)
                can = naive.may_follow(forms, number) and naive.fewest(grown) is not None
                assert (after is not None) == can, (forms, number)
                if after is not None:
                    following[grown] = after
        level = following


@st.composite
def supplies(draw, slots=3):
    needs = draw(st.integers(0, 2))
    masks = st.integers(0, (1 << needs) - 1)
    forms = []
    for slot in [*range(draw(st.integers(0, slots))), *([None] * draw(st.integers(0, 1)))]:
        always = draw(masks)
        chosen = {some & ~always for some in draw(st.sets(masks))} | {0}
        forms += [Form(slot, always, some) for some in sorted(chosen)]
    count = len({form.slot for form in forms} - {None})
    low = draw(st.integers(0, 3))
    high = draw(st.none() | st.integers(low, 4))
    required = draw(st.integers(0, (1 << count) - 1))
    ordered = draw(st.integers(0, count))
    required &= (1 << ordered) - 1 if ordered else required
    return Supply(tuple(forms), ordered, required, needs, low, high)


@given(supplies())
@settings(max_examples=200)
def test_what_is_offered_can_be_finished_and_nothing_else_is_left_out(supply):
    compare(supply, deepest=9, longest=4)


@pytest.mark.slow
@given(supplies(slots=4))
@settings(max_examples=3000)
def test_many_supplies(supply):
    compare(supply, deepest=11, longest=5)


def test_the_example_of_the_essay():
    supply = Supply((Form(0), Form(0, 0, 1), Form(None), Form(None, 0, 1)), 0, 1, 1, 0, 2)
    frame = frame_of(supply)
    after_a = write(frame, frame.start, 0)
    assert [write(frame, after_a, form) is not None for form in range(4)] == [False, False, False, True]
    assert debt(frame, after_a) == [3]
    after_x = write(frame, frame.start, 2)
    assert [write(frame, after_x, form) is not None for form in range(4)] == [False, True, False, False]


def test_a_record_is_one_whatever_way_led_to_it():
    supply = Supply(tuple(Form(slot) for slot in range(4)), 0, 0b1111, 0, 0, None)
    frame = frame_of(supply)
    found = set()
    for order in itertools.permutations(range(4)):
        record = frame.start
        for form in order:
            record = write(frame, record, form)
        found.add(frame.step(record, CLOSE))
    assert len(found) == 1


def test_equal_keys_mean_equal_behaviour():
    one = Supply((Form(0),), 0, 1, 0, 0, None)
    other = Supply((Form(0),), 0, 0, 0, 0, None)
    assert frame_of(one).key == frame_of(one).key
    assert frame_of(one).key != frame_of(other).key


def test_five_hundred_names_with_a_need_are_decided_at_once():
    forms = [Form(slot, 0, chosen) for slot in range(500) for chosen in (0, 1, 2, 3)]
    supply = Supply(tuple(forms), 0, (1 << 250) - 1, 2, 300, 400)
    assert supply.alive(0, 0, 0)
    assert supply.fewest(0, 0) == 250
    assert supply.fewest((1 << 250) - 1, 0) == 1
    assert supply.fewest((1 << 499) - 1, 0) == 1
    assert supply.fewest((1 << 500) - 1, 1) is None
    assert not supply.alive((1 << 500) - 1, 400, 3 - 1)


@pytest.mark.parametrize("any_order", [False, True])
def test_the_way_home_avoids_members_that_recur(bytes_vocabulary, any_order):
    members = {"a": {"$ref": "#"}, "b": {"type": "integer"}, "c": {"type": "null"}}
    for least, shortest in ((1, '{"b":1}'), (2, '{"b":1,"c":null}')):
        schema = {
            "type": "object",
            "minProperties": least,
            "properties": members,
            "additionalProperties": False,
        }
        grammar = rg.compile(rg.JsonSchema(schema, any_order=any_order), bytes_vocabulary)
        assert grammar.matcher().tokens_to_finish == len(shortest) + 1
