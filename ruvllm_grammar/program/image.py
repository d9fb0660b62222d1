"""What a machine knows, as arrays: to be kept, and to go on from in another process without reading the source.

Problem. A program grows while it runs: rules are emitted when entered, records numbered when met, and both by Python
objects (expressions, frames, tests) that cannot be kept in a file. But most of what a kept grammar is asked needs none
of them: transitions, rows and leaves that were known before.

Idea. An image holds the *arrays* (program, stacks, super-states, transitions) and the *log*: which lazy rule was
emitted, which record filled, in what order. A machine made from an image runs on the arrays, its emitter *dormant*.
Only when a kernel asks for a rule or a record that the image lacks, or a check asks its test, the source is read and
the log *replayed* on an emitter of its own: emission is deterministic, so that yields the same program again, address
for address, and with it the objects. Leaf automata, the expensive part of emission, are taken from the arrays.

Equal addresses are not taken on trust: the program, the leaves and records, and the names of what is still lazy are
compared. If they differ, nothing of the image is used any more: the machine starts anew on the fresh program and every
live cursor walks its past again (`Machine.awake`). The same holds for a log that cannot be replayed.

Example. The image of `{"a": ` read so far may say: 217 instructions, log (0, 2, 1). Asked for lazy rule 3, the machine
reads the schema, emits the start and lazy rules 0, 2 and 1, finds 217 equal instructions, and emits rule 3 behind them.

Transitions. A walk looks at nearly every byte of a super-state and finds nearly all dead (250 known, 3 alive, over real
schemas). So a state is kept as one byte, what most of its entries are, and a list of the others: 3 kB where the
table has 140. Nor are all super-states worth keeping: most were passed by the walk of one mask, and clearing 1 kB for
each at loading costs more than making the few again that come up again (900 of them 2 ms, a new one 5 us). Kept are
those that somebody names as useful (rows are known there, tokens lead there), and a few.

Cost. Making a machine of an image copies what grows (mostly the pages of the transition table, 1 kB a super-state) and
leaves the rest where the file is mapped. Waking costs what reading and emitting cost the first time, less the leaves.

Lineage: objects that were never written, got back by replaying a log, are event sourcing; a program image beside the
source that explains it is what Lisp systems load.
"""

from __future__ import annotations

import hashlib
import json
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, overload

import numpy as np
import numpy.typing as npt

from ruvllm_grammar import ir
from ruvllm_grammar.automata import Dfa
from ruvllm_grammar.errors import CacheError, GrammarError, LimitError
from ruvllm_grammar.kernels import layout
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.program.arena import new_arena, roomy, slots, table_of
from ruvllm_grammar.program.emit import Emitter, LeafBlock

Array = npt.NDArray[Any]

#: So many super-states are kept at most: each costs 1 kB to make room for.
MOST_STATES: Final = 4096
#: Up to so many are kept whether they are useful or not.
ENOUGH_STATES: Final = 64

#: A row of the transition table by `usual`.
_USUAL: Final = np.array([[layout.UNKNOWN], [layout.DEAD]], np.int32)
_NUMBERS: Final = ("start", "start_pc", "size", "nodes", "edges", "configs", "states", "has_distance")


class StaleImageError(CacheError):
    """A program emitted anew is not the one of the image."""


@dataclass(frozen=True, slots=True)
class Image:
    """A machine's knowledge.

    Attributes:
        arrays: by name. `numbers` int64[8] (`_NUMBERS`), `log` int32[n] (a lazy rule, or -1 - r for record r),
            `leaves` int32[m, 4] = (base, instructions, classes, counted), `usual` uint8[S] (1: most entries of the
            state are DEAD; 0: UNKNOWN), `at` int32[k] ascending and `to` int32[k]: entries `at` of the flat
            transition table that are not as usual; the rest as in `layout.Arena`, cut to what is used.
        names: what is no array, as a JSON document: `lazy`, `marks`, `checks`, `token_sets`.
        kept: int32[S], ascending: the super-states' numbers in the machine it was taken from; empty on the way back.
    """

    arrays: Mapping[str, Array]
    names: bytes
    kept: layout.I32 = field(default_factory=lambda: np.empty(0, np.int32))

    def number(self, name: str) -> int:
        """One of `numbers`."""
        return int(self.arrays["numbers"][_NUMBERS.index(name)])


