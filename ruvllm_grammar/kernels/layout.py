"""The arrays that kernels work on, and the numbers both sides agree on. Plain numpy: importing this is cheap.

A grammar's run-time state is one `Arena`: a named tuple of arrays that only kernels write to, except that
Python appends instructions, patches lazy rules and replaces an array by a larger copy when a kernel asks
for room.

Named letters of shapes: `P` instructions, `L` leaf table entries, `M` class maps, `K` stack nodes, `E`
stack edges, `S` super-states, `C` pooled configurations, `H*` hash slots (powers of two), `X` scratch
width, `N` trie nodes, `W = ceil(V / 32)` words of a row, `R` records.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]

# Instructions: code[pc] = (op, a, b, c).
FAIL: Final = 0  #: no continuation
BYTE: Final = 1  #: a = byte; next pc + 1
LEAF: Final = 2  #: a = offset of the state's row in leaf_next, b = class map, c = leaf number
LEAF_END: Final = 3  #: as LEAF, in an accepting state: may also return
JUMP: Final = 4  #: a = target
SPLIT: Final = 5  #: a, b = targets
CALL: Final = 6  #: a = target; returns to pc + 1
RETURN: Final = 7  #: pops a stack edge
END: Final = 8  #: the document is complete
LAZY: Final = 9  #: a = number of a rule that Python must emit first
COUNT: Final = 10  #: a = body, b = low, c = high or -1; next pc + 1
TOKEN: Final = 11  #: a = number of a token set; next pc + 1
MARK: Final = 12  #: a = mark number, b = 1 opens, 0 closes; next pc + 1
CHECK: Final = 13  #: a = number of a check; next pc + 1 unless `failed`; leaves a trace in the super-state
FRAME: Final = 14  #: a = body, b = its first record; returns to pc + 1
STEP: Final = 15  #: a = symbol: the record atop the stack moves, or the run ends; next pc + 1
PICK: Final = 16  #: SPLIT whose ways records open and close; c = where all of them lead

# Results below zero.
DEAD: Final = -1  #: no continuation
UNKNOWN: Final = -2  #: not computed yet (transition table only)
NEED_RULE: Final = -3  #: head[NEED] is a lazy rule; emit it and call again
GROW: Final = -4  #: head[NEED] names the full array (an index of GROWN); enlarge it and call again
NEED_RECORD: Final = -6  #: head[NEED] is a record whose steps are not known; fill them in and call again
TOO_WIDE: Final = -5  #: more configurations than the scratch arrays hold; enlarge them and call again

NEED_FRAME: Final = (
    -7
)  #: result[NEEDED] is an instruction whose leaf state has no frame; make it and call again
NEED_ROOM: Final = -8  #: `Desk.out` is full; enlarge it and call again

#: Address of a RETURN in every program.
RETURN_PC: Final = 1
#: Entry of `count` edges that are plain calls.
NO_COUNT: Final = -1
#: Distance of what cannot finish, or is not known.
FAR: Final = 1 << 29

# Counters in head.
N_NODES: Final = 0
N_EDGES: Final = 1
N_CONFIGS: Final = 2
N_STATES: Final = 3
NEED: Final = 4
MAX_STATES: Final = 5  #: budget of super-states
MAX_NODES: Final = 6  #: budget of stack nodes
HAS_DISTANCE: Final = 7  #: 1 when pc_distance is valid
MET: Final = 8  #: set to 1 by walks that met a super-state with a check's trace
AT: Final = 9  #: where `advance_to_check` stopped: index of the byte that crossed a check, or the end
BEFORE: Final = 10  #: super-state before that byte

# Kernels that are called through their address (`jit.apart`), by slot.
INTERN_NODE: Final = 0
UNITE: Final = 1
CLOSE: Final = 2
STEP_TO: Final = 3
APART: Final = (INTERN_NODE, UNITE, CLOSE, STEP_TO)

#: Names of arrays a kernel may ask to enlarge, by number.
GROWN: Final = ("nodes", "edges", "configs", "states")


# Results of `gather` in Desk.result.
PICKED: Final = 0  #: frames used
FARTHEST: Final = 1  #: a bound on the distance after any listed token
KEY: Final = 2  #: two words: a hash of what was listed, whatever its order
NEEDED: Final = 4  #: see NEED_FRAME
HAS_MET: Final = 5  #: head[MET]
FLAGS: Final = 6  #: of the super-state

# Columns of Desk.frames.
FIRST_EXIT: Final = 0  #: where the frame's exits begin in Desk.exits
EXITS: Final = 1  #: their number
LONGEST: Final = 2  #: most bytes that are missing to the leaf's end after a token that stays
WIDEST: Final = 3  #: counted frames: the largest need; -1 for others
HASH: Final = 4  #: two words: a hash of the tokens that stay


class Desk(NamedTuple):
    """What `gather` works with besides an arena: the vocabulary, the frames one grammar uses, and room to write.

    Attributes:
        trie: int32[N, 4], `vocab.Trie.nodes`.
        order: int32[M], `vocab.Trie.order`.
        roots: int32[256], node of each first byte, or -1.
        frame_of: int32[P], the row of `frames` of each instruction that is a leaf's state; -1 where it is not known.
        frames: int64[F, 6], see the columns above.
        exits: int32[E, 3] = (trie node, characters completed before, row of `fans` or -1): where tokens may leave a
            frame.
        masks: int64[E, 4], the first bytes of an exit's branches, as 256 bits.
        fans: int32[B, 256], node of each branch of an exit that has many, or -1.
        path: int32[max depth + 2], super-states along the current branch of a walk.
        spelled: int32[max depth + 2, 2] = (byte, trie node) of the literal that was followed last.
        out: int32[T], listed tokens from the front; from the back pairs (row of `frames`, characters allowed).
        result: int64[8], see PICKED and so on.
        words: int64[2 * 12], address and number of rows of every array above.
        address: address of `words`: what the kernel is handed.
    """

    trie: I32
    order: I32
    roots: I32
    frame_of: I32
    frames: I64
    exits: I32
    masks: I64
    fans: I32
    path: I32
    spelled: I32
    out: I32
    result: I64
    words: I64
    address: int


class Arena(NamedTuple):
    """Everything one grammar's kernels read and write.

    Attributes:
        head: int64[16], counters (the constants above).
        code: int32[P, 4], the program.
        leaf_next: int32[L], targets (program counters or -1) of leaf states by byte class.
        leaf_class: uint8[M, 256], byte to class.
        pc_distance: int32[P], fewest tokens from an instruction to its rule's return.
        nodes: int32[K, 3] = (first edge, number of edges, distance); node 0 is the bottom, without edges.
        edges: int32[E, 4] = (return pc, count or -1, record, parent node), sorted within a node. Record 0 is that
            of calls that have none.
        node_hash: int32[H1], node numbers or -1.
        unions: int32[H2, 3], recent (a, b, union) of nodes, a = -1 when empty.
        configs: int32[C, 2] = (pc, node), pooled.
        states: int32[S, 4] = (first configuration, number of configurations, flags, distance); flags bit 0
            accepting, bit 1 has token edges, bit 2 a check was crossed to come here.
        state_hash: int32[H3], super-state numbers or -1.
        table: int32[S, 256], next super-state by byte; DEAD or UNKNOWN.
        work: int64[X], stack of the closure.
        found: int64[X], its result: pc << 32 | node.
        used: int64[X], slots of `seen` to clear.
        seen: int64[2 X], visited configurations plus one; 0 empty.
        failed: uint8[checks], 1 for checks that fail during this call.
        records: int32[R, 3] = (offset of its steps in record_next or -1, number of steps, distance still owed).
        record_next: int32[N], record after each step; DEAD where it leads nowhere.
        pointers: int64[4 + 2 * 20], addresses of the kernels that are apart, then address and number of rows of every
            array above.
        address: address of `pointers`: what kernels are handed.
    """

    head: I64
    code: I32
    leaf_next: I32
    leaf_class: U8
    pc_distance: I32
    nodes: I32
    edges: I32
    node_hash: I32
    unions: I32
    configs: I32
    states: I32
    state_hash: I32
    table: I32
    work: I64
    found: I64
    used: I64
    seen: I64
    failed: U8
    records: I32
    record_next: I32
    pointers: I64
    address: int


ACCEPTING: Final = 1
HAS_TOKENS: Final = 2
CROSSED: Final = 4
