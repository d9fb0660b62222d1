"""Real vocabularies that ship inside other packages, read where they are installed.

Their licences are their own, so none is copied here. The files hold byte tables by rank, which is all that byte-level
BPE needs beside its pattern of pieces; chat templates are not needed to constrain a model.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import ruvllm_grammar as rg

# Llama 3 writes its special tokens into code, not into the file: names of ids 128,000 to 128,255 in order.
_LLAMA3_SPECIAL = (
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|reserved_special_token_0|>",
    "<|reserved_special_token_1|>",
    "<|finetune_right_pad_id|>",
    "<|step_id|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eom_id|>",
    "<|eot_id|>",
    "<|python_tag|>",
    "<|image|>",
    *(f"<|reserved_special_token_{i}|>" for i in range(2, 246)),
)

# How Llama 3 cuts text into pieces; it stands in code, too.
_LLAMA3_PIECES = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)

_QWEN_SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
# As Llama 3's, but every digit is a piece.
_QWEN_PIECES = _LLAMA3_PIECES.replace(r"\p{N}{1,3}", r"\p{N}")


def tekken() -> rg.Vocabulary | None:
    """Mistral's Tekken, 131,072 ids, from the package mistral-common (Apache-2.0); None where that is absent."""
    file = _file("mistral_common", "data/tekken_240911.json")
    return None if file is None else rg.Vocabulary.from_tekken_file(file)


def llama3() -> rg.Vocabulary | None:
    """Llama 3, 128,256 ids, from the package llama-models; None where that is absent."""
    file = _file("llama_models", "llama3/tokenizer.model")
    if file is None:
        return None
    return rg.Vocabulary.from_tiktoken_file(file, special_tokens=_LLAMA3_SPECIAL, pattern=_LLAMA3_PIECES)


def qwen() -> rg.Vocabulary | None:
    """Qwen 2, 151,936 ids, from the package dashscope; None where that is absent."""
    file = _file("dashscope", "resources/qwen.tiktoken")
    if file is None:
        return None
    return rg.Vocabulary.from_tiktoken_file(
        file, special_tokens=_QWEN_SPECIAL, pattern=_QWEN_PIECES, size=151_936
    )


def mistral_sentencepiece() -> rg.Vocabulary | None:
    """Mistral's SentencePiece vocabulary, 32,768 ids, from the package mistral-common; None where that is absent."""
    file = _file("mistral_common", "data/mistral_instruct_tokenizer_240323.model.v3")
    return None if file is None else rg.Vocabulary.from_sentencepiece_file(file)


def _file(package: str, path: str) -> Path | None:
    """A data file of an installed package, without importing the package (some take seconds)."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    file = Path(spec.submodule_search_locations[0], path)
    return file if file.is_file() else None
