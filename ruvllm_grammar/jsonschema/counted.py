r"""Strings of an automaton beside a length, run with a record instead of multiplied.

`^(?:\S+\s+){0,49}\S+$` is an automaton of a hundred states; beside `maxLength 500` it would be one of tens of
thousands, and spelled in JSON, where every state has its escapes and forms of UTF-8, of half a million bytes' states.
Nearly all of them are never visited. So the string becomes a loop over single characters inside an `ir.Frame`, whose
record holds what the product's state would: the automaton's state and the number of characters so far.

```text
frame( "  loop( step 0 json_chars(\s)  |  step 1 json_chars(\S) )  step 2  " )        record (state, characters)
```

Characters that the automaton never tells apart are one symbol (the minterms of its labels); the last symbol ends the
string. A step is refused when no string of an allowed length is left, so every prefix that is offered can be finished.
That is known beforehand: `_rooms[state]` has bit k set when k characters lead from the state to acceptance, worked out
length by length from the accepting states backwards.

Cost: bits are one pass over the edges for each length up to `high`; at run time, one Python step for each new record.
Lineage: lazy products, as in on-the-fly model checking.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable

import numpy as np

from ruvllm_grammar import ir
from ruvllm_grammar.ir import CharSet

#: The rule of one character, by which distances count what is still to be written.
CHARACTER = "character"

#: Steps of the automaton times lengths that the preparation may take.
MAX_WORK = 50_000_000

#: State of the automaton, characters so far (saturating at `low` where there is no `high`); state -1: it has ended.
_Record = tuple[int, int]
_ENDED: _Record = (-1, 0)


def counted(automaton: ir.Automaton, low: int, high: int | None, name: str) -> ir.Expr:
    """The JSON strings of an automaton with at least `low` and at most `high` characters; NEVER when there are none.

    Args:
        automaton: over characters.
        low: fewest characters.
        high: most characters, or None.
        name: identifies automaton and lengths.
    """
    frame = _CountedText(automaton, low, high, name)
    if not frame.inhabited:
        return ir.NEVER
    classes = frame.classes
    parts = (ir.seq(ir.step(i), ir.json_chars(ir.chars(one))) for i, one in enumerate(classes))
    quote = ir.literal('"')
    return ir.frame(frame, ir.seq(quote, ir.repeat(ir.pick(*parts), 0), ir.step(len(classes)), quote))


def work(automaton: ir.Automaton, high: int | None) -> int:
    """What preparing `counted` costs, in the unit of `MAX_WORK`."""
    edges = sum(map(len, automaton.rows))
    return (edges + len(automaton.rows)) * (len(automaton.rows) if high is None else high + 1)


def inhabited(automaton: ir.Automaton, low: int, high: int | None) -> bool:
    """Whether the automaton has a string of an allowed length."""
    return _CountedText(automaton, low, high, "").inhabited


class _CountedText:
    """The records of one string."""

    def __init__(self, automaton: ir.Automaton, low: int, high: int | None, name: str) -> None:
        self.key = f"text {hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
        self.start: _Record = (0, 0)
        self.owed = (CHARACTER,)
        self._low, self._high = low, high
        self._accepting = automaton.accepting
        labels = list(dict.fromkeys(label for row in automaton.rows for label, _ in row))
        self.classes = _minterms(labels)
        self._moves = [
            [next((t for label, t in row if one.ranges[0][0] in label), -1) for one in self.classes]
            for row in automaton.rows
        ]
        successors = [sorted({t for _, t in row}) for row in automaton.rows]
        if high is None:
            self._longest = _longest(successors)
            if low:
                self._nearest = _rooms(successors, automaton.accepting, len(successors) + low)
            else:  # only the shortest text is ever asked for
                steps = _shortest(successors, automaton.accepting)
                self._nearest = [0 if one < 0 else 1 << one for one in steps]
        else:
            self._nearest = _rooms(successors, automaton.accepting, high)

    @property
    def inhabited(self) -> bool:
        """Whether there is a string at all."""
        return any(self._accepting) and self._alive(0, 0)

    def step(self, record: _Record, symbol: int) -> Hashable | None:
        """The record after a character of the class `symbol`, or after the end."""
        state, read = record
        if state < 0:
            return None
        if symbol == len(self.classes):
            return _ENDED if self._accepting[state] and read >= self._low else None
        following = self._moves[state][symbol]
        if following < 0:
            return None
        read = min(read + 1, self._low) if self._high is None else read + 1
        return (following, read) if self._alive(following, read) else None

    def debt(self, record: _Record) -> tuple[str, ...]:
        """The characters that are still missing."""
        state, read = record
        if state < 0:
            return ()
        allowed = self._nearest[state] >> max(self._low - read, 0)
        fewest = (allowed & -allowed).bit_length() - 1 + max(self._low - read, 0)
        return (CHARACTER,) * fewest

    def _alive(self, state: int, read: int) -> bool:
        missing = max(self._low - read, 0)
        if self._high is None:
            longest = self._longest[state]
            return longest is None or longest >= missing
        left = self._high - read
        return left >= 0 and bool((self._nearest[state] & ((1 << (left + 1)) - 1)) >> missing)


def _minterms(labels: list[CharSet]) -> list[CharSet]:
    """The pieces into which sets cut each other, by their least characters."""
    pieces: list[CharSet] = []
    for label in labels:
        rest, cut = label, []
        for piece in pieces:
            common = piece.intersect(rest)
            if not common:
                cut.append(piece)
                continue
            cut.append(common)
            outside = piece.difference(common)
            if outside:
                cut.append(outside)
            rest = rest.difference(common)
        if rest:
            cut.append(rest)
        pieces = cut
    return sorted(pieces, key=lambda piece: piece.ranges[0][0])


def _rooms(successors: list[list[int]], accepting: tuple[bool, ...], most: int) -> list[int]:
    """Per state the lengths up to `most` of the texts that lead to acceptance, as bits."""
    sources = np.repeat(np.arange(len(successors)), [len(targets) for targets in successors])
    targets = np.array([t for targets in successors for t in targets], np.int64)
    reached = np.zeros((most + 1, len(successors)), np.bool_)
    reached[0] = accepting
    for length in range(1, most + 1):
        hits = np.bincount(sources, reached[length - 1, targets], len(successors))
        reached[length] = hits > 0
        if not reached[length].any():
            break
    packed = np.packbits(reached, axis=0, bitorder="little")
    return [int.from_bytes(packed[:, state].tobytes(), "little") for state in range(len(successors))]


def _shortest(successors: list[list[int]], accepting: tuple[bool, ...]) -> list[int]:
    """Per state the length of the shortest text that leads to acceptance; -1 where there is none."""
    predecessors: list[list[int]] = [[] for _ in successors]
    for state, targets in enumerate(successors):
        for target in targets:
            predecessors[target].append(state)
    found = [0 if yes else -1 for yes in accepting]
    queue = [state for state, yes in enumerate(accepting) if yes]
    for state in queue:
        for before in predecessors[state]:
            if found[before] < 0:
                found[before] = found[state] + 1
                queue.append(before)
    return found


def _longest(successors: list[list[int]]) -> list[int | None]:
    """Per state the length of the longest text that leads to acceptance, None where there is none.

    Every state reaches acceptance, so there is none exactly where a circle is reachable.
    """
    predecessors: list[list[int]] = [[] for _ in successors]
    for state, targets in enumerate(successors):
        for target in targets:
            predecessors[target].append(state)
    left = [len(targets) for targets in successors]
    found: list[int | None] = [None] * len(successors)
    queue = [state for state, count in enumerate(left) if not count]
    for state in queue:
        ends = [one for target in successors[state] if (one := found[target]) is not None]
        found[state] = max((one + 1 for one in ends), default=0)
        for before in predecessors[state]:
            left[before] -= 1
            if not left[before]:
                queue.append(before)
    return found
