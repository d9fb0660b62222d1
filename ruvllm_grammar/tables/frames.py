"""Frames: what a whole vocabulary does to one state of a leaf, computed once per vocabulary.

Inside a JSON string nearly every token is legal, and walking 128,000 of them through a grammar costs a
millisecond. But the answer hardly depends on the grammar: tokens that *stay* inside the string are the same
everywhere, and only the few that close it and go on (`",`, `"}`, `": "`) depend on what follows. So for a
leaf state the vocabulary is classified once: the tokens that stay, and the *exits*, those nodes of the vocabulary's
trie at which the leaf may end. A grammar's tokens are then those that stay, and what walks find below the exits, from
its own continuation. Exact, for any leaf automaton, wide or narrow.

Example. In a string interior, `foo` stays; `foo"` stays too (it ends exactly where the leaf does); the node of `"` is
an exit with `,` below it. Before `]` that leads nowhere, so `",` is illegal there; after a property that another
may follow, it is legal. Of 275,000 nodes of Llama 3's trie 92 are exits of the interior, with 1,689 nodes below them;
white space, whose 760 nodes a frame spares every walk, has 2.

A *counted* frame does the same for strings with length bounds: for each token the number of characters it
needs, so that one classification serves every bound, and a bound farther away than the longest token is no
bound at all.

Most states of a leaf differ from the state where it *settles* (any further text, once the name cannot become one of the
excluded ones) in a few branches of the trie. So a frame is kept as a difference to that of the settled state, and found
by looking only where the two differ. Settled states of many leaves can read the same, and share one frame.

Cost: one trie walk for each kind of settled state and vocabulary (1 to 2 ms where nearly everything stays), a few
microseconds for states that are narrow or near one, then nothing.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from ruvllm_grammar.automata import Dfa
from ruvllm_grammar.kernels.layout import I32, I64
from ruvllm_grammar.program import LeafBlock
from ruvllm_grammar.tables.row import set_bits, without_bits
from ruvllm_grammar.tables.usual import Usual, usual_text
from ruvllm_grammar.vocab import Vocabulary

_QUOTE: Final = 0x22
_FIRST_ROOM: Final = 1024
_SMALL: Final = 48  # states of a rest that is recognised in other leaves
_STEPS: Final = 4  # bytes after which a leaf has settled or does not
_REMEMBERED: Final = 4096  # leaves of which a small thing is remembered
_LISTED: Final = 2048  # tokens that are listed; more are bits
_NONE: Final = np.empty(0, np.int32)
_PAIRS: Final = 1 << 20  # pairs of states in which a leaf may stand to usual text
_FANS: Final = 64
_MET: Final = 4096  # of these, so many may be met
_LOW: Final = (1 << 64) - 1

#: (digest of a leaf, state), (digest of a rest, 0), or (digest of a leaf, -1 - state) for counted frames.
_Key = tuple[bytes, int]


class Exits(NamedTuple):
    """Where a leaf may end inside a token.

    Attributes:
        nodes: int32[m, 3] = (trie node, characters completed before in counted frames, row of `fans` or -1), ascending.
        masks: int64[m, 4], the first bytes of the branches below, as 256 bits.
        fans: int32[f, 256], node of each branch where there are many, or -1.
    """

    nodes: I32
    masks: I64
    fans: I32

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.nodes.nbytes + self.masks.nbytes + self.fans.nbytes


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One leaf state against one vocabulary.

    Attributes:
        bits: int32[W] of tokens that stay, perhaps those of another frame; None for none.
        more, less: int32, tokens that stay although they are not in `bits`, and do not although they are.
        exits: where the leaf may end inside a token.
        longest: at least the most bytes that are missing to the leaf's end after a token that stays.
        hash: two words, of the set of tokens that stay.
    """

    bits: I32 | None
    more: I32
    less: I32
    exits: Exits
    longest: int
    hash: tuple[int, int]

    @property
    def nbytes(self) -> int:
        """Bytes held, bits of other frames left out."""
        shared = self.bits is None or len(self.more) or len(self.less)
        own = 0 if shared or self.bits is None else self.bits.nbytes
        return own + self.more.nbytes + self.less.nbytes + self.exits.nbytes

    @property
    def widest(self) -> int:
        """-1: the frame is not counted."""
        return -1

    def stay(self, _: int) -> tuple[I32 | None, I32, I32]:
        """Tokens that stay: bits or None, and what these have too few and too many."""
        return self.bits, self.more, self.less


