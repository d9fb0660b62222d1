"""Exact bytes from tiktoken: an `Encoding`, or the file of ranks.

Here nothing is encoded: a line of the file is `base64(bytes) rank`, and the rank is the id.

```text
IHRoZQ== 279      id 279 spells " the"
```

The file knows neither special tokens nor how text is cut into pieces; who uses it must say so.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ruvllm_grammar.errors import VocabularyError
from ruvllm_grammar.vocab.ranks import RankEncoder
from ruvllm_grammar.vocab.reading import Reading, file_bytes, table


def read(encoding: Any) -> Reading:
    """Read a `tiktoken.Encoding`, or anything that has the same methods; its ids may have holes."""
    reading = Reading(
        origin=f"tokenizer {getattr(encoding, 'name', type(encoding).__name__)}",
        tokens=[],
        encode=encoding.encode_ordinary,
    )
    for i in range(encoding.n_vocab):
        try:
            text = encoding.decode_single_token_bytes(i)
        except KeyError:  # a hole in the ids
            continue
        if encoding.is_special_token(i):
            reading.put_special(i, text.decode())
        else:
            reading.put(i, text)
    return reading


def read_file(
    path: str | Path, special_tokens: Mapping[str, int] | Sequence[str], pattern: str | None
) -> Reading:
    """Read a file of ranks.

    Args:
        path: the file.
        special_tokens: the special tokens by id, or only their names, which then take the ids after the last
            rank.
        pattern: how text is cut into pieces; None when that is not known.

    Raises:
        VocabularyError: the file cannot be read, a line is malformed, or an id is taken twice.
    """
    origin = f"tokenizer file {path}"
    ranks = []
    for number, line in enumerate(file_bytes(path).splitlines(), 1):
        try:
            if line:
                text, rank = line.split()
                ranks.append((int(rank), base64.b64decode(text, validate=True)))
        except (ValueError, binascii.Error) as reason:
            raise VocabularyError(
                f"{origin}, line {number}: expected base64 and a rank, found {line[:40]!r}: give a tiktoken "
                "file"
            ) from reason
    reading = Reading(origin=origin, tokens=table(ranks, origin))
    if pattern is not None:
        reading.encode = RankEncoder(reading.tokens, pattern)
    if not isinstance(special_tokens, Mapping):
        special_tokens = {name: i for i, name in enumerate(special_tokens, len(reading.tokens))}
    for name, i in special_tokens.items():
        if i < 0 or (i < len(reading.tokens) and reading.tokens[i] is not None):
            raise VocabularyError(f"{origin}: id {i} of {name!r} is taken: correct special_tokens")
        reading.put_special(i, name)
    return reading
