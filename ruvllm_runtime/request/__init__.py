"""What a caller asks and what comes back: frozen records, complete and checked when constructed."""

from __future__ import annotations

from ruvllm_runtime.request.generate import GenerateRequest, Whitespace
from ruvllm_runtime.request.result import Finished, FinishReason, GenerateResult, TextDelta, Timings, Usage
from ruvllm_runtime.request.sampling import SamplingParams

__all__ = [
    "FinishReason",
    "Finished",
    "GenerateRequest",
    "GenerateResult",
    "SamplingParams",
    "TextDelta",
    "Timings",
    "Usage",
    "Whitespace",
]
