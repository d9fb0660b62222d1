"""The vocabulary named on the command line: told by what the files hold, not by what they are called.

```text
bytes             256 bytes and an end token, built in: what is legal, byte by byte
a folder          tokenizer.json, else tekken.json, else tokenizer.model (or .model.*), else *.tiktoken;
                  the width of the logits and the end tokens from the .json files beside it
{"model": ...     tokenizer.json of Hugging Face
{"config": ...    tekken.json of Mistral
0A ...            SentencePiece: the first field of its protocol buffer
IQ== 0            tiktoken: base64 and a rank on each line
```

A folder is read as transformers would read it (the tokens of `tokenizer_config.json` are special,
`generation_config.json` says what stops the model), but without importing it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ruvllm_grammar.cli.files import unreadable
from ruvllm_grammar.cli.report import InputError
from ruvllm_grammar.errors import VocabularyError
from ruvllm_grammar.vocab import Vocabulary

BYTES = "bytes"
_LARGEST = 1 << 28  # bytes of a tokenizer file; the largest known are a tenth of it
_PATTERNS = ("tokenizer.json", "tekken.json", "tokenizer.model", "*.model", "*.model.v*", "*.tiktoken")
_ROLES = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
_TIKTOKEN = re.compile(rb"[A-Za-z0-9+/]+={0,2} [0-9]+\r?(?:\n|$)")
_KNOWN = (
    "`bytes`, or a file of one of these kinds: tokenizer.json of Hugging Face, tekken.json, SentencePiece "
    "tokenizer.model, tiktoken ranks; or a folder with one of them"
)


def byte_vocabulary() -> Vocabulary:
    """256 ids that spell their own byte, and 256, which ends the text."""
    return Vocabulary.from_tokens(
        [*(bytes([byte]) for byte in range(256)), None], eos={256}, names={"<eos>": 256}
    )


def load(name: str, *, eos: list[int] | None, size: int | None) -> Vocabulary:
    """The vocabulary called `name` on the command line.

    Args:
        name: as in the essay above.
        eos: ids that end the text instead of those the files know.
        size: width of the logits instead of that the files know.

    Raises:
        InputError: there is no such file, or it is no tokenizer.
        VocabularyError: its bytes cannot be known, or nothing says which token ends a text.
    """
    if name == BYTES:
        if eos or size:
            raise InputError(
                "--eos and --size are for tokenizers; the vocabulary `bytes` has 257 ids and ends with 256"
            )
        return byte_vocabulary()
    path = Path(name)
    try:
        return _read_folder(path, eos, size) if path.is_dir() else _read_file(path, eos, size)
    except VocabularyError as error:
        if re.search(r"\b(eos|size)\b", str(error)):
            raise VocabularyError(f"{error} (here with --eos ID and --size N)") from error
        raise


def _read_folder(folder: Path, eos: list[int] | None, size: int | None) -> Vocabulary:
    config = _json_beside(folder, "config.json")
    size = size or _width(config)
    for pattern in _PATTERNS:
        found = sorted(folder.glob(pattern))
        if len(found) > 1:
            names = ", ".join(path.name for path in found)
            raise InputError(f"{folder}: several tokenizer files ({names}); name the one to read")
        if found:
            return _read_file(found[0], eos, size, folder=folder)
    raise InputError(f"{folder}: no tokenizer file in this folder; give {_KNOWN}")


def _read_file(
    path: Path, eos: list[int] | None, size: int | None, *, folder: Path | None = None
) -> Vocabulary:
    head = _head(path)
    if head.lstrip(b" \t\r\n\xef\xbb\xbf").startswith(b"{"):
        described = _json(path)
        if "default_vocab_size" in _object(described.get("config")):
            return Vocabulary.from_tekken_file(path, eos=eos, size=size)
        if isinstance(described.get("model"), dict):
            return _hugging_face(path, described, folder, eos, size)
        raise InputError(f"{path}: JSON, but no tokenizer; give {_KNOWN}")
    stops = eos or (sorted(_stops(folder)) if folder else None) or None
    if head.startswith(b"\n"):
        return Vocabulary.from_sentencepiece_file(path, eos=stops, size=size)
    if _TIKTOKEN.match(head):
        return _tiktoken(path, stops, size)
    raise InputError(f"{path}: not a tokenizer; give {_KNOWN}")


def _head(path: Path) -> bytes:
    try:
        if path.is_file() and path.stat().st_size > _LARGEST:
            raise InputError(f"{path}: longer than {_LARGEST >> 20} MiB, no tokenizer is; give {_KNOWN}")
        with path.open("rb") as file:
            return file.read(4096)
    except OSError as error:
        if not path.exists():
            raise InputError(f"{path}: no such file or folder; give {_KNOWN}") from error
        raise unreadable(str(path), error) from error


def _tiktoken(path: Path, eos: list[int] | None, size: int | None) -> Vocabulary:
    if not eos:
        raise InputError(
            f"{path}: a tiktoken file does not say which token ends a text; give its id with --eos ID "
            "(and the width of the model's logits with --size N)"
        )
    return Vocabulary.from_tiktoken_file(path, eos=eos, size=size or _tiktoken_width(path, eos))


def _tiktoken_width(path: Path, eos: list[int]) -> int:
    """Ids up to the last rank or end token, whichever is larger: special tokens follow the ranks."""
    ranks = [
        int(rank) for line in path.read_bytes().splitlines() if (rank := line.rpartition(b" ")[2]).isdigit()
    ]
    return max(*ranks, *eos) + 1


def _hugging_face(
    path: Path, described: dict[str, Any], folder: Path | None, eos: list[int] | None, size: int | None
) -> Vocabulary:
    try:
        from tokenizers import AddedToken, Tokenizer
    except ImportError as error:
        raise InputError(f"{path}: needs the package tokenizers; pip install tokenizers") from error
    try:
        backend = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        raise InputError(f"{path}: not a tokenizer.json ({error}); fetch the file again") from error
    config = _json_beside(folder, "tokenizer_config.json") if folder else {}
    known = {token["content"] for token in described.get("added_tokens", ())} | set(backend.get_vocab())
    for i, token in sorted(
        _object(config.get("added_tokens_decoder")).items(), key=lambda item: int(item[0])
    ):
        if token["content"] in known:
            continue
        added = AddedToken(token["content"], special=bool(token.get("special")), normalized=False)
        backend.add_tokens([added])
        if backend.token_to_id(token["content"]) != int(i):
            raise VocabularyError(
                f"{path}: tokenizer_config.json gives id {i} to {token['content']!r}, which does not fit "
                "tokenizer.json: fetch both files again"
            )
    tokenizer = SimpleNamespace(backend_tokenizer=backend, name_or_path=str(path))
    for role in _ROLES:
        content = config.get(f"{role}_token")
        content = content.get("content") if isinstance(content, dict) else content
        token_id = backend.token_to_id(content) if isinstance(content, str) else None
        if token_id is not None:
            setattr(tokenizer, f"{role}_token", content)
            setattr(tokenizer, f"{role}_token_id", token_id)
    tokenizer.stop_tokens = _stops(folder) if folder else set()
    return Vocabulary.from_tokenizer(tokenizer, eos=eos, size=size)


def _stops(folder: Path) -> set[int]:
    """Ids that stop the model, as the files beside the tokenizer say."""
    for name in ("generation_config.json", "config.json"):
        value = _json_beside(folder, name).get("eos_token_id")
        ids = {i for i in (value if isinstance(value, list) else [value]) if isinstance(i, int)}
        if ids:
            return ids
    return set()


def _width(config: dict[str, Any]) -> int | None:
    """The model's vocabulary size; models of several modalities keep it one floor down."""
    for part in (config, _object(config.get("text_config"))):
        if isinstance(part.get("vocab_size"), int):
            return int(part["vocab_size"])
    return None


def _json_beside(folder: Path, name: str) -> dict[str, Any]:
    path = folder / name
    return _json(path) if path.exists() else {}


def _json(path: Path) -> dict[str, Any]:
    try:
        return _object(json.loads(path.read_bytes()))
    except OSError as error:
        raise unreadable(str(path), error) from error
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({error}); fetch the file again") from error


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
