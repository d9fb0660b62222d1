"""Backing up: what a sequence does when a guarded grammar leaves it no token.

Problem. Masks never lead an exact grammar into a dead end. A *guarded* one they may: that three distinct items are
still to come is seen when the last of them cannot be written any more, and some choice before has to be taken back.
Which one, nobody knows: the last token, or one that stands a hundred tokens before.

    [{"x": 1}, {"x": 1     unique items, "x" has to be 1, "y" may follow: "}" is not legal, only ","
    [{"x": 1}, {"x": 1, "y": 3}, {"x": 1, "y": 3     a third item, and "y" is 2 or 3: no token
    [{"x": 1}, {"x": 1, "y": 3}, {"x": 1, "y":       back up: 3 is barred, 2 is left

Idea. Depth first, with jumps. A text without continuation is *dead*; at the choice before it the tokens that would
write a dead text are barred, and a choice with nothing left is dead itself. That alone would try the thousand endings
of a free string before it took back the word that stands in front of it, so the k-th back-up passes over `luby(k)`
choices: 1, 1, 2, 1, 1, 2, 4, ... Half of them repair the last choice, and of n back-ups one goes about n / 2 choices
back. The token a jump comes back to is *avoided*: taken again only when nothing else is left there, so that a greedy
sampler does not walk the same way twice.

Texts are compared, not tokens: what was written as `"a` + `b` is not written again as `"ab`. Forced tokens leave no
choice and are passed over. The generator of the sampler is not turned back, so a seeded request still answers the same
each time, alone or in a batch.

Cost: nothing for a grammar without guards. A back-up rolls the matcher back, cuts the cache of keys and values to the
same length, and runs one token through the model again. At most one dead text is kept for each back-up and for each
choice that all of them exhausted, so there are fewer than twice as many as back-ups.

Lineage: chronological backtracking with the restart sequence of Luby, Sinclair and Zuckerman (1993, "Optimal speedup of
Las Vegas algorithms"), here as jump lengths.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

import ruvllm_grammar as rg


def luby(k: int) -> int:
    """The k-th number (from 1) of 1, 1, 2, 1, 1, 2, 4, 1, 1, 2, 1, 1, 2, 4, 8, ..."""
    while (size := (1 << k.bit_length()) - 1) != k:
        k -= size // 2
    return (size + 1) // 2


class Backups:
    """What one sequence remembers to back up: its choices, and the texts that led nowhere.

    Attributes:
        most: how many back-ups are allowed.
        made: how many there were.
        discarded: tokens taken back by them.
        choices: positions of the tokens that were chosen among several, ascending.
        written: what the tokens so far spell.
    """

    def __init__(self, vocabulary: rg.Vocabulary, most: int) -> None:
        self.most = most
        self.made = 0
        self.discarded = 0
        self.choices: list[int] = []
        self.written = bytearray()
        self._vocabulary = vocabulary
        self._dead: set[bytes] = set()
        self._avoided: set[bytes] = set()
        self._spellings: dict[bytes, list[int]] = {}

    def append(self, token: int) -> None:
        """Note that a token was appended."""
        self.written += self._spelled(token)

    def rewind(self, tokens: Sequence[int], *, discarded: int) -> None:
        """Note that only `tokens` are left."""
        self.written = bytearray().join(map(self._spelled, tokens))
        self.discarded += discarded

    def spent(self) -> bool:
        """Whether no back-up is left."""
        return self.made >= self.most

    def start(self) -> int:
        """Begin a back-up: the text so far is dead. Returns how many choices to go back."""
        self.made += 1
        self.dead()
        return luby(self.made)

    def dead(self) -> None:
        """The text so far has no continuation."""
        self._dead.add(bytes(self.written))

    def avoid(self, token: int) -> None:
        """Take another token than this one next time, if there is any."""
        self._avoided.add(bytes(self.written) + self._spelled(token))

    def forgive(self) -> None:
        """Nothing is avoided any more, only what is dead."""
        self._avoided.clear()

    def bar(self, row: rg.Row) -> tuple[rg.Row, bool]:
        """A row less the tokens that lead to a dead text, and less those to be avoided unless they are all.

        Returns:
            The row that is left, and whether it has a token that is not avoided.
        """
        row = row.without(self._leading(self._dead))
        if not self._avoided:
            return row, row.count > 0
        rest = row.without(self._leading(self._avoided))
        return (rest, True) if rest.count else (row, False)

    def _leading(self, texts: Iterable[bytes]) -> npt.NDArray[np.int32]:
        """Every token that leads from here to one of these texts."""
        here = len(self.written)
        found: set[int] = set()
        for text in texts:
            if len(text) > here and text.startswith(self.written):
                found.update(self._spelling(text[here:]))
        return np.array(sorted(found), np.int32)

    def _spelled(self, token: int) -> bytes:
        """The bytes of a token; for one without, bytes that are in no text."""
        return self._vocabulary.token_bytes(token) or b"\xff%d\xff" % token

    def _spelling(self, text: bytes) -> list[int]:
        """Every token that spells exactly this text."""
        found = self._spellings.get(text)
        if found is None:
            offsets, data = self._vocabulary.offsets, self._vocabulary.data
            size = len(text)
            ids = np.flatnonzero(np.diff(offsets) == size)
            for i, byte in enumerate(text):
                ids = ids[data[offsets[ids] + i] == byte]
            if text[:1] == b"\xff" and text[-1:] == b"\xff" and text[1:-1].isdigit():
                ids = np.append(ids, int(text[1:-1]))
            found = self._spellings[text] = ids.tolist()
        return found
