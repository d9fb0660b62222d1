"""The minimal byte automaton of a finite list of words, without a detour over code points.

A list of ten thousand words is a trie, and the trie becomes minimal by merging equal subtrees: two nodes are equal
exactly if they agree on accepting and on their edges, whose ends are merged already.

```text
car, cat, bar, bat      trie: 11 nodes
merged:  -[bc]-> 1 -a-> 2 -[rt]-> 3
```

Both happens in one compiled loop over the sorted words (`kernels.automata.merged_words`), which also says where another
automaton is that reads the same bytes; `exclusion` lays a trie over one.

Cost: linear in the bytes of all words, apart from sorting them. Lineage: Revuz, "Minimisation of acyclic deterministic
automata in linear time" (1992).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ruvllm_grammar.automata.dfa import Dfa, empty_dfa
from ruvllm_grammar.automata.encode import canonical
from ruvllm_grammar.automata.nfa import states_limit

_Ints = npt.NDArray[np.int32]
_NOTHING_BESIDE: _Ints = np.zeros((1, 256), np.int32)


def words_dfa(words: Iterable[bytes], limit: int) -> Dfa:
    """The automaton that matches exactly these byte strings.

    Args:
        words: in any order, with or without repetitions.
        limit: states it may have.

    Raises:
        LimitError: more than `limit` states.
    """
    trie = merged_trie(words, _NOTHING_BESIDE, 0)
    states = len(trie.ends)
    if states < 2 and not trie.ends.any():
        return empty_dfa()
    if states + 1 > limit:
        raise states_limit(states + 1, limit)
    source, target = trie.source + 1, trie.target + 1  # state 0 is DEAD
    byte_to_class = byte_classes([0] * 256, trie.byte, source, target)
    transitions = np.zeros((states + 1, int(byte_to_class.max()) + 1), np.int32)
    transitions[source, byte_to_class[trie.byte]] = target
    return canonical(byte_to_class, transitions, np.concatenate([[False], trie.ends]), states)


@dataclass(frozen=True, slots=True)
class Trie:
    """A trie with equal subtrees merged; its root is the last state.

    Attributes:
        ends: bool[states], whether a word ends there.
        beside: int32[states], the state of another automaton after the same bytes.
        byte: int32[edges].
        source: int32[edges], the states that edges leave from.
        target: int32[edges], the states that they lead to.
    """

    ends: npt.NDArray[np.bool_]
    beside: _Ints
    byte: _Ints
    source: _Ints
    target: _Ints


def merged_trie(words: Iterable[bytes], columns: _Ints, start: int) -> Trie:
    """The trie of some words beside an automaton; nodes of one state have the same state beside them.

    Args:
        words: in any order, with or without repetitions.
        columns: int32[n, 256], the automaton: its state after every byte.
        start: where it is before the first.
    """
    from ruvllm_grammar.kernels.automata import (
        merged_words,  # numba loads when it is first needed, not on import
    )

    ordered = sorted(set(words))
    lengths = list(map(len, ordered))
    data = np.frombuffer(b"".join(ordered), np.uint8)
    size = len(data) + 1
    states = np.empty((size, 2), np.int32)
    edges = np.empty((size, 3), np.int32)
    counts = merged_words(
        data,
        np.cumsum(lengths, dtype=np.int32),
        columns,
        start,
        np.empty(max(lengths, default=0) + 1, np.int32),
        np.zeros((size, 5), np.int32),
        np.zeros((2 * size + 2, 4), np.int32),
        np.zeros(1 << (4 * size + 4).bit_length(), np.int32),
        states,
        edges,
    )
    found, written = counts >> 32, counts & 0xFFFFFFFF
    byte, source, target = edges[:written].T.copy()
    return Trie(states[:found, 0] > 0, states[:found, 1], byte, source, target)


def byte_classes(base: list[int], byte: _Ints, source: _Ints, target: _Ints) -> npt.NDArray[np.uint8]:
    """uint8[256]: bytes share a class that do in `base` and lead from the same states to the same states.

    Args:
        base: a class per byte.
        byte: of every edge.
        source: the states that edges leave from.
        target: the states that edges lead to.
    """
    order = np.lexsort((source, byte))
    used = byte[order]
    source, target = source[order], target[order]
    starts = np.flatnonzero(np.diff(used, prepend=-1))
    stops = [*starts[1:].tolist(), len(used)] if len(used) else []
    keys = list(base)
    alike: dict[tuple[int, ...], list[tuple[int, slice]]] = {}
    for one, start, stop, first, last in zip(
        used[starts].tolist(),
        starts.tolist(),
        stops,
        source[starts].tolist(),
        target[starts].tolist(),
        strict=True,
    ):
        edges = slice(start, stop)
        others = alike.setdefault((base[one], stop - start, first, last), [])
        for other, same in others:  # mostly none
            if np.array_equal(source[edges], source[same]) and np.array_equal(target[edges], target[same]):
                keys[one] = keys[other]
                break
        else:
            keys[one] = 256 + one
            others.append((one, edges))
    numbers: dict[int, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.uint8)
