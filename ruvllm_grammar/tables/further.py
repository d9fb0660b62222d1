"""Tokens that may finish a sibling of their own: `","a"`, `[],[`, `},{}`.

Where no earlier sibling threatens the text being written, a token can still fall foul of uniqueness by *beginning and
finishing* another name or item after it. Few tokens of any vocabulary can: they hold a comma or an opening bracket
with a whole scalar or an empty container behind it. They are found once per vocabulary and tried one by one.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ruvllm_grammar.vocab import Trie, Vocabulary

_FURTHER = re.compile(
    rb'[,\[{][ \t\r\n]*(?:"(?:[^"\\]|\\.)*"|-?[0-9]|true|false|null|\[[ \t\r\n]*\]|\{[ \t\r\n]*\})', re.DOTALL
)
_BEGUN = re.compile(rb",[ \t\r\n]*(?:t|tr|tru|f|fa|fal|fals|n|nu|nul|-|[\[{][ \t\r\n]*)")


def further_tokens(vocabulary: Vocabulary) -> Trie:
    """The trie of these tokens."""
    return _chosen(vocabulary, lambda text: _FURTHER.search(text) is not None)


def comma_tokens(vocabulary: Vocabulary) -> Trie:
    """The trie of tokens with a comma, which may begin another sibling."""
    return _chosen(vocabulary, lambda text: b"," in text)


def begun_tokens(vocabulary: Vocabulary) -> Trie:
    """The trie of tokens that end within a sibling of which little can become: a constant, a bracket just opened."""
    return _chosen(vocabulary, lambda text: _BEGUN.fullmatch(text, max(text.rfind(b","), 0)) is not None)


def _chosen(vocabulary: Vocabulary, wanted: Callable[[bytes], bool]) -> Trie:
    data, offsets = vocabulary.data.tobytes(), vocabulary.offsets.tolist()
    found = {
        token: text
        for token in vocabulary.trie.order.tolist()
        if wanted(text := data[offsets[token] : offsets[token + 1]])
    }
    return Trie.from_strings(list(found.values()), list(found))
