"""A super-state's tokens, listed: frames where a leaf is being read, walks of the trie for what leads elsewhere.

Problem. A first visit of a super-state needs its row, but nine in ten of them need one that is known already: what may
follow the third member of some object is what may follow the second of another. So the row is not built. It is
*named*: by the frames its configurations stand in, and the tokens that leave them or are spelled by literals.

How. A token is legal when some configuration can read it, so every configuration is asked alone.

- A leaf's state has a frame (`tables.frames`): the tokens that stay, and the places of the trie where the leaf may have
  ended. Below these the walk goes on from wherever the grammar continues.
- A literal is looked up: its bytes lead down one branch of the trie, without a super-state for any of them. Where it
  ends inside the trie, the walk goes on from what follows it.
- Only these walks need super-states, and they are short.

The hash of all that does not depend on the order, so that different programs agree on it.

Example. After `{"a": 1` stands the frame of a number's digits (tokens `0`, `12`), whose leaf may have ended at once;
then the configurations behind it are the white space's frame and the literals `,` and `}`.

Cost: 2 to 10 us where the super-states that walks meet are known.
"""

from __future__ import annotations

import numpy as np

from ruvllm_grammar.kernels import views
from ruvllm_grammar.kernels.jit import kernel
from ruvllm_grammar.kernels.layout import (
    BYTE,
    COUNT,
    CROSSED,
    DEAD,
    EXITS,
    FAR,
    FARTHEST,
    FIRST_EXIT,
    FLAGS,
    HAS_DISTANCE,
    HAS_MET,
    HASH,
    JUMP,
    KEY,
    LEAF,
    LEAF_END,
    LONGEST,
    MET,
    NEED_FRAME,
    NEED_ROOM,
    NEEDED,
    PICKED,
    RETURN_PC,
    UNKNOWN,
    WIDEST,
)
from ruvllm_grammar.kernels.signatures import ARENA, DESK, RI1, i64, u64, u64_pair
from ruvllm_grammar.kernels.views import (
    code_of,
    configs_of,
    edges_of,
    exits_of,
    fans_of,
    frame_of_of,
    frames_of,
    head_of,
    masks_of,
    nodes_of,
    order_of,
    out_of,
    path_of,
    pc_distance_of,
    result_of,
    roots_of,
    spelled_of,
    states_of,
    table_of,
    trie_of,
    work_of,
)

_QUOTE = 0x22
_FIRST = np.uint64(0x9E3779B97F4A7C15)
_SECOND = np.uint64(0xC2B2AE3D27D4EB4F)


@kernel(u64(u64, u64))
def _mixed(seed, value):
    """One round of a 64-bit multiplicative hash (constants of splitmix64, Steele et al. 2014)."""
    h = (seed ^ value) * np.uint64(0xBF58476D1CE4E5B9)
    h ^= h >> np.uint64(29)
    h *= np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(32))


@kernel(u64_pair(RI1))
def hash_tokens(tokens):
    """128-bit hash of a set of tokens, as two sums: those of disjoint sets add up to that of their union."""
    a = np.uint64(0)
    b = np.uint64(0)
    for token in tokens:
        x = _mixed(_FIRST, np.uint64(token))
        a += x
        b += (x ^ (x >> np.uint64(32))) * _SECOND
    return a, b


