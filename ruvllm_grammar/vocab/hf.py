"""Exact bytes from a Hugging Face fast tokenizer, read from its own JSON.

`tokenizer.decode([i])` does not tell the bytes of a token: what is not UTF-8 on its own comes back as U+FFFD,
and some decoders strip spaces. The serialised tokenizer tells them: its vocabulary holds *pieces* and its
decoder says how pieces become text.

```text
decoder         piece     bytes    how
ByteLevel       Ġcafé     20 63 61 66 E9       each character stands for a byte (the alphabet of GPT-2)
ByteLevel       ™         E2 84 A2             outside that alphabet: literal
ByteFallback    <0xE9>    E9                   exactly six characters
Metaspace       ▁café     20 63 61 66 C3 A9    U+2581 stands for a space
WordPiece       ##fé      66 C3 A9             without the prefix a word begins: a space goes before
```

Added tokens bypass all of this. Special ones are not text; the others are found in the text before any piece
is, so they are their content, literally: an added `Ġx` is C4 A0 78. Two things are known of the sequence as a
whole and therefore not of a token: the space that SentencePiece puts before a text, and the one its decoder
strips again.

Lineage: the byte alphabet is `bytes_to_unicode` of GPT-2 (Radford et al. 2019); the steps are those of the
`tokenizers` library. Anything else in a decoder is refused: a guess here would be a wrong mask later.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ruvllm_grammar.errors import VocabularyError
from ruvllm_grammar.vocab.reading import Reading, table

SPACE_MARK = "\N{LOWER ONE EIGHTH BLOCK}"  # U+2581, SentencePiece's visible space
_BYTE_PIECE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_ROLES = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")

# Bytes that stand for themselves in the alphabet of GPT-2; the others became the characters from U+0100 on.
_VISIBLE = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))
_HIDDEN = tuple(byte for byte in range(256) if byte not in _VISIBLE)
# Alphabet to byte, for str.translate; what Latin-1 has and the alphabet lacks is moved where Latin-1 cannot
# reach.
_FROM_ALPHABET = dict.fromkeys(_HIDDEN, 65535) | {0x100 + n: byte for n, byte in enumerate(_HIDDEN)}


def read(backend: Any, tokenizer: Any) -> Reading:
    """Read a fast tokenizer.

    Args:
        backend: a `tokenizers.Tokenizer`.
        tokenizer: the object the user holds, which may know more special tokens; it may be `backend` itself.

    Raises:
        VocabularyError: the decoder has a step of which the bytes of a token do not follow.
    """
    origin = f"tokenizer {getattr(tokenizer, 'name_or_path', '') or type(tokenizer).__name__}"
    described = json.loads(backend.to_str())
    spelling = _Spelling.of(described["decoder"], described["model"], origin)
    pieces = _pieces(described["model"])
    spelling.require_fit([piece for _, piece in pieces], origin)
    reading = Reading(
        origin=origin,
        tokens=table(((i, spelling.spell(piece)) for i, piece in pieces), origin),
        encode=lambda text: backend.encode(text, add_special_tokens=False).ids,
        rewritten=lambda text: spelling.spell(_normalised(backend, text)),
        leading_space=spelling.words is not None or _prepends_space(described),
        probes=None if spelling.words is None else ("hello world",),
    )
    _read_added(reading, described["added_tokens"], dict(pieces), spelling)
    for i, piece in pieces:  # what the model cannot spell: stands for any text, so it has none
        if i == described["model"].get("unk_id") or piece == described["model"].get("unk_token"):
            reading.put_special(i, piece)
    for role in _ROLES:
        role_id, name = (
            getattr(tokenizer, f"{role}_token_id", None),
            getattr(tokenizer, f"{role}_token", None),
        )
        if isinstance(role_id, int) and isinstance(name, str):
            reading.put_special(role_id, name)
    return reading


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spelling:
    """How one tokenizer's pieces become bytes."""

    alphabet: bool = False
    byte_pieces: bool = False
    replaced: tuple[tuple[str, str], ...] = ()
    words: str | None = None

    @classmethod
    def of(cls, decoder: Any, model: Any, origin: str) -> _Spelling:
        """Read the decoder; refuse every step that is not understood or that depends on the neighbours."""
        alphabet, fused, words = False, False, None
        byte_pieces = False
        replaced: list[tuple[str, str]] = []
        for step in _steps(decoder):
            match step:
                case {"type": "ByteLevel"}:
                    alphabet = fused = True
                case {"type": "ByteFallback"}:
                    byte_pieces = True
                case {"type": "Fuse"}:
                    fused = True
                case {"type": "Metaspace", "replacement": str(mark)}:
                    replaced.append((mark, " "))
                case {"type": "Replace", "pattern": {"String": str(old)}, "content": str(new)} if (
                    len(old) == 1 or not fused
                ):
                    replaced.append((old, new))
                case {"type": "Strip"} if fused:
                    pass  # of the whole text, not of a token
                case {"type": "WordPiece", "prefix": str(prefix)}:
                    words = prefix
                case _:
                    raise _unknown_decoder(decoder, origin)
        kinds = alphabet + (words is not None) + bool(byte_pieces or replaced)
        if kinds != 1:
            raise _unknown_decoder(decoder, origin)
        byte_pieces |= bool(replaced and model.get("byte_fallback"))  # an older conversion without the step
        return cls(alphabet=alphabet, byte_pieces=byte_pieces, replaced=tuple(replaced), words=words)

    def spell(self, piece: str) -> bytes:
        """The bytes of one piece."""
        if self.alphabet:
            try:
                return piece.translate(_FROM_ALPHABET).encode("latin-1")
            except UnicodeEncodeError:
                return piece.encode()  # outside the alphabet: literal
        if self.words is not None:
            return (
                piece.removeprefix(self.words).encode()
                if piece.startswith(self.words)
                else f" {piece}".encode()
            )
        for old, new in self.replaced:
            piece = piece.replace(old, new)
        if self.byte_pieces and (byte := _BYTE_PIECE.fullmatch(piece)):
            return bytes.fromhex(byte[1])
        return piece.encode()

    def require_fit(self, pieces: list[str], origin: str) -> None:
        """Refuse pieces that are spelled for another decoder: their spaces would become other characters."""
        has_alphabet_space = any("\u0120" in piece for piece in pieces)
        has_mark = any(SPACE_MARK in piece for piece in pieces)
        if (self.alphabet and has_mark and not has_alphabet_space) or (
            self.replaced and has_alphabet_space and not has_mark
        ):
            wrong, right = (
                ("SentencePiece", "byte-level") if self.alphabet else ("byte-level", "SentencePiece")
            )
            raise VocabularyError(
                f"{origin}: the pieces are {wrong} but the decoder is {right}: the loaded class does not fit "
                "the tokenizer file; load it with PreTrainedTokenizerFast(tokenizer_file=...)"
            )


