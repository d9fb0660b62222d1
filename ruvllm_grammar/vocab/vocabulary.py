"""Token id to bytes, exactly, for every id a model can sample.

A grammar speaks of bytes and a model of ids. Everything between them rests on one table: which bytes does
id *i* append to the text? Three kinds of ids append none and are therefore never text: special tokens (a text
that spells `<|eot_id|>` is text; the token is not), the ids between the tokenizer's last one and the width of
the model's logits (checkpoints pad), and ids without a token.

The bytes lie in one buffer, `data`, with `offsets` into it, so that kernels and files can take them as they
are:

```text
tokens   [b"a", None, b"bc", b""]      ids 1 and 3 are not text
data     61 62 63
offsets  0 1 1 3 3
```
"""

from __future__ import annotations

import hashlib
import operator
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from ruvllm_grammar.errors import VocabularyError
from ruvllm_grammar.vocab import readers, sentencepiece, tekken, tiktoken
from ruvllm_grammar.vocab.names import reserved_ids, stop_names
from ruvllm_grammar.vocab.probe import prove
from ruvllm_grammar.vocab.reading import Reading
from ruvllm_grammar.vocab.trie import Trie

FORMAT = b"ruvllm vocabulary 1\n"

# The bytes that can occur in UTF-8 (RFC 3629): C0, C1 and F5 to FF never do.
UTF8_BYTES = frozenset((*range(0xC0), *range(0xC2, 0xF5)))


