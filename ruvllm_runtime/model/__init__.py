"""Causal language models behind one small interface."""

from __future__ import annotations

from ruvllm_runtime.model.adapter import CausalModel, Row, SequenceCache
from ruvllm_runtime.model.encode import Encoder, LongestMatchEncoder, TokenizerEncoder
from ruvllm_runtime.model.toy import byte_vocabulary, random_llama, random_model, toy_model

__all__ = [
    "CausalModel",
    "Encoder",
    "LongestMatchEncoder",
    "Row",
    "SequenceCache",
    "TokenizerEncoder",
    "byte_vocabulary",
    "random_llama",
    "random_model",
    "toy_model",
]
