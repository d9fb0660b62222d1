"""Text to ids by ranks, for vocabularies that were read from a file and have no tokenizer object beside them.

Files of ranks (tiktoken's, Tekken's) hold all of byte-level BPE: a token's rank is the order in which it was learnt, so
merging means joining, again and again, the two neighbours whose union has the lowest rank. A pattern cuts the text into
pieces first, and nothing is merged across a cut.

    pieces of `{"name": 1}`    {"   name   ":   1 (with its space: " ", "1")   }
    "name"                     n a m e -> n am e -> n ame -> name          ranks of am < ame < name

Cost. Quadratic in the length of a piece, which is a word. It serves the few bytes that a grammar forces, not prompts.

Lineage: byte pair encoding of words (Sennrich, Haddow and Birch, 2016, "Neural Machine Translation of Rare Words with
Subword Units"), on bytes and by rank as in tiktoken.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import regex

from ruvllm_grammar.errors import VocabularyError


class RankEncoder:
    """Byte-level BPE, where the order of ids is the order of merges.

    Args:
        tokens: bytes by id, None for ids that are not text.
        pattern: the pieces of a text, as a pattern of the `regex` package.

    Raises:
        VocabularyError: the pattern cannot be read.
    """

    def __init__(self, tokens: Sequence[bytes | None], pattern: str) -> None:
        try:
            self._pattern = regex.compile(pattern)
        except regex.error as reason:
            raise VocabularyError(
                f"the tokenizer's pattern {pattern!r} cannot be read: {reason}; give the pattern of its own file"
            ) from reason
        self._ranks: dict[bytes, int] = {}
        for i, text in enumerate(tokens):
            if text:
                self._ranks.setdefault(text, i)

    def __call__(self, text: str) -> list[int]:
        """The ids of a text.

        Raises:
            VocabularyError: a byte of the text has no token of its own.
        """
        found: list[int] = []
        for piece in self._pattern.finditer(text):
            data = piece.group().encode()
            whole = self._ranks.get(data)
            found += self._merged(data) if whole is None else [whole]
        return found

    def _merged(self, piece: bytes) -> list[int]:
        ranks = self._ranks
        parts = [piece[i : i + 1] for i in range(len(piece))]
        while len(parts) > 1:
            joined = [ranks.get(a + b) for a, b in pairwise(parts)]
            lowest = min((rank for rank in joined if rank is not None), default=None)
            if lowest is None:
                break
            at = joined.index(lowest)
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        try:
            return [ranks[part] for part in parts]
        except KeyError as missing:
            raise VocabularyError(
                f"the vocabulary has no token for {missing.args[0]!r}: it is not byte-level; read it with its tokenizer"
            ) from None
