"""Conversations over a list of tools: calls, several at once, none that fits, small talk, results, follow-ups.

One conversation has one to five turns that share their tools, so that a long list of tools is paid for once. A turn:

    user       Could you reserve a flight to Oslo, guests: 3?
    assistant  <tool_call> {"name": "book_flight", "arguments": {"destination": "Oslo", "guests": 3}}
    tool       {"booking_code": "KX-4711"}
    assistant  Done: booking code KX-4711.

Turns after the first may build on what came before: the same call with one other value (`And with guests 4?`), or a
value of the last result (`Cancel the flight. Use the booking code you just got.`).

"No tool fits" is the hardest decision for a small model, so its near misses are close on purpose: the object of a
listed tool with another verb, a tool of the same domain, or one of anywhere. A request whose object some listed tool
shares is never called unanswerable unless its verb differs from all of that tool's.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bench.embedded_model.draw import Draw
from bench.embedded_model.kinds import parse
from bench.embedded_model.lists import runs, table
from bench.embedded_model.requests import Call, Request, ask, fact, parallel, shuffled, spread
from bench.embedded_model.split import Side, stem
from bench.embedded_model.tools import Tool, catalogue, common, field_specs, invented, neighbours

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """One request, its answer and what follows.

    Attributes:
        kind: "call", "parallel", "none", "talk", "follow_up" or "reference".
        user: the request.
        calls: the right calls; empty where words are the answer.
        answer: those words.
        results: of the calls; empty where the conversation goes on without them.
        closing: the answer to the results.
    """

    kind: str
    user: str
    calls: tuple[Call, ...] = ()
    answer: str = ""
    results: tuple[dict[str, Any], ...] = ()
    closing: str = ""

    def messages(self) -> list[Message]:
        """The turn as OpenAI messages."""
        found: list[Message] = [{"role": "user", "content": self.user}]
        if not self.calls:
            return [*found, {"role": "assistant", "content": self.answer}]
        calls = [
            {"type": "function", "function": {"name": call.tool.name, "arguments": call.arguments}}
            for call in self.calls
        ]
        found.append({"role": "assistant", "content": "", "tool_calls": calls})
        found += [{"role": "tool", "content": to_json(result)} for result in self.results]
        if self.closing:
            found.append({"role": "assistant", "content": self.closing})
        return found


@dataclass(frozen=True, slots=True)
class Conversation:
    """Turns that share their tools.

    Attributes:
        tools: what may be called.
        turns: in order.
        system: the system prompt; may be empty.
    """

    tools: tuple[Tool, ...]
    turns: tuple[Turn, ...]
    system: str = ""

    def messages(self) -> list[Message]:
        """The whole conversation as OpenAI messages."""
        start: list[Message] = [{"role": "system", "content": self.system}] if self.system else []
        return [*start, *(message for turn in self.turns for message in turn.messages())]


@dataclass(frozen=True, slots=True)
class Style:
    """How conversations are made.

    Attributes:
        listed: least and greatest number of tools in the list.
        turns: least and greatest number of turns.
        kinds: what a turn may be, by weight.
        known: share of tool lists from the known tools; the rest are made up on the spot.
        results: share of conversations in which calls get results.
        most_fields: of a tool made up on the spot.
    """

    listed: tuple[int, int] = (1, 6)
    turns: tuple[int, int] = (1, 3)
    kinds: dict[str, float] = field(default_factory=lambda: {"call": 1.0})
    known: float = 0.4
    results: float = 0.7
    most_fields: int = 6


@dataclass(frozen=True, slots=True)
class Scene:
    """What a turn is made from.

    Attributes:
        draw: of values and phrasings.
        tools: that are listed.
        side: of the tools that are not.
        turns: so far; the last one is given a result when a turn refers to it.
    """

    draw: Draw
    tools: list[Tool]
    side: Side
    turns: list[Turn]


def converse(
    draw: Draw, style: Style, *, tool_side: Side | None = None, tools: list[Tool] | None = None
) -> Conversation:
    """A conversation.

    Args:
        draw: of values and phrasings.
        style: of the conversation.
        tool_side: whose known tools are listed, all of them then; None: those of the draw, and made-up ones.
        tools: the list itself, in place of both.
    """
    count = draw.small(*style.listed)
    if tools is not None:
        tools = list(tools)
    elif tool_side is not None:
        tools = known_tools(draw, count, tool_side)
    elif draw.chance(style.known):
        tools = known_tools(draw, count, draw.side)
    else:
        tools = _distinct([invented(draw, most=style.most_fields) for _ in range(count)])
    with_results = draw.chance(style.results)
    names, weights = list(style.kinds), list(style.kinds.values())
    turns: list[Turn] = []
    for _ in range(draw.small(*style.turns)):
        kind = draw.rng.choices(names, weights)[0]
        turn = _TURNS[kind](Scene(draw, tools, tool_side or draw.side, turns))
        turns.append(with_result(turn, draw) if with_results else turn)
    if turns[-1].closing and draw.chance(0.4):
        last = turns[-1]
        turns[-1] = Turn(last.kind, last.user, last.calls)
    return Conversation(tuple(tools), tuple(turns), draw.phrase("system"))


def known_tools(draw: Draw, count: int, side: Side) -> list[Tool]:
    """Known tools of a side: some of one domain, which are hard to tell apart, and some of anywhere."""
    everything = catalogue(side)
    near = draw.pick(tuple(neighbours(side).values()))
    # The common tools are the training side's; what they are asked in is the draw's.
    usual = common(draw.side) if side == "train" else ()
    found: list[Tool] = []
    for _ in range(count):
        where = draw.rng.random()
        found.append(draw.pick(usual if usual and where < 0.35 else near if where < 0.7 else everything))
    return _distinct(found)


def _distinct(tools: list[Tool]) -> list[Tool]:
    """Tools of different names, and different in what they are asked for."""
    found: dict[str, Tool] = {}
    asked: set[tuple[str, str]] = set()
    for tool in tools:
        marks = {(verb, tool.thing) for verb in tool.verbs} if not tool.says else {("", tool.name)}
        if tool.name not in found and not marks & asked and not _rivals(tool, found.values()):
            found[tool.name] = tool
            asked |= marks
    return list(found.values())


def _rivals(tool: Tool, others: Any) -> bool:
    """Whether a common tool and another one are about the same thing, so that a request could mean either."""
    mine = nouns(tool)
    return any(bool(tool.says) != bool(other.says) and mine & nouns(other) for other in others)


def nouns(tool: Tool) -> frozenset[str]:
    """Stems of what a tool is about."""
    texts = [tool.thing] if tool.thing else [tool.name, tool.about]
    return frozenset(stem(word) for text in texts for word in runs(text) if len(word) > 2)


# ------------------------------------------------------------------------------------------------------- turns


def _call(scene: Scene) -> Turn:
    request = ask(scene.draw.pick(scene.tools), scene.draw)
    return Turn("call", request.text, request.calls)


def _parallel(scene: Scene) -> Turn:
    draw, tools = scene.draw, scene.tools
    count = draw.pick((2, 2, 2, 3, 3, 4, 5))
    request: Request | None = None
    if draw.chance(0.3):
        request = spread(draw.pick(tools), count, draw)
    if request is None:
        chosen = [draw.pick(tools) for _ in range(count)]
        if draw.chance(0.6):
            chosen = [*shuffled(tools, draw)[:count], *chosen][:count]
        request = parallel(chosen, draw)
    return Turn("parallel", request.text, request.calls)


def _none(scene: Scene) -> Turn:
    return Turn("none", ask(absent(scene), scene.draw).text, answer=scene.draw.phrase("no_tool"))


def absent(scene: Scene) -> Tool:
    """A tool that is not listed, and that no listed tool can stand in for."""
    draw, tools, side = scene.draw, scene.tools, scene.side
    listed = [(nouns(tool) | words_of(tool), frozenset(map(stem, tool.verbs)), tool.thing) for tool in tools]
    same = [tool for tool in tools if tool.key and not tool.says]
    for attempt in range(200):
        where = draw.rng.random()
        if same and where < 0.3:
            near = draw.pick(same)
            options: Any = [t for t in neighbours(side)[near.key.partition("/")[0]] if t.thing == near.thing]
        elif same and where < 0.6:
            options = neighbours(side)[draw.pick(same).key.partition("/")[0]]
        elif where < 0.75 and side == "train":
            options = common(draw.side)
        else:
            options = catalogue(side)
        tool = draw.pick(tuple(options)) if where < 0.9 or attempt > 100 else invented(draw)
        mine, verbs = nouns(tool), frozenset(map(stem, tool.verbs))
        if all(
            (verbs and theirs and tool.thing == thing and not verbs & theirs) or not mine & words
            for words, theirs, thing in listed
        ):
            return tool
    raise RuntimeError("every tool is like a listed one: list fewer")


def words_of(tool: Tool) -> frozenset[str]:
    """Stems of a tool's name and object; of its description too where it has its own sentences."""
    texts = [tool.name, tool.thing, tool.about if tool.says else ""]
    return frozenset(stem(word) for text in texts for word in runs(text) if len(word) > 2)


