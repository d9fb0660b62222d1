"""What a generation returns, whole or as a stream of events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

FinishReason = Literal["stop", "length", "stop_string"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one request.

    Attributes:
        prompt_tokens: tokens of the prompt, begin-of-text included.
        cached_tokens: of these, how many came from a prefix cache.
        completion_tokens: tokens of the answer, the end token included.
        forced_tokens: of these, how many the grammar left no choice about, so that the model was not asked.
        discarded_tokens: tokens that were generated besides, and taken back after dead ends of a guarded grammar.
    """

    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    forced_tokens: int
    discarded_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Wall-clock seconds of one request, and how often the model was run for it.

    Attributes:
        prefill_s: the prompt's own forward passes.
        first_token_s: from the start of the request to its first token.
        total_s: from the start of the request to its end.
        forward_passes: decode steps the request took part in, prefill not counted.
    """

    prefill_s: float
    first_token_s: float
    total_s: float
    forward_passes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateResult:
    """A finished generation.

    Attributes:
        text: the answer, without end token and stop string. Bytes that are no UTF-8 are shown as U+FFFD;
            an incomplete character at the end is left out.
        parsed: the value of the JSON text, when the request asked for JSON and it is valid; else None.
        finish_reason: "stop" the model or the grammar ended it, "length" max_tokens was reached,
            "stop_string" one of `stop` appeared.
        stop: the stop string that appeared, or None.
        usage: token counts.
        token_ids: the generated tokens, forced ones and the end token included.
        timings: seconds.
    """

    text: str
    parsed: Any
    finish_reason: FinishReason
    stop: str | None
    usage: Usage
    token_ids: tuple[int, ...]
    timings: Timings


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta:
    """The next piece of a stream.

    Attributes:
        text: whole characters, never part of a possible stop string; may be empty.
        token_ids: tokens since the last event, also those whose text is still held back for a stop string. With a
            guarded grammar that may back up, text and tokens come when the document is complete.
        forced: how many of them the model was not asked about.
    """

    text: str
    token_ids: tuple[int, ...]
    forced: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The end of a stream.

    Attributes:
        result: everything, as `LLM.generate` would have returned it.
    """

    result: GenerateResult
