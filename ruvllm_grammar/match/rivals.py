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
from collections.abc import Iterator
from typing import Final

from ruvllm_grammar.match.canonical import Canonical, Container, Number
from ruvllm_grammar.match.scanner import DONE, ESCAPE, NUMBER, OUT, STRING, Open, Run, Scan

MANY: Final = 64

#: Stands for more rivals than anybody wants to look at; compared by identity.
CROWD: Final = (Container((), None),)
_NOTHING: Final = Container((), None)
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
            return bool(_wanted(here))
        return here.size > 0 or bool(rivals(here))
    wanted = _wanted(here)
    if wanted is CROWD:
        return True
    if mode in {STRING, ESCAPE}:
        head, tail = scan.head
        if scan.is_name or not here.is_object:
            if _any_begins(here.runs, head, tail):
                return True
        return any(isinstance(v, str) and _begins(v, head, tail) for v in wanted)
    text = scan.text
    if mode == NUMBER:
        sign, digits = _mantissa(text)
        if not here.is_object and any(_any_number(run, sign, digits) for run in here.runs):
            return True
        return any(isinstance(v, Number) and _number_begins(v.digits, sign, digits) for v in wanted)
    if not here.is_object and any(_WORDS[w].startswith(text) for run in here.runs for w in run.index.words):
        return True
    return any(_WORDS[v].startswith(text) for v in wanted if v is None or isinstance(v, bool))


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
            members.get(name, _NOTHING) == value  # type: ignore[call-overload]
            for run in here.runs
            for name, value in run.children  # type: ignore[misc]
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


def _wanted(here: Open) -> tuple[Canonical, ...]:
    """Names or values that rivals of `here` have where its next one goes; CROWD when there are many rivals."""
    found = rivals(here)
    if found is CROWD or not found:
        return found
    if here.is_object and here.key is None:
        return tuple(name for one in found for name in one.members or ())
    values = (_in_place(here, one) for one in found)
    return tuple(value for value in values if value is not _NOTHING)


# --- beginnings of scalars


def _any_begins(runs: tuple[Run, ...], head: str, tail: bytes) -> bool:
    for run in runs:
        for i, text in enumerate(_from(run, head)):
            if not text.startswith(head):
                break
            if i == MANY or _begins(text, head, tail):
                return True
    return False


def _from(run: Run, head: str) -> Iterator[str]:
    strings = run.index.strings
    return (strings[i] for i in range(bisect_left(strings, head), len(strings)))


def _begins(text: str, head: str, tail: bytes) -> bool:
    """Whether a string that reads `head`, and then the incomplete bytes `tail`, can become `text`."""
    if not text.startswith(head):
        return False
    if not tail:
        return True
    return len(text) > len(head) and _spells(tail, text[len(head)])


def _spells(tail: bytes, char: str) -> bool:
    """Whether `tail` is the beginning of a spelling of `char`."""
    if tail[0] != 0x5C:
        return char.encode("utf-8", "surrogatepass").startswith(tail)
    units = char.encode("utf-16-be", "surrogatepass")
    spelled = "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
    return spelled.encode().startswith(tail.lower())


def _mantissa(text: bytes) -> tuple[str, str]:
    """Sign and significant digits of an unfinished number, from its first digit that is not zero."""
    sign = "-" if text.startswith(b"-") else ""
    digits = text.lower().partition(b"e")[0].lstrip(b"-").replace(b".", b"")
    return sign, digits.lstrip(b"0").decode()


def _number_begins(signed: str, sign: str, digits: str) -> bool:
    """Whether a number of these significant digits may still come out: exponents can put its point anywhere."""
    if signed.startswith("-") != bool(sign) and signed != "0":
        return False
    own = signed.removeprefix("-")
    return own.startswith(digits) or own == digits.rstrip("0")


def _any_number(run: Run, sign: str, digits: str) -> bool:
    mantissas = run.index.mantissas
    if not mantissas:
        return False
    if not digits:  # any number of this sign, and zero
        return mantissas[0].startswith("-") or "0" in mantissas if sign else not mantissas[-1].startswith("-")
    at = bisect_left(mantissas, sign + digits)
    if at < len(mantissas) and mantissas[at].startswith(sign + digits):
        return True
    shorter = sign + digits.rstrip("0")
    at = bisect_left(mantissas, shorter)
    return at < len(mantissas) and mantissas[at] == shorter


# --- what the search for a way on wants to know


def next_bytes(scan: Scan) -> frozenset[int] | None:
    """Bytes after which the position may still be threatened; None where that takes trying.

    Only inside strings, between characters. Every other byte leads out of danger.
    """
    here = scan.open
    if here is None or scan.mode != STRING:
        return None
    head, tail = scan.head
    wanted = _wanted(here)
    if tail or wanted is CROWD:
        return None
    texts = [v for v in wanted if isinstance(v, str) and v.startswith(head)]
    if scan.is_name or not here.is_object:
        for run in here.runs:
            for text in _from(run, head):
                if not text.startswith(head):
                    break
                texts.append(text)
                if len(texts) > MANY:
                    return None
    size = len(head)
    firsts = {text[size].encode("utf-8", "surrogatepass")[0] for text in texts if len(text) > size}
    return frozenset(firsts | {0x22, 0x5C})


def key(scan: Scan) -> object:
    """Equal for positions with the same future, as far as that is cheap to see; valid while `scan` is held."""
    if scan.mode in {STRING, ESCAPE}:
        return (id(scan.open), scan.mode, *scan.head)
    return id(scan)