def taken(emitter: Emitter | Dormant, start: int, useful: Iterable[int]) -> Image:
    """The image of a machine that has not dropped any super-states; it may go on running.

    Args:
        emitter: the machine's.
        start: its first super-state.
        useful: super-states to keep. Others are kept while there are few, the oldest first.
    """
    arena = emitter.arena
    kept = _kept(int(arena.head[layout.N_STATES]), start, useful)
    n = len(kept)
    number = np.full(int(arena.head[layout.N_STATES]) + 1, layout.UNKNOWN, np.int32)
    number[layout.DEAD] = layout.DEAD  # the last entry
    number[kept] = np.arange(n, dtype=np.int32)
    states = arena.states[kept]
    first, count = states[:, 0].copy(), states[:, 1]
    states[:, 0] = np.cumsum(count) - count
    configs = arena.configs[np.repeat(first - states[:, 0], count) + np.arange(int(count.sum()))]
    nodes = arena.nodes[: int(configs[:, 1].max(initial=0)) + 1]  # parents are older than children
    edges = arena.edges[: int((nodes[:, 0] + nodes[:, 1]).max(initial=0))]
    table = arena.table[kept]
    usual, at, to = _sparse(np.where(table == layout.UNKNOWN, table, number[table]))
    has_distance = int(arena.head[layout.HAS_DISTANCE])
    counts = (len(nodes), len(edges), len(configs), n)
    leaves = _leaf_rows(emitter)
    n_records, n_filled = emitter.record_sizes
    numbers = (int(number[start]), emitter.start_pc, emitter.size, *counts, has_distance)
    arrays = {
        "numbers": np.array(numbers, np.int64),
        "log": np.array(emitter.log, np.int32),
        "leaves": leaves,
        "code": arena.code[: emitter.size],
        "leaf_next": arena.leaf_next[: emitter.leaf_next_size],
        "leaf_class": arena.leaf_class[: len(leaves)],
        "pc_distance": arena.pc_distance[: emitter.size if has_distance else 0],
        "nodes": nodes,
        "edges": edges,
        "configs": configs,
        "states": states,
        "usual": usual,
        "at": at,
        "to": to,
        "records": arena.records[:n_records],
        "record_next": arena.record_next[:n_filled],
    }
    return Image({name: np.array(array) for name, array in arrays.items()}, _names(emitter), kept)


def _kept(states: int, start: int, useful: Iterable[int]) -> layout.I32:
    """Numbers of super-states to keep, ascending."""
    wanted = sorted({start, *useful})[:MOST_STATES]
    if len(wanted) < ENOUGH_STATES:
        rest = set(range(min(states, ENOUGH_STATES))).difference(wanted)
        wanted = sorted([*wanted, *sorted(rest)[: ENOUGH_STATES - len(wanted)]])
    return np.array(wanted, np.int32)


def _leaf_rows(emitter: Emitter | Dormant) -> Array:
    if isinstance(emitter, Dormant):
        return emitter.image.arrays["leaves"]
    rows = [(one.base, one.dfa.n_states - 1, one.dfa.n_classes, int(one.counted)) for one in emitter.leaves]
    return np.array(rows, np.int32).reshape(-1, 4)


def _sparse(table: layout.I32) -> tuple[layout.U8, layout.I32, layout.I32]:
    """`usual`, `at` and `to` of a transition table."""
    usual = (table == layout.DEAD).sum(axis=1) > (table == layout.UNKNOWN).sum(axis=1)
    default = np.where(usual, layout.DEAD, layout.UNKNOWN)
    at = np.flatnonzero(table != default[:, None])
    return usual.astype(np.uint8), at.astype(np.int32), table.ravel()[at].astype(np.int32)


def _names(emitter: Emitter | Dormant) -> bytes:
    if isinstance(emitter, Dormant):
        return emitter.image.names
    found = {
        "lazy": [label(target) for target in emitter.lazy],
        "marks": emitter.marks,
        "checks": [(one.kind, one.name, one.pointer, one.test is not None) for one in emitter.checks],
        "token_sets": [sorted(ids) for ids in emitter.token_sets],
    }
    return json.dumps(found, separators=(",", ":")).encode()


def label(target: object) -> str:
    """What identifies a lazy rule or leaf: its name, or a digest of what it matches."""
    if isinstance(target, str):
        return "$" + target
    text = ir.show(target) if isinstance(target, ir.Expr) else "one character as JSON spells it"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


# --- the way back


def arena_of(image: Image, limits: Limits, n_checks: int) -> layout.Arena:
    """A running arena with an image's contents; what only grows by replacement stays where the image has it."""
    from ruvllm_grammar.kernels import structure

    arrays = image.arrays
    n = image.number("states")
    code = roomy(arrays["code"], "code")
    distance = np.zeros(len(code), np.int32)
    distance[: len(arrays["pc_distance"])] = arrays["pc_distance"]
    nodes, states = roomy(arrays["nodes"], "nodes"), roomy(arrays["states"], "states")
    table = table_of(len(states))
    table[:n] = _USUAL[arrays["usual"]]
    table.ravel()[arrays["at"]] = arrays["to"]
    arena = new_arena(
        limits,
        code=code,
        leaf_next=arrays["leaf_next"],
        leaf_class=arrays["leaf_class"],
        pc_distance=distance,
        nodes=nodes,
        edges=roomy(arrays["edges"], "edges"),
        node_hash=slots(len(nodes)),
        configs=roomy(arrays["configs"], "configs"),
        states=states,
        state_hash=slots(len(states)),
        table=table,
        failed=np.zeros(max(8, 2 * n_checks), np.uint8),
        records=roomy(arrays["records"], "records"),
        record_next=roomy(arrays["record_next"], "record_next"),
    )
    head = arena.head
    head[layout.N_NODES] = image.number("nodes")
    head[layout.N_EDGES] = image.number("edges")
    head[layout.N_CONFIGS] = image.number("configs")
    head[layout.N_STATES] = n
    head[layout.HAS_DISTANCE] = image.number("has_distance")
    structure.rehash(arena.address)
    return arena


