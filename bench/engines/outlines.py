"""outlines-core: the schema becomes a regular expression, and that an index of all states and tokens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import outlines_core
from outlines_core.json_schema import build_regex_from_schema

from bench import vocabulary
from bench.engines import Grammar, Logits, Matcher, Refused, Words, bit


class _Sequence:
    idle: Callable[[], None] | None = None

    def __init__(self, guide: outlines_core.Guide, words: Words) -> None:
        self._guide = guide
        self._words = words
        self._at = (words.ctypes.data, words.size, words.itemsize)

    def mask(self) -> None:
        self._guide.write_mask_into(*self._at)

    def legal(self, token: int) -> bool:
        return bit(self._words, token)

    def advance(self, token: int) -> None:
        self._guide.advance(token, return_tokens=False)


class _Compiled:
    def __init__(self, index: outlines_core.Index, words: Words) -> None:
        self._index = index
        self._words = words

    def matcher(self) -> Matcher:
        return _Sequence(outlines_core.Guide(self._index), self._words)


class OutlinesCore:
    """The vocabulary object is made once."""

    name = "outlines-core"
    package = "outlines-core"
    settings = "defaults: at most one blank between JSON tokens, recursion three deep"

    def __init__(self, tokens: vocabulary.Tokens) -> None:
        ids: dict[bytes, list[int]] = {}
        for token, text in enumerate(tokens.ordinary):
            ids.setdefault(text, []).append(token)
        self._tokens = outlines_core.Vocabulary(vocabulary.EOS[0], ids)
        self._words = np.zeros((vocabulary.SIZE + 31) // 32, dtype=np.int32)

    def compile(self, schema: str) -> Grammar:
        """The regular expression and its index."""
        try:
            index = outlines_core.Index(build_regex_from_schema(schema), self._tokens)
        except (TypeError, ValueError) as error:
            raise Refused(str(error)) from error
        return _Compiled(index, self._words)

    def applier(self, logits: Logits) -> Callable[[Matcher], None]:
        """Its torch kernel, compiled."""
        import torch
        from outlines_core.kernels.torch import apply_token_bitmask_inplace

        rows, masks = torch.from_numpy(logits).unsqueeze(0), torch.from_numpy(self._words).unsqueeze(0)

        def apply(_: Matcher) -> None:
            apply_token_bitmask_inplace(rows, masks)

        return apply


def make(folder: Path, _: str) -> OutlinesCore:
    """The engine over the prepared vocabulary."""
    return OutlinesCore(vocabulary.read(folder))
