"""The alphabet of one construction: character sets as small integers, and the few questions asked about them.

An automaton over Unicode has 1.1 million symbols, yet a pattern tells only a handful of them apart. Edges are
therefore labelled with character *sets*, and the constructions ask: how do these sets overlap (`partition`), what have
two in common (`intersect`), what is outside all of them (`rest`)? Each answer is worked out once per construction,
because the same few labels meet at every state:

```text
partition([a-z], [a-f0-9])  =  [a-f] in both, [g-z] in the first, [0-9] in the second
```

The pieces are the *minterms* of the labels that meet in one state (local minterms: a state that meets two labels pays
for two, however many the pattern has).

Cost: `partition` is one sweep over the sorted ends of all ranges; everything else is linear in ranges; all memoised.

Lineage: symbolic automata and minterms as in D'Antoni and Veanes, "Minimization of Symbolic Automata" (POPL 2014).
"""

from __future__ import annotations

from ruvllm_grammar.ir import CharSet

SetId = int


class Alphabet:
    """Interned character sets. Ids are dense from 0; equal sets have equal ids. Not shared between threads."""

    def __init__(self) -> None:
        self.sets: list[CharSet] = []
        self.first: list[int] = []
        self._ids: dict[CharSet, SetId] = {}
        self._chars: dict[str, SetId] = {}
        self._partitions: dict[tuple[SetId, ...], list[tuple[SetId, tuple[SetId, ...]]]] = {}
        self._unions: dict[tuple[SetId, ...], SetId] = {}
        self._intersections: dict[tuple[SetId, SetId], SetId | None] = {}
        self._rests: dict[tuple[SetId, ...], SetId | None] = {}

    def intern(self, members: CharSet) -> SetId:
        """The id of a non-empty set."""
        found = self._ids.get(members)
        if found is None:
            found = self._ids[members] = len(self.sets)
            self.sets.append(members)
            self.first.append(members.ranges[0][0])
        return found

    def char(self, char: str) -> SetId:
        """The id of the set of one character."""
        found = self._chars.get(char)
        if found is None:
            found = self._chars[char] = self.intern(CharSet(((ord(char), ord(char)),)))
        return found

    def partition(self, ids: tuple[SetId, ...]) -> list[tuple[SetId, tuple[SetId, ...]]]:
        """The non-empty pieces into which the sets cut each other, each with the sets that contain it."""
        found = self._partitions.get(ids)
        if found is None:
            found = self._partitions[ids] = self._cut(ids)
        return found

    def _cut(self, ids: tuple[SetId, ...]) -> list[tuple[SetId, tuple[SetId, ...]]]:
        toggles: dict[int, int] = {}
        for index, one in enumerate(ids):
            bit = 1 << index
            for low, high in self.sets[one].ranges:
                toggles[low] = toggles.get(low, 0) ^ bit
                toggles[high + 1] = toggles.get(high + 1, 0) ^ bit
        pieces: dict[int, list[tuple[int, int]]] = {}
        active = start = 0
        for point in sorted(toggles):
            if active:
                pieces.setdefault(active, []).append((start, point - 1))
            active ^= toggles[point]
            start = point
        return [
            (
                self.intern(CharSet(tuple(ranges))),
                tuple(one for index, one in enumerate(ids) if members >> index & 1),
            )
            for members, ranges in pieces.items()
        ]

    def union(self, ids: tuple[SetId, ...]) -> SetId:
        """The id of the union of one or more sets."""
        if len(ids) == 1:
            return ids[0]
        found = self._unions.get(ids)
        if found is None:
            ranges = [r for one in ids for r in self.sets[one].ranges]
            found = self._unions[ids] = self.intern(CharSet.of(*ranges))
        return found

    def intersect(self, a: SetId, b: SetId) -> SetId | None:
        """The id of what two sets have in common, None for nothing."""
        if a == b:
            return a
        key = (a, b)
        if key not in self._intersections:
            common = self.sets[a].intersect(self.sets[b])
            self._intersections[key] = self.intern(common) if common else None
        return self._intersections[key]

    def rest(self, ids: tuple[SetId, ...]) -> SetId | None:
        """The id of the characters in none of the sets, None when there are none."""
        if ids not in self._rests:
            ranges = [r for one in ids for r in self.sets[one].ranges]
            outside = CharSet.of(*ranges).complement()
            self._rests[ids] = self.intern(outside) if outside else None
        return self._rests[ids]
