"""What is timed, and verdicts, on an engine whose languages are lists."""

import json

import pytest
from support.fake_engine import FakeEngine

from bench import measure, vocabulary
from bench.engines import Refused
from bench.sample import Case, Instance

EOS = vocabulary.EOS[0]
LANGUAGE = json.dumps([[1, 2, 3], [1, 2], [7]])


def engine(work=0.0):
    return FakeEngine(Refused, eos=EOS, work=work)


def case(*instances, schema=LANGUAGE):
    return Case(5, "a", schema, [Instance(valid, tokens, others) for valid, tokens, others in instances])


def run(*instances, schema=LANGUAGE, fresh=False, made=None):
    return measure.run(made or engine(), case(*instances, schema=schema), fresh=fresh, seconds=30)


def right(record):
    return [test["right"] for test in record["tests"]]


def test_a_valid_instance_must_be_taken_to_its_end():
    record = run((True, [1, 2], []), (True, [1, 2, 3], []), (True, [1], []), (True, [1, 3], []))
    assert right(record) == [True, True, False, False]
    assert record["status"] == "ok"
    assert (record["number"], record["id"]) == (5, "a")


def test_an_invalid_instance_must_be_stopped_somewhere():
    record = run((False, [1, 2], []), (False, [1], []), (False, [1, 3], []), (False, [8], []))
    assert right(record) == [False, True, True, True]


def test_a_valid_instance_is_tried_in_the_engines_own_order():
    record = run((True, [2, 1], [[3, 1, 2], [1, 2, 3], [7]]), (True, [2, 1], [[9]]))
    assert right(record) == [True, False]
    assert [test["order"] for test in record["tests"]] == [2, 0]
    assert len(record["tests"][0]["masks"]) == 4  # of the order that was taken


def test_an_invalid_instance_is_tried_as_it_stands_only():
    assert right(run((False, [2, 1], [[1, 2]]))) == [True]


def test_every_place_has_a_mask_and_every_step_an_advance():
    record = run((True, [1, 2, 3], []), (False, [1, 9, 3], []))
    assert [len(test["masks"]) for test in record["tests"]] == [4, 2]
    assert [len(test["advances"]) for test in record["tests"]] == [3, 1]
    assert all(time >= 0 for test in record["tests"] for time in test["masks"] + test["advances"])


def test_a_place_is_new_once_for_a_grammar():
    record = run((True, [1, 2, 3], []), (True, [1, 2], []), (True, [7], []), (True, [7], []))
    assert [test["first"] for test in record["tests"]] == ["1111", "000", "01", "00"]


def test_every_place_is_new_in_a_fresh_grammar():
    made = engine()
    record = run((True, [1, 2, 3], []), (True, [1, 2], []), fresh=True, made=made)
    assert [test["first"] for test in record["tests"]] == ["1111", "111"]
    assert len(record["again"]) == 1
    assert len(made.grammars) == 2


def test_the_first_mask_is_computed_once():
    made = engine()
    record = run((True, [1, 2, 3], []), made=made)
    assert record["tests"][0]["masks"][0] == record["first mask"]
    assert [matcher.masks for matcher in made.grammars[0].matchers] == [4]


def test_what_happens_between_calls_is_neither_mask_nor_advance():
    made = engine()
    matcher = made.compile(LANGUAGE).matcher()
    called = []
    matcher.idle = lambda: called.append(matcher.past)
    walk = measure.follow(matcher, [1, 2, 3], measure.Visits(), measure.Budget(30))
    assert called == [(1,), (1, 2), (1, 2, 3)]
    assert [len(walk.idles), len(walk.advances), len(walk.masks)] == [3, 3, 4]
    assert run((True, [1, 2], []))["tests"][0]["idles"] == []


def test_a_refusal_keeps_its_reason_and_no_times():
    record = run((True, [1], []), schema="null")
    assert (record["status"], record["reason"], record["tests"]) == ("refused", "null is not a language", [])


def test_what_an_engine_fails_with_is_its_outcome():
    record = run((True, [1], []), schema="[1, 2]")  # numbers are no texts
    assert (record["status"], record["tests"]) == ("crash", [])
    assert record["reason"].startswith("TypeError: ")
    assert "fake_engine.py:" in record["reason"]


def test_a_schema_ends_when_its_time_is_used_up():
    found = measure.run(
        engine(work=0.02), case((True, [1, 2], []), (True, [7], [])), fresh=False, seconds=0.01
    )
    assert (found["status"], found["tests"]) == ("limit", [])


def test_a_long_instance_is_given_up_on_the_way():
    tokens = list(range(100))
    budget = measure.Budget(-1)
    matcher = engine().compile(json.dumps([tokens])).matcher()
    with pytest.raises(measure.OverLimit):
        measure.follow(matcher, tokens, measure.Visits(), budget)


def test_the_clock_costs_something_below_a_millisecond():
    assert 0 < measure.clock_cost(100) < 1e6
