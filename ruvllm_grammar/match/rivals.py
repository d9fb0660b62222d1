"""Which earlier siblings may what is being written still become equal to?

Problem. Inside a name or an item hardly any mask is touched by uniqueness, because hardly ever could the text still
repeat an earlier sibling. A mask must find that out in microseconds, and look closer only where it could.

Idea. The *rivals* of an unfinished container are the finished containers that it would repeat if it ended that way:
earlier items of the array it stands in, and what stands in its place inside the rivals of its parent; of these, the
ones that agree with its finished children. A position is *threatened* when a scalar that stands there could still
become an earlier name or item of its own container, or the value in that place of a rival. Where nothing threatens, no
check about siblings can fail before something new begins.

Example. In `[{"a": 1, "b": "xy"}, {"a": 1, "b": "x` the second object has one rival, and `xy` threatens the string;
one character on, in `"xz`, nothing does: the object cannot repeat the first one whatever follows.

Cost. A few bisections. More than `MANY` rivals are not listed: then the place counts as threatened.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, TypeVar

from ruvllm_grammar.match.canonical import Canonical, Container
from ruvllm_grammar.match.scanner import DONE, ESCAPE, NUMBER, OUT, STRING, Open, Run, Scan

MANY: Final = 64
_SMALL: Final = 1024  # siblings up to which they are merged into one run to ask about

#: Stands for more rivals than anybody wants to look at; compared by identity.
CROWD: Final = (Container((), None),)
_NOTHING: Final = Container((), None)
_NONE: Final = Run(())
_ANYTHING: Final = Run((_NOTHING,))
_QUOTE, _BACKSLASH, _ZERO = 0x22, 0x5C, 0x30
_NO_DIGITS: Final = frozenset(range(256)) - frozenset(b"0123456789")
_Text = TypeVar("_Text", str, bytes)
_WORDS: Final[dict[Canonical, bytes]] = {True: b"true", False: b"false", None: b"null"}


def threatened(scan: Scan) -> bool:
    """Whether some continuation from here, before a new sibling begins, may repeat an earlier name or item."""
    if scan.threat is None:
        scan.threat = scan.open is not None and _threatened(scan, scan.open)
    return scan.threat


def _threatened(scan: Scan, here: Open) -> bool:
    mode = scan.mode
    if mode == DONE:
        if scan.is_name:
            found = rivals(here)
            return found is CROWD or any(scan.value in (one.members or {}) for one in found)
        return bool(rivals(here.grown(scan.value)))
    if mode == OUT:
        if here.is_object and here.key is not None:
            return bool(_wanted(here).values)
        return here.size > 0 or bool(rivals(here))
    runs = _rivalling(here)
    if runs is None:
        return True
    if mode in {STRING, ESCAPE}:
        head, escape = scan.head
        return any(_any_begins(run.index.strings, head, escape) for run in runs)
    text = scan.text
    if mode == NUMBER:
        sign, digits = _mantissa(text)
        return any(_any_number(run.index.mantissas, sign, digits) for run in runs)
    return any(_WORDS[word].startswith(text) for run in runs for word in run.index.words)


def rivals(here: Open) -> tuple[Container, ...]:
    """Finished containers that `here` may still become equal to, or CROWD."""
    chain = []
    one: Open | None = here
    while one is not None and one.rivals is None:
        chain.append(one)
        one = one.parent
    for one in reversed(chain):
        one.rivals = _rivals(one)
    return here.rivals or ()


def _rivals(here: Open) -> tuple[Container, ...]:
    parent = here.parent
    if parent is None:
        return ()
    found: list[Container] = []
    if not parent.is_object:
        for run in parent.runs:
            some = _candidates(here, run)
            if len(found) + len(some) > MANY:
                return CROWD
            found.extend(one for one in some if _agree(here, one))
    above = parent.rivals or ()
    if above is CROWD:
        return CROWD
    for rival in above:
        one = _in_place(parent, rival)
        if isinstance(one, Container) and _agree(here, one):
            found.append(one)
    return tuple(dict.fromkeys(found))


def _candidates(here: Open, run: Run) -> list[Container]:
    """Containers of a run that share a finished child with `here`; all of them if it has none."""
    index = run.index
    if not here.size or not index.containers:
        return index.containers
    if not here.is_object:
        return index.by_child.get(here.runs[0].values[0], [])
    lists = (index.by_child.get(child, []) for run in here.runs for child in run.children)
    return min(lists, key=len)


def _agree(here: Open, one: Container) -> bool:
    """Whether `one` begins (an array) or contains (an object) what is finished of `here`."""
    if here.is_object:
        members = one.members
        return members is not None and all(
            members.get(str(name), _NOTHING) == value
            for run in here.runs
            for name, value in zip(run.values, run.under, strict=True)
        )
    parts = one.parts
    if parts is None or len(parts) < here.size:
        return False
    values = (value for run in here.runs for value in run.values)
    return all(value == part for value, part in zip(values, parts, strict=False))


def _in_place(here: Open, rival: Container) -> Canonical:
    """What a rival of `here` has where the next value of `here` goes; _NOTHING if it has none."""
    if rival.parts is not None:
        return rival.parts[here.size] if here.size < len(rival.parts) else _NOTHING
    members = rival.members or {}
    return members.get(here.key, _NOTHING) if here.key is not None else _NOTHING


def _wanted(here: Open) -> Run:
    """Names or values that rivals of `here` have where its next one goes; _ANYTHING when there are many rivals."""
    if here.wanted is None:
        found = rivals(here)
        if found is CROWD:
            here.wanted = _ANYTHING
        elif not found:
            here.wanted = _NONE
        elif here.is_object and here.key is None:
            here.wanted = Run(tuple({name: None for one in found for name in one.members or ()}))
        else:
            values = dict.fromkeys(_in_place(here, one) for one in found)
            values.pop(_NOTHING, None)
            here.wanted = Run(tuple(values))
    return here.wanted


def _rivalling(here: Open) -> tuple[Run, ...] | None:
    """Earlier siblings of the scalar written in `here`, and what rivals of `here` have in its place; None: too many."""
    wanted = _wanted(here)
    if wanted is _ANYTHING:
        return None
    if here.is_object and here.key is not None:
        return (wanted,)
    runs = _merged(here.runs) if len(here.runs) > 1 and here.size <= _SMALL else here.runs
    return (*runs, wanted) if wanted.values else runs


@lru_cache(maxsize=32)
def _merged(runs: tuple[Run, ...]) -> tuple[Run, ...]:
    """The same siblings in one run: one index to ask instead of a handful. Made anew when there is one more."""
    return (Run(tuple(value for run in runs for value in run.values)),)


# --- beginnings of scalars


def _any_begins(strings: list[bytes], head: bytes, escape: bytes) -> bool:
    """Whether any of these sorted strings can still be written."""
    at = bisect_left(strings, head)
    if not escape:
        return at < len(strings) and strings[at].startswith(head)
    size = len(head)
    while at < len(strings) and strings[at].startswith(head):
        text = strings[at]
        if len(text) == size:
            at += 1
            continue
        if _begins(text, head, escape):
            return True
        at = bisect_left(strings, _after(text[: size + _width(text[size])]), at)
    return False


def _begins(text: bytes, head: bytes, escape: bytes) -> bool:
    """Whether a string that reads `head`, and then the incomplete `escape`, can become the longer `text`."""
    start = len(head)
    char = text[start : start + _width(text[start])].decode("utf-8", "surrogatepass")
    units = char.encode("utf-16-be", "surrogatepass")
    spelled = "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
    return spelled.encode().startswith(escape.lower())


def _width(lead: int) -> int:
    """Bytes of a character in UTF-8, by the first of them."""
    return 1 if lead < 0x80 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4


def _mantissa(text: bytes) -> tuple[str, str]:
    """Sign and significant digits of an unfinished number, from its first digit that is not zero."""
    sign = "-" if text.startswith(b"-") else ""
    digits = text.lower().partition(b"e")[0].lstrip(b"-").replace(b".", b"")
    return sign, digits.lstrip(b"0").decode()


def _any_number(mantissas: list[str], sign: str, digits: str) -> bool:
    """Whether a number of any of these sorted mantissas can still come out: exponents can put its point anywhere."""
    if not mantissas:
        return False
    if not digits:  # any number of this sign, and zero
        return mantissas[0].startswith("-") or "0" in mantissas if sign else not mantissas[-1].startswith("-")
    at = bisect_left(mantissas, sign + digits)
    if at < len(mantissas) and mantissas[at].startswith(sign + digits):
        return True
    return _is_in(mantissas, sign + digits.rstrip("0"))


def _is_in(texts: list[_Text], text: _Text) -> bool:
    at = bisect_left(texts, text)
    return at < len(texts) and texts[at] == text


# --- what the search for a way on wants to know


def next_bytes(scan: Scan) -> frozenset[int] | None:
    """Bytes after which the position may still be threatened; None where that takes trying.

    Every other byte leads out of danger.
    """
    runs = None if scan.open is None else _rivalling(scan.open)
    if runs is None:
        return None
    found: set[int]
    if scan.mode == STRING:
        head, escape = scan.head
        if escape:
            return None
        found = {_QUOTE, _BACKSLASH}
        for run in runs:
            found.update(_next_of(run.index.strings, head))
        return frozenset(found)
    if scan.mode == NUMBER and b"e" not in scan.text.lower():
        sign, digits = _mantissa(scan.text)
        found = set() if digits else {_ZERO}
        for run in runs:
            found.update(ord(digit) for digit in _next_of(run.index.mantissas, sign + digits) if digit != "-")
            if _is_in(run.index.mantissas, sign + digits.rstrip("0")):
                found.add(_ZERO)
        return _NO_DIGITS | found
    return None


def repeating(here: Open, head: bytes, ends: Mapping[bytes, object]) -> list[bytes]:
    """Those of some ends of strings with which a string that reads `head` becomes an earlier name, or item, of `here`.

    Args:
        here: the container.
        head: in UTF-8, without escapes.
        ends: its keys.
    """
    found: list[bytes] = []
    size = len(head)
    for run in here.runs:
        index = run.index
        if not size:
            if not ends.keys().isdisjoint(index.distinct):
                found.extend(ends.keys() & index.distinct)
            continue
        strings = index.strings
        at = bisect_left(strings, head)
        while at < len(strings) and strings[at].startswith(head):
            if strings[at][size:] in ends:
                found.append(strings[at][size:])
            at += 1
    return found


def _next_of(texts: list[_Text], head: _Text) -> Iterator[Any]:
    """What follows `head` in sorted texts that begin with it, each once."""
    size = len(head)
    at = bisect_left(texts, head)
    while at < len(texts) and texts[at].startswith(head):
        text = texts[at]
        if len(text) == size:
            at += 1
            continue
        yield text[size]
        at = bisect_left(texts, _after(text[: size + 1]), at)


def _after(prefix: _Text) -> _Text:
    """The first text behind all that begin with `prefix`."""
    if isinstance(prefix, str):
        return prefix[:-1] + chr(ord(prefix[-1]) + 1)
    return prefix[:-1] + bytes([prefix[-1] + 1])


def key(scan: Scan) -> object:
    """Equal for positions with the same future, as far as that is cheap to see; valid while `scan` is held."""
    if scan.mode in {STRING, ESCAPE}:
        return (id(scan.open), scan.mode, *scan.head)
    return id(scan)
