"""The cursor: where one sequence stands in one grammar.

A matcher is a super-state number and a past that it shares with its forks (a linked list, newest first); the
grammar, its program and its rows belong to all matchers. Copying one copies a few references, so beams,
speculation and rollback are cheap and cannot corrupt anything.

Where the grammar has checks (`ir.check`), the matcher also keeps a position in the text (`match.scanner`), which
`match.register` decides them by. It is brought up to date from the past when somebody asks: most tokens cross no check.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np

from ruvllm_grammar.errors import LimitError, MatchError, VocabularyError
from ruvllm_grammar.kernels import layout
from ruvllm_grammar.match.register import Register, StaleScanError
from ruvllm_grammar.match.scanner import Scan
from ruvllm_grammar.match.token_machine import ASK, TokenMachine
from ruvllm_grammar.tables import LOOK_BACK, Row

_NOT_HERE = -1
_UNREAD = 32  # steps whose text may wait to be read
_RESERVE = 8  # tokens of a budget kept for siblings that must be longer than the shortest, which is taken

_CONTEXT = 64  # bytes before forced text that a tokenizer is shown, at most

_Answer = TypeVar("_Answer")


class _Past(NamedTuple):
    """One step back: what was appended, and where the matcher stood before, as numbered in `epoch`.

    `silent` steps append no text (end tokens, token edges); `scan` is the position in the text before the step, if it
    was known.
    """

    before: _Past | None
    step: int | bytes
    state: int
    epoch: int
    silent: bool
    scan: Scan | None


class Matcher:
    """Follows one sequence of tokens through a compiled grammar.

    The only thing that moves: not to be used by two threads at once (fork it). Made by
    `CompiledGrammar.matcher`.
    """

    __slots__ = (
        "__weakref__", "_budget", "_finished", "_here", "_length", "_past", "_scan", "_tokens", "_unread",
    )  # fmt: skip

    def __init__(self, tokens: TokenMachine) -> None:
        self._tokens = tokens
        self._here = tokens.machine.start
        self._past: _Past | None = None
        self._length = 0
        self._finished = False
        self._budget: int | None = None
        self._scan: Scan | None = None
        self._unread = 0
        tokens.machine.register(self)

    # --- where we are

    @property
    def is_accepting(self) -> bool:
        """Whether the text so far is a complete document (more may still be allowed)."""
        return self._finished or self._tokens.machine.accepting(self._state())

    @property
    def is_finished(self) -> bool:
        """Whether an end token was accepted."""
        return self._finished

    @property
    def tokens_to_finish(self) -> int:
        """Upper bound of the tokens needed from here to a complete document, the end token included."""
        if self._finished:
            return 0
        with self._tokens.machine.lock:
            self._tokens.prepare_distances()
            return self._tokens.machine.distance(self._state()) + 1

    def _state(self) -> int:
        machine = self._tokens.machine
        if machine.n_states > machine.limits.super_states:
            machine.relieve()
        return self._here

    # --- moving

    def accept(self, token: int) -> None:
        """Append one token. An end token finishes the sequence.

        Raises:
            MatchError: the token is not allowed here, or the sequence is finished; the matcher is unchanged.
        """
        with self._tokens.machine.lock:
            self._accept(token)

    def _accept(self, token: int) -> None:
        self._open(token)
        state = self._state()
        machine = self._tokens.machine
        is_end = token in self._tokens.vocabulary.eos
        if is_end and machine.accepting(state):
            self._moved_to(state, token, silent=True)
            self._finished = True
            return
        edge = machine.step_token(state, token) if machine.has_tokens(state) else _NOT_HERE
        if edge != _NOT_HERE:
            self._moved_to(edge, token, silent=True)
            return
        if is_end:
            msg = f"the end token {token} is not allowed before the document is complete"
            raise MatchError(msg, token=token, state=state)
        following = self._tokens.step(state, token)
        scan = None
        if following == ASK:
            following, scan, _ = self._follow(state, self._tokens.vocabulary.token_bytes(token) or b"")
        if following < 0:
            raise MatchError(self._refusal(token), token=token, state=state)
        self._moved_to(following, token, scan=scan)

    def accept_bytes(self, data: bytes) -> None:
        """Append text, whatever tokens spell it: one step for `rollback`, no token for budgets.

        Raises:
            MatchError: the grammar does not allow the text here; the matcher is unchanged.
        """
        self._open(None)
        with self._tokens.machine.lock:
            state = self._state()
            following, crosses = self._tokens.step_text(state, data)
            scan, legal = None, None
            if crosses:
                following, scan, legal = self._follow(state, data)
            if following < 0:
                legal = self._legal_length(state, data) if legal is None else legal
                msg = f"byte {legal} of {data[: legal + 1]!r} is not allowed here"
                raise MatchError(msg, token=data[legal], state=state)
            self._append(data, following, scan=scan)

    def _moved_to(self, state: int, token: int, *, scan: Scan | None = None, silent: bool = False) -> None:
        self._append(token, state, scan=scan, silent=silent)
        if self._budget is not None:
            self._budget -= 1

    def _append(
        self, step: int | bytes, state: int, *, scan: Scan | None = None, silent: bool = False
    ) -> None:
        epoch = self._tokens.machine.epoch
        self._past = _Past(self._past, step, self._here, epoch, silent, self._scan)
        self._here = state
        self._scan = scan
        self._length += 1
        self._unread = 0 if scan is not None else self._unread + 1
        register = self._tokens.register
        if self._unread > _UNREAD and register is not None:
            self._scanned(register)

    def _open(self, token: int | None) -> None:
        if self._finished:
            msg = "the sequence is finished; roll back or start a new matcher"
            raise MatchError(msg, token=token)

    def _refusal(self, token: int) -> str:
        vocabulary = self._tokens.vocabulary
        if not 0 <= token < vocabulary.size:
            return f"token {token} is outside the vocabulary of {vocabulary.size}"
        text = vocabulary.token_bytes(token)
        if text is None:
            return f"token {token} is special or padding and never text"
        return f"token {token} ({text!r}) is not allowed here"

    def _legal_length(self, state: int, data: bytes) -> int:
        for i in range(len(data)):
            state = self._tokens.machine.step_bytes(state, data[i : i + 1])
            if state < 0:
                return i
        return len(data) - 1

    def rollback(self, n: int = 1) -> None:
        """Undo the last `n` steps (`accept` or `accept_bytes` calls).

        Raises:
            MatchError: fewer than `n` steps were made; the matcher is unchanged.
        """
        if not 0 <= n <= self._length:
            msg = f"cannot undo {n} steps, {self._length} were made"
            raise MatchError(msg)
        if n:
            with self._tokens.machine.lock:
                self._undo(n)

    def _undo(self, n: int) -> None:
        stale = False
        for _ in range(n):
            past = self._past
            if past is None:  # not reached: `_length` counts the chain
                break
            self._past = past.before
            self._here = past.state
            self._scan = past.scan
            self._length -= 1
            if self._budget is not None and isinstance(past.step, int):
                self._budget += 1
            stale = past.epoch != self._tokens.machine.epoch
        self._finished = False
        if stale:
            self._replay()

    def _replay(self) -> None:
        """Find the state after the remaining past again, because the super-states it passed were dropped."""
        steps = []
        past = self._past
        while past is not None:
            steps.append(past)
            past = past.before
        machine = self._tokens.machine
        self._here = machine.start
        self._past = None  # what follows is the text before each step
        self._scan = None
        for past in reversed(steps):
            state = self._state()  # may drop once more, and move us
            self._here, self._scan = self._again(state, past)
            self._past = past

    def _again(self, state: int, past: _Past) -> tuple[int, Scan | None]:
        """The super-state after a step that was taken before, and the position in the text where it is known."""
        machine = self._tokens.machine
        if isinstance(past.step, bytes):
            following, crosses = self._tokens.step_text(state, past.step)
            asks, text = crosses, past.step
        elif past.silent:
            if past.step in self._tokens.vocabulary.eos and machine.accepting(state):
                return state, None
            return machine.step_token(state, past.step), None
        else:
            following = self._tokens.step(state, past.step)
            asks, text = following == ASK, self._text(past)
        if not asks:
            return following, None
        following, scan, _ = self._follow(state, text)
        return following, scan

    def fork(self) -> Matcher:
        """An independent copy at the same place."""
        with self._tokens.machine.lock:
            copy = Matcher(self._tokens)
            copy._here = self._here
            copy._past = self._past
            copy._length = self._length
            copy._finished = self._finished
            copy._budget = self._budget
            copy._scan = self._scan
            copy._unread = self._unread
            return copy

    # --- masks

    def fill_mask(self, row: layout.I32) -> None:
        """Write the legal tokens into `row`, int32[ceil(V / 32)] (a row of `allocate_bitmask`).

        After `finish_within`, only tokens from which the document can be finished within the budget are
        legal.

        Raises:
            MatchError: the sequence is finished.
            VocabularyError: the row has another size or dtype.
        """
        self._open(None)
        if row.dtype != np.int32 or row.shape != (self._tokens.vocabulary.words,):
            msg = f"a mask row is int32[{self._tokens.vocabulary.words}], got {row.dtype}{list(row.shape)}"
            raise VocabularyError(msg)
        with self._tokens.machine.lock:
            legal = self._legal()
        legal.copy_to(row)

    def legal(self) -> Row:
        """The legal tokens, as `fill_mask` writes them, without writing them: immutable, and shared where it can be.

        Raises:
            MatchError: the sequence is finished.
        """
        self._open(None)
        with self._tokens.machine.lock:
            return self._legal()

    def _legal(self) -> Row:
        state = self._state()
        found, farthest, meets = self._tokens.rows.row(state)
        register = self._tokens.register
        limit = None if self._budget is None else self._budget - 2
        if register is None:
            return self._bounded(state, found, farthest, limit)
        if limit is None:
            return self._withheld(register, state, found, meets=meets, limit=None)
        # Distances take checks as passed. What a failed one may cost is kept in reserve, if that leaves a choice.
        reserve = min(_RESERVE, max(limit - self._tokens.machine.distance(state) + 1, 0))
        for kept in range(reserve, 0, -1):
            row = self._bounded(state, found, farthest, limit - kept)
            row = self._withheld(register, state, row, meets=meets, limit=limit - kept)
            if row.count:
                return row
        row = self._bounded(state, found, farthest, limit)
        return self._withheld(register, state, row, meets=meets, limit=limit)

    def _bounded(self, state: int, found: Row, farthest: int, limit: int | None) -> Row:
        return found if limit is None or farthest <= limit else self._tokens.rows.row_within(state, limit)

    def _withheld(self, register: Register, state: int, row: Row, *, meets: bool, limit: int | None) -> Row:
        """The row less what checks forbid here."""
        withheld = self._asking(
            lambda scan: register.withheld(state, scan, meets=meets, limit=limit), register
        )
        return row.without(np.concatenate(withheld)) if withheld else row

    def forced(self) -> list[int]:
        """Tokens that may be appended without asking the model: the only possible text, spelled canonically.

        Canonically: as the vocabulary's own tokenizer spells it behind the last tokens (`Vocabulary.encode`; without
        one, by longest tokens), less up to four tokens at its end that the model might have written as a longer one
        that runs past the forced text.

        Empty when the model has a choice. The tokens are not accepted by this call. Within a budget set by
        `finish_within` they never use more tokens than are left.
        """
        if self._finished:
            return []
        with self._tokens.machine.lock:
            state = self._state()
            tokens = self._tokens.forced(state, self._context)
            if self._budget is None:
                return list(tokens)
            return self._within_budget(state, tokens, self._budget)

    def _context(self) -> bytes:
        """The text of the last few steps, as far back as the last end or special token."""
        found: list[bytes] = []
        past = self._past
        while past is not None and not past.silent and len(found) < LOOK_BACK:
            found.append(self._text(past)[-_CONTEXT:])
            past = past.before
        return b"".join(reversed(found))[-_CONTEXT:]

    def _within_budget(self, state: int, tokens: tuple[int, ...], budget: int) -> list[int]:
        machine = self._tokens.machine
        for i, token in enumerate(tokens):
            state = self._tokens.step(state, token)
            if machine.distance(state) + 1 > budget - i - 1:
                return list(tokens[:i])
        return list(tokens)

    def finish_within(self, n_tokens: int) -> None:
        """From here on, keep only tokens after which the document can still be finished in time.

        Args:
            n_tokens: tokens that may still be appended, the end token included. Every `accept` uses one.

        Raises:
            LimitError: no document is known to fit (`limit="max_tokens"`, `needed` tokens would).
        """
        needed = self.tokens_to_finish
        if needed > layout.FAR:
            msg = "the vocabulary cannot spell what the grammar still requires; use one with all bytes"
            raise VocabularyError(msg)
        if needed > n_tokens:
            msg = (
                f"{n_tokens} tokens are too few: the shortest way to complete the document takes {needed}, "
                "the end token included; raise max_tokens"
            )
            raise LimitError(msg, limit="max_tokens", needed=needed)
        self._budget = n_tokens

    # --- the text

    def _follow(self, state: int, data: bytes) -> tuple[int, Scan, int]:
        """`Register.follow` from here."""
        register = self._tokens.register
        if register is None:  # not reached: a check was met
            msg = "a check was met in a program without checks"
            raise MatchError(msg, state=state)
        return self._asking(lambda scan: register.follow(state, scan, data), register)

    def _asking(self, ask: Callable[[Scan], _Answer], register: Register) -> _Answer:
        """The register's answer; asked again when only now a check turned up that needs values."""
        try:
            return ask(self._scanned(register))
        except StaleScanError:
            return ask(self._scanned(register))

    def _scanned(self, register: Register) -> Scan:
        """The position in the text, read from the last place of the past where it was known."""
        scanner = register.scanner
        scan = self._scan
        if scan is None or scan.values != scanner.values:
            unread = []
            past = self._past
            scan = scanner.start
            while past is not None:
                unread.append(self._text(past))
                if past.scan is not None and past.scan.values == scanner.values:
                    scan = past.scan
                    break
                past = past.before
            scan = self._scan = scanner.feed(scan, b"".join(reversed(unread)))
        self._unread = 0
        return scan

    def _text(self, past: _Past) -> bytes:
        if isinstance(past.step, bytes):
            return past.step
        return b"" if past.silent else self._tokens.vocabulary.token_bytes(past.step) or b""

    # --- across a drop of super-states (program.Machine)

    def _positions(self) -> list[int]:
        return [self._here]

    def _moved(self, positions: list[int]) -> None:
        (self._here,) = positions
