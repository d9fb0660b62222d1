"""llguidance: an Earley parser over derivatives, lazy; the engine that MaskBench comes from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import llguidance
import numpy as np

from bench import vocabulary
from bench.engines import Grammar, Logits, Matcher, Refused, Words, bit


class _Sequence:
    idle: Callable[[], None] | None = None

    def __init__(self, matcher: llguidance.LLMatcher, words: Words) -> None:
        self._matcher = matcher
        self._words = words
        self._at = (words.ctypes.data, words.nbytes)

    def mask(self) -> None:
        self._matcher.unsafe_compute_mask_ptr(*self._at)  # without the microsecond its Python wrapper adds

    def legal(self, token: int) -> bool:
        return not self._matcher.is_error() and bit(self._words[0], token)

    def advance(self, token: int) -> None:
        self._matcher.consume_token(token)


class _Compiled:
    """A matcher that is put back to its start for each sequence: its lexer stays warm, which a new one's would not."""

    def __init__(self, make: Callable[[], llguidance.LLMatcher], words: Words) -> None:
        self._make = make
        self._matcher = make()
        self._words = words
        if self._matcher.is_error():
            raise Refused(self._matcher.get_error())

    def matcher(self) -> Matcher:
        if self._matcher.is_error() or not self._matcher.reset():
            self._matcher = self._make()
        return _Sequence(self._matcher, self._words)


class LLGuidance:
    """The tokenizer object belongs to the vocabulary, and is made once."""

    name = "llguidance"
    package = "llguidance"
    settings = "defaults: any whitespace, canonical tokens of forced text only, slices for JSON"

    def __init__(self, tokens: vocabulary.Tokens) -> None:
        self._tokenizer = llguidance.LLTokenizer.from_tiktoken(
            encoder={text: rank for rank, text in enumerate(tokens.ordinary)},
            special_tokens=tokens.special,
            pattern=tokens.pattern,
            eos_token=list(vocabulary.EOS),
            n_vocab=vocabulary.SIZE,
            slices=None,
        )
        self._words = np.zeros((1, (vocabulary.SIZE + 31) // 32), dtype=np.int32)

    def compile(self, schema: str) -> Grammar:
        """The grammar's text, and a matcher from it."""
        grammar = llguidance.LLMatcher.grammar_from_json_schema(schema)
        return _Compiled(lambda: llguidance.LLMatcher(self._tokenizer, grammar, log_level=0), self._words)

    def applier(self, logits: Logits) -> Callable[[Matcher], None]:
        """Its torch kernel, compiled; the numpy one takes milliseconds."""
        import torch
        from llguidance.torch import apply_token_bitmask_inplace

        rows, masks = torch.from_numpy(logits), torch.from_numpy(self._words)

        def apply(_: Matcher) -> None:
            apply_token_bitmask_inplace(rows, masks)

        return apply


def make(folder: Path, _: str) -> LLGuidance:
    """The engine over the prepared vocabulary."""
    return LLGuidance(vocabulary.read(folder))
