"""A running program seen through a vocabulary: steps by token, rows, forced text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ruvllm_grammar import ir
from ruvllm_grammar.kernels import layout
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.match.register import Register
from ruvllm_grammar.program import Machine
from ruvllm_grammar.tables import RowBuilder
from ruvllm_grammar.vocab import Vocabulary

_REMEMBERED = 1 << 20  # steps by (super-state, token) kept before all are forgotten
#: Answer of `TokenMachine.step` where a check stands on the way: only the register can tell.
ASK = -100
_FORCED_BYTES = 4096  # longer forced text is forced in pieces
_CONTEXTS = 1024  # spellings remembered of one forced text, by what stands before it


@dataclass(slots=True)
class _Forced:
    """What follows one super-state.

    Attributes:
        text: the only bytes that can.
        ends: super-states behind them and some more bytes, by these; DEAD where they may not follow.
        tokens: their spelling, by what stands before.
    """

    text: bytes
    ends: dict[bytes, int]
    tokens: dict[bytes, tuple[int, ...]] = field(default_factory=dict)


_CHOICE = _Forced(b"", {})


class TokenMachine:
    """What all matchers of one compiled grammar share.

    Attributes:
        vocabulary: the tokens.
        machine: the program and its super-states; its lock guards everything here.
        rows: legal tokens by super-state.
    """

    def __init__(self, grammar: ir.Grammar, vocabulary: Vocabulary, limits: Limits) -> None:
        self.vocabulary = vocabulary
        self.machine = Machine(grammar, limits)
        self.rows = RowBuilder(self.machine, vocabulary)
        self._register: Register | None = None
        self._steps: dict[int, int] = {}
        self._speller = self.rows.tables.speller(vocabulary)
        self._forced: dict[int, _Forced] = {}
        self._epoch = self.machine.epoch
        self._buffer = np.zeros(_FORCED_BYTES, np.uint8)

    @property
    def register(self) -> Register | None:
        """Decides the program's checks; None while it has none."""
        if self._register is None and self.machine.checks:
            self._register = Register(self.machine, self.vocabulary, self.rows.tables)
        return self._register

    def step(self, state: int, token: int) -> int:
        """Super-state after a token, or DEAD, or ASK; remembered."""
        self._check_epoch()
        key = state * self.vocabulary.size + token
        found = self._steps.get(key)
        if found is None:
            if len(self._steps) >= _REMEMBERED:
                self._steps.clear()
            found = self._steps[key] = self._step(state, token)
        return found

    def step_text(self, state: int, data: bytes) -> tuple[int, bool]:
        """Super-state after some text, or DEAD; and whether it crosses a check: then only the register can tell."""
        machine = self.machine
        view = np.frombuffer(data, np.uint8)
        following = machine.call(machine.kernels.advance_to_check, state, view, 0, len(data))
        return following, following >= 0 and bool(machine.arena.head[layout.AT] < len(data))

    def _check_epoch(self) -> None:
        """Forget what was remembered about dropped super-states."""
        if self._epoch != self.machine.epoch:
            self._steps = {}
            self._forced = {}
            self._epoch = self.machine.epoch

    def _step(self, state: int, token: int) -> int:
        vocabulary, machine = self.vocabulary, self.machine
        if not 0 <= token < vocabulary.size:
            return layout.DEAD
        if machine.has_tokens(state):
            following = machine.step_token(state, token)
            if following >= 0:
                return following
        start, stop = int(vocabulary.offsets[token]), int(vocabulary.offsets[token + 1])
        if start == stop:
            return layout.DEAD
        following = machine.call(machine.kernels.advance_to_check, state, vocabulary.data, start, stop)
        return ASK if following >= 0 and machine.arena.head[layout.AT] < stop else following

    def forced(self, state: int, context: Callable[[], bytes]) -> tuple[int, ...]:
        """Tokens of the only text that can follow `state`; empty where there is a choice. Remembered.

        Args:
            state: where.
            context: the text before, as far as the tokenizer is to see it; asked only where text is forced.
        """
        self._check_epoch()
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
        before = context() if self._speller.reads_context else b""
        tokens = found.tokens.get(before)
        if tokens is None:
            spelled = self._speller.spell(found.text, context=before)
            tokens = self._speller.heal(spelled, found.text, lambda more: self._lives(found, more))
            if len(found.tokens) < _CONTEXTS:
                found.tokens[before] = tokens
        return tokens

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
