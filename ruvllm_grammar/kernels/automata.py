"""Automata as tables: numbering, minimising, and pairing of two.

A table is int32[n_states, n_symbols] of next states; state 0 is dead, so it leads to itself, and state 1 is the start.
Symbols are whatever the caller cut his alphabet into.
"""

from __future__ import annotations

import numpy as np

from ruvllm_grammar.kernels.jit import kernel
from ruvllm_grammar.kernels.signatures import I1, I2, RI1, RI2, i64, void


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


@kernel(i64(RI1, RI1, RI1, RI1, i64, i64, I2, I2))
def refine(source, into, entering, final, blocks, bundles, states, edges):
    """Which states accept the same rests, by Valmari and Lehtinen (2008): O(edges x log states), missing edges free.

    Two partitions split each other: states by the edges that leave them, edges by the states they lead to. Every group
    is looked at once, and of a group that splits the smaller half is the new one.

    Args:
        source: int32[m], where every edge leaves from.
        into, entering: int32[n + 1] and int32[m], the edges into state s are `entering[into[s] : into[s + 1]]`.
        final: int32, the accepting states; every state must reach one.
        blocks, bundles: groups of the two partitions to begin with.
        states: int32[7, n + 2], the partition of the states, refined in place.
        edges: int32[7, m + 2], the partition of the edges, to begin with by their symbols; refined in place.

    Returns:
        How many blocks there are.
    """
    for i in range(final.shape[0]):
        _mark(final[i], states)
    blocks = _split(blocks, states)
    done = np.int64(1)  # one block of the first two need not be looked at
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
