"""Reading JSON text piece by piece, into states that are never changed.

Problem. A check asks about the value or name that has just ended, and about its earlier siblings. Matchers fork
and roll back, so what is known about the text must be shared by all of them and cheap to go back to.

Idea. A `Scan` is a position in a text: the container it is inside of, the scalar being written, or the value that
has just ended. `Scanner.feed` makes the next one. A container (`Open`) points to its parent and holds its finished
children in *runs* whose lengths are powers of two, merged like the digits of a binary counter (Bentley and Saxe,
"Decomposable searching problems", 1980): adding a child copies O(log n) of them on average, and earlier versions
stay valid. What is asked about children (is this one among them, which begin with these letters) is indexed per
run when it is first asked, and such an index is never wrong later.

Example. After `[1, 22, 3, "x` the scan is a string `x` inside an array with the runs (1, 22) and (3).

Cost. Each byte is looked at once per path; a long string is kept in pieces, joined when it ends.

Only names are remembered until a check asks about values: most grammars only ask about names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Final

from ruvllm_grammar.match.canonical import Canonical, Container, Number, Pool, number

OUT: Final = 0  #: before a value or a name
STRING: Final = 1  #: inside a string
ESCAPE: Final = 2  #: inside a string, behind a backslash
NUMBER: Final = 3  #: inside a number, which may or may not be complete
WORD: Final = 4  #: inside true, false or null
DONE: Final = 5  #: behind a value or a name that is complete

_PLAIN = re.compile(rb'[^"\\]*')
_NUMERIC = re.compile(rb"[-+.0-9eE]*")
_LETTERS = re.compile(rb"[a-z]*")
_WORDS: Final[dict[bytes, Canonical]] = {b"true": True, b"false": False, b"null": None}
_PARTIAL_CHARACTER = re.compile(rb"(?:[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})\Z")
_HIGH_SURROGATE = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}")


class Run:
    """Some consecutive children, with what was asked about them.

    Attributes:
        values: what checks compare: the items of an array, the names in an object.
        under: the values under these names; () for an array.
    """

    __slots__ = ("_index", "_set", "under", "values")

    def __init__(self, values: tuple[Canonical, ...], *, under: tuple[Canonical, ...] = ()) -> None:
        self.values = values
        self.under = under
        self._set: frozenset[Canonical] | None = None
        self._index: Index | None = None

    def __contains__(self, value: Canonical) -> bool:
        if self._set is None:
            self._set = frozenset(self.values)
        return value in self._set

    @property
    def children(self) -> Iterable[object]:
        """The items, or the (name, value) pairs."""
        return zip(self.values, self.under, strict=True) if self.under else self.values

    @property
    def index(self) -> Index:
        """Its values by kind."""
        if self._index is None:
            self._index = Index(self.values)
        return self._index


class Index:
    """Values by kind, for questions about their beginnings.

    Attributes:
        strings: as UTF-8, sorted.
        distinct: the same as a set.
        numbers: these.
        mantissas: signed digits of numbers, sorted.
        words: those of true, false and null that occur.
        containers: arrays and objects.
        by_child: arrays by their first item, objects by each of their members.
    """

    __slots__ = ("by_child", "containers", "distinct", "mantissas", "numbers", "strings", "words")

    def __init__(self, values: tuple[Canonical, ...]) -> None:
        self.strings = sorted(utf8(v) for v in values if isinstance(v, str))
        self.distinct = frozenset(self.strings)
        self.numbers = [v for v in values if isinstance(v, Number)]
        self.mantissas = sorted(v.digits for v in self.numbers)
        self.words = [v for v in values if v is None or isinstance(v, bool)]
        self.containers = [v for v in values if isinstance(v, Container)]
        self.by_child: dict[object, list[Container]] = {}
        for one in self.containers:
            if one.parts:
                self.by_child.setdefault(one.parts[0], []).append(one)
            for member in (one.members or {}).items():
                self.by_child.setdefault(member, []).append(one)


class Open:
    """A container that has not ended, as it stands after its last finished child.

    Attributes:
        parent: the container around it.
        is_object: object or array.
        runs: its finished children.
        size: their number.
        key: name of the member being written, once its colon came.
        checked: whether a check asked whether one of its children is new.
        marked: the same of it or a container around it: otherwise nothing here can run out of siblings.
        rivals: finished containers it may still become equal to; see `match.rivals`. Filled in when asked for.
        wanted: what these have in the place that comes next; likewise.
    """

    __slots__ = ("checked", "is_object", "key", "marked", "parent", "rivals", "runs", "size", "wanted")

    def __init__(
        self,
        parent: Open | None,
        is_object: bool,  # noqa: FBT001  object or array: there is no third
        runs: tuple[Run, ...] = (),
        size: int = 0,
        key: str | None = None,
    ) -> None:
        self.parent = parent
        self.is_object = is_object
        self.runs = runs
        self.size = size
        self.key = key
        self.checked = False
        self.marked: bool = parent is not None and parent.marked
        self.rivals: tuple[Container, ...] | None = None
        self.wanted: Run | None = None

    def holds(self, value: Canonical) -> bool:
        """Whether an earlier item, or name, is `value`."""
        return any(value in run for run in self.runs)

    def named(self, name: str) -> Open:
        """The same object, with the name of its next member."""
        return self._like(Open(self.parent, self.is_object, self.runs, self.size, name), self.rivals)

    def asked(self) -> Open:
        """The same container, of which a check asked whether a child is new."""
        out = self._like(Open(self.parent, self.is_object, self.runs, self.size, self.key), self.rivals)
        out.checked = out.marked = True
        return out

    def _like(self, out: Open, rivals: tuple[Container, ...] | None) -> Open:
        out.checked, out.marked, out.rivals = self.checked, self.marked, rivals
        return out

    def grown(self, value: Canonical, *, name: str | None = None) -> Open:
        """The same container with one more child: an item, or the value of the member with a name.

        `name` stands for `key`, for a member that was not `named`.
        """
        values: tuple[Canonical, ...] = (self.key if name is None else name,) if self.is_object else (value,)
        under: tuple[Canonical, ...] = (value,) if self.is_object else ()
        runs = self.runs
        while runs and len(runs[-1].values) <= len(values):
            values = runs[-1].values + values
            under = runs[-1].under + under
            runs = runs[:-1]
        out = Open(self.parent, self.is_object, (*runs, Run(values, under=under)), self.size + 1)
        return self._like(out, () if self.rivals == () else None)

    def closed(self, pool: Pool) -> Container:
        """The finished container."""
        if self.is_object:
            pairs = (zip(run.values, run.under, strict=True) for run in self.runs)
            return pool.object({str(name): value for run in pairs for name, value in run})
        return pool.array(value for run in self.runs for value in run.values)


class Scan:
    """A position in a JSON text. Not changed once made, but for what it remembers about itself.

    Attributes:
        open: the innermost container, or None.
        mode: what stands before the position (the constants above).
        pieces: the text of the unfinished scalar, for a string without its quotes.
        value: the finished value or name, where `mode` is DONE.
        values: whether values are kept, or only names.
        crossed: whether a check about names or items was met on the way here.
    """

    __slots__ = ("_head", "crossed", "mode", "open", "pieces", "threat", "value", "values")

    def __init__(
        self,
        open_: Open | None,
        mode: int,
        pieces: tuple[bytes, ...] = (),
        value: Canonical = None,
        *,
        values: bool,
        crossed: bool = False,
    ) -> None:
        self.open = open_
        self.mode = mode
        self.pieces = pieces
        self.value = value
        self.values = values
        self.crossed = crossed
        self.threat: bool | None = None  # filled in by `match.rivals`
        self._head: tuple[bytes, bytes] | None = None

    @property
    def is_name(self) -> bool:
        """Whether a string here is a member's name."""
        return self.open is not None and self.open.is_object and self.open.key is None

    @property
    def in_escape(self) -> bool:
        """Whether a string here is within an escape, or behind half of a surrogate pair."""
        return self.mode == ESCAPE or (self.mode == STRING and bool(self.head[1]))

    @property
    def text(self) -> bytes:
        """The unfinished scalar's text."""
        return self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)

    @property
    def head(self) -> tuple[bytes, bytes]:
        """An unfinished string: its characters so far in UTF-8, and the beginning of an escape that is none yet.

        A character of which only some UTF-8 bytes are there counts with these.
        """
        if self._head is None:
            text = self.text
            escape = _open_escape(text) if b"\\" in text else b""
            whole = text[: len(text) - len(escape)]
            self._head = _decoded_bytes(whole) if b"\\" in whole else whole, escape
        return self._head

    def asked(self) -> Scan:
        """The same position, behind a check about the names or items of its container."""
        here = self.open
        if self.crossed and (here is None or here.checked):
            return self
        here = None if here is None else here.asked()
        return Scan(here, self.mode, self.pieces, self.value, values=self.values, crossed=True)

    def ended(self) -> Canonical:
        """The value or name that ends with the last byte."""
        return number(self.text) if self.mode == NUMBER else self.value


