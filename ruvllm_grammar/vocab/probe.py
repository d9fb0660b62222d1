"""Does the table agree with the tokenizer? Asked with a few texts, each time a tokenizer is read.

A table is right when the bytes of the ids of a text are that text. Llama 3 encodes `naïve` to 3458, 38672,
588, and its table says `6E 61`, `C3 AF`, `76 65`: together `"naïve".encode()`. Tokenizer files and the
classes that load them do not always fit (a byte-level file loaded as SentencePiece produces garbage without
any error), and a wrong table would show as grammars that mysteriously allow nothing. Hence: prove it on some
text, or refuse.

A probe proves nothing, and is skipped, where the tokenizer rewrites the text before it is spelled (lower
case, NFKC), where the vocabulary has no token for one of its characters, and where its ids hold one that is
not text.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ruvllm_grammar.errors import VocabularyError
from ruvllm_grammar.vocab.reading import Reading

PROBES = (
    "Hello, world",
    ' {"key": [1, -2.5e3, true, null]}',
    "two  spaces,\ttab\r\nand line",
    "don't Ġ ##x",  # what one kind of vocabulary would read as its own notation
    "naïve café, größer",
    "日本語のテキスト",
    "a😀b",
)


def prove(reading: Reading, not_text: Collection[int]) -> None:
    """Compare texts with the bytes of their ids.

    Args:
        reading: what a reader found.
        not_text: its ids that spell nothing.

    Raises:
        VocabularyError: one of them comes back as other bytes.
    """
    if reading.encode is None:
        return
    tokens = reading.tokens
    known = {text for text in tokens if text and len(text) <= 5}  # characters, perhaps behind a space
    for text in PROBES if reading.probes is None else reading.probes:
        spaced = b" " + text.encode() if reading.leading_space else text.encode()
        if reading.rewritten(text) not in {text.encode(), spaced} or not _covered(text, known):
            continue
        ids = list(reading.encode(text))
        if any(i in not_text for i in ids):
            continue
        spelled = b"".join(_bytes(tokens, i) for i in ids)
        if spelled not in {text.encode(), spaced}:
            raise VocabularyError(
                f"{reading.origin}: {text!r} is encoded to {ids}, which spell {spelled!r}: the loaded class "
                "does not fit the tokenizer file; load it with PreTrainedTokenizerFast(tokenizer_file=...), or "
                "give the exact bytes to Vocabulary.from_tokens"
            )


def _covered(text: str, known: Collection[bytes]) -> bool:
    return all(
        char.encode() in known
        or b" " + char.encode() in known
        or all(bytes([byte]) in known for byte in char.encode())
        for char in text
    )


def _bytes(tokens: Sequence[bytes | None], token_id: int) -> bytes:
    return (tokens[token_id] or b"") if token_id < len(tokens) else b""
