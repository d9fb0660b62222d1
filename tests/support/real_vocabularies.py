"""Vocabularies of real models, read where the packages of the `test` extra keep them; read once per process.

A test that asks for one is skipped where its package is not installed. The packages themselves are not
imported: some of them take seconds. Import with `from support.real_vocabularies import llama3`.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from ruvllm_grammar.vocab import Vocabulary

LLAMA3_SPECIAL = (
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
QWEN_SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")


def package_file(package: str, path: str) -> Path:
    """A data file of an installed package; skips the test where there is none."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"needs the package {package} of the test extra")
    found = Path(spec.submodule_search_locations[0], path)
    if not found.exists():
        pytest.skip(f"this version of {package} has no {path}")
    return found


def llama3_file() -> Path:
    return package_file("llama_models", "llama3/tokenizer.model")


def tekken_file() -> Path:
    return package_file("mistral_common", "data/tekken_240911.json")


def sentencepiece_v3_file() -> Path:
    return package_file("mistral_common", "data/mistral_instruct_tokenizer_240323.model.v3")


def qwen_file() -> Path:
    return package_file("dashscope", "resources/qwen.tiktoken")


@cache
def llama3() -> Vocabulary:
    """Llama 3: 128,256 ids of byte-level BPE, the last 256 special; no byte is missing."""
    return Vocabulary.from_tiktoken_file(llama3_file(), special_tokens=LLAMA3_SPECIAL)


@cache
def tekken() -> Vocabulary:
    """Mistral's Tekken: 131,072 ids of byte-level BPE, the first 1,000 special."""
    return Vocabulary.from_tekken_file(tekken_file())


@cache
def sentencepiece_v3() -> Vocabulary:
    """Mistral's SentencePiece: 32,768 ids with byte fallback, 751 special; ASCII bytes have two ids each."""
    return Vocabulary.from_sentencepiece_file(sentencepiece_v3_file())


@cache
def qwen() -> Vocabulary:
    """Qwen 2: 151,643 ids of byte-level BPE, 3 special, 290 of padding up to the width of the logits."""
    return Vocabulary.from_tiktoken_file(qwen_file(), special_tokens=QWEN_SPECIAL, size=151_936)
