"""Automata as tables: numbering, minimising, and pairing of two; and lists of words as minimal tries.

A table is int32[n_states, n_symbols] of next states; state 0 is dead, so it leads to itself, and state 1 is the start.
Symbols are whatever the caller cut his alphabet into.
"""

from __future__ import annotations

import numpy as np

from ruvllm_grammar.kernels.jit import kernel
from ruvllm_grammar.kernels.signatures import I1, I2, RB1, RI1, RI2, i64, void


@kernel(i64(RI2, i64, I1, I1))
def breadth_first(table, start, order, place):
    """Number states in the order in which `start` reaches them, symbols ascending; the dead state stays first.

    Args:
        table: int32[n, symbols].
        start: a state.
        order: int32[n], written: the states in their new order.
        place: int32[n], zeros; written: the new number of every state, 0 for those that are not reached.

    Returns:
        How many states there are, the dead one included.
    """
    order[0] = 0
    order[1] = start
    place[start] = 1
    count = np.int64(2)
    at = np.int64(1)
    while at < count:
        row = order[at]
        for c in range(table.shape[1]):
            target = table[row, c]
            if target != 0 and place[target] == 0:
                place[target] = count
                order[count] = target
                count += 1
        at += 1
    return count


# A partition of 0 .. n-1 is int32[7, n + 2]. Its groups are stretches of one array of elements.
_ELEMENTS = 0  # the elements, group by group, marked ones first within each
_PLACE = 1  # of an element, where it stands there
_GROUP = 2  # of an element
_FIRST = 3  # of a group, where its stretch begins
_STOP = 4  # and ends
_MARKED = 5  # how many of a group are marked
_TOUCHED = 6  # how many groups have marked elements, then which


@kernel(i64(i64, I2))
def _split(count, part):
    """Make the marked members of every touched group a group of their own, unless all are; the smaller half is new."""
    while part[_TOUCHED, 0] > 0:
        one = part[_TOUCHED, part[_TOUCHED, 0]]
        part[_TOUCHED, 0] -= 1
        middle = part[_FIRST, one] + part[_MARKED, one]
        if middle < part[_STOP, one]:
            if part[_MARKED, one] <= part[_STOP, one] - middle:
                part[_FIRST, count] = part[_FIRST, one]
                part[_STOP, count] = middle
                part[_FIRST, one] = middle
            else:
                part[_STOP, count] = part[_STOP, one]
                part[_FIRST, count] = middle
                part[_STOP, one] = middle
            for i in range(part[_FIRST, count], part[_STOP, count]):
                part[_GROUP, part[_ELEMENTS, i]] = count
            part[_MARKED, count] = 0
            count += 1
        part[_MARKED, one] = 0
    return count


@kernel(void(i64, I2))
def _mark(element, part):
    """Move an element of a group behind those that are marked already."""
    one = part[_GROUP, element]
    i = part[_PLACE, element]
    j = part[_FIRST, one] + part[_MARKED, one]
    moved = part[_ELEMENTS, j]
    part[_ELEMENTS, i] = moved
    part[_PLACE, moved] = i
    part[_ELEMENTS, j] = element
    part[_PLACE, element] = j
    if part[_MARKED, one] == 0:
        part[_TOUCHED, 0] += 1
        part[_TOUCHED, part[_TOUCHED, 0]] = one
    part[_MARKED, one] += 1


@kernel(i64(RI1, I2))
def _grouped(key, part):
    """A partition of 0 .. n-1 by their keys, small numbers from 0; `part` is all zeros."""
    n = np.int64(key.shape[0])
    for i in range(n):
        part[_STOP, key[i] + 1] += 1  # first how many there are of each key, then where they end
    groups = np.int64(0)
    end = np.int64(0)
    last = np.int64(part.shape[1] - 1)
    for k in range(last):
        count = np.int64(part[_STOP, k + 1])
        part[_STOP, k + 1] = 0
        if count > 0:
            part[_TOUCHED, k] = groups
            part[_FIRST, groups] = end
            part[_STOP, groups] = end
            end += count
            groups += 1
    for i in range(n):
        one = part[_TOUCHED, key[i]]
        at = part[_STOP, one]
        part[_STOP, one] = at + 1
        part[_ELEMENTS, at] = i
        part[_PLACE, i] = at
        part[_GROUP, i] = one
    part[_TOUCHED, :] = 0
    return groups


