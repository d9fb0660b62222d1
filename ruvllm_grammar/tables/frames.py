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

Leaves of many schemas end in the same rest (any string that is not one of these names: soon, any string), and the
states of one leaf differ in few bytes. So frames are shared by what is still to be read, and a frame is made from that
of a similar state by looking only where the two differ.

Cost: one trie walk (milliseconds where nearly everything stays) per kind of leaf and vocabulary, tens of microseconds
for a state like one that is known, then microseconds.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ruvllm_grammar.kernels.layout import I32
from ruvllm_grammar.program import LeafBlock
from ruvllm_grammar.vocab import Vocabulary

_QUOTE = 0x22
_FIRST_ROOM = 4096
_SORTED = 4  # leading bytes by which exits are sorted
_SMALL = 48  # states of a rest that is recognised in other leaves
_SIMILAR = (
    0.5  # share of the tokens that may begin where two states differ for one frame to come from the other
)
_COMPARED = 64  # framed states of a leaf that a new one is compared with

#: (digest of a leaf, state), (digest of a rest, 0), or (digest of a leaf, -1 - state) for counted frames.
_Key = tuple[bytes, int]


@dataclass(frozen=True, slots=True)
class Frame:
    """One leaf state against one vocabulary.

    Attributes:
        stay: int32[W], tokens that stay inside (ending exactly where the leaf may end included).
        exits: int32[m, 5], see `kernels.structure.walk_exits`.
        longest: at least the most bytes that are missing to the leaf's end after a token that stays.
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


def residual_key(block: LeafBlock, state: int) -> _Key:
    """Identifies what a state of a leaf can still read, across leaves, where that is small; else leaf and state.

    The leaf is minimal, so two states with equal rests have equal automata below them; these are numbered breadth first
    in the order of bytes.
    """
    dfa = block.dfa
    # Classes in the order of their first bytes, which does not depend on the rest of the leaf.
    classes = np.unique(dfa.byte_to_class, return_index=True)
    by_byte = classes[0][np.argsort(classes[1])]
    number = {0: 0, state: 1}
    order = [state]
    for one in order:
        for target in dfa.transitions[one, by_byte].tolist():
            if target not in number:
                number[target] = len(number)
                order.append(target)
        if len(order) > _SMALL:
            return (dfa.digest, state)
    renumber = np.zeros(dfa.n_states, np.int32)
    renumber[list(number)] = list(number.values())
    text = renumber[dfa.transitions[order]][:, dfa.byte_to_class].tobytes() + dfa.accepting[order].tobytes()
    return (hashlib.blake2b(text, digest_size=16).digest(), 0)


def _likely(block: LeafBlock, state: int, share: npt.NDArray[np.float64]) -> int:
    """Where the first byte of most tokens leads from a state; 0 where it leads nowhere."""
    reached = np.bincount(block.dfa.transitions[state], weights=share)
    reached[0] = 0
    return int(reached.argmax())


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
        self._kept: OrderedDict[_Key, Frame | CountedFrame] = OrderedDict()
        self._holders: dict[int, int] = {}  # frames are kept under several keys and count once
        self._framed: dict[bytes, set[int]] = {}
        # Share of the tokens that begin with a byte.
        first = vocabulary.trie.first_byte_counts()
        self._share = first / max(int(first.sum()), 1)
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes of the kept frames."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._kept)

    def leaf(self, block: LeafBlock, state: int) -> Frame:
        """The frame of a leaf's state."""
        key = (block.dfa.digest, state)
        found = self._find(key)
        if isinstance(found, Frame):
            return found
        frame = self._make_leaf(block, state)
        self._keep(key, frame)
        with self._lock:
            self._framed.setdefault(block.dfa.digest, set()).add(state)
        return frame

    def counted(self, block: LeafBlock, state: int) -> CountedFrame:
        """The frame of a state of a one-character leaf under a counter that a quote ends."""
        key = (block.dfa.digest, -1 - state)
        found = self._find(key)
        if isinstance(found, CountedFrame):
            return found
        frame = self._make_counted(block, state)
        self._keep(key, frame)
        return frame

    def _find(self, key: _Key) -> Frame | CountedFrame | None:
        with self._lock:
            frame = self._kept.get(key)
            if frame is not None:
                self._kept.move_to_end(key)
            return frame

    def _keep(self, key: _Key, frame: Frame | CountedFrame) -> None:
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = frame
            if self._holders.get(id(frame), 0) == 0:
                self._bytes += frame.nbytes
            self._holders[id(frame)] = self._holders.get(id(frame), 0) + 1
            while self._bytes > self._max_bytes and len(self._kept) > 1:
                self._drop_oldest()

    def _drop_oldest(self) -> None:
        (digest, state), frame = self._kept.popitem(last=False)
        self._framed.get(digest, set()).discard(state)
        self._holders[id(frame)] -= 1
        if not self._holders[id(frame)]:
            del self._holders[id(frame)]
            self._bytes -= frame.nbytes

    def _make_leaf(self, block: LeafBlock, state: int) -> Frame:
        """The frame of a state: from a similar state of the leaf, from an equal rest of another leaf, or by a walk."""
        dfa = block.dfa
        share = np.zeros(dfa.n_classes)
        np.add.at(share, dfa.byte_to_class, self._share)
        base = self._similar(block, state, share)
        if base is not None:
            return self._derived(block, state, base)
        # Where most tokens lead and stay: its frame serves this state and all its neighbours.
        likely = _likely(block, state, share)
        settles = likely not in {0, state} and _likely(block, likely, share) == likely
        if settles and float((dfa.transitions[state] != dfa.transitions[likely]) @ share) < _SIMILAR:
            self.leaf(block, likely)
            return self._derived(block, state, likely)
        rest = residual_key(block, state)
        shared = self._find(rest)
        if isinstance(shared, Frame):
            return shared
        frame = self._walked(block, state)
        self._keep(rest, frame)
        return frame

    def _similar(self, block: LeafBlock, state: int, share: npt.NDArray[np.float64]) -> int | None:
        """The framed state of the leaf that differs in the fewest tokens' first bytes, if it is near enough.

        Args:
            block: the leaf.
            state: of the leaf, not framed yet.
            share: float64[n_classes], share of the tokens that begin with a byte of the class.
        """
        with self._lock:
            framed = sorted(self._framed.get(block.dfa.digest, ()))[:_COMPARED]
        if not framed:
            return None
        apart = (block.dfa.transitions[framed] != block.dfa.transitions[state]) @ share
        best = int(apart.argmin())
        return framed[best] if apart[best] < _SIMILAR else None

    def _derived(self, block: LeafBlock, state: int, base: int) -> Frame:
        from ruvllm_grammar.kernels.structure import leaf_frame_like

        trie, dfa = self._vocabulary.trie, block.dfa
        known = self.leaf(block, base)
        path, twin, left, twin_left = np.zeros((4, trie.max_depth + 2), np.int32)
        room = _FIRST_ROOM
        while True:
            stay = known.stay.copy()
            changed = np.zeros_like(stay)
            exits = np.zeros((room, 2), np.int32)
            count, longest = leaf_frame_like(
                dfa.byte_to_class, dfa.transitions, dfa.accepting, block.distance, state, base, trie.nodes, trie.order,
                path, twin, left, twin_left, stay, changed, exits,
            )  # fmt: skip
            if count <= room:
                break
            room = count
        stay.setflags(write=False)
        token = known.exits[:, 0]
        holds = (changed[token >> 5] >> (token & 31)) & 1 == 0
        if count == 0 and holds.all():
            return Frame(stay, known.exits, max(known.longest, int(longest)))
        # The exits that hold stay in their order: what a row shares with the one before it is the least of what
        # all rows between them share. The new ones follow, sorted by themselves.
        places = np.flatnonzero(holds)
        kept = known.exits[places]
        if len(places):
            kept[:, 3] = np.minimum.reduceat(known.exits[:, 3], np.concatenate([[0], places[:-1] + 1]))
            kept[0, 3] = 0
        found = exits[:count]
        fresh = self._exits(found[:, 0], found[:, 1], np.zeros(count, np.int32))
        merged = np.concatenate([kept, fresh])
        merged.setflags(write=False)
        return Frame(stay, merged, max(known.longest, int(longest)))

    def _walked(self, block: LeafBlock, state: int) -> Frame:
        """The frame of a state by a walk of the whole trie."""
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
