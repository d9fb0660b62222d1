"""The machine: lazily determinised runs of a byte program over graph-structured stacks.

Problem. A grammar's program (see `layout`) is nondeterministic and has calls. A *configuration* is a
program counter and a stack; a *super-state* is the interned set of configurations that one input can lead
to. `step` computes the super-state after one byte and remembers it in `table`, exactly as RE2's lazy DFA
does for regular programs, one level up: the machine becomes deterministic where it is visited and nowhere
else.

Stacks are graph-structured (Tomita 1986; Scott and Johnstone, GLL, 2010) and hash-consed: a node is an
interned sorted *set* of edges (return address, counter, record, parent), and two configurations with equal
program counter are merged by uniting their stacks. Without merging, `anyOf` of two array shapes over a
recursive reference has 3^n stacks after n brackets; with it, n nodes.

Example. After `{"a": [` under `{"properties": {"a": {"type": "array"}}}` the super-state holds, among
others, the configuration (start of a JSON string, node 7), node 7 = {(after the array's first item, -1, 0,
node 4)}, node 4 = {(after property a, -1, 0, node 1)}, node 1 = {(end of the document, -1, 0, 0)}.

Cost. A known transition is one array load. A new one is the closure: linear in the configurations it passes
through. Nothing is removed; Python drops a full arena as a whole.

Failure is a return value (`layout`): kernels never raise, and every one that returns NEED_RULE, GROW or
TOO_WIDE left only harmless extra interned nodes behind, so the caller fixes the cause and calls again.

All kernels that call one another live in this file, because numba's cache of a caller does not notice that
a callee in another file changed. Signatures are explicit: numba would otherwise compile one variant per
integer width.
"""

from __future__ import annotations

import numpy as np
from numba.core import types

from ruvllm_grammar.kernels.jit import kernel
from ruvllm_grammar.kernels.layout import (
    ACCEPTING,
    AT,
    BEFORE,
    BYTE,
    CALL,
    CHECK,
    COUNT,
    CROSSED,
    DEAD,
    END,
    FAR,
    FRAME,
    GROW,
    HAS_DISTANCE,
    HAS_TOKENS,
    JUMP,
    LAZY,
    LEAF,
    LEAF_END,
    MARK,
    MET,
    N_CONFIGS,
    N_EDGES,
    N_NODES,
    N_STATES,
    NEED,
    NEED_RECORD,
    NEED_RULE,
    PICK,
    RETURN,
    SPLIT,
    STEP,
    TOKEN,
    TOO_WIDE,
    UNKNOWN,
)
from ruvllm_grammar.kernels.views import (
    code_of,
    configs_of,
    edges_of,
    failed_of,
    found_of,
    head_of,
    leaf_class_of,
    leaf_next_of,
    node_hash_of,
    nodes_of,
    pc_distance_of,
    record_next_of,
    records_of,
    seen_of,
    state_hash_of,
    states_of,
    table_of,
    unions_of,
    used_of,
    work_of,
)

_i32 = types.int32
_i64 = types.int64
_u64 = types.uint64


def _array(dtype: types.Type, ndim: int, *, readonly: bool = False) -> types.Array:
    return types.Array(dtype, ndim, "C", readonly=readonly)


_I1 = _array(_i32, 1)
_I2 = _array(_i32, 2)
_L1 = _array(_i64, 1)
_B1 = _array(types.uint8, 1)
_B2 = _array(types.uint8, 2)
#: What kernels are handed for an arena: `Arena.address`.
ARENA = _array(_i64, 1, readonly=True)
_RI1 = _array(_i32, 1, readonly=True)
_RI2 = _array(_i32, 2, readonly=True)
_RL1 = _array(_i64, 1, readonly=True)
_RB1 = _array(types.uint8, 1, readonly=True)
_BOOLS = _array(types.boolean, 1, readonly=True)

_LOW = np.int64(0xFFFFFFFF)


@kernel(_u64(_u64, _i64))
def _mix(seed, value):
    """One round of a 64-bit multiplicative hash (constants of splitmix64, Steele et al. 2014)."""
    h = (seed ^ np.uint64(value)) * np.uint64(0xBF58476D1CE4E5B9)
    h ^= h >> np.uint64(29)
    h *= np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(32))


@kernel(_u64(_I2, _i64, _i64))
def _hash_edges(edges, first, count):
    h = np.uint64(count)
    for i in range(first, first + count):
        h = _mix(h, (np.int64(edges[i, 0]) << 32) ^ np.int64(edges[i, 3]))
        h = _mix(h, (np.int64(edges[i, 1]) << 32) ^ np.int64(edges[i, 2]))
    return h


@kernel(_i64(ARENA, _i64, _i64))
def _node_distance(g, first, count):
    """Fewest tokens to unwind a stack whose edges are `edges[first : first + count]`."""
    code = code_of(g)
    pc_distance = pc_distance_of(g)
    nodes = nodes_of(g)
    edges = edges_of(g)
    records = records_of(g)
    best = np.int64(FAR)
    for i in range(first, first + count):
        ret = np.int64(edges[i, 0])
        parent = np.int64(nodes[edges[i, 3], 2])
        done = np.int64(edges[i, 1])
        if done >= 0:
            after = np.int64(pc_distance[ret + 1])
            missing = np.int64(code[ret, 2]) - (done + 1)
            if missing > 0:
                after += missing * np.int64(pc_distance[code[ret, 1]])
        else:
            after = np.int64(pc_distance[ret])
        far = after + parent + np.int64(records[edges[i, 2], 2])
        if far < best:
            best = far
    return best