def _talk(scene: Scene) -> Turn:
    draw = scene.draw
    talk = draw.pick(table("chat")["talk"])
    return Turn("talk", draw.pick(talk["says" if draw.side == "train" else "held"]), answer=talk["answer"])


def _follow_up(scene: Scene) -> Turn:
    """The last call again with one other value."""
    draw, turns = scene.draw, scene.turns
    last = turns[-1] if turns else None
    if last is None or len(last.calls) != 1 or not last.calls[0].values:
        return _call(scene)
    call = last.calls[0]
    fields = [item for item in call.tool.fields if item.words in call.values and item.kind.name != "flag"]
    if not fields:
        return _call(scene)
    chosen = draw.pick(fields)
    value = chosen.kind.value(draw)
    text = fact(chosen.words, chosen.kind.say(value, draw), draw, "follow_up")
    return Turn("follow_up", text, (Call(call.tool, {**call.values, chosen.words: value}),))


def _reference(scene: Scene) -> Turn:
    """A call that takes a value from the last result, which is made to have it."""
    draw, tools, turns = scene.draw, scene.tools, scene.turns
    last = turns[-1] if turns else None
    fit = [
        t
        for t in tools
        if not t.says
        for f in t.fields
        if f.required and f.kind.name in {"code", "person", "place"}
    ]
    if last is None or len(last.results) != 1 or not fit:
        return _call(scene)
    tool = draw.pick(fit)
    item = next(f for f in tool.fields if f.required and f.kind.name in {"code", "person", "place"})
    value = item.kind.value(draw)
    turns[-1] = with_result(Turn(last.kind, last.user, last.calls), draw, extra={item.name: value})
    others = {f.words: f.kind.value(draw) for f in tool.fields if f.required and f is not item}
    request = ask(tool, draw, values=others)
    text = request.text + ("" if request.text[-1] in ".?!'\"" else ".")
    text += " " + fact(item.words, "", draw, "reference")
    return Turn("reference", text, (Call(tool, {**others, item.words: value}),))


