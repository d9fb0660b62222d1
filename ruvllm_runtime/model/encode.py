"""Prompt text to token ids.

With a Hugging Face tokenizer, its own encoding. Without one (a vocabulary of bytes, or one read from a package that
ships a table but no merge rules) the longest token that fits is taken at each place. That is not what a trained
model was shown, so it serves random weights and tests; the bytes are right in any case.

    vocabulary {a, ab, b, c}, text "abc":  ab, c
"""

from __future__ import annotations

from typing import Any, Protocol

import ruvllm_grammar as rg
from ruvllm_runtime.errors import RequestError


class Encoder(Protocol):
    """Whatever turns prompts into token ids."""

    def encode(self, text: str) -> list[int]:
        """The ids of `text`, with begin-of-text where the model expects one."""
        ...


class LongestMatchEncoder:
    """Takes the longest token at each place; begins with `bos` if there is one."""

    def __init__(self, vocabulary: rg.Vocabulary, *, bos: int | None = None) -> None:
        self._ids: dict[bytes, int] = {}
        for token in range(vocabulary.size):
            text = vocabulary.token_bytes(token)
            if text:
                self._ids.setdefault(text, token)
        self._longest = max(map(len, self._ids), default=0)
        self._bos = bos

    def encode(self, text: str) -> list[int]:
        """The ids of `text` in UTF-8; O(length * longest token).

        Raises:
            RequestError: a byte of the text starts no token of the vocabulary.
        """
        data = text.encode("utf-8")
        ids = [] if self._bos is None else [self._bos]
        at = 0
        while at < len(data):
            for size in range(min(self._longest, len(data) - at), 0, -1):
                token = self._ids.get(data[at : at + size])
                if token is not None:
                    ids.append(token)
                    at += size
                    break
            else:
                raise RequestError(
                    f"byte 0x{data[at]:02X} at offset {at} of the prompt starts no token of the vocabulary",
                    param="prompt",
                )
        return ids


class TokenizerEncoder:
    """The encoding of a Hugging Face tokenizer, with its special tokens at the start."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def encode(self, text: str) -> list[int]:
        """The tokenizer's ids of `text`."""
        return list(self._tokenizer.encode(text, add_special_tokens=True))
