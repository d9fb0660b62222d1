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
_L1 = types.Array(types.int64, 1, "C")
_F2 = types.Array(types.float32, 2, "C")


@kernel(types.uint64(types.uint64))
def _bits_in(x):
    """Number of bits set in 64 (Warren, Hacker's Delight, 2012)."""
    x -= (x >> np.uint64(1)) & np.uint64(0x5555555555555555)
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (x * np.uint64(0x0101010101010101)) >> np.uint64(56)


@kernel(types.UniTuple(types.uint64, 4)(_I1, _RI1, _I1, _L1))
def sealed(row, ids, value, index):
    """Set the bits of tokens in a row and say what it then holds, in one go.

    Args:
        row: int32[W].
        ids: int32[n], tokens to add.
        value, index: int32[m] and int64[m], written: the non-zero words and their places, as far as they fit.

    Returns:
        128-bit hash of the content (two lanes of two accumulators; not cryptographic: rows are our own); number of
        tokens; number of non-zero words, or one more than fits.
    """
    for token in ids:
        row[token >> 5] |= np.int32(1) << np.int32(token & 31)
    prime = np.uint64(0x9E3779B97F4A7C15)
    other = np.uint64(0xC2B2AE3D27D4EB4F)
    a = np.uint64(0x243F6A8885A308D3)
    b = np.uint64(0x13198A2E03707344)
    c = np.uint64(0xA4093822299F31D0)
    d = np.uint64(0x082EFA98EC4E6C89)
    shift = np.uint64(29)
    high = np.uint64(32)
    n = row.shape[0]
    count = np.uint64(0)
    i = 0
    while i < n:
        x = np.uint64(np.uint32(row[i]))
        if i + 1 < n:
            x |= np.uint64(np.uint32(row[i + 1])) << high
        y = np.uint64(0)
        if i + 2 < n:
            y = np.uint64(np.uint32(row[i + 2]))
        if i + 3 < n:
            y |= np.uint64(np.uint32(row[i + 3])) << high
        count += _bits_in(x) + _bits_in(y)
        a = (a ^ x) * prime
        a ^= a >> shift
        b = (b ^ y) * prime
        b ^= b >> shift
        c = (c + x) * other
        c ^= c >> shift
        d = (d + y) * other
        d ^= d >> shift
        i += 4
    m = 0
    for i in range(n):
        if row[i] != 0:
            if m == index.shape[0]:
                m += 1
                break
            index[m] = i
            value[m] = row[i]
            m += 1
    first = ((a * other) ^ (b + prime)) * prime
    second = ((c * prime) ^ (d + other)) * other
    return first ^ (first >> shift), second ^ (second >> shift), count, np.uint64(m)


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