@kernel(_i64(ARENA, _i64))
def intern_node(g, count):
    """Number of the node whose `count` edges lie, tentatively, atop the edge pool; GROW when full."""
    head = head_of(g)
    nodes = nodes_of(g)
    edges = edges_of(g)
    node_hash = node_hash_of(g)
    first = head[N_EDGES]
    mask = np.int64(node_hash.shape[0] - 1)
    slot = np.int64(_hash_edges(edges, first, count) & np.uint64(mask))
    while True:
        node = np.int64(node_hash[slot])
        if node < 0:
            break
        if nodes[node, 1] == count:
            other = np.int64(nodes[node, 0])
            same = True
            for i in range(count):
                for k in range(4):
                    if edges[other + i, k] != edges[first + i, k]:
                        same = False
                        break
                if not same:
                    break
            if same:
                return node
        slot = (slot + 1) & mask
    node = head[N_NODES]
    if node >= nodes.shape[0] or 2 * node >= mask:
        head[NEED] = 0
        return np.int64(GROW)
    nodes[node, 0] = first
    nodes[node, 1] = count
    nodes[node, 2] = _node_distance(g, first, count) if head[HAS_DISTANCE] else 0
    node_hash[slot] = node
    head[N_NODES] = node + 1
    head[N_EDGES] = first + count
    return node


@kernel(_i64(ARENA, _i64, _i64, _i64, _i64))
def push_record(g, ret, count, record, parent):
    """The node {(ret, count, record, parent)}; GROW when a pool is full."""
    head = head_of(g)
    edges = edges_of(g)
    top = head[N_EDGES]
    if top >= edges.shape[0]:
        head[NEED] = 1
        return np.int64(GROW)
    edges[top, 0] = ret
    edges[top, 1] = count
    edges[top, 2] = record
    edges[top, 3] = parent
    return intern_node(g, np.int64(1))


@kernel(_i64(ARENA, _i64, _i64, _i64))
def push(g, ret, count, parent):
    """The node of one edge without a record; GROW when a pool is full."""
    return push_record(g, ret, count, np.int64(0), parent)


@kernel(_i64(ARENA, _i64, _i64))
def unite(g, a, b):
    """The node with the edges of both; edges that agree on all but the parent unite their parents."""
    head = head_of(g)
    nodes = nodes_of(g)
    edges = edges_of(g)
    unions = unions_of(g)
    if a == b:
        return a
    if a > b:
        a, b = b, a
    slot = (a * 31 + b) & np.int64(unions.shape[0] - 1)
    if unions[slot, 0] == a and unions[slot, 1] == b:
        return np.int64(unions[slot, 2])
    count_a = np.int64(nodes[a, 1])
    count_b = np.int64(nodes[b, 1])
    at_a = np.int64(nodes[a, 0])
    at_b = np.int64(nodes[b, 0])
    end_a = at_a + count_a
    end_b = at_b + count_b
    merged = np.empty((count_a + count_b, 4), np.int32)
    n = np.int64(0)
    while at_a < end_a or at_b < end_b:
        order = np.int64(0)
        if at_b >= end_b:
            order = np.int64(-1)
        elif at_a >= end_a:
            order = np.int64(1)
        else:
            for k in range(3):
                if edges[at_a, k] != edges[at_b, k]:
                    order = np.int64(-1) if edges[at_a, k] < edges[at_b, k] else np.int64(1)
                    break
        source = at_a if order <= 0 else at_b
        for k in range(4):
            merged[n, k] = edges[source, k]
        if order == 0:
            parent = unite(g, np.int64(edges[at_a, 3]), np.int64(edges[at_b, 3]))
            if parent < 0:
                return parent
            merged[n, 3] = parent
        if order <= 0:
            at_a += 1
        if order >= 0:
            at_b += 1
        n += 1
    top = head[N_EDGES]
    if top + n > edges.shape[0]:
        head[NEED] = 1
        return np.int64(GROW)
    for i in range(n):
        for k in range(4):
            edges[top + i, k] = merged[i, k]
    node = intern_node(g, n)
    if node >= 0:
        unions[slot, 0] = a
        unions[slot, 1] = b
        unions[slot, 2] = node
    return node


@kernel(_i64(ARENA, _i64, _i64))
def _stepped(g, node, symbol):
    """The node after a step of the records atop its edges; DEAD when none can take it, or a failure code."""
    head = head_of(g)
    nodes = nodes_of(g)
    edges = edges_of(g)
    records = records_of(g)
    record_next = record_next_of(g)
    result = np.int64(DEAD)
    first = np.int64(nodes[node, 0])
    for i in range(first, first + np.int64(nodes[node, 1])):
        record = np.int64(edges[i, 2])
        steps = np.int64(records[record, 0])
        if steps < 0:
            head[NEED] = record
            return np.int64(NEED_RECORD)
        following = np.int64(record_next[steps + symbol]) if symbol < records[record, 1] else np.int64(DEAD)
        if following < 0:
            continue
        one = push_record(g, np.int64(edges[i, 0]), np.int64(edges[i, 1]), following, np.int64(edges[i, 3]))
        if one < 0:
            return one
        result = one if result < 0 else unite(g, result, one)
        if result < 0:
            return result
    return result


