"""Strings: patterns, formats and lengths merged into one regular expression over values.

A length alone stays a counted repetition, which the program runs with a counter, so its size costs nothing. Beside a
pattern the two are intersected.

Whether a pattern leaves any string of an allowed length is mostly plain arithmetic: the lengths of its matches are
read off the expression, and where they have no gaps the question is whether two intervals meet (`abc[0-9]*` has the
lengths 3, 4, 5, ...). Only where there are gaps, or several patterns, an automaton decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from ruvllm_grammar import ir
from ruvllm_grammar.errors import LimitError
from ruvllm_grammar.jsonschema.clauses import Cell, Listed, Pattern, Size
from ruvllm_grammar.jsonschema.sizes import spelled_states
from ruvllm_grammar.jsonschema.values import spellable
from ruvllm_grammar.limits import Limits


@dataclass(frozen=True, slots=True)
class Lengths:
    """The lengths, in characters, of the strings of an expression.

    Attributes:
        shortest: of the shortest string; there is one.
        longest: of the longest string, None when there is none.
        gapless: every length between them occurs.
    """

    shortest: int
    longest: int | None
    gapless: bool


@lru_cache(maxsize=1024)  # the same formats and patterns, over and over
def lengths(e: ir.Expr) -> Lengths | None:
    """The lengths of a regular expression's strings; None where a boolean operator or a machine hides them."""
    return _lengths(e)


def _lengths(e: ir.Expr) -> Lengths | None:
    match e:
        case ir.Empty():
            return Lengths(0, 0, gapless=True)
        case ir.Literal(text=str(text)):
            return Lengths(len(text), len(text), gapless=True)
        case ir.Chars():
            return Lengths(1, 1, gapless=True)
        case ir.Seq():
            parts = [_lengths(part) for part in e.parts]
            if any(part is None for part in parts):
                return None
            known = [part for part in parts if part is not None]
            ends = [part.longest for part in known if part.longest is not None]
            longest = sum(ends) if len(ends) == len(known) else None
            return Lengths(sum(part.shortest for part in known), longest, all(part.gapless for part in known))
        case ir.Alt():
            return _union([_lengths(part) for part in e.parts])
        case ir.Repeat():
            return _repeated(_lengths(e.body), e.low, e.high)
        case _:
            return None


def _union(parts: list[Lengths | None]) -> Lengths | None:
    known = sorted((part for part in parts if part is not None), key=lambda part: part.shortest)
    if len(known) < len(parts):
        return None
    reach: int | None = known[0].shortest
    gapless = all(part.gapless for part in known)
    for part in known:
        if reach is not None:
            gapless = gapless and part.shortest <= reach + 1
            reach = None if part.longest is None else max(reach, part.longest)
    return Lengths(known[0].shortest, reach, gapless)


def _repeated(body: Lengths | None, low: int, high: int | None) -> Lengths | None:
    if body is None:
        return None
    bounded = body.longest is not None and (high is not None or body.longest == 0)
    longest = body.longest * (high or 0) if bounded and body.longest is not None else None
    # From k to k + 1 copies there is no gap when k * longest + 1 reaches (k + 1) * shortest; k = low is the worst.
    reach = low * body.longest if body.longest is not None else (None if low else 0)
    joined = reach is None or reach + 1 >= (low + 1) * body.shortest
    return Lengths(low * body.shortest, longest, body.gapless and (joined or low == high))