@kernel(i64(ARENA, DESK, i64, i64, i64, i64, i64))
def _walked(g, desk, state, low, high, limit, n):
    """List the tokens of trie nodes `low` to `high` (whole branches, siblings at the top) that `state` can read.

    Args:
        state: super-state before the bytes of nodes `low` and its siblings.
        limit: only tokens after which the distance is at most this.
        n: tokens listed so far.

    Returns:
        Tokens listed now, or a failure code.
    """
    states = states_of(g)
    table = table_of(g)
    trie = trie_of(desk)
    order = order_of(desk)
    path = path_of(desk)
    out = out_of(desk)
    result = result_of(desk)
    room = np.int64(out.shape[0]) - 2 * result[PICKED]
    i = low
    path[np.int64(trie[i, 0] >> 8)] = state
    while i < high:
        depth = np.int64(trie[i, 0] >> 8)
        byte = np.int64(trie[i, 0] & 255)
        here = np.int64(path[depth])
        following = np.int64(table[here, byte])
        if following == UNKNOWN:
            following = views.step(g, here, byte)
            if following < DEAD:
                return following
        if following < 0:
            i = np.int64(trie[i, 1])
            continue
        path[depth + 1] = following
        if states[following, 2] & CROSSED:
            head_of(g)[MET] = 1
        first = np.int64(trie[i, 2])
        last = np.int64(trie[i, 3])
        if first < last:
            far = np.int64(states[following, 3])
            result[FARTHEST] = max(result[FARTHEST], far)
            if far <= limit:
                if n + last - first > room:
                    return np.int64(NEED_ROOM)
                for k in range(first, last):
                    out[n] = order[k]
                    n += 1
        i += 1
    return n


@kernel(i64(ARENA, DESK, i64, i64, i64, i64, i64))
def _spelled(g, desk, pc, node, limit, known, n):
    """List the tokens that begin the literal at `pc`, and those that go on behind it.

    Args:
        pc, node: the configuration; its instruction is a BYTE.
        known: length of the literal that was followed before this one, in `Desk.spelled`.
        n: tokens listed so far.

    Returns:
        Tokens listed now, or a failure code; the length of this literal is in result[NEEDED].
    """
    head = head_of(g)
    code = code_of(g)
    trie = trie_of(desk)
    order = order_of(desk)
    spelled = spelled_of(desk)
    out = out_of(desk)
    result = result_of(desk)
    room = np.int64(out.shape[0]) - 2 * result[PICKED]
    depth = np.int64(0)
    while True:
        byte = np.int64(code[pc, 1])
        # Literals that begin alike (`"`) list the tokens of their common beginning once.
        listed = depth < known and spelled[depth, 0] == byte
        if listed:
            i = np.int64(spelled[depth, 1])
        else:
            known = np.int64(0)
            if depth == 0:
                i = np.int64(roots_of(desk)[byte])
            else:
                parent = np.int64(spelled[depth - 1, 1])
                stop = np.int64(trie[parent, 1])
                i = parent + 1
                while i < stop and (trie[i, 0] & 255) < byte:
                    i = np.int64(trie[i, 1])
                if i >= stop or (trie[i, 0] & 255) != byte:
                    i = np.int64(-1)
            if i < 0:
                break
            spelled[depth, 0] = byte
            spelled[depth, 1] = i
        depth += 1
        pc += 1
        while code[pc, 0] == JUMP:
            pc = np.int64(code[pc, 1])
        first = np.int64(trie[i, 2])
        last = np.int64(trie[i, 3])
        following = np.int64(-1)
        if code[pc, 0] == BYTE:
            far = np.int64(0)
            if head[HAS_DISTANCE]:
                far = np.int64(pc_distance_of(g)[pc]) + np.int64(nodes_of(g)[node, 2])
        else:
            work_of(g)[0] = (pc << 32) | node
            following = views.close(g, np.int64(1))
            if following < DEAD:
                return following
            if following < 0:
                depth -= 1
                break
            if states_of(g)[following, 2] & CROSSED:
                head[MET] = 1
            far = np.int64(states_of(g)[following, 3])
        if first < last:
            result[FARTHEST] = max(result[FARTHEST], far)
            if far <= limit and not (listed and limit >= FAR):
                if n + last - first > room:
                    return np.int64(NEED_ROOM)
                for k in range(first, last):
                    out[n] = order[k]
                    n += 1
        if following >= 0:
            if i + 1 < trie[i, 1]:
                n = _walked(g, desk, following, i + 1, np.int64(trie[i, 1]), limit, n)
            break
    result[NEEDED] = depth
    return n


