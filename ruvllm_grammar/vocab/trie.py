"""The prefix tree of a vocabulary, laid flat.

A mask asks, for every token at once, "may this token come next?". Tokens share prefixes, so one walk of
their prefix tree answers for all of them and drops a whole subtree with its first forbidden byte. The walk is
the hottest loop there is, hence the form: no pointers and no child lists, only one array of nodes in
pre-order (a node, then its subtrees by ascending byte), so that "go down" is `i + 1`, "skip this subtree" is
`end[i]`, and memory is read forwards.

The tokens `b"a"` (7), `b"ab"` (3 and 5), `b"b"` (4) and `b"ba"` (6):

```text
  i  byte depth end  token_lo token_hi   spells
  0   a     0    2      0        1       "a"
  1   b     1    2      1        3       "ab"
  2   b     0    4      3        4       "b"
  3   a     1    4      4        5       "ba"

  order = [7, 3, 5, 4, 6]
```

The children of the root are found by `c = 0; c = end[c]; ...` while `c < N`, those of node `i` by
`c = i + 1; c = end[c]; ...` while `c < end[i]`. Because of the pre-order the tokens of a whole subtree are
one slice of `order`: everything that starts with `b"a"` is `order[nodes[0, 2] : nodes[end[0] - 1, 3]]`, here
`order[0:3]`.

Construction is array work, not insertion. The distinct byte strings are sorted; the string at place `k`
shares with its predecessor a longest common prefix of `lcp[k]` bytes and brings exactly the nodes of depths
`lcp[k] .. len[k] - 1`, which, one string after the other, are the pre-order. The subtree of a node ends at
the next node of its own depth or where the subtree of its parent ends, whichever comes first: one pass per
depth.

Cost: sorting (the larger part), then O(bytes compared) for the prefixes and O(N log N) for the ends; 0.2 s
for 128,000 tokens and 275,000 nodes. Nothing recurses: real tokens reach 512 bytes.

Lineage: the flat depth-first layout with subtree sizes is that of llguidance's toktrie; building a tree from
sorted strings and their common prefixes is the LCP-interval construction of Abouelhoda, Kurtz and Ohlebusch
("Replacing suffix trees with enhanced suffix arrays", 2004).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ruvllm_grammar.errors import VocabularyError

LONGEST_TOKEN = 1 << 23  # depth shares an int32 with the byte: 23 bits are left for it

BYTE_AND_DEPTH, END, TOKEN_LO, TOKEN_HI = range(4)  # columns of `Trie.nodes`


@dataclass(frozen=True, slots=True, eq=False)
class Trie:
    """Prefix tree of byte strings that carry token ids; a frozen record of read-only arrays.

    Attributes:
        nodes: int32[N, 4], C-contiguous. Columns: `byte | depth << 8` (a first byte has depth 0); `end`, the
            index of the first node after this node's subtree; `token_lo` and `token_hi`: the tokens that end
            exactly here are `order[token_lo:token_hi]`, none when they are equal. The root is not stored.
        order: int32[M], token ids in the order in which the nodes name them.
        max_depth: bytes of the longest token, 0 for a tree without nodes.

    Invariants, verified by `check()`:
        1. `nodes` and `order` have the dtypes, shapes and layout above and are read-only.
        2. Depths are a pre-order: 0 first, then at most one more than the depth before; `max_depth` is the
           largest plus one.
        3. `end[i]` is the smallest `j > i` with `depth[j] <= depth[i]`, or N.
        4. Siblings have strictly ascending bytes.
        5. The token ranges tile `order`: `token_lo[0] == 0`, `token_lo[i + 1] == token_hi[i]`,
           `token_hi[N - 1] == M`; hence all tokens of the subtree at `i` are
           `order[token_lo[i] : token_hi[end[i] - 1]]`.
        6. Every leaf ends at least one token.
        7. The ids that end at one node are not negative and strictly ascending.
    """

    nodes: NDArray[np.int32]
    order: NDArray[np.int32]
    max_depth: int

    @classmethod
    def from_strings(cls, strings: Sequence[bytes], ids: Sequence[int] | NDArray[np.int32]) -> Trie:
        """Build the tree in which `strings[k]` carries the id `ids[k]`.

        Equal strings share a node; the same id may stand at several strings (an exit tree needs that), but
        only once at each.

        Args:
            strings: the byte strings, none of them empty, in any order.
            ids: one id in 0 .. 2**31 - 1 for each.

        Raises:
            VocabularyError: a string is empty or longer than 2**23 - 1 bytes, an id is out of range or stands
                twice at one string, or the lengths differ.
        """
        if len(strings) != len(ids):
            raise VocabularyError(f"{len(strings)} strings but {len(ids)} ids: give one id for each string")
        if not len(strings):
            return cls(_frozen(np.empty((0, 4), np.int32)), _frozen(np.empty(0, np.int32)), 0)
        wide = np.asarray(ids, np.int64)
        if wide.min() < 0 or wide.max() >= 1 << 31:
            raise VocabularyError(f"token ids must be in 0 .. 2**31 - 1, got {wide.min()} .. {wide.max()}")
        by_id = np.argsort(wide, kind="stable").tolist()  # the sort below is stable: equal strings by id
        by_text = sorted(by_id, key=strings.__getitem__)
        order = wide[by_text].astype(np.int32)
        texts = [strings[k] for k in by_text]
        data = np.frombuffer(b"".join(texts), np.uint8)
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        if lengths.min() == 0 or lengths.max() >= LONGEST_TOKEN:
            raise VocabularyError(
                f"a string has {lengths.max() if lengths.min() else 0} bytes, allowed are 1 to "
                f"{LONGEST_TOKEN - 1}: leave it out, it is not text"
            )
        starts = np.cumsum(lengths) - lengths
        common = _common_prefixes(data, starts, lengths)
        new = common < lengths  # sorted: a string that adds no node equals its predecessor
        twice = ~new[1:] & (order[1:] == order[:-1])
        if twice.any():
            raise VocabularyError(f"token id {order[1:][twice][0]} is given twice with the same bytes")
        nodes = _emit(data, starts[new], lengths[new], common[new], np.flatnonzero(new), n_tokens=len(order))
        return cls(_frozen(nodes), _frozen(order), int(lengths.max()))

    def __len__(self) -> int:
        """The number of nodes N."""
        return len(self.nodes)

    def first_byte_counts(self) -> NDArray[np.int64]:
        """int64[256]: how many tokens begin with each byte."""
        counts = np.zeros(256, np.int64)
        child = 0
        while child < len(self.nodes):
            byte, end = int(self.nodes[child, BYTE_AND_DEPTH]) & 255, int(self.nodes[child, END])
            counts[byte] = self.nodes[end - 1, TOKEN_HI] - self.nodes[child, TOKEN_LO]
            child = end
        return counts

    def check(self) -> None:
        """Verify the numbered invariants of the class; needed only for arrays that came from outside.

        Raises:
            VocabularyError: an invariant does not hold; the message names it and the node.
        """
        nodes, order = self.nodes, self.order
        formed = nodes.dtype == order.dtype == np.int32 and nodes.shape[1:] == (4,) and order.ndim == 1
        _require(1, formed and nodes.flags.c_contiguous, "nodes is int32[N, 4], order is int32[M]")
        _require(1, not (nodes.flags.writeable or order.flags.writeable), "nodes and order are read-only")
        size = len(nodes)
        if size == 0:
            _require(2, self.max_depth == 0, "max_depth of an empty trie is 0")
            _require(5, len(order) == 0, "a trie without nodes has no tokens")
            return
        byte, depth = nodes[:, BYTE_AND_DEPTH] & 255, nodes[:, BYTE_AND_DEPTH] >> 8
        end, lo, hi = nodes[:, END], nodes[:, TOKEN_LO], nodes[:, TOKEN_HI]
        _require_all(2, (depth >= 0) & (np.diff(depth, prepend=-1) <= 1), "depth grows by one at most")
        _require(2, self.max_depth == int(depth.max()) + 1, f"max_depth is {int(depth.max()) + 1}")
        _require_all(3, end == _naive_ends(depth), "end is the next node that is not deeper")
        inner = end < size
        sibling = np.flatnonzero(inner)[depth[end[inner]] == depth[inner]]
        broken = sibling[byte[end[sibling]] <= byte[sibling]]
        _require(4, broken.size == 0, f"siblings ascend (node {broken[:1].tolist()})")
        _require(5, lo[0] == 0 and hi[-1] == len(order), "token ranges cover order")
        _require_all(5, lo[1:] == hi[:-1], "the next node's token range follows")
        _require_all(5, lo <= hi, "token_lo <= token_hi")
        _require_all(6, (end > np.arange(size) + 1) | (hi > lo), "a leaf ends a token")
        _require(7, bool((order >= 0).all()), "ids are not negative")
        starts_node = np.zeros(len(order) + 1, bool)
        starts_node[lo] = True
        within = ~starts_node[1:-1]
        _require(7, bool((np.diff(order)[within] > 0).all()), "ids at one node ascend")


def _common_prefixes(
    data: NDArray[np.uint8], starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> NDArray[np.int64]:
    """int64[M]: bytes that each sorted string shares with the one before it; 0 for the first.

    Compares one byte position per round and keeps only the pairs that still agree.
    """
    common = np.zeros(len(starts), np.int64)
    alive = np.arange(1, len(starts))
    shorter = np.minimum(lengths[1:], lengths[:-1])
    position = 0
    while alive.size:
        alive = alive[shorter[alive - 1] > position]
        alive = alive[data[starts[alive] + position] == data[starts[alive - 1] + position]]
        position += 1
        common[alive] = position
    return common


def _emit(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    common: NDArray[np.int64],
    places: NDArray[np.int64],
    *,
    n_tokens: int,
) -> NDArray[np.int32]:
    """Write the nodes of distinct sorted strings: each brings those of depths `common .. lengths - 1`.

    `places` is where the tokens of each string begin in `order`; the next string's place ends them.
    """
    brought = lengths - common
    last = np.cumsum(brought) - 1  # the node at which each string ends
    first = last - brought + 1
    size = int(last[-1]) + 1
    depth = np.arange(size) - np.repeat(first - common, brought)
    nodes = np.empty((size, 4), np.int32)
    nodes[:, BYTE_AND_DEPTH] = data[np.repeat(starts, brought) + depth] | depth << 8
    nodes[:, END] = _ends(depth)
    nodes[:, TOKEN_LO] = nodes[:, TOKEN_HI] = np.repeat(places, brought)
    nodes[last, TOKEN_HI] = np.append(places[1:], n_tokens)
    return nodes


def _ends(depth: NDArray[np.int64]) -> NDArray[np.int64]:
    """int64[N]: for every node the next one that is not deeper, or N; one pass per depth from the top."""
    size = len(depth)
    by_depth = np.argsort(depth.astype(np.int32), kind="stable")
    bounds = np.cumsum(np.bincount(depth))
    ends = np.empty(size, np.int64)
    parents, parent_ends = np.array([-1]), np.array([size])  # the root that is not stored
    for level in np.split(by_depth, bounds[:-1]):
        following = np.append(level[1:], size)
        above = np.searchsorted(parents, level) - 1  # the parent: the last node before, one depth up
        ends[level] = np.minimum(following, parent_ends[above])
        parents, parent_ends = level, ends[level]
    return ends


def _naive_ends(depth: NDArray[np.int32]) -> NDArray[np.int64]:
    """The same by the definition, with a stack: `check` must not trust what it checks."""
    ends = np.full(len(depth), len(depth), np.int64)
    unfinished: list[tuple[int, int]] = []
    for node, level in enumerate(depth.tolist()):
        while unfinished and unfinished[-1][1] >= level:
            ends[unfinished.pop()[0]] = node
        unfinished.append((node, level))
    return ends


def _frozen(array: NDArray[np.int32]) -> NDArray[np.int32]:
    array.setflags(write=False)
    return array


def _require(number: int, holds: bool, what: str) -> None:  # noqa: FBT001  the statement that must be true
    if not holds:
        raise VocabularyError(f"trie invariant {number} is broken: {what}; rebuild it from its vocabulary")


def _require_all(number: int, holds: NDArray[np.bool], what: str) -> None:
    broken = np.flatnonzero(~holds)
    _require(number, broken.size == 0, f"{what} (node {broken[:1].tolist()})")
