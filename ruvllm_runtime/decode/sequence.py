"""One request on its way through the decode loop.

Between two forward passes a sequence *settles*: it appends every token that needs no model. Those are the tokens the
grammar spells out byte for byte (`forced`), and a token that is the only legal one, the end token included. They wait
in `pending` and are run through the model together with the next chosen token, in one pass.

    model chooses  {          settle: "name": "          one pass over 4 tokens
    model chooses  Ann        settle:                    one pass over 1 token
    model chooses  ",         settle: "age":             ...

Where a guarded grammar leaves nothing to append, settling backs up first (`backup.py`). What can still be taken back is
not shown: the text and tokens of such a sequence are reported when it is finished.
"""

from __future__ import annotations

from dataclasses import dataclass

import ruvllm_grammar as rg
from ruvllm_runtime.decode.backup import Backups
from ruvllm_runtime.decode.constraint import Constraint
from ruvllm_runtime.decode.sampling import Sampler
from ruvllm_runtime.decode.text import TextStream
from ruvllm_runtime.errors import GenerationDeadEnd
from ruvllm_runtime.model import SequenceCache
from ruvllm_runtime.request import FinishReason


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
        row: after settling, the legal next tokens.
        text: the answer as text.
        backups: what it remembers to back up, with a guarded grammar that may; else None.
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
        free_row: rg.Row,
        force: bool,
        max_backups: int = 0,
    ) -> None:
        self.prompt = prompt
        self.tokens: list[int] = []
        self.forced = 0
        self.pending: list[int] = list(prompt)
        self.cache = cache
        self.sampler = sampler
        self.text = text
        self.finish_reason: FinishReason | None = None
        self.row = free_row
        self.clock = Clock()
        self._vocabulary = vocabulary
        self._max_tokens = max_tokens
        self._stop_tokens = stop_tokens
        self._constraint = constraint
        self._force = force
        guarded = constraint is not None and bool(constraint.grammar.guards)
        self.backups = Backups(vocabulary, max_backups) if guarded and max_backups else None
        self._taken = 0
        self._taken_forced = 0

    def settle(self) -> None:
        """Append what needs no model. Afterwards the answer is finished, or `row` is ready.

        Raises:
            GenerationDeadEnd: nothing is legal, the document is not complete, and backing up does not help.
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
            self.row = constraint.legal()
            if self.backups is not None and self.backups.made:
                self.row, _ = self.backups.bar(self.row)
            if self.row.count == 0:
                self._nothing_legal(constraint)
            elif self._force and self._no_choice(self.row):
                self._append(int(self.row.ids[0]), forced=True)
            else:
                return

    def choose(self, token: int) -> None:
        """Append the token the model chose, and settle."""
        if self.backups is not None:
            self.backups.choices.append(len(self.tokens))
        self._append(token, forced=False)
        self.settle()

    def take(self) -> tuple[str, tuple[int, ...], int]:
        """Text, tokens and number of forced tokens since the last call, as far as they cannot be taken back."""
        if self.backups is not None and self.finish_reason is None:
            return "", (), 0
        tokens = tuple(self.tokens[self._taken :])
        forced = self.forced - self._taken_forced
        self._taken, self._taken_forced = len(self.tokens), self.forced
        return self.text.take(), tokens, forced

    def _no_choice(self, row: rg.Row) -> bool:
        """One legal token, or several that all end the answer."""
        if row.count == 1:
            return True
        return row.count <= len(self._stop_tokens) and self._stop_tokens.issuperset(row.ids.tolist())

    def _append(self, token: int, *, forced: bool) -> None:
        self.tokens.append(token)
        self.pending.append(token)
        self.forced += forced
        self.sampler.observe(token)
        if self._constraint is not None:
            self._constraint.accept(token)
        if self.backups is not None:
            self.backups.append(token)
        if token in self._stop_tokens:
            self._finish("stop")
        elif self.text.feed(self._vocabulary.token_bytes(token) or b""):
            self._finish("stop_string")

    def _nothing_legal(self, constraint: Constraint) -> None:
        """A complete document of a vocabulary without end token is finished; anything else is a dead end."""
        if constraint.is_accepting:
            self._finish("stop")
            return
        if self.backups is None or not self._back_up(constraint, self.backups):
            raise self._dead_end(constraint)

    def _back_up(self, constraint: Constraint, backups: Backups) -> bool:
        """Return to an earlier choice that still has another token; False when none may be taken back."""
        if backups.spent() or not backups.choices:
            return False
        jump = backups.start()
        while backups.choices:
            position = backups.choices.pop()
            taken = self.tokens[position]
            undone = len(self.tokens) - position
            constraint.rollback(undone)
            del self.tokens[position:]
            backups.rewind(self.tokens, discarded=undone)
            self.row, other = backups.bar(constraint.legal())
            if not self.row.count:
                backups.dead()
                continue
            jump -= 1
            if jump > 0 and backups.choices:
                continue
            backups.avoid(taken)
            if other:
                self.row, other = backups.bar(self.row)
            if other or not backups.choices:
                if not other:
                    backups.forgive()
                self._resume(len(backups.choices))
                return True
        return False

    def _resume(self, chosen: int) -> None:
        """Cut everything that follows the tokens to the same place; `chosen` of them were chosen."""
        self.forced = len(self.tokens) - chosen
        kept = [*self.prompt, *self.tokens]
        self.sampler.restart(kept)
        self.text.restart(self._vocabulary.decode(self.tokens))
        # One token is run again: its logits are needed once more.
        self.cache.crop(len(kept) - 1)
        self.pending[:] = kept[self.cache.length :]

    def _dead_end(self, constraint: Constraint) -> GenerationDeadEnd:
        written = self._vocabulary.decode(self.tokens).decode("utf-8", errors="replace")
        message = f"no token may follow after {len(self.tokens)} tokens ({written[-60:]!r})"
        guards = constraint.grammar.guards
        made = 0 if self.backups is None else self.backups.made
        if not guards:
            message += "; the grammar is exact, so this is a bug of the matcher; please report it"
        else:
            shown = "; ".join(f"{one.pointer or 'the root'} ({one.reason})" for one in guards[:3])
            more = f"; and {len(guards) - 3} more" if len(guards) > 3 else ""
            exhausted = self.backups is not None and not self.backups.spent()
            message += (
                (", and every choice before leads there" if exhausted else f", after {made} back-ups")
                + f"; the grammar is guarded at {shown}{more}; "
                + ("" if exhausted else "raise max_backups, ")
                + "raise max_tokens, or relax the schema there"
            )
        return GenerationDeadEnd(message, text=written, guards=guards, backups=made)

    def _finish(self, reason: FinishReason) -> None:
        self.finish_reason = reason
        self.text.finish()
