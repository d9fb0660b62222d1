"""Structured generation at run time: models, the decode loop, and the `LLM` object.

`LLM` is imported on first use, because it brings torch and transformers with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ruvllm_runtime.errors import (
    ContextLengthError,
    GenerationDeadEnd,
    GenerationError,
    GuardedGrammarError,
    ModelLoadError,
    ModelMismatchError,
    RequestError,
    RuvllmError,
    StrictModeError,
    TokenBudgetError,
    VocabularyError,
)
from ruvllm_runtime.request import (
    Finished,
    GenerateRequest,
    GenerateResult,
    SamplingParams,
    TextDelta,
    Timings,
    Usage,
)

if TYPE_CHECKING:
    from ruvllm_runtime.llm import LLM

__all__ = [
    "LLM",
    "ContextLengthError",
    "Finished",
    "GenerateRequest",
    "GenerateResult",
    "GenerationDeadEnd",
    "GenerationError",
    "GuardedGrammarError",
    "ModelLoadError",
    "ModelMismatchError",
    "RequestError",
    "RuvllmError",
    "SamplingParams",
    "StrictModeError",
    "TextDelta",
    "Timings",
    "TokenBudgetError",
    "Usage",
    "VocabularyError",
]


def __getattr__(name: str) -> Any:
    if name == "LLM":
        from ruvllm_runtime.llm import LLM

        return LLM
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
