"""What a reader found in a tokenizer, before it becomes a vocabulary.

Each kind of tokenizer has its own reader (`hf`, `sentencepiece`, `tekken`, `tiktoken`); all of them fill in
this one record, and `Vocabulary` alone turns it into a table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ruvllm_grammar.errors import VocabularyError


@dataclass(slots=True, kw_only=True)
class Reading:
    """The tokens of one tokenizer.

    Attributes:
        origin: what was read, for messages.
        tokens: for each id its exact bytes; None where there is no token.
        special: ids that are never text.
        names: tokens that have a name of their own (special, added, control), spelling to id.
        eos: ids which the tokenizer itself says end the sequence.
        encode: text to ids without special tokens, or None when only a file was read.
        rewritten: the text that `encode` will spell, after the tokenizer's normalisation.
        leading_space: whether `encode` puts a space of its own before the text.
        probes: texts that `encode` and the bytes must agree on, None for the usual ones.
    """

    origin: str
    tokens: list[bytes | None]
    special: set[int] = field(default_factory=set)
    names: dict[str, int] = field(default_factory=dict)
    eos: set[int] = field(default_factory=set)
    encode: Callable[[str], Sequence[int]] | None = None
    rewritten: Callable[[str], bytes] = str.encode
    leading_space: bool = False
    probes: tuple[str, ...] | None = None

    def put(self, token_id: int, text: bytes) -> None:
        """Set the bytes of one id, growing the table where the ids have a hole before it."""
        if token_id >= len(self.tokens):
            self.tokens += [None] * (token_id + 1 - len(self.tokens))
        self.tokens[token_id] = text

    def put_special(self, token_id: int, name: str) -> None:
        """Note a special token: it has a name and no bytes."""
        self.put(token_id, b"")
        self.special.add(token_id)
        self.names[name] = token_id


def table(pairs: Iterable[tuple[int, bytes]], origin: str) -> list[bytes | None]:
    """The list of tokens by id; ids may have holes but not two different tokens.

    Raises:
        VocabularyError: an id is negative or given twice.
    """
    by_id: dict[int, bytes] = {}
    for token_id, text in pairs:
        if token_id < 0 or by_id.setdefault(token_id, text) is not text:
            raise VocabularyError(
                f"{origin}: id {token_id} is negative or given to two tokens: the tokenizer file is damaged, "
                "fetch it again"
            )
    return [by_id.get(i) for i in range(max(by_id, default=-1) + 1)]


def file_bytes(path: str | Path) -> bytes:
    """The whole of a tokenizer file.

    Raises:
        VocabularyError: it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as reason:
        raise VocabularyError(f"cannot read the tokenizer file {path}: {reason.strerror}") from reason
