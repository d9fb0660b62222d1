"""One grammar, running: its program, its lazily built super-states, and the loop that serves the kernels.

Kernels return codes instead of raising (`kernels.layout`). `Machine` fixes the cause (emits a lazy rule,
enlarges an array) and calls again. Everything that may add super-states happens under the machine's lock;
reading known transitions is safe without it, because arenas only grow until they are dropped.

Dropping. When the number of super-states passes `Limits.super_states`, all of them are dropped (as RE2
drops its DFA cache) and `epoch` is raised. Cursors that are alive keep a *portable* copy of their
configuration and are interned again, so a document of any length goes on in bounded memory.
"""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import numpy as np

from ruvllm_grammar import ir
from ruvllm_grammar.errors import LimitError
from ruvllm_grammar.kernels import layout
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.program.arena import emptied, new_arena, with_room, with_scratch
from ruvllm_grammar.program.emit import END_PC, Emitter, LeafBlock
from ruvllm_grammar.program.image import Dormant, Image, StaleImageError, taken
from ruvllm_grammar.program.records import PortableRecord

logger = logging.getLogger("ruvllm_grammar.program")

#: A stack edge that survives a dropped arena: (return pc, count, record or None, parent).
_PortableEdge = tuple[int, int, PortableRecord | None, int]
#: A configuration set that survives a dropped arena: nodes in parent-first order, then (pc, node index).
Portable = tuple[tuple[tuple[_PortableEdge, ...], ...], tuple[tuple[int, int], ...]]

_PATIENT = 3  # wishes of a call that are served one by one
# Steps of records that a call gets unasked when its patience ends, and how often that doubles: not without end, because
# objects of many optional members have more records than anybody will ask for.
_AHEAD = 512
_DOUBLINGS = 2
_LOOK = 1000  # instructions that `prepare` looks at
_HARD = 8  # a single operation may exceed Limits.super_states by this factor before it is refused


class Cursor(Protocol):
    """What the machine keeps alive across a drop."""

    def _positions(self) -> list[int]:
        """Super-states the cursor needs."""

    def _moved(self, positions: list[int]) -> None:
        """The same super-states in the new arena."""


class StartedAnewError(Exception):
    """Super-state numbers that were handed in mean nothing any more: find them again from the start."""


