"""The generator: right answers are right, the same seed gives the same data, and there is as much variety as is claimed."""

from __future__ import annotations

import json
from collections import Counter
from random import Random

import pytest

from bench.embedded_model import lists
from bench.embedded_model.cases import ROWS, Case, cases
from bench.embedded_model.chat_format import answer, render
from bench.embedded_model.conversations import Style, converse, to_json
from bench.embedded_model.draw import Draw
from bench.embedded_model.extraction import Shape, extract
from bench.embedded_model.functions import FUNCTIONS
from bench.embedded_model.judge import Verdict, fits, judge_calls, judge_document, judge_run
from bench.embedded_model.kinds import parse
from bench.embedded_model.mixture import STAGES, example
from bench.embedded_model.tools import catalogue, common, invented

KINDS = {"call": 3.0, "parallel": 2.0, "none": 1.0, "talk": 0.5, "follow_up": 1.0, "reference": 1.0}


def conversations(side: str, count: int = 150):
    for seed in range(count):
        yield converse(Draw(Random(f"{side}/{seed}"), side, exotic=0.2), Style((1, 8), (1, 5), KINDS))


@pytest.mark.parametrize("side", ["train", "held"])
def test_every_call_is_of_a_listed_tool_and_fits_its_schema(side):
    for made in conversations(side):
        listed = {tool.name: tool.to_openai()["function"]["parameters"] for tool in made.tools}
        assert len(listed) == len(made.tools)
        for turn in made.turns:
            for call in turn.calls:
                assert fits(call.arguments, listed[call.tool.name]), (call.arguments, listed[call.tool.name])
                assert list(call.arguments) == [
                    name for name in listed[call.tool.name]["properties"] if name in call.arguments
                ]


@pytest.mark.parametrize("side", ["train", "held"])
def test_copied_values_stand_in_the_conversation(side):
    copied = {
        "place",
        "person",
        "word",
        "thing",
        "title",
        "text",
        "email",
        "path",
        "code",
        "street",
        "phone",
        "handle",
    }
    for made in conversations(side, 80):
        said = "\n".join(
            str(message["content"]) for message in made.messages() if message["role"] != "assistant"
        )
        for turn in made.turns:
            for call in turn.calls:
                for field in call.tool.fields:
                    if field.kind.name in copied and field.words in call.values:
                        assert str(call.values[field.words]) in said


@pytest.mark.parametrize("side", ["train", "held"])
@pytest.mark.parametrize("seed", range(40))
def test_documents_fit_their_schemas(side, seed):
    made = extract(Draw(Random(seed), side, exotic=0.2), Shape((1, 7), 2, 3, 3))
    assert fits(made.document, made.schema)
    assert list(made.document) == [name for name in made.schema["properties"] if name in made.document]
    assert to_json(made.schema) in "".join(message["content"] for message in made.messages())


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_the_same_seed_gives_the_same_example(stage):
    assert example(stage, Random(7), pieces=("ab", "cd")) == example(stage, Random(7), pieces=("ab", "cd"))
    assert example(stage, Random(7)) != example(stage, Random(8))


@pytest.mark.parametrize("row", sorted(ROWS))
def test_the_right_answer_is_judged_right(row):
    for case in cases(row, 1, 40):
        assert verdicts(case, row) == [True] * len(verdicts(case, row))


def verdicts(case: Case, row: str) -> list[bool]:
    """Whether each right answer of a case is exact and valid."""

    def whole(verdict: Verdict) -> bool:
        return verdict.tool and verdict.exact and verdict.valid and verdict.right == verdict.of

    def written(calls) -> str:
        called = [{"function": {"name": name, "arguments": arguments}} for name, arguments in calls]
        return answer({"content": "" if calls else "Words.", "tool_calls": called})

    if case.turns:
        turns = [tuple((call.tool.name, call.arguments) for call in turn.calls) for turn in case.turns]
        return [whole(judge_calls(written(calls), calls, case.tools)) for calls in turns]
    if case.schema is not None:
        return [whole(judge_document(json.dumps(case.document), case.document, case.schema))]
    judge = judge_run if row == "success" else judge_calls
    return [whole(judge(written(case.calls), case.calls, case.tools))]


