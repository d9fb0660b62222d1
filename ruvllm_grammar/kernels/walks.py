"""Following texts through super-states, and walking the vocabulary's trie with them.

Everything here reads known transitions from the table, one array load a byte, and asks `step` (called through its
address, `jit.apart`) for unknown ones. So a walk of the trie is as fast as the states it meets are known.

A walk goes through the flat trie in preorder with the super-states of the current branch in `path`; a dead branch is
skipped by its end. Failure codes are those of `closure`: fix the cause and walk again.
"""

from __future__ import annotations

import numpy as np

from ruvllm_grammar.kernels import views
from ruvllm_grammar.kernels.jit import kernel
from ruvllm_grammar.kernels.layout import (
    ACCEPTING,
    AT,
    BEFORE,
    CROSSED,
    DEAD,
    HAS_TOKENS,
    MET,
    UNKNOWN,
)
from ruvllm_grammar.kernels.signatures import ARENA, B1, I1, RB1, RI1, RI2, i64
from ruvllm_grammar.kernels.views import (
    head_of,
    states_of,
    table_of,
)

_LOW = np.int64(0xFFFFFFFF)


@kernel(i64(ARENA, i64, RB1, i64, i64))
def advance(g, state, data, start, stop):
    """Super-state after `data[start:stop]`; DEAD or a failure code."""
    table = table_of(g)
    for i in range(start, stop):
        byte = np.int64(data[i])
        following = np.int64(table[state, byte])
        if following == UNKNOWN:
            following = views.step(g, state, byte)
        if following < 0:
            return following
        state = following
    return state


@kernel(i64(ARENA, i64, RB1, i64, i64))
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
            following = views.step(g, state, byte)
        if following < 0:
            return following
        if states[following, 2] & CROSSED:
            head[AT] = i
            head[BEFORE] = state
            return following
        state = following
    head[AT] = stop
    return state


@kernel(i64(ARENA, i64, RI2, RI1, I1, i64, I1))
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
            following = views.step(g, here, byte)
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


@kernel(i64(ARENA, i64, RI2, I1, I1))
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
            following = views.step(g, here, byte)
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


@kernel(i64(ARENA, i64, B1))
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
                target = views.step(g, state, np.int64(byte))
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
