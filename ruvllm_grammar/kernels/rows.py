"""Kernels on packed mask rows: hashing, applying.

Bit layout is the field's: int32 words, token `i` is bit `i & 31` of word `i >> 5`.
"""

from __future__ import annotations

import numpy as np
from numba.core import types

from ruvllm_grammar.kernels.jit import kernel

_i64 = types.int64
_I1 = types.Array(types.int32, 1, "C")
_RI1 = types.Array(types.int32, 1, "C", readonly=True)
_RI2 = types.Array(types.int32, 2, "C", readonly=True)
_F2 = types.Array(types.float32, 2, "C")


@kernel(types.UniTuple(types.uint64, 2)(_RI1))
def row_hash(row):
    """128-bit content hash of a row, two lanes of four accumulators (not cryptographic: rows are our own)."""
    prime = np.uint64(0x9E3779B97F4A7C15)
    other = np.uint64(0xC2B2AE3D27D4EB4F)
    a = np.uint64(0x243F6A8885A308D3)
    b = np.uint64(0x13198A2E03707344)
    c = np.uint64(0xA4093822299F31D0)
    d = np.uint64(0x082EFA98EC4E6C89)
    shift = np.uint64(29)
    n = row.shape[0]
    i = 0
    while i + 4 <= n:
        a = (a ^ np.uint64(np.uint32(row[i]))) * prime
        a ^= a >> shift
        b = (b ^ np.uint64(np.uint32(row[i + 1]))) * prime
        b ^= b >> shift
        c = (c ^ np.uint64(np.uint32(row[i + 2]))) * other
        c ^= c >> shift
        d = (d ^ np.uint64(np.uint32(row[i + 3]))) * other
        d ^= d >> shift
        i += 4
    while i < n:
        a = (a ^ np.uint64(np.uint32(row[i]))) * prime
        a ^= a >> shift
        i += 1
    first = ((a * other) ^ (b + prime)) * prime ^ (c >> shift)
    second = ((c * prime) ^ (d + other)) * other ^ (a >> shift) ^ b
    return first ^ (first >> shift), second ^ (second >> shift)


@kernel(types.void(_RI1, _i64, _I1))
def rows_within(need, room, row):
    """Set the bits of tokens with `0 <= need[token] <= room`."""
    for token in range(need.shape[0]):
        if 0 <= need[token] <= room:
            row[token >> 5] |= np.int32(1) << np.int32(token & 31)


@kernel(types.void(_F2, _RI2))
def apply_rows(logits, rows):
    """Write minus infinity to logits (float32[batch, V]) whose bit in `rows` (int32[batch, W]) is zero."""
    minus = np.float32(-np.inf)
    for b in range(logits.shape[0]):
        size = logits.shape[1]
        for word in range(rows.shape[1]):
            bits = rows[b, word]
            if bits == -1:
                continue
            start = word * 32
            stop = min(start + 32, size)
            if bits == 0:
                for i in range(start, stop):
                    logits[b, i] = minus
            else:
                for i in range(start, stop):
                    if ((bits >> (i - start)) & 1) == 0:
                        logits[b, i] = minus
