"""One request on its way through the decode loop.

Between two forward passes a sequence *settles*: it appends every token that needs no model. Those are the tokens the
grammar spells out byte for byte (`forced`), and a token that is the only legal one, the end token included. They wait
in `pending` and are run through the model together with the next chosen token, in one pass.

    model chooses  {          settle: "name": "          one pass over 4 tokens
    model chooses  Ann        settle:                    one pass over 1 token
    model chooses  ",         settle: "age":             ...
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

import ruvllm_grammar as rg
from ruvllm_runtime.decode import masking
from ruvllm_runtime.decode.constraint import Constraint
from ruvllm_runtime.decode.sampling import Sampler
from ruvllm_runtime.decode.text import TextStream
from ruvllm_runtime.errors import GenerationDeadEnd
from ruvllm_runtime.model import SequenceCache
from ruvllm_runtime.request import FinishReason

# Up to this many legal tokens are gathered and compared; beyond, the whole row of logits is masked.
GATHER = 1024


@dataclass(slots=True)
class Clock:
    """Times of one sequence, in seconds of `time.perf_counter`."""

    started: float = 0.0
    prefilled: float = 0.0
    first_token: float = 0.0
    ended: float = 0.0
    forward_passes: int = 0


class Sequence:
    """The state of one request.

    Attributes:
        prompt: token ids of the prompt.
        tokens: generated token ids.
        forced: how many of them needed no model.
        pending: tokens the model has not seen yet; at first the prompt.
        finish_reason: None while the answer goes on.
        legal: after settling, the legal next tokens where they are few, else None.
        row: the bitmask of the legal next tokens, int32 `[W]`.
        text: the answer as text.
    """

    def __init__(
        self,
        prompt: tuple[int, ...],
        *,
        vocabulary: rg.Vocabulary,
        cache: SequenceCache,
        sampler: Sampler,
        text: TextStream,
        max_tokens: int,
        stop_tokens: frozenset[int],
        constraint: Constraint | None,
        free_row: masking.Bitmask,
        force: bool,
    ) -> None:
        self.prompt = prompt
        self.tokens: list[int] = []
        self.forced = 0
        self.pending: list[int] = list(prompt)
        self.cache = cache
        self.sampler = sampler
        self.text = text
        self.finish_reason: FinishReason | None = None
        self.legal: npt.NDArray[np.int64] | None = None
        self.row = free_row if constraint is None else np.zeros_like(free_row)
        self.clock = Clock()
        self._vocabulary = vocabulary
        self._max_tokens = max_tokens
        self._stop_tokens = stop_tokens
        self._constraint = constraint
        self._force = force
        self._taken = 0
        self._taken_forced = 0

    def settle(self) -> None:
        """Append what needs no model. Afterwards the answer is finished, or `row` and `legal` are ready.

        Raises:
            GenerationDeadEnd: nothing is legal and the document is not complete.
        """
        constraint = self._constraint
        while self.finish_reason is None:
            if len(self.tokens) >= self._max_tokens:
                self._finish("length")
                return
            if constraint is None:
                return
            forced = constraint.forced() if self._force else []
            for token in forced:
                self._append(token, forced=True)
            if forced:
                continue
            constraint.fill(self.row)
            self.legal = masking.legal_ids(self.row, limit=GATHER)
            if self.legal is None:
                return
            if self.legal.size == 0:
                self._nothing_legal(constraint)
            elif self._force and self._no_choice(self.legal):
                self._append(int(self.legal[0]), forced=True)
            else:
                return

    def choose(self, token: int) -> None:
        """Append the token the model chose, and settle."""
        self._append(token, forced=False)
        self.settle()

    def take(self) -> tuple[str, tuple[int, ...], int]:
        """Text, tokens and number of forced tokens since the last call."""
        tokens = tuple(self.tokens[self._taken :])
        forced = self.forced - self._taken_forced
        self._taken, self._taken_forced = len(self.tokens), self.forced
        return self.text.take(), tokens, forced

    def _no_choice(self, legal: npt.NDArray[np.int64]) -> bool:
        """One legal token, or several that all end the answer."""
        return legal.size == 1 or self._stop_tokens.issuperset(legal.tolist())

    def _append(self, token: int, *, forced: bool) -> None:
        self.tokens.append(token)
        self.pending.append(token)
        self.forced += forced
        self.sampler.observe(token)
        if self._constraint is not None:
            self._constraint.accept(token)
        if token in self._stop_tokens:
            self._finish("stop")
        elif self.text.feed(self._vocabulary.token_bytes(token) or b""):
            self._finish("stop_string")

    def _nothing_legal(self, constraint: Constraint) -> None:
        """A complete document of a vocabulary without end token is finished; anything else is a dead end."""
        if constraint.is_accepting:
            self._finish("stop")
            return
        written = self._vocabulary.decode(self.tokens).decode("utf-8", errors="replace")
        guards = getattr(constraint.grammar, "guards", ())
        reason = (
            f"the grammar has {len(guards)} guards, places whose liveness could not be proved: {guards[:3]}"
            if guards
            else "the grammar is exact, so this is a bug of the matcher; please report it"
        )
        raise GenerationDeadEnd(
            f"no token may follow after {len(self.tokens)} tokens ({written[-60:]!r}); {reason}", text=written
        )

    def _finish(self, reason: FinishReason) -> None:
        self.finish_reason = reason
        self.text.finish()
