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

Kernels that call one another by name live in one file, because numba's cache of a caller does not notice that a
callee in another file changed. Those that others call through an address are exempt (`jit.apart`). Signatures are
explicit: numba would otherwise compile one variant per integer width.
"""

from __future__ import annotations

import numpy as np

from ruvllm_grammar.kernels import layout, views
from ruvllm_grammar.kernels.jit import apart, kernel
from ruvllm_grammar.kernels.layout import (
    ACCEPTING,
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
from ruvllm_grammar.kernels.signatures import ARENA, I2, L1, i64, u64, void
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

_LOW = np.int64(0xFFFFFFFF)


@kernel(u64(u64, i64))
def _mix(seed, value):
    """One round of a 64-bit multiplicative hash (constants of splitmix64, Steele et al. 2014)."""
    h = (seed ^ np.uint64(value)) * np.uint64(0xBF58476D1CE4E5B9)
    h ^= h >> np.uint64(29)
    h *= np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(32))


@kernel(u64(I2, i64, i64))
def _hash_edges(edges, first, count):
    h = np.uint64(count)
    for i in range(first, first + count):
        h = _mix(h, (np.int64(edges[i, 0]) << 32) ^ np.int64(edges[i, 3]))
        h = _mix(h, (np.int64(edges[i, 1]) << 32) ^ np.int64(edges[i, 2]))
    return h


@kernel(i64(ARENA, i64, i64))
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


@apart(i64(ARENA, i64), layout.INTERN_NODE)
def _intern_node(g, count):
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


@kernel(i64(ARENA, i64, i64, i64, i64))
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
    return views.intern_node(g, np.int64(1))


@kernel(i64(ARENA, i64, i64, i64))
def push(g, ret, count, parent):
    """The node of one edge without a record; GROW when a pool is full."""
    return push_record(g, ret, count, np.int64(0), parent)


@apart(i64(ARENA, i64, i64), layout.UNITE)
def _unite(g, a, b):
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
            parent = views.unite(g, np.int64(edges[at_a, 3]), np.int64(edges[at_b, 3]))
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
    node = views.intern_node(g, n)
    if node >= 0:
        unions[slot, 0] = a
        unions[slot, 1] = b
        unions[slot, 2] = node
    return node


@kernel(i64(ARENA, i64, i64))
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
        result = one if result < 0 else views.unite(g, result, one)
        if result < 0:
            return result
    return result


@kernel(void(L1, i64))
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


@kernel(i64(ARENA, i64))
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
            node = views.unite(g, found[kept - 1] & _LOW, node)
            if node < 0:
                return node
            found[kept - 1] = (pc << 32) | node
        else:
            found[kept] = found[i]
            kept += 1
    return kept


@kernel(u64(L1, i64))
def _hash_found(found, n):
    h = np.uint64(n)
    for i in range(n):
        h = _mix(h, found[i])
    return h


@kernel(i64(ARENA, i64))
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


@kernel(i64(ARENA, i64))
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


@apart(i64(ARENA, i64), layout.CLOSE)
def _close(g, n):
    """Super-state of the closure of the `n` configurations in `work`."""
    kept = _closure(g, n)
    if kept < 0:
        return kept
    return intern_state(g, kept)


@kernel(i64(ARENA, i64, i64))
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
    return views.close(g, n) if n > 0 else np.int64(DEAD)


@apart(i64(ARENA, i64, i64), layout.STEP_TO)
def _step(g, state, byte):
    """Super-state after `byte` where checks pass, remembered in `table`; DEAD or a failure code."""
    table = table_of(g)
    result = step_anew(g, state, byte)
    if result >= DEAD:
        table[state, byte] = result
    return result


@kernel(i64(ARENA, i64))
def intern_node(g, count):
    """`_intern_node` for callers in Python."""
    return views.intern_node(g, count)


@kernel(i64(ARENA, i64))
def close(g, n):
    """`_close` for callers in Python."""
    return views.close(g, n)


@kernel(void(ARENA))
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


@kernel(void(ARENA))
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
