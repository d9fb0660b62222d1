"""Random walks along the masks of a grammar: what a model could write that knows nothing."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np

import ruvllm_grammar as rg

#: Tokens after which a walk has to come to its end.
FREE = 60
#: Tokens a walk may use beyond the shortest way to the end.
SPARE = 8


@dataclass(frozen=True)
class Walk:
    """text: what was written. dead: no token was left before the document was complete."""

    text: bytes
    dead: bool


def walk(grammar: rg.CompiledGrammar, randomness: random.Random, *, free: int = FREE) -> Walk:
    """Write `free` random legal tokens, then more of them while the document must be finished.

    In strings almost every token is legal and one in hundreds ends them, so a third of the choices is made among tokens
    with a quote or a bracket, where there are any.
    """
    vocabulary = grammar.vocabulary
    closing = _closing(vocabulary)
    matcher = grammar.matcher()
    row = rg.allocate_bitmask(1, vocabulary.size)[0]
    tokens: list[int] = []
    while not matcher.is_finished:
        if len(tokens) == free:
            matcher.finish_within(matcher.tokens_to_finish + SPARE)
        matcher.fill_mask(row)
        if not row.any():
            return Walk(vocabulary.decode(tokens), dead=not matcher.is_accepting)
        some = row & closing
        chosen = some if some.any() and randomness.random() < 1 / 3 else row
        legal = np.flatnonzero(np.unpackbits(chosen.view(np.uint8), bitorder="little"))
        token = int(legal[randomness.randrange(len(legal))])
        matcher.accept(token)
        tokens.append(token)
    return Walk(vocabulary.decode(tokens), dead=False)


_CLOSING: dict[str, np.ndarray] = {}


def _closing(vocabulary: rg.Vocabulary) -> np.ndarray:
    """The row of the tokens with a quote or a bracket, and of the end tokens."""
    found = _CLOSING.get(vocabulary.fingerprint)
    if found is None:
        bits = np.zeros(32 * vocabulary.words, np.uint8)
        for token in range(vocabulary.size):
            text = vocabulary.token_bytes(token)
            bits[token] = token in vocabulary.eos or (
                text is not None and any(byte in b'"]}' for byte in text)
            )
        found = _CLOSING[vocabulary.fingerprint] = np.packbits(bits, bitorder="little").view(np.int32)
    return found