class _LazyTrie:
    """The one thing of a vocabulary that is made later; whoever asks first builds it, under a lock."""

    __slots__ = ("lock", "trie")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.trie: Trie | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Vocabulary:
    """The bytes of every token id of one model; made by the `from_` methods, shared between threads.

    Attributes:
        size: V, the number of ids: the width of the model's logits.
        eos: ids that end the sequence. Never empty; every one is in `special`.
        special: all ids that are never text: special tokens, padding, ids without a token.
        data: uint8[total bytes], read-only: the bytes of all tokens, one after the other.
        offsets: int64[V + 1], read-only: the bytes of id i are `data[offsets[i]:offsets[i + 1]]`, none for
            ids in `special`.
        names: spelling of special tokens, where it is known, to id.
        fingerprint: SHA-256 (hex) of format version, size, bytes, `special` and `eos`. Masks computed for one
            vocabulary hold for every other of the same fingerprint.
        byte_tokens: byte values that exist as a token of their own.
        missing_bytes: byte values that can occur in UTF-8 text and have no token of their own, ascending:
            texts that need them can perhaps not be generated.
        encode: text to ids as the model's tokenizer does it, without special tokens; None where only a table is known.
            No part of the fingerprint: masks do not depend on it, the spelling of forced text does.
    """

    size: int
    eos: frozenset[int]
    special: frozenset[int]
    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    names: Mapping[str, int]
    fingerprint: str
    byte_tokens: frozenset[int]
    missing_bytes: tuple[int, ...]
    encode: Callable[[str], Sequence[int]] | None = None
    _lazy: _LazyTrie = field(default_factory=_LazyTrie)

    @classmethod
    def from_tokens(
        cls,
        tokens: Sequence[bytes | None],
        *,
        eos: Collection[int],
        special: Collection[int] = (),
        size: int | None = None,
        names: Mapping[str, int] | None = None,
        encode: Callable[[str], Sequence[int]] | None = None,
    ) -> Vocabulary:
        """A vocabulary from the exact byte string of every id.

        Args:
            tokens: `tokens[i]` is what id i appends to the text; None or b"" for ids that append nothing.
            eos: ids that end the sequence; always special.
            special: ids that are never text whatever `tokens` says; that spelling then serves as their name.
            size: width of the model's logits. Ids from `len(tokens)` on are padding, ids from `size` on are
                dropped. Default: `len(tokens)`.
            names: further names of special tokens.
            encode: text to ids as the model's tokenizer does it, without special tokens.

        Raises:
            VocabularyError: a token is not bytes, an id is outside the vocabulary, or `eos` is empty.
        """
        size = len(tokens) if size is None else size
        if size < 1:
            raise VocabularyError(f"size={size} leaves no ids: pass the width of the model's logits")
        stops = _ids("eos", eos, size)
        if not stops:
            raise VocabularyError(
                "no end-of-sequence id is known, so a finished text could never end: pass eos={...} with "
                "every id that stops the model (see its generation_config.json and chat template)"
            )
        table = _bytes_of(tokens[:size])
        table += [b""] * (size - len(table))
        widest = max(size, len(tokens))
        not_text = stops | {i for i in _ids("special", special, widest) if i < size}
        called = {}
        for name, i in ({} if names is None else names).items():
            if i in not_text or (0 <= i < size and not table[i]):
                called[name] = i
            elif not size <= i < widest:
                raise VocabularyError(f"id {i}, named {name!r}, is not special: correct it, or make it so")
        for i in sorted(not_text):
            if table[i]:
                called.setdefault(table[i].decode("utf-8", "backslashreplace"), i)
                table[i] = b""
        not_text |= {i for i, text in enumerate(table) if not text}
        return cls._from_table(table, stops, not_text, called, encode)

    @classmethod
    def from_tokenizer(
        cls, tokenizer: Any, *, size: int | None = None, eos: Collection[int] | None = None
    ) -> Vocabulary:
        """A vocabulary from a tokenizer object, proved on a few texts.

        Understood are fast Hugging Face tokenizers (of transformers, or bare), SentencePiece processors,
        mistral-common's tokenizers, tiktoken encodings, and wrappers around one of these. Not text are:
        special and control tokens, the unknown token, placeholders such as `[PAD151646]` however they are
        typed, and everything beyond the tokenizer up to `size`. Added tokens that are not special are their
        content.

        Args:
            tokenizer: the object.
            size: the width of the model's logits (rows of `lm_head`, often `config.vocab_size`), which may
                exceed the tokenizer or fall short of it. Default: the largest id plus one.
            eos: ids that stop the model. Default: the tokenizer's own, and its tokens known to end a turn
                (`<|eot_id|>`, `<|im_end|>`, `<end_of_turn>` and the like).

        Raises:
            VocabularyError: the exact bytes cannot be known, do not agree with what the tokenizer encodes, or
                no end of sequence is known.
        """
        return cls._from_reading(readers.read(tokenizer), size, eos)

    @classmethod
    def from_tiktoken_file(
        cls,
        path: str | Path,
        *,
        special_tokens: Mapping[str, int] | Sequence[str] = (),
        pattern: str | None = None,
        size: int | None = None,
        eos: Collection[int] | None = None,
    ) -> Vocabulary:
        """A vocabulary from a tiktoken file of ranks, which knows no special tokens.

        Args:
            path: the file.
            special_tokens: special tokens by id, or only their names, which take the ids after the last rank.
            pattern: how the tokenizer cuts text into pieces before it merges (tiktoken's `pat_str`); the file does not
                say. Without it, forced text is spelled by longest tokens.
            size: as for `from_tokenizer`.
            eos: as for `from_tokenizer`.

        Raises:
            VocabularyError: the file cannot be read, or no end of sequence is known.
        """
        return cls._from_reading(tiktoken.read_file(path, special_tokens, pattern), size, eos)

    @classmethod
    def from_sentencepiece_file(
        cls, path: str | Path, *, size: int | None = None, eos: Collection[int] | None = None
    ) -> Vocabulary:
        """A vocabulary from a SentencePiece `tokenizer.model`; `size` and `eos` as for `from_tokenizer`.

        Raises:
            VocabularyError: the file cannot be read, or no end of sequence is known.
        """
        return cls._from_reading(sentencepiece.read_file(path), size, eos)

    @classmethod
    def from_tekken_file(
        cls, path: str | Path, *, size: int | None = None, eos: Collection[int] | None = None
    ) -> Vocabulary:
        """A vocabulary from Mistral's `tekken.json`; `size` and `eos` as for `from_tokenizer`.

        Raises:
            VocabularyError: the file cannot be read, or no end of sequence is known.
        """
        return cls._from_reading(tekken.read_file(path), size, eos)

    @classmethod
    def _from_reading(cls, reading: Reading, size: int | None, eos: Collection[int] | None) -> Vocabulary:
        width = len(reading.tokens) if size is None else size
        if eos is None:
            stops = reading.eos | {reading.names[name] for name in stop_names(reading.names)}
            eos = {i for i in stops if i < width}
        special = reading.special | reserved_ids(reading.tokens)
        not_text = special.union(eos)
        prove(reading, not_text)
        names = {name: i for name, i in reading.names.items() if i in not_text}
        return cls.from_tokens(
            reading.tokens, special=special, eos=eos, size=width, names=names, encode=reading.encode
        )

    @classmethod
    def _from_table(
        cls,
        table: list[bytes],
        eos: frozenset[int],
        special: frozenset[int],
        names: dict[str, int],
        encode: Callable[[str], Sequence[int]] | None,
    ) -> Vocabulary:
        offsets = np.zeros(len(table) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, table), np.int64, len(table)), out=offsets[1:])
        data = np.frombuffer(b"".join(table), np.uint8)  # a view of bytes is read-only
        offsets.setflags(write=False)
        byte_tokens = frozenset(data[offsets[:-1][np.diff(offsets) == 1]].tolist())
        digest = hashlib.sha256(FORMAT)
        for part in (offsets, data, np.array(sorted(special), np.int64), np.array(sorted(eos), np.int64)):
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part.astype(part.dtype.newbyteorder("<")).tobytes())
        return cls(
            size=len(table),
            eos=eos,
            special=special,
            data=data,
            offsets=offsets,
            names=MappingProxyType(names),
            fingerprint=digest.hexdigest(),
            byte_tokens=byte_tokens,
            missing_bytes=tuple(sorted(UTF8_BYTES - byte_tokens)),
            encode=encode,
        )

    @property
    def words(self) -> int:
        """Number of int32 words in one row of a mask: `ceil(V / 32)`."""
        return -(-self.size // 32)

    @property
    def trie(self) -> Trie:
        """Prefix tree of all text tokens; built on first use (about 0.3 s for 128,000 tokens), then kept."""
        lazy = self._lazy
        if lazy.trie is None:
            with lazy.lock:
                if lazy.trie is None:
                    ids = np.flatnonzero(np.diff(self.offsets))
                    lazy.trie = Trie.from_strings(self._strings(ids.tolist()), ids.astype(np.int32))
        return lazy.trie

    def token_bytes(self, token_id: int) -> bytes | None:
        """What one id appends to the text, or None when it is not text.

        Raises:
            VocabularyError: the id is outside the vocabulary.
        """
        (i,) = _ids("token", (token_id,), self.size)
        return self.data[self.offsets[i] : self.offsets[i + 1]].tobytes() or None

    def decode(self, ids: Iterable[int]) -> bytes:
        """The bytes that a sequence of ids spells; special ids spell none.

        Raises:
            VocabularyError: an id is outside the vocabulary.
        """
        return b"".join(self._strings([i for token_id in ids for i in _ids("token", (token_id,), self.size)]))

    def special_id(self, name: str) -> int | None:
        """The id of the special token that is spelled `name`, or None when there is none of that name."""
        return self.names.get(name)

    def __len__(self) -> int:
        return self.size

    def __repr__(self) -> str:
        return (
            f"Vocabulary(size={self.size}, special={len(self.special)}, eos={sorted(self.eos)}, "
            f"fingerprint={self.fingerprint[:12]})"
        )

    def _strings(self, ids: Sequence[int]) -> list[bytes]:
        data, at = self.data.data, np.asarray(ids, np.int64)
        bounds = zip(self.offsets[at].tolist(), self.offsets[at + 1].tolist(), strict=True)
        return [bytes(data[lo:hi]) for lo, hi in bounds]


def _bytes_of(tokens: Sequence[bytes | None]) -> list[bytes]:
    """The tokens with b"" for None, once it is certain that they are nothing else than bytes."""
    table = [b"" if text is None else text for text in tokens]
    if not all(isinstance(text, bytes) for text in table):
        wrong = next(i for i, text in enumerate(table) if not isinstance(text, bytes))
        raise VocabularyError(
            f"token {wrong} is {type(table[wrong]).__name__}, not bytes: give the exact bytes of every id, "
            "None for ids that are not text"
        )
    return table


def _ids(what: str, ids: Iterable[SupportsIndex], size: int) -> frozenset[int]:
    """The ids as plain integers, once it is certain that all are in 0 .. size - 1."""
    checked = frozenset(map(operator.index, ids))
    for i in checked:
        if not 0 <= i < size:
            raise VocabularyError(
                f"{what} id {i} is not in 0 .. {size - 1}: correct it, or pass the logits width as size"
            )
    return checked
