"""Single leaf automata against a vocabulary: frames, and how far everything is from its end.

Nothing here knows super-states. A frame classifies all tokens against one state of one automaton (`tables.frames` says
why); it is a walk of the trie with the automaton's states in `path`. Distances are shortest paths, of bytes in a leaf
and of tokens in a program.
"""

from __future__ import annotations

import numpy as np

from ruvllm_grammar.kernels.jit import kernel
from ruvllm_grammar.kernels.layout import (
    BYTE,
    CALL,
    CHECK,
    COUNT,
    END,
    FAR,
    FRAME,
    JUMP,
    LEAF,
    LEAF_END,
    MARK,
    PICK,
    RETURN,
    SPLIT,
    STEP,
    TOKEN,
)
from ruvllm_grammar.kernels.signatures import B1, BOOLS, I1, I2, L1, L2, RB1, RI1, RI2, i64, void

#: Branches of a trie node that are worth an index by byte.
_MANY = 12


# --- leaves against a vocabulary
# -----------------------------------------------------------------------------------


@kernel(void(RI2, BOOLS, I1))
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


@kernel(void(RB1, RI2, BOOLS, RI1, i64, i64, RI2, RI1, I1, I1, I1, I1, I1, I1, L1))
def leaf_frame(
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
    more,
    less,
    opened,
    shut,
    counts,
):
    """Classify every token against one state of a leaf automaton, as a difference to another state of it.

    A token *stays* when the automaton lives at its end, be it accepting there. A trie node is an *exit* when the
    automaton accepts at its last byte: tokens below may leave there. Where both runs are in the same state (a name that
    is excluded, and one that can no longer be), the whole branch needs no look. Against DEAD the difference is
    everything.

    Args:
        byte_class, transitions, accepting: the leaf (`automata.Dfa`).
        distance: int32[n_states], see `leaf_distances`.
        state, other: the state asked for, and the one whose frame is known (DEAD: nothing stays, no exits).
        nodes, order: the vocabulary's trie.
        path, twin: int32[max depth + 2], states of the two runs along the current branch.
        more, less: int32[V], written: tokens that stay from `state` only, and from `other` only.
        opened, shut: int32[E], written: exits of `state` only, and of `other` only, ascending. Nodes without branches
            are left out.
        counts: int64[5], written: numbers of the four, and the largest distance after a token that was looked at and
            stays. The numbers of exits may be larger than fit (then call again with room).
    """
    total = nodes.shape[0]
    path[0] = state
    twin[0] = other
    n_more = np.int64(0)
    n_less = np.int64(0)
    n_opened = np.int64(0)
    n_shut = np.int64(0)
    farthest = np.int64(0)
    i = np.int64(0)
    while i < total:
        kind = byte_class[nodes[i, 0] & 255]
        depth = np.uint64(nodes[i, 0] >> 8)
        following = transitions[np.uint64(path[depth]), np.uint64(kind)]
        expected = np.int32(0)
        there = twin[depth]
        if there != 0:
            expected = transitions[np.uint64(there), np.uint64(kind)]
        end = np.int64(nodes[i, 1])
        if following == expected:
            i = end
            continue
        path[depth + np.uint64(1)] = following
        twin[depth + np.uint64(1)] = expected
        first = np.int64(nodes[i, 2])
        last = np.int64(nodes[i, 3])
        if first < last:
            if following != 0:
                farthest = max(farthest, np.int64(distance[np.uint64(following)]))
                if expected == 0:
                    for k in range(first, last):
                        more[n_more] = order[k]
                        n_more += 1
            else:
                for k in range(first, last):
                    less[n_less] = order[k]
                    n_less += 1
        i += 1
        if i < end and accepting[np.uint64(following)] != accepting[np.uint64(expected)]:
            if accepting[np.uint64(following)]:
                if n_opened < opened.shape[0]:
                    opened[n_opened] = i - 1
                n_opened += 1
            else:
                if n_shut < shut.shape[0]:
                    shut[n_shut] = i - 1
                n_shut += 1
    counts[0] = n_more
    counts[1] = n_less
    counts[2] = n_opened
    counts[3] = n_shut
    counts[4] = farthest


@kernel(i64(RB1, RI2, BOOLS, RI1, i64, RB1, RI2, B1, I1))
def survives(byte_class, transitions, accepting, distance, state, usual_class, usual_transitions, seen, todo):
    """Whether every text of one automaton, cut anywhere, keeps another one alive and not accepting.

    Args:
        byte_class, transitions, accepting, distance, state: the leaf that must survive, and where it stands.
        usual_class, usual_transitions: the automaton of the texts.
        seen: uint8[states of both, multiplied], zero.
        todo: int32[m], room for the pairs of states that are met.

    Returns:
        The largest distance met; -1 where it does not survive, or meets more than `m` pairs.
    """
    n = np.int64(usual_transitions.shape[0])
    farthest = np.int64(0)
    todo[0] = state * n + 1
    seen[todo[0]] = 1
    at = np.int64(0)
    stop = np.int64(1)
    while at < stop:
        here = np.int64(todo[at]) // n
        usual = np.int64(todo[at]) - here * n
        at += 1
        for byte in range(256):
            text = np.int64(usual_transitions[usual, usual_class[byte]])
            if text == 0:
                continue
            following = np.int64(transitions[here, byte_class[byte]])
            if following == 0 or accepting[following]:
                return np.int64(-1)
            pair = following * n + text
            if seen[pair] == 0:
                if stop == todo.shape[0]:
                    return np.int64(-1)
                seen[pair] = 1
                todo[stop] = pair
                stop += 1
                farthest = max(farthest, np.int64(distance[following]))
    return farthest


@kernel(i64(RI2, I2, L2, I2))
def branches(nodes, exits, masks, fans):
    """Look at the branches below exits, so that those a continuation cannot read are skipped, or found directly.

    Args:
        nodes: the vocabulary's trie.
        exits: int32[m, 3] = (trie node, characters completed before, written: row of `fans` or -1).
        masks: int64[m, 4], written: the first bytes of an exit's branches as 256 bits.
        fans: int32[f, 256], written: node of each branch of an exit that has many, or -1.

    Returns:
        Exits that have many branches; those beyond `f` have no row.
    """
    found = np.int64(0)
    for e in range(exits.shape[0]):
        stop = np.int64(nodes[exits[e, 0], 1])
        count = 0
        for k in range(4):
            masks[e, k] = 0
        exits[e, 2] = -1
        i = np.int64(exits[e, 0] + 1)
        while i < stop:
            byte = np.int64(nodes[i, 0] & 255)
            masks[e, byte >> 6] |= np.int64(1) << (byte & 63)
            count += 1
            i = np.int64(nodes[i, 1])
        if count > _MANY:
            if found < fans.shape[0]:
                exits[e, 2] = found
                fans[found] = -1
                i = np.int64(exits[e, 0] + 1)
                while i < stop:
                    fans[found, nodes[i, 0] & 255] = i
                    i = np.int64(nodes[i, 1])
            found += 1
    return found


@kernel(i64(RB1, RI2, BOOLS, i64, i64, RI2, RI1, I1, I1, I1, I2))
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
        exits: int32[m, 2] = (trie node of the closer, characters completed before it).

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
            if n < exits.shape[0]:
                exits[n, 0] = i
                exits[n, 1] = chars[depth]
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


@kernel(i64(I2, I1, I1, I1, RI2, I2, i64))
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
