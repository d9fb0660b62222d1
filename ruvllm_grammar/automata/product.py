"""The boolean algebra apart from products that are kept (`table`): complements, and whether anything is left.

Whether languages have a string in common is asked of pairs of states that are reached from the pair of starts, and the
first pair that accepts is the answer:

```text
[a-z]+ and .{1,2}    (0,0) -[a-z]-> (1,1): both accept, not disjoint
```

A complement swaps accepting and not, after every missing edge has been given a place to go: one more state that
loops. It is relative to all strings of Unicode scalar values.

Cost: at most the product of the sizes; the pairs are counted against the budget.

Lineage: Rabin and Scott (1959), on symbolic labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush

from ruvllm_grammar.automata.alphabet import Alphabet, SetId
from ruvllm_grammar.automata.symbolic import Draft, Row, SymbolicDfa, distances
from ruvllm_grammar.errors import LimitError
from ruvllm_grammar.ir import CharSet

_LOST = -1


def draft_of(dfa: SymbolicDfa, alphabet: Alphabet) -> Draft:
    """The same automaton with its labels in `alphabet`."""
    rows: list[Row] = [
        tuple(sorted((alphabet.intern(label), target) for label, target in row)) for row in dfa.rows
    ]
    return Draft(alphabet, rows, list(dfa.accepting))


def _without(alphabet: Alphabet, label: SetId, row: Row) -> SetId | None:
    """What of `label` no edge of `row` reads."""
    if not row:
        return label
    outside = alphabet.rest(tuple(one for one, _ in row))
    return None if outside is None else alphabet.intersect(label, outside)


def _pair(
    number: dict[tuple[int, int], int], queue: list[tuple[int, int]], pair: tuple[int, int], limit: int
) -> int:
    found = number.get(pair)
    if found is None:
        found = number[pair] = len(queue)
        if found >= limit:
            raise products_limit(found + 1, limit)
        queue.append(pair)
    return found


def products_limit(needed: int, limit: int) -> LimitError:
    """The error of intersections that grow too large."""
    return LimitError(
        f"patterns that have to hold together need {needed:,} states or more, and Limits.leaf_states allows {limit:,}; "
        "raise the limit, or ask for fewer of them",
        limit="leaf_states",
        needed=needed,
    )


def complement(a: Draft) -> Draft:
    """Every string of scalar values that `a` does not match. Not trimmed."""
    alphabet = a.alphabet
    everything = alphabet.intern(CharSet.ANY)
    sink = len(a.rows)
    rows: list[Row] = []
    for row in a.rows:
        outside = alphabet.rest(tuple(label for label, _ in row)) if row else everything
        rows.append(row if outside is None else tuple(sorted((*row, (outside, sink)))))
    rows.append(((everything, sink),))
    return Draft(alphabet, rows, [*(not yes for yes in a.accepting), True])


def is_disjoint(a: Draft, b: Draft, limit: int) -> bool:
    """Whether no string is in both; stops at the first that is.

    Raises:
        LimitError: more than `limit` pairs were needed.
    """
    number = {(0, 0): 0}
    queue = [(0, 0)]
    for one, two in queue:
        if a.accepting[one] and b.accepting[two]:
            return False
        for label, target in a.rows[one]:
            for other, place in b.rows[two]:
                if a.alphabet.intersect(label, other) is not None:
                    _pair(number, queue, (target, place), limit)
    return True


def is_empty_between(inside: Sequence[SymbolicDfa], outside: Sequence[SymbolicDfa], limit: int) -> bool:
    """Whether no string is in all of `inside` and in none of `outside`; stops at the first that is.

    Tuples of states are visited greedily, those first whose farthest member of `inside` is nearest to its end. A
    language with strings, the usual case, is seen to have one after about as many steps as the string has characters.

    Args:
        inside: at least one automaton.
        outside: any number of automata.
        limit: of the tuples.

    Raises:
        LimitError: more than `limit` tuples were needed.
    """
    alphabet = Alphabet()
    first = [draft_of(dfa, alphabet) for dfa in inside]
    second = [draft_of(dfa, alphabet) for dfa in outside]
    remaining = [distances([[t for _, t in row] for row in d.rows], d.accepting) for d in first]
    start = ((0,) * len(first), (0,) * len(second))
    seen = {start}
    queue = [(max(far[0] for far in remaining), *start)]
    while queue:
        _, ins, outs = heappop(queue)
        if all(d.accepting[s] for d, s in zip(first, ins, strict=True)) and not any(
            s >= 0 and d.accepting[s] for d, s in zip(second, outs, strict=True)
        ):
            return False
        for after in _common(alphabet, first, ins, second, outs):
            if after not in seen:
                if len(seen) >= limit:
                    raise products_limit(len(seen) + 1, limit)
                seen.add(after)
                heappush(queue, (max(far[s] for far, s in zip(remaining, after[0], strict=True)), *after))
    return True


_States = tuple[int, ...]


def _common(
    alphabet: Alphabet, first: Sequence[Draft], ins: _States, second: Sequence[Draft], outs: _States
) -> Iterator[tuple[_States, _States]]:
    """The tuples after one character that all of `first` can read; members of `second` may get lost."""
    found: list[tuple[SetId | None, _States]] = [(None, ())]
    for draft, state in zip(first, ins, strict=True):
        found = [
            (common, (*states, target))
            for label, states in found
            for other, target in draft.rows[state]
            if (common := other if label is None else alphabet.intersect(label, other)) is not None
        ]
    pairs: list[tuple[SetId | None, _States, _States]] = [(label, states, ()) for label, states in found]
    for draft, state in zip(second, outs, strict=True):
        row = draft.rows[state] if state >= 0 else ()
        grown: list[tuple[SetId | None, _States, _States]] = []
        for label, states, others in pairs:
            if label is None:
                continue
            alone = _without(alphabet, label, row)
            if alone is not None:
                grown.append((alone, states, (*others, _LOST)))
            for other, target in row:
                common = alphabet.intersect(label, other)
                if common is not None:
                    grown.append((common, states, (*others, target)))
        pairs = grown
    for _, states, others in pairs:
        yield states, others
