"""Making, enlarging and emptying the arrays of one grammar's run (`kernels.layout.Arena`).

Capacities suit most grammars (median 120 super-states, one in ten has more than 1,024) and grow when a kernel asks. Not
often, because a growth is a hundred microseconds in the middle of a mask. The table of transitions, 1 kB a super-state,
starts largest: untouched memory costs nothing, while copying it at every doubling cost 3.4 us a super-state, twenty
times what making one costs. It stays below 4 MB, from where on numpy asks for pages of 2 MB: clearing one is a pause.
"""

from __future__ import annotations

import mmap
import weakref
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from ruvllm_grammar.kernels import layout
from ruvllm_grammar.kernels.layout import Arena
from ruvllm_grammar.limits import Limits

_START = {
    "code": 512,
    "leaf_next": 1024,
    "leaf_class": 8,
    "nodes": 1024,
    "edges": 2048,
    "configs": 8192,
    "states": 3072,
    "records": 1,
    "record_next": 64,
}
_START_WIDTH = 512
_UNION_CACHE = 1024
_NO_POINTERS = np.zeros(0, np.int64)

#: How arrays begin; `head` and the scratch arrays apart.
_FRESH: dict[str, Callable[[], np.ndarray]] = {
    "code": lambda: np.zeros((_START["code"], 4), np.int32),
    "leaf_next": lambda: np.zeros(_START["leaf_next"], np.int32),
    "leaf_class": lambda: np.zeros((_START["leaf_class"], 256), np.uint8),
    "pc_distance": lambda: np.zeros(_START["code"], np.int32),
    "nodes": lambda: np.zeros((_START["nodes"], 3), np.int32),
    "edges": lambda: np.empty((_START["edges"], 4), np.int32),
    "node_hash": lambda: slots(_START["nodes"]),
    "unions": lambda: np.full((_UNION_CACHE, 3), -1, np.int32),
    "configs": lambda: np.empty((_START["configs"], 2), np.int32),
    "states": lambda: np.empty((_START["states"], 4), np.int32),
    "state_hash": lambda: slots(_START["states"]),
    "table": lambda: table_of(_START["states"]),
    "failed": lambda: np.zeros(8, np.uint8),
    "records": lambda: np.zeros((_START["records"], 3), np.int32),
    "record_next": lambda: np.zeros(_START["record_next"], np.int32),
}


def replaced(arena: Arena, **arrays: np.ndarray) -> Arena:
    """The same arena with other arrays in some places; the only way to make one from another."""
    from ruvllm_grammar.kernels.structure import ADDRESSES

    changed = arena._replace(**arrays)  # type: ignore[arg-type]  # the one field that is no array is not given
    words = list(ADDRESSES)
    for array in changed[:-2]:
        words += (_address(array), array.shape[0])
    pointers = np.array(words, np.int64)
    return changed._replace(pointers=pointers, address=_address(pointers))


def _address(array: np.ndarray) -> int:
    found: int = array.__array_interface__["data"][0]
    return found


def new_arena(limits: Limits, **given: np.ndarray) -> Arena:
    """Empty arrays: no code, the bottom stack node, no super-state; but for those that are given."""
    head = np.zeros(16, np.int64)
    head[layout.N_NODES] = 1
    head[layout.MAX_STATES] = limits.super_states
    head[layout.MAX_NODES] = limits.stack_nodes
    arrays: dict[str, Any] = {name: make() for name, make in _FRESH.items() if name not in given}
    arrays |= given | _scratch(_START_WIDTH)
    return replaced(Arena(head=head, pointers=_NO_POINTERS, address=0, **arrays))


_SPARE: Final[list[mmap.mmap]] = []  # of tables of the first size that nobody uses any more
_SPARES: Final = 4