@dataclass(frozen=True, slots=True, eq=False)
class CountedFrame:
    """One state of a repeated one-character leaf that a quote ends, against one vocabulary.

    Attributes:
        need: int32[V], characters that must still be allowed; -1 for other tokens than those that stay.
        widest: the largest need: any room beyond it is as good as unbounded.
        exits: at quotes.
        longest: most bytes a token that stays may leave up to the end of its last character.
        hash: two words, of `need`.
    """

    need: I32
    widest: int
    exits: Exits
    longest: int
    hash: tuple[int, int]
    _rows: dict[int, I32] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        """Bytes held when every room has its row."""
        return self.need.nbytes + self.exits.nbytes + (self.widest + 1) * (self.need.nbytes // 32)

    def stay(self, room: int) -> tuple[I32, I32, I32]:
        """Tokens that stay when `room` more characters are allowed: as those of a `Frame`."""
        from ruvllm_grammar.kernels.rows import rows_within

        room = min(room, self.widest)
        row = self._rows.get(room)
        if row is None:
            row = np.zeros((self.need.shape[0] + 31) // 32, np.int32)
            rows_within(self.need, room, row)
            row.setflags(write=False)
            self._rows[room] = row
        return row, _NONE, _NONE


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


class FrameStore:
    """Frames of one vocabulary, least recently used ones dropped above `max_bytes`.

    Args:
        vocabulary: whose tokens are classified.
        max_bytes: bound on the bytes of kept frames; a frame in use stays alive with its user.
    """

    def __init__(self, vocabulary: Vocabulary, *, max_bytes: int = 24 << 20) -> None:
        self._vocabulary = vocabulary
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[_Key, Frame | CountedFrame] = OrderedDict()
        self._holders: dict[int, int] = {}  # frames are kept under several keys and count once
        self._usual: Usual | None = None
        self._main: dict[bytes, int] = {}
        self._free: dict[bytes, LeafBlock] = {}
        self._begin = vocabulary.trie.first_byte_counts()
        depth = vocabulary.trie.max_depth + 2
        self._path, self._twin = np.zeros((2, depth), np.int32)
        self._more, self._less = np.empty((2, max(len(vocabulary.trie.order), 1)), np.int32)
        self._opened, self._shut = np.empty((2, _FIRST_ROOM), np.int32)
        self._fans = np.empty((_FANS, 256), np.int32)
        self._counts = np.zeros(5, np.int64)
        self._lock = threading.RLock()

    def warm(self) -> Usual:
        """The vocabulary's usual text, worked out once: some milliseconds, which had better not be part of a mask."""
        with self._lock:
            if self._usual is None:
                self._usual = usual_text(self._vocabulary)
            return self._usual

    @property
    def nbytes(self) -> int:
        """Bytes of the kept frames."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._kept)

    def leaf(self, block: LeafBlock, state: int) -> Frame:
        """The frame of a leaf's state."""
        key = (block.dfa.digest, state)
        with self._lock:
            found = self._find(key)
            if isinstance(found, Frame):
                return found
            frame = self._make_leaf(block, state)
            self._keep(key, frame)
            return frame

    def counted(self, block: LeafBlock, state: int) -> CountedFrame:
        """The frame of a state of a one-character leaf under a counter that a quote ends."""
        key = (block.dfa.digest, -1 - state)
        with self._lock:
            found = self._find(key)
            if isinstance(found, CountedFrame):
                return found
            frame = self._make_counted(block, state)
            self._keep(key, frame)
            return frame

    def _find(self, key: _Key) -> Frame | CountedFrame | None:
        frame = self._kept.get(key)
        if frame is not None:
            self._kept.move_to_end(key)
        return frame

    def _keep(self, key: _Key, frame: Frame | CountedFrame) -> None:
        if key in self._kept:
            return
        self._kept[key] = frame
        if self._holders.get(id(frame), 0) == 0:
            self._bytes += frame.nbytes
        self._holders[id(frame)] = self._holders.get(id(frame), 0) + 1
        while self._bytes > self._max_bytes and len(self._kept) > 1:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        _, frame = self._kept.popitem(last=False)
        self._holders[id(frame)] -= 1
        if not self._holders[id(frame)]:
            del self._holders[id(frame)]
            self._bytes -= frame.nbytes

    def _make_leaf(self, block: LeafBlock, state: int) -> Frame:
        """The frame of a state: as a difference to where the leaf settles, from another leaf, or by a whole walk."""
        beside = block.dfa.beside
        if beside is not None and not beside.excludes[state]:
            return self.leaf(self._block(beside.free), beside.state.item(state))
        settled = self._settled(block.dfa, state)
        if settled == 0:
            return self._walked(block, state, 0, None)
        if settled != state:
            return self._walked(block, state, settled, self.leaf(block, settled))
        rest = residual_key(block, state)
        shared = self._find(rest)
        if isinstance(shared, Frame):
            return shared
        frame = self._usually(block, state) or self._walked(block, state, 0, None)
        self._keep(rest, frame)
        return frame

    def _usually(self, block: LeafBlock, state: int) -> Frame | None:
        """The frame of a state that survives usual text, by a walk of the other tokens."""
        from ruvllm_grammar.kernels.structure import hash_tokens, survives

        usual, dfa = self.warm(), block.dfa
        pairs = dfa.n_states * usual.dfa.n_states
        if pairs > _PAIRS:
            return None
        farthest = survives(
            dfa.byte_to_class, dfa.transitions, dfa.accepting, block.distance, state,
            usual.dfa.byte_to_class, usual.dfa.transitions, np.zeros(pairs, np.uint8), np.empty(_MET, np.int32),
        )  # fmt: skip
        if farthest < 0:
            return None
        more, _, opened, _, longest = self._differing(block, state, 0, usual.nodes)
        (a, b), (c, d) = usual.hash, hash_tokens(more)
        bits = usual.bits.copy()
        set_bits(bits, more)
        bits.setflags(write=False)
        hashed = ((a + c) & _LOW, (b + d) & _LOW)
        return Frame(bits, _NONE, _NONE, self._exits(usual.origin[opened]), max(longest, farthest), hashed)

    def _block(self, dfa: Dfa) -> LeafBlock:
        """An automaton of anything, as if it stood in some program."""
        found = self._free.get(dfa.digest)
        if found is None:
            found = self._free[dfa.digest] = LeafBlock.of(dfa, 0, counted=False)
        return found

    def _settled(self, dfa: Dfa, state: int) -> int:
        """Where bytes with which most tokens begin lead from a state and stay; DEAD where they do not."""
        main = self._main.get(dfa.digest)
        if main is None:
            if len(self._main) >= _REMEMBERED:
                self._main.clear()
            main = int(np.bincount(dfa.byte_to_class, weights=self._begin).argmax())
            self._main[dfa.digest] = main
        for _ in range(_STEPS):
            following = dfa.transitions.item(state, main)
            if following == state:
                return following
            state = following
        return 0

    def _walked(self, block: LeafBlock, state: int, other: int, known: Frame | None) -> Frame:
        """The frame of a state by a walk of the trie, where it differs from `other`, whose frame is `known`."""
        from ruvllm_grammar.kernels.structure import hash_tokens

        more, less, opened, shut, longest = self._differing(block, state, other, self._vocabulary.trie.nodes)
        a, b = hash_tokens(more)
        if known is None:
            exits = self._exits(opened)
            return Frame(*self._kept_apart(None, more, less), exits, longest, (a, b))
        c, d = hash_tokens(less)
        e, f = known.hash
        hashed = ((e + a - c) & _LOW, (f + b - d) & _LOW)
        longest = max(longest, known.longest)
        exits = known.exits
        if len(opened) or len(shut):
            nodes = exits.nodes[:, 0]
            nodes = np.delete(nodes, np.searchsorted(nodes, shut))
            exits = self._exits(np.insert(nodes, np.searchsorted(nodes, opened), opened))
        return Frame(*self._kept_apart(known, more, less), exits, longest, hashed)

    def _differing(
        self, block: LeafBlock, state: int, other: int, nodes: I32
    ) -> tuple[I32, I32, I32, I32, int]:
        """What `kernels.leaves.leaf_frame` finds in a trie; the arrays hold until the next call."""
        from ruvllm_grammar.kernels.structure import leaf_frame

        dfa, counts = block.dfa, self._counts
        while True:
            leaf_frame(
                dfa.byte_to_class, dfa.transitions, dfa.accepting, block.distance, state, other, nodes,
                self._vocabulary.trie.order, self._path, self._twin, self._more, self._less, self._opened, self._shut,
                counts,
            )  # fmt: skip
            more, less, opened, shut, longest = counts.tolist()
            if max(opened, shut) <= len(self._opened):
                return self._more[:more], self._less[:less], self._opened[:opened], self._shut[:shut], longest
            self._opened, self._shut = np.empty((2, 2 * max(opened, shut)), np.int32)

    def _exits(self, nodes: I32, done: I32 | None = None) -> Exits:
        """What a grammar's walks need of exits."""
        from ruvllm_grammar.kernels.structure import branches

        out = np.zeros((len(nodes), 3), np.int32)
        out[:, 0] = nodes
        if done is not None:
            out[:, 1] = done
        masks = np.empty((len(nodes), 4), np.int64)
        found = branches(self._vocabulary.trie.nodes, out, masks, self._fans)
        if found > len(self._fans):
            self._fans = np.empty((found, 256), np.int32)
            branches(self._vocabulary.trie.nodes, out, masks, self._fans)
        return Exits(out, masks, self._fans[:found].copy())

    def _kept_apart(self, known: Frame | None, more: I32, less: I32) -> tuple[I32 | None, I32, I32]:
        """A frame's tokens: its bits, and what they have too few and too many."""
        if known is not None and known.bits is None:  # a short list, and changes of it
            more = np.concatenate([np.setdiff1d(known.more, less), more])
            known, less = None, less[:0]
        bits = None if known is None else known.bits
        if len(more) + len(less) > _LISTED:
            bits = (
                np.zeros(self._vocabulary.words, np.int32)
                if bits is None
                else without_bits(bits, less).copy()
            )
            set_bits(bits, more)
            bits.setflags(write=False)
            more = less = more[:0]
        return bits, _own(more), _own(less)

    def _make_counted(self, block: LeafBlock, state: int) -> CountedFrame:
        from ruvllm_grammar.kernels.structure import counted_frame, hash_tokens

        trie, dfa = self._vocabulary.trie, block.dfa
        need = np.full(self._vocabulary.size, -1, np.int32)
        room = _FIRST_ROOM
        while True:
            exits = np.zeros((room, 2), np.int32)
            need.fill(-1)
            count = counted_frame(
                dfa.byte_to_class,
                dfa.transitions,
                dfa.accepting,
                state,
                _QUOTE,
                trie.nodes,
                trie.order,
                self._path,
                self._twin,
                need,
                exits,
            )
            if count <= room:
                break
            room = count
        need.setflags(write=False)
        widest = max(int(need.max(initial=0)), 0)
        longest = int(block.distance[1:].max(initial=0))
        return CountedFrame(
            need,
            widest,
            self._exits(exits[:count, 0], exits[:count, 1]),
            longest,
            hash_tokens(_numbered(need)),
        )


def _numbered(need: I32) -> I32:
    """What a token needs and its id in one number, for tokens that stay."""
    held = np.flatnonzero(need >= 0)
    numbered: I32 = (held * 4096 + np.minimum(need[held], 4095)).astype(np.int32)
    return numbered


def _own(array: I32) -> I32:
    out = array.copy()
    out.setflags(write=False)
    return out