@kernel(i64(DESK, i64, i64, i64))
def _pick(desk, frame, allowed, n):
    """Note the use of a frame; `n` or NEED_ROOM."""
    out = out_of(desk)
    result = result_of(desk)
    frames = frames_of(desk)
    at = np.int64(out.shape[0]) - 2 * (result[PICKED] + 1)
    if at < n:
        return np.int64(NEED_ROOM)
    out[at] = frame
    out[at + 1] = allowed
    result[PICKED] += 1
    result[KEY] += np.int64(_mixed(np.uint64(frames[frame, HASH]), np.uint64(allowed + 1)))
    result[KEY + 1] += np.int64(_mixed(np.uint64(frames[frame, HASH + 1]), np.uint64(allowed + 1)))
    return n


@kernel(i64(ARENA, DESK, i64, i64, i64, i64, i64, i64))
def _left(g, desk, frame, beyond, low, high, limit, n):
    """List the tokens that leave a frame and go on from the super-state `beyond`.

    Args:
        low, high: for counted frames, the characters that must and may be completed before; high -1: no bound, low -1:
            not a counted frame, whose tokens that end exactly where it does are among those that stay.
    """
    if beyond < 0:
        return n
    states = states_of(g)
    trie = trie_of(desk)
    frames = frames_of(desk)
    exits = exits_of(desk)
    order = order_of(desk)
    out = out_of(desk)
    result = result_of(desk)
    if states[beyond, 2] & CROSSED:
        head_of(g)[MET] = 1  # the leaf's end is behind a token that stays, too
    table = table_of(g)
    masks = masks_of(desk)
    fans = fans_of(desk)
    live = np.zeros(4, np.int64)
    for byte in range(256):
        if table[beyond, byte] != DEAD:
            live[byte >> 6] |= np.int64(1) << np.int64(byte & 63)
    start = frames[frame, FIRST_EXIT]
    for k in range(start, start + frames[frame, EXITS]):
        i = np.int64(exits[k, 0])
        if low >= 0:
            done = np.int64(exits[k, 1])
            if done < low or (high >= 0 and done > high):
                continue
            first = np.int64(trie[i, 2])
            last = np.int64(trie[i, 3])
            if first < last:
                far = np.int64(states[beyond, 3])
                result[FARTHEST] = max(result[FARTHEST], far)
                if far <= limit:
                    if n + last - first > np.int64(out.shape[0]) - 2 * result[PICKED]:
                        return np.int64(NEED_ROOM)
                    for t in range(first, last):
                        out[n] = order[t]
                        n += 1
        shared = (live[0] & masks[k, 0]) | (live[1] & masks[k, 1])
        shared |= (live[2] & masks[k, 2]) | (live[3] & masks[k, 3])
        if shared == 0:
            continue
        fan = np.int64(exits[k, 2])
        if fan < 0:
            n = _walked(g, desk, beyond, i + 1, np.int64(trie[i, 1]), limit, n)
            if n < 0:
                return n
            continue
        for byte in range(256):
            branch = np.int64(fans[fan, byte])
            if branch >= 0 and table[beyond, byte] != DEAD:
                n = _walked(g, desk, beyond, branch, np.int64(trie[branch, 1]), limit, n)
                if n < 0:
                    return n
    return n


