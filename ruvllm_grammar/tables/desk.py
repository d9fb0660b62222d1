"""Making and changing the arrays that `kernels.gather` works with (`kernels.layout.Desk`)."""

from __future__ import annotations

from typing import Final

import numpy as np

from ruvllm_grammar.kernels.layout import I32, Desk
from ruvllm_grammar.vocab import Trie

_TOKENS: Final = 8192
_EXITS: Final = 512
_FANS: Final = 16
_FRAMES: Final = 16


def first_nodes(trie: Trie) -> I32:
    """int32[256]: the trie's node of each first byte, or -1."""
    found = np.full(256, -1, np.int32)
    node = 0
    while node < len(trie.nodes):
        found[int(trie.nodes[node, 0]) & 255] = node
        node = int(trie.nodes[node, 1])
    found.setflags(write=False)
    return found


def on_desk(desk: Desk, **arrays: np.ndarray) -> Desk:
    """The same desk with other arrays in some places; the only way to make one from another."""
    changed = desk._replace(**arrays)  # type: ignore[arg-type]  # the one field that is no array is not given
    words = np.array([word for array in changed[:-2] for word in (_address(array), array.shape[0])], np.int64)
    return changed._replace(words=words, address=_address(words))


def new_desk(trie: Trie, roots: I32) -> Desk:
    """A desk for one grammar: no frames yet, little room."""
    return on_desk(
        Desk(
            trie=trie.nodes,
            order=trie.order,
            roots=roots,
            frame_of=np.full(512, -1, np.int32),
            frames=np.zeros((_FRAMES, 6), np.int64),
            exits=np.empty((_EXITS, 3), np.int32),
            masks=np.empty((_EXITS, 4), np.int64),
            fans=np.empty((_FANS, 256), np.int32),
            path=np.zeros(trie.max_depth + 2, np.int32),
            spelled=np.zeros((trie.max_depth + 2, 2), np.int32),
            out=np.empty(_TOKENS, np.int32),
            result=np.zeros(8, np.int64),
            words=np.zeros(0, np.int64),
            address=0,
        )
    )


def _address(array: np.ndarray) -> int:
    found: int = array.__array_interface__["data"][0]
    return found
