"""Nothing that is held out occurs in training: no word of a tool, key or value, no half of a compound, no phrasing."""

from __future__ import annotations

import re
from functools import cache
from random import Random

import pytest

from bench.embedded_model import lists, split
from bench.embedded_model.cases import ROWS, cases
from bench.embedded_model.chat_format import render
from bench.embedded_model.draw import Draw
from bench.embedded_model.kinds import SHARED_WORDS, content_words, parse
from bench.embedded_model.lists import runs
from bench.embedded_model.mixture import STAGES, example
from bench.embedded_model.tools import catalogue

PIECES = ("lan", "tern", "qu", "Os", "lo", "com", "et", "tele", "scope", "a", "ing")
COUNT = 250


@cache
def training_texts() -> tuple[str, ...]:
    """What training shows, in every stage, with made-up words of pieces and of syllables."""
    found = []
    for stage in STAGES:
        for seed in range(COUNT):
            made = example(stage, Random(f"test/{stage}/{seed}"), pieces=PIECES if seed % 2 else ())
            found.append("".join(text for text, _ in render(made.messages, made.tools)))
    return tuple(found)


@cache
def training_stems() -> frozenset[str]:
    return frozenset(split.stem(word) for text in training_texts() for word in runs(text))


def names(schema: dict) -> list[str]:
    """Every property name of a schema, inner ones included."""
    inner = [schema["items"]] if "items" in schema else []
    for name, value in schema.get("properties", {}).items():
        inner.append(value)
        yield from [name]
    for value in inner:
        yield from names(value)


def test_no_word_of_a_held_out_tool_or_key_occurs_in_training():
    words = set()
    for tool in catalogue("held"):
        listed = tool.to_openai()["function"]
        words |= {
            word for name in (tool.name, tool.thing, *names(listed["parameters"])) for word in runs(name)
        }
        words |= {word for verb in tool.verbs[:1] for word in runs(verb)}
    assert len(words) > 150
    assert {word for word in words if split.stem(word) in training_stems()} == set()


def test_words_of_composed_names_are_on_their_side_one_by_one():
    for side, other in (("train", "held"), ("held", "train")):
        for tool in catalogue(side):
            halves = [
                word
                for name in (tool.name, *names(tool.to_openai()["function"]["parameters"]))
                for word in runs(name)
            ]
            assert [half for half in halves if split.side(half) == other] == [], tool.name


@pytest.mark.parametrize(
    "kind", ["place", "person", "word", "thing", "title", "email", "path", "street", "handle", "host"]
)
def test_words_of_values_are_on_their_side(kind):
    for side in ("train", "held"):
        draw = Draw(Random(3), side, pieces=PIECES, exotic=0.4)
        for _ in range(200):
            value = parse(kind).value(draw)
            assert {split.side(word) for word in content_words(value)} <= {side}, value


@pytest.mark.parametrize("kind", ["int(100,99999)", "num(100,9000)", "date", "time", "code", "phone", "text"])
def test_values_drawn_for_one_side_are_never_drawn_for_the_other(kind):
    seen = {}
    for side in ("train", "held"):
        draw = Draw(Random(4), side)
        # `text` may repeat a short sentence; digits of codes and telephone numbers are split number by number.
        seen[side] = {str(parse(kind).value(draw)) for _ in range(1500)}
    assert seen["train"] & seen["held"] == set()


def test_held_out_values_do_not_occur_in_training():
    words = set()
    for seed in range(100):
        draw = Draw(Random(seed), "held", pieces=PIECES, exotic=0.2)
        for kind in ("person", "place", "title", "email", "path", "street"):
            words |= {word for word in content_words(parse(kind).value(draw)) if len(word) > 2}
    shared = {word for word in words if split.stem(word) in training_stems()}
    assert shared == set()


def test_shared_words_are_few_and_closed():
    assert len(SHARED_WORDS) < 32


def literal_parts(phrase: str) -> list[str]:
    """The fixed texts of a phrasing that are long enough to be its own: four words and more, since three are anywhere."""
    return [part.strip() for part in re.split(r"\{\w*\}", phrase) if len(part.split()) >= 4]


def phrasings() -> dict[str, dict]:
    found = {}
    for name, entry in lists.table("phrasing").items():
        for inner, sides in entry.items() if name == "natural" else [("", entry)]:
            found[f"{name}.{inner}" if inner else name] = sides
    return found


@pytest.mark.parametrize("name", sorted(phrasings()))
def test_phrasings_of_both_sides_differ(name):
    sides = phrasings()[name]
    assert set(sides["train"]) & set(sides.get("held", ())) == set()
    assert split.phrases(name, "train") == tuple(sides["train"])
    assert split.phrases(name, "held") == tuple(sides.get("held", sides["train"]))


def test_no_held_out_phrasing_is_said_in_training():
    held = [phrase for sides in phrasings().values() for phrase in sides.get("held", ())]
    held += [said for talk in lists.table("chat")["talk"] for said in talk["held"]]
    held += [said for tool in lists.table("common").values() for said in tool["held"]]
    held += [said for record in lists.table("records").values() for said in record["held"]]
    parts = {part.casefold() for phrase in held for part in literal_parts(phrase)}
    assert len(parts) > 25
    text = "\n".join(training_texts()).casefold()
    assert sorted(part for part in parts if part in text) == []


def test_every_common_tool_and_talk_has_both_sides():
    for entry in (*lists.table("common").values(), *lists.table("chat")["talk"]):
        assert entry["says"]
        assert entry["held"]
        assert set(entry["says"]) & set(entry["held"]) == set()


def test_every_key_of_a_record_is_told_on_both_sides():
    for name, record in lists.table("records").items():
        keys = {text.partition(":")[0] for text in record["keys"].split()}
        for side in ("train", "held"):
            assert set(re.findall(r"\{(\w+)\}", " ".join(record[side]))) == keys, (name, side)


def test_held_out_domains_lose_nothing_to_the_training_side():
    assert split.usable_domains("train") == lists.domains("train")
    for usable, written in zip(split.usable_domains("held"), lists.domains("held"), strict=True):
        assert (usable.objects, usable.fields) == (written.objects, written.fields), written.name
        assert [verb for verb, _ in usable.verbs] == [verb for verb, _ in written.verbs], written.name


def test_questions_of_the_evaluation_never_repeat_training():
    said = {
        message
        for text in training_texts()
        for message in re.findall(r"<\|im_start\|>user\n(.*?)<\|im_end\|>", text)
    }
    for row in ROWS:
        if row != "small talk beside tools":
            asked = [
                case.messages[-1]["content"] for case in cases(row, 5, 20) if case.messages and not case.turns
            ]
            assert [text for text in asked if text in said] == [], row


def test_stems_bring_related_words_together():
    for family in (
        "box boxes Boxed",
        "book books booked booking",
        "city cities",
        "comet Comets COMET",
        "rate rating rated",
    ):
        assert len({split.stem(word) for word in family.split()}) == 1, family


def test_one_unknown_word_in_five_is_held_out():
    words = {"".join(Random(seed).choices("abcdefghijklmnopqrstuvwxyz", k=7)) for seed in range(4000)}
    share = sum(split.side(word) == "held" for word in words) / len(words)
    assert 0.17 < share < 0.23