@kernel(i64(ARENA, DESK, i64, i64, i64, i64))
def _within_leaf(g, desk, pc, node, limit, n):
    """List the tokens of a configuration inside a leaf."""
    head = head_of(g)
    code = code_of(g)
    nodes = nodes_of(g)
    edges = edges_of(g)
    trie = trie_of(desk)
    frames = frames_of(desk)
    frame_of = frame_of_of(desk)
    result = result_of(desk)
    work = work_of(g)
    frame = np.int64(frame_of[pc]) if pc < frame_of.shape[0] else np.int64(-1)
    if frame < 0:
        result[NEEDED] = pc
        return np.int64(NEED_FRAME)
    start = np.int64(nodes[node, 0])
    stop = start + np.int64(nodes[node, 1])
    widest = frames[frame, WIDEST]
    bound = frames[frame, LONGEST] + np.int64(nodes[node, 2]) if head[HAS_DISTANCE] else np.int64(0)
    framed = True
    if widest >= 0:
        if head[HAS_DISTANCE] and stop - start > 1:
            bound = np.int64(FAR)
        for e in range(start, stop):
            after = np.int64(edges[e, 0]) + 1
            if (
                edges[e, 1] < 0
                or code[after - 1, 0] != COUNT
                or code[after, 0] != BYTE
                or code[after, 1] != _QUOTE
            ):
                framed = False
    bound = min(bound, np.int64(FAR))
    if not framed or bound > limit:  # byte by byte
        work[0] = (pc << 32) | node
        alone = views.close(g, np.int64(1))
        if alone < 0:
            return n if alone == DEAD else alone
        return _walked(g, desk, alone, np.int64(0), np.int64(trie.shape[0]), limit, n)
    result[FARTHEST] = max(result[FARTHEST], bound)
    if widest < 0:
        n = _pick(desk, frame, np.int64(-1), n)
        if n < 0:
            return n
        work[0] = (np.int64(RETURN_PC) << 32) | node
        beyond = views.close(g, np.int64(1))
        if beyond < DEAD:
            return beyond
        return _left(g, desk, frame, beyond, np.int64(-1), np.int64(-1), limit, n)
    for e in range(start, stop):
        ret = np.int64(edges[e, 0])
        done = np.int64(edges[e, 1])
        parent = np.int64(edges[e, 3])
        least = np.int64(code[ret, 2])
        most = np.int64(code[ret, 3])
        allowed = widest if most < 0 else min(most - done, widest)
        n = _pick(desk, frame, allowed, n)
        if n < 0:
            return n
        work[0] = ((ret + 2) << 32) | parent
        beyond = views.close(g, np.int64(1))
        if beyond < DEAD:
            return beyond
        more = np.int64(-1) if most < 0 else most - done
        n = _left(g, desk, frame, beyond, max(least - done, np.int64(0)), more, limit, n)
        if n < 0:
            return n
    return n


@kernel(i64(ARENA, DESK, i64, i64))
def gather(g, desk, state, limit):
    """List what may follow `state`, checks passed, but for token edges and the end.

    Tokens are in Desk.out, some perhaps twice, and in the frames noted at its end; Desk.result has the rest.

    Args:
        limit: only tokens after which the distance is at most this are listed.

    Returns:
        The number of listed tokens, or a failure code.
    """
    code = code_of(g)
    configs = configs_of(g)
    states = states_of(g)
    out = out_of(desk)
    result = result_of(desk)
    head_of(g)[MET] = 0
    result[PICKED] = 0
    result[FARTHEST] = 0
    result[KEY] = 0
    result[KEY + 1] = 0
    n = np.int64(0)
    known = np.int64(0)
    first = np.int64(states[state, 0])
    for c in range(first, first + np.int64(states[state, 1])):
        pc = np.int64(configs[c, 0])
        node = np.int64(configs[c, 1])
        op = code[pc, 0]
        if op == BYTE:
            n = _spelled(g, desk, pc, node, limit, known, n)
            known = result[NEEDED]
        elif op == LEAF or op == LEAF_END:
            n = _within_leaf(g, desk, pc, node, limit, n)
        if n < 0:
            return n
    a = np.uint64(0)
    b = np.uint64(0)
    for k in range(n):
        x = _mixed(_FIRST, np.uint64(out[k]))
        a += x
        b += (x ^ (x >> np.uint64(32))) * _SECOND
    result[KEY] += np.int64(a)
    result[KEY + 1] += np.int64(b)
    result[HAS_MET] = head_of(g)[MET]
    result[FLAGS] = states[state, 2]
    return n
