"""Llama 3's vocabulary and encoding, read where the package llama-models keeps them, for engines of every make.

The encoding is the canonical one (merge ranks and split pattern by tiktoken), because that is what a model was trained
to write. It is needed once, to prepare the sample; engines get bytes by id, from a file without Python objects.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

#: The end tokens: end of text, end of turn.
EOS = (128_001, 128_009)
SIZE = 128_256


@dataclass(frozen=True, slots=True)
class Tokens:
    """A vocabulary as plain data.

    Attributes:
        texts: bytes by id; of special tokens, their names.
        special: id by name.
        pattern: the regular expression that splits a text before merging.
    """

    texts: list[bytes]
    special: dict[str, int]
    pattern: str

    @property
    def ordinary(self) -> list[bytes]:
        """Bytes of the tokens that are text: ids 0 to 127,999."""
        return self.texts[: len(self.texts) - len(self.special)]


def file() -> Path | None:
    """The table of merges; None where llama-models is not installed."""
    spec = find_spec("llama_models")
    if spec is None or not spec.submodule_search_locations:
        return None
    found = Path(spec.submodule_search_locations[0], "llama3", "tokenizer.model")
    return found if found.is_file() else None


def write(folder: Path) -> Tokens:
    """Read the package's vocabulary and write it as plain data."""
    from llama_models.llama3.tokenizer import Tokenizer

    path = file()
    if path is None:
        msg = "needs the package llama-models"
        raise FileNotFoundError(msg)
    model = Tokenizer(path)
    special = dict(sorted(model.special_tokens.items(), key=lambda pair: pair[1]))
    ordinary = [model.model.decode_single_token_bytes(i) for i in range(SIZE - len(special))]
    tokens = Tokens([*ordinary, *(name.encode() for name in special)], special, model.pat_str)
    lengths = np.array([len(text) for text in tokens.texts], dtype=np.int64)
    np.savez(folder / "vocabulary.npz", lengths=lengths, data=np.frombuffer(b"".join(tokens.texts), np.uint8))
    names = {"special": special, "pattern": tokens.pattern}
    (folder / "vocabulary.json").write_text(json.dumps(names), encoding="utf-8")
    return tokens


def read(folder: Path) -> Tokens:
    """What `write` wrote."""
    with np.load(folder / "vocabulary.npz") as stored:
        ends = np.cumsum(stored["lengths"]).tolist()
        data = stored["data"].tobytes()
    names = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
    texts = [data[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    return Tokens(texts, names["special"], names["pattern"])
