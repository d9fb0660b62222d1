"""The smallest automaton of a language: states that accept the same rests become one.

Three methods share the work, each where it is best.

1. *States of finite languages* (from which no loop is reachable: literals, counted repetitions) are merged from the
   end backwards: two are equal exactly if they agree on accepting and their rows, whose targets are merged already.
   One dictionary look-up each (Revuz, "Minimisation of acyclic deterministic automata in linear time", 1992).
   A state with a loop ahead has an infinite language and equals none of these.
2. *A few rounds of Moore's refinement* settle most of what is left: start with accepting against not, split states
   whose rows differ in the classes of their targets, repeat ("Gedanken-experiments on sequential machines", 1956).
3. *Hopcroft's algorithm* finishes what does not settle, such as `.{5000,}`, where Moore would need 5,000 rounds:
   splitting with the smaller half keeps it O(e log n) in edges ("An n log n algorithm", 1971).

```text
(ab|cb)    states {b1, b2}: both [b] -> ACCEPT, one row, one state
```
"""

from __future__ import annotations

from ruvllm_grammar.automata.symbolic import Draft, Row, row_of

_MOORE_ROUNDS = 8


def minimize(draft: Draft) -> Draft:
    """The minimal automaton. `draft` must be trimmed and reachable; the start stays state 0."""
    block = _finite_states(draft)
    finite = 1 + max(block)
    rest = [state for state, b in enumerate(block) if b < 0]
    if rest:
        _refine(draft, block, rest, finite)
    return _quotient(draft, block)


def _signature(draft: Draft, state: int, block: list[int]) -> tuple[bool, Row]:
    row = draft.rows[state]
    if len(row) == 1:
        label, target = row[0]
        return draft.accepting[state], ((label, block[target]),)
    return draft.accepting[state], row_of(draft.alphabet, [(label, block[t]) for label, t in row])


def _finite_states(draft: Draft) -> list[int]:
    """Final classes, numbered from 0, of the states with finite languages; -1 for the others."""
    predecessors: list[list[int]] = [[] for _ in draft.rows]
    open_edges = []
    for state, row in enumerate(draft.rows):
        open_edges.append(len(row))
        for _, target in row:
            predecessors[target].append(state)
    block = [-1] * len(draft.rows)
    classes: dict[tuple[bool, Row], int] = {}
    queue = [state for state, count in enumerate(open_edges) if not count]
    for state in queue:
        block[state] = classes.setdefault(_signature(draft, state, block), len(classes))
        for before in predecessors[state]:
            open_edges[before] -= 1
            if not open_edges[before]:
                queue.append(before)
    return block


def _refine(draft: Draft, block: list[int], rest: list[int], base: int) -> None:
    """Split the states `rest` into their classes, numbered from `base`; `block` is updated in place."""
    for state in rest:
        block[state] = base + draft.accepting[state]
    count = len({block[state] for state in rest})
    for _ in range(_MOORE_ROUNDS):
        if count == len(rest):
            return
        classes: dict[tuple[int, tuple[bool, Row]], int] = {}
        new = [
            classes.setdefault((block[state], _signature(draft, state, block)), base + len(classes))
            for state in rest
        ]
        for state, b in zip(rest, new, strict=True):
            block[state] = b
        if len(classes) == count:
            return
        count = len(classes)
    _hopcroft(draft, block, rest, base)


def _hopcroft(draft: Draft, block: list[int], rest: list[int], base: int) -> None:
    """Refine the partition that `block` holds for `rest` until it is stable under every label.

    The partition must already separate states that differ on accepting or on where they leave `rest`.
    """
    inside = set(rest)
    labels = sorted({label for state in rest for label, _ in draft.rows[state]})
    atoms: dict[int, list[int]] = {label: [] for label in labels}
    pieces = draft.alphabet.partition(tuple(labels))
    for atom, (_, containing) in enumerate(pieces):
        for label in containing:
            atoms[label].append(atom)
    sources: list[dict[int, list[int]]] = [{} for _ in pieces]
    for state in rest:
        for label, target in draft.rows[state]:
            if target in inside:
                for atom in atoms[label]:
                    sources[atom].setdefault(target, []).append(state)

    members: list[set[int]] = [set() for _ in range(1 + max(block[s] for s in rest) - base)]
    for state in rest:
        members[block[state] - base].add(state)
    waiting = set(range(len(members)))
    while waiting:
        splitter = list(members[waiting.pop()])
        for into in sources:
            hit: dict[int, list[int]] = {}
            for target in splitter:
                for state in into.get(target, ()):
                    hit.setdefault(block[state] - base, []).append(state)
            for old, states in hit.items():
                if len(states) == len(members[old]):
                    continue
                new = len(members)
                moved = set(states)
                members[old] -= moved
                if len(moved) > len(members[old]):
                    members[old], moved = moved, members[old]
                members.append(moved)
                for state in moved:
                    block[state] = base + new
                waiting.add(new)  # if `old` still waits, both halves do; if not, the smaller half is enough


def _quotient(draft: Draft, block: list[int]) -> Draft:
    number: dict[int, int] = {}
    chosen: list[int] = []
    for state, b in enumerate(block):
        if b not in number:
            number[b] = len(chosen)
            chosen.append(state)
    if len(chosen) == len(block):
        return draft
    merged = [number[b] for b in block]
    rows = [row_of(draft.alphabet, [(label, merged[t]) for label, t in draft.rows[s]]) for s in chosen]
    return Draft(draft.alphabet, rows, [draft.accepting[s] for s in chosen])