class Machine:
    """The running program of one grammar, independent of any vocabulary.

    Args:
        grammar: rules; lazy ones are asked for when entered.
        limits: budgets.
        image: what a machine of the same grammar knew, to go on from; the grammar is read when more is asked.

    Attributes:
        epoch: raised whenever super-states were dropped: their numbers mean nothing any more.
        restarts: raised whenever the program was given up for another one (`awake`).
        generation: raised whenever what was remembered about super-states may be wrong: with every epoch, and when
            distances become known.
        start: super-state before the first byte.
        lock: held while super-states may be added.

    Raises:
        LimitError: the start of the grammar is already over a budget.
    """

    def __init__(self, grammar: ir.Grammar, limits: Limits, *, image: Image | None = None) -> None:
        from ruvllm_grammar.kernels import structure  # numba loads on first compile, not on import

        self.kernels = structure
        self.grammar = grammar
        self.limits = limits
        self.lock = threading.RLock()
        self.epoch = 0
        self.restarts = 0
        self.generation = 0
        self._too_large: set[int] = set()
        self._cursors: weakref.WeakSet[Cursor] = weakref.WeakSet()
        self._emitter: Emitter | Dormant
        if image is None:
            self._emitter = Emitter(grammar, limits, new_arena(limits))
            self.start = self._start()
        else:
            self._emitter = Dormant(image, limits, self.awake)
            self.start = image.number("start")

    # --- access

    def awake(self) -> Emitter:
        """The emitter, its source read; call it under the lock.

        Raises:
            StartedAnewError: the source yields another program than the machine's image.
        """
        emitter = self._emitter
        if isinstance(emitter, Dormant):
            try:
                emitter = self._emitter = emitter.replayed(self.grammar, self.limits)
            except StaleImageError as error:
                logger.warning("kept tables are of no use, starting anew: %s", error)
                self._start_anew()
                raise StartedAnewError from error
        return emitter

    def image(self, useful: Iterable[int] = ()) -> Image | None:
        """What the machine knows, to be kept; None once it has dropped super-states.

        Args:
            useful: super-states that will be wanted again.
        """
        with self.lock:
            return None if self.epoch else taken(self._emitter, self.start, useful)

    @property
    def is_dormant(self) -> bool:
        """Whether the machine runs on an image and its source has not been read."""
        return isinstance(self._emitter, Dormant)

    def _start_anew(self) -> None:
        """Forget the image; cursors find that their epoch is over, and walk their past in the fresh program."""
        self._emitter = Emitter(self.grammar, self.limits, new_arena(self.limits))
        self.restarts += 1
        self.epoch += 1
        self.generation += 1
        self.start = self._start()

    @property
    def arena(self) -> layout.Arena:
        """The arrays. Replaced when they grow: do not keep."""
        return self._emitter.arena

    @property
    def leaves(self) -> Sequence[LeafBlock]:
        """Leaf automata placed so far, by leaf number."""
        return self._emitter.leaves

    @property
    def token_sets(self) -> list[frozenset[int]]:
        """Id sets of TOKEN instructions."""
        return self._emitter.token_sets

    @property
    def checks(self) -> list[ir.Check]:
        """Checks of CHECK instructions, by number; grows while rules are emitted."""
        return self._emitter.checks

    @property
    def size(self) -> int:
        """Instructions emitted so far."""
        return self._emitter.size

    @property
    def n_states(self) -> int:
        """Super-states held."""
        return int(self.arena.head[layout.N_STATES])

    def accepting(self, state: int) -> bool:
        """Whether the document may end here."""
        return bool(self.arena.states[state, 2] & layout.ACCEPTING)

    def has_tokens(self, state: int) -> bool:
        """Whether token edges leave here."""
        return bool(self.arena.states[state, 2] & layout.HAS_TOKENS)

    def crossed(self, state: int) -> tuple[int, ...]:
        """Numbers of the checks that the last byte before `state` crossed, each once."""
        arena = self.arena
        if not arena.states[state, 2] & layout.CROSSED:
            return ()
        found = {
            int(arena.code[pc, 1])
            for pc, _ in self.configurations(state)
            if arena.code[pc, 0] == layout.CHECK
        }
        return tuple(sorted(found))

    def distance(self, state: int) -> int:
        """Fewest tokens to acceptance, the end token not counted; needs `prepare_distances`."""
        return int(self.arena.states[state, 3])

    def configurations(self, state: int) -> list[tuple[int, int]]:
        """(program counter, stack node) pairs of a super-state."""
        first, count = self.arena.states[state, :2].tolist()
        return [(pc, node) for pc, node in self.arena.configs[first : first + count].tolist()]

    # --- running

    def call(self, kernel: Callable[..., int], *args: object) -> int:
        """Run a kernel, serving its wishes; the result is a super-state, a count or DEAD.

        Args:
            kernel: is handed `Arena.address` first; called again, with the new one, after each wish.
            args: the rest of its arguments.
        """
        with self.lock:
            served = 0
            while True:
                result = kernel(self._emitter.arena.address, *args)
                if result >= layout.DEAD:
                    return result
                self.serve(result, served)
                served += 1

    def serve(self, code: int, served: int = 0) -> None:
        """Fix what a kernel asked for by returning a failure code; then call it again. The lock must be held.

        Args:
            code: what it returned.
            served: how often this call was served before. Who keeps asking for records gets twice as many each time,
                since every wish is a walk that begins anew.

        Raises:
            LimitError: that is over a budget.
        """
        arena = self._emitter.arena
        if code == layout.NEED_RULE:
            self.awake().emit_lazy(int(arena.head[layout.NEED]))
        elif code == layout.NEED_RECORD:
            ahead = 0 if served < _PATIENT else _AHEAD << min(served - _PATIENT, _DOUBLINGS)
            self.awake().fill_record(int(arena.head[layout.NEED]), ahead=ahead)
        elif code == layout.GROW:
            what = layout.GROWN[int(arena.head[layout.NEED])]
            if what == "states" and 4 * arena.states.shape[0] > _HARD * max(self.limits.super_states, 1024):
                msg = (
                    f"one step needs over {_HARD} times Limits.super_states = {self.limits.super_states}; "
                    "simplify the grammar or raise it"
                )
                raise LimitError(msg, limit="super_states", needed=4 * arena.states.shape[0])
            if what in {"nodes", "edges"} and 2 * arena.nodes.shape[0] > self.limits.stack_nodes:
                msg = (
                    f"the stacks need more than Limits.stack_nodes = {self.limits.stack_nodes} nodes; "
                    "simplify the grammar or raise it"
                )
                raise LimitError(msg, limit="stack_nodes", needed=2 * arena.nodes.shape[0])
            self._emitter.arena = with_room(arena, what)
        else:
            width = 4 * arena.work.shape[0]
            if arena.work.shape[0] >= self.limits.configurations:
                msg = (
                    f"the grammar is ambiguous in more than Limits.configurations = "
                    f"{self.limits.configurations} ways at one place, or a rule calls itself without "
                    "consuming anything; rewrite that rule or raise the limit"
                )
                raise LimitError(msg, limit="configurations", needed=width)
            self._emitter.arena = with_scratch(arena, width)

    def _start(self) -> int:
        def begin(address: layout.I64) -> int:
            bottom = self.kernels.push(address, END_PC, layout.NO_COUNT, 0)
            if bottom < 0:
                return int(bottom)
            self.arena.work[0] = (self._emitter.start_pc << 32) | bottom
            return int(self.kernels.close(address, 1))

        return self.call(begin)

    def step_bytes(self, state: int, data: bytes) -> int:
        """Super-state after `data`, or DEAD."""
        view = np.frombuffer(data, np.uint8)
        return self.call(self.kernels.advance, state, view, 0, len(data))

    def step_failing(self, state: int, byte: int, failed: Iterable[int]) -> int:
        """Super-state after `byte` when these checks fail, or DEAD. Not remembered."""
        with self.lock:
            failing = list(failed)

            def run(address: layout.I64) -> int:
                arena = self.arena
                arena.failed[failing] = 1
                try:
                    return int(self.kernels.step_anew(address, state, byte))
                finally:
                    arena.failed[failing] = 0

            return self.call(run)

    def step_token(self, state: int, token: int) -> int:
        """Super-state after a token edge with `token`, or DEAD."""
        found = [
            (pc + 1, node)
            for pc, node in self.configurations(state)
            if self.arena.code[pc, 0] == layout.TOKEN and token in self.token_sets[self.arena.code[pc, 1]]
        ]
        return self.close(found)

    def close(self, configurations: list[tuple[int, int]]) -> int:
        """Super-state of the closure of (pc, node) pairs; DEAD for none."""
        if not configurations:
            return layout.DEAD

        def run(address: layout.I64) -> int:
            arena = self.arena
            if len(configurations) > arena.work.shape[0] - 8:
                return layout.TOO_WIDE
            for i, (pc, node) in enumerate(configurations):
                arena.work[i] = (pc << 32) | node
            return int(self.kernels.close(address, len(configurations)))

        return self.call(run)

    def prepare(self, state: int, *, rules: int = 4) -> int:
        """Emit rules that runs from a super-state come to soon, so that masks and steps need not.

        Meant for the time in which a model computes; everything is right without it.

        Args:
            state: where the next token will be read.
            rules: emit at most so many.

        Returns:
            How many were emitted.

        Raises:
            LimitError: the program is over its budget. An automaton that is over its own is left alone.
        """
        emitter = self._emitter
        if isinstance(emitter, Dormant) or not emitter.n_pending:
            return 0
        with self.lock:
            starts: dict[int, None] = {}
            for pc, node in self.configurations(state):
                starts[pc] = None
                first, count = self.arena.nodes[node, :2].tolist()
                for ret in self.arena.edges[first : first + count, 0].tolist():
                    starts[ret] = None
            for done in range(rules):
                number = emitter.ahead(list(starts), _LOOK, self._too_large)
                if number is None:
                    return done
                try:
                    emitter.emit_lazy(number)
                except LimitError as error:
                    if error.limit != "leaf_states":
                        raise
                    self._too_large.add(
                        number
                    )  # perhaps no text ever comes there; the mask that does will say so
            return rules

    def subset(self, configurations: list[tuple[int, int]]) -> int:
        """Super-state of exactly these configurations, which are closed already (part of a super-state)."""

        def run(address: layout.I64) -> int:
            arena = self.arena
            for i, (pc, node) in enumerate(configurations):
                arena.found[i] = (pc << 32) | node
            return int(self.kernels.intern_state(address, len(configurations)))

        return self.call(run)

    # --- distances

    def prepare_distances(self, trie_nodes: layout.I32) -> None:
        """Emit every rule and compute how far each instruction is from its rule's end, in tokens.

        Args:
            trie_nodes: int32[N, 4], `vocab.Trie.nodes`.
        """
        with self.lock:
            if self.arena.head[layout.HAS_DISTANCE]:
                return
            emitter = self.awake()
            while pending := emitter.pending:
                for number in pending:
                    emitter.emit_lazy(number)
            byte, following = emitter.spine()
            arena = self.arena
            n = self.size
            distance = np.full(arena.code.shape[0], layout.FAR, np.int32)
            arena.pc_distance[:] = layout.FAR
            more = True
            while more:
                emitter.records.measure(arena)
                while self.kernels.relax_distances(
                    arena.code, byte, following, distance, trie_nodes, arena.records, n
                ):
                    pass
                arena.pc_distance[:n] = distance[:n]
                more = emitter.records.measure(arena)
            arena.head[layout.HAS_DISTANCE] = 1
            self.kernels.refresh_distances(arena.address)
            self.generation += 1

    # --- dropping

    def register(self, cursor: Cursor) -> None:
        """Keep `cursor` valid across drops for as long as it lives."""
        with self.lock:
            self._cursors.add(cursor)

    def relieve(self) -> None:
        """Drop all super-states if their number passed the budget; live cursors are moved over."""
        if self.n_states <= self.limits.super_states:
            return
        with self.lock:
            if self.n_states <= self.limits.super_states:
                return
            try:
                emitter = self.awake()
            except StartedAnewError:
                return  # all were dropped, and all cursors moved
            cursors = list(self._cursors)
            kept = [[self._export(s) for s in cursor._positions()] for cursor in cursors]  # noqa: SLF001
            emitter.arena = emptied(emitter.arena, self.limits)
            emitter.forget_records()
            self.epoch += 1
            self.generation += 1
            self.start = self._start()
            for cursor, portable in zip(cursors, kept, strict=True):
                cursor._moved([self._import(p) for p in portable])  # noqa: SLF001

    def _export(self, state: int) -> Portable:
        arena = self.arena
        configs = self.configurations(state)
        reachable: set[int] = set()
        stack = [node for _, node in configs]
        edges_of: dict[int, list[list[int]]] = {}
        while stack:
            node = stack.pop()
            if node in reachable or node == 0:
                continue
            reachable.add(node)
            first, count = arena.nodes[node, :2].tolist()
            edges_of[node] = arena.edges[first : first + count].tolist()
            stack.extend(edge[3] for edge in edges_of[node])
        order = sorted(reachable)  # parents are older than children
        place = {0: 0} | {node: i + 1 for i, node in enumerate(order)}
        value = self.awake().records.value
        nodes = tuple(
            tuple((e[0], e[1], value(e[2]) if e[2] else None, place[e[3]]) for e in edges_of[node])
            for node in order
        )
        return nodes, tuple((pc, place[node]) for pc, node in configs)

    def _import(self, portable: Portable) -> int:
        nodes, configs = portable
        made = [0]
        for portable_edges in nodes:
            edges = [self._import_edge(edge, made) for edge in portable_edges]
            edges.sort()

            def run(address: layout.I64, edges: list[tuple[int, int, int, int]] = edges) -> int:
                arena = self.arena
                top = int(arena.head[layout.N_EDGES])
                if top + len(edges) > arena.edges.shape[0]:
                    arena.head[layout.NEED] = 1
                    return layout.GROW
                arena.edges[top : top + len(edges)] = edges
                return int(self.kernels.intern_node(address, len(edges)))

            made.append(self.call(run))
        return self.subset([(pc, made[node]) for pc, node in configs])

    def _import_edge(self, edge: _PortableEdge, made: list[int]) -> tuple[int, int, int, int]:
        ret, count, value, parent = edge
        record = 0
        if value is not None:
            emitter = self.awake()
            emitter.arena, record = emitter.records.intern(emitter.arena, value)
        return ret, count, record, made[parent]


def memory(machine: Machine) -> int:
    """Bytes held by a machine's arrays."""
    return sum(array.nbytes for array in machine.arena if isinstance(array, np.ndarray))