@kernel(types.void(_L1, _i64))
def _sort(values, n):
    """Ascending, in place: insertion for the usual handful, heap sort beyond."""
    if n <= 24:
        for i in range(1, n):
            x = values[i]
            j = i - 1
            while j >= 0 and values[j] > x:
                values[j + 1] = values[j]
                j -= 1
            values[j + 1] = x
        return
    start = n // 2
    end = n
    while end > 1:
        if start > 0:
            start -= 1
        else:
            end -= 1
            x = values[end]
            values[end] = values[0]
            values[0] = x
        root = start
        while 2 * root + 1 < end:
            child = 2 * root + 1
            if child + 1 < end and values[child + 1] > values[child]:
                child += 1
            if values[root] >= values[child]:
                break
            x = values[root]
            values[root] = values[child]
            values[child] = x
            root = child


@kernel(_i64(ARENA, _i64))
def _closure(g, n):
    """Follow everything that consumes nothing from the `n` configurations in `work`.

    Returns the number of consuming configurations now in `found`, sorted by program counter, one per
    program counter; or a failure code.
    """
    head = head_of(g)
    code = code_of(g)
    nodes = nodes_of(g)
    edges = edges_of(g)
    work = work_of(g)
    found = found_of(g)
    used = used_of(g)
    seen = seen_of(g)
    failed = failed_of(g)
    width = np.int64(work.shape[0])
    room = width - 8
    mask = np.int64(seen.shape[0] - 1)
    emitted = np.int64(0)
    marked = np.int64(0)
    failure = np.int64(0)
    while n > 0:
        n -= 1
        key = work[n]
        pc = key >> 32
        node = key & _LOW
        slot = np.int64(_mix(np.uint64(pc), node) & np.uint64(mask))
        known = False
        while seen[slot] != 0:
            if seen[slot] == key + 1:
                known = True
                break
            slot = (slot + 1) & mask
        if known:
            continue
        if marked >= room or n >= room:
            failure = np.int64(TOO_WIDE)
            break
        seen[slot] = key + 1
        used[marked] = slot
        marked += 1
        op = code[pc, 0]
        if op == BYTE or op == LEAF or op == END or op == TOKEN:
            found[emitted] = key
            emitted += 1
        elif op == JUMP:
            work[n] = (np.int64(code[pc, 1]) << 32) | node
            n += 1
        elif op == SPLIT or op == PICK:
            work[n] = (np.int64(code[pc, 2]) << 32) | node
            work[n + 1] = (np.int64(code[pc, 1]) << 32) | node
            n += 2
        elif op == CALL:
            ret = pc + 1
            while code[ret, 0] == JUMP:
                ret = np.int64(code[ret, 1])
            target = np.int64(code[pc, 1])
            if code[ret, 0] != RETURN:  # a tail call pushes nothing
                node = push(g, ret, np.int64(-1), node)
                if node < 0:
                    failure = node
                    break
            work[n] = (target << 32) | node
            n += 1
        elif op == COUNT:
            if code[pc, 2] == 0:
                work[n] = ((pc + 1) << 32) | node
                n += 1
            if code[pc, 3] != 0:
                inner = push(g, pc, np.int64(0), node)
                if inner < 0:
                    failure = inner
                    break
                work[n] = (np.int64(code[pc, 1]) << 32) | inner
                n += 1
        elif op == MARK:
            work[n] = ((pc + 1) << 32) | node
            n += 1
        elif op == STEP:
            node = _stepped(g, node, np.int64(code[pc, 1]))
            if node >= 0:
                work[n] = ((pc + 1) << 32) | node
                n += 1
            elif node != DEAD:
                failure = node
                break
        elif op == FRAME:
            node = push_record(g, pc + 1, np.int64(-1), np.int64(code[pc, 2]), node)
            if node < 0:
                failure = node
                break
            work[n] = (np.int64(code[pc, 1]) << 32) | node
            n += 1
        elif op == CHECK:
            if failed[code[pc, 1]] == 0:
                found[emitted] = key
                emitted += 1
                work[n] = ((pc + 1) << 32) | node
                n += 1
        elif op == LAZY:
            head[NEED] = code[pc, 1]
            failure = np.int64(NEED_RULE)
            break
        if op == LEAF_END:
            found[emitted] = key
            emitted += 1
        if op == RETURN or op == LEAF_END:
            first = np.int64(nodes[node, 0])
            for i in range(first, first + np.int64(nodes[node, 1])):
                if n >= room:
                    failure = np.int64(TOO_WIDE)
                    break
                ret = np.int64(edges[i, 0])
                done = np.int64(edges[i, 1])
                parent = np.int64(edges[i, 3])
                if done < 0:
                    work[n] = (ret << 32) | parent
                    n += 1
                    continue
                done += 1
                low = np.int64(code[ret, 2])
                high = np.int64(code[ret, 3])
                if done >= low:
                    work[n] = ((ret + 1) << 32) | parent
                    n += 1
                if high < 0 or done < high:
                    again = push(g, ret, min(done, low) if high < 0 else done, parent)
                    if again < 0:
                        failure = again
                        break
                    work[n] = (np.int64(code[ret, 1]) << 32) | again
                    n += 1
            if failure < 0:
                break
    for i in range(marked):
        seen[used[i]] = 0
    if failure < 0:
        return failure
    _sort(found, emitted)
    kept = np.int64(0)
    for i in range(emitted):
        pc = found[i] >> 32
        node = found[i] & _LOW
        if kept > 0 and (found[kept - 1] >> 32) == pc:
            node = unite(g, found[kept - 1] & _LOW, node)
            if node < 0:
                return node
            found[kept - 1] = (pc << 32) | node
        else:
            found[kept] = found[i]
            kept += 1
    return kept


