r"""The file format: named arrays behind a header that says whose they are, each with its checksum.

Problem. A cache file may be older than the program, from another machine, cut short by a full disk, or damaged. None of
that may raise, and above all none of it may become a mask. And loading must not cost what it saves.

Idea. Arrays are written as they lie in memory, at offsets that suit every dtype, so that a mapped file *is* the arrays.
Before them stands a directory with a checksum per array, and before that a header with everything by which a foreign
file is told: a label, the order of bytes in a word, the version of this format, a digest of the compiler that made the
contents (`store.keys`), the length of the whole file, and a checksum of header and directory.

```text
   0   8  label            b"\x89RuvLLM\n": no text file begins so, and a transfer as text breaks it
   8   4  order of bytes   0x01020304 as the writer stores words
  12   4  version          of this format
  16  32  compiler         SHA-256
  48   8  length           of the file, in bytes
  56   4  sections
  60   4  checksum         CRC-32 of the bytes before it and of the directory
  64  48  per section: name (16), dtype (4), CRC-32 (4), offset (8), rows (8), columns (8; 0: one dimension)
      ..  arrays, each at a multiple of 64
```

Example. `pack` of `{"code": int32[3, 4]}` is 64 + 48 bytes of header and directory, padding up to 128, and 48 bytes of
array: 176. A file of 175 bytes is "cut short", one with byte 130 changed has a "damaged section code".

Cost. CRC-32 runs at about 4 GB/s where SHA-256 runs at 1.8 and BLAKE2b at 0.95 (measured; zlib 1.2.13, one core of the
reference machine): 12 us for a grammar of 50 kB. It is there against accidents, all bursts of up to 32 bits and all but
one in 2**32 of the others; somebody who may write into the cache's folder may do worse than change a mask.

Lineage: a label with a high bit and a line end is PNG's (ISO/IEC 15948, 5.2); arrays that are their file are numpy's
`.npy` and Arrow's.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ruvllm_grammar.errors import CacheError

Array = npt.NDArray[Any]

LABEL: Final = b"\x89RuvLLM\n"
#: Raised whenever files of the version before mean something else.
FORMAT_VERSION: Final = 1
ALIGNMENT: Final = 64

_WORD: Final = 0x01020304
_HEADER: Final = struct.Struct("=8sII32sQII")
_ENTRY: Final = struct.Struct("=16s4sIQQQ")
_CHECKED: Final = _HEADER.size - 4  # the header's bytes before its checksum
_DTYPES: Final = {name.encode().ljust(4, b"\0"): np.dtype(name) for name in ("u1", "i4", "u4", "i8", "u8")}
_CODES: Final = {dtype: code for code, dtype in _DTYPES.items()}


def pack(compiler: bytes, sections: Mapping[str, Array]) -> bytes:
    """The bytes of a file.

    Args:
        compiler: 32 bytes that `unpack` asks for again.
        sections: arrays of one or two dimensions by names of up to 16 ASCII characters; dtypes uint8, int32, uint32,
            int64, uint64.
    """
    at = _aligned(_HEADER.size + _ENTRY.size * len(sections))
    directory, bodies = [], []
    for name, array in sections.items():
        body = np.ascontiguousarray(array).tobytes()
        columns = array.shape[1] if array.ndim == 2 else 0
        code = _CODES[array.dtype]
        directory.append(
            _ENTRY.pack(name.encode("ascii"), code, zlib.crc32(body), at, array.shape[0], columns)
        )
        bodies.append((at, body))
        at = _aligned(at + len(body))
    length = bodies[-1][0] + len(bodies[-1][1]) if bodies else at
    out = bytearray(length)
    listed = b"".join(directory)
    head = _HEADER.pack(LABEL, _WORD, FORMAT_VERSION, compiler, length, len(sections), 0)[:_CHECKED]
    out[:_CHECKED] = head
    out[_CHECKED : _HEADER.size] = struct.pack("=I", zlib.crc32(listed, zlib.crc32(head)))
    out[_HEADER.size : _HEADER.size + len(listed)] = listed
    for start, body in bodies:
        out[start : start + len(body)] = body
    return bytes(out)


def unpack(data: memoryview, compiler: bytes, *, unchecked: Collection[str] = ()) -> dict[str, Array]:
    """The arrays of a file, as read-only views of `data`.

    Args:
        data: the whole file.
        compiler: what `pack` was given.
        unchecked: sections whose checksum is left to whoever reads them (they are large and have finer ones inside).

    Raises:
        CacheError: the file is cut short, damaged, or foreign; the message is the reason.
    """
    size = len(data)
    if size < _HEADER.size:
        raise CacheError("cut short: no header")
    label, word, version, made_by, length, count, checksum = _HEADER.unpack_from(data)
    if label != LABEL:
        raise CacheError("foreign: not a file of tables")
    if word != _WORD:
        raise CacheError("foreign: written on a machine with another order of bytes")
    if version != FORMAT_VERSION:
        raise CacheError(f"foreign: format {version}, this is {FORMAT_VERSION}")
    if made_by != compiler:
        raise CacheError("foreign: made by another version of the compiler")
    if length != size:
        raise CacheError(f"cut short: {size} bytes of {length}")
    stop = _HEADER.size + count * _ENTRY.size
    if stop > size:
        raise CacheError("damaged: the directory is longer than the file")
    listed = data[_HEADER.size : stop]
    if zlib.crc32(listed, zlib.crc32(data[:_CHECKED])) != checksum:
        raise CacheError("damaged: header or directory")
    found = {}
    for name, code, crc, at, rows, columns in _ENTRY.iter_unpack(listed):
        called = _called(name)
        dtype = _DTYPES.get(code)
        if dtype is None or at % ALIGNMENT or at < stop:
            raise CacheError(f"damaged: the directory's entry for {called}")
        width = dtype.itemsize * rows * max(columns, 1)
        if at + width > size:
            raise CacheError(f"damaged: section {called} ends behind the file")
        body = data[at : at + width]
        if called not in unchecked and zlib.crc32(body) != crc:
            raise CacheError(f"damaged: section {called}")
        array = np.frombuffer(body, dtype)
        found[called] = array.reshape(rows, columns) if columns else array
    return found


@lru_cache(maxsize=256)
def _called(name: bytes) -> str:
    return name.rstrip(b"\0").decode("ascii", "replace")


def _aligned(at: int) -> int:
    return -(-at // ALIGNMENT) * ALIGNMENT
