"""Rows that were known before: found by super-state, and made of their words when first asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from ruvllm_grammar.kernels.layout import I32, I64, U8, UNKNOWN


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one super-state, to be kept.

    Attributes:
        state: its number.
        farthest: see `build.Found`.
        meets: likewise.
        gate: what a matcher found out about checks there, a number below 128, or -1.
        words: gives int32[W], the bits of its row.
    """

    state: int
    farthest: int
    meets: bool
    gate: int
    words: Callable[[], I32]


@dataclass(frozen=True, slots=True)
class SavedRows:
    """What is known about the tokens that may follow super-states, kept apart from the words of the rows.

    Attributes:
        states: int32[n], ascending.
        rows: int32[n], the number of each state's row.
        farthest: int32[n], see `build.Found`.
        meets: uint8[n], likewise.
        gates: int32[n], see `Known.gate`.
        words: gives int32[W], the bits of a row by number; None when they are lost.
        steps: int64[m], ascending: steps by token, as super-state << 32 | token.
        step_to: int32[m], the super-states behind them.
    """

    states: I32
    rows: I32
    farthest: I32
    meets: U8
    gates: I32
    words: Callable[[int], I32 | None]
    steps: I64
    step_to: I32

    def step(self, state: int, token: int) -> int:
        """The super-state behind a token that was taken before; `layout.UNKNOWN` where none was."""
        step = state << 32 | token
        at = int(np.searchsorted(self.steps, step))
        return int(self.step_to[at]) if at < len(self.steps) and self.steps[at] == step else UNKNOWN

    def steps_taken(self) -> dict[tuple[int, int], int]:
        """All of them."""
        pairs = zip((self.steps >> 32).tolist(), (self.steps & 0xFFFFFFFF).tolist(), strict=True)
        return dict(zip(pairs, self.step_to.tolist(), strict=True))

    @property
    def gate_of(self) -> dict[int, int]:
        """Gates by super-state."""
        return dict(zip(self.states.tolist(), self.gates.tolist(), strict=True))

    def all(self) -> Iterator[Known]:
        """Everything but rows whose words are lost."""
        gates = self.gate_of
        for state in self.states.tolist():
            found = self.find(state)
            if found is not None:
                words, farthest, meets = found
                yield Known(state, farthest, meets, gates[state], partial(_same, words))

    def find(self, state: int) -> tuple[I32, int, bool] | None:
        """Words, farthest distance and whether checks are met, of a super-state; None when not known."""
        at = int(np.searchsorted(self.states, state))
        if at == len(self.states) or self.states[at] != state:
            return None
        words = self.words(int(self.rows[at]))
        return None if words is None else (words, int(self.farthest[at]), bool(self.meets[at]))


def _same(words: I32) -> I32:
    return words
