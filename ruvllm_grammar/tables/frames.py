"""Permissive frames: what a whole vocabulary does to one state of a leaf, computed once per vocabulary.

Inside a JSON string nearly every token is legal, and walking 128,000 of them through a grammar costs a
millisecond. But the answer hardly depends on the grammar: tokens that *stay* inside the string are the same
everywhere, and only the few that close it and go on (`",`, `"}`, `": "`) depend on what follows. So for a
leaf state the vocabulary is classified once: a ready row of tokens that stay, and a list of *exits*, the
rests of tokens after the point where the leaf may end, sorted so that a walk shares prefixes. A grammar's
row is then the ready row, or'ed with a walk of the exits from its own continuation. Exact, for any leaf
automaton.

Example. In a string interior, `foo` stays; `foo"` stays too (it ends exactly where the leaf does); `",`
exits with the rest `,`. Before `]` the rest dies, so `",` is illegal there; after a property that another
may follow, it is legal.

A *counted* frame does the same for strings with length bounds: for each token the number of characters it
needs, so that one classification serves every bound, and a bound farther away than the longest token is no
bound at all.

Cost: one trie walk (about a millisecond where nearly everything stays) per leaf state and vocabulary, then
microseconds.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np

from ruvllm_grammar.kernels.layout import I32
from ruvllm_grammar.program import LeafBlock
from ruvllm_grammar.vocab import Vocabulary

_QUOTE = 0x22
_FIRST_ROOM = 4096
_SORTED = 4  # leading bytes by which exits are sorted


@dataclass(frozen=True, slots=True)
class Frame:
    """One leaf state against one vocabulary.

    Attributes:
        stay: int32[W], tokens that stay inside (ending exactly where the leaf may end included).
        exits: int32[m, 5], see `kernels.structure.walk_exits`.
        longest: most bytes that are missing to the leaf's end after a token that stays.
    """

    stay: I32
    exits: I32
    longest: int

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.stay.nbytes + self.exits.nbytes


@dataclass(frozen=True, slots=True)
class CountedFrame:
    """One state of a repeated one-character leaf that a quote ends, against one vocabulary.

    Attributes:
        need: int32[V], characters that must still be allowed; -1 for tokens that do not stay.
        widest: the largest need: any room beyond it is as good as unbounded.
        exits: int32[m, 5].
        longest: most bytes a token that stays may leave up to the end of its last character.
    """

    need: I32
    widest: int
    exits: I32
    longest: int
    _rows: dict[int, I32] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        """Bytes held when every room has its row."""
        return self.need.nbytes + self.exits.nbytes + (self.widest + 1) * (self.need.nbytes // 32)

    def stay(self, room: int) -> I32:
        """int32[W]: tokens that stay when `room` more characters are allowed."""
        from ruvllm_grammar.kernels.rows import rows_within

        room = min(room, self.widest)
        row = self._rows.get(room)
        if row is None:
            row = np.zeros((self.need.shape[0] + 31) // 32, np.int32)
            rows_within(self.need, room, row)
            row.setflags(write=False)
            self._rows[room] = row
        return row


class FrameStore:
    """Frames of one vocabulary, least recently used ones dropped above `max_bytes`.

    Args:
        vocabulary: whose tokens are classified.
        max_bytes: bound on the bytes of kept frames; a frame in use stays alive with its user.
    """

    def __init__(self, vocabulary: Vocabulary, *, max_bytes: int = 256 << 20) -> None:
        self._vocabulary = vocabulary
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[tuple[bytes, int, bool], Frame | CountedFrame] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes of the kept frames."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._kept)

    def leaf(self, block: LeafBlock, state: int) -> Frame:
        """The frame of a leaf's state."""
        found = self._get(block, state, counted=False)
        return found if isinstance(found, Frame) else self._make_leaf(block, state)

    def counted(self, block: LeafBlock, state: int) -> CountedFrame:
        """The frame of a state of a one-character leaf under a counter that a quote ends."""
        found = self._get(block, state, counted=True)
        return found if isinstance(found, CountedFrame) else self._make_counted(block, state)

    def _get(self, block: LeafBlock, state: int, *, counted: bool) -> Frame | CountedFrame:
        key = (block.dfa.digest, state, counted)
        with self._lock:
            frame = self._kept.get(key)
            if frame is not None:
                self._kept.move_to_end(key)
                return frame
        frame = self._make_counted(block, state) if counted else self._make_leaf(block, state)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = frame
                self._bytes += frame.nbytes
            while self._bytes > self._max_bytes and len(self._kept) > 1:
                self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return frame

    def _make_leaf(self, block: LeafBlock, state: int) -> Frame:
        from ruvllm_grammar.kernels.structure import leaf_frame

        trie, dfa = self._vocabulary.trie, block.dfa
        stay = np.zeros(self._vocabulary.words, np.int32)
        path, left = np.zeros((2, trie.max_depth + 2), np.int32)
        room = _FIRST_ROOM
        while True:
            exits = np.zeros((room, 2), np.int32)
            stay.fill(0)
            count, longest = leaf_frame(
                dfa.byte_to_class,
                dfa.transitions,
                dfa.accepting,
                block.distance,
                state,
                trie.nodes,
                trie.order,
                path,
                left,
                stay,
                exits,
            )
            if count <= room:
                break
            room = count
        stay.setflags(write=False)
        found = exits[:count]
        return Frame(stay, self._exits(found[:, 0], found[:, 1], np.zeros(count, np.int32)), int(longest))

    def _make_counted(self, block: LeafBlock, state: int) -> CountedFrame:
        from ruvllm_grammar.kernels.structure import counted_frame

        trie, dfa = self._vocabulary.trie, block.dfa
        need = np.full(self._vocabulary.size, -1, np.int32)
        path, chars = np.zeros((2, trie.max_depth + 2), np.int32)
        room = _FIRST_ROOM
        while True:
            exits = np.zeros((room, 3), np.int32)
            need.fill(-1)
            count = counted_frame(
                dfa.byte_to_class,
                dfa.transitions,
                dfa.accepting,
                state,
                _QUOTE,
                trie.nodes,
                trie.order,
                path,
                chars,
                need,
                exits,
            )
            if count <= room:
                break
            room = count
        need.setflags(write=False)
        found = exits[:count]
        return CountedFrame(
            need,
            max(int(need.max(initial=0)), 0),
            self._exits(found[:, 0], found[:, 1], found[:, 2]),
            int(block.distance[1:].max(initial=0)),
        )

    def _exits(self, token: I32, cut: I32, done: I32) -> I32:
        """int32[m, 5] rows (token, offset, length, prefix shared with the row before, characters).

        Sorted by the first bytes of the rest; a shared prefix is counted up to `_SORTED` bytes, which is enough
        to skip the many rests whose first byte is illegal.
        """
        offsets, data = self._vocabulary.offsets, self._vocabulary.data
        start = offsets[token] + cut
        length = offsets[token + 1] - start
        # One column per leading byte, 0 where the rest has ended.
        head = np.zeros((len(token), _SORTED), np.int64)
        for k in range(_SORTED):
            longer = length > k
            head[longer, k] = data[start[longer] + k].astype(np.int64) + 1
        order = np.lexsort(head.T[::-1])
        head = head[order]
        same = np.zeros_like(head, dtype=bool)
        same[1:] = (head[1:] == head[:-1]) & (head[1:] > 0)
        shared = np.cumprod(same, axis=1).sum(axis=1)
        out = np.stack([token[order], start[order], length[order], shared, done[order]], axis=1).astype(
            np.int32
        )
        out.setflags(write=False)
        return out