@kernel(i64(RI1, RI1, RI1, RI1, I1, I1, I2, I2))
def refine(symbol, source, target, kind, into, entering, states, edges):
    """Which states accept the same rests, by Valmari and Lehtinen (2008): O(edges x log states), missing edges free.

    Two partitions split each other: states by the edges that leave them, edges by the states they lead to. Every group
    is looked at once, and of a group that splits the smaller half is the new one.

    Args:
        symbol, source, target: int32[m], the edges.
        kind: int32[n], what tells states apart without reading on (accepting or not).
        into, entering: int32[n + 2] zeros and int32[m], written: the edges into every state.
        states: int32[7, n + k + 2], zeros, k the largest kind; written: the partition of the states. Every state must
            reach an accepting one.
        edges: int32[7, m + s + 2], zeros, s the largest symbol; written: the partition of the edges.

    Returns:
        How many blocks there are.
    """
    blocks = _grouped(kind, states)
    bundles = _grouped(symbol, edges)
    n = np.int64(kind.shape[0])
    for e in range(target.shape[0]):
        into[target[e] + 2] += 1
    for s in range(n):
        into[s + 2] += into[s + 1]
    for e in range(target.shape[0]):
        entering[into[target[e] + 1]] = e
        into[target[e] + 1] += 1
    done = np.int64(1)  # one of the first blocks need not be looked at
    at = np.int64(0)
    while at < bundles:
        for i in range(edges[_FIRST, at], edges[_STOP, at]):
            _mark(source[edges[_ELEMENTS, i]], states)
        blocks = _split(blocks, states)
        at += 1
        while done < blocks:
            for i in range(states[_FIRST, done], states[_STOP, done]):
                s = states[_ELEMENTS, i]
                for k in range(into[s], into[s + 1]):
                    _mark(entering[k], edges)
            bundles = _split(bundles, edges)
            done += 1
    return blocks


@kernel(i64(RI2, RI2, i64, I2, I2, I1))
def pairs(one, other, may_get_lost, table, members, slots):
    """Two tables of the same symbols walked side by side; only pairs that are reached are made.

    Args:
        one, other: int32[n, symbols] and int32[m, symbols].
        may_get_lost: whether a pair lives on when `other` is dead.
        table: int32[room, symbols], zeros; written.
        members: int32[room, 2], zeros; written: the states of each pair.
        slots: int32, zeros, a power of two of at least twice `room`.

    Returns:
        How many pairs there are, the dead one included; -1 when there was no room for them.
    """
    room = np.int64(table.shape[0])
    mask = np.uint64(slots.shape[0] - 1)
    spread = np.uint64(0x9E3779B97F4A7C15)
    count = np.int64(1)
    at = np.int64(0)
    p = np.int64(1)  # the first pair to look up is the start itself
    q = np.int64(1)
    c = np.int64(table.shape[1])
    while True:
        if p != 0 and (q != 0 or may_get_lost):
            h = (np.uint64(p) << np.uint64(32)) | np.uint64(q)
            h *= spread
            slot = (h ^ (h >> np.uint64(29))) & mask
            while True:
                found = slots[slot]
                if found == 0:
                    if count >= room:
                        return np.int64(-1)
                    found = np.int32(count)
                    slots[slot] = found
                    members[count, 0] = p
                    members[count, 1] = q
                    count += 1
                    break
                if members[found, 0] == p and members[found, 1] == q:
                    break
                slot = (slot + np.uint64(1)) & mask
        else:
            found = np.int32(0)
        if at > 0:
            table[at, c] = found
        c += 1
        if c >= table.shape[1]:
            at += 1
            if at >= count:
                return count
            c = np.int64(0)
        p = np.int64(one[members[at, 0], c])
        q = np.int64(other[members[at, 1], c])


