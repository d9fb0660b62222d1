"""Exact bytes from a SentencePiece model: the protocol buffer itself, read with thirty lines.

The file is a `ModelProto` (sentencepiece_model.proto). Of it we need the pieces (field 1: text 1, type 3),
the id that ends a sequence (field 2, `trainer_spec`, field 42), and how text becomes pieces (field 3,
`normalizer_spec`: `add_dummy_prefix` 3, `escape_whitespaces` 5). A protocol buffer is a sequence of keys and
values; a key, a varint, is `number << 3 | wire type`: 0 a varint, 1 eight bytes, 2 a length and that many
bytes, 5 four bytes.

```text
0A 0E                       field 1, 14 bytes: a piece
   0A 07 E2 96 81 74 68 65 72   field 1, 7 bytes: "▁ther"
   15 00 00 84 C3               field 2, a float: its score, of no interest here
                                field 3 is absent: NORMAL
```

What a piece spells depends on its type. CONTROL, UNKNOWN and UNUSED pieces are never text; a BYTE piece
`<0x0A>` is that byte; in NORMAL and USER_DEFINED pieces U+2581 is a space. Only the type makes a byte piece:
a normal piece that looks like one is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruvllm_grammar.errors import VocabularyError
from ruvllm_grammar.vocab.reading import Reading, file_bytes

SPACE_MARK = "\N{LOWER ONE EIGHTH BLOCK}".encode()
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
_BYTE_PIECE = re.compile(rb"<0x([0-9A-Fa-f]{2})>")
_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5


def read(processor: Any) -> Reading:
    """Read a `sentencepiece.SentencePieceProcessor`, or anything that has the same methods.

    Raises:
        VocabularyError: the model holds something that makes the bytes of a piece uncertain.
    """
    reading = parse(processor.serialized_model_proto(), origin=f"tokenizer {type(processor).__name__}")
    reading.encode = processor.encode
    reading.rewritten = lambda text: processor.normalize(text).encode().replace(SPACE_MARK, b" ")
    return reading


def read_file(path: str | Path) -> Reading:
    """Read a `tokenizer.model` file.

    Raises:
        VocabularyError: it cannot be read, or is not a SentencePiece model.
    """
    return parse(file_bytes(path), origin=f"tokenizer file {path}")


def parse(model: bytes, *, origin: str) -> Reading:
    """Read a serialised `ModelProto`.

    Raises:
        VocabularyError: it is not one, or the bytes of a piece are uncertain.
    """
    reading = Reading(origin=origin, tokens=[])
    eos, escapes, prefix = 2, True, True  # the defaults of the proto file
    pieces: list[tuple[bytes, int]] = []
    try:
        for number, value in _fields(model):
            match number, value:
                case 1, bytes():
                    described = dict(_fields(value))
                    pieces.append((described[1], described.get(3, NORMAL)))
                case 2, bytes():
                    eos = dict(_fields(value)).get(42, eos)
                case 3, bytes():
                    normaliser = dict(_fields(value))
                    prefix, escapes = bool(normaliser.get(3, prefix)), bool(normaliser.get(5, escapes))
                case 5, bytes() if dict(_fields(value)).get(2):
                    raise VocabularyError(
                        f"{origin}: it rewrites text after decoding (denormalizer_spec), so the bytes of a "
                        "piece are uncertain: give them to Vocabulary.from_tokens"
                    )
    except (IndexError, KeyError, TypeError, ValueError) as reason:
        raise VocabularyError(f"{origin}: not a SentencePiece model: fetch the file again") from reason
    if not pieces:
        raise VocabularyError(f"{origin}: not a SentencePiece model, it has no pieces: fetch the file again")
    reading.leading_space = prefix
    for i, (piece, kind) in enumerate(pieces):
        _put(reading, i, piece, kind, escapes=escapes)
    if 0 <= eos < len(pieces):
        reading.eos.add(eos)
    return reading


def _put(reading: Reading, i: int, piece: bytes, kind: int, *, escapes: bool) -> None:
    if kind in {NORMAL, USER_DEFINED}:
        reading.put(i, piece.replace(SPACE_MARK, b" ") if escapes else piece)
        if kind == USER_DEFINED:
            reading.names[piece.decode("utf-8", "replace")] = i
    elif kind in {UNKNOWN, CONTROL, UNUSED}:
        reading.put_special(i, piece.decode("utf-8", "replace"))
    elif kind == BYTE and (byte := _BYTE_PIECE.fullmatch(piece)):
        reading.put(i, bytes.fromhex(byte[1].decode()))
    else:
        raise VocabularyError(
            f"{reading.origin}: piece {i}, {piece!r}, has the unknown type {kind}: give the exact bytes to "
            "Vocabulary.from_tokens"
        )


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Number and value of each field: int for varints, bytes for the rest."""
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        wire = key & 7
        if wire == _VARINT:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if wire == _BYTES:
            size, at = _varint(message, at)
        elif wire in {_EIGHT_BYTES, _FOUR_BYTES}:
            size = 8 if wire == _EIGHT_BYTES else 4
        else:
            raise ValueError(f"wire type {wire}")
        if at + size > end:
            raise IndexError(at)
        yield key >> 3, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return value - (1 << 64) if value >> 63 else value, at  # negative numbers take ten bytes
        shift += 7
