"""lm-format-enforcer: character parsers in Python over a prefix tree of the vocabulary."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from lmformatenforcer import JsonSchemaParser
from lmformatenforcer.tokenenforcer import TokenEnforcer, TokenEnforcerTokenizerData

from bench import vocabulary
from bench.engines import Grammar, Logits, Matcher, Refused


class _Sequence:
    """Asks with the whole sequence, as the library wants; it remembers every sequence it was asked about."""

    idle: Callable[[], None] | None = None

    def __init__(self, enforcer: TokenEnforcer) -> None:
        self._enforcer = enforcer
        self._sequence: list[int] = []
        self.allowed: Any = None

    def mask(self) -> None:
        self.allowed = self._enforcer.get_allowed_tokens(self._sequence)

    def legal(self, token: int) -> bool:
        return bool(self.allowed.is_token_allowed(token))

    def advance(self, token: int) -> None:
        self._sequence.append(token)


class _Compiled:
    def __init__(self, enforcer: TokenEnforcer) -> None:
        self._enforcer = enforcer

    def matcher(self) -> Matcher:
        return _Sequence(self._enforcer)


class LMFormatEnforcer:
    """The prefix tree belongs to the vocabulary, and is made once."""

    name = "lm-format-enforcer"
    package = "lm-format-enforcer"
    settings = "defaults: lists of allowed ids, at most 12 blanks in a row, at most 20 items"

    def __init__(self, tokens: vocabulary.Tokens) -> None:
        logging.disable(logging.CRITICAL)  # it logs every error of its own, with the sequence
        texts = tokens.texts

        def decode(ids: Sequence[int]) -> str:
            return b"".join(texts[token] for token in ids).decode("utf-8", "replace").rstrip("\ufffd")

        regular = [
            (token, text.decode("utf-8", "replace"), False) for token, text in enumerate(tokens.ordinary)
        ]
        self._data = TokenEnforcerTokenizerData(regular, decode, list(vocabulary.EOS), False, vocabulary.SIZE)

    def compile(self, schema: str) -> Grammar:
        """The parser at its start; everything else happens in masks."""
        try:
            return _Compiled(TokenEnforcer(self._data, JsonSchemaParser(json.loads(schema))))
        except Exception as error:  # it refuses with whatever its parser happens to raise
            raise Refused(f"{type(error).__name__}: {error}") from error

    def applier(self, logits: Logits) -> Callable[[Matcher], None]:
        """As a processor of prefixes does: minus infinity everywhere but at the allowed ids."""
        penalty = np.empty_like(logits)

        def apply(matcher: Matcher) -> None:
            assert isinstance(matcher, _Sequence)
            penalty.fill(-np.inf)
            penalty[matcher.allowed.allowed_tokens] = 0.0
            np.add(logits, penalty, out=logits)

        return apply


def make(folder: Path, _: str) -> LMFormatEnforcer:
    """The engine over the prepared vocabulary."""
    return LMFormatEnforcer(vocabulary.read(folder))
