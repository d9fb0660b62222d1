"""Tools: known ones by the hundred, and new ones for every example.

A tool is a verb, an object and fields. `catalogue(side)` is the fixed set of a side: every domain, object and verb
makes one, with fields drawn by a generator seeded with its name. The training side's catalogue are the *known tools*;
the held out side's are the *unseen* ones, none of whose words training shows. `invented` composes a tool afresh from
words of all domains and made-up words, which is what teaches a model to read tools instead of remembering them.

    verb book, object flight, fields destination:place date:date
    -> {"name": "book_flight", "description": "Book or reserve a flight", "parameters": {...}}

A request may use the tool's verb, and its other words where they are known or the description gives them.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

from bench.embedded_model.draw import Draw
from bench.embedded_model.kinds import Kind, parse
from bench.embedded_model.lists import Domain, FieldSpec, field_spec, parts, table
from bench.embedded_model.split import Side, usable_domains


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter of a tool, or a key of a record.

    Attributes:
        name: as the schema spells it.
        words: what a person calls it.
        kind: of its values.
        required: the schema asks for it.
        about: its description; empty for none.
        naming: "snake", "camel" or "kebab": how names of inner fields are spelled.
    """

    name: str
    words: str
    kind: Kind
    required: bool = True
    about: str = ""
    naming: str = "snake"

    def schema(self) -> dict[str, Any]:
        """The field's JSON Schema."""
        schema = self.kind.schema(lambda words: spell(words, self.naming))
        return {**schema, "description": self.about} if self.about else schema

    def to_json(self, value: Any) -> Any:
        """A value as it stands in a document: inner fields under their spelled names."""
        if self.kind.name == "object":
            return {spell(words, self.naming): inner for words, inner in value.items()}
        return value


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool a model may call.

    Attributes:
        name: as the call writes it.
        about: its description.
        fields: its parameters, in the order of the schema.
        verbs: what a request may call its action.
        thing: what a request calls its object.
        key: of its place in the known tools; empty for one made up on the spot.
        says: whole requests with {field} in them, for tools that have their own.
    """

    name: str
    about: str
    fields: tuple[Field, ...]
    verbs: tuple[str, ...] = ()
    thing: str = ""
    key: str = ""
    says: tuple[str, ...] = ()

    def to_openai(self) -> dict[str, Any]:
        """The tool as an OpenAI request lists it."""
        function: dict[str, Any] = {"name": self.name}
        if self.about:
            function["description"] = self.about
        function["parameters"] = object_schema(self.fields)
        return {"type": "function", "function": function}

    def arguments(self, values: dict[str, Any]) -> dict[str, Any]:
        """Values by words to arguments by name, in the order of the schema."""
        return {
            field.name: field.to_json(values[field.words]) for field in self.fields if field.words in values
        }


def object_schema(fields: tuple[Field, ...]) -> dict[str, Any]:
    """The schema of an object of these fields, in their order."""
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {field.name: field.schema() for field in fields},
    }
    required = [field.name for field in fields if field.required]
    return {**schema, "required": required} if required else schema


def spell(words: str, naming: str) -> str:
    """Words as a name.

    >>> [spell("start time", naming) for naming in ("snake", "camel", "kebab")]
    ['start_time', 'startTime', 'start-time']
    """
    split = words.split()
    if naming == "camel":
        return split[0] + "".join(word[0].upper() + word[1:] for word in split[1:])
    return ("-" if naming == "kebab" else "_").join(split)


def article(thing: str, draw: Draw) -> str:
    """`thing` with an article, or without."""
    return draw.pick((_indefinite(thing), f"the {thing}", thing, f"my {thing}", _indefinite(thing)))


def _indefinite(thing: str) -> str:
    return f"{'an' if thing[0].lower() in 'aeiou' else 'a'} {thing}"


def make(
    verb: str,
    others: tuple[str, ...],
    thing: str,
    specs: list[FieldSpec],
    draw: Draw,
    *,
    key: str = "",
    opaque: float = 0,
) -> Tool:
    """A tool of a verb, an object and fields.

    Args:
        verb: of its name.
        others: other words for the verb.
        thing: its object.
        specs: its fields.
        draw: decides on styles.
        key: set for known tools.
        opaque: how often a name says nothing and the description has to.
    """
    naming = draw.pick(("snake", "snake", "snake", "camel", "kebab"))
    name = spell(draw.pick((f"{verb} {thing}", f"{verb} {thing}", f"{thing} {verb}")), naming)
    synonym = draw.pick(others) if others else verb
    pattern = draw.phrase("describe_tool")
    blind = draw.chance(opaque)
    if blind:
        name = draw.fresh().lower()
    about = pattern.format(
        v=verb, V=_capital(verb), s=synonym, o=draw.pick((thing, f"the {thing}", _indefinite(thing)))
    )
    if "{v}" not in pattern and "{V}" not in pattern and blind:
        about = f"{_capital(verb)}, {about[0].lower()}{about[1:]}"
    # Known tools may be asked for in any of their words: training shows them. Others only in words they show.
    said = (
        (verb, *others) if key and draw.side == "train" else (verb, synonym) if "{s}" in pattern else (verb,)
    )
    fields: list[Field] = []
    for at, spec in enumerate(specs):
        hidden = draw.chance(opaque)
        field_name = draw.fresh().lower() if hidden else spell(spec.words, naming)
        if any(field.name == field_name for field in fields):
            hidden, field_name = False, spell(spec.words, naming)
        description = ""
        if hidden or draw.chance(0.3):
            description = draw.phrase("describe_field").format(w=spec.words, W=_capital(spec.words), o=thing)
        required = at == 0 or draw.chance(0.6)
        fields.append(Field(field_name, spec.words, parse(spec.kind), required, description, naming))
    return Tool(name, about, tuple(fields), tuple(dict.fromkeys(said)), thing, key)


@cache
def catalogue(side: Side) -> tuple[Tool, ...]:
    """The fixed tools of a side, several hundred for training, names unique."""
    found: dict[str, Tool] = {}
    for domain in usable_domains(side):
        for thing in domain.objects:
            for verb, others in domain.verbs:
                key = f"{domain.name}/{verb}/{thing}"
                draw = Draw(Random(zlib.crc32(key.encode())), side)
                specs = draw.rng.sample(domain.fields, draw.small(1, min(6, len(domain.fields))))
                tool = make(verb, others, thing, specs, draw, key=key)
                found.setdefault(tool.name, tool)
    return tuple(found.values())


@cache
def neighbours(side: Side) -> dict[str, tuple[Tool, ...]]:
    """The catalogue by domain."""
    found: dict[str, list[Tool]] = {}
    for tool in catalogue(side):
        found.setdefault(tool.key.partition("/")[0], []).append(tool)
    return {name: tuple(tools) for name, tools in found.items()}


@cache
def common(side: Side) -> tuple[Tool, ...]:
    """The thirty tools everybody knows, with the requests of a side."""
    found = []
    for name, entry in table("common").items():
        specs = [field_spec(text) for text in parts(entry["fields"], " ")]
        fields = tuple(
            Field(spec.words.replace(" ", "_"), spec.words, parse(spec.kind), not spec.optional)
            for spec in specs
        )
        says = tuple(entry["says" if side == "train" else "held"])
        found.append(Tool(name, entry["about"], fields, key=f"common/{name}", says=says))
    return tuple(found)


@cache
def _pool(
    side: Side,
) -> tuple[tuple[tuple[str, tuple[str, ...]], ...], tuple[str, ...], tuple[FieldSpec, ...]]:
    """All verbs, objects and fields of a side."""
    domains: tuple[Domain, ...] = usable_domains(side)
    return (
        tuple(verb for domain in domains for verb in domain.verbs),
        tuple(thing for domain in domains for thing in domain.objects),
        tuple(spec for domain in domains for spec in domain.fields),
    )


def invented(draw: Draw, *, most: int = 6) -> Tool:
    """A new tool: words of any domain of the side, some of them made up."""
    verbs, things, _ = _pool(draw.side)
    verb, others = draw.pick(verbs)
    if draw.chance(draw.exotic):
        verb, others = draw.fresh().lower(), ()
    thing = draw.pick(things)
    if draw.chance(draw.exotic):
        thing = " ".join(draw.fresh().lower() for _ in range(draw.pick((1, 1, 2))))
    return make(verb, others, thing, field_specs(draw, draw.small(1, most)), draw, opaque=0.08)


def field_specs(draw: Draw, count: int) -> list[FieldSpec]:
    """Fields of any domain, some with made-up words; no two of the same words."""
    pool = _pool(draw.side)[2]
    found: dict[str, FieldSpec] = {}
    while len(found) < count:
        spec = draw.pick(pool)
        if draw.chance(draw.exotic):
            words = " ".join(draw.fresh().lower() for _ in range(draw.pick((1, 1, 2))))
            spec = FieldSpec(words, spec.kind, spec.optional)
        found.setdefault(spec.words, spec)
    return list(found.values())


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