@dataclass(frozen=True, slots=True)
class StringShape:
    """Merged assertions about a string.

    Attributes:
        low: the greatest minLength, or None.
        high: the least maxLength, or None.
        patterns: patterns and formats, all of which must match.
        not_patterns: patterns and formats, none of which may match.
        not_values: lists of values it must not be.
    """

    low: Size | None = None
    high: Size | None = None
    patterns: tuple[Pattern, ...] = ()
    not_patterns: tuple[Pattern, ...] = ()
    not_values: tuple[Listed, ...] = ()

    def expression(self) -> ir.Expr:
        """The values, as a regular expression."""
        excluded = [pattern.expr for pattern in self.not_patterns]
        words = [
            ir.literal(value)
            for listed in self.not_values
            for value in listed.values
            if isinstance(value, str) and spellable(value)
        ]
        if words:
            excluded.append(ir.alt(*words))
        if not self.patterns and not excluded:
            return self._length()
        found = ir.both(
            *(pattern.expr for pattern in self.patterns), *(ir.complement(one) for one in excluded)
        )
        return found if self._implied(lengths(found)) else ir.both(found, self._length())

    def measure(self, limits: Limits) -> None:
        """Refuse a pattern whose automaton will not fit, alone or counted by a length.

        Raises:
            LimitError: `Limits.leaf_states`, naming the clauses.
        """
        if (
            len(self.patterns) != 1
            or self.not_patterns
            or self.not_values
            or self.patterns[0].keyword == "format"
        ):
            return
        pattern = self.patterns[0]
        longest: int | None = None
        found = lengths(pattern.expr)
        if not self._implied(found):
            bounds = [size.value for size in (self.high, self.low) if size is not None][:1]
            if found is not None and found.longest is not None:
                bounds.append(found.longest)
            longest = min(bounds)
        needed = spelled_states(pattern.expr, longest, limits.leaf_states)
        if needed is not None and needed > limits.leaf_states:
            counted = self.high or self.low
            beside = "" if longest is None or counted is None else f" beside {counted}"
            msg = (
                f"{pattern}{beside} needs about {needed} states or more, and Limits.leaf_states allows "
                f"{limits.leaf_states}; shorten its counted repetitions or the length, or raise the limit"
            )
            raise LimitError(msg, limit="leaf_states", needed=needed)

    def _implied(self, found: Lengths | None) -> bool:
        """Whether every match has an allowed length, so that counting would only make the automaton larger."""
        if self.low is None and self.high is None:
            return True
        if found is None or (self.low is not None and found.shortest < self.low.value):
            return False
        return self.high is None or (found.longest is not None and found.longest <= self.high.value)

    def _length(self) -> ir.Expr:
        if self.low is None and self.high is None:
            return ir.ANY_TEXT
        high = None if self.high is None else self.high.value
        return ir.repeat(ir.ANY_CHAR, 0 if self.low is None else self.low.value, high)

    def why_empty(self, algebra: ir.Algebra) -> str | None:
        """Why no string fits, naming the clauses; None when one does."""
        if self.low is not None and self.high is not None and self.low.value > self.high.value:
            return f"{self.low} and {self.high} leave no string"
        if not self.patterns and not self.not_patterns and not self.not_values:
            return None
        if len(self.patterns) == 1 and not self.not_patterns and not self.not_values:
            possible = self._possible(lengths(self.patterns[0].expr))
            if possible is not None:
                return None if possible else self._clash()
        expression = self.expression()
        if expression is ir.NEVER:
            return self._clash()
        if not ir.hides_emptiness(expression):
            return None
        try:
            empty = algebra.is_empty(ir.json_string(expression))
        except LimitError as error:
            clauses = ", ".join(str(one) for one in (*self.patterns, *self.not_patterns, *self.not_values))
            raise LimitError(f"{clauses}: {error}", limit=error.limit, needed=error.needed) from None
        return self._clash() if empty else None

    def _possible(self, found: Lengths | None) -> bool | None:
        """Whether some length is allowed; None where the lengths alone do not tell."""
        if found is None:
            return None
        low = 0 if self.low is None else self.low.value
        high = None if self.high is None else self.high.value
        if (high is not None and found.shortest > high) or (
            found.longest is not None and found.longest < low
        ):
            return False
        if found.gapless or low <= found.shortest:
            return True
        return True if found.longest is not None and (high is None or found.longest <= high) else None

    def _clash(self) -> str:
        sizes = [one for one in (self.low, self.high) if one is not None]
        clauses = [str(one) for one in (*self.patterns, *self.not_patterns, *sizes)]
        clauses.extend(f"not {one}" for one in self.not_values)
        if len(clauses) == 1:
            return f"{clauses[0]} matches no string"
        return f"{', '.join(clauses[:-1])} and {clauses[-1]} leave no string"


def merge(cells: Iterable[Cell]) -> StringShape:
    """The conjunction of what the cells say about strings."""
    low: Size | None = None
    high: Size | None = None
    patterns: dict[tuple[str, bool], Pattern] = {}
    denied: dict[tuple[str, bool], Pattern] = {}
    not_values: list[Listed] = []
    for cell in cells:
        if cell.min_length is not None and (low is None or cell.min_length.value > low.value):
            low = cell.min_length
        if cell.max_length is not None and (high is None or cell.max_length.value < high.value):
            high = cell.max_length
        for pattern in cell.patterns:
            patterns.setdefault((pattern.text, pattern.keyword == "format"), pattern)
        for pattern in cell.not_patterns:
            denied.setdefault((pattern.text, pattern.keyword == "not format"), pattern)
        not_values.extend(one for one in cell.not_values if any(isinstance(v, str) for v in one.values))
    return StringShape(low, high, tuple(patterns.values()), tuple(denied.values()), tuple(not_values))
