"""Seeded draws that stay on one side of the split.

Everything a generator puts into a text goes through a `Draw`: words of a list are filtered by side, and what is
composed (made-up words, numbers, dates) is drawn again until it is on the side. Made-up words are runs of *vocabulary
pieces*: a small model copies a token well only when it has copied that token before, and ordinary text uses few of
the 2,048.

    Draw(Random(1), "train", pieces=("lan", "tern", "qu"), exotic=0.2)
    .word("noun")     a noun of the training side, or one time in five a made-up word
    .fresh()          "ternqu", if that is on the training side, else another
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random
from typing import TypeVar

from bench.embedded_model.split import Side, on_side, phrases, values_of, whole

T = TypeVar("T")

_CONSONANTS = [
    "b",
    "c",
    "d",
    "f",
    "g",
    "h",
    "j",
    "k",
    "l",
    "m",
    "n",
    "p",
    "r",
    "s",
    "t",
    "v",
    "w",
    "z",
    "br",
    "ch",
    "dr",
    "gl",
    "kn",
    "pl",
    "sh",
    "st",
    "th",
    "tr",
]
_VOWELS = ["a", "e", "i", "o", "u", "ai", "ee", "ou"]
_FIRST_DAY, _DAYS = date(2019, 1, 1), 4380  # twelve years
_TRIES = 10_000


class Draw:
    """A seeded generator for one side.

    Attributes:
        rng: the generator underneath, for choices that are no content (counts, orders, styles).
        side: what may be drawn.
        exotic: how often a word of a list is replaced by a made-up one.
    """

    def __init__(self, rng: Random, side: Side, *, pieces: Sequence[str] = (), exotic: float = 0.0) -> None:
        """Draw for `side`.

        Args:
            rng: seeded by the caller.
            side: of everything drawn.
            pieces: letter runs of the tokenizer's vocabulary; without them made-up words consist of syllables.
            exotic: share of words that are made up, 0 to 1.
        """
        self.rng = rng
        self.side: Side = side
        self.exotic = exotic
        self._pieces = pieces

    def chance(self, share: float) -> bool:
        """True with this probability."""
        return self.rng.random() < share

    def pick(self, options: Sequence[T]) -> T:
        """One of several, uniformly."""
        return options[int(self.rng.random() * len(options))]

    def phrase(self, name: str) -> str:
        """A phrasing of this side."""
        return self.pick(phrases(name, self.side))

    def word(self, name: str) -> str:
        """A word of a list, or with probability `exotic` a made-up one."""
        return self.fresh() if self.chance(self.exotic) else self.pick(values_of(name, self.side))

    def fresh(self) -> str:
        """A made-up word of 2 to 14 letters."""
        for _ in range(_TRIES):
            text = "".join(self._piece() for _ in range(self.pick((1, 1, 2, 2, 3)))).lower()
            if 2 <= len(text) <= 14 and on_side(text, self.side):
                return text.capitalize() if self.chance(0.2) else text
        raise RuntimeError(f"no made-up word of the side {self.side!r}: too few pieces ({len(self._pieces)})")

    def _piece(self) -> str:
        return self.pick(self._pieces) if self._pieces else self.pick(_CONSONANTS) + self.pick(_VOWELS)

    def small(self, low: int, high: int) -> int:
        """An integer for counts and styles, shared by both sides."""
        return low + int(self.rng.random() * (high - low + 1))

    def integer(self, low: int, high: int) -> int:
        """An integer of a range; from three digits on it belongs to the side."""
        for _ in range(_TRIES):
            number = self.small(low, high)
            if abs(number) < 100 or whole(str(number)) == self.side:
                return number
        raise ValueError(f"no number of the side {self.side!r} from {low} to {high}: widen the range")

    def decimal(self, low: float, high: float) -> float | int:
        """A number of a range with up to two decimals; from three digits on it belongs to the side."""
        for _ in range(_TRIES):
            digits = self.pick((0, 1, 1, 2, 2))
            number = (
                round(self.rng.uniform(low, high), digits)
                if digits
                else self.small(int(-(-low // 1)), int(high))
            )
            if number == int(number):
                number = int(number)
            text = str(number)
            if len(text.strip("-").replace(".", "")) < 3 or whole(text) == self.side:
                return number
        raise ValueError(f"no number of the side {self.side!r} from {low} to {high}: widen the range")

    def date(self) -> str:
        """A day as YYYY-MM-DD."""
        for _ in range(_TRIES):
            text = (_FIRST_DAY + timedelta(days=self.small(0, _DAYS))).isoformat()
            if whole(text) == self.side:
                return text
        raise RuntimeError("no date of this side")

    def time(self) -> str:
        """A time of day as HH:MM, every five minutes."""
        for _ in range(_TRIES):
            text = f"{self.small(0, 23):02}:{5 * self.small(0, 11):02}"
            if whole(text) == self.side:
                return text
        raise RuntimeError("no time of this side")

    def letters(self, count: int) -> str:
        """Capital letters of this side."""
        for _ in range(_TRIES):
            text = "".join(self.pick("ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(count))
            if on_side(text, self.side):
                return text
        raise RuntimeError("no letters of this side")
