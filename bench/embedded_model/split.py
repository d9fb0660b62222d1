"""Which side a word is on: `train`, seen in training, or `held`, met for the first time in the evaluation.

A model that has memorised its tools looks as good as one that reads them, until it meets a new one. So the evaluation
uses words, numbers and phrasings that training never shows, and the split must not leak. Splitting *lists* leaks: a
name composed of two lists, or a key such as `comet_count`, brings a held-out word back as one half. Here the side
belongs to the word itself, wherever it comes from:

1. the word's *stem* decides (`Tickets` goes with `ticket`, `booked` with `book`);
2. stems of what training says anyway are on the training side: sentence patterns, small talk, training domains;
3. the other stems of held-out domains are held out;
4. every other string, including made-up ones, is on the side that a hash of its stem says: one in five is held out.

    side("ticket"), side("TICKETS")    train, train    a training domain has tickets
    side("comet")                      held            astronomy is held out
    side("qzxv")                       by its hash     whoever composes it must ask

Rule 4 makes the split total: whatever a generator composes is checked word by word before it is used, and drawn again
when it is on the other side (5 draws on average for `held`). Numbers of three or more digits, dates and times are
split by rule 4 as whole values; shorter numbers are shared, and so are the words of rule 2: an unseen tool still has
to be asked for in English.
"""

from __future__ import annotations

import zlib
from functools import cache
from typing import Literal

from bench.embedded_model.lists import (
    Domain,
    FieldSpec,
    carrier_texts,
    domain_words,
    domains,
    kind_words,
    runs,
    table,
    values,
)

Side = Literal["train", "held"]

HELD_SHARE = 5  # one stem in five is held out


@cache
def stem(word: str) -> str:
    """A word without case and common endings; crude on purpose, so that related words fall together.

    >>> [stem(word) for word in ("Boxes", "box", "bookings", "booked", "cities", "as")]
    ['box', 'box', 'book', 'book', 'city', 'as']
    """
    text = word.casefold()
    if len(text) > 4 and text.endswith("ies"):
        text = text[:-3] + "y"
    elif len(text) > 3 and text.endswith("s") and not text.endswith("ss"):
        text = text[:-1]
    for ending in ("ing", "ed"):
        if len(text) > len(ending) + 2 and text.endswith(ending):
            text = text[: -len(ending)]
    return text[:-1] if len(text) > 3 and text.endswith("e") else text


@cache
def trained_stems() -> frozenset[str]:
    """Stems of everything training says besides values."""
    words = [word for text in carrier_texts() for word in runs(text)]
    words += [word for domain in domains("train") for word in domain_words(domain)]
    return frozenset(map(stem, words))


@cache
def held_stems() -> frozenset[str]:
    """Stems that only held-out domains use."""
    words = [word for domain in domains("held") for word in domain_words(domain)]
    return frozenset(map(stem, words)) - trained_stems()


@cache
def side(word: str) -> Side:
    """The side of one word (a letter run), or of a whole number, date or time."""
    root = stem(word)
    if root in trained_stems():
        return "train"
    if root in held_stems():
        return "held"
    return "held" if zlib.crc32(root.encode()) % HELD_SHARE == 0 else "train"


def whole(text: str) -> Side:
    """The side of a number, date or time; not remembered, there are too many."""
    return "held" if zlib.crc32(text.encode()) % HELD_SHARE == 0 else "train"


def on_side(text: str, wanted: Side) -> bool:
    """Whether every word of a text is on a side."""
    return all(side(word) == wanted for word in runs(text))


@cache
def values_of(name: str, wanted: Side) -> tuple[str, ...]:
    """The words of a list that are on a side."""
    return tuple(word for word in values(name) if on_side(word, wanted))


@cache
def phrases(name: str, wanted: Side) -> tuple[str, ...]:
    """The phrasings of a side, by their dotted name; held out ones share no entry with the training side."""
    entry = table("phrasing")
    for key in name.split("."):
        entry = entry[key]
    found = tuple(entry.get(wanted, entry["train"]))
    return (
        found
        if wanted == "train" or "held" not in entry
        else tuple(x for x in found if x not in entry["train"])
    )


@cache
def usable_domains(wanted: Side) -> tuple[Domain, ...]:
    """The domains of a side, without entries that have a word of the other side."""

    def fits(*texts: str) -> bool:
        return all(on_side(text, wanted) for text in texts)

    def field_fits(spec: FieldSpec) -> bool:
        return fits(spec.words, *kind_words(spec.kind))

    return tuple(
        Domain(
            domain.name,
            tuple(text for text in domain.objects if fits(text)),
            tuple(
                (
                    verb,
                    tuple(
                        text
                        for text in others
                        if wanted == "train" or any(side(w) == "held" for w in runs(text))
                    ),
                )
                for verb, others in domain.verbs
                if fits(verb)
            ),
            tuple(spec for spec in domain.fields if field_fits(spec)),
        )
        for domain in domains(wanted)
    )
