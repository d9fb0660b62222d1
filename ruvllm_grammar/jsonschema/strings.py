"""Strings: patterns, formats and lengths merged into one regular expression over values.

A length alone stays a counted repetition, which the program runs with a counter, so its size costs nothing. Beside a
pattern the two are intersected.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ruvllm_grammar import ir
from ruvllm_grammar.jsonschema.cells import Cell, Pattern, Size


@dataclass(frozen=True, slots=True)
class StringShape:
    """Merged assertions about a string.

    Attributes:
        low: the greatest minLength, or None.
        high: the least maxLength, or None.
        patterns: patterns and formats, all of which must match.
    """

    low: Size | None = None
    high: Size | None = None
    patterns: tuple[Pattern, ...] = ()

    def expression(self) -> ir.Expr:
        """The values, as a regular expression."""
        if not self.patterns:
            return self._length()
        return ir.both(*(pattern.expr for pattern in self.patterns), self._length())

    def _length(self) -> ir.Expr:
        if self.low is None and self.high is None:
            return ir.ANY_TEXT
        high = None if self.high is None else self.high.value
        return ir.repeat(ir.ANY_CHAR, 0 if self.low is None else self.low.value, high)

    def why_empty(self, algebra: ir.Algebra) -> str | None:
        """Why no string fits, naming the clauses; None when one does."""
        if self.low is not None and self.high is not None and self.low.value > self.high.value:
            return f"{self.low} and {self.high} leave no string"
        if not self.patterns:
            return None
        expression = self.expression()
        if expression is not ir.NEVER and not (
            ir.hides_emptiness(expression) and algebra.is_empty(expression)
        ):
            return None
        clauses = [str(one) for one in (*self.patterns, self.low, self.high) if one is not None]
        if len(clauses) == 1:
            return f"{clauses[0]} matches no string"
        return f"{', '.join(clauses[:-1])} and {clauses[-1]} leave no string"


def merge(cells: Iterable[Cell]) -> StringShape:
    """The conjunction of what the cells say about strings."""
    low: Size | None = None
    high: Size | None = None
    patterns: dict[tuple[str, bool], Pattern] = {}
    for cell in cells:
        if cell.min_length is not None and (low is None or cell.min_length.value > low.value):
            low = cell.min_length
        if cell.max_length is not None and (high is None or cell.max_length.value < high.value):
            high = cell.max_length
        for pattern in cell.patterns:
            patterns.setdefault((pattern.text, pattern.keyword == "format"), pattern)
    return StringShape(low, high, tuple(patterns.values()))
