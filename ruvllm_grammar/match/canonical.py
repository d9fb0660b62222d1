"""JSON values in a form whose Python equality is JSON Schema's equality.

Problem. `uniqueItems` asks whether `1` was written before as `1.0` or `10e-1`, whether `{"a": 1, "b": 2}` was
written before with its members the other way round, and must not take `true` for 1 as Python does.

Idea. A string is its `str`, a literal its Python constant, a number the pair of its significant digits and a power
of ten (`Number`: `1`, `1.0` and `10e-1` are all ("1", 0)), so nothing is rounded and `1e999999999` costs two small
objects. Arrays and objects are *interned* (hash consing, Ershov 1958): equal ones are one object, so that comparing
and hashing them is comparing addresses, however large or deep they are.

Cost. An array or object is hashed once, when it ends, over its direct children.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

_NUMBER = re.compile(rb"(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?)([0-9]+))?")
_SHORT = 64  # zeros that `spellings` writes out
_DIGITS = 4000  # Python refuses to convert longer decimal texts at once
_FARTHEST = 10**17  # exponents beyond are capped in values handed to tests: Decimal ends at 10**18


class Number(NamedTuple):
    """A decimal number: `digits` (with its sign, without zeros at either end; "0" is zero) times ten to `exponent`."""

    digits: str
    exponent: int


class Container:
    """An array or object; equal only to itself, see `Pool`.

    Attributes:
        parts: the items of an array; None for an object.
        members: the members of an object; None for an array.
    """

    __slots__ = ("__weakref__", "members", "parts")

    def __init__(self, parts: tuple[Canonical, ...] | None, members: dict[str, Canonical] | None) -> None:
        self.parts = parts
        self.members = members


Canonical = str | bool | None | Number | Container


class Pool:
    """Where arrays and objects are interned; they live as long as somebody holds them."""

    def __init__(self) -> None:
        self._known: weakref.WeakValueDictionary[object, Container] = weakref.WeakValueDictionary()

    def array(self, parts: Iterable[Canonical]) -> Container:
        """The array of these items."""
        key = tuple(parts)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = Container(key, None)
        return found

    def object(self, members: dict[str, Canonical]) -> Container:
        """The object of these members."""
        key = frozenset(members.items())
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = Container(None, members)
        return found


def number(text: bytes) -> Number | None:
    """The number a JSON text spells; None when the text is only the beginning of one."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    sign, whole, fraction, exponent_sign, exponent = match.groups()
    digits = (whole + (fraction or b"")).lstrip(b"0")
    kept = digits.rstrip(b"0")
    if not kept:
        return Number("0", 0)
    power = len(digits) - len(kept) - len(fraction or b"")
    if exponent is not None:
        shift = _integer(exponent)
        power += -shift if exponent_sign == b"-" else shift
    return Number((sign + kept).decode(), power)


def _integer(digits: bytes) -> int:
    value = 0
    for start in range(0, len(digits), _DIGITS):
        piece = digits[start : start + _DIGITS]
        value = value * 10 ** len(piece) + int(piece)
    return value


def spellings(value: Number) -> tuple[bytes, ...]:
    """A number's texts without exponent and needless zeros, and with `.0` if it is whole; none if they are long."""
    sign, digits = ("-", value.digits[1:]) if value.digits.startswith("-") else ("", value.digits)
    point = len(digits) + value.exponent
    if not -_SHORT < value.exponent < _SHORT:
        return ()
    if value.exponent >= 0:
        whole = (sign + digits + "0" * value.exponent).encode()
        return (whole, whole + b".0") if whole != b"0" else (b"0", b"-0", b"0.0", b"-0.0")
    digits = "0" * (1 - point) + digits if point < 1 else digits
    return (f"{sign}{digits[: value.exponent]}.{digits[value.exponent :]}".encode(),)


def plain(value: Canonical) -> Any:
    """The value as tests want it: dicts, lists, str, bool, None; numbers as int or Decimal, never rounded.

    A number is an int when it is whole and has at most 4,000 digits. Nesting may be as deep as it likes.
    """
    root: list[Any] = []
    todo: list[tuple[Canonical, Any, Any]] = [(value, root, None)]
    while todo:
        one, into, key = todo.pop()
        made: Any = one
        if isinstance(one, Number):
            made = _plain_number(one)
        elif isinstance(one, Container):
            if one.parts is not None:
                made = [None] * len(one.parts)
                todo.extend((part, made, i) for i, part in enumerate(one.parts))
            else:
                members = one.members or {}
                made = dict.fromkeys(members)
                todo.extend((part, made, name) for name, part in members.items())
        if key is None:
            into.append(made)
        else:
            into[key] = made
    return root[0]


def _plain_number(value: Number) -> int | Decimal:
    digits, exponent = value
    if exponent >= 0 and len(digits) + exponent <= _DIGITS:
        return int(digits + "0" * exponent)
    negative = digits.startswith("-")
    capped = max(min(exponent, _FARTHEST), -_FARTHEST)
    return Decimal((int(negative), tuple(map(int, digits.removeprefix("-"))), capped))
