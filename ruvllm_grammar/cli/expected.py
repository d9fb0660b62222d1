r"""What may stand at a place of a text, in words: from a set of legal bytes to `expected one of "," "}" digit`.

A person wants characters, classes and whole words, not 256 bits. So a forced text is shown as a whole
(`expected "ame\":"` after `{"n`), many characters are told by those that are missing, and runs by their ends.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ruvllm_grammar.cli.screen import quoted
from ruvllm_grammar.errors import MatchError
from ruvllm_grammar.match import Matcher
from ruvllm_grammar.program.draw import byte_ranges

_LONGEST = 60  # bytes of a forced text shown
_MOST = 24  # items of a list shown
_PRINTABLE = frozenset(range(0x20, 0x7F))
_LEADS = frozenset(range(0xC2, 0xF5))
_REST = frozenset(range(0x80, 0xC0))
_SPACES = {0x20: "space", 0x09: "tab", 0x0A: "newline", 0x0D: "carriage return"}
_CLASSES = (frozenset(range(0x30, 0x3A)), frozenset(range(0x41, 0x5B)), frozenset(range(0x61, 0x7B)))


@dataclass(frozen=True, slots=True)
class Expected:
    """What a matcher allows where it stands.

    Attributes:
        legal: bytes that may follow, ascending.
        end: whether the document may end here.
        forced: the only text that may follow, as far as it is determined; b"" where there is a choice.
    """

    legal: tuple[int, ...]
    end: bool
    forced: bytes

    @classmethod
    def at(cls, matcher: Matcher) -> Expected:
        """Ask a matcher over the byte vocabulary; it is left as it was."""
        legal = []
        for byte in range(256):
            try:
                matcher.accept_bytes(bytes([byte]))
            except MatchError:
                continue
            matcher.rollback()
            legal.append(byte)
        return cls(tuple(legal), matcher.is_accepting, bytes(matcher.forced()))

    def __str__(self) -> str:
        if len(self.forced) > 1:
            cut = _whole_characters(self.forced[:_LONGEST])
            return f"expected {quoted(cut)}" + (" ..." if len(cut) < len(self.forced) else "")
        items = list(_items(frozenset(self.legal)))
        if self.end:
            items.append("the end")
        if len(items) > _MOST:
            items[_MOST:] = [f"{len(items) - _MOST} more"]
        if not items:
            return "nothing may follow"
        return f"expected one of {' '.join(items)}" if len(items) > 1 else f"expected {items[0]}"


def _whole_characters(data: bytes) -> bytes:
    """Without a character that was cut in its middle."""
    whole = data.decode("utf-8", "ignore").encode()
    return whole if data.startswith(whole) else data


def _items(legal: frozenset[int]) -> Iterator[str]:
    if legal and legal <= _REST:
        yield f"the rest of a UTF-8 character ({_hexadecimal(legal)})"
        return
    left = set(legal)
    missing = _PRINTABLE - legal
    if len(missing) <= len(_PRINTABLE) // 3:
        beyond = legal >= _LEADS
        but = f" but {' '.join(_characters(missing))}" if missing else ""
        yield ("any character" if beyond else "any ASCII character") + but
        left -= _PRINTABLE | {0x7F}
        if beyond:
            left -= _LEADS
    yield from _characters(left & (_PRINTABLE | _SPACES.keys()))
    leads = left & _LEADS
    if leads == _LEADS:
        yield "a character beyond ASCII"
        left -= _LEADS
    rest = left - _PRINTABLE - _SPACES.keys()
    if rest:
        yield f"byte {_hexadecimal(rest)}"


def _characters(chars: Collection[int]) -> Iterator[str]:
    """Printable ASCII and white space: punctuation first, then digits and letters, then white space."""
    alphanumeric = frozenset().union(*_CLASSES)
    for byte in sorted(_PRINTABLE.intersection(chars) - alphanumeric - {0x20}):
        yield quoted(bytes([byte]))
    for members in _CLASSES:
        for low, high in byte_ranges(members.intersection(chars)):
            if (low, high) == (0x30, 0x39):
                yield "digit"
            elif high - low < 2:
                yield from (quoted(bytes([byte])) for byte in range(low, high + 1))
            else:
                yield f"{chr(low)}-{chr(high)}"
    if _SPACES.keys() <= set(chars):
        yield "white space"
    else:
        yield from (name for byte, name in _SPACES.items() if byte in chars)


def _hexadecimal(values: Collection[int]) -> str:
    """`0x80-0xbf 0xc2`."""
    return " ".join(
        f"0x{low:02x}" if low == high else f"0x{low:02x}-0x{high:02x}" for low, high in byte_ranges(values)
    )
