"""Looking ahead: does anything but repetitions follow?

Problem. After `[true, ` with `t` the only text is `true`, which was written before. The checks of the program decide
that when the word ends; a mask should not offer the `t`.

Idea. A bounded search, from a super-state and a position in the text, for any way out of danger: a position that
nothing threatens any more (`match.rivals`), or an end of the document. Inside free text the first byte is one. Where
the search finds nothing and was complete, the place is a dead end; where it takes too long, it is not one.

The same is asked of a *new* sibling, which begins behind a comma and is threatened by all earlier ones: but only where
there are few siblings to choose from (an enumeration, booleans), for otherwise the answer is known. That most names are
endless, or all listed and never checked, is seen from the program at a glance; only what is left is counted.

Cost. Some microseconds a step, at most `_STEPS_A_MASK` of them for one mask.

What is found here decides what masks offer, never what is accepted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from functools import cache
from typing import Final

import numpy as np

from ruvllm_grammar.kernels import layout
from ruvllm_grammar.match.rivals import MANY, key, next_bytes, threatened
from ruvllm_grammar.match.scanner import DONE, ESCAPE, NUMBER, OUT, STRING, Open, Scan
from ruvllm_grammar.program import Machine
from ruvllm_grammar.vocab import Trie

_STEPS: Final = 400  # bytes a search may try
_STEPS_A_MASK: Final = 600  # bytes that all searches for one mask may try
_LEVELS: Final = 3  # containers that may close before the next sibling begins
_LONGEST: Final = 64  # bytes of a scalar that is written to its end to see what follows
_ENDS: Final = 16  # last digits worth listing
_SIGNED: Final = b"-0123456789"
_REMEMBERED: Final = 1 << 16  # entries of each memo
_MANY_WAYS, _FEW_WAYS = -1, 0
_BLANK, _QUOTE, _COMMA, _COLON, _BACKSLASH = 0x20, 0x22, 0x2C, 0x3A, 0x5C
_CLOSERS: Final = {True: 0x7D, False: 0x5D}

Step = Callable[[int, Scan, int], tuple[int, Scan, bool]]


@cache
def _single_bytes() -> Trie:
    return Trie.from_strings([bytes([b]) for b in range(256)], range(256))


class Ahead:
    """Searches in one machine; holds for one epoch.

    Args:
        machine: the running program.
        target: super-state after a byte, checks passed.
        step: super-state and position after a byte, checks decided, and whether one failed.
    """

    def __init__(self, machine: Machine, target: Callable[[int, int], int], step: Step) -> None:
        self._machine = machine
        self._target = target
        self._step = step
        self._live: dict[int, frozenset[int]] = {}
        self._behind: dict[int, int] = {}
        self._known: dict[object, tuple[bool, Scan]] = {}
        self._few: dict[int, int] = {}
        self._last: dict[int, tuple[bytes, ...] | None] = {}
        self._listed: dict[int, bool] = {}
        self._few_by_program: dict[tuple[int | bool, ...], int] = {}
        self._bytes = _single_bytes()
        self._left = _STEPS_A_MASK
        self._path = np.zeros(4, np.int32)
        self._scratch = np.zeros(8, np.int32)

    def live_bytes(self, state: int) -> frozenset[int]:
        """Bytes that may follow a super-state, checks passed."""
        found = self._live.get(state)
        if found is None:
            machine, trie = self._machine, self._bytes
            machine.call(
                machine.kernels.walk, state, trie.nodes, trie.order, self._path, layout.FAR, self._scratch
            )
            found = frozenset(np.flatnonzero(machine.arena.table[state] >= 0).tolist())
            if len(self._live) >= _REMEMBERED:
                self._live.clear()
            self._live[state] = found
        return found

    def alive(self, state: int, scan: Scan) -> bool:
        """Whether some text leads from here out of danger.

        True, too, where there is much to choose from, and where finding out takes too long.
        """
        if not threatened(scan) or (scan.mode != DONE and not self.is_few(state, scan)):
            return True
        asked = (state, key(scan))
        known = self._known.get(asked)
        if known is None:
            known = self._known[asked] = self._search(state, scan), scan
        return known[0]

    def begin(self) -> None:
        """Forget answers about positions: they are remembered while one mask is made."""
        self._known.clear()
        self._left = _STEPS_A_MASK

    def last_digits(self, state: int) -> tuple[bytes, ...] | None:
        """Digits that take a number to where it cannot go on, zeros apart; None where there are many."""
        found = self._last.get(state, ())
        if state not in self._last:
            found = self._last[state] = self._find_last(state)
        return found

    def _find_last(self, state: int) -> tuple[bytes, ...] | None:
        onward: dict[int, list[tuple[int, int]]] = {}
        todo = [state]
        while todo:
            here = todo.pop()
            if here in onward:
                continue
            if len(onward) > MANY:
                return None
            digits = ((byte, self._target(here, byte)) for byte in _SIGNED)
            onward[here] = [(byte, target) for byte, target in digits if target >= 0]
            todo.extend(target for _, target in onward[here])
        # Digits other than zero go on only in numbers whose value is still open.
        ended = {here for here, ways in onward.items() if all(byte in b"-0" for byte, _ in ways)} - {state}
        leading = set(ended)
        while more := {
            h for h, ways in onward.items() if h not in leading and any(t in leading for _, t in ways)
        }:
            leading |= more
        texts: list[bytes] = []
        level = [(state, b"")]
        while level:
            reached = [
                (t, text + bytes([b])) for here, text in level for b, t in onward[here] if t in leading
            ]
            texts.extend(text for here, text in reached if here in ended)
            if len(texts) > _ENDS or len(reached) > _ENDS or (reached and len(reached[0][1]) > _LONGEST):
                return None
            level = reached
        return tuple(texts)

    def _search(self, state: int, scan: Scan) -> bool:
        seen: dict[object, Scan] = {}
        todo = [(state, scan)]
        steps = _STEPS
        while todo:
            state, scan = todo.pop()
            if not threatened(scan) or self._machine.accepting(state) or self._machine.has_tokens(state):
                return True
            at = (state, key(scan))
            if at in seen:
                continue
            seen[at] = scan
            live = self.live_bytes(state)
            hints = next_bytes(scan)
            if hints is not None and not live <= hints:
                return True
            steps -= len(live)
            self._left -= len(live)
            if steps < 0 or self._left < 0 or self._full:
                return True
            only_zeros = _only_zeros(scan, live)
            for byte in live:
                following, after, _ = self._step(state, scan, byte)
                if following >= 0 and not (only_zeros and following == state):
                    todo.append((following, after))
        self._known.update({at: (False, scan) for at, scan in seen.items()})
        return False

    @property
    def _full(self) -> bool:
        """Whether there is no room for super-states that only a search needs."""
        return self._machine.n_states > self._machine.limits.super_states

    # --- the next sibling

    def spare_siblings(self, state: int, scan: Scan) -> int | None:
        """How many siblings there are left to choose from behind the next comma, at least; None: not few."""
        here = scan.open
        if here is None or scan.mode == OUT or scan.is_name:
            return None
        at = state if scan.mode == DONE else self._behind_scalar(state, scan.mode)
        found: list[int] = []
        for _ in range(_LEVELS):
            if at < 0 or here is None:
                break
            comma = self._target(at, _COMMA)
            if comma >= 0 and (here.is_object or scan.values):
                found.extend(ways - here.size - 1 for ways in self._ways_behind(comma, here) if ways > 0)
            at = self._target(at, _CLOSERS[here.is_object])
            here = here.parent
        return min(found, default=None)

    def _ways_behind(self, comma: int, here: Open) -> Iterator[int]:
        around = Open(None, here.is_object)
        if not here.is_object:
            yield self._ways(comma, Scan(around, OUT, values=True))
        # Few strings among much else: a comma and a quote in one token leave only them.
        for space in (comma, self._target(comma, _BLANK)):
            quote = self._target(space, _QUOTE) if space >= 0 else layout.DEAD
            if quote >= 0:
                yield self._ways(quote, Scan(around, STRING, values=True))

    def _behind_scalar(self, state: int, mode: int) -> int:
        """A super-state in which the scalar that is being written is complete; DEAD where that is far away."""
        found = self._behind.get(state)
        if found is None:
            if len(self._behind) >= _REMEMBERED:
                self._behind.clear()
            found = self._behind[state] = self._find_end(state, mode)
        return found

    def _find_end(self, state: int, mode: int) -> int:
        for _ in range(_LONGEST):
            if mode in {STRING, ESCAPE}:
                end = self._target(state, _QUOTE)
                if end >= 0:
                    return end
            elif any(self._target(state, byte) >= 0 for byte in b",]}"):
                return state
            plain = self.live_bytes(state) - {_BACKSLASH}
            if not plain:
                break
            state = self._target(state, min(plain))
        return layout.DEAD

    def is_few(self, state: int, scan: Scan) -> bool:
        """Whether a scalar, or whatever may begin here, can end in at most MANY ways."""
        return self._ways(state, scan) != _MANY_WAYS

    def _ways(self, state: int, scan: Scan) -> int:
        """In how many ways it can end, if these are few and checks see some; else _MANY_WAYS or _FEW_WAYS.

        Remembered by super-state and, as these differ in their stacks more often than in what comes next, by program.
        """
        found = self._few.get(state)
        if found is None:
            if len(self._few) >= _REMEMBERED:
                self._few.clear()
                self._few_by_program.clear()
            if scan.is_name and scan.mode == OUT:
                quote = self._target(state, _QUOTE)
                if quote >= 0:
                    return self._ways(quote, Scan(Open(None, True), STRING, values=True))
            at = (scan.mode, scan.is_name, *(pc for pc, _ in self._machine.configurations(state)))
            found = self._few_by_program.get(at)
            if found is None:
                found = self._quick_ways(state, scan)
                found = self._count_ends(state, scan) if found is None else found
                self._few_by_program[at] = found
            self._few[state] = found
        return found

    def _quick_ways(self, state: int, scan: Scan) -> int | None:
        """The same where it is plain to see: too many bytes, or names that are all listed and never checked."""
        arena = self._machine.arena
        if np.count_nonzero(arena.table[state] != layout.DEAD) > MANY:
            return _MANY_WAYS
        if scan.is_name and scan.mode == STRING and not scan.in_escape:
            configurations = self._machine.configurations(state)
            if all(self._is_listed(arena.code, pc) for pc, _ in configurations):
                return _FEW_WAYS
        return None

    def _is_listed(self, code: layout.I32, pc: int) -> bool:
        """Whether the rest of a string is spelled out from here, and no check follows its quote."""
        found = self._listed.get(pc)
        if found is None:
            at = pc
            while code.item(at, 0) == layout.BYTE and code.item(at, 1) != _QUOTE:
                at += 2 if code.item(at, 1) == _BACKSLASH else 1
            found = code.item(at, 0) == layout.BYTE and not _checked_behind(code, at + 1)
            self._listed[pc] = found
        return found

    def _count_ends(self, state: int, scan: Scan) -> int:
        around = Open(
            None, scan.is_name or (scan.open is not None and scan.open.is_object and scan.mode == OUT)
        )
        if scan.open is not None and scan.open.key is not None:
            around = around.named(scan.open.key)
        first = Scan(around, scan.mode, scan.pieces, values=True)
        ends = set()
        crosses = False
        seen: dict[object, Scan] = {}
        todo = deque([(state, first)])
        steps = _STEPS
        while todo:
            state, scan = todo.popleft()
            at = (state, key(scan))
            if at in seen:
                continue
            seen[at] = scan
            if scan.open is around and scan.mode in {DONE, NUMBER}:
                end = scan.ended()
                if scan.mode == DONE or end is not None:
                    ends.add(end)
                if scan.mode == DONE:
                    continue
            live = self.live_bytes(state)
            steps -= len(live)
            if len(live) > MANY or len(ends) > MANY or steps < 0 or self._full:
                return _MANY_WAYS
            only_zeros = _only_zeros(scan, live)
            for byte in live:
                following, after, _ = self._step(state, scan, byte)
                if only_zeros and following == state:
                    continue
                if following >= 0 and not (scan.mode == NUMBER and after.mode != NUMBER):
                    crosses = crosses or bool(self._machine.arena.states[following, 2] & layout.CROSSED)
                    todo.append((following, after))
        return max(len(ends), 1) if crosses else _FEW_WAYS


def _checked_behind(code: layout.I32, at: int) -> bool:
    """Whether a check may stand between an instruction and the next colon, as far as a glance tells."""
    while True:
        op, operand, _, _ = code[at].tolist()
        if op == layout.BYTE and operand == _COLON:
            return False
        if op == layout.JUMP:
            at = operand
        elif op in {layout.STEP, layout.MARK} or (op == layout.CALL and _is_leaf(code, operand)):
            at += 1
        else:
            return True


def _is_leaf(code: layout.I32, at: int) -> bool:
    """Whether a rule is a leaf, perhaps by way of others."""
    while code.item(at, 0) == layout.JUMP or (
        code.item(at, 0) == layout.CALL and code.item(at + 1, 0) == layout.RETURN
    ):
        at = code.item(at, 1)
    return code.item(at, 0) in {layout.LEAF, layout.LEAF_END}


def _only_zeros(scan: Scan, live: frozenset[int]) -> bool:
    """Whether the digits that may follow are zeros behind a point, which change nothing however many they are."""
    return scan.mode == NUMBER and live.isdisjoint(b"123456789") and b"." in scan.text
