r"""How one state's choice of characters is spelled in bytes: the class trie, worked out once per choice.

A state of a symbolic automaton sends disjoint character sets to different targets. In bytes that is a small tree:

```text
{[a-z] -> 1, [é-ÿ] -> 2}       UTF-8                           inside a JSON string, also
   top    61..7a -> 1, c3 -> A                                 5c -> B
   A      a9..bf -> 2                                          B  75 -> C   ("\u")
                                                               C  30 -> D,  D  30 -> E,  E  36 -> F, 37 -> G, 65 -> ..
```

`Spelling` is that tree with *columns* instead of states: 0 nowhere, then the targets, then the inner nodes. It
depends on the sets alone, so all states with the same choice, in all patterns, share it (a bounded cache: digits, `\w`
and `.` are everywhere).

Inner nodes are shared between states as well: node F above, "6 of `\u006x`", is the same byte state wherever its
targets are the same. So each inner node has a *shape* (its tree with targets numbered by first appearance) and
*arguments* (which targets those are); two inner nodes are one state exactly if shape and arguments agree. Since no
inner node can accept what a state between characters accepts (its words start in the middle of a character), and
states between characters are minimal already, this sharing alone makes the byte automaton minimal.

JSON spellings are those of RFC 8259 section 7. A character may be raw (not below U+0020, not quote or backslash), one
of `\" \\ \/ \b \f \n \r \t`, or `\uXXXX` in either case, beyond U+FFFF as a pair of surrogates; a lone surrogate is
no character, and its escape spells nothing. The canonical spelling of a character is the one that
`json.dumps(ensure_ascii=False)` writes: raw where that is allowed, else a short escape, else `\u00xx` in lower case.

Lineage: UTF-8 as byte ranges after Thompson and Cox (RE2) and the `utf8-ranges` of regex-syntax; the tree of quotients
is ours.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
import numpy.typing as npt

from ruvllm_grammar.ir import CharSet

Column = int
NOWHERE: Column = 0
_FIRST_TARGET: Column = 1

# (first, last, column) over units of some size: bytes of a row, or blocks of code points
_Run = tuple[int, int, int]


class Form(Enum):
    """How text is written in bytes."""

    UTF8 = "UTF-8"
    JSON = "JSON string, without its quotes"
    CANONICAL = "JSON string in its canonical spelling, without its quotes"


@dataclass(frozen=True, slots=True)
class Spelling:
    """The byte tree of one choice of characters; see the module's essay.

    Attributes:
        targets: how many targets the choice has; their columns are 1, 2, ...
        rows: uint32[1 + inner, classes], the column after each byte class: first from between characters, then
            from each inner node, whose column is `1 + targets + its index`.
        classes: uint8[256], the bytes numbered by the columns they share in all rows.
        shapes: int64[inner], equal for equal trees, in every spelling of one `ShapeTable`.
        arguments: per inner node the targets, from 0, in order of first appearance.
    """

    targets: int
    rows: npt.NDArray[np.uint32]
    classes: npt.NDArray[np.uint8]
    shapes: npt.NDArray[np.int64]
    arguments: tuple[tuple[int, ...], ...]


@dataclass(slots=True)
class ShapeTable:
    """Numbers for shapes, and the spellings made with them."""

    numbers: dict[object, int] = field(default_factory=dict)
    spellings: dict[tuple[Form, tuple[CharSet, ...]], Spelling] = field(default_factory=dict)
    nbytes: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def spelling(self, form: Form, sets: tuple[CharSet, ...]) -> Spelling:
        """The byte tree for disjoint `sets`."""
        key = (form, sets)
        found = self.spellings.get(key)
        if found is None:
            with self.lock:
                found = self.spellings.get(key)
                if found is None:
                    found = _Tree(self.numbers, sets).spelling(form)
                    ranges = sum(len(one.ranges) for one in sets)
                    self.nbytes += found.rows.nbytes + 200 * len(found.arguments) + 100 * ranges + 2_000
                    self.spellings[key] = found
        return found


_MAX_BYTES = 32 << 20
_current = [ShapeTable()]


def shape_table() -> ShapeTable:
    """The table to use for one whole automaton; a full one is replaced, for those who come later."""
    if _current[0].nbytes > _MAX_BYTES:
        _current[0] = ShapeTable()
    return _current[0]


def _split(runs: list[_Run], unit: int) -> list[tuple[int, int, int | list[_Run]]]:
    """Cut runs of code points at multiples of `unit`.

    Returns:
        Ascending `(first, last, what)` over whole units: a column where one run covers them all, else (then first
        equals last) the runs inside the unit, relative to its start.
    """
    whole: list[tuple[int, int, int | list[_Run]]] = []
    broken: dict[int, list[_Run]] = {}
    for low, high, column in runs:
        first, last = low // unit, high // unit
        start, stop = first, last
        if low % unit or (first == last and (high + 1) % unit):
            end = min(high, first * unit + unit - 1)
            broken.setdefault(first, []).append((low - first * unit, end - first * unit, column))
            start = first + 1
        if (high + 1) % unit and last >= start:
            broken.setdefault(last, []).append((0, high - last * unit, column))
            stop = last - 1
        if start <= stop:
            whole.append((start, stop, column))
    whole.extend((index, index, inside) for index, inside in broken.items())
    return sorted(whole, key=lambda item: item[0])


class _Tree:
    """Builds one spelling. Nodes are hash-consed by their runs, children first."""

    def __init__(self, numbers: dict[object, int], sets: tuple[CharSet, ...]) -> None:
        self.numbers = numbers
        self.n_targets = len(sets)
        self.runs: list[_Run] = sorted(
            (low, high, _FIRST_TARGET + index) for index, one in enumerate(sets) for low, high in one.ranges
        )
        self.first_inner = _FIRST_TARGET + len(sets)
        self.nodes: dict[tuple[_Run, ...], Column] = {}
        self.shapes: list[int] = []
        self.arguments: list[tuple[int, ...]] = []

    def node(self, runs: list[_Run]) -> Column:
        """The column of the inner node with these byte runs; `NOWHERE` for none."""
        if not runs:
            return NOWHERE
        merged: list[_Run] = []
        for first, last, column in runs:
            if merged and merged[-1][2] == column and merged[-1][1] + 1 == first:
                merged[-1] = (merged[-1][0], last, column)
            else:
                merged.append((first, last, column))
        key = tuple(merged)
        found = self.nodes.get(key)
        if found is None:
            found = self.nodes[key] = self.first_inner + len(self.nodes)
            self._describe(key)
        return found

    def _describe(self, runs: tuple[_Run, ...]) -> None:
        """Work out shape and arguments of a new node."""
        place: dict[int, int] = {}
        content: list[object] = []
        for first, last, column in runs:
            if column < self.first_inner:
                inside: tuple[int, ...] = (column - _FIRST_TARGET,)
                shape = -1
            else:
                inside = self.arguments[column - self.first_inner]
                shape = self.shapes[column - self.first_inner]
            content.append((first, last, shape, tuple(place.setdefault(a, len(place)) for a in inside)))
        self.shapes.append(self.numbers.setdefault(tuple(content), len(self.numbers)))
        self.arguments.append(tuple(place))

    # UTF-8 (RFC 3629): after the lead byte, each byte 80..bf chooses one of 64 blocks.

    def _continuation(self, runs: int | list[_Run], depth: int) -> Column:
        """The node that reads `depth` more bytes of one character."""
        if isinstance(runs, int):
            column = runs
            for _ in range(depth):
                column = self.node([(0x80, 0xBF, column)])
            return column
        if depth == 0:
            return runs[0][2]
        pieces = _split(runs, 64 ** (depth - 1))
        return self.node([(0x80 + a, 0x80 + b, self._continuation(what, depth - 1)) for a, b, what in pieces])

    def utf8(self, low: int, high: int, lead: int, depth: int) -> list[_Run]:
        """Runs over lead bytes of the characters in `low..high`, written with `depth` more bytes."""
        return [
            (lead + a, lead + b, self._continuation(what, depth))
            for a, b, what in _split(self._within(low, high), 64**depth)
        ]

    def _within(self, low: int, high: int) -> list[_Run]:
        return [(max(a, low), min(b, high), c) for a, b, c in self.runs if a <= high and b >= low]

    # Hexadecimal escapes: each digit chooses one of 16 blocks.

    def _digits(self, runs: int | list[_Run], depth: int) -> Column:
        if isinstance(runs, int):
            column = runs
            for _ in range(depth):
                column = self.node(_digit_runs([(0, 15, column)]))
            return column
        if depth == 0:
            return runs[0][2]
        pieces = _split(runs, 16 ** (depth - 1))
        return self.node(_digit_runs([(a, b, self._digits(what, depth - 1)) for a, b, what in pieces]))

    def _second_half(self, runs: int | list[_Run]) -> Column:
        """After a high surrogate: backslash, u, and the low surrogate; `runs` relative to its 1024 characters."""
        low = (
            [(0xDC00, 0xDFFF, runs)]
            if isinstance(runs, int)
            else [(0xDC00 + a, 0xDC00 + b, c) for a, b, c in runs]
        )
        return self.node([(0x5C, 0x5C, self.node([(0x75, 0x75, self._digits(low, 4))]))])

    def escape(self) -> list[_Run]:
        """The run of a backslash in the row between characters."""
        runs = self._within(0, 0xFFFF)
        beyond = [(a - 0x10000, b - 0x10000, c) for a, b, c in self._within(0x10000, 0x10FFFF)]
        pairs = [(0xD800 + a, 0xD800 + b, self._second_half(what)) for a, b, what in _split(beyond, 0x400)]
        after: list[_Run] = []
        for letter, char in _SHORT_ESCAPES:
            here = self._within(char, char)
            if here:
                after.append((letter, letter, here[0][2]))
        four = self._digits(sorted(runs + pairs), 4)
        if four != NOWHERE:
            after.append((0x75, 0x75, four))
        node = self.node(sorted(after))
        return [(0x5C, 0x5C, node)] if node != NOWHERE else []

    def needed_escape(self) -> list[_Run]:
        """The same, of canonical spellings: for the characters that cannot stand there raw."""
        after = [
            (letter, letter, here[0][2])
            for letter, char in _SHORT_ESCAPES
            if char != 0x2F and (here := self._within(char, char))
        ]
        others = [run for low, high in _CONTROLS for run in self._within(low, high)]
        digits = [
            (0x30 + a, 0x30 + b, self.node(_lower_digits([(0, 15, what)] if isinstance(what, int) else what)))
            for a, b, what in _split(others, 16)
        ]
        if digits:
            zero = self.node([(0x30, 0x30, self.node(digits))])
            after.append((0x75, 0x75, self.node([(0x30, 0x30, zero)])))
        return [(0x5C, 0x5C, self.node(sorted(after)))] if after else []

    def spelling(self, form: Form) -> Spelling:
        top: list[_Run] = []
        if form is Form.UTF8:
            top += self._within(0, 0x7F)
        else:
            for low, high in ((0x20, 0x21), (0x23, 0x5B), (0x5D, 0x7F)):
                top += self._within(low, high)
            top += self.escape() if form is Form.JSON else self.needed_escape()
        top += self.utf8(0x80, 0x7FF, 0xC0, 1)
        top += self.utf8(0x800, 0xFFFF, 0xE0, 2)
        top += self.utf8(0x10000, 0x10FFFF, 0xF0, 3)
        all_runs = [tuple(top), *self.nodes]
        cuts = sorted(({cut for runs in all_runs for a, b, _ in runs for cut in (a, b + 1)} | {0}) - {256})
        place = {cut: index for index, cut in enumerate(cuts)}
        place[256] = len(cuts)
        rows = np.zeros((len(all_runs), len(cuts)), np.uint32)
        for row, runs in zip(rows, all_runs, strict=True):
            for first, last, column in runs:
                row[place[first] : place[last + 1]] = column
        distinct, classes = _byte_classes(rows, cuts)
        return Spelling(
            targets=self.n_targets,
            rows=np.ascontiguousarray(rows[:, distinct]),
            classes=classes,
            shapes=np.array(self.shapes, np.int64),
            arguments=tuple(self.arguments),
        )


_SHORT_ESCAPES = tuple(zip(b'"\\/bfnrt', b'"\\/\x08\x0c\n\r\t', strict=True))
#: Controls without a short escape.
_CONTROLS = ((0x00, 0x07), (0x0B, 0x0B), (0x0E, 0x1F))


def _lower_digits(runs: list[_Run]) -> list[_Run]:
    """Runs over digit values 0..15 as runs over the bytes of hexadecimal digits in lower case."""
    out = [(0x30 + a, 0x30 + min(b, 9), c) for a, b, c in runs if a <= 9]
    return out + [(0x61 + max(a, 10) - 10, 0x61 + b - 10, c) for a, b, c in runs if b >= 10]


def _digit_runs(runs: list[_Run]) -> list[_Run]:
    """Runs over digit values 0..15 as runs over the bytes of hexadecimal digits of either case."""
    out = [(0x30 + a, 0x30 + min(b, 9), c) for a, b, c in runs if a <= 9]
    letters = [(max(a, 10) - 10, b - 10, c) for a, b, c in runs if b >= 10]
    out += [(0x41 + a, 0x41 + b, c) for a, b, c in letters]
    out += [(0x61 + a, 0x61 + b, c) for a, b, c in letters]
    return out


def _byte_classes(rows: npt.NDArray[np.uint32], cuts: list[int]) -> tuple[list[int], npt.NDArray[np.uint8]]:
    """One cut for each distinct column of `rows`, and the class of every byte; between two cuts bytes are alike."""
    columns = np.ascontiguousarray(rows.T).view(f"V{rows.itemsize * len(rows)}").ravel().tolist()
    numbers: dict[bytes, int] = {}
    distinct: list[int] = []
    classes = bytearray()
    for index, (start, stop) in enumerate(zip(cuts, [*cuts[1:], 256], strict=True)):
        number = numbers.setdefault(columns[index], len(numbers))
        if number == len(distinct):
            distinct.append(index)
        classes += bytes([number]) * (stop - start)
    return distinct, np.frombuffer(bytes(classes), np.uint8)
