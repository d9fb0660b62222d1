"""A frame says what every token does to a leaf state; the twin asks each token byte by byte."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.grammars import regular, vocabularies

from ruvllm_grammar import ir
from ruvllm_grammar.automata import leaf_dfa, spelled_char_dfa
from ruvllm_grammar.kernels.layout import FAR
from ruvllm_grammar.kernels.structure import hash_tokens, leaf_distances
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.program import LeafBlock
from ruvllm_grammar.syntax.regex import read_pattern
from ruvllm_grammar.tables.frames import FrameStore
from ruvllm_grammar.tables.usual import usual_text
from ruvllm_grammar.vocab import Vocabulary


def members(row, size: int) -> set[int]:
    return {i for i in range(size) if (int(row[i >> 5]) >> (i & 31)) & 1}


def run(dfa, state: int, byte: int) -> int:
    return int(dfa.transitions[state, dfa.byte_to_class[byte]])


def placed(dfa) -> LeafBlock:
    distance = np.empty(dfa.n_states, np.int32)
    leaf_distances(dfa.transitions, dfa.accepting, distance)
    far = dfa.distances()
    assert distance.tolist() == [FAR if d < 0 else d for d in far.tolist()]
    return LeafBlock(dfa, 0, False, dfa.live_bytes(), distance)


def farthest(dfa, state: int, stay: set[int], vocabulary) -> int:
    ends = [state]
    for token in stay:
        here = state
        for byte in vocabulary.token_bytes(token):
            here = run(dfa, here, byte)
        ends.append(here)
    far = dfa.distances()
    return max((int(far[s]) for s in ends[1:]), default=0)


def naive_leaf(dfa, state: int, vocabulary):
    """Tokens that live at their end; beginnings of tokens, not whole ones alone, at which the leaf accepts."""
    stay, exits = set(), set()
    for token in range(vocabulary.size):
        text = vocabulary.token_bytes(token)
        if text is None:
            continue
        here = state
        for cut, byte in enumerate(text):
            if cut and dfa.accepting[here]:
                exits.add((text[:cut], 0))
            here = run(dfa, here, byte)
            if here == 0:
                break
        else:
            stay.add(token)
    return stay, exits


def naive_counted(dfa, state: int, vocabulary):
    need, exits = {}, set()
    for token in range(vocabulary.size):
        text = vocabulary.token_bytes(token)
        if text is None:
            continue
        here, done = state, 0
        for cut, byte in enumerate(text):
            if here == 1 and byte == 0x22:
                exits.add((text[: cut + 1], done))
                break
            here = run(dfa, here, byte)
            if here == 0:
                break
            if dfa.accepting[here]:
                here, done = 1, done + 1
        else:
            need[token] = done if here == 1 else done + 1
    return need, exits


def listed(frame, vocabulary):
    """Exits as the bytes that lead there."""
    nodes = vocabulary.trie.nodes
    out = set()
    for exit_node, done, _ in frame.exits.nodes.tolist():
        text, node, depth = b"", exit_node, int(nodes[exit_node, 0]) >> 8
        while depth >= 0:
            while int(nodes[node, 0]) >> 8 != depth:
                node -= 1
            text = bytes([int(nodes[node, 0]) & 255]) + text
            depth -= 1
        out.add((text, done))
    assert frame.exits.nodes[:, 0].tolist() == sorted(frame.exits.nodes[:, 0].tolist())
    for (exit_node, _, fan), mask in zip(frame.exits.nodes.tolist(), frame.exits.masks, strict=True):
        below = {}
        node = exit_node + 1
        while node < nodes[exit_node, 1]:
            below[int(nodes[node, 0]) & 255] = node
            node = int(nodes[node, 1])
        assert {b for b in range(256) if int(mask[b >> 6]) >> (b & 63) & 1} == set(below)
        assert (fan >= 0) == (len(below) > 12)
        if fan >= 0:
            assert {b: int(i) for b, i in enumerate(frame.exits.fans[fan]) if i >= 0} == below
    return out


def staying(frame, vocabulary, allowed: int = -1) -> set[int]:
    bits, more, less = frame.stay(allowed)
    held = set() if bits is None else members(bits, vocabulary.size)
    assert held.isdisjoint(more.tolist())
    assert held.issuperset(less.tolist())
    return (held - set(less.tolist())) | set(more.tolist())


@settings(max_examples=60)
@given(st.one_of(regular().map(ir.json_string), regular().map(ir.leaf)), vocabularies())
def test_leaf_frames_equal_the_naive_classification(e, vocabulary):
    if not isinstance(e, (ir.Leaf, ir.JsonString)):
        return
    dfa = leaf_dfa(e, Limits())
    block = placed(dfa)
    store = FrameStore(vocabulary)
    for state in range(1, min(dfa.n_states, 9)):
        frame = store.leaf(block, state)
        stay, exits = naive_leaf(dfa, state, vocabulary)
        assert staying(frame, vocabulary) == stay
        assert listed(frame, vocabulary) == exits
        assert frame.hash == hash_tokens(np.array(sorted(stay), np.int32))
        assert store.leaf(block, state) is frame
        assert frame.longest >= farthest(dfa, state, stay, vocabulary)


@settings(max_examples=20)
@given(vocabularies(), st.integers(0, 5))
def test_counted_frames_equal_the_naive_classification(vocabulary, room):
    dfa = spelled_char_dfa()
    block = placed(dfa)
    store = FrameStore(vocabulary)
    for state in range(1, dfa.n_states):
        if dfa.accepting[state]:
            continue
        frame = store.counted(block, state)
        need, exits = naive_counted(dfa, state, vocabulary)
        assert {i: int(n) for i, n in enumerate(frame.need) if n >= 0} == need
        assert listed(frame, vocabulary) == exits
        assert frame.widest == max(need.values(), default=0)
        assert staying(frame, vocabulary, room) == {i for i, n in need.items() if n <= room}


def test_the_store_is_bounded_by_bytes():
    from ruvllm_grammar.vocab import Vocabulary

    vocabulary = Vocabulary.from_tokens([bytes([b]) for b in range(256)] + [None], eos={256})
    dfa = leaf_dfa(ir.json_string(ir.ANY_TEXT), Limits())
    block = placed(dfa)
    one = FrameStore(vocabulary).leaf(block, 2).nbytes
    store = FrameStore(vocabulary, max_bytes=2 * one)
    for state in range(1, dfa.n_states):
        store.leaf(block, state)
    assert store.nbytes <= 2 * one + max(store.leaf(block, s).nbytes for s in range(1, dfa.n_states))
    assert len(store) < dfa.n_states - 1


@given(
    regular(2), st.lists(st.text('ab\\"é', max_size=3), max_size=4), vocabularies(), st.integers(0, 2**32 - 1)
)
@settings(max_examples=60)
def test_frames_derived_from_one_another_equal_the_naive_filter(body, names, vocabulary, seed):
    excluded = ir.json_string(ir.but_not(ir.ANY_TEXT, ir.alt(*map(ir.literal, names))))
    leaves = [e for e in (ir.leaf(body), excluded) if e not in {ir.NEVER, ir.EMPTY}]
    store = FrameStore(vocabulary)
    for block in (placed(leaf_dfa(e, Limits())) for e in leaves):
        dfa = block.dfa
        for state in np.random.default_rng(seed).permutation(np.arange(1, dfa.n_states))[:12].tolist():
            frame = store.leaf(block, state)
            stay, exits = naive_leaf(dfa, state, vocabulary)
            assert staying(frame, vocabulary) == stay
            assert listed(frame, vocabulary) == exits
            assert frame.hash == hash_tokens(np.array(sorted(stay), np.int32))
            assert frame.longest >= farthest(dfa, state, stay, vocabulary)


def test_a_rest_is_known_across_leaves(monkeypatch):
    vocabulary = make_vocabulary()
    store = FrameStore(vocabulary)
    walked = []
    monkeypatch.setattr(FrameStore, "_usually", _counting(FrameStore._usually, walked))
    for names in (["name", "value"], ["id"], ["anything", "else", "name"]):
        leaf = ir.json_string(ir.but_not(ir.ANY_TEXT, ir.alt(*map(ir.literal, names))))
        block = placed(leaf_dfa(leaf, Limits()))
        for state in range(1, block.dfa.n_states):
            store.leaf(block, state)
    assert len(walked) == 1  # any text from here; all else differs little from it, or is narrow


def test_dropped_frames_are_made_again():
    vocabulary = make_vocabulary()
    store = FrameStore(vocabulary, max_bytes=1)
    block = placed(leaf_dfa(ir.json_string(ir.but_not(ir.ANY_TEXT, ir.literal("ab"))), Limits()))
    for _ in range(2):
        for state in range(1, block.dfa.n_states):
            stay, _ = naive_leaf(block.dfa, state, vocabulary)
            assert staying(store.leaf(block, state), vocabulary) == stay
    assert len(store) == 1


SEARCHED = (".*name.*", "[^a]*", "a.*", ".*é", "(ab|.)*", r"[\s\S]*x[\s\S]*", r"\S*", ".{0,3}", r"[^\u2028]*")


@pytest.mark.parametrize("pattern", SEARCHED)
def test_frames_of_patterns_that_usual_text_survives_equal_the_naive_filter(pattern):
    vocabulary = make_vocabulary()
    store = FrameStore(vocabulary)
    block = placed(leaf_dfa(ir.json_string(read_pattern(pattern, search=False, limits=Limits())), Limits()))
    for state in range(1, min(block.dfa.n_states, 60)):
        frame = store.leaf(block, state)
        stay, exits = naive_leaf(block.dfa, state, vocabulary)
        assert staying(frame, vocabulary) == stay
        assert listed(frame, vocabulary) == exits
        assert frame.hash == hash_tokens(np.array(sorted(stay), np.int32))
        assert frame.longest >= farthest(block.dfa, state, stay, vocabulary)


def test_usual_text_is_most_of_a_vocabulary():
    vocabulary = make_vocabulary()
    usual = usual_text(vocabulary)
    tokens = members(usual.bits, vocabulary.size)
    assert usual.hash == hash_tokens(np.array(sorted(tokens), np.int32))
    texts = {t: vocabulary.token_bytes(t) for t in range(vocabulary.size)}
    others = {t for t, text in texts.items() if text is not None} - tokens
    assert {texts[t] for t in tokens} >= {b"a", b"name", "é".encode(), b"\xc3", b"valu"}
    assert all(set(texts[t]) & {0x22, 0x5C} or min(texts[t]) < 0x20 or max(texts[t]) > 0x7F for t in others)
    nodes, order = usual.nodes, vocabulary.trie.order
    assert {int(t) for _, _, low, high in nodes for t in order[low:high]} == others
    assert np.array_equal(nodes[:, 0], vocabulary.trie.nodes[usual.origin, 0])
    depth = nodes[:, 0] >> 8
    for i, end in enumerate(nodes[:, 1]):
        assert (depth[i + 1 : end] > depth[i]).all()
        assert end == len(nodes) or depth[end] <= depth[i]


def make_vocabulary() -> Vocabulary:
    texts = ["a", "name", 'name"', '":', '",', "abc", "valu", "é", "id", 'd"', "\\u00", "ab"]
    return Vocabulary.from_tokens([bytes([b]) for b in range(256)] + [t.encode() for t in texts], eos={0})


def _counting(method, calls):
    def wrapped(self, block, state):
        calls.append(state)
        return method(self, block, state)

    return wrapped
