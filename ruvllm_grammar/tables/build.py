"""From a super-state to its row: a kernel lists what may follow, and only what nobody listed before is made.

A super-state's row is the union of its configurations' rows, because a token is legal when *some* configuration can
read it. `kernels.gather` names that union: by the frames of the leaves that are being read (`tables.frames`), and the
tokens that its walks meet elsewhere. A hash of that list finds the row, if any grammar of the vocabulary has had it
before; nine first visits in ten end there. For the tenth the bits are put together, 16 kB.
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import Final, NamedTuple

import numpy as np

from ruvllm_grammar.kernels import layout
from ruvllm_grammar.kernels.layout import Desk
from ruvllm_grammar.program import Machine
from ruvllm_grammar.program.arena import enlarged
from ruvllm_grammar.tables.desk import first_nodes, new_desk, on_desk
from ruvllm_grammar.tables.forced import Speller
from ruvllm_grammar.tables.frames import CountedFrame, Exits, Frame, FrameStore
from ruvllm_grammar.tables.further import (
    Endings,
    begun_tokens,
    comma_tokens,
    further_tokens,
    inside_tokens,
    numeric_nodes,
    plain_tokens,
    quoted_tokens,
    string_endings,
)
from ruvllm_grammar.tables.row import Row, RowStore, set_bits, without_bits
from ruvllm_grammar.tables.saved import Known, SavedRows
from ruvllm_grammar.tables.tree import TokenTree
from ruvllm_grammar.vocab import Trie, Vocabulary

#: Super-states whose rows a grammar remembers before it forgets all of them; the rows themselves are shared.
_REMEMBERED: Final = 1 << 17
_MINUS: Final = 0x2D
_NO_IDS: Final = np.empty(0, np.int32)


class VocabularyTables:
    """Everything computed once per vocabulary and shared by all its grammars: rows and frames."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.rows = RowStore(vocabulary.size)
        self._spellers: dict[object, Speller] = {}

    # What follows needs the trie, which rows that are kept on disk do not.

    @cached_property
    def frames(self) -> FrameStore:
        """What the vocabulary does to states of leaves."""
        return FrameStore(self.vocabulary)

    @cached_property
    def roots(self) -> layout.I32:
        """See `desk.first_nodes`."""
        return first_nodes(self.vocabulary.trie)

    @cached_property
    def tree(self) -> TokenTree:
        """The vocabulary's trie for walks that visit little of it."""
        return TokenTree(self.vocabulary.trie)

    def speller(self, vocabulary: Vocabulary) -> Speller:
        """Spells forced text; one for each tokenizer, which vocabularies of one fingerprint may have several of."""
        with _LOCK:
            found = self._spellers.get(vocabulary.encode)
            if found is None:
                found = self._spellers[vocabulary.encode] = Speller(vocabulary, self.tree)
                while len(self._spellers) > _KEEP:
                    del self._spellers[next(iter(self._spellers))]
            return found

    @cached_property
    def further(self) -> TokenTree:
        """The same of those tokens that may begin and finish a JSON value behind another one."""
        return TokenTree(further_tokens(self.vocabulary))

    @cached_property
    def plain(self) -> bytes:
        """Which tokens are plain characters of a string."""
        return plain_tokens(self.vocabulary)

    @cached_property
    def further_ids(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """These tokens: all, and those that can do so from within a string, so with a quote first."""
        ids = tuple(self.further.trie.order.tolist())
        texts = ((token, self.vocabulary.token_bytes(token) or b"") for token in ids)
        return ids, tuple(token for token, text in texts if b'"' in text)

    @cached_property
    def endings(self) -> Endings:
        """Tokens that finish a string."""
        return string_endings(self.vocabulary)

    @cached_property
    def quoted(self) -> TokenTree:
        """The same of tokens with a quote."""
        return TokenTree(quoted_tokens(self.vocabulary))

    @cached_property
    def closing(self) -> frozenset[int]:
        """Nodes of `quoted` at whose byte a string ends that had begun before the token."""
        ends = self.endings.within.values()
        return frozenset(self.quoted.find(one.text).node for some in ends for one in some)

    @cached_property
    def strings(self) -> frozenset[int]:
        """Nodes of `tree` that spell a whole string, with white space before it."""
        ends = self.endings.whole.values()
        return frozenset(self.tree.find(one.text).node for some in ends for one in some)

    @cached_property
    def numeric(self) -> frozenset[int]:
        """Nodes of `tree` that spell nothing but digits, perhaps behind a sign."""
        return numeric_nodes(self.vocabulary.trie)

    @cached_property
    def digits_apart(self) -> bool:
        """Whether no token goes on behind a digit with anything but digits."""
        nodes, numeric = self.vocabulary.trie.nodes, self.numeric
        return all(
            below in numeric
            for node in numeric
            if nodes.item(node, 0) & 255 != _MINUS
            for below in range(node + 1, nodes.item(node, 1))
        )

    @cached_property
    def commas(self) -> tuple[TokenTree, TokenTree]:
        """The same of tokens with a comma: of all, and of those that hold one behind the end of a string."""
        return _both(comma_tokens, self.vocabulary)

    @cached_property
    def inside(self) -> tuple[TokenTree, TokenTree]:
        """Of these, tokens that go on with more than a quote: likewise two."""
        return _both(inside_tokens, self.vocabulary)

    @cached_property
    def begun(self) -> tuple[TokenTree, TokenTree]:
        """Tokens that end within a sibling of which little can become: likewise two."""
        return _both(begun_tokens, self.vocabulary)


def _both(choose: Callable[..., Trie], vocabulary: Vocabulary) -> tuple[TokenTree, TokenTree]:
    return TokenTree(choose(vocabulary, in_string=False)), TokenTree(choose(vocabulary, in_string=True))


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

    def __init__(self, machine: Machine, vocabulary: Vocabulary, *, saved: SavedRows | None = None) -> None:
        self.machine = machine
        self._saved = saved
        self.tables = tables_for(vocabulary)
        self.vocabulary = vocabulary
        self._memo: dict[int, Found] = {}
        self._memo_bytes = 0
        self._generation = machine.generation
        self._restarts = machine.restarts
        self._tidy()
        if saved is None:
            self.tables.frames.warm()
        self._eos = np.array(sorted(vocabulary.eos), np.int32)

    def _tidy(self) -> None:
        """Nothing lies on the desk."""
        self._made_desk: Desk | None = None
        self._frames: list[Frame | CountedFrame] = []
        self._frame_row: dict[int, int] = {}
        self._n_exits = 0
        self._n_fans = 0

    @property
    def _desk(self) -> Desk:
        """Made late: rows that are kept on disk need none."""
        if self._made_desk is None:
            self._made_desk = new_desk(self.vocabulary.trie, self.tables.roots)
        return self._made_desk

    @_desk.setter
    def _desk(self, desk: Desk) -> None:
        self._made_desk = desk

    @property
    def remembered(self) -> int:
        """Number of super-states whose row is at hand."""
        return len(self._memo)

    def known(self, state: int) -> Found | None:
        """The row of `state`, where checks pass, if it is at hand."""
        return self._memo.get(state) if self._generation == self.machine.generation else None

    def row(self, state: int) -> Found:
        """The row of `state`, where checks pass."""
        if self._generation == self.machine.generation:
            found = self._memo.get(state)
            if found is not None:
                return found
        with self.machine.lock:
            self._refresh()
            found = self._kept(state) or self._built(state)
            self._memo_bytes += found.row.nbytes
            if self._memo_bytes > self.machine.limits.row_bytes or len(self._memo) >= _REMEMBERED:
                self._memo.clear()
                self._memo_bytes = found.row.nbytes
            self._memo[state] = found
            return found

    def _kept(self, state: int) -> Found | None:
        """What was kept of a super-state in another process."""
        found = None if self._saved is None else self._saved.find(state)
        if found is None:
            return None
        words, farthest, meets = found
        return Found(self.tables.rows.intern(words, _NO_IDS), farthest, meets)

    def _built(self, state: int) -> Found:
        listed = self._gather(state, layout.FAR)
        picked, farthest, a, b, _, met, flags, _ = self._desk.result.tolist()
        key = (a, b, flags & layout.ACCEPTING)
        row = None if flags & layout.HAS_TOKENS else self.tables.rows.find(key)
        if row is None:
            words, ids = self._filled(listed, picked, flags)
            if flags & layout.HAS_TOKENS:
                farthest = max(farthest, self._token_edges(state, layout.FAR, words))
                row = self.tables.rows.intern(words, ids)
            else:
                row = self.tables.rows.intern(words, ids, key=key)
        return Found(row, farthest, met != 0)

    def learned(self, gates: Mapping[int, int]) -> list[Known]:
        """What is known of super-states, to be kept. Call it under the machine's lock.

        Args:
            gates: `Known.gate` by super-state.
        """
        self._refresh()
        words = self.vocabulary.words
        found = [
            Known(state, one.farthest, one.meets, gates.get(state, -1), partial(_words_of, one.row, words))
            for state, one in self._memo.items()
        ]
        if self._saved is not None:
            found += [one for one in self._saved.all() if one.state not in self._memo]
        return found

    def row_within(self, state: int, limit: int) -> Row:
        """The row of `state`, where checks pass, without tokens that leave more than `limit` tokens to acceptance."""
        with self.machine.lock:
            self._refresh()
            listed = self._gather(state, limit)
            picked, *_, flags, _ = self._desk.result.tolist()
            words, ids = self._filled(listed, picked, flags)
            set_bits(words, ids)
            if flags & layout.HAS_TOKENS:
                self._token_edges(state, limit, words)
            return Row(words, self.vocabulary.size)

    def _refresh(self) -> None:
        """Forget rows of dropped super-states, and bounds computed before distances were known."""
        if self._generation != self.machine.generation:
            self._memo.clear()
            self._memo_bytes = 0
            self._saved = None
            if self._restarts != self.machine.restarts:  # another program: what lay where means nothing
                self._restarts = self.machine.restarts
                self._tidy()
            self._generation = self.machine.generation

    def _gather(self, state: int, limit: int) -> int:
        """Have the desk list what may follow; returns the number of listed tokens."""
        machine = self.machine
        gather = machine.kernels.gather
        served = 0
        while True:
            listed: int = gather(machine.arena.address, self._desk.address, state, limit)
            if listed >= 0:
                return listed
            if listed == layout.NEED_FRAME:
                self._provide(int(self._desk.result[layout.NEEDED]))
            elif listed == layout.NEED_ROOM:
                self._desk = on_desk(self._desk, out=np.empty(2 * len(self._desk.out), np.int32))
            else:
                machine.serve(listed, served)
                served += 1

    def _provide(self, pc: int) -> None:
        """Put the frame of a leaf's state on the desk."""
        machine, desk = self.machine, self._desk
        block = machine.leaves[machine.arena.code.item(pc, 3)]
        state = pc - block.base + 1
        frames = self.tables.frames
        frame = frames.counted(block, state) if block.counted else frames.leaf(block, state)
        number = self._frame_row.get(id(frame))
        if number is None:
            number = self._frame_row[id(frame)] = len(self._frames)
            self._frames.append(frame)
            desk = self._with_exits(desk, number, frame.exits)
            first, stop = self._n_exits - len(frame.exits.nodes), self._n_exits
            row = desk.frames[number]
            row[: layout.HASH] = (first, stop - first, frame.longest, frame.widest)
            row[layout.HASH :].view(np.uint64)[:] = frame.hash
        if pc >= len(desk.frame_of):
            known = len(desk.frame_of)
            desk = on_desk(desk, frame_of=enlarged(desk.frame_of, machine.arena.code.shape[0]))
            desk.frame_of[known:] = -1
        desk.frame_of[pc] = number
        self._desk = desk

    def _with_exits(self, desk: Desk, number: int, exits: Exits) -> Desk:
        """Put the exits of frame `number` on the desk."""
        first, stop = self._n_exits, self._n_exits + len(exits.nodes)
        fan, fans = self._n_fans, self._n_fans + len(exits.fans)
        if number >= len(desk.frames) or stop > len(desk.exits) or fans > len(desk.fans):
            desk = on_desk(
                desk,
                frames=enlarged(desk.frames, number + 1),
                exits=enlarged(desk.exits, stop),
                masks=enlarged(desk.masks, stop),
                fans=enlarged(desk.fans, fans),
            )
        desk.exits[first:stop] = exits.nodes
        if fan:
            row = desk.exits[first:stop, 2]
            row[row >= 0] += fan
        desk.masks[first:stop] = exits.masks
        desk.fans[fan:fans] = exits.fans
        self._n_exits, self._n_fans = stop, fans
        return desk

    def _filled(self, listed: int, picked: int, flags: int) -> tuple[layout.I32, layout.I32]:
        """What lies on the desk, and the end tokens where the document may end: bits (int32[W]) and ids."""
        out = self._desk.out
        ids = [out[:listed]]
        if flags & layout.ACCEPTING:
            ids.append(self._eos)
        words = None
        for number, allowed in out[len(out) - 2 * picked :].reshape(-1, 2).tolist():
            bits, more, less = self._frames[number].stay(allowed)
            ids.append(more)
            if bits is not None:
                staying = without_bits(bits, less)
                if words is None:
                    words = staying.copy() if staying is bits else staying
                else:
                    np.bitwise_or(words, staying, out=words)
        if words is None:
            words = np.zeros(self.vocabulary.words, np.int32)
        return words, np.concatenate(ids) if len(ids) > 1 else ids[0]

    def _token_edges(self, state: int, limit: int, words: layout.I32) -> int:
        machine = self.machine
        farthest = 0
        sets = {
            int(machine.arena.code[pc, 1])
            for pc, _ in machine.configurations(state)
            if machine.arena.code[pc, 0] == layout.TOKEN
        }
        legal = []
        for token in sorted({t for s in sets for t in machine.token_sets[s]}):
            if token >= self.vocabulary.size:
                continue
            far = machine.distance(machine.step_token(state, token))
            farthest = max(farthest, far)
            if far <= limit:
                legal.append(token)
        set_bits(words, np.array(legal, np.int32))
        return farthest


def _words_of(row: Row, words: int) -> layout.I32:
    out = np.empty(words, np.int32)
    row.copy_to(out)
    return out
