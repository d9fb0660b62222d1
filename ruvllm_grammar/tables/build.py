"""From a super-state to its row: frames where a configuration is permissive, a trie walk for the rest.

A super-state's row is the union of its configurations' rows, because a token is legal when *some*
configuration can read it. So each configuration is served the cheapest exact way: a ready frame and a walk
of its exits, or, together with its siblings that have no frame, a walk of the whole trie.
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ruvllm_grammar.kernels import layout
from ruvllm_grammar.program import LeafBlock, Machine
from ruvllm_grammar.tables.frames import FrameStore
from ruvllm_grammar.tables.further import begun_tokens, comma_tokens, further_tokens
from ruvllm_grammar.tables.row import Row, RowStore
from ruvllm_grammar.tables.tree import TokenTree
from ruvllm_grammar.vocab import Vocabulary

# : A leaf state that goes on with at least this many bytes is worth a frame; narrower ones die early in a
# walk.
PERMISSIVE_BYTES = 24
_QUOTE = 0x22


class VocabularyTables:
    """Everything computed once per vocabulary and shared by all its grammars: rows and frames."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.rows = RowStore(vocabulary.size)
        self.frames = FrameStore(vocabulary)

    @cached_property
    def tree(self) -> TokenTree:
        """The vocabulary's trie for walks that visit little of it."""
        return TokenTree(self.vocabulary.trie)

    @cached_property
    def further(self) -> TokenTree:
        """The same of those tokens that may begin and finish a JSON value behind another one."""
        return TokenTree(further_tokens(self.vocabulary))

    @cached_property
    def commas(self) -> TokenTree:
        """The same of tokens with a comma."""
        return TokenTree(comma_tokens(self.vocabulary))

    @cached_property
    def begun(self) -> TokenTree:
        """Tokens that end within a sibling of which little can become."""
        return TokenTree(begun_tokens(self.vocabulary))


_TABLES: weakref.WeakValueDictionary[str, VocabularyTables] = weakref.WeakValueDictionary()
_RECENT: OrderedDict[str, VocabularyTables] = OrderedDict()
_KEEP = 2
_LOCK = threading.Lock()


def tables_for(vocabulary: Vocabulary) -> VocabularyTables:
    """The one set of tables of a vocabulary, by fingerprint; the two last used stay even without grammars."""
    key = vocabulary.fingerprint
    with _LOCK:
        tables = _TABLES.get(key)
        if tables is None:
            tables = _TABLES[key] = VocabularyTables(vocabulary)
        _RECENT[key] = tables
        _RECENT.move_to_end(key)
        while len(_RECENT) > _KEEP:
            _RECENT.popitem(last=False)
        return tables


class Found(NamedTuple):
    """What is known about the tokens that may follow a super-state.

    Attributes:
        row: the tokens.
        farthest: a bound on the distance after any of them (0 without distances).
        meets: whether one of them may run through a check, which the row takes as passed.
    """

    row: Row
    farthest: int
    meets: bool


