"""Walks through a grammar, so that what a model will meet is known before it comes: rows, transitions, forced text.

A walk writes random legal tokens; a third of the choices is among tokens with a quote or a bracket, because nearly
every token is legal inside a string and one in hundreds ends it. After `_FREE` tokens it has to come to an end, by
`finish_within`, which is what the runtime uses for every answer: so distances are computed, and kept, too. Given
documents are followed by the longest tokens that spell them.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ruvllm_grammar.errors import LimitError, MatchError, VocabularyError
from ruvllm_grammar.kernels.layout import I32
from ruvllm_grammar.match import CompiledGrammar, Matcher
from ruvllm_grammar.tables import Row
from ruvllm_grammar.vocab import Vocabulary

_FREE = 40  # tokens before a walk has to come to its end
_SPARE = 8  # tokens it may use beyond the shortest way there
_LONGEST = 4096  # tokens of a document that are followed
_CLOSERS = frozenset(b'"]}')


def explore(grammar: CompiledGrammar, *, walks: int, documents: Iterable[bytes] = ()) -> None:
    """Walk a grammar: the first mask, `walks` random documents, the same ones every time, and those given."""
    matcher = grammar.matcher()
    matcher.legal()
    if walks:
        _ = matcher.tokens_to_finish
    for text in documents:
        _follow(grammar.matcher(), text, grammar.vocabulary)
    for number in range(walks):
        _wander(grammar.matcher(), random.Random(f"{grammar.fingerprint} {number}"), grammar.vocabulary)


def _wander(matcher: Matcher, randomness: random.Random, vocabulary: Vocabulary) -> None:
    written = 0
    try:
        while not matcher.is_finished:
            if written == _FREE:
                matcher.finish_within(matcher.tokens_to_finish + _SPARE)
            for token in matcher.forced():
                matcher.accept(token)
                written += 1
                if written == _FREE:
                    break
            row = matcher.legal()
            if not row.count or written > _LONGEST:
                return  # a dead end, which a guard announces
            matcher.accept(_drawn(row, randomness, vocabulary))
            written += 1
    except (LimitError, VocabularyError):
        return  # the vocabulary cannot spell it, or a budget is reached: what was learned so far is kept


def _drawn(row: Row, randomness: random.Random, vocabulary: Vocabulary) -> int:
    """A legal token."""
    if row.form == "few":
        return _one_of(row.ids, randomness)
    words = np.empty(vocabulary.words, np.int32)
    row.copy_to(words)
    if randomness.random() < 1 / 3:
        closing = _closing(vocabulary)
        legal = closing[(words[closing >> 5] >> (closing & 31)) & 1 != 0]
        if len(legal):
            return _one_of(legal, randomness)
    return _one_of(np.flatnonzero(np.unpackbits(words.view(np.uint8), bitorder="little")), randomness)


def _one_of(tokens: npt.NDArray[Any], randomness: random.Random) -> int:
    return int(tokens[randomness.randrange(len(tokens))])


@lru_cache(maxsize=1)
def _closing(vocabulary: Vocabulary) -> I32:
    """Tokens with a quote or a closing bracket, and end tokens."""
    found = [
        token
        for token in range(vocabulary.size)
        if token in vocabulary.eos or not _CLOSERS.isdisjoint(vocabulary.token_bytes(token) or b"")
    ]
    return np.array(found, np.int32)


def _follow(matcher: Matcher, text: bytes, vocabulary: Vocabulary) -> None:
    """Fill the masks on the way through a document, as far as it is one."""
    nodes, order = vocabulary.trie.nodes, vocabulary.trie.order
    at = 0
    try:
        for _ in range(_LONGEST):
            matcher.legal()
            if at == len(text):
                return
            token, length = _longest(nodes, order, text, at)
            matcher.accept(token)
            at += length
    except (MatchError, LimitError):
        return  # no document of this grammar; the way up to here is known all the same


def _longest(nodes: I32, order: I32, text: bytes, at: int) -> tuple[int, int]:
    """The longest token that begins `text[at:]`, and its length; (-1, 1) where none does."""
    found, length = -1, 1
    low, high = 0, len(nodes)
    for depth in range(len(text) - at):
        byte = text[at + depth]
        while low < high and int(nodes[low, 0]) & 255 < byte:
            low = int(nodes[low, 1])
        if low >= high or int(nodes[low, 0]) & 255 != byte:
            break
        if nodes[low, 2] < nodes[low, 3]:
            found, length = int(order[nodes[low, 2]]), depth + 1
        low, high = low + 1, int(nodes[low, 1])
    return found, length
