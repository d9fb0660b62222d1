"""The rows of the evaluation: cases by the hundred, seeded, and on the held-out side throughout.

Values, phrasings and made-up words are held out in every row. Tools and keys are known in the rows that say so (the
words of the question alone are new), and held out in the others (nothing but the English between the words was seen
in training).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from bench.embedded_model.conversations import Conversation, Message, Style, Turn, converse
from bench.embedded_model.draw import Draw
from bench.embedded_model.extraction import Shape, extract
from bench.embedded_model.split import Side
from bench.embedded_model.tools import common


@dataclass(frozen=True, slots=True)
class Case:
    """A question with its answer.

    Attributes:
        messages: up to the question; for a conversation, the system prompt alone.
        tools: in OpenAI's form.
        calls: the right calls as (name, arguments); empty where none is right.
        schema: of the document to extract, or None.
        document: the right one.
        turns: of a conversation that is played to its end; empty elsewhere.
    """

    messages: tuple[Message, ...]
    tools: tuple[dict[str, Any], ...] = ()
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    schema: dict[str, Any] | None = None
    document: Any = None
    turns: tuple[Turn, ...] = ()


def _one(conversation: Conversation) -> Case:
    """The single turn of a conversation as a case."""
    turn = conversation.turns[0]
    system: tuple[Message, ...] = (
        ({"role": "system", "content": conversation.system},) if conversation.system else ()
    )
    return Case(
        (*system, {"role": "user", "content": turn.user}),
        tuple(tool.to_openai() for tool in conversation.tools),
        tuple((call.tool.name, call.arguments) for call in turn.calls),
    )


def _turn(kind: str, tools: Side) -> Callable[[Draw], Case]:
    style = Style((2, 8), (1, 1), {kind: 1.0}, results=0.0)
    return lambda draw: _one(converse(draw, style, tool_side=tools))


def _conversation(draw: Draw) -> Case:
    kinds = {"call": 3.0, "parallel": 0.7, "follow_up": 1.0, "reference": 0.7, "none": 0.5}
    made = converse(draw, Style((2, 6), (5, 5), kinds, results=1.0), tool_side="train")
    system: tuple[Message, ...] = ({"role": "system", "content": made.system},) if made.system else ()
    return Case(system, tuple(tool.to_openai() for tool in made.tools), turns=made.turns)


def _extraction(keys: Side, *, told: float = 0.0) -> Callable[[Draw], Case]:
    def make(draw: Draw) -> Case:
        # Known keys are drawn by a generator of the training side that makes no words up.
        source = Draw(draw.rng, "train") if keys == "train" else draw
        made = extract(draw, Shape((2, 6), 1, 2, 2, told), field_side=source)
        return Case(tuple(made.messages()[:-1]), schema=made.schema, document=made.document)

    return make


def _success(draw: Draw) -> Case:
    """A request to one of the thirty common tools, three to eight of which are listed."""
    tools = list(common(draw.side))
    draw.rng.shuffle(tools)
    style = Style((3, 8), (1, 1), {"call": 1.0}, results=0.0)
    return _one(converse(draw, style, tools=tools[: draw.small(3, 8)]))


ROWS: dict[str, Callable[[Draw], Case]] = {
    "call, known tools": _turn("call", "train"),
    "call, unseen tools": _turn("call", "held"),
    "parallel, known tools": _turn("parallel", "train"),
    "parallel, unseen tools": _turn("parallel", "held"),
    "none fits, known tools": _turn("none", "train"),
    "none fits, unseen tools": _turn("none", "held"),
    "small talk beside tools": _turn("talk", "train"),
    "extraction, known keys": _extraction("train"),
    "extraction, unseen keys": _extraction("held"),
    "extraction, told freely": _extraction("train", told=1.0),
    "five turns": _conversation,
    "success": _success,
}


def cases(row: str, seed: int, count: int, *, pieces: Sequence[str] = ()) -> list[Case]:
    """The cases of a row; the same for the same seed, whatever the count.

    Args:
        row: a key of `ROWS`.
        seed: of the data.
        count: how many.
        pieces: of the tokenizer, for made-up words.
    """
    return [
        ROWS[row](Draw(Random(f"{seed}/{row}/{at}"), "held", pieces=pieces, exotic=0.15))
        for at in range(count)
    ]
