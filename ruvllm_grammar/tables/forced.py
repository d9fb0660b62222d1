"""Forced text: bytes that must follow, spelled in tokens that may be appended without asking the model.

Forcing is decided on *bytes* (exactly one byte lives), never on masks: after `{"na` only `me` can follow,
although several tokens (`m`, `me`, `me"`) are legal. The text is spelled greedily by longest tokens. At its
end the model must keep its choice: a last token is given up when some longer token starts at the same place
and runs past the forced text, because the model might have wanted that one.
"""

from __future__ import annotations

from ruvllm_grammar.vocab import Trie, Vocabulary


def _matches(trie: Trie, text: bytes, start: int) -> tuple[list[tuple[int, int]], bool]:
    """(length, token) of tokens that start `text[start:]`, and whether some token runs past the text."""
    nodes = trie.nodes
    low, high = 0, len(nodes)
    found: list[tuple[int, int]] = []
    for depth in range(len(text) - start):
        byte = text[start + depth]
        i = low
        while i < high and (int(nodes[i, 0]) & 255) < byte:
            i = int(nodes[i, 1])
        if i >= high or (int(nodes[i, 0]) & 255) != byte:
            return found, False
        if nodes[i, 2] < nodes[i, 3]:
            found.append((depth + 1, int(trie.order[nodes[i, 2]])))
        low, high = i + 1, int(nodes[i, 1])
    return found, low < high


def spell(vocabulary: Vocabulary, text: bytes) -> list[int]:
    """Tokens that spell a prefix of the forced `text`, longest first, up to where the model must choose."""
    trie = vocabulary.trie
    out: list[int] = []
    at = 0
    while at < len(text):
        found, runs_past = _matches(trie, text, at)
        if not found or runs_past:
            break
        length, token = found[-1]
        out.append(token)
        at += length
    return out
