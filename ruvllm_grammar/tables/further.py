"""Tokens by what they do to siblings: finish one of their own, or the string that is being written.

Where no earlier sibling threatens the text being written, a token can still fall foul of uniqueness by *beginning and
finishing* another name or item after it. Few tokens of any vocabulary can: they hold a comma or an opening bracket
with a whole scalar or an empty container behind it. They are found once per vocabulary and tried one by one.

Where one does threaten, only a token with a closing quote can repeat it, and of these there are few different ones: in
a vocabulary of 128,256 tokens 1,345 hold a quote, in 196 ways up to it. They are listed by what they spell, so that the
tokens that finish `name` as `names` are found by looking up `s`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from ruvllm_grammar.kernels.layout import I32
from ruvllm_grammar.vocab import Trie, Vocabulary

_FURTHER = re.compile(
    rb'[,\[{][ \t\r\n]*(?:"(?:[^"\\]|\\.)*"|-?[0-9]|true|false|null|\[[ \t\r\n]*\]|\{[ \t\r\n]*\})', re.DOTALL
)
_BEGUN = re.compile(rb",[ \t\r\n]*(?:t|tr|tru|f|fa|fal|fals|n|nu|nul|-|[\[{][ \t\r\n]*)")
_CHARS = rb'((?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*)"'
_NUMERIC = frozenset(b"-0123456789")
_WITHIN = re.compile(_CHARS)
_ESCAPED = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.")
_WHOLE = re.compile(rb'[ \t\r\n]*"' + _CHARS)

#: ASCII that a JSON string holds as it is: no quote, backslash or control character.
PLAIN: Final = np.array([byte for byte in range(0x20, 0x7F) if byte not in b'"\\'])


class Ending(NamedTuple):
    """Tokens that begin with the same end of a string.

    Attributes:
        text: these bytes, with the closing quote.
        tokens: ids, int32.
    """

    text: bytes
    tokens: I32


class Endings(NamedTuple):
    """Tokens that finish a string, by what they write of it, in UTF-8 whatever the spelling.

    Attributes:
        within: of a string that has begun.
        whole: of one that has not, with white space before it.
    """

    within: dict[bytes, tuple[Ending, ...]]
    whole: dict[bytes, tuple[Ending, ...]]


def string_endings(vocabulary: Vocabulary) -> Endings:
    """The tokens that finish a string."""
    texts = _texts(vocabulary, b'"')
    return Endings(_by_content(texts, _WITHIN), _by_content(texts, _WHOLE))


def _by_content(texts: dict[int, bytes], pattern: re.Pattern[bytes]) -> dict[bytes, tuple[Ending, ...]]:
    grouped: dict[bytes, dict[bytes, list[int]]] = {}
    for token, text in texts.items():
        match = pattern.match(text)
        if match is not None:
            grouped.setdefault(_ESCAPED.sub(_unescaped, match[1]), {}).setdefault(match[0], []).append(token)
    return {
        content: tuple(Ending(text, np.array(tokens, np.int32)) for text, tokens in found.items())
        for content, found in grouped.items()
    }


def _unescaped(escape: re.Match[bytes]) -> bytes:
    char: str = json.loads(b'"' + escape[0] + b'"')
    return char.encode("utf-8", "surrogatepass")


def quoted_tokens(vocabulary: Vocabulary) -> Trie:
    """The trie of tokens with a quote."""
    return _chosen(vocabulary, b'"', lambda _: True)


def numeric_nodes(trie: Trie) -> frozenset[int]:
    """Nodes of a trie that spell nothing but digits, perhaps behind a sign."""
    nodes = trie.nodes
    found = set()
    node = 0
    while node < len(nodes):
        if nodes.item(node, 0) & 255 in _NUMERIC:
            found.add(node)
            node += 1
        else:
            node = nodes.item(node, 1)
    return frozenset(found)


def further_tokens(vocabulary: Vocabulary) -> Trie:
    """The trie of tokens that may begin and finish a sibling."""
    return _chosen(vocabulary, b",[{", lambda text: _FURTHER.search(text) is not None)


def comma_tokens(vocabulary: Vocabulary, *, in_string: bool) -> Trie:
    """The trie of tokens with a comma, which may begin another sibling.

    Args:
        vocabulary: the tokens.
        in_string: behind the beginning of a string, so with a quote before it.
    """
    return _chosen(vocabulary, b",", lambda text: not in_string or b'"' in text[: text.rfind(b",")])


def inside_tokens(vocabulary: Vocabulary, *, in_string: bool) -> Trie:
    """Of `comma_tokens`, those that go on behind a comma with more than white space and a quote."""

    def wanted(text: bytes) -> bool:
        inside = any(part.strip(b" \t\r\n") not in {b"", b'"'} for part in text.split(b",")[1:])
        return inside and (not in_string or b'"' in text[: text.rfind(b",")])

    return _chosen(vocabulary, b",", wanted)


def begun_tokens(vocabulary: Vocabulary, *, in_string: bool) -> Trie:
    """Of `comma_tokens`, those that end within a sibling of which little can become: a constant, an open bracket."""

    def wanted(text: bytes) -> bool:
        comma = text.rfind(b",")
        return _BEGUN.fullmatch(text, max(comma, 0)) is not None and (not in_string or b'"' in text[:comma])

    return _chosen(vocabulary, b",", wanted)


def _chosen(vocabulary: Vocabulary, marks: bytes, wanted: Callable[[bytes], bool]) -> Trie:
    found = {token: text for token, text in _texts(vocabulary, marks).items() if wanted(text)}
    return Trie.from_strings(list(found.values()), list(found))


def plain_tokens(vocabulary: Vocabulary) -> bytes:
    """For each token, 1 if all of it is `PLAIN`, else 0."""
    plain = np.zeros(256, bool)
    plain[PLAIN] = True
    wrong = np.concatenate([[0], np.cumsum(~plain[vocabulary.data])])
    offsets = vocabulary.offsets
    plain = (offsets[1:] > offsets[:-1]) & (wrong[offsets[1:]] == wrong[offsets[:-1]])
    return bytes(plain)


def _texts(vocabulary: Vocabulary, marks: bytes) -> dict[int, bytes]:
    """The tokens that hold one of these bytes, with their texts."""
    marked = np.zeros(256, bool)
    marked[list(marks)] = True
    places = np.flatnonzero(marked[vocabulary.data])
    tokens = np.unique(np.searchsorted(vocabulary.offsets, places, side="right") - 1)
    return {token: vocabulary.token_bytes(token) or b"" for token in tokens.tolist()}