def utf8(text: str) -> bytes:
    """A string's bytes, for comparing beginnings; lone surrogates get the bytes they would have."""
    return text.encode("utf-8", "surrogatepass")


def decoded(text: bytes) -> str:
    """The characters that the inside of a JSON string spells."""
    if b"\\" in text:
        found: str = json.loads('"' + text.decode("utf-8", "replace") + '"', strict=False)
        return found
    return text.decode("utf-8", "replace")


def _decoded_bytes(text: bytes) -> bytes:
    """The inside of a JSON string without escapes; it may end within a character."""
    part = _PARTIAL_CHARACTER.search(text, max(len(text) - 3, 0))
    cut = len(text) if part is None else part.start()
    return utf8(decoded(text[:cut])) + text[cut:]


def _open_escape(text: bytes) -> bytes:
    """The end of a string's text that is the beginning of an escape, or half of a surrogate pair."""
    last = text.rfind(b"\\", max(len(text) - 6, 0))
    if last < 0 or not _starts_escape(text, last):
        return b""
    escape = text[last:]
    whole = 6 if escape[1:2] == b"u" else 2
    if len(escape) < whole:
        pair = _HIGH_SURROGATE.match(text, last - 6) if last >= 6 else None
        return text[last - 6 :] if pair is not None and _starts_escape(text, last - 6) else escape
    return escape if len(escape) == whole and _HIGH_SURROGATE.match(escape) else b""


