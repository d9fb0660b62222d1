"""What training consists of, stage by stage: the weights of each kind of example.

The first stage is easy on purpose, one or two tools or fields: copying appears there first, and later than one would
wait for with long prompts. The last is the widest, with more tools made up on the spot and long conversations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from bench.embedded_model.conversations import Message, Style, converse
from bench.embedded_model.draw import Draw
from bench.embedded_model.extraction import Shape, extract


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of training data.

    Attributes:
        styles: of conversations, each with a weight.
        shapes: of extractions, each with a weight.
    """

    styles: tuple[tuple[float, Style], ...]
    shapes: tuple[tuple[float, Shape], ...]


_KINDS = {"call": 5.0, "parallel": 1.5, "none": 2.2, "talk": 0.5, "follow_up": 0.7, "reference": 0.4}
_WIDE = {"call": 4.0, "parallel": 2.0, "none": 2.2, "talk": 0.4, "follow_up": 0.9, "reference": 0.6}

STAGES = {
    "easy": Stage(
        styles=(
            (
                0.6,
                Style(
                    (1, 2),
                    (1, 2),
                    {"call": 5.0, "none": 0.6, "talk": 0.3},
                    known=0.5,
                    results=0.2,
                    most_fields=2,
                ),
            ),
        ),
        shapes=((0.4, Shape((1, 2), 0, 0, 0, told=0.2)),),
    ),
    "base": Stage(
        styles=(
            (0.55, Style((1, 5), (1, 3), _KINDS, known=0.45)),
            (0.12, Style((4, 9), (1, 2), _KINDS, known=0.45)),
        ),
        shapes=((0.25, Shape((2, 5), 1, 2, 1, told=0.35)), (0.08, Shape((1, 3), 0, 0, 0))),
    ),
    "wide": Stage(
        styles=(
            (0.41, Style((1, 6), (1, 3), _WIDE, known=0.35)),
            (0.14, Style((5, 10), (1, 3), _WIDE, known=0.35)),
            (0.10, Style((2, 5), (3, 5), _WIDE, known=0.4, results=0.95)),
            (0.03, Style((12, 18), (1, 2), _WIDE, known=0.35)),
        ),
        shapes=((0.20, Shape((2, 7), 2, 3, 3, told=0.3)), (0.12, Shape((1, 4), 0, 0, 1, told=0.4))),
    ),
}


@dataclass(frozen=True, slots=True)
class Example:
    """A training example.

    Attributes:
        messages: in OpenAI's form, answers included.
        tools: in OpenAI's form.
    """

    messages: list[Message]
    tools: list[dict[str, Any]]


def example(stage: str, rng: Random, *, pieces: Sequence[str] = ()) -> Example:
    """One training example of a stage. 15 to 30 % of its words and names are made up, of vocabulary pieces."""
    found = STAGES[stage]
    draw = Draw(rng, "train", pieces=pieces, exotic=rng.uniform(0.15, 0.30))
    options: list[tuple[float, Style | Shape]] = [*found.styles, *found.shapes]
    chosen = rng.choices([option for _, option in options], [weight for weight, _ in options])[0]
    if isinstance(chosen, Style):
        conversation = converse(draw, chosen)
        return Example(conversation.messages(), [tool.to_openai() for tool in conversation.tools])
    return Example(extract(draw, chosen).messages(), [])
