"""A running program seen through a vocabulary: steps by token, rows, forced text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ruvllm_grammar import ir
from ruvllm_grammar.kernels import layout
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.match.place import END, UNKNOWN, Crossing, Place
from ruvllm_grammar.match.register import Register
from ruvllm_grammar.program import Image, Machine
from ruvllm_grammar.tables import Known, RowBuilder, SavedRows, Speller
from ruvllm_grammar.tables.further import PLAIN
from ruvllm_grammar.vocab import Vocabulary

_REMEMBERED = 1 << 18  # steps kept before all are forgotten
_FORCED_BYTES = 4096  # longer forced text is forced in pieces
_CONTEXTS = 32  # spellings remembered of one forced text, by what stands before it


@dataclass(slots=True)
class _Forced:
    """What follows one super-state.

    Attributes:
        text: the only bytes that can.
        ends: super-states behind them and some more bytes, by these; DEAD where they may not follow.
        tokens: what may be appended, by what stands before.
        healed: the same by the whole spelling, which seldom depends on what stands before.
    """

    text: bytes
    ends: dict[bytes, int]
    tokens: dict[bytes, tuple[int, ...]] = field(default_factory=dict)
    healed: dict[tuple[int, ...], tuple[int, ...]] = field(default_factory=dict)


_CHOICE = _Forced(b"", {})


class TokenMachine:
    """What all matchers of one compiled grammar share.

    Attributes:
        vocabulary: the tokens.
        machine: the program and its super-states; its lock guards everything here.
        rows: legal tokens by super-state.
    """

    def __init__(
        self,
        grammar: ir.Grammar,
        vocabulary: Vocabulary,
        limits: Limits,
        *,
        image: Image | None = None,
        saved: SavedRows | None = None,
    ) -> None:
        self.vocabulary = vocabulary
        self.machine = Machine(grammar, limits, image=image)
        self.rows = RowBuilder(self.machine, vocabulary, saved=saved)
        self._register: Register | None = None
        self._gates = {} if saved is None else saved.gate_of
        self._saved = saved
        self._places: dict[int, Place] = {}
        self._crossings: dict[tuple[int, int], Crossing] = {}
        self._n_steps = 0
        self._forced: dict[int, _Forced] = {}
        self._texts: dict[int, bytes] = {}
        self._epoch = self.machine.epoch
        self._restarts = self.machine.restarts
        self._offsets = vocabulary.offsets.data
        self._advance = self.machine.kernels.advance_to_check
        self._buffer = np.zeros(_FORCED_BYTES, np.uint8)

    @property
    def register(self) -> Register | None:
        """Decides the program's checks; None while it has none."""
        if self._register is None and self.machine.checks:
            self._register = Register(self.machine, self.vocabulary, self.rows.tables)
        return self._register

    def place(self, state: int) -> Place:
        """The place of a super-state of the present epoch."""
        if self._epoch != self.machine.epoch:
            self._forget()
        found = self._places.get(state)
        if found is None:
            flags = self.machine.arena.states.item(state, 2)
            found = self._places[state] = Place(state, self._epoch, flags)
            found.gate = self._gates.get(state, UNKNOWN)
        return found

    def learned(self) -> list[Known]:
        """What is known of super-states, to be kept. Call it under the machine's lock."""
        if self._epoch != self.machine.epoch:
            self._forget()
        return self.rows.learned(self._gates | {state: place.gate for state, place in self._places.items()})

    def taken(self) -> dict[tuple[int, int], int]:
        """Super-states by super-state and token, of all steps that were taken. Call it under the machine's lock."""
        if self._epoch != self.machine.epoch:
            self._forget()
        found = {} if self._saved is None else self._saved.steps_taken()
        for place in self._places.values():
            for token, following in place.steps.items():
                if following.epoch == self._epoch:
                    found[place.state, token] = following.state
        return found

    def silent_step(self, place: Place, token: int) -> Place | None:
        """Where a token leads that adds no text: END for an end token, a place for a token edge, None for others."""
        if place.flags & layout.ACCEPTING and token in self.vocabulary.eos:
            return END
        if place.flags & layout.HAS_TOKENS:
            following = self.machine.step_token(place.state, token)
            if following >= 0:
                return self.place(following)
        return None

    def step(self, place: Place, token: int) -> Place | Crossing | None:
        """The way of a token's text from a place of the present epoch, remembered; None where it is not allowed."""
        found = place.steps.get(token) or self._crossings.get((place.state, token))
        if found is None and 0 <= token < self.vocabulary.size:
            found = self._step(place, token)
        return found

    def _step(self, place: Place, token: int) -> Place | Crossing | None:
        start, stop = self._offsets[token], self._offsets[token + 1]
        if start == stop:
            return None
        machine, data = self.machine, self.vocabulary.data
        following = layout.UNKNOWN if self._saved is None else self._saved.step(place.state, token)
        if following < 0:
            following = self._advance(machine.arena.address, place.state, data, start, stop)
        if following < 0:
            if following < layout.DEAD:
                following = machine.call(self._advance, place.state, data, start, stop)
            if following < 0:
                return None
        if self._n_steps >= _REMEMBERED:
            self._forget_steps()
        self._n_steps += 1
        behind = self.place(following)
        if behind.flags & layout.CROSSED:
            return self._crossing(place, token, start, stop, behind)
        place.steps[token] = behind
        if behind is place and place.plain is None:
            place.plain = self.rows.tables.plain if self._loops(place.state) else b""
        return behind

    def _loops(self, state: int) -> bool:
        """Whether every plain character of a string leads from a super-state to itself."""
        arena = self.machine.arena
        for pc, _ in self.machine.configurations(state):
            op, first, classes, _ = arena.code[pc].tolist()
            if op != layout.LEAF or (arena.leaf_next[first:][arena.leaf_class[classes, PLAIN]] != pc).any():
                return False
        return True

    def _crossing(self, place: Place, token: int, start: int, stop: int, target: Place) -> Crossing:
        """The way of a token that was just followed to its first crossing."""
        machine, head = self.machine, self.machine.arena.head
        at, before = head.item(layout.AT), head.item(layout.BEFORE)
        onward: Place | None = target
        if at + 1 < stop:
            following = machine.call(self._advance, target.state, self.vocabulary.data, at + 1, stop)
            onward = self.place(following) if following >= 0 else None
            if onward is None or onward.flags & layout.CROSSED:
                onward = None  # the register must see more than this check
        found = Crossing(self.text(token), at - start, before, target.state, onward)
        self._crossings[place.state, token] = found
        return found

    def step_text(self, state: int, data: bytes) -> tuple[int, bool]:
        """Super-state after some text, or DEAD; and whether it crosses a check: then only the register can tell."""
        machine = self.machine
        view = np.frombuffer(data, np.uint8)
        following = machine.call(machine.kernels.advance_to_check, state, view, 0, len(data))
        return following, following >= 0 and bool(machine.arena.head[layout.AT] < len(data))

    def text(self, token: int) -> bytes:
        """The bytes of a token, none for a special one; those that were needed before are at hand."""
        found = self._texts.get(token)
        if found is None:
            found = self._texts[token] = self.vocabulary.token_bytes(token) or b""
        return found

    def _forget(self) -> None:
        """Forget what was remembered about dropped super-states."""
        self._forget_steps()
        if self._restarts != self.machine.restarts:
            self._restarts = self.machine.restarts
            self._register = None  # it knows checks by number
        self._gates = {}
        self._saved = None
        self._places = {}
        self._forced = {}
        self._epoch = self.machine.epoch

    def _forget_steps(self) -> None:
        for place in self._places.values():
            place.steps.clear()
        self._crossings.clear()
        self._n_steps = 0

    def forced(self, state: int, context: Callable[[], bytes]) -> tuple[int, ...]:
        """Tokens of the only text that can follow `state`; empty where there is a choice. Remembered.

        Args:
            state: where.
            context: the text before, as far as the tokenizer is to see it; asked only where text is forced.
        """
        if self._epoch != self.machine.epoch:
            self._forget()
        found = self._forced.get(state)
        if found is None:
            machine = self.machine
            n = machine.call(machine.kernels.forced_bytes, state, self._buffer)
            text = self._buffer[:n].tobytes()
            found = self._forced[state] = (
                _Forced(text, {b"": machine.step_bytes(state, text)}) if text else _CHOICE
            )
        if not found.text:
            return ()
        before = b"" if self.vocabulary.encode is None else context()
        tokens = found.tokens.get(before)
        if tokens is None:
            speller = self._speller
            spelled = speller.spell(found.text, context=before)
            tokens = found.healed.get(spelled)
            if tokens is None:
                tokens = speller.heal(spelled, found.text, lambda more: self._lives(found, more))
                if len(found.healed) < _CONTEXTS:
                    found.healed[spelled] = tokens
            if len(found.tokens) < _CONTEXTS:
                found.tokens[before] = tokens
        return tokens

    @cached_property
    def _speller(self) -> Speller:
        """Needs the vocabulary's trie, which rows that are kept on disk do not."""
        return self.rows.tables.speller(self.vocabulary)

    def _lives(self, forced: _Forced, more: bytes) -> bool:
        """Whether bytes may follow forced text, known to be so of all but the last of them."""
        ends = forced.ends
        state = ends.get(more)
        if state is None:
            state = ends[more] = self.machine.step_bytes(ends[more[:-1]], more[-1:])
        return state >= 0

    def prepare_distances(self) -> None:
        """Make `tokens_to_finish` known. Emits every rule; done once."""
        self.machine.prepare_distances(self.vocabulary.trie.nodes)
