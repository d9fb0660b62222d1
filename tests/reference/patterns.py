"""Random patterns full of assertions, and all short texts over their alphabet."""

from __future__ import annotations

import itertools
import random

ALPHABET = "ab- "
_ATOMS = ["a", "b", "-", " ", ".", "\\w", "\\W", "[ab]", "[^a]", "\\s"]
_POSITIONS = ["^", "$", "\\b", "\\B"]
_QUANTIFIERS = ["*", "+", "?", "{2}", "{1,2}", "{0,2}", "{2,}", "*?", "??"]


def pattern(rng: random.Random, *, depth: int = 3, behind: bool = True) -> str:
    """A random pattern; with `behind` false without look-behinds."""
    return "|".join(_sequence(rng, depth, behind) for _ in range(rng.choice([1, 1, 1, 2])))


def _sequence(rng: random.Random, depth: int, behind: bool) -> str:
    return "".join(_term(rng, depth, behind) for _ in range(rng.choice([0, 1, 1, 2, 2, 3])))


def _term(rng: random.Random, depth: int, behind: bool) -> str:
    kind = rng.random()
    if kind < 0.2:
        return rng.choice(_POSITIONS)
    if kind < 0.35 and depth:
        opener = rng.choice(["(?=", "(?!", *(["(?<=", "(?<!"] if behind else [])])
        return opener + (_past if "<" in opener else pattern)(rng, depth=depth - 1, behind=behind) + ")"
    atom = (
        rng.choice(_ATOMS)
        if kind < 0.7 or not depth
        else f"(?:{pattern(rng, depth=depth - 1, behind=behind)})"
    )
    return atom + (rng.choice(_QUANTIFIERS) if rng.random() < 0.35 else "")


def _past(rng: random.Random, *, depth: int, behind: bool) -> str:
    """A body of a look-behind that does not ask for what comes behind it."""
    del behind
    start = rng.choice(["", "", "^", "\\b", "(?<=a)"])
    body = "".join(
        rng.choice(_ATOMS) + (rng.choice(_QUANTIFIERS) if rng.random() < 0.3 else "")
        for _ in range(rng.choice([1, 1, 2]))
    )
    return start + body + ("|" + rng.choice(_ATOMS) if depth and rng.random() < 0.3 else "")


def short_texts(length: int) -> list[str]:
    """All texts over the alphabet up to a length."""
    return ["".join(t) for n in range(length + 1) for t in itertools.product(ALPHABET, repeat=n)]
