"""Arrays: obligations by position, merged, and their lowering.

The cells of a conjunction say per position what the item must satisfy (a prefix, then the rest) and how many items
there may be. An item that nothing can satisfy ends the array before it.

```text
{"prefixItems": [A, B], "items": C, "minItems": 1}
c1    ::= "[" ws A ws c1.i1 "]"
c1.i1 ::= "" | "," ws B ws ("," ws C ws)*
```
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import product

from ruvllm_grammar import ir
from ruvllm_grammar.jsonschema.clauses import Cell, Refusal, Size
from ruvllm_grammar.jsonschema.contains import MAX_STATES, Clause, Counting, State
from ruvllm_grammar.jsonschema.obligations import Conjunction, Obligation, Obligations
from ruvllm_grammar.jsonschema.support import TABLE
from ruvllm_grammar.jsonschema.unevaluated import ItemScope
from ruvllm_grammar.jsonschema.whitespace import Whitespace


@dataclass(frozen=True, slots=True)
class ArrayShape:
    """Merged assertions about an array.

    Attributes:
        prefix: obligations of the first items.
        rest: obligation of every later item.
        low: the greatest minItems, or None.
        high: the least maxItems, or None.
        counting: the graph of an array whose items are counted by `contains`, or None.
        guards: places where generation may have to back up.
    """

    prefix: tuple[Obligation, ...]
    rest: Obligation
    low: Size | None
    high: Size | None
    counting: Counting | None = None
    guards: tuple[ir.Guard, ...] = ()

    @property
    def least(self) -> int:
        """How many items there must be."""
        return 0 if self.low is None else self.low.value

    def needed(self) -> tuple[Obligation, ...]:
        """Obligations on which it depends whether an array exists."""
        if self.counting is not None:
            return self.counting.children()
        found = self.prefix[: self.least]
        return (*found, self.rest) if self.least > len(self.prefix) else found

    def children(self) -> tuple[Obligation, ...]:
        """All obligations of items."""
        if self.counting is not None:
            return self.counting.children()
        return (*self.prefix, self.rest)

    def longest(self, inhabited: Callable[[Obligation], bool]) -> int | None:
        """How many items there can be; None: any number."""
        high = None if self.high is None else self.high.value
        for i, item in enumerate(self.prefix):
            if not inhabited(item):
                return i if high is None else min(i, high)
        if not inhabited(self.rest):
            return len(self.prefix) if high is None else min(len(self.prefix), high)
        return high

    def why_empty(self, inhabited: Callable[[Obligation], bool]) -> tuple[str, Obligation | None] | None:
        """Why no array fits, and the item that nothing can satisfy if that is why; None when one does."""
        if self.counting is not None:
            if self.counting.start in self.counting.living(inhabited):
                return None
            places = " and ".join(clause.pointer for clause in self.counting.clauses)
            sizes = "".join(f", {size}" for size in (self.low, self.high) if size is not None)
            return f"no array has the items that contains asks for (at {places}){sizes}", None
        high = self.longest(inhabited)
        if high is None or high >= self.least:
            return None
        if self.high is not None and self.high.value < self.least:
            return f"{self.low} and {self.high} leave no array", None
        item = self.prefix[high] if high < len(self.prefix) else self.rest
        return f"{self.low} asks for item {high}, which nothing can satisfy", item


def merge(conjunction: Conjunction, obligations: Obligations) -> ArrayShape:
    """The conjunction of what the cells say about arrays.

    Raises:
        UnsupportedKeyword: `uniqueItems` where an array may have two items.
    """
    cells = [
        cell
        for cell in conjunction.cells
        if cell.prefix
        or cell.rest is not None
        or cell.min_items
        or cell.max_items
        or cell.contains
        or cell.unique
    ]
    low: Size | None = None
    high: Size | None = None
    for cell in cells:
        if cell.min_items is not None and (low is None or cell.min_items.value > low.value):
            low = cell.min_items
        if cell.max_items is not None and (high is None or cell.max_items.value < high.value):
            high = cell.max_items
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
    if high is None or high.value > 1:
        for cell in cells:
            if cell.unique:
                obligations.refuse(
                    Refusal("uniqueItems", cell.at("uniqueItems"), TABLE["uniqueItems"].note, "array")
                )
    items = [obligations.obligation(*parts) for parts in positions]
    counting = None
    if any(cell.contains for cell in cells):
        counting = _counting(cells, positions, low, high, obligations)
    return ArrayShape(tuple(items[:-1]), items[-1], low, high, counting)


def _counting(
    cells: Iterable[Cell],
    positions: list[list[Cell]],
    low: Size | None,
    high: Size | None,
    obligations: Obligations,
) -> Counting | None:
    """The graph of an array whose items are counted; None where it is refused."""
    clauses: list[Clause] = []
    matching: list[Cell] = []
    firsts: list[int] = []
    others: list[Cell | None] = []
    for cell in cells:
        for one in cell.contains:
            firsts.append(one.first)
            clauses.append(Clause(one.low, one.high, one.pointer))
            matching.append(obligations.child(cell, one.place))
            denied = obligations.cells.deny(one.place, "contains", one.pointer)
            others.append(None if one.high is None else obligations.child(cell, denied))
    options = []
    for position, parts in enumerate(positions):
        here = []
        for matches in product((False, True), repeat=len(clauses)) if len(clauses) < 8 else ():
            if any(match and position < first for match, first in zip(matches, firsts, strict=True)):
                continue
            extra = [yes if match else no for match, yes, no in zip(matches, matching, others, strict=True)]
            obligation = obligations.obligation(*parts, *(cell for cell in extra if cell is not None))
            here.append((matches, obligation))
        options.append(tuple(here))
    found = Counting(
        tuple(clauses), 0 if low is None else low.value, None if high is None else high.value, tuple(options)
    )
    if len(clauses) >= 8 or found.size > MAX_STATES:
        obligations.refuse(
            Refusal(
                "contains",
                clauses[0].pointer,
                f"counting its matches beside the other limits of the array needs more than {MAX_STATES} states; "
                "ask for fewer items or matches",
                "array",
            )
        )
        return None
    return found


def lower(
    name: str,
    shape: ArrayShape,
    *,
    value: Callable[[Obligation], ir.Expr],
    inhabited: Callable[[Obligation], bool],
    space: Whitespace,
    top: bool,
) -> tuple[ir.Expr, dict[str, ir.Expr]]:
    """The expression of an array, and the helper rules of its group."""
    if shape.counting is not None:
        return _lower_counting(name, shape.counting, value, inhabited, space, top=top)
    high = shape.longest(inhabited)
    least = shape.least
    close = ir.seq(space.before_close(top=top), ir.literal("]"))
    empty = ir.seq(space.empty, ir.literal("]"))
    if high == 0:
        return ir.seq(ir.literal("["), empty), {}

    def item(i: int) -> ir.Expr:
        return ir.seq(value(shape.prefix[i] if i < len(shape.prefix) else shape.rest), space.after_value)

    comma = ir.seq(ir.literal(","), space.after_comma)
    helpers: dict[str, ir.Expr] = {}
    fixed = len(shape.prefix) if high is None else min(len(shape.prefix), high)

    def after(i: int) -> ir.Expr:
        """What may follow when `i` items have been written, up to the bracket."""
        if i >= fixed:
            one = ir.seq(comma, item(i)) if high is None or i < high else ir.NEVER
            return ir.repeat(one, max(0, least - i), None if high is None else high - i)
        return ir.ref(f"{name}.i{i}")

    for i in range(1, fixed):
        onward = ir.seq(comma, item(i), after(i + 1))
        helpers[f"{name}.i{i}"] = ir.alt(ir.EMPTY, onward) if i >= least else onward
    full = ir.seq(item(0), after(1), close)
    if least > 0:
        return ir.seq(ir.literal("["), space.after_open, full), helpers
    if space.empty is space.after_open:
        return ir.seq(ir.literal("["), space.after_open, ir.alt(ir.literal("]"), full)), helpers
    return ir.seq(ir.literal("["), ir.alt(empty, ir.seq(space.after_open, full))), helpers


def _lower_counting(
    name: str,
    counting: Counting,
    value: Callable[[Obligation], ir.Expr],
    inhabited: Callable[[Obligation], bool],
    space: Whitespace,
    *,
    top: bool,
) -> tuple[ir.Expr, dict[str, ir.Expr]]:
    """One rule per state: what may follow the items written so far, up to the bracket."""
    living = counting.living(inhabited)
    close = ir.seq(space.before_close(top=top), ir.literal("]"))
    comma = ir.seq(ir.literal(","), space.after_comma)

    def rule(state: State) -> str:
        written, counts = state
        return f"{name}.s{written}." + ".".join(str(count) for count in counts)

    def items(state: State) -> ir.Expr:
        return ir.alt(
            *(
                ir.seq(value(obligation), space.after_value, ir.ref(rule(target)))
                for obligation, target in counting.onward(state)
                if target in living and inhabited(obligation)
            )
        )

    helpers: dict[str, ir.Expr] = {}
    queue = [counting.start]
    seen = {counting.start}
    for state in queue:
        for obligation, target in counting.onward(state):
            if target in living and target not in seen and inhabited(obligation):
                seen.add(target)
                queue.append(target)
                more = items(target)
                onward = ir.seq(comma, more) if more is not ir.NEVER else ir.NEVER
                helpers[rule(target)] = ir.alt(close if counting.ends(target) else ir.NEVER, onward)
    first = items(counting.start)
    begin, end = ir.literal("["), ir.literal("]")
    if not counting.ends(counting.start):
        return ir.seq(begin, space.after_open, first), helpers
    if first is ir.NEVER:
        return ir.seq(begin, space.empty, end), helpers
    if space.empty is space.after_open:
        return ir.seq(begin, space.after_open, ir.alt(end, first)), helpers
    return ir.seq(begin, ir.alt(ir.seq(space.empty, end), ir.seq(space.after_open, first))), helpers