@kernel(_u64(_L1, _i64))
def _hash_found(found, n):
    h = np.uint64(n)
    for i in range(n):
        h = _mix(h, found[i])
    return h


@kernel(_i64(ARENA, _i64))
def _state_distance(g, state):
    """Fewest tokens from a super-state to acceptance, the end token not counted."""
    code = code_of(g)
    pc_distance = pc_distance_of(g)
    nodes = nodes_of(g)
    configs = configs_of(g)
    states = states_of(g)
    best = np.int64(FAR)
    first = np.int64(states[state, 0])
    for i in range(first, first + np.int64(states[state, 1])):
        pc = configs[i, 0]
        if code[pc, 0] == CHECK:
            continue  # a trace, not a way on
        far = np.int64(0)
        if code[pc, 0] != END:
            far = np.int64(pc_distance[pc]) + np.int64(nodes[configs[i, 1], 2])
        if far < best:
            best = far
    return best


@kernel(_i64(ARENA, _i64))
def intern_state(g, n):
    """Number of the super-state whose configurations are `found[:n]`; DEAD for none, GROW when full."""
    head = head_of(g)
    code = code_of(g)
    leaf_next = leaf_next_of(g)
    leaf_class = leaf_class_of(g)
    configs = configs_of(g)
    states = states_of(g)
    state_hash = state_hash_of(g)
    table = table_of(g)
    found = found_of(g)
    if n == 0:
        return np.int64(DEAD)
    mask = np.int64(state_hash.shape[0] - 1)
    slot = np.int64(_hash_found(found, n) & np.uint64(mask))
    while True:
        state = np.int64(state_hash[slot])
        if state < 0:
            break
        if states[state, 1] == n:
            first = np.int64(states[state, 0])
            same = True
            for i in range(n):
                key = found[i]
                if configs[first + i, 0] != (key >> 32) or configs[first + i, 1] != (key & _LOW):
                    same = False
                    break
            if same:
                return state
        slot = (slot + 1) & mask
    state = head[N_STATES]
    top = head[N_CONFIGS]
    if state >= table.shape[0] or 2 * state >= mask:
        head[NEED] = 3
        return np.int64(GROW)
    if top + n > configs.shape[0]:
        head[NEED] = 2
        return np.int64(GROW)
    flags = np.int64(0)
    row = table[state]
    for byte in range(256):
        row[byte] = DEAD
    for i in range(n):
        pc = found[i] >> 32
        configs[top + i, 0] = pc
        configs[top + i, 1] = found[i] & _LOW
        op = code[pc, 0]
        # Bytes that no configuration reads are dead at once: a walk tries all 256.
        if op == BYTE:
            row[code[pc, 1]] = UNKNOWN
        elif op == LEAF or op == LEAF_END:
            at = np.int64(code[pc, 1])
            classes = leaf_class[code[pc, 2]]
            for byte in range(256):
                if leaf_next[at + np.int64(classes[byte])] >= 0:
                    row[byte] = UNKNOWN
        elif op == END:
            flags |= ACCEPTING
        elif op == TOKEN:
            flags |= HAS_TOKENS
        elif op == CHECK:
            flags |= CROSSED
    states[state, 0] = top
    states[state, 1] = n
    states[state, 2] = flags
    head[N_CONFIGS] = top + n
    head[N_STATES] = state + 1
    states[state, 3] = _state_distance(g, state) if head[HAS_DISTANCE] else 0
    state_hash[slot] = state
    return state


@kernel(_i64(ARENA, _i64))
def close(g, n):
    """Super-state of the closure of the `n` configurations in `work`."""
    kept = _closure(g, n)
    if kept < 0:
        return kept
    return intern_state(g, kept)


@kernel(_i64(ARENA, _i64, _i64))
def step_anew(g, state, byte):
    """Super-state after `byte` with the checks as `failed` says, not remembered; DEAD or a failure code."""
    code = code_of(g)
    leaf_next = leaf_next_of(g)
    leaf_class = leaf_class_of(g)
    configs = configs_of(g)
    states = states_of(g)
    work = work_of(g)
    n = np.int64(0)
    first = np.int64(states[state, 0])
    for i in range(first, first + np.int64(states[state, 1])):
        pc = np.int64(configs[i, 0])
        op = code[pc, 0]
        target = np.int64(-1)
        if op == BYTE:
            if code[pc, 1] == byte:
                target = pc + 1
        elif op == LEAF or op == LEAF_END:
            target = np.int64(leaf_next[code[pc, 1] + np.int64(leaf_class[code[pc, 2], byte])])
        if target >= 0:
            if n >= work.shape[0] - 8:
                return np.int64(TOO_WIDE)
            work[n] = (target << 32) | np.int64(configs[i, 1])
            n += 1
    return close(g, n) if n > 0 else np.int64(DEAD)


