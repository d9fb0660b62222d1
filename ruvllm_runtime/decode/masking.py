"""Rows on torch logits: the one place where a forbidden token becomes minus infinity.

Problem. A row of 128,256 logits is half a megabyte, and going through it bit by bit costs more than finding out which
tokens are legal. But what a grammar allows is nearly everything (inside a string) or nearly nothing (a digit, a comma,
one of three names), and a row (`rg.Row`) knows the shorter list.

Idea. Keep that list as an index tensor on the logits' own device and touch only what it names:

    '"' or '}'        few legal     take logits[[1, 92]] and choose among two; nothing is written at all
    string interior   most legal    write minus infinity at the 5,087 others
    neither           bits          the shorter of both lists, whatever its length

The lists stay on the device (`Resident`): on a GPU a row that was used before costs one index operation and no copy
from the host. Everything here is index operations of torch, so a CPU runs the same lines.

Cost for 128,256 float32 logits on one CPU thread: 8 us for 5,087 forbidden tokens, 2 us to gather a few, 10 us to keep
a few and write over the rest, 0.1 ms for 60,000 (a boolean mask of the same: 0.46 ms; bit by bit: 0.07 to 0.48 ms).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
import torch

import ruvllm_grammar as rg
from ruvllm_runtime.errors import ModelMismatchError

_MOST_BYTES = 64 << 20
_MINUS = -torch.inf


class Resident:
    """Index tensors of rows on one device; those least recently used go when they hold more than `most_bytes`.

    A process has one for each device, which its threads share.
    """

    def __init__(self, device: torch.device, *, most_bytes: int = _MOST_BYTES) -> None:
        self._device = device
        self._most_bytes = most_bytes
        self._bytes = 0
        self._lock = threading.Lock()
        self._known: OrderedDict[rg.Row, tuple[torch.Tensor, bool]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def ids(self, row: rg.Row) -> tuple[torch.Tensor, bool]:
        """The shorter list of a row, int64 ascending, and whether it names the legal tokens (else the illegal ones)."""
        with self._lock:
            found = self._known.get(row)
            if found is not None:
                self._known.move_to_end(row)
                return found
        listed, legal = _shorter(row)
        made = torch.from_numpy(listed).to(self._device), legal
        with self._lock:
            if row not in self._known:
                self._known[row] = made
                self._bytes += made[0].nbytes
            while self._bytes > self._most_bytes and len(self._known) > 1:
                self._bytes -= self._known.popitem(last=False)[1][0].nbytes
        return made


def _shorter(row: rg.Row) -> tuple[np.ndarray, bool]:
    if row.form != "bits":
        return row.ids.astype(np.int64), row.form == "few"
    words = np.empty(-(-row.size // 32), np.int32)
    row.copy_to(words)
    bits = np.unpackbits(words.view(np.uint8), bitorder="little")[: row.size]
    legal = 2 * row.count <= row.size
    return np.flatnonzero(bits if legal else bits == 0), legal


@cache
def _resident(device: torch.device) -> Resident:
    """The index tensors on a device."""
    return Resident(device)


def apply_rows(logits: torch.Tensor, rows: Sequence[rg.Row]) -> None:
    """Write minus infinity over every forbidden token, in place.

    Args:
        logits: `[B, V]`, any floating dtype, any device.
        rows: one for each row of logits. A row without any legal token becomes minus infinity throughout; whether that
            is an error the caller knows better (`Row.count`).

    Raises:
        ModelMismatchError: a row is for another width, or their number is not that of the logits.
    """
    if len(rows) != logits.shape[0]:
        raise ModelMismatchError(
            logits=logits.shape[-1],
            vocabulary=rows[0].size if rows else 0,
            remedy=f"{logits.shape[0]} rows of logits need as many rows of tokens, not {len(rows)}",
        )
    for line, row in zip(logits, rows, strict=True):
        apply_row(line, row)


def apply_row(logits: torch.Tensor, row: rg.Row) -> None:
    """Write minus infinity over every forbidden token, in place: `apply_rows` for one row of logits, `[V]`.

    Raises:
        ModelMismatchError: the row is for another width.
    """
    ids, legal = _listed(logits, row)
    if legal:
        kept = logits.index_select(0, ids)
        logits.fill_(_MINUS)
        logits.index_copy_(0, ids, kept)
    elif logits.device.type == "cpu" and logits.dtype != torch.bfloat16 and not logits.requires_grad:
        logits.numpy()[ids.numpy()] = _MINUS  # two thirds of the time of what follows
    else:
        logits.index_fill_(0, ids, _MINUS)


def gather(logits: torch.Tensor, row: rg.Row) -> torch.Tensor:
    """The logits of the legal tokens of a row of few, in ascending order, on the CPU.

    Args:
        logits: `[V]`, any floating dtype, any device.
        row: of form "few".
    """
    ids, _ = _listed(logits, row)
    found = logits.index_select(0, ids)
    return found if found.device.type == "cpu" else found.cpu()


def _listed(logits: torch.Tensor, row: rg.Row) -> tuple[torch.Tensor, bool]:
    """`Resident.ids` on the logits' device."""
    if logits.shape[-1] != row.size:
        raise ModelMismatchError(logits=logits.shape[-1], vocabulary=row.size)
    return _resident(logits.device).ids(row)


def row_of(ids: Iterable[int], size: int) -> rg.Row:
    """The row of a vocabulary of `size` tokens that allows exactly `ids`."""
    words = np.zeros(-(-size // 32), dtype=np.uint32)
    tokens = np.fromiter(ids, dtype=np.int64)
    np.bitwise_or.at(words, tokens >> 5, np.uint32(1) << (tokens & 31).astype(np.uint32))
    return rg.Row(words.view(np.int32), size)


def free_row(vocabulary: rg.Vocabulary, stops: frozenset[int]) -> rg.Row:
    """The row of unconstrained text: every token that stands for bytes, and the tokens that end the answer.

    Special tokens and the padding ids of a vocabulary that is narrower than the logits are not text: a model that
    samples one has written something nobody can read, so they are masked here too.
    """
    text = np.flatnonzero(np.diff(vocabulary.offsets)).tolist()
    return row_of([*text, *stops], vocabulary.size)
