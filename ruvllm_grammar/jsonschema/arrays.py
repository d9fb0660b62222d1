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

from collections.abc import Callable
from dataclasses import dataclass

from ruvllm_grammar import ir
from ruvllm_grammar.jsonschema.cells import Refusal, Size
from ruvllm_grammar.jsonschema.obligations import Conjunction, Obligation, Obligations
from ruvllm_grammar.jsonschema.support import TABLE
from ruvllm_grammar.jsonschema.whitespace import Whitespace


@dataclass(frozen=True, slots=True)
class ArrayShape:
    """Merged assertions about an array.

    Attributes:
        prefix: obligations of the first items.
        rest: obligation of every later item.
        low: the greatest minItems, or None.
        high: the least maxItems, or None.
    """

    prefix: tuple[Obligation, ...]
    rest: Obligation
    low: Size | None
    high: Size | None

    @property
    def least(self) -> int:
        """How many items there must be."""
        return 0 if self.low is None else self.low.value

    def needed(self) -> tuple[Obligation, ...]:
        """Obligations that must be satisfiable for an array to exist."""
        found = self.prefix[: self.least]
        return (*found, self.rest) if self.least > len(self.prefix) else found

    def children(self) -> tuple[Obligation, ...]:
        """All obligations of items."""
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
        if cell.prefix or cell.rest is not None or cell.min_items or cell.max_items or cell.unique
    ]
    low: Size | None = None
    high: Size | None = None
    for cell in cells:
        if cell.min_items is not None and (low is None or cell.min_items.value > low.value):
            low = cell.min_items
        if cell.max_items is not None and (high is None or cell.max_items.value < high.value):
            high = cell.max_items
    length = max((len(cell.prefix) for cell in cells), default=0)
    positions = []
    for i in range(length + 1):
        parts = []
        for cell in cells:
            node = cell.prefix[i] if i < len(cell.prefix) else cell.rest
            if node is not None:
                parts.append(obligations.child(cell, node))
        positions.append(obligations.obligation(*parts))
    if high is None or high.value > 1:
        for cell in cells:
            if cell.unique:
                obligations.refuse(
                    Refusal("uniqueItems", cell.at("uniqueItems"), TABLE["uniqueItems"].note, "array")
                )
    return ArrayShape(tuple(positions[:-1]), positions[-1], low, high)


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