@kernel(_i64(ARENA, _i64, _i64))
def step(g, state, byte):
    """Super-state after `byte` where checks pass, remembered in `table`; DEAD or a failure code."""
    table = table_of(g)
    result = step_anew(g, state, byte)
    if result >= DEAD:
        table[state, byte] = result
    return result


@kernel(_i64(ARENA, _i64, _RB1, _i64, _i64))
def advance(g, state, data, start, stop):
    """Super-state after `data[start:stop]`; DEAD or a failure code."""
    table = table_of(g)
    for i in range(start, stop):
        byte = np.int64(data[i])
        following = np.int64(table[state, byte])
        if following == UNKNOWN:
            following = step(g, state, byte)
        if following < 0:
            return following
        state = following
    return state


@kernel(_i64(ARENA, _i64, _RB1, _i64, _i64))
def advance_to_check(g, state, data, start, stop):
    """As `advance` where checks pass, up to the first byte that crosses one.

    head[AT] is that byte's index and head[BEFORE] the super-state before it; AT is `stop` when none was crossed.
    """
    head = head_of(g)
    states = states_of(g)
    table = table_of(g)
    for i in range(start, stop):
        byte = np.int64(data[i])
        following = np.int64(table[state, byte])
        if following == UNKNOWN:
            following = step(g, state, byte)
        if following < 0:
            return following
        if states[following, 2] & CROSSED:
            head[AT] = i
            head[BEFORE] = state
            return following
        state = following
    head[AT] = stop
    return state


@kernel(_i64(ARENA, _i64, _RI2, _RI1, _I1, _i64, _I1))
def walk(g, state, nodes, order, path, limit, row):
    """Set the bits of all tokens that may follow `state`, walking the vocabulary's trie.

    Args:
        nodes, order: the trie (`vocab.Trie`).
        path: int32[max depth + 2], super-states along the current branch.
        limit: only tokens after which the distance is at most `limit` are set.
        row: int32[W], bits are added.

    Returns:
        The largest distance among the super-states after legal tokens (0 when there are none), or a failure
        code.
    """
    head = head_of(g)
    states = states_of(g)
    table = table_of(g)
    total = nodes.shape[0]
    path[0] = state
    i = np.int64(0)
    farthest = np.int64(0)
    while i < total:
        depth = np.int64(nodes[i, 0] >> 8)
        byte = np.int64(nodes[i, 0] & 255)
        here = np.int64(path[depth])
        following = np.int64(table[here, byte])
        if following == UNKNOWN:
            following = step(g, here, byte)
            if following < DEAD:
                return following
        if following < 0:
            i = np.int64(nodes[i, 1])
            continue
        path[depth + 1] = following
        if states[following, 2] & CROSSED:
            head[MET] = 1
        if nodes[i, 2] < nodes[i, 3]:
            far = np.int64(states[following, 3])
            farthest = max(farthest, far)
            if far <= limit:
                for k in range(nodes[i, 2], nodes[i, 3]):
                    token = order[k]
                    row[token >> 5] |= np.int32(1) << (token & 31)
        i += 1
    return farthest


@kernel(_i64(ARENA, _i64, _RI2, _I1, _I1))
def crossings(g, state, nodes, path, out):
    """List the trie nodes at whose byte a check is crossed, checks passed.

    Args:
        nodes: the trie. path: int32[max depth + 2].
        out: int32[m].

    Returns:
        Their number, more than `m` when they did not fit; or a failure code.
    """
    states = states_of(g)
    table = table_of(g)
    total = nodes.shape[0]
    path[0] = state
    n = np.int64(0)
    i = np.int64(0)
    while i < total:
        depth = np.int64(nodes[i, 0] >> 8)
        byte = np.int64(nodes[i, 0] & 255)
        here = np.int64(path[depth])
        following = np.int64(table[here, byte])
        if following == UNKNOWN:
            following = step(g, here, byte)
            if following < DEAD:
                return following
        if following < 0:
            i = np.int64(nodes[i, 1])
            continue
        path[depth + 1] = following
        if states[following, 2] & CROSSED:
            if n < out.shape[0]:
                out[n] = i
            n += 1
        i += 1
    return n


