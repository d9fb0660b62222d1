"""The hand-written word lists and phrasings in `data/`, read once.

Plain data: nothing here knows of sides beyond what the files say. `split.py` builds the split from it.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parent / "data"
# Words that values of both sides end with: addresses, streets, companies, folders.
ENDINGS = (
    *("com", "org", "net", "example", "home"),
    *("street", "road", "lane", "square", "avenue", "group", "ltd"),
)

_RUN = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """A field as the files spell it.

    Attributes:
        words: of its name, without underscores.
        kind: spelling of the kind, for `kinds.parse`.
        optional: may be left out.
    """

    words: str
    kind: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Domain:
    """What a family of tools is about.

    Attributes:
        name: of the domain.
        objects: nouns of one or two words.
        verbs: each with its other words.
        fields: what tools of this domain may ask for.
    """

    name: str
    objects: tuple[str, ...]
    verbs: tuple[tuple[str, tuple[str, ...]], ...]
    fields: tuple[FieldSpec, ...]


@cache
def table(name: str) -> dict[str, Any]:
    """A file of `data/`, by its name without ending."""
    with (DATA / f"{name}.toml").open("rb") as file:
        return tomllib.load(file)


def parts(text: str, separator: str) -> list[str]:
    """Split at separators outside brackets, blanks around parts removed.

    >>> parts("a:int(1,2), b:{c:x,d:y}", ",")
    ['a:int(1,2)', 'b:{c:x,d:y}']
    """
    found, depth, start = [], 0, 0
    for at, char in enumerate(text):
        depth += (char in "({") - (char in ")}")
        if char == separator and not depth:
            found.append(text[start:at])
            start = at + 1
    found.append(text[start:])
    return [part.strip() for part in found if part.strip()]


def field_spec(text: str) -> FieldSpec:
    """Read `name:kind`, with `?` behind an optional one."""
    name, _, kind = text.partition(":")
    return FieldSpec(name.replace("_", " "), kind.removesuffix("?"), optional=kind.endswith("?"))


@cache
def domains(side: str) -> tuple[Domain, ...]:
    """The domains of a side as the file has them; `split.usable_domains` drops what may not be used."""
    return tuple(
        Domain(
            name,
            tuple(parts(entry["objects"], ",")),
            tuple(
                (verb, tuple(parts(others, ",")))
                for verb, _, others in (text.partition(":") for text in parts(entry["verbs"], "|"))
            ),
            tuple(field_spec(text) for text in parts(entry["fields"], " ")),
        )
        for name, entry in table("domains")[side].items()
    )


@cache
def values(name: str) -> tuple[str, ...]:
    """A list of words that values are made of."""
    return tuple(table("values")[name].split())


def runs(text: str) -> list[str]:
    """The letter runs of a text, cut where a capital follows a small letter; placeholders such as {v} left out.

    >>> runs("{V} the newBook of_2 pages")
    ['the', 'new', 'Book', 'of', 'pages']
    """
    text = re.sub(r"\{\w*\}", " ", text)
    return [
        word for run in _RUN.findall(text) for word in re.findall(r"[^\W\d_a-z]*[^\W\d_A-Z]+|[^\W\d_]+", run)
    ]


def kind_words(kind: str) -> list[str]:
    """The words a kind brings along: choices of an enumeration, names of inner fields."""
    if kind.startswith("enum("):
        return [word for choice in parts(kind[5:-1], ",") for word in runs(choice)]
    if kind.startswith("{"):
        inner = [field_spec(text) for text in parts(kind[1:-1], ",")]
        return [word for spec in inner for word in (*runs(spec.words), *kind_words(spec.kind))]
    return []


def domain_words(domain: Domain) -> list[str]:
    """Every word of a domain."""
    texts = [
        domain.name,
        *domain.objects,
        *(text for verb, others in domain.verbs for text in (verb, *others)),
    ]
    found = [word for text in texts for word in runs(text)]
    for spec in domain.fields:
        found += [*runs(spec.words), *kind_words(spec.kind)]
    return found


def carrier_texts() -> list[str]:
    """Every text of the training side that is not a value: phrasings, records, talk, common tools, endings."""

    def lists(node: Any) -> list[str]:
        if isinstance(node, dict):
            return [text for key, inner in node.items() if key != "held" for text in lists(inner)]
        return list(node)

    texts = [*lists(table("phrasing")), *values("extension"), *ENDINGS]
    for record in table("records").values():
        texts += record["train"]
        for text in parts(record["keys"], " "):
            spec = field_spec(text)
            texts += [spec.words, *kind_words(spec.kind)]
    for talk in table("chat")["talk"]:
        texts += [*talk["says"], talk["answer"]]
    for name, tool in table("common").items():
        texts += [name, tool["about"], *tool["says"]]
        for text in parts(tool["fields"], " "):
            spec = field_spec(text)
            texts += [spec.words, *kind_words(spec.kind)]
    return texts
