"""Automata as transition tables: the form in which they are minimised and combined, by compiled loops.

Over character sets an edge is a set, and whether two edges agree is a question about sets. So the sets of all automata
that meet are first cut into disjoint *symbols* (`Alphabet.partition`); after that an automaton is a matrix of small
integers, a product is a walk over pairs of rows, and equal states are found by splitting groups of states
(`kernels.automata`).

```text
[a-z]+ and [0-9a-f]{1,2}     symbols: [a-f], [g-z], [0-9];     the first:  1 -[0 1]-> 2 -[0 1]-> 2
```

State 0 is dead and state 1 the start, as in `Dfa`. Cost: states x symbols of memory, O(edges x log states) to minimise,
one look-up per pair and symbol to combine.

Lineage: Rabin and Scott (1959) for products; Valmari and Lehtinen, "Efficient minimization of DFAs with partial
transition functions" (STACS 2008).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ruvllm_grammar.automata.alphabet import Alphabet, SetId
from ruvllm_grammar.automata.symbolic import Draft, Row

_Ints = npt.NDArray[np.int32]
_FIRST_ROOM = 4096


@dataclass(frozen=True, slots=True)
class Symbols:
    """Disjoint pieces of some character sets.

    Attributes:
        pieces: the sets that are the symbols.
        of: per character set the symbols it consists of.
    """

    pieces: tuple[SetId, ...]
    of: dict[SetId, list[int]]


def symbols_of(drafts: Sequence[Draft]) -> Symbols:
    """The symbols that tell apart what the labels of these automata tell apart; all drafts share one alphabet."""
    labels = tuple(sorted({label for draft in drafts for row in draft.rows for label, _ in row}))
    pieces = drafts[0].alphabet.partition(labels) if labels else []
    of: dict[SetId, list[int]] = {label: [] for label in labels}
    for symbol, (_, members) in enumerate(pieces):
        for label in members:
            of[label].append(symbol)
    return Symbols(tuple(piece for piece, _ in pieces), of)


def edges_of(draft: Draft, symbols: Symbols) -> tuple[_Ints, _Ints, _Ints]:
    """int32[edges] each: symbols, states they leave from and states they lead to."""
    place = {label: i for i, label in enumerate(symbols.of)}
    flat = [(place[label], state, target) for state, row in enumerate(draft.rows) for label, target in row]
    label, source, target = np.array(flat, np.int32).reshape(-1, 3).T.copy()
    every = [symbol for group in symbols.of.values() for symbol in group]
    if len(every) == len(place):  # the labels are disjoint
        return np.array(every, np.int32)[label], source, target
    sizes = np.array([len(group) for group in symbols.of.values()], np.int32)
    count = sizes[label]
    edge = np.repeat(np.arange(len(label)), count)
    within = np.arange(len(edge)) - (np.cumsum(count) - count)[edge]
    first = np.cumsum(sizes) - sizes
    return np.array(every, np.int32)[first[label[edge]] + within], source[edge], target[edge]


def blocks(symbol: _Ints, source: _Ints, target: _Ints, kind: _Ints) -> tuple[_Ints, _Ints]:
    """Which states accept the same rests. Every state must reach an accepting one.

    Args:
        symbol: of every edge, small numbers from 0.
        source: the states they leave from.
        target: the states they lead to.
        kind: int32[states], small numbers from 0, equal for equal states: mostly, whether it accepts.

    Returns:
        int32[states], equal exactly for equal states, from 0; and one state of each number.
    """
    from ruvllm_grammar.kernels.automata import refine  # numba loads when it is first needed, not on import

    states, edges = len(kind), len(source)
    cut = np.zeros((7, states + int(kind.max()) + 2), np.int32)
    cords = np.zeros((7, edges + (int(symbol.max()) if edges else 0) + 2), np.int32)
    into, entering = np.zeros(states + 2, np.int32), np.zeros(edges, np.int32)
    count = refine(symbol, source, target, kind, into, entering, cut, cords)
    return cut[2, :states], cut[0, cut[3, :count]]


@dataclass(frozen=True, slots=True)
class Table:
    """An automaton over symbols.

    Attributes:
        next: int32[states, symbols]; state 0 is dead, state 1 the start.
        accepting: bool[states].
    """

    next: _Ints
    accepting: npt.NDArray[np.bool_]

    @staticmethod
    def of(draft: Draft, symbols: Symbols) -> Table:
        """The table of a draft."""
        symbol, source, target = edges_of(draft, symbols)
        found = np.zeros((len(draft.rows) + 1, max(len(symbols.pieces), 1)), np.int32)
        found[source + 1, symbol] = target + 1
        return Table(found, np.array([False, *draft.accepting]))

    def draft(self, alphabet: Alphabet, symbols: Symbols) -> Draft:
        """The same as a draft, labels joined."""
        rows: list[Row] = []
        for row in self.next[1:].tolist():
            by_target: dict[int, list[SetId]] = {}
            for piece, target in zip(symbols.pieces, row, strict=False):
                if target:
                    by_target.setdefault(target - 1, []).append(piece)
            edges = [(alphabet.union(tuple(pieces)), target) for target, pieces in by_target.items()]
            rows.append(tuple(sorted(edges)))
        return Draft(alphabet, rows, self.accepting[1:].tolist())

    def combined(self, other: Table, room: int, *, without: bool) -> Table | None:
        """What both match, or what this one matches `without` the other; pairs that are reached, trimmed or not.

        Returns:
            None when there are more than `room` pairs.
        """
        from ruvllm_grammar.kernels.automata import pairs

        most = min(room, len(self.next) * len(other.next)) + 1
        size = min(most, _FIRST_ROOM)
        while True:
            table = np.zeros((size, self.next.shape[1]), np.int32)
            members = np.zeros((size, 2), np.int32)
            slots = np.zeros(1 << (2 * size).bit_length(), np.int32)
            count = pairs(self.next, other.next, int(without), table, members, slots)
            if count >= 0:
                break
            if size == most:
                return None
            size = min(8 * size, most)
        first, second = members[:count].T
        accepts = self.accepting[first] & (other.accepting[second] != without)
        return Table(table[:count].copy(), accepts)

    def minimal(self) -> Table:
        """The smallest table of the same language; every state must be reached from the start."""
        trimmed = self._trimmed()
        if len(trimmed.next) == 2:
            return trimmed
        source, symbol = np.nonzero(trimmed.next)
        target = trimmed.next[source, symbol] - 1
        block, chosen = blocks(
            symbol.astype(np.int32),
            source.astype(np.int32) - 1,
            target,
            trimmed.accepting[1:].astype(np.int32),
        )
        if len(chosen) == len(block):
            return trimmed
        swap = np.arange(len(chosen) + 1, dtype=np.int32)  # the start stays first
        swap[[1, block[0] + 1]] = swap[[block[0] + 1, 1]]
        kept = np.concatenate([[0], chosen + 1])[swap]
        moved = np.concatenate([[0], swap[block + 1]]).astype(np.int32)
        return Table(moved[trimmed.next[kept]], trimmed.accepting[kept])

    def _trimmed(self) -> Table:
        """Without the states that reach no accepting one; the start stays."""
        from ruvllm_grammar.kernels.layout import FAR
        from ruvllm_grammar.kernels.leaves import leaf_distances

        distance = np.empty(len(self.next), np.int32)
        leaf_distances(self.next, self.accepting, distance)
        keep = distance < FAR
        keep[:2] = True
        if keep.all():
            return self
        number = np.where(keep & (distance < FAR), np.cumsum(keep) - 1, 0).astype(np.int32)
        number[1] = 1 if distance[1] < FAR else 0
        return Table(number[self.next[keep]], self.accepting[keep])
