"""The minimal automaton of "any text but these words", straight from the list.

Names of additional members are everything that is not declared, and every object that allows them needs this automaton.
Complementing an automaton of the words and minimising the result works and costs most of compiling such an object; but
the answer is known beforehand: the trie of the words with equal subtrees merged, every other character leading to one
state in which nothing is excluded any more. Names of members have one spelling in bytes, and there the trie is laid
over the automaton of any name, without characters in between (`names_but`).

```text
not "ab", "cb"     0 -[ac]-> 1 -b-> 2 (not accepting);  every other character, everywhere: -> free
```

It is minimal, because two nodes differ exactly when the words left below them differ, and free is the only node below
which none is left. Cost: linear in the characters of the words. Lineage: Revuz, "Minimisation of acyclic deterministic
automata in linear time" (1992).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from json.encoder import encode_basestring

import numpy as np
import numpy.typing as npt

from ruvllm_grammar import ir
from ruvllm_grammar.automata.dfa import START, Beside, Dfa
from ruvllm_grammar.automata.encode import breadth_first
from ruvllm_grammar.automata.nfa import states_limit
from ruvllm_grammar.automata.symbolic import SymbolicDfa
from ruvllm_grammar.automata.words import byte_classes, merged_trie
from ruvllm_grammar.ir import CharSet

#: A node of the trie: whether a word ends here, and its edges by character to numbers of merged nodes.
_Node = tuple[bool, tuple[tuple[str, int], ...]]
_QUOTE = 0x22


def excluded_words(e: ir.Expr) -> tuple[str, ...] | None:
    """The words, where `e` is the complement of a list of words; else None."""
    if not isinstance(e, ir.Complement):
        return None
    parts = e.body.parts if isinstance(e.body, ir.Alt) else (e.body,)
    words = [part.text for part in parts if isinstance(part, ir.Literal) and part.text is not None]
    return tuple(words) if len(words) == len(parts) else None


def any_but(words: Iterable[str]) -> SymbolicDfa:
    """The automaton of every text that is none of these, at least one."""
    nodes: list[_Node] = []
    number: dict[_Node, int] = {}
    ordered = sorted(set(words))
    # The path of open nodes: edges so far; a node is merged when the next word leaves it.
    path: list[tuple[bool, list[tuple[str, int]]]] = [(False, [])]
    spelled = ""

    def merge(depth: int) -> None:
        while len(path) - 1 > depth:
            ends, edges = path.pop()
            node = (ends, tuple(edges))
            found = number.setdefault(node, len(nodes))
            if found == len(nodes):
                nodes.append(node)
            path[-1][1].append((spelled[len(path) - 1], found))

    for word in ordered:
        shared = 0
        while shared < min(len(spelled), len(word)) and spelled[shared] == word[shared]:
            shared += 1
        merge(shared)
        path.extend((False, []) for _ in word[shared:])
        path[len(word)] = (True, path[len(word)][1])
        spelled = word
    merge(0)
    root = (path[0][0], tuple(path[0][1]))
    return _frozen(root, nodes)


def names_but(words: Iterable[str], free: Dfa, limit: int) -> Dfa:
    """The byte automaton of every name that is none of these words, in canonical spelling.

    The same trie as in `any_but`, of bytes, laid over the automaton of any name: a node has the row of the state beside
    it, which the same bytes lead to there, but for the bytes on which a word goes on or ends. Two nodes differ where
    the words below them or the states beside them do, so the result is minimal as well.

    Args:
        words: at least one.
        free: the automaton of any name in canonical spelling.
        limit: states it may have.

    Raises:
        LimitError: more than `limit` states.
    """
    columns = _columns(free)
    inside = int(columns[START, _QUOTE])
    trie = merged_trie((encode_basestring(word)[1:-1].encode() for word in words), columns, inside)
    first, nodes = free.n_states, len(trie.ends)
    if first + nodes > limit:
        raise states_limit(first + nodes, limit)
    ending = first + np.flatnonzero(trie.ends).astype(np.int32)
    byte = np.concatenate([trie.byte, np.full(len(ending), _QUOTE, np.int32)])
    source = np.concatenate([first + trie.source, ending])
    target = np.concatenate([first + trie.target, np.zeros(len(ending), np.int32)])
    byte_to_class = byte_classes(free.byte_to_class.tolist(), byte, source, target)
    smallest = np.unique(byte_to_class, return_index=True)[1]
    beside = np.concatenate([np.arange(first, dtype=np.int32), trie.beside])
    transitions = columns[:, smallest][beside]
    transitions[source, byte_to_class[byte]] = target
    transitions[START, byte_to_class[_QUOTE]] = first + nodes - 1
    order, number = breadth_first(transitions, START)
    return Dfa(
        byte_to_class,
        number[transitions[order]],
        free.accepting[beside[order]],
        beside=Beside(free, beside[order], (order >= first) | (order == START)),
    )


@lru_cache(4)
def _columns(free: Dfa) -> npt.NDArray[np.int32]:
    """int32[n_states, 256]: the state after every byte."""
    return np.ascontiguousarray(free.transitions[:, free.byte_to_class])


def _frozen(root: _Node, nodes: list[_Node]) -> SymbolicDfa:
    """Number breadth first, edges by least characters; the free state where an edge first leads there."""
    free = -1
    start = -2
    place = {start: 0}
    order = [start]
    rows = []
    accepting = []
    for one in order:
        ends, edges = (False, ()) if one == free else root if one == start else nodes[one]
        accepting.append(not ends)
        by_target: dict[int, list[str]] = {}
        for char, target in edges:
            by_target.setdefault(target, []).append(char)
        found = [(_chars(tuple(chars)), target) for target, chars in by_target.items()]
        found.append((_others(tuple(char for char, _ in edges)), free))
        found.sort(key=lambda edge: edge[0].ranges[0][0])
        row = []
        for label, target in found:
            if target not in place:
                place[target] = len(order)
                order.append(target)
            row.append((label, place[target]))
        rows.append(tuple(row))
    return SymbolicDfa(tuple(rows), tuple(accepting))


@lru_cache(4096)
def _chars(chars: tuple[str, ...]) -> CharSet:
    return CharSet.of(*chars)


@lru_cache(4096)
def _others(chars: tuple[str, ...]) -> CharSet:
    return CharSet.of(*chars).complement() if chars else CharSet.ANY
