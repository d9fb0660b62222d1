"""The cursor: where one sequence stands in one grammar.

A matcher is a place (`match.place`) and a past that it shares with its forks (a linked list, newest first); the
grammar, its program and its rows belong to all matchers. Copying one copies a few references, so beams,
speculation and rollback are cheap and cannot corrupt anything.

Where the grammar has checks (`ir.check`), the matcher also keeps a position in the text (`match.scanner`), which
`match.register` decides them by. It is brought up to date from the past when somebody asks: most tokens cross no check,
and most masks are the same whatever was written before.

A step that was taken before takes no lock, nor does a mask that checks cannot change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import numpy as np

from ruvllm_grammar.errors import LimitError, MatchError, VocabularyError
from ruvllm_grammar.kernels import layout
from ruvllm_grammar.match.place import END, QUIET, UNKNOWN, UNTIL_CROSSED, Crossing, Place
from ruvllm_grammar.match.register import Register, StaleScanError
from ruvllm_grammar.match.scanner import Scan
from ruvllm_grammar.match.token_machine import TokenMachine
from ruvllm_grammar.program import StartedAnewError
from ruvllm_grammar.tables import LOOK_BACK, Row

_NOT_HERE: Final = -1
_UNREAD: Final = 1023  # steps whose text may wait to be read; a mask of bits
_RESERVE: Final = (
    8  # tokens of a budget kept for siblings that must be longer than the shortest, which is taken
)
#: Only after kept tables turned out to be of another program (`Machine.awake`), and that is a defect of the package.
_LOST: Final = (
    "the source reads otherwise than it did when its tables were kept, and does not allow the text so far"
)
_SILENT: Final = layout.ACCEPTING | layout.HAS_TOKENS  # where tokens may go on without text
_INT32: Final = np.dtype(np.int32)
_CONTEXT: Final = 64  # bytes before forced text that a tokenizer is shown, at most

_Answer = TypeVar("_Answer")
#: One step: the steps before it; what was appended; the place before it; the last known position in the text, and the
#: step behind which it was known. Appended was a token, `~token` where it adds no text (an end token, a token edge), or
#: text. A plain tuple, since every step makes one.
_Past = tuple["_Past | None", int | bytes, Place, Scan | None, "_Past | None"]


class Matcher:
    """Follows one sequence of tokens through a compiled grammar.

    The only thing that moves: not to be used by two threads at once (fork it). Made by
    `CompiledGrammar.matcher`.
    """

    __slots__ = (
        "__weakref__", "_budget", "_finished", "_known", "_leaving", "_length", "_past", "_place", "_scan", "_tokens",
    )  # fmt: skip

    def __init__(self, tokens: TokenMachine) -> None:
        self._tokens = tokens
        self._past: _Past | None = None
        self._length = 0
        self._finished = False
        self._budget: int | None = None
        self._scan: Scan | None = None
        self._known: _Past | None = None
        self._leaving: Place | None = None
        with tokens.machine.lock:
            self._place = tokens.place(tokens.machine.start)
            tokens.machine.register(self)

    # --- where we are

    @property
    def is_accepting(self) -> bool:
        """Whether the text so far is a complete document (more may still be allowed)."""
        if self._finished:
            return True
        with self._tokens.machine.lock:
            return self._tokens.machine.accepting(self._here().state)

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
            try:
                self._tokens.prepare_distances()
            except StartedAnewError:
                self._tokens.prepare_distances()
            return self._tokens.machine.distance(self._here().state) + 1

    def _here(self) -> Place:
        """Where we are, in the present epoch. Under the machine's lock."""
        machine = self._tokens.machine
        if machine.n_states > machine.limits.super_states:
            machine.relieve()
        place = self._place
        if place.epoch != machine.epoch:
            place = self._place = place.latest()
            if place.epoch != machine.epoch:
                self._replay()
        return self._place

    # --- moving

    def accept(self, token: int) -> None:
        """Append one token. An end token finishes the sequence.

        Raises:
            MatchError: the token is not allowed here, or the sequence is finished; the matcher is unchanged.
        """
        place = self._place
        following = place.steps.get(token)
        if following is None and (plain := place.plain) and 0 <= token < len(plain) and plain[token]:
            following = place
        if following is None:
            self._accept(token)
        else:
            self._past = (self._past, token, place, self._scan, self._known)
            self._place = following
            self._length += 1
        if self._budget is not None:
            self._budget -= 1
        if not self._length & _UNREAD:
            self._catch_up()

    def _accept(self, token: int) -> None:
        """A step that was not taken from here before, or not lately."""
        self._open(token)
        with self._tokens.machine.lock:
            try:
                self._take(token)
            except StartedAnewError:
                self._take(token)

    def _take(self, token: int) -> None:
        tokens, place, scan = self._tokens, self._place, None
        machine = tokens.machine
        if place.epoch != machine.epoch or place.state >= machine.limits.super_states:
            place = self._here()
        following = tokens.silent_step(place, token) if place.flags & _SILENT else None
        if following is not None:
            token = ~token
            self._finished = following is END
        else:
            found = tokens.step(place, token)
            following, scan = self._cross(place, found) if isinstance(found, Crossing) else (found, None)
            if following is None:
                raise MatchError(self._refusal(token), token=token, state=place.state)
        past = self._past = (self._past, token, place, self._scan, self._known)
        self._place = following
        self._length += 1
        if scan is not None:
            self._scan, self._known = scan, past

    def accept_bytes(self, data: bytes) -> None:
        """Append text, whatever tokens spell it: one step for `rollback`, no token for budgets.

        Raises:
            MatchError: the grammar does not allow the text here; the matcher is unchanged.
        """
        self._open(None)
        with self._tokens.machine.lock:
            try:
                self._accept_bytes(data)
            except StartedAnewError:
                self._accept_bytes(data)
            if not self._length & _UNREAD:
                self._catch_up()

    def _accept_bytes(self, data: bytes) -> None:
        state = self._here().state
        following, crosses = self._tokens.step_text(state, data)
        scan, legal = None, None
        if crosses:
            following, scan, legal = self._follow(state, data)
        if following < 0:
            legal = self._legal_length(state, data) if legal is None else legal
            msg = f"byte {legal} of {data[: legal + 1]!r} is not allowed here"
            raise MatchError(msg, token=data[legal], state=state)
        self._append(data, self._tokens.place(following), scan)

    def _append(self, step: int | bytes, place: Place, scan: Scan | None = None) -> None:
        past = self._past = (self._past, step, self._place, self._scan, self._known)
        self._place = place
        self._length += 1
        if scan is not None:
            self._scan, self._known = scan, past

    def _open(self, token: int | None) -> None:
        if self._finished:
            msg = "the sequence is finished; roll back or start a new matcher"
            raise MatchError(msg, token=token)

    def _refusal(self, token: int) -> str:
        vocabulary = self._tokens.vocabulary
        if token in vocabulary.eos:
            return f"the end token {token} is not allowed before the document is complete"
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
        for _ in range(n):
            past = self._past
            if past is None:  # not reached: `_length` counts the chain
                break
            self._past, step, self._place, self._scan, self._known = past
            self._length -= 1
            self._finished = False
            if self._budget is not None and not isinstance(step, bytes):
                self._budget += 1

    def _replay(self) -> None:
        """Find the place after the whole past again, because the super-states it passed were dropped.

        Raises:
            MatchError: the past leads nowhere in the program as it is now; the matcher is unchanged.
        """
        past, place = self._past, self._place
        try:
            self._walk_again()
        except MatchError:
            self._past, self._place, self._scan, self._known = past, place, None, None
            raise

    def _walk_again(self) -> None:
        steps: list[_Past] = []
        before = self._past
        while before is not None:
            steps.append(before)
            before = before[0]
        tokens = self._tokens
        self._place = tokens.place(tokens.machine.start)
        self._past = self._scan = self._known = None  # what follows is the text before each step
        for past in reversed(steps):
            place, scan = self._again(self._here(), past[1])  # may drop once more, and replay up to here
            self._past = past
            self._place = place
            if scan is not None:
                self._scan, self._known = scan, past

    def _again(self, place: Place, step: int | bytes) -> tuple[Place, Scan | None]:
        """The place after a step that was taken before, and the position in the text where it is known."""
        tokens = self._tokens
        if isinstance(step, bytes):
            following, crosses = tokens.step_text(place.state, step)
            scan = None
            if crosses:
                following, scan, _ = self._follow(place.state, step)
            if following < 0:
                raise MatchError(_LOST, state=place.state)
            return tokens.place(following), scan
        found = tokens.silent_step(place, ~step) if step < 0 else tokens.step(place, step)
        scan = None
        if isinstance(found, Crossing):
            found, scan = self._cross(place, found)
        if found is None:
            raise MatchError(_LOST, state=place.state)
        return found, scan

    def fork(self) -> Matcher:
        """An independent copy at the same place."""
        copy = Matcher(self._tokens)
        copy._past = self._past
        copy._length = self._length
        copy._finished = self._finished
        copy._budget = self._budget
        copy._scan = self._scan
        copy._known = self._known
        copy._place = self._place
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
        if row.dtype != _INT32 or row.shape != (self._tokens.vocabulary.words,):
            self._open(None)
            msg = f"a mask row is int32[{self._tokens.vocabulary.words}], got {row.dtype}{list(row.shape)}"
            raise VocabularyError(msg)
        self.legal().copy_to(row)

    @property
    def is_known(self) -> bool:
        """Whether the row of this place was made before, so that `fill_mask` has little to do."""
        place, tokens = self._place, self._tokens
        return tokens.rows.known(place.state) is not None and place.epoch == tokens.machine.epoch

    @property
    def grammar_id(self) -> int:
        """Equal for matchers of the same compiled grammar, which share a lock."""
        return id(self._tokens)

    def legal(self) -> Row:
        """The legal tokens, as `fill_mask` writes them, without writing them: immutable, and shared where it can be.

        Raises:
            MatchError: the sequence is finished.
        """
        place, tokens = self._place, self._tokens
        gate = place.gate
        if self._budget is None and (gate == QUIET or (gate == UNTIL_CROSSED and not self._crossed)):
            found = tokens.rows.known(place.state)
            # Where super-states were dropped meanwhile, by another thread, the row may be another's.
            if found is not None and place.epoch == tokens.machine.epoch:
                return found.row
        self._open(None)
        with tokens.machine.lock:
            try:
                return self._legal()
            except StartedAnewError:
                return self._legal()

    def _legal(self) -> Row:
        place = self._here()
        tokens = self._tokens
        found, farthest, meets = tokens.rows.row(place.state)
        register = tokens.register
        if place.gate == UNKNOWN:
            self._judge(place, found, register if meets else None)
        limit = None if self._budget is None else self._budget - 2
        if register is None:
            return self._bounded(place.state, found, farthest, limit)
        if limit is None:
            return self._withheld(register, place, found, meets=meets, limit=None)
        # Distances take checks as passed. What a failed one may cost is kept in reserve, if that leaves a choice.
        reserve = min(_RESERVE, max(limit - tokens.machine.distance(place.state) + 1, 0))
        for kept in range(reserve, 0, -1):
            row = self._bounded(place.state, found, farthest, limit - kept)
            row = self._withheld(register, place, row, meets=meets, limit=limit - kept)
            if row.count:
                return row
        row = self._bounded(place.state, found, farthest, limit)
        return self._withheld(register, place, row, meets=meets, limit=limit)

    def _judge(self, place: Place, row: Row, register: Register | None) -> None:
        """Find out the gate of a place; `register` where tokens of its row meet checks."""
        if register is None:
            place.gate = UNTIL_CROSSED
        else:
            self._asking(lambda scan: register.judge(place, scan, row), register)

    def _bounded(self, state: int, found: Row, farthest: int, limit: int | None) -> Row:
        return found if limit is None or farthest <= limit else self._tokens.rows.row_within(state, limit)

    def _withheld(self, register: Register, place: Place, row: Row, *, meets: bool, limit: int | None) -> Row:
        """The row less what checks forbid here."""
        if place.gate == QUIET or (place.gate == UNTIL_CROSSED and not self._crossed):
            return row
        try:
            withheld = register.withheld(place, self._scanned(register), meets=meets, limit=limit)
        except StaleScanError:
            withheld = register.withheld(place, self._scanned(register), meets=meets, limit=limit)
        return row.without(np.concatenate(withheld)) if withheld else row

    @property
    def _crossed(self) -> bool:
        """Whether a check was met on the way here. The position behind one is always known."""
        return self._scan is not None and self._scan.crossed

    def prepare(self) -> None:
        """Emit rules that the text may come to soon, so that the next mask and step need not: for a model's idle time.

        Nothing depends on it. It stops after a few rules, or at once where none is pending.

        Raises:
            LimitError: the program is over its budget.
        """
        if not self._finished:
            with self._tokens.machine.lock:
                self._tokens.machine.prepare(self._here().state)

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
            try:
                return self._forced()
            except StartedAnewError:
                return self._forced()

    def _forced(self) -> list[int]:
        place = self._here()
        tokens = self._tokens.forced(place.state, self._context)
        if self._budget is None:
            return list(tokens)
        return self._within_budget(place, tokens, self._budget)

    def _context(self) -> bytes:
        """The text of the last few steps, as far back as the last end or special token."""
        found: list[bytes] = []
        past = self._past
        while past is not None and len(found) < LOOK_BACK:
            past, step, *_ = past
            if isinstance(step, int) and step < 0:
                break
            found.append((step if isinstance(step, bytes) else self._tokens.text(step))[-_CONTEXT:])
        return b"".join(reversed(found))[-_CONTEXT:]

    def _within_budget(self, place: Place, tokens: tuple[int, ...], budget: int) -> list[int]:
        machine = self._tokens.machine
        for i, token in enumerate(tokens):
            following = self._tokens.step(place, token)
            if not isinstance(following, Place) or machine.distance(following.state) + 1 > budget - i - 1:
                return list(tokens[:i])
            place = following
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

    def _cross(self, place: Place, crossing: Crossing) -> tuple[Place | None, Scan | None]:
        """The place behind a token that crosses checks, and the position there; None where it is not allowed."""
        register = self._register()
        onward, scan = self._asking(lambda scan: register.cross(scan, crossing), register)
        if onward is not None:
            return onward, scan
        following, scan, _ = self._follow(place.state, crossing.text)
        return (self._tokens.place(following), scan) if following >= 0 else (None, None)

    def _follow(self, state: int, data: bytes) -> tuple[int, Scan, int]:
        """`Register.follow` from here."""
        register = self._register()
        return self._asking(lambda scan: register.follow(state, scan, data), register)

    def _register(self) -> Register:
        register = self._tokens.register
        if register is None:  # not reached: a check was met
            msg = "a check was met in a program without checks"
            raise MatchError(msg, state=self._place.state)
        return register

    def _asking(self, ask: Callable[[Scan], _Answer], register: Register) -> _Answer:
        """The register's answer; asked again when only now a check turned up that needs values."""
        try:
            return ask(self._scanned(register))
        except StaleScanError:
            return ask(self._scanned(register))

    def _catch_up(self) -> None:
        """Read the text now and then, so that nobody has to wait for it later."""
        with self._tokens.machine.lock:
            register = self._tokens.register
            if register is not None:
                self._scanned(register)

    def _scanned(self, register: Register) -> Scan:
        """The position in the text, read from the last place of the past where it was known."""
        scanner = register.scanner
        scan, known = self._scan, self._known
        if scan is None or scan.values != scanner.values:
            scan, known = scanner.start, None
        past = self._past
        if past is not known:
            texts = []
            text_of = self._tokens.text
            while past is not known and past is not None:
                past, step, _, _, _ = past
                if isinstance(step, bytes):
                    texts.append(step)
                elif step >= 0:
                    texts.append(text_of(step))
            texts.reverse()
            scan = scanner.feed(scan, b"".join(texts))
        self._scan, self._known = scan, self._past
        return scan

    # --- across a drop of super-states (program.Machine)

    def _positions(self) -> list[int]:
        place = self._place.latest()
        if place.epoch != self._tokens.machine.epoch:  # finished, or walked on while others dropped it
            return []
        self._leaving = place
        return [place.state]

    def _moved(self, positions: list[int]) -> None:
        if self._leaving is not None:
            for state in positions:
                self._leaving.moved = self._tokens.place(state)
            self._leaving = None
