"""Deterministic automata over code points: the readable form that the boolean algebra works on.

Edges carry character sets; a missing edge leads nowhere. `SymbolicDfa` is the finished, minimal, canonical form;
`Draft` is the same thing under construction, with labels as ids of an `Alphabet`.
"""

from __future__ import annotations

from dataclasses import dataclass

from ruvllm_grammar.automata.alphabet import Alphabet, SetId
from ruvllm_grammar.ir import CharSet

Row = tuple[tuple[SetId, int], ...]


@dataclass(frozen=True, slots=True)
class SymbolicDfa:
    """A minimal deterministic automaton over Unicode scalar values.

    Attributes:
        rows: per state its edges `(set, target)`: sets disjoint and not empty, targets distinct, in the order of
            the sets' least characters. State 0 is the start.
        accepting: per state.

    Every state is reachable and reaches an accepting state (only the start of the empty language does not). States
    are numbered breadth first, so equal languages have equal values.
    """

    rows: tuple[tuple[tuple[CharSet, int], ...], ...]
    accepting: tuple[bool, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing matches."""
        return not any(self.accepting)

    def step(self, state: int, char: int) -> int | None:
        """The state after the code point `char`; None when nothing can follow."""
        for label, target in self.rows[state]:
            if char in label:
                return target
        return None

    def matches(self, text: str) -> bool:
        """Whether the whole of `text` matches."""
        state = 0
        for char in text:
            following = self.step(state, ord(char))
            if following is None:
                return False
            state = following
        return self.accepting[state]

    def shortest(self) -> str | None:
        """A shortest text that matches, the least in code-point order; None when there is none."""
        if self.is_empty:
            return None
        remaining = distances([[t for _, t in row] for row in self.rows], self.accepting)
        state, text = 0, []
        while not self.accepting[state]:
            closer = [(label, t) for label, t in self.rows[state] if remaining[t] == remaining[state] - 1]
            label, state = min(closer, key=lambda edge: edge[0].ranges[0][0])
            text.append(chr(label.ranges[0][0]))
        return "".join(text)

    def finite(self) -> list[bool]:
        """Per state whether only finitely many texts lead from it to acceptance. Linear in the edges.

        Every state reaches an accepting one, so the others are those that reach a circle.
        """
        predecessors: list[list[int]] = [[] for _ in self.rows]
        for state, row in enumerate(self.rows):
            for _, target in row:
                predecessors[target].append(state)
        left = [len(row) for row in self.rows]
        queue = [state for state, count in enumerate(left) if count == 0]
        for state in queue:
            for before in predecessors[state]:
                left[before] -= 1
                if left[before] == 0:
                    queue.append(before)
        return [count == 0 for count in left]

    def strings(self, most: int) -> tuple[str, ...] | None:
        """All texts that match, by length, then in code-point order; None when there are more than `most`."""
        if not self.finite()[0]:
            return None
        found: list[str] = []
        level: list[tuple[str, int]] = [("", 0)] if not self.is_empty else []
        while level:
            found.extend(text for text, state in level if self.accepting[state])
            longer: list[tuple[str, int]] = []
            for text, state in level:
                for label, target in self.rows[state]:
                    if (
                        len(found) + len(longer) + len(label) > most
                    ):  # each of them leads to a match of its own
                        return None
                    longer.extend(
                        (text + chr(char), target) for lo, hi in label.ranges for char in range(lo, hi + 1)
                    )
            level = sorted(longer)
        return tuple(found)


def distances(successors: list[list[int]], accepting: tuple[bool, ...] | list[bool]) -> list[int]:
    """Edges from every state to the nearest accepting state; -1 where there is none. Linear in the edges."""
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


@dataclass(slots=True)
class Draft:
    """An automaton under construction: rows as in `SymbolicDfa` with labels as set ids. State 0 is the start."""

    alphabet: Alphabet
    rows: list[Row]
    accepting: list[bool]

    def freeze(self) -> SymbolicDfa:
        """Number the states breadth first, edges in the order of their least characters."""
        first, sets = self.alphabet.first, self.alphabet.sets
        number = {0: 0}
        order = [0]
        rows = []
        for state in order:
            row = self.rows[state]
            if len(row) > 1:
                row = tuple(sorted(row, key=lambda edge: first[edge[0]]))
            out = []
            for label, target in row:
                known = number.get(target)
                if known is None:
                    known = number[target] = len(order)
                    order.append(target)
                out.append((sets[label], known))
            rows.append(tuple(out))
        return SymbolicDfa(tuple(rows), tuple(self.accepting[state] for state in order))

    def trimmed(self) -> Draft:
        """Without the states that reach no accepting state."""
        alive = distances([[t for _, t in row] for row in self.rows], self.accepting)
        if min(alive) >= 0:
            return self
        keep = [state for state, steps in enumerate(alive) if steps >= 0 or state == 0]
        number = {state: new for new, state in enumerate(keep)}
        rows = [tuple((label, number[t]) for label, t in self.rows[state] if alive[t] >= 0) for state in keep]
        return Draft(self.alphabet, rows, [self.accepting[state] for state in keep])


def row_of(alphabet: Alphabet, edges: list[tuple[SetId, int]]) -> Row:
    """A row in normal form from disjoint edges: edges to one target joined, sorted by label id."""
    if len(edges) < 2:
        return tuple(edges)
    if len({target for _, target in edges}) == len(edges):
        return tuple(sorted(edges))
    by_target: dict[int, list[SetId]] = {}
    for label, target in edges:
        by_target.setdefault(target, []).append(label)
    return tuple(
        sorted(
            (labels[0] if len(labels) == 1 else alphabet.union(tuple(sorted(labels))), target)
            for target, labels in by_target.items()
        )
    )
