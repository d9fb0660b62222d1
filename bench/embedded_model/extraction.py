"""Facts in a short text, and the document that holds them.

A record has fields (the same kinds as tools have), groups of fields, and lists of rows. Its text says each in a
sentence of its own or with another one, in any order, among sentences nobody asked about:

    schema   {"properties": {"captain": string, "berth": {"properties": {"code": ...}}}}
    text     We spoke about the amber harbor inspection yesterday. The berth has code KX-4711. The moonrise
             is 14:30. The captain was Ada Lovelace.
    answer   {"captain": "Ada Lovelace", "berth": {"code": "KX-4711"}}

A third of the records with known keys are told as people tell them (`Ada Lovelace, 36, comes from Oslo.`):
`data/records.toml`.

`moonrise` is such a distractor: stated, but no field of the schema. Optional fields may be missing from the text, and
are then missing from the answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from bench.embedded_model.conversations import Message, to_json
from bench.embedded_model.draw import Draw
from bench.embedded_model.kinds import parse
from bench.embedded_model.lists import FieldSpec, field_spec, parts, table
from bench.embedded_model.requests import capital, fact, shuffled
from bench.embedded_model.tools import Field, field_specs, object_schema, spell

_NAMED = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Extraction:
    """A text, a schema and the document.

    Attributes:
        schema: of the document.
        text: what holds the facts.
        document: the right answer.
        system: the system prompt.
        user: the user's message.
    """

    schema: dict[str, Any]
    text: str
    document: dict[str, Any]
    system: str
    user: str

    def messages(self) -> list[Message]:
        """The exchange as OpenAI messages."""
        start: list[Message] = [{"role": "system", "content": self.system}] if self.system else []
        return [
            *start,
            {"role": "user", "content": self.user},
            {"role": "assistant", "content": to_json(self.document)},
        ]


@dataclass(frozen=True, slots=True)
class Shape:
    """How large records are.

    Attributes:
        fields: least and greatest number of plain fields.
        groups: greatest number of nested objects.
        rows: greatest number of rows in a list of objects; 0 for no such list.
        distractors: greatest number of sentences nobody asked about.
        told: share of records that are told in sentences of their own; known keys only.
    """

    fields: tuple[int, int] = (2, 6)
    groups: int = 1
    rows: int = 3
    distractors: int = 2
    told: float = 0.0


def extract(draw: Draw, shape: Shape, *, field_side: Draw | None = None) -> Extraction:
    """A record, its text and its schema.

    Args:
        draw: of values and phrasings.
        shape: of the record.
        field_side: draws the keys where they are on another side than the values: known keys, new values.
    """
    keys = field_side or draw
    if draw.chance(shape.told):
        return _told(draw)
    naming = keys.pick(("snake", "snake", "snake", "camel"))
    groups = keys.small(0, shape.groups)
    listed = shape.rows > 0 and keys.chance(0.25)
    count = keys.small(*shape.fields)
    plain = [spec for spec in field_specs(keys, count + 2 * shape.distractors + 8) if _flat(spec)]
    specs, rest = plain[:count], plain[count:]
    distractors = rest[: keys.small(0, shape.distractors)]
    rest = rest[len(distractors) :]

    fields = [
        Field(spell(s.words, naming), s.words, parse(s.kind), keys.chance(0.9), _about(s, keys))
        for s in specs
    ]
    properties: dict[str, Any] = object_schema(tuple(fields))["properties"]
    required = [field.name for field in fields if field.required]
    document: dict[str, Any] = {}
    sentences: list[str] = []
    stated: list[tuple[str, str]] = []
    for field in fields:
        if field.required or draw.chance(0.5):
            value = field.kind.value(draw)
            document[field.name] = value
            stated.append((field.words, field.kind.say(value, draw)))
    for spec in distractors:
        kind = parse(spec.kind)
        stated.append((spec.words, kind.say(kind.value(draw), draw)))
    sentences += _sentences(stated, draw)

    for _ in range(groups):
        inner, rest = rest[:2], rest[2:]
        words = _group_words(keys)
        name = spell(words, naming)
        if not inner or name in properties:
            continue
        said, value = _group(inner, naming, draw)
        properties[name] = _object(inner, naming)
        required.append(name)
        document[name] = value
        sentences.append(draw.phrase("group").format(g=words, G=capital(words), f=said))
    sentences = shuffled(sentences, draw)
    if listed and len(rest) >= 2:
        inner = rest[:2]
        words = _group_words(keys)
        name = spell(words, naming)
        if name not in properties:
            rows = [_group(inner, naming, draw) for _ in range(draw.small(1, shape.rows))]
            properties[name] = {"type": "array", "items": _object(inner, naming)}
            required.append(name)
            document[name] = [value for _, value in rows]
            sentences += [draw.phrase("row").format(g=words, f=said) for said, _ in rows]
    document = {name: document[name] for name in properties if name in document}
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    opening = draw.phrase("opening")
    noun = f"{draw.word('adjective')} {draw.word('noun')}"
    opening = opening.format(n=noun, N=capital(noun), s=draw.word("subject"))
    text = " ".join(filter(None, [opening, *sentences]))
    return Extraction(schema, text, document, *_layout(schema, text, draw))


def _told(draw: Draw) -> Extraction:
    """A record of `data/records.toml`, in its own sentences; one key in six is told and not asked for."""
    record = draw.pick(tuple(table("records").values()))
    specs = {spec.words.replace(" ", "_"): spec for spec in map(field_spec, parts(record["keys"], " "))}
    values = {name: parse(spec.kind).value(draw) for name, spec in specs.items()}
    said: dict[str, str] = {}
    sentences: list[str] = []
    for sentence in shuffled(record[draw.side], draw):
        named = _NAMED.findall(sentence)
        if said.keys() & named:
            continue
        said |= {name: parse(specs[name].kind).say(values[name], draw) for name in named}
        sentences.append(sentence.format_map(said))
        if draw.chance(0.15):
            break
    naming = draw.pick(("snake", "snake", "camel"))
    asked = [name for name in said if draw.chance(5 / 6)] or list(said)
    fields = [
        Field(spell(specs[name].words, naming), specs[name].words, parse(specs[name].kind)) for name in asked
    ]
    if draw.chance(0.5):
        fields = shuffled(fields, draw)
    schema = object_schema(tuple(fields))
    document = {field.name: values[field.words.replace(" ", "_")] for field in fields}
    text = " ".join(capital(sentence) for sentence in sentences)
    return Extraction(schema, text, document, *_layout(schema, text, draw))


def _layout(schema: dict[str, Any], text: str, draw: Draw) -> tuple[str, str]:
    """System prompt and user message: the schema stands in the one or in the other."""
    ask, shown = draw.phrase("extract_ask"), to_json(schema)
    where = draw.pick(("system", "system", "before", "after"))
    if where == "system":
        return f"{ask}\n{shown}", text
    return "", f"{ask}\n{shown}\n{text}" if where == "before" else f"{text}\n{ask}\n{shown}"


def _flat(spec: FieldSpec) -> bool:
    return not spec.kind.startswith("{")


def _about(spec: FieldSpec, draw: Draw) -> str:
    return (
        draw.phrase("describe_field").format(w=spec.words, W=capital(spec.words), o="record")
        if draw.chance(0.15)
        else ""
    )


def _group_words(draw: Draw) -> str:
    """What a group or a row is called: the words of some field, or made up."""
    return field_specs(draw, 1)[0].words if draw.chance(0.7) else draw.fresh().lower()


def _object(specs: list[FieldSpec], naming: str) -> dict[str, Any]:
    return object_schema(
        tuple(Field(spell(spec.words, naming), spec.words, parse(spec.kind)) for spec in specs)
    )


def _group(specs: list[FieldSpec], naming: str, draw: Draw) -> tuple[str, dict[str, Any]]:
    """The facts of one object in words, and the object."""
    said, value = [], {}
    for spec in specs:
        kind = parse(spec.kind)
        value[spell(spec.words, naming)] = one = kind.value(draw)
        said.append(draw.phrase("group_field").format(w=spec.words, v=kind.say(one, draw)))
    return " and ".join(said), value


def _sentences(stated: list[tuple[str, str]], draw: Draw) -> list[str]:
    """Facts in sentences of one or two, in any order."""
    left, found = shuffled(stated, draw), []
    while left:
        words, said = left.pop()
        if left and draw.chance(0.2):
            words2, said2 = left.pop()
            pattern = draw.phrase("fact_pair")
            found.append(pattern.format(w=words, W=capital(words), v=said, w2=words2, v2=said2))
        else:
            found.append(fact(words, said, draw, "fact"))
    return found
