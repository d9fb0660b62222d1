"""The rules of an array.

```text
{"prefixItems": [A, B], "items": C, "minItems": 1}
c1    ::= "[" ws A ws c1.i1 "]"
c1.i1 ::= "" | "," ws B ws ("," ws C ws)*
```

Where items have to differ, a check stands right behind every item; what is tested on the finished array stands right
behind its bracket.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ruvllm_grammar import ir
from ruvllm_grammar.jsonschema.arrays import ArrayShape
from ruvllm_grammar.jsonschema.contains import Counting, State
from ruvllm_grammar.jsonschema.obligations import Obligation
from ruvllm_grammar.jsonschema.whitespace import Whitespace


class ValueOf(Protocol):
    """The expression of a value that satisfies an obligation."""

    def __call__(self, obligation: Obligation, *, differs: bool = False) -> ir.Expr:
        """The expression; `differs`: of an item that has to differ from those before it."""


def lower(
    name: str,
    shape: ArrayShape,
    *,
    value: ValueOf,
    inhabited: Callable[[Obligation], bool],
    space: Whitespace,
    top: bool,
) -> tuple[ir.Expr, dict[str, ir.Expr]]:
    """The expression of an array, and the helper rules of its group.

    Args:
        name: of the rule the expression is for; helpers are called after it.
        shape: what the array must be.
        value: the expression of an item; asked for as one that has to differ from others, where it does.
        inhabited: whether anything satisfies an obligation.
        space: the style of white space.
        top: the array is the document itself.
    """
    return _Lowering(name, shape, value, inhabited, space, top=top).lower()


class _Lowering:
    """Writes the rules of one array."""

    def __init__(
        self,
        name: str,
        shape: ArrayShape,
        value: ValueOf,
        inhabited: Callable[[Obligation], bool],
        space: Whitespace,
        *,
        top: bool,
    ) -> None:
        self.name = name
        self.shape = shape
        self.value = value
        self.inhabited = inhabited
        self.space = space
        after = ir.EMPTY if shape.tested is None else ir.check(shape.tested.check)
        self.end = ir.seq(ir.literal("]"), after)
        self.close = ir.seq(space.before_close(top=top), self.end)
        self.comma = ir.seq(ir.literal(","), space.after_comma)
        self.differs: ir.Expr = ir.EMPTY
        if shape.unique is not None:
            self.differs = ir.check(ir.Check("item", "items", shape.unique))
        self.helpers: dict[str, ir.Expr] = {}

    def lower(self) -> tuple[ir.Expr, dict[str, ir.Expr]]:
        """The expression and the helpers."""
        if self.shape.counting is not None:
            return self._counted(self.shape.counting), self.helpers
        high = self.shape.longest(self.inhabited)
        if high == 0:
            return self._whole(ir.NEVER, may_be_empty=True), self.helpers
        least, fixed = self.shape.least, len(self.shape.prefix)
        fixed = fixed if high is None else min(fixed, high)

        def after(i: int) -> ir.Expr:
            """What may follow when `i` items have been written, up to the bracket."""
            if i >= fixed:
                one = ir.seq(self.comma, self._item(self.shape.item(i)))
                return ir.repeat(one, max(0, least - i), None if high is None else high - i)
            return ir.ref(f"{self.name}.i{i}")

        for i in range(1, fixed):
            onward = ir.seq(self.comma, self._item(self.shape.item(i)), after(i + 1))
            self.helpers[f"{self.name}.i{i}"] = ir.alt(ir.EMPTY, onward) if i >= least else onward
        some = ir.seq(self._item(self.shape.item(0)), after(1), self.close)
        return self._whole(some, may_be_empty=least == 0), self.helpers

    def _item(self, obligation: Obligation) -> ir.Expr:
        found = self.value(obligation, differs=self.shape.unique is not None)
        return ir.seq(found, self.differs, self.space.after_value)

    def _whole(self, some: ir.Expr, *, may_be_empty: bool) -> ir.Expr:
        """Brackets around items, `some` with the closing one, or around nothing."""
        space, begin = self.space, ir.literal("[")
        if not may_be_empty:
            return ir.seq(begin, space.after_open, some)
        empty = ir.seq(space.empty, self.end)
        if some is ir.NEVER:
            return ir.seq(begin, empty)
        if space.empty is space.after_open:
            return ir.seq(begin, space.after_open, ir.alt(self.end, some))
        return ir.seq(begin, ir.alt(empty, ir.seq(space.after_open, some)))

    def _counted(self, counting: Counting) -> ir.Expr:
        """One rule per state: what may follow the items written so far, up to the bracket."""
        living = counting.living(self.inhabited)

        def rule(state: State) -> str:
            written, counts = state
            return f"{self.name}.s{written}." + ".".join(str(count) for count in counts)

        def items(state: State) -> ir.Expr:
            return ir.alt(
                *(
                    ir.seq(self._item(obligation), ir.ref(rule(target)))
                    for obligation, target in counting.onward(state)
                    if target in living and self.inhabited(obligation)
                )
            )

        queue = [counting.start]
        seen = {counting.start}
        for state in queue:
            for obligation, target in counting.onward(state):
                if target in living and target not in seen and self.inhabited(obligation):
                    seen.add(target)
                    queue.append(target)
                    more = items(target)
                    onward = ir.seq(self.comma, more) if more is not ir.NEVER else ir.NEVER
                    self.helpers[rule(target)] = ir.alt(
                        self.close if counting.ends(target) else ir.NEVER, onward
                    )
        return self._whole(items(counting.start), may_be_empty=counting.ends(counting.start))
