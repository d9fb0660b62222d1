"""`contains`: arrays in which some items are counted.

Whether an item is counted is a choice: it satisfies the clause and counts, or it does not count. Where only a least
number of matches is asked for, an item that is not counted may match or not, so no negation is needed; where there is
a most, an item that is not counted must not match. Each combination of clauses an item counts for gives it its own
obligation, and the array becomes a graph over (items written, matches per clause), both saturating:

```text
{"contains": S, "items": A}      states: 0 matches, 1 or more
c1.s0.0 ::= A* "," S&A c1.s0.1   roughly; what is offered after each item:
            not counted: back to 0 matches;  counted: on to 1
c1.s0.1 ::= "]" | "," A c1.s0.1
```

A state is offered only when the end can be reached from it, decided backwards over the graph, so `maxItems` beside
`contains` never runs out of places. A clause may count only the items behind a prefix: that is how the denial of
`items` asks for one that does not fit. Cost: states times 2^clauses; `Counting.fits` says whether that is affordable,
and what is not is decided on the finished array instead (`arrays`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ruvllm_grammar.jsonschema.obligations import Obligation

#: States and clauses of one array beyond which no graph is built.
MAX_STATES = 20_000
MAX_CLAUSES = 7

#: Items written, and matches per clause.
State = tuple[int, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Clause:
    """At least `low` and at most `high` items, of those from position `first` on, match."""

    low: int
    high: int | None
    pointer: str
    first: int = 0

    @property
    def cap(self) -> int:
        """The count at which more makes no difference, or is not allowed."""
        return self.low if self.high is None else self.high


@dataclass(frozen=True, slots=True)
class Counting:
    """The graph of one array.

    Attributes:
        clauses: what is counted.
        least: how many items there must be.
        most: how many there can be, or None.
        options: per position (the last stands for all later ones), per item the clauses it counts for and its
            obligation.
    """

    clauses: tuple[Clause, ...]
    least: int
    most: int | None
    options: tuple[tuple[tuple[tuple[bool, ...], Obligation], ...], ...]

    @property
    def start(self) -> State:
        """Nothing written."""
        return (0, (0,) * len(self.clauses))

    @property
    def far(self) -> int:
        """The number of items at which more makes no difference, or is not allowed."""
        if self.most is not None:
            return self.most
        return max(1, len(self.options) - 1, self.least)  # 1: the start is never come back to

    @staticmethod
    def fits(clauses: tuple[Clause, ...], least: int, most: int | None, length: int) -> bool:
        """Whether the graph of an array with so many positions in front of the rest is small enough to be built."""
        states = 1 + (most if most is not None else max(1, length, least))
        for clause in clauses:
            states *= clause.cap + 1
        return len(clauses) <= MAX_CLAUSES and states << len(clauses) <= MAX_STATES << 1

    def children(self) -> tuple[Obligation, ...]:
        """All obligations of items."""
        return tuple(obligation for options in self.options for _, obligation in options)

    def ends(self, state: State) -> bool:
        """Whether the array may be closed here."""
        written, counts = state
        return written >= self.least and all(
            count >= clause.low for count, clause in zip(counts, self.clauses, strict=True)
        )

    def onward(self, state: State) -> Iterator[tuple[Obligation, State]]:
        """Every item that may come next, and where it leads."""
        written, counts = state
        if self.most is not None and written >= self.most:
            return
        after = min(written + 1, self.far)
        for matches, obligation in self.options[min(written, len(self.options) - 1)]:
            grown = []
            for match, count, clause in zip(matches, counts, self.clauses, strict=True):
                if match and clause.high is not None and count >= clause.high:
                    break
                grown.append(min(count + match, clause.cap))
            else:
                yield obligation, (after, tuple(grown))

    def living(self, inhabited: Callable[[Obligation], bool]) -> frozenset[State]:
        """The states from which the array can be closed."""
        edges: dict[State, list[State]] = {}
        queue = [self.start]
        seen = {self.start}
        while queue:
            state = queue.pop()
            for obligation, target in self.onward(state):
                if inhabited(obligation):
                    edges.setdefault(target, []).append(state)
                    if target not in seen:
                        seen.add(target)
                        queue.append(target)
        alive = {state for state in seen if self.ends(state)}
        queue = list(alive)
        while queue:
            for before in edges.get(queue.pop(), ()):
                if before not in alive:
                    alive.add(before)
                    queue.append(before)
        return frozenset(alive)
