"""Arrays: the merged assertions of a conjunction about an array, and whether any array fits them.

The cells of a conjunction say per position what the item must satisfy (a prefix, then the rest) and how many items
there may be. An item that nothing can satisfy ends the array before it. What is counted by `contains` becomes a graph
(`contains`), and `array_rules` writes the rules.

*Different items* (`uniqueItems`) are compared when they are written: a check stands behind every item. What can be
known before is how long the array can get. Positions with few possible values need a value each, all different, so
the items are matched with values one after another, and the first position that finds none, even after others have
moved, ends the array (Hall's condition; with one domain for all, the pigeonhole principle).

What no rule can say is tested on the finished array, behind its bracket: that two items are equal (the denial of
`uniqueItems`), or that `contains` holds where its graph would be too large.

```text
{"prefixItems": [{"enum": [1, 2]}, {"const": 1}], "items": {"enum": [1, 2]}, "uniqueItems": true}
position 0 takes 1;  position 1 wants 1, so position 0 moves to 2;  position 2 finds none: at most 2 items
```

Lineage: augmenting paths (Kuhn, "The Hungarian method for the assignment problem", 1955).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from ruvllm_grammar import ir
from ruvllm_grammar.jsonschema.clauses import Cell, Contains, Size
from ruvllm_grammar.jsonschema.contains import Clause, Counting
from ruvllm_grammar.jsonschema.obligations import Conjunction, Obligation, Obligations
from ruvllm_grammar.jsonschema.unevaluated import ItemScope
from ruvllm_grammar.jsonschema.values import canonical

#: Positions up to which items are matched with values, and a prefix up to which its pairs are looked at.
MAX_MATCHED = 200
MAX_PAIRED = 30

#: The values of an obligation, where they are known to be few.
ValuesOf = Callable[[Obligation], frozenset[Hashable] | None]


@dataclass(frozen=True, slots=True)
class Tested:
    """What is tested on the finished array.

    Attributes:
        check: the test.
        counted: clauses of `contains` that are left to it, each with the rest's obligation joined with the clause.
        pairs: for two equal items, the positions that may be equal and their joined obligation.
    """

    check: ir.Check
    counted: tuple[tuple[Clause, Obligation], ...] = ()
    pairs: tuple[tuple[int, int, Obligation], ...] = ()


@dataclass(frozen=True, slots=True)
class ArrayShape:
    """Merged assertions about an array.

    Attributes:
        prefix: obligations of the first items.
        rest: obligation of every later item.
        low: the greatest minItems, or None.
        high: the least maxItems, or None.
        counting: the graph of an array whose items are counted by `contains`, or None.
        unique: pointer of the clause that wants items to differ, or None.
        different: how many different items there can be, where few values leave no more, or None.
        tested: what is decided on the finished array, or None.
    """

    prefix: tuple[Obligation, ...]
    rest: Obligation
    low: Size | None
    high: Size | None
    counting: Counting | None = None
    unique: str | None = None
    different: Size | None = None
    tested: Tested | None = None

    @property
    def least(self) -> int:
        """How many items there must be."""
        return 0 if self.low is None else self.low.value

    def item(self, position: int) -> Obligation:
        """The obligation of one item."""
        return self.prefix[position] if position < len(self.prefix) else self.rest

    def needed(self) -> tuple[Obligation, ...]:
        """Obligations on which it depends whether an array exists."""
        if self.counting is not None:
            found = self.counting.children()
        else:
            found = self.prefix[: self.least]
            if self.least > len(self.prefix):
                found = (*found, self.rest)
        return found + self._joined()

    def children(self) -> tuple[Obligation, ...]:
        """All obligations of items."""
        found = (*self.prefix, self.rest) if self.counting is None else self.counting.children()
        return found + self._joined()

    def _joined(self) -> tuple[Obligation, ...]:
        if self.tested is None:
            return ()
        counted = tuple(obligation for _, obligation in self.tested.counted)
        return (*counted, *(obligation for _, _, obligation in self.tested.pairs))

    def longest(self, inhabited: Callable[[Obligation], bool]) -> int | None:
        """How many items there can be; None: any number."""
        ends = [size.value for size in (self.high, self.different) if size is not None]
        for i, item in enumerate((*self.prefix, self.rest)):
            if not inhabited(item):
                ends.append(i)
                break
        return min(ends, default=None)

    def why_empty(self, inhabited: Callable[[Obligation], bool]) -> tuple[str, Obligation | None] | None:
        """Why no array fits, and the item that nothing can satisfy if that is why; None when one does."""
        if self.counting is not None:
            if self.counting.start not in self.counting.living(inhabited):
                places = " and ".join(clause.pointer for clause in self.counting.clauses)
                limits = (self.low, self.high, self.different)
                sizes = "".join(f", {size}" for size in limits if size is not None)
                return f"no array has the items that contains asks for (at {places}){sizes}", None
        else:
            found = self._too_short(inhabited)
            if found is not None:
                return found
        return None if self.tested is None else self._untestable(self.tested, inhabited)

    def _too_short(self, inhabited: Callable[[Obligation], bool]) -> tuple[str, Obligation | None] | None:
        high = self.longest(inhabited)
        if high is None or high >= self.least:
            return None
        for size in (self.high, self.different):
            if size is not None and size.value < self.least:
                return f"{self.low} and {size} leave no array", None
        return f"{self.low} asks for item {high}, which nothing can satisfy", self.item(high)

    def _untestable(
        self, tested: Tested, inhabited: Callable[[Obligation], bool]
    ) -> tuple[str, Obligation | None] | None:
        """Why no array passes the tests, as far as that is seen item by item."""
        high = self.longest(inhabited)
        for clause, obligation in tested.counted:
            reach = None if high is None else high - clause.first
            if clause.low and (reach is not None and reach < clause.low):
                sizes = "".join(f", {size}" for size in (self.high, self.different) if size is not None)
                return f"no array has the items that contains asks for (at {clause.pointer}){sizes}", None
            if clause.low > max(0, len(self.prefix) - clause.first) and not inhabited(obligation):
                return f"contains (at {clause.pointer}) asks for items that nothing can satisfy", obligation
        if tested.pairs and self.unique is not None:
            return (
                f"uniqueItems (at {self.unique}) and its denial (at {tested.check.pointer}) leave no array",
                None,
            )
        if tested.pairs and not any(
            (high is None or j < high) and inhabited(obligation) for _, j, obligation in tested.pairs
        ):
            return f"no two items can be equal, as not uniqueItems (at {tested.check.pointer}) asks", None
        return None


def merge(conjunction: Conjunction, obligations: Obligations, *, values_of: ValuesOf) -> ArrayShape:
    """The conjunction of what the cells say about arrays.

    Args:
        conjunction: its cells.
        obligations: makes the obligations of items.
        values_of: the values of an obligation where they are few.
    """
    cells = [cell for cell in conjunction.cells if _speaks(cell)]
    low: Size | None = None
    high: Size | None = None
    for cell in cells:
        if cell.min_items is not None and (low is None or cell.min_items.value > low.value):
            low = cell.min_items
        if cell.max_items is not None and (high is None or cell.max_items.value < high.value):
            high = cell.max_items
    positions = _positions(conjunction, cells, obligations)
    items = [obligations.obligation(*parts) for parts in positions]
    unique: str | None = None
    different: Size | None = None
    if high is None or high.value > 1:
        unique = next((cell.at("uniqueItems") for cell in cells if cell.unique), None)
        if unique is not None:
            different = _different(items, high, unique, values_of)
    shape = ArrayShape(tuple(items[:-1]), items[-1], low, high, None, unique, different)
    counted = [(cell, one) for cell in cells for one in cell.contains]
    if counted:
        shape = _counted(conjunction, shape, counted, positions, obligations)
    repeated = next((cell.pointer for cell in cells if cell.repeated), None)
    return shape if repeated is None else _repeated(shape, repeated, positions, obligations)


def _speaks(cell: Cell) -> bool:
    return bool(
        cell.prefix
        or cell.rest is not None
        or cell.min_items
        or cell.max_items
        or cell.contains
        or cell.unique
        or cell.repeated
    )


def _positions(conjunction: Conjunction, cells: Iterable[Cell], obligations: Obligations) -> list[list[Cell]]:
    """What every cell asks of the items of the prefix, and last of all later ones."""
    length = max((len(cell.prefix) for cell in cells), default=0)
    scopes = [scope for scope in conjunction.scopes if isinstance(scope, ItemScope)]
    positions: list[list[Cell]] = []
    for i in range(length + 1):
        parts: list[Cell] = []
        for cell in cells:
            place = cell.prefix[i] if i < len(cell.prefix) else cell.rest
            if place is not None:
                parts.append(obligations.child(cell, place))
        parts.extend(scope.rule for scope in scopes if i >= scope.start)
        positions.append(parts)
    return positions


# ------------------------------------------------------------------------------------------------- different items


def _different(items: list[Obligation], high: Size | None, pointer: str, values_of: ValuesOf) -> Size | None:
    """How many different items there can be, where that is less than any other limit."""
    takes: dict[Hashable, int] = {}
    domains: list[frozenset[Hashable] | None] = []

    def place(position: int, tried: set[Hashable]) -> bool:
        """Find a value for a position, moving earlier ones where that helps."""
        for value in domains[position] or ():
            if value not in tried:
                tried.add(value)
                if value not in takes or place(takes[value], tried):
                    takes[value] = position
                    return True
        return False

    position = 0
    while position < (MAX_MATCHED if high is None else min(high.value, MAX_MATCHED)):
        domain = values_of(items[min(position, len(items) - 1)])
        domains.append(domain)
        if domain is None:
            if position >= len(items) - 1:
                return None
        elif not place(position, set()):
            return Size(position, "uniqueItems, whose different items number", pointer)
        position += 1
    return None


# ------------------------------------------------------------------------------------------------------- contains


def _counted(
    conjunction: Conjunction,
    shape: ArrayShape,
    counted: list[tuple[Cell, Contains]],
    positions: list[list[Cell]],
    obligations: Obligations,
) -> ArrayShape:
    """The array with the graph that counts; without it, and tested instead, where it would be too large."""
    clauses = tuple(Clause(one.low, one.high, one.pointer, one.first) for _, one in counted)
    ends = [size.value for size in (shape.high, shape.different) if size is not None]
    most = min(ends, default=None)
    length = max(len(shape.prefix), *(clause.first for clause in clauses))
    matching = [obligations.child(cell, one.place) for cell, one in counted]
    if not Counting.fits(clauses, shape.least, most, length):
        joined = tuple(
            (clause, obligations.obligation(*positions[-1], yes))
            for clause, yes in zip(clauses, matching, strict=True)
        )
        pointer = clauses[0].pointer
        cells = obligations.cells
        # Checks of one name are one check, in whatever grammar: it has to say all that the test depends on.
        formats = "asserted" if cells.assert_formats else "annotations"
        name = f"contains {conjunction.name} of {cells.document.digest()}, formats {formats}"
        check = ir.Check("value", name, pointer, _matcher(tuple(counted), obligations))
        return replace(shape, tested=Tested(check, joined))
    others: list[Cell | None] = []
    for cell, one in counted:
        denied = obligations.cells.deny(one.place, "contains", one.pointer)
        others.append(None if one.high is None else obligations.child(cell, denied))
    options = []
    for i in range(length + 1):
        parts = positions[min(i, len(positions) - 1)]
        choices = [(False, True) if clause.first <= i else (False,) for clause in clauses]
        here = []
        for matches in product(*choices):
            extra = [
                yes if match else no
                for match, yes, no, clause in zip(matches, matching, others, clauses, strict=True)
                if clause.first <= i
            ]
            obligation = obligations.obligation(*parts, *(cell for cell in extra if cell is not None))
            here.append((matches, obligation))
        options.append(tuple(here))
    return replace(shape, counting=Counting(clauses, shape.least, most, tuple(options)))


def _matcher(counted: tuple[tuple[Cell, Contains], ...], obligations: Obligations) -> Callable[[Any], bool]:
    """The test of a finished array for all clauses of `contains`."""

    def holds(array: Any) -> bool:
        for cell, one in counted:
            judge = obligations.evaluator
            matching = sum(judge.place(cell, one.place, item) for item in array[one.first :])
            if matching < one.low or (one.high is not None and matching > one.high):
                return False
        return True

    return holds


# ---------------------------------------------------------------------------------------------------- equal items


def _repeated(
    shape: ArrayShape, pointer: str, positions: list[list[Cell]], obligations: Obligations
) -> ArrayShape:
    """The array tested for two equal items."""
    last = len(positions) - 1
    # Two items behind the prefix stand for all of them; they are at the positions `last` and `last + 1`.
    pairs = tuple(
        (i, j, obligations.obligation(*positions[i], *positions[min(j, last)]))
        for j in range(1, last + 2 if last <= MAX_PAIRED else 1)
        for i in range(j)
    )
    before = shape.tested
    test: Callable[[Any], bool] = has_equal_items
    name = "equal items"
    if before is not None:
        name = f"equal items, {before.check.name}"
        test = _both(has_equal_items, before.check.test)
    check = ir.Check("value", name, pointer, test)
    return replace(shape, tested=Tested(check, () if before is None else before.counted, pairs))


def has_equal_items(array: Any) -> bool:
    """Whether two items are equal as JSON Schema compares them."""
    return len({canonical(item) for item in array}) < len(array)


def _both(one: Callable[[Any], bool], other: Callable[[Any], bool] | None) -> Callable[[Any], bool]:
    return one if other is None else lambda array: one(array) and other(array)