def _unknown_decoder(decoder: Any, origin: str) -> VocabularyError:
    return VocabularyError(
        f"{origin}: the exact bytes of a token do not follow from the decoder {json.dumps(decoder)}: give "
        "them to Vocabulary.from_tokens"
    )


def _steps(decoder: Any) -> Iterator[Any]:
    if isinstance(decoder, dict) and decoder.get("type") == "Sequence":
        for inner in decoder["decoders"]:
            yield from _steps(inner)
    else:
        yield decoder


def _pieces(model: Any) -> list[tuple[int, str]]:
    """Id and piece; a Unigram model lists `[piece, score]` by id, and may hold a piece twice."""
    vocabulary = model["vocab"]
    if isinstance(vocabulary, dict):
        return [(i, piece) for piece, i in vocabulary.items()]
    return [(i, piece) for i, (piece, _) in enumerate(vocabulary)]


def _read_added(reading: Reading, added: list[Any], pieces: dict[int, str], spelling: _Spelling) -> None:
    for token in added:
        i, content = token["id"], token["content"]
        if token["special"]:
            reading.put_special(i, content)
            continue
        # SentencePiece's user-defined symbols are listed as added too, and in the notation of pieces (the
        # runs of spaces of Gemma): as pieces of the model they keep their bytes. The byte alphabet has no
        # such symbols.
        keeps = spelling.replaced and pieces.get(i) == content
        reading.put(i, spelling.spell(content) if keeps else content.encode())
        reading.names[content] = i


def _normalised(backend: Any, text: str) -> str:
    normalised: str = text if backend.normalizer is None else backend.normalizer.normalize_str(text)
    return normalised


def _prepends_space(described: Any) -> bool:
    """Whether encoding puts a space before the text, by the normaliser or by the pre-tokenizer."""

    def any_part(part: Any, holds: Callable[[Any], bool]) -> bool:
        if not isinstance(part, dict):
            return False
        inner = (*part.get("normalizers", ()), *part.get("pretokenizers", ()))
        return holds(part) or any(any_part(each, holds) for each in inner)

    return any_part(described["normalizer"], lambda part: part["type"] == "Prepend") or any_part(
        described["pre_tokenizer"],
        lambda part: part.get("prepend_scheme", "never") != "never" or bool(part.get("add_prefix_space")),
    )
