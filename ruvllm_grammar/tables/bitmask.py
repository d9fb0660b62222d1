"""Packed masks: allocation and application to logits.

The layout is the field's: int32 words, token `i` is bit `i & 31` of word `i >> 5`, shape `(batch, ceil(V /
32))`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ruvllm_grammar.errors import VocabularyError


def mask_words(size: int) -> int:
    """Number of int32 words that hold one bit per token of a vocabulary of `size`."""
    return (size + 31) // 32


def allocate_bitmask(batch: int, size: int) -> npt.NDArray[np.int32]:
    """A mask that allows nothing, for `batch` sequences: int32[batch, ceil(size / 32)]."""
    return np.zeros((batch, mask_words(size)), np.int32)


def apply_bitmask(logits: npt.NDArray[np.float32], bitmask: npt.NDArray[np.int32]) -> None:
    """Write minus infinity, in place, to the logits of every token whose bit is zero.

    Args:
        logits: float32[V] or float32[batch, V], C-contiguous and writeable.
        bitmask: int32[W] or int32[batch, W] with W = ceil(V / 32).

    Raises:
        VocabularyError: shapes do not fit, or the arrays are not float32/int32 and contiguous.
    """
    from ruvllm_grammar.kernels.rows import apply_rows

    wide = logits.reshape(1, -1) if logits.ndim == 1 else logits
    rows = bitmask.reshape(1, -1) if bitmask.ndim == 1 else bitmask
    if wide.dtype != np.float32 or rows.dtype != np.int32:
        msg = f"masks are int32 and apply to float32 logits, got {rows.dtype} and {wide.dtype}; convert first"
        raise VocabularyError(msg)
    if wide.ndim != 2 or rows.shape != (wide.shape[0], mask_words(wide.shape[1])):
        words = mask_words(wide.shape[-1])
        msg = f"logits of shape {logits.shape} need a mask of {words} words a row, got {bitmask.shape}"
        raise VocabularyError(msg)
    if not (wide.flags.c_contiguous and rows.flags.c_contiguous and wide.flags.writeable):
        msg = "logits and masks must be C-contiguous, and the logits writeable; copy them first"
        raise VocabularyError(msg)
    apply_rows(wide, rows)
