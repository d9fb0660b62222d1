"""Bytes to characters, one at a time: UTF-8 (RFC 3629) and JSON strings (RFC 8259), also when they are broken off."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ruvllm_grammar import ir


def read_char(data: bytes, k: int) -> int | ir.CharSet | None:
    """The UTF-8 character at `k`; the characters it may become when data ends too early; None when broken."""
    if k >= len(data):
        return None
    lead = data[k]
    if lead < 0x80:
        return lead
    for length, base, least, most in (
        (2, 0xC0, 0x80, 0x7FF),
        (3, 0xE0, 0x800, 0xFFFF),
        (4, 0xF0, 0x10000, 0x10FFFF),
    ):
        if base <= lead < base + (1 << (7 - length)):
            rest = data[k + 1 : k + length]
            if any(not 0x80 <= b <= 0xBF for b in rest):
                return None
            point = lead - base
            for b in rest:
                point = point << 6 | b & 0x3F
            missing = 6 * (length - 1 - len(rest))
            low, high = point << missing, (point + 1 << missing) - 1
            possible = ir.CharSet.of((max(low, least), min(high, most)))
            if missing:
                return possible or None
            return point if point in possible else None
    return None


@dataclass(frozen=True)
class Spelling:
    """A JSON spelling as far as it goes.

    value: the characters that are complete. length: bytes up to and with the closing quote, None when still open.
    pending: the characters that a broken-off spelling at the end may become, None when nothing is broken off.
    """

    value: tuple[int, ...]
    length: int | None
    pending: ir.CharSet | None


_SHORT = dict(zip(b'"\\/bfnrt', map(ord, '"\\/\b\f\n\r\t'), strict=True))


def read_spelling(data: bytes) -> Spelling | None:
    """Read a JSON string from the start of data; None when data is no prefix of one."""
    value: list[int] = []
    if not data:
        return Spelling((), None, None)
    if data[0] != ord('"'):
        return None
    k = 1
    while k < len(data):
        if data[k] == ord('"'):
            return Spelling(tuple(value), k + 1, None)
        if data[k] < 0x20:
            return None
        if data[k] != ord("\\"):
            char, length = read_char(data, k), 0
        else:
            char, length = _read_escape(data[k + 1 : k + 12])
        if not isinstance(char, int):
            return None if char is None else Spelling(tuple(value), None, char)
        value.append(char)
        k += length or len(chr(char).encode())
    return Spelling(tuple(value), None, None)


def read_name(data: bytes) -> Spelling | None:
    """The same, of the one spelling that `json.dumps(ensure_ascii=False)` writes."""
    found = read_spelling(data)
    if found is None or not data:
        return found
    written = json.dumps("".join(map(chr, found.value)), ensure_ascii=False).encode()
    if found.length is not None:
        return found if written == data[: found.length] else None
    if not data.startswith(written[:-1]):
        return None
    tail = data[len(written) - 1 :]
    if not tail.startswith(b"\\"):
        return found
    escaped = [c for c in map(chr, range(0x60)) if json.dumps(c)[1:-1].encode().startswith(tail)]
    return Spelling(found.value, None, ir.CharSet.of(*escaped)) if escaped else None


def _read_escape(data: bytes) -> tuple[int | ir.CharSet | None, int]:
    """What follows a backslash, and the length of the whole escape with its backslash."""
    if not data:
        return ir.CharSet.ANY, 1  # any character has an escape
    if data[0] != ord("u"):
        return _SHORT.get(data[0]), 2
    low, high = _hex_range(data[1:5])
    if low > high:
        return None, 0
    if low < high:
        firsts = range(max(low, 0xD800), min(high, 0xDBFF) + 1)
        pairs = [(_pair(h, 0xDC00), _pair(h, 0xDFFF)) for h in firsts]
        return ir.CharSet.of((low, high), *pairs) or None, 0
    if not 0xD800 <= low <= 0xDFFF:
        return low, 6
    tail = data[5:11]
    if low >= 0xDC00 or tail[:2] != b"\\u"[: len(tail[:2])]:
        return None, 0
    low2, high2 = _hex_range(tail[2:])
    low2, high2 = max(low2, 0xDC00), min(high2, 0xDFFF)
    if low2 > high2:
        return None, 0
    if len(tail) == 6:
        return _pair(low, low2), 12
    return ir.CharSet.of((_pair(low, low2), _pair(low, high2))), 0


def _hex_range(digits: bytes) -> tuple[int, int]:
    """Least and greatest number of four hexadecimal digits that starts with these; (1, 0) when they are none."""
    if any(d not in b"0123456789abcdefABCDEF" for d in digits):
        return 1, 0
    text = digits.decode()
    return int(text.ljust(4, "0"), 16), int(text.ljust(4, "f"), 16)


def _pair(high: int, low: int) -> int:
    return 0x10000 + (high - 0xD800 << 10) + (low - 0xDC00)
