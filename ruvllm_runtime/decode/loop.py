"""The decode loop: prefill, then one forward pass per round over all running rows, until every answer is finished.

    waiting ──prefill──▶ running ──┬── step: one pass over every row's pending tokens
                            ▲      ├── mask, choose, settle (forced tokens need no pass of their own)
                            │      └── finished rows leave, waiting ones take their place
                            └──────────┘

Rows share the linear layers of a pass and nothing else: each has its own cache, mask, sampler and generator. A row
that leaves or joins does not change what the others compute, up to the last bits of a matrix product whose number of
rows changed.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from collections.abc import Sequence as Rows
from dataclasses import dataclass

import torch

from ruvllm_runtime.decode import masking
from ruvllm_runtime.decode.sequence import Sequence
from ruvllm_runtime.model import CausalModel, Row


@dataclass(frozen=True, slots=True)
class Step:
    """What one round brought one sequence.

    Attributes:
        index: position of the sequence in the call.
        text: whole characters released, possibly none.
        tokens: tokens appended.
        forced: how many of them needed no model.
    """

    index: int
    text: str
    tokens: tuple[int, ...]
    forced: int


def decode(model: CausalModel, sequences: Rows[Sequence], *, max_rows: int = 8) -> Iterator[Step]:
    """Run sequences to their ends, `max_rows` at a time, and report every round of each.

    A sequence is finished when its `finish_reason` is set; its last step is yielded after that. Leaving the iterator
    early abandons the rest.

    Raises:
        GenerationDeadEnd: a guarded grammar ran into a dead end, and backing up did not help. The whole call ends.
        GenerationError: the model's logits hold NaN.
    """
    waiting = deque(enumerate(sequences))
    running: list[tuple[int, Sequence]] = []
    while waiting or running:
        while waiting and len(running) < max_rows:
            index, sequence = waiting.popleft()
            _enter(model, sequence)
            yield _step(index, sequence)
            if sequence.finish_reason is None:
                running.append((index, sequence))
        if not running:
            continue
        logits = model.step([Row(sequence.cache, sequence.pending) for _, sequence in running])
        for (index, sequence), row in zip(running, logits, strict=True):
            sequence.pending.clear()
            sequence.clock.forward_passes += 1
            sequence.choose(_pick(sequence, row))
            yield _step(index, sequence)
        running = [(index, sequence) for index, sequence in running if sequence.finish_reason is None]


def _enter(model: CausalModel, sequence: Sequence) -> None:
    """Prefill a sequence together with the tokens its grammar forces at once, and choose its first token."""
    clock = sequence.clock
    clock.started = time.perf_counter()
    sequence.settle()
    if sequence.finish_reason is None:
        logits = model.prefill(sequence.cache, sequence.pending)
        clock.prefilled = time.perf_counter()
        sequence.pending.clear()
        sequence.choose(_pick(sequence, logits))
    clock.first_token = time.perf_counter()
    clock.prefilled = clock.prefilled or clock.first_token


@torch.inference_mode()
def _pick(sequence: Sequence, logits: torch.Tensor) -> int:
    """The next token of one row of logits `[V]`, which is written into."""
    row = sequence.row
    sequence.sampler.penalize(logits)
    if row.form == "few":
        return int(row.ids[sequence.sampler.choose(masking.gather(logits, row))])
    masking.apply_row(logits, row)
    return sequence.sampler.choose(logits)


def _step(index: int, sequence: Sequence) -> Step:
    """What happened since the last report."""
    if sequence.finish_reason is not None:
        sequence.clock.ended = time.perf_counter()
    text, tokens, forced = sequence.take()
    return Step(index, text, tokens, forced)
