r"""Sets of Unicode scalar values as sorted, disjoint, non-adjacent inclusive ranges.

A `CharSet` is the alphabet side of the IR: character classes of patterns, exclusions, `.`. Surrogates
(U+D800 to U+DFFF) are never members, so every member has exactly one UTF-8 spelling (RFC 3629) and
complement never invents a character that a text cannot hold.

Cost: every operation is linear in the number of ranges (a few for hand-written classes, some hundreds for
`\p{L}`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

MAX_SCALAR = 0x10FFFF
_SURROGATES = (0xD800, 0xDFFF)

Range = tuple[int, int]


def _normalise(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """Sort, merge touching ranges, cut out surrogates and anything outside Unicode."""
    merged: list[Range] = []
    for low, high in sorted(ranges):
        if high < low:
            continue
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    out: list[Range] = []
    for low, high in merged:
        clipped_low, clipped_high = max(low, 0), min(high, MAX_SCALAR)
        if clipped_low > clipped_high:
            continue
        if clipped_low < _SURROGATES[0]:
            out.append((clipped_low, min(clipped_high, _SURROGATES[0] - 1)))
        if clipped_high > _SURROGATES[1]:
            out.append((max(clipped_low, _SURROGATES[1] + 1), clipped_high))
    return tuple(out)


@dataclass(frozen=True, slots=True)
class CharSet:
    """An immutable set of Unicode scalar values.

    Attributes:
        ranges: inclusive `(low, high)` pairs, ascending, disjoint, never adjacent (except across the
            surrogate gap).

    Build with `CharSet.of`, never with raw ranges that break the invariant.
    """

    ranges: tuple[Range, ...]
    _hash: int = field(default=0, init=False, compare=False, repr=False)

    ANY: ClassVar[CharSet]
    NONE: ClassVar[CharSet]

    @staticmethod
    def of(*members: str | int | Range) -> CharSet:
        """A set from characters, code points and inclusive ranges.

        >>> CharSet.of("a", (0x30, 0x39)).ranges
        ((48, 57), (97, 97))
        """
        ranges: list[Range] = []
        for member in members:
            if isinstance(member, str):
                ranges.extend((ord(c), ord(c)) for c in member)
            elif isinstance(member, int):
                ranges.append((member, member))
            else:
                ranges.append(member)
        return CharSet(_normalise(ranges))

    def union(self, other: CharSet) -> CharSet:
        """Members of either."""
        if self.ranges == other.ranges:
            return self
        return CharSet(_normalise(self.ranges + other.ranges))

    def complement(self) -> CharSet:
        """All other scalar values."""
        out: list[Range] = []
        nxt = 0
        for low, high in self.ranges:
            if low > nxt:
                out.append((nxt, low - 1))
            nxt = high + 1
        if nxt <= MAX_SCALAR:
            out.append((nxt, MAX_SCALAR))
        return CharSet(_normalise(out))

    def intersect(self, other: CharSet) -> CharSet:
        """Members of both."""
        out: list[Range] = []
        i = j = 0
        a, b = self.ranges, other.ranges
        while i < len(a) and j < len(b):
            low, high = max(a[i][0], b[j][0]), min(a[i][1], b[j][1])
            if low <= high:
                out.append((low, high))
            if a[i][1] < b[j][1]:
                i += 1
            else:
                j += 1
        return CharSet(_normalise(out))

    def difference(self, other: CharSet) -> CharSet:
        """Members of this set that are not in `other`."""
        return self.intersect(other.complement())

    def __hash__(self) -> int:
        """Worked out once: large sets are keys wherever automata are built."""
        if not self._hash:
            object.__setattr__(self, "_hash", hash(self.ranges) or 1)
        return self._hash

    def __contains__(self, char: object) -> bool:
        point = ord(char) if isinstance(char, str) else char
        if not isinstance(point, int):
            return False
        i = bisect_right(self.ranges, (point, MAX_SCALAR + 1)) - 1
        return i >= 0 and self.ranges[i][0] <= point <= self.ranges[i][1]

    def __len__(self) -> int:
        return sum(high - low + 1 for low, high in self.ranges)

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __str__(self) -> str:
        """Form like `[a-z]`; printable ASCII as itself, everything else by its code point."""

        def one(point: int) -> str:
            char = chr(point)
            if char in "\\]^-[":
                return "\\" + char
            return char if 0x20 <= point < 0x7F else f"\\u{{{point:x}}}"

        if self == CharSet.ANY:
            return "."
        inside = "".join(one(a) if a == b else f"{one(a)}-{one(b)}" for a, b in self.ranges)
        return f"[{inside}]"


CharSet.ANY = CharSet(_normalise([(0, MAX_SCALAR)]))
CharSet.NONE = CharSet(())