@kernel(_i64(ARENA, _i64, _RI2, _RB1, _i64, _i64, _i64, _I1, _i64, _I1))
def walk_exits(g, state, exits, data, low, high, empty_ok, path, limit, row):
    """Set the bits of tokens that leave a permissive frame and go on from the continuation `state`.

    Args:
        exits: int32[m, 5] = (token, offset of the rest in `data`, length of the rest, shared prefix length
            with the previous rest, characters completed before leaving), sorted by rest.
        low, high: only exits after `low` to `high` completed characters count (counted frames; high -1: no
        bound). empty_ok: 1 to count exits with an empty rest (the token ends exactly where the frame does).
        path: int32[max depth + 2]. limit: as in `walk`. row: int32[W].

    Returns:
        As `walk`.
    """
    head = head_of(g)
    states = states_of(g)
    table = table_of(g)
    path[0] = state
    alive = np.int64(0)  # path[0..alive] are live states along the previous rest
    farthest = np.int64(0)
    for i in range(exits.shape[0]):
        shared = np.int64(exits[i, 3])
        length = np.int64(exits[i, 2])
        start = np.int64(exits[i, 1])
        if shared < alive:
            alive = shared
        elif shared > alive:
            continue  # the common prefix already died
        while alive < length:
            byte = np.int64(data[start + alive])
            here = np.int64(path[alive])
            following = np.int64(table[here, byte])
            if following == UNKNOWN:
                following = step(g, here, byte)
                if following < DEAD:
                    return following
            if following < 0:
                break
            alive += 1
            path[alive] = following
            if states[following, 2] & CROSSED:
                head[MET] = 1
        if alive < length or (length == 0 and empty_ok == 0):
            continue
        done = np.int64(exits[i, 4])
        if done < low or (high >= 0 and done > high):
            continue
        far = np.int64(states[path[length], 3])
        farthest = max(farthest, far)
        if far <= limit:
            token = exits[i, 0]
            row[token >> 5] |= np.int32(1) << (token & 31)
    return farthest


@kernel(_i64(ARENA, _i64, _array(types.uint8, 1)))
def forced_bytes(g, state, out):
    """Write the bytes that must follow `state` while it does not accept and one byte lives; count them.

    A super-state with token edges forces nothing, and nothing is forced across a check. Failure codes as in `step`.
    """
    states = states_of(g)
    table = table_of(g)
    n = np.int64(0)
    while n < out.shape[0]:
        if states[state, 2] & (ACCEPTING | HAS_TOKENS):
            break
        only = np.int64(-1)
        following = np.int64(-1)
        living = 0
        for byte in range(256):
            target = np.int64(table[state, byte])
            if target == UNKNOWN:
                target = step(g, state, np.int64(byte))
                if target < DEAD:
                    return target
            if target >= 0:
                living += 1
                if living > 1:
                    break
                only = np.int64(byte)
                following = target
        if living != 1 or states[following, 2] & CROSSED:
            break
        out[n] = only
        n += 1
        state = following
    return n


@kernel(types.void(ARENA))
def refresh_distances(g):
    """Recompute the distances of all stack nodes and super-states after `pc_distance` changed.

    Parents have smaller numbers than their children, so one pass in order suffices.
    """
    head = head_of(g)
    nodes = nodes_of(g)
    states = states_of(g)
    nodes[0, 2] = 0
    for node in range(1, head[N_NODES]):
        nodes[node, 2] = _node_distance(g, np.int64(nodes[node, 0]), np.int64(nodes[node, 1]))
    for state in range(head[N_STATES]):
        states[state, 3] = _state_distance(g, np.int64(state))


@kernel(types.void(ARENA))
def rehash(g):
    """Fill the (larger, empty) hash tables from the pools."""
    head = head_of(g)
    nodes = nodes_of(g)
    edges = edges_of(g)
    node_hash = node_hash_of(g)
    configs = configs_of(g)
    states = states_of(g)
    state_hash = state_hash_of(g)
    mask = np.int64(node_hash.shape[0] - 1)
    for i in range(mask + 1):
        node_hash[i] = -1
    for node in range(1, head[N_NODES]):
        slot = np.int64(
            _hash_edges(edges, np.int64(nodes[node, 0]), np.int64(nodes[node, 1])) & np.uint64(mask)
        )
        while node_hash[slot] >= 0:
            slot = (slot + 1) & mask
        node_hash[slot] = node
    mask = np.int64(state_hash.shape[0] - 1)
    for i in range(mask + 1):
        state_hash[i] = -1
    for state in range(head[N_STATES]):
        first = np.int64(states[state, 0])
        count = np.int64(states[state, 1])
        h = np.uint64(count)
        for i in range(first, first + count):
            h = _mix(h, (np.int64(configs[i, 0]) << 32) | np.int64(configs[i, 1]))
        slot = np.int64(h & np.uint64(mask))
        while state_hash[slot] >= 0:
            slot = (slot + 1) & mask
        state_hash[slot] = state


# --- leaves against a vocabulary
# -----------------------------------------------------------------------------------


@kernel(types.void(_RI2, _BOOLS, _I1))
def leaf_distances(transitions, accepting, distance):
    """Fewest bytes from every state of a leaf automaton to acceptance: breadth first against the edges.

    Args:
        transitions: int32[n, classes], state 0 dead.
        accepting: bool[n].
        distance: int32[n], written; FAR for states that reach nothing.
    """
    n, classes = transitions.shape
    first = np.zeros(n + 1, np.int32)
    for s in range(1, n):
        for c in range(classes):
            first[transitions[s, c] + 1] += 1
    for t in range(n):
        first[t + 1] += first[t]
    source = np.empty(first[n], np.int32)
    fill = first[:n].copy()
    for s in range(1, n):
        for c in range(classes):
            t = transitions[s, c]
            source[fill[t]] = s
            fill[t] += 1
    queue = np.empty(n, np.int32)
    stop = 0
    for s in range(n):
        distance[s] = FAR
        if s > 0 and accepting[s]:
            distance[s] = 0
            queue[stop] = s
            stop += 1
    at = 0
    while at < stop:
        t = queue[at]
        at += 1
        for k in range(first[t], first[t + 1]):
            s = source[k]
            if distance[s] == FAR:
                distance[s] = distance[t] + 1
                queue[stop] = s
                stop += 1


