"""The decode loop: masks, sampling, forced tokens, stops, streaming text."""

from __future__ import annotations

from ruvllm_runtime.decode.constraint import Constraint
from ruvllm_runtime.decode.loop import Step, decode
from ruvllm_runtime.decode.sampling import Sampler
from ruvllm_runtime.decode.sequence import Sequence
from ruvllm_runtime.decode.text import TextStream

__all__ = ["Constraint", "Sampler", "Sequence", "Step", "TextStream", "decode"]
