"""The records of frames, numbered, and their steps as a table that kernels read.

A frame (`ir.runtime.Frame`) says in Python how its records move. Kernels know records by number: `records[r]` tells
where the steps of record r stand in `record_next`, and -1 that nobody asked yet. Then Python fills in *all* steps of
the record at once, so a place where twenty names may come costs one question, and numbers the records they lead to.

Records are few (one for each set of names seen so far that a document really visits) and are dropped together with the
super-states.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy as np

from ruvllm_grammar import ir
from ruvllm_grammar.errors import LimitError
from ruvllm_grammar.kernels import layout
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.program.arena import enlarged, replaced

#: A record that survives a dropped arena: the number of its frame and its value.
PortableRecord = tuple[int, Hashable]


def _symbols(body: ir.Expr) -> int:
    """Steps are numbered from 0 below this; those of frames inside do not count."""
    most = -1
    stack = [body]
    seen: set[ir.Expr] = set()
    while stack:
        node = stack.pop()
        if node in seen or node.regular:
            continue
        seen.add(node)
        if isinstance(node, ir.Step):
            most = max(most, node.symbol)
        if not isinstance(node, ir.Framed):
            stack.extend(ir.children(node))
    return most + 1


class Records:
    """Numbers records and fills their rows.

    Args:
        limits: `stack_nodes` bounds the records held, since each of them stands in a stack.
        distance_of: fewest tokens of the rule with a name, FAR when not known.
    """

    def __init__(self, limits: Limits, distance_of: Callable[[str], int]) -> None:
        self._limits = limits
        self._distance_of = distance_of
        self._frames: list[ir.Framed] = []
        self._frame_number: dict[ir.Framed, int] = {}
        self._symbols: list[int] = []
        self._values: list[PortableRecord] = [(-1, None)]
        self._numbers: dict[PortableRecord, int] = {}
        self._filled = 0
        self.with_distance = False

    def __len__(self) -> int:
        return len(self._values)

    @property
    def size(self) -> tuple[int, int]:
        """Rows of `records` and entries of `record_next` in use."""
        return len(self._values), self._filled

    def frame(self, node: ir.Framed) -> int:
        """Number of a frame."""
        number = self._frame_number.get(node)
        if number is None:
            number = self._frame_number[node] = len(self._frames)
            self._frames.append(node)
            self._symbols.append(_symbols(node.body))
        return number

    def start(self, arena: layout.Arena, frame: int) -> tuple[layout.Arena, int]:
        """The first record of a frame."""
        return self.intern(arena, (frame, self._frames[frame].frame.start))

    def value(self, record: int) -> PortableRecord:
        """What a number stands for."""
        return self._values[record]

    def intern(self, arena: layout.Arena, key: PortableRecord) -> tuple[layout.Arena, int]:
        """The number of a record, made on first use.

        Raises:
            LimitError: `Limits.stack_nodes` records.
        """
        number = self._numbers.get(key)
        if number is not None:
            return arena, number
        number = len(self._values)
        if number >= self._limits.stack_nodes:
            msg = f"objects need more than Limits.stack_nodes = {self._limits.stack_nodes} records; raise it"
            raise LimitError(msg, limit="stack_nodes", needed=number)
        self._numbers[key] = number
        self._values.append(key)
        if number >= arena.records.shape[0]:
            arena = replaced(arena, records=enlarged(arena.records, number + 1))
        arena.records[number] = (-1, self._symbols[key[0]], self._owed(key))
        return arena, number

    def fill(self, arena: layout.Arena, record: int) -> layout.Arena:
        """Write the steps of a record."""
        frame, value = self._values[record]
        records = self._frames[frame].frame
        row = []
        for symbol in range(self._symbols[frame]):
            following = records.step(value, symbol)
            if following is None:
                row.append(layout.DEAD)
            else:
                arena, number = self.intern(arena, (frame, following))
                row.append(number)
        first = self._filled
        self._filled += len(row)
        if self._filled > arena.record_next.shape[0]:
            arena = replaced(arena, record_next=enlarged(arena.record_next, self._filled))
        arena.record_next[first : self._filled] = row
        arena.records[record, 0] = first
        return arena

    def drop(self, arena: layout.Arena) -> layout.Arena:
        """Forget all records."""
        self._values = [(-1, None)]
        self._numbers = {}
        self._filled = 0
        return replaced(arena, records=np.zeros((1, 3), np.int32), record_next=np.zeros(64, np.int32))

    def _owed(self, key: PortableRecord) -> int:
        if not self.with_distance:
            return 0
        owed = self._frames[key[0]].frame.debt(key[1])
        return min(sum(self._distance_of(name) for name in owed), layout.FAR)

    def measure(self, arena: layout.Arena) -> bool:
        """Write what every record owes; whether something changed."""
        self.with_distance = True
        owed = np.array([0, *(self._owed(key) for key in self._values[1:])], np.int32)
        held = arena.records[: len(owed), 2]
        changed = not np.array_equal(held, owed)
        held[:] = owed
        return changed