def _starts_escape(text: bytes, at: int) -> bool:
    """Whether the backslash at `at` is not itself escaped."""
    before = at
    while before > 0 and text[before - 1] == 0x5C:
        before -= 1
    return (at - before) % 2 == 0


class Scanner:
    """Makes scans.

    Args:
        pool: where arrays and objects are interned.
        values: keep values; otherwise only names, and every value is None.
    """

    def __init__(self, pool: Pool, *, values: bool) -> None:
        self.values = values
        self.start = Scan(None, OUT, values=values)
        self._pool = pool

    def feed(self, scan: Scan, data: bytes) -> Scan:
        """The position behind `data`."""
        open_, mode, pieces, value = scan.open, scan.mode, scan.pieces, scan.value
        values = self.values
        if mode == STRING and 0x22 not in data and 0x5C not in data:
            if not data:
                return scan
            return Scan(open_, mode, _joined(pieces, data), value, values=values, crossed=scan.crossed)
        name: str | None = None  # of the member being written, if `open_` does not know it yet
        i, n = 0, len(data)
        while i < n:
            if mode == STRING:
                stop = _PLAIN.match(data, i).end()  # type: ignore[union-attr]  # it matches nothing, too
                if stop == n:
                    pieces = _joined(pieces, data[i:n])
                    break
                if data[stop] == 0x22:
                    value = None
                    if values or (
                        name is None and open_ is not None and open_.is_object and open_.key is None
                    ):
                        value = decoded(b"".join(pieces) + data[i:stop] if pieces else data[i:stop])
                    mode, pieces = DONE, ()
                    i = stop + 1
                else:
                    pieces = _joined(pieces, data[i : stop + 1])
                    mode = ESCAPE
                    i = stop + 1
                continue
            if mode == ESCAPE:
                pieces = _joined(pieces, data[i : i + 1])
                mode = STRING
                i += 1
                continue
            if mode == NUMBER:
                stop = _NUMERIC.match(data, i).end()  # type: ignore[union-attr]  # it matches nothing, too
                pieces = _joined(pieces, data[i:stop])
                if stop == n:
                    break
                value = number(b"".join(pieces)) if values else None
                mode, pieces = DONE, ()
                i = stop
                continue
            if mode == WORD:
                stop = _LETTERS.match(data, i).end()  # type: ignore[union-attr]  # it matches nothing, too
                text = b"".join(pieces) + data[i:stop]
                pieces = (text,)
                if text in _WORDS:
                    value = _WORDS[text] if values else None
                    mode, pieces = DONE, ()
                elif stop < n:  # no JSON: nothing will be asked about it
                    mode, pieces, value = DONE, (), None
                i = stop
                continue
            byte = data[i]
            i += 1
            if byte == 0x22:
                mode = STRING
            elif byte == 0x3A:
                if open_ is not None and isinstance(value, str):
                    name = value
                mode, value = OUT, None
            elif byte == 0x2C:
                if mode == DONE and open_ is not None and (values or open_.is_object):
                    open_ = open_.grown(value, name=name)
                    name = None
                mode, value = OUT, None
            elif byte in b" \t\n\r":
                pass
            elif byte in b"{[":
                if name is not None and open_ is not None:
                    open_, name = open_.named(name), None
                open_ = Open(open_, byte == 0x7B)
                mode = OUT
            elif byte in b"}]":
                if open_ is not None:
                    if mode == DONE and values:
                        open_ = open_.grown(value, name=name)
                    name = None
                    value = open_.closed(self._pool) if values else None
                    open_ = open_.parent
                mode = DONE
            elif byte == 0x2D or 0x30 <= byte <= 0x39:
                mode = NUMBER
                i -= 1
            elif 0x61 <= byte <= 0x7A:
                mode = WORD
                i -= 1
        if name is not None and open_ is not None:
            open_ = open_.named(name)
        if open_ is scan.open and mode == scan.mode and pieces is scan.pieces and value is scan.value:
            return scan
        return Scan(open_, mode, pieces, value, values=values, crossed=scan.crossed)


def _joined(pieces: tuple[bytes, ...], piece: bytes) -> tuple[bytes, ...]:
    """Pieces of a text with one more; neighbours of similar length are joined, so there are few."""
    while pieces and len(pieces[-1]) <= 2 * len(piece):
        piece = pieces[-1] + piece
        pieces = pieces[:-1]
    return (*pieces, piece) if piece else pieces
