"""From expressions to instructions, one rule at a time, when a run first enters it.

Emission does no analysis: a sequence is its parts one after the other, an alternation is a chain of SPLITs,
a rule reference is a CALL, a bounded repetition is one COUNT instruction whatever its bounds. Regular
leaves become blocks of LEAF instructions, one per state of their automaton, built when they are first
entered, because automata are the expensive part and most are never reached.

Example. `seq(literal("["), repeat(ref("item"), 0, 3), literal("]"))` becomes

```text
100 BYTE '['      103 RETURN
101 COUNT 104,0,3 104 CALL <item>
102 BYTE ']'      105 RETURN
```

A name or leaf that is not emitted yet is a one-instruction stub, `LAZY n`; emitting it turns the stub into
a JUMP. Cost: a few microseconds per node of the expression.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from ruvllm_grammar import ir
from ruvllm_grammar.automata import Dfa, leaf_dfa, spelled_char_dfa
from ruvllm_grammar.errors import GrammarError, LimitError
from ruvllm_grammar.kernels import layout
from ruvllm_grammar.kernels.layout import (
    BYTE,
    CALL,
    CHECK,
    COUNT,
    END,
    FAIL,
    FRAME,
    JUMP,
    LAZY,
    MARK,
    PICK,
    RETURN,
    SPLIT,
    STEP,
    TOKEN,
    Arena,
)
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.program.arena import enlarged, replaced
from ruvllm_grammar.program.placed import shape_of
from ruvllm_grammar.program.records import Records

#: Fixed addresses at the start of every program.
END_PC = 0
RETURN_PC = layout.RETURN_PC
FAIL_PC = 2
QUOTE = 0x22

_DEEP = 64  # parts nested deeper than this are emitted out of line
_GOES_ON = frozenset({BYTE, TOKEN, MARK, CHECK, STEP})
_ENTERS = frozenset({CALL, COUNT, FRAME})
_BRANCHES = frozenset({SPLIT, PICK})
_UNROLL = 3  # copies written out instead of counted
#: The instruction that reads a byte, for every byte.
_BYTE_ROWS = tuple((BYTE, byte, 0, 0) for byte in range(256))
_LEAF_REPEAT = 64  # a repeated character set up to this bound is one leaf automaton


class _SpelledChar:
    """Key of the leaf "JSON spelling of exactly one character", which counted strings repeat."""


_SPELLED_CHAR = _SpelledChar()
_LeafKey = ir.Expr | _SpelledChar


@dataclass(frozen=True, slots=True)
class LeafBlock:
    """A leaf automaton as placed in a program.

    Attributes:
        dfa: the automaton.
        base: address of its START state; state `s` stands at `base + s - 1`.
        counted: the leaf of one spelled character, which COUNT repeats inside strings.
        live: int32[n_states], bytes on which a state goes on.
        distance: int32[n_states], fewest bytes to acceptance.
    """

    dfa: Dfa
    base: int
    counted: bool
    live: layout.I32
    distance: layout.I32

    @classmethod
    def of(cls, dfa: Dfa, base: int, *, counted: bool) -> LeafBlock:
        """The block of an automaton that is placed at `base`."""
        shape = shape_of(dfa)
        return cls(dfa, base, counted, shape.live, shape.distance)


def _weakly(emitter: Emitter) -> Callable[[str], int]:
    """Fewest tokens of a rule, without keeping the emitter: large arrays must go when a grammar goes."""
    reference = weakref.ref(emitter)

    def distance_of(rule: str) -> int:
        alive = reference()
        return layout.FAR if alive is None else alive.distance_of(rule)

    return distance_of


class Emitter:
    """Writes a grammar's rules into an arena's program.

    Args:
        grammar: the rules.
        limits: budget of instructions and leaf states.
        arena: where to write; its `code`, `leaf_next`, `leaf_class` are replaced when they grow.
        placed: the leaves of the same grammar in the order of their placing, where they are known (`program.image`).

    Attributes:
        log: what was emitted beyond the start, in order: a lazy rule, or -1 - r for a record r that was filled.
        lazy: names or leaves by number.
    """

    def __init__(
        self, grammar: ir.Grammar, limits: Limits, arena: Arena, *, placed: Iterator[LeafBlock] | None = None
    ) -> None:
        self.grammar = grammar
        self.arena = arena
        self.log: list[int] = []
        self._placed = placed
        self.leaves: list[LeafBlock] = []
        self.token_sets: list[frozenset[int]] = []
        self.marks: list[str] = []
        self.checks: list[ir.Check] = []
        self._check_number: dict[ir.Check, int] = {}
        self.records = Records(limits, _weakly(self))
        self._frame_pcs: list[tuple[int, int]] = []
        self._limits = limits
        self.size = 0
        self.leaf_next_size = 0
        self._address: dict[str | _LeafKey, int] = {}
        self.lazy: list[str | _LeafKey] = []
        self.n_pending = 0  # lazy rules that are not emitted yet
        self._lazy_pc: list[int] = []
        # The batch being written: flat quadruples from address `_base`, and what to patch at its end.
        self._base = 0
        self._depth = 0
        self._code: list[int] = []
        self._calls: list[tuple[int, int, str | _LeafKey]] = []
        self._bodies: list[tuple[int, ir.Expr]] = []
        self._ops((END, 0, 0, 0), (RETURN, 0, 0, 0), (FAIL, 0, 0, 0))
        start = self._here()
        self._call(grammar.start)
        self._ops((RETURN, 0, 0, 0))
        self.start_pc = start
        self._flush()

    @property
    def addresses(self) -> Mapping[str | _LeafKey, int]:
        """Where rules (by name) and leaves (by expression) stand, for listings."""
        return MappingProxyType(self._address)

    @property
    def record_sizes(self) -> tuple[int, int]:
        """Rows of `Arena.records` and entries of `Arena.record_next` in use."""
        return self.records.size

    # --- writing one batch

    def _here(self) -> int:
        return self._base + len(self._code) // 4

    def _ops(self, *rows: tuple[int, int, int, int]) -> None:
        for row in rows:
            self._code.extend(row)

    def _patch(self, pc: int, field: int, value: int) -> None:
        self._code[4 * (pc - self._base) + field] = value

    def _call(self, target: str | _LeafKey) -> None:
        address = self._address.get(target)
        if address is None:  # known at the end of the batch
            self._calls.append((self._base + len(self._code) // 4, 1, target))
            address = 0
        self._code += (CALL, address, 0, 0)

    def _emit(self, e: ir.Expr) -> None:
        """Code that matches `e` and falls through; very deep parts are called, so that Python's stack suffices."""
        if self._depth == _DEEP:
            self._bodies.append((self._here(), e))
            self._ops((CALL, 0, 0, 0))
            return
        write = self._writers.get(type(e))
        if write is None:
            msg = f"the program emitter does not know the node {type(e).__name__}"
            raise GrammarError(msg)
        self._depth += 1
        write(self, e)
        self._depth -= 1

    def _emit_literal(self, e: ir.Literal) -> None:
        self._code.extend(chain.from_iterable(map(_BYTE_ROWS.__getitem__, e.data)))

    def _emit_seq(self, e: ir.Seq) -> None:
        for part in e.parts:
            if type(part) is ir.Literal:
                self._code.extend(chain.from_iterable(map(_BYTE_ROWS.__getitem__, part.data)))
            else:
                self._emit(part)

    def _emit_ref(self, e: ir.Ref) -> None:
        self._call(e.name)

    def _emit_token(self, e: ir.Token) -> None:
        self._ops((TOKEN, len(self.token_sets), 0, 0))
        self.token_sets.append(e.ids)

    def _emit_mark(self, e: ir.Mark) -> None:
        number = len(self.marks)
        self.marks.append(e.name)
        self._ops((MARK, number, 1, 0))
        self._emit(e.body)
        self._ops((MARK, number, 0, 0))

    def _emit_checked(self, e: ir.Checked) -> None:
        self._ops((CHECK, self._number_check(e.check), 0, 0))

    def _emit_step(self, e: ir.Step) -> None:
        self._ops((STEP, e.symbol, 0, 0))

    def _emit_empty(self, e: ir.Empty) -> None:
        """Nothing falls through as it is."""

    def _emit_never(self, _: ir.Never) -> None:
        self._ops((FAIL, 0, 0, 0))

    def _emit_chain(self, e: ir.Chain) -> None:
        """One part after the other, straight on: SPLITs skip a part that need not be there, or leave behind one.

        ```text
        chain(",": a b? c*)      a   SPLIT > end   ","   SPLIT > c   b   SPLIT > end   ","
                                 c: c   SPLIT > end   ","   JUMP c
        ```
        """
        leaving: list[int] = []
        skipping = -1
        last = len(e.parts) - 1
        loops = e.more is not ir.NEVER
        final = max(
            (i for i, must in enumerate(e.required) if must), default=-1
        )  # after it, the chain may end
        for i, part in enumerate(e.parts):
            self._check_size()
            if skipping >= 0:
                self._patch(skipping, 2, self._here())
                skipping = -1
            if not e.required[i] and (i < last or loops):
                skipping = self._here()
                self._ops((SPLIT, skipping + 1, 0, 0))
            self._emit(part)
            if i == last and not loops:
                break
            if i >= final:
                leaving.append(self._here())
                self._ops((SPLIT, self._here() + 1, 0, 0))
            self._emit(e.separator)
        if loops:
            again = self._here()
            if skipping >= 0:
                self._patch(skipping, 2, again)
            self._emit(e.more)
            leaving.append(self._here())
            self._ops((SPLIT, self._here() + 1, 0, 0))
            self._emit(e.separator)
            self._ops((JUMP, again, 0, 0))
        for split in leaving:
            self._patch(split, 2, self._here())

    def _number_check(self, check: ir.Check) -> int:
        number = self._check_number.get(check)
        if number is None:
            number = self._check_number[check] = len(self.checks)
            self.checks.append(check)
            if number >= self.arena.failed.shape[0]:
                self.arena = replaced(self.arena, failed=enlarged(self.arena.failed, number + 1))
        return number

    def _emit_frame(self, e: ir.Framed) -> None:
        """A body that is called with its first record atop the stack. Its steps stand at one level with it."""
        here = self._here()
        frame = self.records.frame(e)
        self.arena, first = self.records.start(self.arena, frame)
        self._frame_pcs.append((here, frame))
        self._bodies.append((here, e.body))
        self._ops((FRAME, 0, first, 0))
        if e.frame.owed:
            self._ops((JUMP, here + 2 + len(e.frame.owed), 0, 0))
            for rule in e.frame.owed:  # never run: here so that distances know these rules
                self._call(rule)

    def forget_records(self) -> None:
        """Drop all records but the first of each frame; no stack may hold any."""
        self.arena = self.records.drop(self.arena)
        for pc, frame in self._frame_pcs:
            self.arena, self.arena.code[pc, 2] = self.records.start(self.arena, frame)

    def distance_of(self, rule: str) -> int:
        """Fewest tokens of a rule, once distances are known."""
        address = self._address.get(rule)
        return layout.FAR if address is None else int(self.arena.pc_distance[address])

    def _emit_union(self, e: ir.Alt) -> None:
        self._emit_alt(e.parts)

    def _emit_pick(self, e: ir.Pick) -> None:
        self._emit_alt(e.parts, PICK)

    def _emit_alt(self, parts: tuple[ir.Expr, ...], op: int = SPLIT) -> None:
        ends, splits = [], []
        for part in parts[:-1]:
            split = self._here()
            splits.append(split)
            self._ops((op, split + 1, 0, 0))
            self._emit(part)
            ends.append(self._here())
            self._ops((JUMP, 0, 0, 0))
            self._patch(split, 2, self._here())
        if op == PICK:  # the last way, too, is left to the record
            splits.append(self._here())
            self._ops((PICK, self._here() + 1, self._here() + 1, 0))
        self._emit(parts[-1])
        for end in ends:
            self._patch(end, 1, self._here())
        for split in splits if op == PICK else ():
            self._patch(split, 3, self._here())

    def _emit_string(self, e: ir.JsonString) -> None:
        body = e.body
        any_chars = isinstance(body, ir.Repeat) and body.body is ir.ANY_CHAR
        if isinstance(body, ir.Repeat) and any_chars and e.quoted and body is not ir.ANY_TEXT:
            self._ops((BYTE, QUOTE, 0, 0))
            self._calls.append((self._here(), 1, _SPELLED_CHAR))
            self._ops((COUNT, 0, body.low, -1 if body.high is None else body.high), (BYTE, QUOTE, 0, 0))
        else:
            self._call(e)

    def _emit_repeat(self, e: ir.Repeat) -> None:
        body, low, high = e.body, e.low, e.high
        if isinstance(body, ir.Chars) and (low if high is None else high) <= _LEAF_REPEAT:
            self._call(e)
            return
        if body.nullable:
            low = 0
        if high is None and low <= _UNROLL:
            for _ in range(low):
                self._emit(body)
            split = self._here()
            self._ops((SPLIT, split + 1, 0, 0))
            self._emit(body)
            self._ops((JUMP, split, 0, 0))
            self._patch(split, 2, self._here())
        elif high is not None and (high <= _UNROLL or body.nullable):
            for _ in range(low):
                self._emit(body)
            splits = []
            for _ in range(high - low):
                self._check_size()
                splits.append(self._here())
                self._ops((SPLIT, self._here() + 1, 0, 0))
                self._emit(body)
            for split in splits:
                self._patch(split, 2, self._here())
        else:
            if isinstance(body, ir.Ref):
                self._calls.append((self._here(), 1, body.name))
            else:
                self._bodies.append((self._here(), body))
            self._ops((COUNT, 0, low, -1 if high is None else high))

    def _check_size(self) -> None:
        needed = self._here()
        if needed > self._limits.program:
            msg = (
                f"the grammar needs more than {self._limits.program} instructions; "
                "simplify it or raise Limits.program"
            )
            raise LimitError(msg, limit="program", needed=needed)

    def _flush(self) -> None:
        """Finish the batch: out-of-line bodies, rules known already, stubs for the rest; then copy it out."""
        at_call = at_body = 0
        while at_call < len(self._calls) or at_body < len(self._bodies):
            self._check_size()
            if at_body < len(self._bodies):
                pc, body = self._bodies[at_body]
                at_body += 1
                self._patch(pc, 1, self._here())
                self._emit(body)
                self._ops((RETURN, 0, 0, 0))
                continue
            pc, field, target = self._calls[at_call]
            at_call += 1
            self._patch(pc, field, self._target(target))
        self._calls.clear()
        self._bodies.clear()
        self._check_size()
        stop = self._here()
        arena = self.arena
        if stop > arena.code.shape[0]:
            arena = replaced(
                arena, code=enlarged(arena.code, stop), pc_distance=enlarged(arena.pc_distance, stop)
            )
        arena.code[self._base : stop] = np.array(self._code, np.int32).reshape(-1, 4)
        self.arena = arena
        self._code.clear()
        self._base = self.size = stop

    def _target(self, target: str | _LeafKey) -> int:
        address = self._address.get(target)
        if address is None:
            address = self._address[target] = self._here()
            if isinstance(target, str) and self.grammar.known(target):
                self._emit(self.grammar.rule(target))
                self._ops((RETURN, 0, 0, 0))
            else:
                self._ops((LAZY, len(self.lazy), 0, 0))
                self.lazy.append(target)
                self.n_pending += 1
                self._lazy_pc.append(address)
        return address

    # --- lazy rules and leaves

    @property
    def pending(self) -> list[int]:
        """Numbers of lazy rules that are not emitted yet."""
        return [n for n, pc in enumerate(self._lazy_pc) if self.arena.code[pc, 0] == LAZY]

    def ahead(self, starts: list[int], most: int, but: Container[int]) -> int | None:
        """The nearest lazy rule that a run from these addresses comes to; None where there is none near.

        Args:
            starts: addresses of instructions.
            most: instructions to look at.
            but: numbers of lazy rules that are not asked for.
        """
        code = self.arena.code
        seen = set(starts)
        todo = deque(starts)
        while todo and most > 0:
            most -= 1
            pc = todo.popleft()
            op, a, b, _ = code[pc].tolist()
            if op == LAZY and a not in but:
                return int(a)
            following: tuple[int, ...] = ()
            if op in _GOES_ON:
                following = (pc + 1,)
            elif op in _ENTERS:
                following = (a, pc + 1)
            elif op in _BRANCHES:
                following = (a, b)
            elif op == JUMP:
                following = (a,)
            for target in following:
                if target not in seen:
                    seen.add(target)
                    todo.append(target)
        return None

    def emit_lazy(self, number: int) -> None:
        """Emit lazy rule `number` and let its stub jump there.

        Raises:
            LimitError: the program or a leaf automaton is over its budget.
        """
        target = self.lazy[number]
        stub = self._lazy_pc[number]
        if isinstance(target, str):
            group = self.grammar.group(target)
            entry = self._here()
            self._address[target] = entry
            self._emit(group[target])
            self._ops((RETURN, 0, 0, 0))
            self._flush()
        else:
            entry = self._place_leaf(target)
        self.arena.code[stub] = (JUMP, entry, 0, 0)
        self.log.append(number)
        self.n_pending -= 1

    def fill_record(self, record: int, *, ahead: int = 0) -> None:
        """Write the steps of a record, and some `ahead` steps of those it leads to, the nearest first."""
        todo = deque([record])
        while todo:
            record = todo.popleft()
            first, symbols, _ = self.arena.records[record].tolist()
            if first >= 0:
                continue
            self.arena = self.records.fill(self.arena, record)
            self.log.append(-1 - record)
            if ahead <= 0:
                return
            ahead -= symbols
            first = int(self.arena.records[record, 0])
            following = self.arena.record_next[first : first + symbols]
            todo.extend(following[following >= 0].tolist())

    def adopt(self, arena: Arena, *, with_distance: bool) -> None:
        """Go on in another arena, which holds the same program."""
        self.arena = arena
        self.records.with_distance = with_distance

    def _place_leaf(self, key: _LeafKey) -> int:
        placed = None if self._placed is None else next(self._placed, None)
        if placed is not None:
            dfa = placed.dfa
        else:
            dfa = spelled_char_dfa() if isinstance(key, _SpelledChar) else leaf_dfa(key, self._limits)
        shape = shape_of(dfa)
        base = self.size
        stop = base + len(shape.code)
        if stop > self._limits.program:
            msg = f"the grammar needs {stop} instructions; simplify it or raise Limits.program"
            raise LimitError(msg, limit="program", needed=stop)
        arena = self.arena
        number = len(self.leaves)
        first = self.leaf_next_size
        row_stop = first + len(shape.following)
        grown = {}
        if stop > arena.code.shape[0]:
            grown["code"] = enlarged(arena.code, stop)
            grown["pc_distance"] = enlarged(arena.pc_distance, stop)
        if row_stop > arena.leaf_next.shape[0]:
            grown["leaf_next"] = enlarged(arena.leaf_next, row_stop)
        if number >= arena.leaf_class.shape[0]:
            grown["leaf_class"] = enlarged(arena.leaf_class, number + 1)
        if grown:
            arena = replaced(arena, **grown)
        code = arena.code[base:stop]
        code[:] = shape.code
        code[:, 1] += first
        code[:, 2:] = number
        following = arena.leaf_next[first:row_stop]
        np.add(shape.following, base, out=following)
        following[shape.dead] = -1
        arena.leaf_class[number] = dfa.byte_to_class
        block = placed or LeafBlock.of(dfa, base, counted=isinstance(key, _SpelledChar))
        self.leaves.append(block)
        self.leaf_next_size = row_stop
        self._base = self.size = stop
        self.arena = arena
        return base

    def spine(self) -> tuple[layout.I32, layout.I32]:
        """For every BYTE and LEAF instruction the byte to take towards its end, and where it leads.

        Both are -1 elsewhere. Leaves take a shortest way, by distance in bytes.
        """
        n = self.size
        code = self.arena.code[:n]
        byte = np.full(n, -1, np.int32)
        following = np.full(n, -1, np.int32)
        literal = np.flatnonzero(code[:, 0] == BYTE)
        byte[literal] = code[literal, 1]
        following[literal] = literal + 1
        for block in self.leaves:
            dfa = block.dfa
            distance = block.distance
            representative = np.full(dfa.n_classes, -1, np.int32)
            representative[dfa.byte_to_class[::-1]] = np.arange(255, -1, -1, dtype=np.int32)
            best = np.argmin(distance[dfa.transitions], axis=1)
            states = np.arange(1, dfa.n_states)
            states = states[~dfa.accepting[1:]]
            byte[block.base + states - 1] = representative[best[states]]
            following[block.base + states - 1] = block.base + dfa.transitions[states, best[states]] - 1
        return byte, following

    _writers: ClassVar[dict[type[ir.Expr], Callable[[Emitter, Any], None]]] = {
        ir.Literal: _emit_literal,
        ir.Seq: _emit_seq,
        ir.Alt: _emit_union,
        ir.Pick: _emit_pick,
        ir.Chain: _emit_chain,
        ir.Ref: _emit_ref,
        ir.Repeat: _emit_repeat,
        ir.JsonString: _emit_string,
        ir.Leaf: _call,
        ir.Chars: _call,
        ir.Both: _call,
        ir.Complement: _call,
        ir.Machine: _call,
        ir.Token: _emit_token,
        ir.Mark: _emit_mark,
        ir.Checked: _emit_checked,
        ir.Framed: _emit_frame,
        ir.Step: _emit_step,
        ir.Empty: _emit_empty,
        ir.Never: _emit_never,
    }