@kernel(i64(i64, i64, i64, I2, I1))
def _interned(a, b, c, entries, slots):
    """The number of a triple, from 1; `entries[0, 0]` is the last one. Equal triples have equal numbers."""
    mask = np.uint64(slots.shape[0] - 1)
    h = (np.uint64(a) * np.uint64(0x9E3779B97F4A7C15)) ^ (np.uint64(b) * np.uint64(0xC2B2AE3D27D4EB4F))
    h = (h ^ (h >> np.uint64(31)) ^ np.uint64(c)) * np.uint64(0xD6E8FEB86659FD93)
    slot = (h ^ (h >> np.uint64(32))) & mask
    while True:
        found = np.int64(slots[slot])
        if found == 0:
            found = np.int64(entries[0, 0]) + 1
            entries[0, 0] = found
            entries[found, 0] = a
            entries[found, 1] = b
            entries[found, 2] = c
            slots[slot] = found
            return found
        if entries[found, 0] == a and entries[found, 1] == b and entries[found, 2] == c:
            return found
        slot = (slot + np.uint64(1)) & mask


@kernel(i64(RB1, RI1, RI2, i64, I1, I2, I2, I1, I2, I2))
def merged_words(data, ends, columns, start, path, nodes, entries, slots, states, edges):
    """The trie of a list of words with equal subtrees merged, laid beside an automaton that reads the same bytes.

    Nodes are numbered in preorder, so backwards every node comes behind its subtree. There, a node is known by its
    children, linked one by one (a byte, the state below it, the siblings behind), whether a word ends, and the state
    beside it; equal triples are equal subtrees. After Revuz (1992).

    Args:
        data: uint8, the words, sorted, each once, one behind the other.
        ends: int32[words], where each ends.
        columns: int32[n, 256], the other automaton: its state after each byte.
        start: its state before the first byte.
        path: int32[longest word + 1], to work with.
        nodes: int32[bytes + 1, 5], zeros, to work with: parent, byte, state beside, whether a word ends, children.
        entries: int32[2 * bytes + 4, 4], zeros, to work with: the triples, and the numbers of those that are states.
        slots: int32, zeros, a power of two of at least twice as many.
        states: int32[bytes + 1, 2], written: whether a word ends in a state, and the state beside it. The root is last.
        edges: int32[bytes + 1, 3], written: byte, state it leaves from, state it leads to.

    Returns:
        The number of states times 2 ** 32, plus that of edges.
    """
    count = np.int64(1)
    nodes[0, 2] = start
    path[0] = 0
    before = np.int64(0)  # where the previous word begins, and how long it is
    length = np.int64(0)
    at = np.int64(0)
    for i in range(ends.shape[0]):
        size = np.int64(ends[i]) - at
        shared = np.int64(0)
        while shared < size and shared < length and data[before + shared] == data[at + shared]:
            shared += 1
        for d in range(shared, size):
            above = path[d]
            byte = data[at + d]
            nodes[count, 0] = above
            nodes[count, 1] = byte
            nodes[count, 2] = columns[nodes[above, 2], byte]
            path[d + 1] = count
            count += 1
        nodes[path[size], 3] = 1
        before = at
        length = size
        at += size
    found = np.int64(0)
    written = np.int64(0)
    for v in range(count - 1, -1, -1):
        last = np.int64(entries[0, 0])
        entry = _interned(256 + nodes[v, 3], nodes[v, 2], nodes[v, 4], entries, slots)
        if entry > last:
            states[found, 0] = nodes[v, 3]
            states[found, 1] = nodes[v, 2]
            link = np.int64(nodes[v, 4])
            while link != 0:
                edges[written, 0] = entries[link, 0]
                edges[written, 1] = found
                edges[written, 2] = entries[link, 1]
                written += 1
                link = np.int64(entries[link, 2])
            entries[entry, 3] = found
            found += 1
        above = np.int64(nodes[v, 0])
        if v > 0:
            nodes[above, 4] = _interned(nodes[v, 1], entries[entry, 3], nodes[above, 4], entries, slots)
    return (found << 32) | written
