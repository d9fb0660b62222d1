"""The minimal byte automaton of a finite list of words, without a detour over code points.

A list of ten thousand words is a trie, and the trie becomes minimal by merging equal subtrees from the leaves upwards:
two nodes are equal exactly if they agree on accepting and on their edges, whose ends are merged already. Nodes of equal
height (steps to the farthest leaf) are merged together, so nearly all work is a few array operations per height; only
nodes with several children are compared one by one.

```text
car, cat, bar, bat      trie: 9 nodes;  heights: 0 (the four ends), 1 ("ca", "ba"), 2 ("c", "b"), 3
merged:  -[bc]-> 1 -a-> 2 -[rt]-> 3
```

Cost: linear in the bytes of all words, plus one sort per height. Lineage: Revuz, "Minimisation of acyclic
deterministic automata in linear time" (1992).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ruvllm_grammar.automata.dfa import Dfa, empty_dfa
from ruvllm_grammar.automata.encode import canonical
from ruvllm_grammar.automata.nfa import states_limit

_Ints = npt.NDArray[np.int64]


def words_dfa(words: Iterable[bytes], limit: int) -> Dfa:
    """The automaton that matches exactly these byte strings.

    Args:
        words: in any order, with or without repetitions.
        limit: states it may have.

    Raises:
        LimitError: more than `limit` states.
    """
    ordered = sorted(set(words))
    if not ordered:
        return empty_dfa()
    parent, label, depth, accepting = _trie(ordered)
    state, states = _merged(parent, label, depth, accepting)
    if states + 1 > limit:
        raise states_limit(states + 1, limit)
    # One node stands for all that were merged with it; state 0 is DEAD.
    chosen = np.zeros(states, np.int64)
    chosen[state[::-1]] = np.arange(len(state))[::-1]
    kept = np.zeros(len(state), np.bool_)
    kept[chosen] = True
    edges = np.flatnonzero(kept[parent] & (np.arange(len(state)) > 0))
    source, target, byte = state[parent[edges]] + 1, state[edges] + 1, label[edges]
    byte_to_class, count = _classes(byte, source, target)
    transitions = np.zeros((states + 1, count), np.int32)
    transitions[source, byte_to_class[byte]] = target
    accepts = np.zeros(states + 1, np.bool_)
    accepts[1:] = accepting[chosen]
    return canonical(byte_to_class, transitions, accepts, int(state[0]) + 1)


def _trie(words: list[bytes]) -> tuple[_Ints, npt.NDArray[np.uint8], _Ints, npt.NDArray[np.bool_]]:
    """Per node its parent, the byte that leads to it, its depth, and whether a word ends there; the root first.

    Words are sorted, so nodes are numbered in preorder, children by their bytes.
    """
    count = 1
    path = [0]
    previous = b""
    firsts: list[int] = []
    above: list[int] = []
    starts: list[int] = []
    ends: list[int] = []
    parts: list[bytes] = []
    for word in words:
        shared = 0
        for one, other in zip(previous, word, strict=False):
            if one != other:
                break
            shared += 1
        if len(word) > shared:
            firsts.append(count)
            above.append(path[shared])
            starts.append(shared + 1)
            parts.append(word[shared:])
            path[shared + 1 :] = range(count, count + len(word) - shared)
            count += len(word) - shared
        ends.append(path[len(word)])
        previous = word
    parent = np.arange(count, dtype=np.int64) - 1
    parent[0] = 0
    parent[firsts] = above
    label = np.frombuffer(b"\0" + b"".join(parts), np.uint8)
    lengths = [len(part) for part in parts]
    depth = np.zeros(count, np.int64)
    depth[1:] = np.arange(1, count) + np.repeat(
        np.array(starts, np.int64) - np.array(firsts, np.int64), lengths
    )
    accepting = np.zeros(count, np.bool_)
    accepting[ends] = True
    return parent, label, depth, accepting


def _merged(
    parent: _Ints, label: npt.NDArray[np.uint8], depth: _Ints, accepting: npt.NDArray[np.bool_]
) -> tuple[_Ints, int]:
    """Per node the number of its state, equal exactly for equal subtrees; and how many there are."""
    count = len(parent)
    height = np.zeros(count, np.int64)
    by_depth = np.argsort(depth, kind="stable")
    cuts = np.searchsorted(depth[by_depth], np.arange(int(depth.max()) + 2))
    for d in range(len(cuts) - 2, 0, -1):
        nodes = by_depth[cuts[d] : cuts[d + 1]]
        np.maximum.at(height, parent[nodes], height[nodes] + 1)
    children = np.bincount(parent[1:], minlength=count)
    # The edges of node n are edge[first[n] : first[n + 1]], by byte.
    edge = 1 + np.argsort(parent[1:], kind="stable")
    first = np.concatenate([[0], np.cumsum(children)])
    state = np.zeros(count, np.int64)
    states = 1  # state 0: nodes without children; a word ends at each
    by_height = np.argsort(height, kind="stable")
    cuts = np.searchsorted(height[by_height], np.arange(int(height.max()) + 2))
    for h in range(1, len(cuts) - 1):
        nodes = by_height[cuts[h] : cuts[h + 1]]
        single = nodes[children[nodes] == 1]
        if len(single):
            below = edge[first[single]]
            keys = (state[below] * 256 + label[below]) * 2 + accepting[single]
            unique, inverse = np.unique(keys, return_inverse=True)
            state[single] = states + inverse.reshape(-1)
            states += len(unique)
        rows: dict[tuple[bool, bytes], int] = {}
        for node in nodes[children[nodes] > 1].tolist():
            below = edge[first[node] : first[node + 1]]
            key = (bool(accepting[node]), (state[below] * 256 + label[below]).tobytes())
            found = rows.setdefault(key, states)
            states += found == states
            state[node] = found
    return state, states


def _classes(byte: npt.NDArray[np.uint8], source: _Ints, target: _Ints) -> tuple[npt.NDArray[np.uint8], int]:
    """Bytes that lead from the same states to the same states share a class, numbered by the smallest byte."""
    order = np.lexsort((source, byte))
    cuts = np.searchsorted(byte[order], np.arange(257))
    numbers: dict[tuple[bytes, bytes], int] = {}
    out = np.zeros(256, np.uint8)
    for one in range(256):
        here = order[cuts[one] : cuts[one + 1]]
        out[one] = numbers.setdefault((source[here].tobytes(), target[here].tobytes()), len(numbers))
    return out, len(numbers)