def test_rows_ask_what_they_say():
    assert all(2 <= len(case.calls) <= 5 for case in cases("parallel, unseen tools", 2, 60))
    assert all(not case.calls for case in cases("none fits, known tools", 2, 60))
    assert all(len(case.turns) == 5 for case in cases("five turns", 2, 30))
    assert all(len(case.calls) == 1 for case in cases("success", 2, 60))
    known = {tool.name for tool in (*catalogue("train"), *common("train"))}
    unseen = {tool.name for tool in catalogue("held")}
    assert known & unseen == set()
    for row, names in (("call, known tools", known), ("call, unseen tools", unseen)):
        assert {tool["function"]["name"] for case in cases(row, 2, 60) for tool in case.tools} <= names


def test_where_no_tool_fits_the_request_names_none_that_is_listed():
    for case in cases("none fits, unseen tools", 3, 60):
        assert case.calls == ()
        assert case.tools


def test_cases_do_not_depend_on_how_many_are_asked_for():
    assert cases("call, known tools", 4, 5) == cases("call, known tools", 4, 9)[:5]


def test_variety():
    assert len(lists.domains("train")) >= 20
    assert len(catalogue("train")) >= 300
    assert len(catalogue("held")) >= 100
    assert len(common("train")) == len(FUNCTIONS) == 30
    assert {tool.name for tool in common("train")} == set(FUNCTIONS)
    kinds = {field.kind.name for tool in catalogue("train") for field in tool.fields}
    assert {
        "place",
        "int",
        "num",
        "flag",
        "enum",
        "date",
        "time",
        "list",
        "object",
        "person",
        "email",
    } <= kinds
    assert any(not field.required for tool in catalogue("train") for field in tool.fields)
    counts, turns = Counter(), Counter()
    for made in conversations("train"):
        counts.update(len(turn.calls) for turn in made.turns)
        turns.update([len(made.turns)])
    assert {0, 1, 2, 3, 4, 5} <= set(counts)
    assert {1, 2, 3, 4, 5} == set(turns)


def test_made_up_words_are_the_share_that_was_asked_for():
    draw = Draw(Random(1), "train", pieces=("zq", "xv"), exotic=0.25)
    made = sum(not set(draw.word("noun").lower()) - set("zqxv") for _ in range(2000))
    assert 0.22 < made / 2000 < 0.28


def test_invented_tools_are_hardly_ever_the_same():
    names = [invented(Draw(Random(seed), "train", exotic=0.2)).name for seed in range(300)]
    assert len(set(names)) > 280


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("date", "2026-05-03", {"2026-05-03", "3 May 2026", "May 3, 2026"}),
        ("time", "14:30", {"14:30", "2:30 pm"}),
        ("time", "00:05", {"00:05", "12:05 am"}),
        ("int(1,9)", 3, {"3", "three"}),
        ("currency", "EUR", {"EUR", "euros"}),
        ("list(place)", ["Oslo", "Bern", "Rome"], {"Oslo, Bern and Rome"}),
        ("list(place)", ["Oslo"], {"Oslo"}),
        ("switch", True, {"on"}),
    ],
)
def test_how_values_are_said(kind, value, said):
    assert {parse(kind).say(value, Draw(Random(seed), "train")) for seed in range(200)} == said


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match=r"^no kind 'colour'; see the list at the top of kinds\.py$"):
        parse("colour")


def test_only_the_models_own_words_are_learned():
    made = example("base", Random(11))
    pieces = render(made.messages, made.tools)
    learned = [text for text, own in pieces if own]
    assert learned == [answer(m) + "<|im_end|>" for m in made.messages if m["role"] == "assistant"]