@kernel(types.UniTuple(_i64, 2)(_RB1, _RI2, _BOOLS, _RI1, _i64, _RI2, _RI1, _I1, _I1, _I1, _I2))
def leaf_frame(byte_class, transitions, accepting, distance, state, nodes, order, path, left, row, exits):
    """Classify every token against one leaf automaton's state.

    Tokens that stay inside are set in `row`; whenever the automaton accepts before a token's end, the token
    may also leave there: (token, bytes consumed) goes to `exits`. A token may do both, and may leave at
    several places. Leaving exactly at a token's end is staying.

    Args:
        byte_class, transitions, accepting: the leaf (`automata.Dfa`).
        distance: int32[n_states], see `leaf_distances`.
        state: where the leaf stands.
        nodes, order: the vocabulary's trie.
        path: int32[max depth + 2], states along the current branch.
        left: int32[max depth + 2], the last depth along the branch at which the leaf accepted, 0 for none.
        row: int32[W].
        exits: int32[m, 2].

    Returns:
        The number of exits, more than `m` when they did not fit (then call again with room); and the largest
        distance after a token that stays.
    """
    total = nodes.shape[0]
    path[0] = state
    left[0] = 0
    n = np.int64(0)
    farthest = np.int64(0)
    i = np.int64(0)
    while i < total:
        depth = np.int64(nodes[i, 0] >> 8)
        here = np.int64(path[depth])
        following = np.int64(0)
        if here != 0:
            following = np.int64(transitions[here, byte_class[nodes[i, 0] & 255]])
        # Below a place where the leaf accepted, every token may leave there: walk on even though the leaf is dead.
        if following == 0 and left[depth] == 0:
            i = np.int64(nodes[i, 1])
            continue
        path[depth + 1] = following
        left[depth + 1] = depth + 1 if accepting[following] else left[depth]
        for k in range(nodes[i, 2], nodes[i, 3]):
            token = order[k]
            if following != 0:
                row[token >> 5] |= np.int32(1) << (token & 31)
                farthest = max(farthest, np.int64(distance[following]))
            for cut in range(1, min(np.int64(left[depth]), depth) + 1):
                if accepting[path[cut]]:
                    if n < exits.shape[0]:
                        exits[n, 0] = token
                        exits[n, 1] = cut
                    n += 1
        i += 1
    return n, farthest


@kernel(
    types.UniTuple(_i64, 2)(
        _RB1, _RI2, _BOOLS, _RI1, _i64, _i64, _RI2, _RI1, _I1, _I1, _I1, _I1, _I1, _I1, _I2
    )
)
def leaf_frame_like(
    byte_class,
    transitions,
    accepting,
    distance,
    state,
    other,
    nodes,
    order,
    path,
    twin,
    left,
    twin_left,
    row,
    changed,
    exits,
):
    """Turn the frame of `other` into that of `state`, looking only where the two states of one leaf differ.

    After a common byte the two runs are often in the same state (a name that is excluded, and one that can no longer
    be), and then the whole subtree of tokens needs no look.

    Args:
        byte_class, transitions, accepting, distance, nodes, order, path, left, exits: as for `leaf_frame`.
        state, other: the state asked for, and the one whose frame is known.
        twin, twin_left: int32[max depth + 2], as `path` and `left`, of the run of `other`.
        row: int32[W], the tokens that stay from `other`; becomes those from `state`.
        changed: int32[W], set to the tokens that were looked at: of `other`'s exits, only those of other tokens hold.

    Returns:
        As `leaf_frame`, for the tokens looked at.
    """
    total = nodes.shape[0]
    path[0] = state
    twin[0] = other
    left[0] = 0
    twin_left[0] = 0
    n = np.int64(0)
    farthest = np.int64(0)
    i = np.int64(0)
    while i < total:
        depth = np.int64(nodes[i, 0] >> 8)
        kind = byte_class[nodes[i, 0] & 255]
        here = np.int64(path[depth])
        there = np.int64(twin[depth])
        following = np.int64(transitions[here, kind]) if here != 0 else np.int64(0)
        expected = np.int64(transitions[there, kind]) if there != 0 else np.int64(0)
        if following == expected and left[depth] == 0 and twin_left[depth] == 0:
            i = np.int64(nodes[i, 1])
            continue
        path[depth + 1] = following
        twin[depth + 1] = expected
        left[depth + 1] = depth + 1 if accepting[following] else left[depth]
        twin_left[depth + 1] = depth + 1 if accepting[expected] else twin_left[depth]
        for k in range(nodes[i, 2], nodes[i, 3]):
            token = order[k]
            bit = np.int32(1) << (token & 31)
            changed[token >> 5] |= bit
            if following != 0:
                row[token >> 5] |= bit
                farthest = max(farthest, np.int64(distance[following]))
            else:
                row[token >> 5] &= ~bit
            for cut in range(1, min(np.int64(left[depth]), depth) + 1):
                if accepting[path[cut]]:
                    if n < exits.shape[0]:
                        exits[n, 0] = token
                        exits[n, 1] = cut
                    n += 1
        i += 1
    return n, farthest


