"""A vocabulary's trie as linked branches, for walks that visit little of it.

Kernels read the flat trie. Where Python must follow a few texts through it, a dictionary per branch is faster; they
are made when visited, and forgotten when there are too many.
"""

from __future__ import annotations

from ruvllm_grammar.kernels.layout import I32
from ruvllm_grammar.vocab import Trie

_MOST = 65_536


class Branch:
    """A node of the trie, or its root.

    Attributes:
        node: index of the node in the flat trie; -1 for the root.
    """

    __slots__ = ("_children", "_tree", "node")

    def __init__(self, tree: TokenTree, node: int) -> None:
        self._tree = tree
        self._children: dict[int, Branch] | None = None
        self.node = node

    @property
    def children(self) -> dict[int, Branch]:
        """The next branches, by byte."""
        if self._children is None:
            self._children = self._tree.expand(self.node)
        return self._children

    @property
    def tokens(self) -> I32:
        """Tokens that end here."""
        _, _, low, high = self._tree.trie.nodes[self.node]
        return self._tree.trie.order[low:high]

    @property
    def below(self) -> I32:
        """Tokens that end here or further on."""
        nodes = self._tree.trie.nodes
        _, end, low, _ = nodes[self.node]
        return self._tree.trie.order[low : nodes[end - 1, 3]]


class TokenTree:
    """The branches of one trie. Threads may race to make a branch; either result serves.

    Attributes:
        trie: the flat trie.
    """

    def __init__(self, trie: Trie) -> None:
        self.trie = trie
        self._made = 0
        self._root = Branch(self, -1)

    @property
    def root(self) -> Branch:
        """The branch of the empty text."""
        if self._made > _MOST:
            self._made = 0
            self._root = Branch(self, -1)
        return self._root

    def find(self, text: bytes) -> Branch:
        """The branch of the beginning of some token."""
        branch = self.root
        for byte in text:
            branch = branch.children[byte]
        return branch

    def expand(self, node: int) -> dict[int, Branch]:
        """The children of a node."""
        nodes = self.trie.nodes
        stop = len(nodes) if node < 0 else int(nodes[node, 1])
        found = {}
        child = node + 1
        while child < stop:
            found[int(nodes[child, 0]) & 255] = Branch(self, child)
            child = int(nodes[child, 1])
        self._made += len(found)
        return found
