"""Bitmasks on torch logits: the one place where a forbidden token becomes minus infinity.

A bitmask row is int32 `[W]`, `W = ceil(V / 32)`; token i is legal when bit `i & 31` of word `i >> 5` is set.

Writing minus infinity over a row of 128,256 logits costs more than computing the mask. Most masks of a document are
either almost full (inside a string) or almost empty (a digit, a comma, one of three names); for the latter the loop
asks `legal_ids` and samples from the gathered logits alone, and nothing is written at all.

    row of 4,008 words, legal: '"' (1), '}' (92)   -> ids [1, 92]; choose among logits[[1, 92]]
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch

import ruvllm_grammar as rg
from ruvllm_runtime.errors import ModelMismatchError

Bitmask = npt.NDArray[np.int32]

_BITS = np.arange(32, dtype=np.uint32)


def apply_mask(logits: torch.Tensor, bitmask: Bitmask) -> None:
    """Write minus infinity over every forbidden token, in place.

    Args:
        logits: `[B, V]`, any floating dtype, any device.
        bitmask: int32 `[B, W]`. Rows without any legal token become minus infinity throughout; whether that is an
            error the caller knows better (`is_empty`).

    Raises:
        ModelMismatchError: the bitmask is for another width.
    """
    width = logits.shape[-1]
    if bitmask.shape != (logits.shape[0], -(-width // 32)):
        raise ModelMismatchError(
            logits=width,
            vocabulary=32 * bitmask.shape[-1],
            remedy="the mask (rounded up to 32) must have a row per row of logits, for the model's own vocabulary",
        )
    if logits.device.type == "cpu" and logits.dtype == torch.float32 and logits.is_contiguous():
        rg.apply_bitmask(logits.detach().numpy(), bitmask)
        return
    words = torch.from_numpy(bitmask).to(logits.device, non_blocking=True)
    bits = words.unsqueeze(-1) >> torch.arange(32, dtype=torch.int32, device=logits.device)
    forbidden = (bits & 1).flatten(-2)[:, :width] == 0
    logits.masked_fill_(forbidden, float("-inf"))


def legal_ids(row: Bitmask, *, limit: int) -> npt.NDArray[np.int64] | None:
    """The legal tokens of one row in ascending order, or None when there are more than `limit`."""
    words = row.view(np.uint32)
    used = np.flatnonzero(words)
    if used.size > limit:
        return None
    at, bit = np.nonzero((words[used, None] >> _BITS) & np.uint32(1))
    return None if at.size > limit else used[at] * 32 + bit


def is_empty(row: Bitmask) -> bool:
    """Whether a row allows nothing."""
    return not row.any()


def row_of(ids: Iterable[int], size: int) -> Bitmask:
    """A row of `ceil(size / 32)` words that allows exactly `ids`."""
    words = np.zeros(-(-size // 32), dtype=np.uint32)
    tokens = np.fromiter(ids, dtype=np.int64)
    np.bitwise_or.at(words, tokens >> 5, np.uint32(1) << (tokens & 31).astype(np.uint32))
    return words.view(np.int32)


def free_row(vocabulary: rg.Vocabulary, stops: frozenset[int]) -> Bitmask:
    """The row of unconstrained text: every token that stands for bytes, and the tokens that end the answer.

    Special tokens and the padding ids of a vocabulary that is narrower than the logits are not text: a model that
    samples one has written something nobody can read, so they are masked here too.
    """
    text = (token for token in range(vocabulary.size) if vocabulary.token_bytes(token))
    return row_of([*text, *stops], vocabulary.size)
