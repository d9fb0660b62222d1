"""Which reader understands a tokenizer object: decided by what it can do, so that no library is imported."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from ruvllm_grammar.errors import VocabularyError
from ruvllm_grammar.vocab import hf, sentencepiece, tekken, tiktoken
from ruvllm_grammar.vocab.reading import Reading

# Where wrappers keep the tokenizer that knows: transformers' slow SentencePiece classes and
# MistralCommonBackend, mistral-common's MistralTokenizer and SentencePieceTokenizer, llama-models, remote
# code around tiktoken, dashscope.
_INSIDE = ("sp_model", "instruct_tokenizer", "tokenizer", "model", "_model", "_tokenizer")
_DEEPEST = 4


def read(tokenizer: Any) -> Reading:
    """Read any supported tokenizer object.

    Raises:
        VocabularyError: no reader understands it, or its bytes cannot be known exactly.
    """
    found = _find(tokenizer, _DEEPEST)
    if found is None:
        raise VocabularyError(
            f"{type(tokenizer).__name__} is not a tokenizer whose bytes can be read: pass a fast Hugging "
            "Face tokenizer, a SentencePiece, Tekken or tiktoken one, or use Vocabulary.from_tokens"
        )
    reading = found()
    _read_wrapper(reading, tokenizer)
    return reading


def _find(tokenizer: Any, depth: int) -> Callable[[], Reading] | None:
    backend = getattr(tokenizer, "backend_tokenizer", tokenizer)
    if hasattr(backend, "to_str") and hasattr(backend, "normalizer"):
        return lambda: hf.read(backend, tokenizer)
    if hasattr(tokenizer, "decode_single_token_bytes"):
        return lambda: tiktoken.read(tokenizer)
    if hasattr(tokenizer, "id_to_byte_piece") and hasattr(tokenizer, "num_special_tokens"):
        return lambda: tekken.read(tokenizer)
    if hasattr(tokenizer, "serialized_model_proto"):
        return lambda: sentencepiece.read(tokenizer)
    if depth:
        for name in _INSIDE:
            inner = getattr(tokenizer, name, None)
            if inner is not None and (found := _find(inner, depth - 1)) is not None:
                return found
    return None


def _read_wrapper(reading: Reading, tokenizer: Any) -> None:
    """Add what only the outer object knows: its end-of-sequence ids, and tokens that were added to it."""
    for name in ("eos_token_id", "eos_id", "stop_tokens"):
        reading.eos |= _ids(getattr(tokenizer, name, None))
    added = getattr(tokenizer, "added_tokens_decoder", None)
    if isinstance(added, dict) and not hasattr(tokenizer, "backend_tokenizer"):
        for i, token in added.items():
            if token.special:
                reading.put_special(i, token.content)
            elif i >= len(reading.tokens) or reading.tokens[i] is None:
                reading.put(i, token.content.encode())


def _ids(value: Any) -> set[int]:
    """Ids given as one or as several; anything else, such as a method of that name, is none."""
    found = set()
    for each in value if isinstance(value, list | tuple | set | frozenset) else (value,):
        try:
            found.add(operator.index(each))
        except TypeError:
            continue
    return {i for i in found if i >= 0}