_TURNS: dict[str, Callable[[Scene], Turn]] = {
    "call": _call,
    "parallel": _parallel,
    "none": _none,
    "talk": _talk,
    "follow_up": _follow_up,
    "reference": _reference,
}


def with_result(turn: Turn, draw: Draw, *, extra: dict[str, Any] | None = None) -> Turn:
    """The turn with results of its calls, and an answer that repeats them."""
    if not turn.calls:
        return turn
    results = []
    for _ in turn.calls:
        made = {
            spec.words.replace(" ", "_"): parse(spec.kind).value(draw)
            for spec in field_specs(draw, draw.small(1, 2))
            if parse(spec.kind).name not in {"object", "list", "text"}
        }
        results.append({**made, **(extra or {})} or {"status": "ok"})
    return Turn(turn.kind, turn.user, turn.calls, results=tuple(results), closing=closing(results, draw))


def closing(results: list[dict[str, Any]], draw: Draw) -> str:
    """An answer that says what the results are."""
    said = [f"{key.replace('_', ' ')} {spoken(value)}" for result in results for key, value in result.items()]
    return draw.phrase("result").format(r=", ".join(said))


def spoken(value: Any) -> str:
    """A value of a result inside a sentence: as its JSON text, strings without quotes."""
    return value if isinstance(value, str) else to_json(value)


def to_json(value: Any) -> str:
    """JSON text, spaced as `json.dumps` spaces it, characters as they are."""
    return json.dumps(value, ensure_ascii=False)