class Dormant:
    """An emitter whose source has not been read: what it emitted before is at hand, nothing else.

    Args:
        image: of the machine.
        limits: budgets.
        awake: gives the emitter that can do more, a bound method; called by tests of values.

    Attributes:
        arena, size, start_pc, leaves, token_sets, checks, log, leaf_next_size, record_sizes: as of an `Emitter`.
    """

    def __init__(self, image: Image, limits: Limits, awake: Callable[[], Emitter]) -> None:
        self.image = image
        names = json.loads(image.names)
        self.arena = arena_of(image, limits, len(names["checks"]))
        self.size = image.number("size")
        self.start_pc = image.number("start_pc")
        self.leaves: Sequence[LeafBlock] = _Leaves(image)
        self.token_sets = [frozenset(ids) for ids in names["token_sets"]]
        self.log: list[int] = image.arrays["log"].tolist()
        self.leaf_next_size = len(image.arrays["leaf_next"])
        self.record_sizes = (len(image.arrays["records"]), len(image.arrays["record_next"]))
        self.checks = [
            ir.Check(kind, name, pointer, _asleep(awake, number) if tested else None)
            for number, (kind, name, pointer, tested) in enumerate(names["checks"])
        ]

    def replayed(self, grammar: ir.Grammar, limits: Limits) -> Emitter:
        """An emitter that has emitted the same program from the source, on this arena.

        Raises:
            StaleImageError: the source yields another program.
        """
        image = self.image
        emitter = Emitter(grammar, limits, new_arena(limits), placed=iter(self.leaves))
        try:
            for event in self.log:
                if event >= len(emitter.lazy) or -1 - event >= len(emitter.records):
                    raise StaleImageError("the log names what is not there")
                if event >= 0:
                    emitter.emit_lazy(event)
                else:
                    emitter.fill_record(-1 - event)
        except (GrammarError, LimitError) as error:
            raise StaleImageError(f"the log cannot be replayed: {error}") from error
        _compare(emitter, image)
        emitter.adopt(self.arena, with_distance=bool(image.number("has_distance")))
        return emitter


def _asleep(awake: Callable[[], Emitter], number: int) -> Callable[[Any], bool]:
    """The test of a check that needs the source. Does not keep the machine: its large arrays must go when it goes."""
    reference = weakref.WeakMethod(awake)

    def test(value: Any) -> bool:
        alive = reference()
        if alive is None:  # not reached: who asks holds the machine
            raise CacheError("a check was asked after its grammar was gone")
        found = alive().checks[number].test
        return found is None or bool(found(value))

    return test


def _compare(emitter: Emitter, image: Image) -> None:
    arrays, arena = image.arrays, emitter.arena
    n_records, n_filled = emitter.record_sizes
    same = (
        np.array_equal(arena.code[: emitter.size], arrays["code"])
        and np.array_equal(arena.leaf_next[: emitter.leaf_next_size], arrays["leaf_next"])
        and np.array_equal(arena.leaf_class[: len(emitter.leaves)], arrays["leaf_class"])
        and np.array_equal(arena.records[:n_records, :2], arrays["records"][:, :2])
        and np.array_equal(arena.record_next[:n_filled], arrays["record_next"])
        and _names(emitter) == image.names
    )
    if not same:
        raise StaleImageError("the source yields another program")


class _Leaves(Sequence[LeafBlock]):
    """The leaves of an image, each made when asked for."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._made: dict[int, LeafBlock] = {}

    def __len__(self) -> int:
        return len(self._image.arrays["leaves"])

    @overload
    def __getitem__(self, number: int) -> LeafBlock: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[LeafBlock]: ...
    def __getitem__(self, number: int | slice) -> LeafBlock | Sequence[LeafBlock]:
        if isinstance(number, slice):
            return [self[i] for i in range(*number.indices(len(self)))]
        if not 0 <= number < len(self):
            raise IndexError(number)
        found = self._made.get(number)
        if found is None:
            found = self._made[number] = self._block(number)
        return found

    def _block(self, number: int) -> LeafBlock:
        arrays = self._image.arrays
        base, states, classes, counted = arrays["leaves"][number].tolist()
        code = arrays["code"][base : base + states]
        first = int(code[0, 1])
        rows = arrays["leaf_next"][first : first + states * classes].reshape(states, classes)
        transitions = np.zeros((states + 1, classes), np.int32)
        np.add(rows, 1 - base, out=transitions[1:], where=rows >= 0)
        accepting = np.zeros(states + 1, np.bool_)
        accepting[1:] = code[:, 0] != layout.LEAF
        dfa = Dfa(arrays["leaf_class"][number], transitions, accepting)
        return LeafBlock.of(dfa, base, counted=bool(counted))
