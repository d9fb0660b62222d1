"""The flat prefix tree against its naive twin, and `check` against broken trees."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from reference.naive_trie import naive_trie

from ruvllm_grammar.errors import VocabularyError
from ruvllm_grammar.vocab import Trie

# Few letters, so that prefixes and duplicates are common; the extreme bytes, for the order.
strings = st.lists(
    st.binary(min_size=1, max_size=6) | st.text("ab\x00", min_size=1, max_size=6).map(str.encode)
)


def as_lists(trie: Trie) -> tuple[list[list[int]], list[int]]:
    return trie.nodes.tolist(), trie.order.tolist()


def paths(trie: Trie) -> list[tuple[bytes, int]]:
    """Every (bytes, id) of the tree, found by walking down from the root as a kernel would."""
    found = []
    spelled = bytearray()
    for byte_and_depth, _, lo, hi in trie.nodes.tolist():
        del spelled[byte_and_depth >> 8 :]
        spelled.append(byte_and_depth & 255)
        found += [(bytes(spelled), i) for i in trie.order[lo:hi].tolist()]
    return found


@given(strings, st.randoms(use_true_random=False))
@example([b"a", b"ab", b"ab", b"b", b"ba"], None)
@example([b"\xff", b"\x00", b"\x00\x00", b"\xff\x00"], None)
def test_equals_its_naive_twin(texts, random):
    ids = list(range(len(texts)))
    if random is not None:
        random.shuffle(ids)
    trie = Trie.from_strings(texts, ids)
    trie.check()
    assert as_lists(trie) == naive_trie(texts, ids)
    assert trie.max_depth == max(map(len, texts), default=0)
    assert len(trie) == len(trie.nodes)
    assert sorted(paths(trie)) == sorted(zip(texts, ids, strict=True))


@given(strings, st.data())
def test_a_subtree_is_one_slice_of_order(texts, data):
    trie = Trie.from_strings(texts, range(len(texts)))
    if not texts:
        return
    prefix = data.draw(st.sampled_from(texts))
    prefix = prefix[: data.draw(st.integers(1, len(prefix)))]
    (at,) = [i for i, (spelled, _) in enumerate(_spelled(trie)) if spelled == prefix]
    _, end, lo, _ = trie.nodes[at].tolist()
    below = trie.order[lo : trie.nodes[end - 1, 3]].tolist()
    assert sorted(below) == [i for i, text in enumerate(texts) if text.startswith(prefix)]


def _spelled(trie):
    spelled = bytearray()
    for byte_and_depth in trie.nodes[:, 0].tolist():
        del spelled[byte_and_depth >> 8 :]
        spelled.append(byte_and_depth & 255)
        yield bytes(spelled), byte_and_depth >> 8


def test_the_example_of_the_essay():
    trie = Trie.from_strings([b"a", b"ab", b"b", b"ab", b"ba"], [7, 5, 4, 3, 6])
    assert as_lists(trie) == (
        [
            [ord("a") | 0 << 8, 2, 0, 1],
            [ord("b") | 1 << 8, 2, 1, 3],
            [ord("b") | 0 << 8, 4, 3, 4],
            [ord("a") | 1 << 8, 4, 4, 5],
        ],
        [7, 3, 5, 4, 6],
    )


def test_one_id_at_several_strings():
    assert paths(Trie.from_strings([b"ab", b"b"], [1, 1])) == [(b"ab", 1), (b"b", 1)]


def test_long_tokens_need_no_recursion():
    texts = [b" " * n for n in range(1, 5000, 7)] + [b"\n" * 512]
    trie = Trie.from_strings(texts, range(len(texts)))
    trie.check()
    assert trie.max_depth == len(texts[-2])
    assert sorted(paths(trie)) == sorted((text, i) for i, text in enumerate(texts))


def test_without_strings_there_are_no_nodes():
    trie = Trie.from_strings([], [])
    trie.check()
    assert (trie.nodes.shape, trie.order.shape, trie.max_depth) == ((0, 4), (0,), 0)


def test_arrays_are_read_only():
    trie = Trie.from_strings([b"a"], [0])
    for array in (trie.nodes, trie.order):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


TOO_LONG = "a string has {} bytes, allowed are 1 to 8388607: leave it out, it is not text"


@pytest.mark.parametrize(
    ("texts", "ids", "message"),
    [
        ([b"a"], [], "1 strings but 0 ids: give one id for each string"),
        ([b"a", b""], [0, 1], TOO_LONG.format(0)),
        ([b"a" * (1 << 23)], [0], TOO_LONG.format(8388608)),
        ([b"a"], [-1], "token ids must be in 0 .. 2**31 - 1, got -1 .. -1"),
        ([b"a"], [1 << 31], "token ids must be in 0 .. 2**31 - 1, got 2147483648 .. 2147483648"),
        ([b"a", b"a"], [3, 3], "token id 3 is given twice with the same bytes"),
    ],
    ids=["lengths", "empty", "too long", "negative id", "wide id", "twice"],
)
def test_refusals(texts, ids, message):
    with pytest.raises(VocabularyError) as refusal:
        Trie.from_strings(texts, ids)
    assert str(refusal.value) == message


# b"a" (7), b"ab" (3, 5), b"b" (4), b"ba" (6), with one cell changed: (row, column, value).
BROKEN = [
    ("depth", (1, 0, ord("b") | 2 << 8), "2 is broken: depth grows by one at most (node [1])"),
    ("first depth", (0, 0, ord("a") | 1 << 8), "2 is broken: depth grows by one at most (node [0])"),
    ("end too early", (0, 1, 1), "3 is broken: end is the next node that is not deeper (node [0])"),
    ("end too late", (1, 1, 3), "3 is broken: end is the next node that is not deeper (node [1])"),
    ("sibling order", (2, 0, ord("A")), "4 is broken: siblings ascend (node [0])"),
    ("equal siblings", (2, 0, ord("a")), "4 is broken: siblings ascend (node [0])"),
    ("first range", (0, 2, 1), "5 is broken: token ranges cover order"),
    ("gap", (2, 2, 4), "5 is broken: the next node's token range follows (node [1])"),
    ("last range", (3, 3, 4), "5 is broken: token ranges cover order"),
]


@pytest.mark.parametrize(("cell", "message"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_check_names_the_broken_invariant(cell, message):
    trie = Trie.from_strings([b"a", b"ab", b"b", b"ab", b"ba"], [7, 5, 4, 3, 6])
    nodes = trie.nodes.copy()
    nodes[cell[:2]] = cell[2]
    nodes.setflags(write=False)
    with pytest.raises(VocabularyError) as refusal:
        replace(trie, nodes=nodes).check()
    assert str(refusal.value) == f"trie invariant {message}; rebuild it from its vocabulary"


def read_only(values, dtype=np.int32):
    array = np.array(values, dtype)
    array.setflags(write=False)
    return array


@pytest.mark.parametrize(
    ("trie", "number"),
    [
        (Trie(np.zeros((0, 4), np.int32), read_only([]), 0), 1),
        (Trie(read_only([[97, 1, 0, 1]], np.int64), read_only([0]), 1), 1),
        (Trie(read_only([[97, 1, 0]]), read_only([0]), 1), 1),
        (Trie(read_only([[97, 1, 0, 1]]), read_only([0]), 2), 2),
        (Trie(read_only(np.zeros((0, 4))), read_only([]), 1), 2),
        (Trie(read_only(np.zeros((0, 4))), read_only([0]), 0), 5),
        (Trie(read_only([[97, 1, 0, 0]]), read_only([]), 1), 6),
        (Trie(read_only([[97, 1, 0, 2]]), read_only([4, 3]), 1), 7),
        (Trie(read_only([[97, 1, 0, 2]]), read_only([3, 3]), 1), 7),
        (Trie(read_only([[97, 1, 0, 1]]), read_only([-1]), 1), 7),
    ],
)
def test_check_of_whole_arrays(trie, number):
    with pytest.raises(VocabularyError, match=f"^trie invariant {number} is broken"):
        trie.check()