class RowBuilder:
    """Computes and remembers the rows of one grammar under one vocabulary.

    Thread-safe: building holds the machine's lock; a remembered row is a dictionary hit.
    """

    def __init__(self, machine: Machine, vocabulary: Vocabulary) -> None:
        self.machine = machine
        self.tables = tables_for(vocabulary)
        self.vocabulary = vocabulary
        self._memo: dict[int, Found] = {}
        self._memo_bytes = 0
        self._generation = machine.generation
        self._with_distance = False
        self._meets = False
        self._words = np.zeros(vocabulary.words, np.int32)
        self._path = np.zeros(vocabulary.trie.max_depth + 2, np.int32)
        self._eos = sorted(vocabulary.eos)

    @property
    def remembered(self) -> int:
        """Number of super-states whose row is at hand."""
        return len(self._memo)

    def row(self, state: int) -> Found:
        """The row of `state`, where checks pass."""
        if self._generation == self.machine.generation:
            found = self._memo.get(state)
            if found is not None:
                return found
        with self.machine.lock:
            self._refresh()
            farthest = self._build(state, layout.FAR)
            row = self.tables.rows.intern(self._words)
            self._memo_bytes += row.nbytes
            if self._memo_bytes > self.machine.limits.row_bytes:
                self._memo.clear()
                self._memo_bytes = row.nbytes
            result = self._memo[state] = Found(row, farthest, self._meets)
            return result

    def row_within(self, state: int, limit: int) -> Row:
        """The row of `state`, where checks pass, without tokens that leave more than `limit` tokens to acceptance."""
        with self.machine.lock:
            self._refresh()
            self._build(state, limit)
            return Row(self._words, self.vocabulary.size)

    def _refresh(self) -> None:
        """Forget rows of dropped super-states, and bounds computed before distances were known."""
        if self._generation != self.machine.generation:
            self._memo.clear()
            self._memo_bytes = 0
            self._generation = self.machine.generation
            self._with_distance = bool(self.machine.arena.head[layout.HAS_DISTANCE])

    def _build(self, state: int, limit: int) -> int:
        """Fill the scratch row; return the farthest distance seen."""
        machine, words = self.machine, self._words
        words.fill(0)
        farthest = 0
        machine.arena.head[layout.MET] = 0
        configurations = machine.configurations(state)
        plain = []
        for pc, node in configurations:
            op, _, _, number = machine.arena.code[pc].tolist()
            if op in {layout.LEAF, layout.LEAF_END}:
                block = machine.leaves[number]
                at = pc - block.base + 1
                if block.live[at] >= PERMISSIVE_BYTES:
                    far = (
                        self._counted(block, at, node, limit)
                        if block.counted
                        else self._framed(block, at, node, limit)
                    )
                    if far is not None:
                        farthest = max(farthest, far)
                        continue
            plain.append((pc, node))
        if plain:
            part = state if len(plain) == len(configurations) else machine.subset(plain)
            trie = self.vocabulary.trie
            far = machine.call(machine.kernels.walk, part, trie.nodes, trie.order, self._path, limit, words)
            farthest = max(farthest, far)
        if machine.has_tokens(state):
            farthest = max(farthest, self._token_edges(state, limit))
        if machine.accepting(state):
            for token in self._eos:
                words[token >> 5] |= _bit(token)
        self._meets = bool(machine.arena.head[layout.MET])
        return farthest

    def _framed(self, block: LeafBlock, at: int, node: int, limit: int) -> int | None:
        """Add a leaf configuration's tokens; None when the bound is too coarse and a walk must decide."""
        frame = self.tables.frames.leaf(block, at)
        arena = self.machine.arena
        bound = min(frame.longest + int(arena.nodes[node, 2]), layout.FAR) if self._with_distance else 0
        if bound > limit:
            return None
        np.bitwise_or(self._words, frame.stay, out=self._words)
        return max(bound, self._exits(self.machine.after_return(node), frame.exits, 0, -1, limit))

    def _counted(self, block: LeafBlock, at: int, node: int, limit: int) -> int | None:
        """Add the tokens of a configuration inside a length-bounded string; None: a walk must decide."""
        machine = self.machine
        arena = machine.arena
        first, count = arena.nodes[node, :2].tolist()
        edges = arena.edges[first : first + count].tolist()
        for ret, done, _, _ in edges:
            if done < 0 or arena.code[ret + 1, 0] != layout.BYTE or arena.code[ret + 1, 1] != _QUOTE:
                return None
        frame = self.tables.frames.counted(block, at)
        bound = 0
        if self._with_distance:
            nearest = frame.longest + int(arena.nodes[node, 2])
            bound = layout.FAR if count > 1 else min(nearest, layout.FAR)
            if bound > limit:
                return None
        for ret, done, _, parent in edges:
            low, high = arena.code[ret, 2:].tolist()
            room = frame.widest if high < 0 else high - done
            np.bitwise_or(self._words, frame.stay(room), out=self._words)
            beyond = machine.close([(ret + 2, parent)])
            bound = max(
                bound,
                self._exits(
                    beyond,
                    frame.exits,
                    max(low - done, 0),
                    -1 if high < 0 else high - done,
                    limit,
                    empty=True,
                ),
            )
            arena = machine.arena
        return bound

    def _exits(
        self, state: int, exits: layout.I32, low: int, high: int, limit: int, *, empty: bool = False
    ) -> int:
        if state < 0:
            return 0
        machine = self.machine
        if machine.arena.states[state, 2] & layout.CROSSED:
            machine.arena.head[layout.MET] = 1  # the leaf's end is behind a token that stays, too
        if not len(exits):
            return 0
        return machine.call(
            machine.kernels.walk_exits,
            state,
            exits,
            self.vocabulary.data,
            low,
            high,
            int(empty),
            self._path,
            limit,
            self._words,
        )

    def _token_edges(self, state: int, limit: int) -> int:
        machine = self.machine
        farthest = 0
        sets = {
            int(machine.arena.code[pc, 1])
            for pc, _ in machine.configurations(state)
            if machine.arena.code[pc, 0] == layout.TOKEN
        }
        for token in sorted({t for s in sets for t in machine.token_sets[s]}):
            if token >= self.vocabulary.size:
                continue
            far = machine.distance(machine.step_token(state, token))
            farthest = max(farthest, far)
            if far <= limit:
                self._words[token >> 5] |= _bit(token)
        return farthest


def _bit(token: int) -> np.int32:
    return np.uint32(1 << (token & 31)).view(np.int32)