def table_of(rows: int) -> layout.I32:
    """Room for transitions, not initialised, in pages of its own.

    From the heap, tables of grammars long dropped stayed with the process: 70 MB after 500 schemas. New pages cost half
    a microsecond for each super-state when they are touched, so a few tables of the first size are used again.
    """
    size = rows * 256 * 4
    try:
        pages = _SPARE.pop() if rows == _START["states"] else mmap.mmap(-1, size)
    except IndexError:
        pages = mmap.mmap(-1, size)
    whole = np.frombuffer(pages, np.int32)
    if rows == _START["states"]:
        # Views of the table keep `whole` alive, so nobody can see it being used again.
        weakref.finalize(whole, _spared, pages).atexit = False
    return whole.reshape(rows, 256)


def _spared(pages: mmap.mmap) -> None:
    if len(_SPARE) < _SPARES:
        _SPARE.append(pages)


def slots(entries: int) -> layout.I32:
    """An empty hash table that is at most half full: kernels ask for a larger one at `2 n >= slots - 1`."""
    return np.full(1 << (2 * entries + 1).bit_length(), -1, np.int32)


def _scratch(width: int) -> dict[str, layout.I64]:
    return {
        "work": np.zeros(width, np.int64),
        "found": np.zeros(width, np.int64),
        "used": np.zeros(width, np.int64),
        "seen": np.zeros(2 * width, np.int64),
    }


def enlarged(array: np.ndarray, rows: int) -> np.ndarray:
    """A copy of at least `rows` rows (the next doubling), new rows zero."""
    size = max(array.shape[0], 1)
    while size < rows:
        size *= 2
    out = np.zeros((size, *array.shape[1:]), array.dtype)
    out[: array.shape[0]] = array
    return out


def roomy(array: np.ndarray, name: str) -> np.ndarray:
    """A writable array that begins with the rows of `array` and leaves a quarter of their number free, or more.

    Args:
        array: any contents of the arena's array `name`.
        name: which says how large it is at least.
    """
    size = _START[name]
    while size < len(array) + len(array) // 4:
        size *= 2
    out = np.zeros((size, *array.shape[1:]), array.dtype)
    out[: len(array)] = array
    return out


def with_scratch(arena: Arena, width: int) -> Arena:
    """The same arena with wider scratch arrays."""
    scratch = _scratch(width)
    return replaced(
        arena, work=scratch["work"], found=scratch["found"], used=scratch["used"], seen=scratch["seen"]
    )


def with_room(arena: Arena, what: str) -> Arena:
    """The same arena with the pool `what` (a name of `layout.GROWN`) grown, hash tables included."""
    from ruvllm_grammar.kernels import structure

    if what == "states":
        size = 4 * arena.states.shape[0]
        table = table_of(size)
        used = int(arena.head[layout.N_STATES])
        table[:used] = arena.table[:used]
        arena = replaced(
            arena,
            states=enlarged(arena.states, size),
            table=table,
            state_hash=slots(size),
        )
        structure.rehash(arena.address)
    elif what == "nodes":
        size = 2 * arena.nodes.shape[0]
        arena = replaced(arena, nodes=enlarged(arena.nodes, size), node_hash=slots(size))
        structure.rehash(arena.address)
    elif what == "edges":
        arena = replaced(arena, edges=enlarged(arena.edges, 2 * arena.edges.shape[0]))
    else:
        arena = replaced(arena, configs=enlarged(arena.configs, 2 * arena.configs.shape[0]))
    return arena


def emptied(arena: Arena, limits: Limits) -> Arena:
    """A fresh arena with the same program: super-states and stacks dropped, capacities back to the start."""
    fresh = new_arena(limits)
    fresh.head[layout.HAS_DISTANCE] = arena.head[layout.HAS_DISTANCE]
    return replaced(
        fresh,
        code=arena.code,
        leaf_next=arena.leaf_next,
        leaf_class=arena.leaf_class,
        pc_distance=arena.pc_distance,
        work=arena.work,
        found=arena.found,
        used=arena.used,
        seen=arena.seen,
        failed=arena.failed,
        records=arena.records,
        record_next=arena.record_next,
    )
