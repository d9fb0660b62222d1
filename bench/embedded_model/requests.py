"""A person asks for something: a call in words.

    book_flight, {"destination": "Oslo", "guests": 3}
    -> "Could you reserve a flight to Oslo, guests: 3?"      a clause in a frame
    -> "Please book the flight. The guests is 3. Take Oslo for the destination."    a clause, then a sentence a field

Tools with sentences of their own (`Tool.says`) are asked for in those.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from bench.embedded_model.draw import Draw
from bench.embedded_model.tools import Field, Tool, article

_NAMED = re.compile(r"\{(\w+)\}")
_ALONE = frozenset(
    {"place", "person", "word", "thing", "given", "company", "team"}
)  # kinds that can be enumerated


@dataclass(frozen=True, slots=True)
class Call:
    """A tool with values for its fields, by their words."""

    tool: Tool
    values: dict[str, Any]

    @property
    def arguments(self) -> dict[str, Any]:
        """As the call writes them."""
        return self.tool.arguments(self.values)


@dataclass(frozen=True, slots=True)
class Request:
    """What a person says, and the calls that answer it.

    Attributes:
        text: of the whole request.
        clause: the same without its frame (`book a flight to Oslo`); empty where the tool has its own sentences.
        calls: the right answer.
    """

    text: str
    clause: str
    calls: tuple[Call, ...]


def values_for(tool: Tool, draw: Draw) -> dict[str, Any]:
    """Values for the required fields and for some of the others."""
    return {f.words: f.kind.value(draw) for f in tool.fields if f.required or draw.chance(0.45)}


def ask(tool: Tool, draw: Draw, *, values: dict[str, Any] | None = None) -> Request:
    """A request for one call.

    Args:
        tool: the right tool.
        draw: of values and phrasing.
        values: None draws them.
    """
    if tool.says:
        said = draw.pick(tool.says)
        named = {field.name: field for field in tool.fields}
        fields = [named[name] for name in dict.fromkeys(_NAMED.findall(said))]
        if values is None or set(values) != {field.words for field in fields}:
            values = {field.words: field.kind.value(draw) for field in tool.fields if field in fields}
        text = said.format_map({field.name: field.kind.say(values[field.words], draw) for field in fields})
        return Request(capital(text), "", (Call(tool, values),))
    if values is None:
        values = values_for(tool, draw)
    fields = [field for field in tool.fields if field.words in values]
    head = f"{draw.pick(tool.verbs)} {article(tool.thing, draw)}"
    if fields and draw.chance(0.2):
        text = frame(head, draw)
        text += "" if text[-1] in ".?!" else "."
        for field in shuffled(fields, draw):
            text += " " + fact(field.words, field.kind.say(values[field.words], draw), draw, "slot_sentences")
        return Request(text, "", (Call(tool, values),))
    clause = f"{head}{slots(tool, fields, values, draw)}"
    return Request(frame(clause, draw), clause, (Call(tool, values),))


def slots(tool: Tool, fields: list[Field], values: dict[str, Any], draw: Draw) -> str:
    """Fields of a tool and their values, as the end of a clause."""
    if draw.chance(0.5):
        fields = shuffled(fields, draw)
    # Among all fields, not only those that are said: `in Oslo` must not fit an optional one as well.
    kinds = [(field.kind.item or field.kind).name for field in tool.fields]
    text = ""
    for at, field in enumerate(fields):
        said = slot(field, values[field.words], draw, alone=kinds.count(field.kind.name) == 1)
        text += (" " if not at else draw.pick((", ", ", ", " and ", " "))) + said
    return text


def slot(field: Field, value: Any, draw: Draw, *, alone: bool) -> str:
    """One field and its value; a field that is alone of its kind may go without its name."""
    if field.kind.name == "flag":
        return draw.phrase("flag_true" if value else "flag_false").format(w=field.words)
    said = field.kind.say(value, draw)
    if (
        alone
        and field.kind.name in {"place", "date", "time", "person", "email", "path"}
        and draw.chance(0.35)
    ):
        return draw.phrase(f"natural.{field.kind.name}").format(v=said)
    return draw.phrase("slots").format(w=field.words, v=said)


def parallel(tools: list[Tool], draw: Draw) -> Request:
    """One request for several calls, in the order in which they are named."""
    requests = [ask(tool, draw) for tool in tools]
    text = requests[0].text
    text += "" if text[-1] in ".?!'\"" else "."
    for request in requests[1:]:
        text += draw.phrase("join").format(a=request.clause) if request.clause else f" {request.text}"
        text += "" if text[-1] in ".?!'\"" else "."
    return Request(text, "", tuple(call for request in requests for call in request.calls))


def spread(tool: Tool, count: int, draw: Draw) -> Request | None:
    """One request that names several values of one field: a call for each. None where no field of the tool is fit."""
    fit = [field for field in tool.fields if field.required and field.kind.name in _ALONE]
    if not fit or tool.says:
        return None
    field = draw.pick(fit)
    values = {other.words: other.kind.value(draw) for other in tool.fields if other.required}
    several: list[Any] = []
    while len(several) < count:
        one = field.kind.value(draw)
        if one not in several:
            several.append(one)
    others = [other for other in tool.fields if other.required and other is not field]
    said = f"{', '.join(map(str, several[:-1]))} and {several[-1]}"
    clause = f"{draw.pick(tool.verbs)} {article(tool.thing, draw)}{slots(tool, others, values, draw)}"
    clause += f"{',' if others else ''} {draw.phrase('slots').format(w=field.words, v=said)}"
    calls = tuple(Call(tool, {**values, field.words: one}) for one in several)
    return Request(frame(clause, draw), clause, calls)


def fact(words: str, said: str, draw: Draw, name: str) -> str:
    """A sentence that gives a field its value, from the phrasings of that name."""
    return draw.phrase(name).format(w=words, W=capital(words), v=said)


def frame(clause: str, draw: Draw) -> str:
    """A clause as a whole request."""
    return draw.phrase("frames").format(a=clause, A=capital(clause))


def shuffled(items: list[Any], draw: Draw) -> list[Any]:
    """A copy in another order."""
    copy = list(items)
    draw.rng.shuffle(copy)
    return copy


def capital(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]