@kernel(
    _i64(
        _RB1,
        _RI2,
        _BOOLS,
        _i64,
        _i64,
        _RI2,
        _RI1,
        _I1,
        _I1,
        _I1,
        _I2,
    )
)
def counted_frame(byte_class, transitions, accepting, state, closer, nodes, order, path, chars, need, exits):
    """Classify every token against repetitions of a one-character leaf that end with the byte `closer`.

    Args:
        byte_class, transitions, accepting: automaton of one character's spellings.
        state: where inside the character the run stands (START: between characters).
        closer: the byte that ends the repetition, legal between characters only.
        nodes, order: the vocabulary's trie.
        path, chars: int32[max depth + 2], automaton state and completed characters along the branch.
        need: int32[V]; for a token that stays inside: characters that must still be allowed (completed
            ones, and one more when it stops inside a character); -1 for other tokens.
        exits: int32[m, 3] = (token, bytes consumed with the closer, characters completed before it).

    Returns:
        Number of exits; more than `m` when they did not fit.
    """
    total = nodes.shape[0]
    path[0] = state
    chars[0] = 0
    n = np.int64(0)
    i = np.int64(0)
    while i < total:
        depth = np.int64(nodes[i, 0] >> 8)
        byte = np.int64(nodes[i, 0] & 255)
        here = np.int64(path[depth])
        if here == 1 and byte == closer:
            for k in range(nodes[i, 2], np.int64(nodes[nodes[i, 1] - 1, 3])):
                if n < exits.shape[0]:
                    exits[n, 0] = order[k]
                    exits[n, 1] = depth + 1
                    exits[n, 2] = chars[depth]
                n += 1
            i = np.int64(nodes[i, 1])
            continue
        following = np.int64(transitions[here, byte_class[byte]])
        if following == 0:
            i = np.int64(nodes[i, 1])
            continue
        done = np.int64(chars[depth])
        if accepting[following]:  # a character's spelling is complete; nothing continues it
            following = np.int64(1)
            done += 1
        path[depth + 1] = following
        chars[depth + 1] = done
        for k in range(nodes[i, 2], nodes[i, 3]):
            need[order[k]] = done if following == 1 else done + 1
        i += 1
    return n


# --- distances
# -----------------------------------------------------------------------------------------------------


@kernel(_i64(_I2, _I1, _I1, _I1, _RI2, _I2, _i64))
def relax_distances(code, spine_byte, spine_next, distance, nodes, records, count):
    """One sweep, last instruction first, of fewest tokens from each instruction to its rule's return.

    A shortest derivation by Knuth's generalisation of Dijkstra (1977), computed by sweeps to a fixpoint.
    Where the next byte is known (a literal) or chosen (the shortest way through a leaf) the text ahead is
    spelled by the vocabulary's best tokens that end inside it. The result is an upper bound: tokens may
    also straddle such borders.

    Args:
        code: the program, without lazy rules.
        spine_byte, spine_next: int32[P], for BYTE and LEAF instructions the byte to take and the
            instruction it leads to; -1 elsewhere.
        distance: int32[P], FAR at first; lowered in place.
        nodes: the vocabulary's trie.
        records: what the first record of a frame owes counts for the frame.
        count: instructions in use.

    Returns:
        1 when something was lowered.
    """
    changed = np.int64(0)
    total = np.int64(nodes.shape[0])
    for pc in range(count - 1, -1, -1):
        op = code[pc, 0]
        best = np.int64(FAR)
        if op == RETURN or op == LEAF_END or op == END:
            best = np.int64(0)
        elif op == BYTE or op == LEAF:
            at = np.int64(pc)
            low = np.int64(0)
            high = total
            while spine_byte[at] >= 0:
                byte = np.int64(spine_byte[at])
                i = low
                while i < high and (nodes[i, 0] & 255) < byte:
                    i = np.int64(nodes[i, 1])
                if i >= high or (nodes[i, 0] & 255) != byte:
                    break
                at = np.int64(spine_next[at])
                if nodes[i, 2] < nodes[i, 3] and 1 + np.int64(distance[at]) < best:
                    best = 1 + np.int64(distance[at])
                low = i + 1
                high = np.int64(nodes[i, 1])
        elif op == JUMP:
            best = np.int64(distance[code[pc, 1]])
        elif op == SPLIT:
            best = min(np.int64(distance[code[pc, 1]]), np.int64(distance[code[pc, 2]]))
        elif op == CALL:
            best = np.int64(distance[code[pc, 1]]) + np.int64(distance[pc + 1])
        elif op == COUNT:
            best = np.int64(distance[pc + 1])
            low_count = np.int64(code[pc, 2])
            if low_count > 0:
                best += low_count * np.int64(distance[code[pc, 1]])
        elif op == TOKEN:
            best = 1 + np.int64(distance[pc + 1])
        elif op == MARK or op == CHECK or op == STEP:
            best = np.int64(distance[pc + 1])
        elif op == PICK:
            best = np.int64(distance[code[pc, 3]])  # the record owes what comes before
        elif op == FRAME:
            owed = np.int64(records[code[pc, 2], 2])
            best = np.int64(distance[code[pc, 1]]) + owed + np.int64(distance[pc + 1])
        best = min(best, np.int64(FAR))
        if best < distance[pc]:
            distance[pc] = best
            changed = np.int64(1)
    return changed
