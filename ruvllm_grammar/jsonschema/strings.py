"""Strings: patterns, formats and lengths merged into one regular expression over values.

A length alone stays a counted repetition, which the program runs with a counter, so its size costs nothing. Beside a
pattern the two are intersected, or, where that would be a large automaton, run side by side (`counted`).

Whether a pattern leaves any string of an allowed length is mostly plain arithmetic: the lengths of its matches are
read off the expression, and where they have no gaps the question is whether two intervals meet (`abc[0-9]*` has the
lengths 3, 4, 5, ...). Only where there are gaps, or several patterns, an automaton decides.

Some formats are no regular languages, or none of reasonable size (`formats`). They come as three things: a superset, a
test that decides it, and a subset. A conjunction then has a least language (subsets of what it demands, without
supersets of what it denies) and a greatest one, and

```text
generation    the least language, no test          while it has any string
              the greatest one, then the tests     otherwise: a guard, because a string may turn out wrong at its end
acceptance    the greatest one, then the tests
```

Patterns that each have an automaton may have none of reasonable size together. Then one of them is read, and the
others are decided when the string ends: a guard as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from ruvllm_grammar import ir
from ruvllm_grammar.errors import LimitError
from ruvllm_grammar.jsonschema import counted
from ruvllm_grammar.jsonschema.clauses import Cell, Listed, Pattern, Size
from ruvllm_grammar.jsonschema.lengths import Lengths, lengths
from ruvllm_grammar.jsonschema.sizes import scattered, spelled_states
from ruvllm_grammar.jsonschema.values import spellable
from ruvllm_grammar.limits import Limits

#: A pattern beside a length becomes one automaton up to this many states; beyond, they run side by side.
_FLAT_STATES = 50_000
#: States of bytes that a state over characters costs at least.
_SPELLED = 6


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

    def language(self, *, greatest: bool = False) -> ir.Expr:
        """What patterns, formats and excluded values leave: the least language, or the greatest.

        `checks` decide the greatest.
        """
        wanted = [pattern.expr if greatest else pattern.least for pattern in self.patterns]
        excluded = [pattern.least if greatest else pattern.expr for pattern in self.not_patterns]
        words = [
            ir.literal(value)
            for listed in self.not_values
            for value in listed.values
            if isinstance(value, str) and spellable(value)
        ]
        if words:
            excluded.append(ir.alt(*words))
        return (
            ir.both(*wanted, *(ir.complement(one) for one in excluded)) if wanted or excluded else ir.ANY_TEXT
        )

    def expression(self, *, greatest: bool = False) -> ir.Expr:
        """The values, as a regular expression, lengths and all."""
        found = self.language(greatest=greatest)
        if found is ir.ANY_TEXT:
            return self._length()
        return found if self.implied(lengths(found)) else ir.both(found, self._length())

    @property
    def checked(self) -> bool:
        """Whether a test has a say: the least language may not be all."""
        return any(pattern.test is not None for pattern in (*self.patterns, *self.not_patterns))

    def checks(self, algebra: ir.Algebra) -> tuple[ir.Check, ...]:
        """What decides the strings of the greatest language."""
        return tuple(
            _check(pattern, algebra, denied=i >= len(self.patterns))
            for i, pattern in enumerate((*self.patterns, *self.not_patterns))
            if pattern.test is not None
        )

    def leaf(self, algebra: ir.Algebra, limits: Limits, *, lenient: bool = False) -> ir.Expr:
        """The JSON strings, with the checks behind them where there are any.

        Args:
            algebra: builds automata.
            limits: their budget.
            lenient: every string, for acceptance; else those that generation keeps to.
        """
        greatest = self.checked and (lenient or self.needs_checks(algebra, limits))
        plan = _plan(self, algebra, limits, greatest)
        checks = self.checks(algebra) if greatest else ()
        return ir.seq(plan.leaf, *map(ir.check, (*plan.checks, *checks)))

    def guards(self, algebra: ir.Algebra, limits: Limits) -> tuple[ir.Guard, ...]:
        """Where generation meets a check.

        Raises:
            LimitError: `Limits.leaf_states`, naming the clause: a pattern of its own is too large.
        """
        greatest = self.needs_checks(algebra, limits)
        checks = (*_plan(self, algebra, limits, greatest).checks, *(self.checks(algebra) if greatest else ()))
        return tuple(ir.Guard(one.pointer, f"{one.name} is decided when the string ends") for one in checks)

    def needs_checks(self, algebra: ir.Algebra, limits: Limits) -> bool:
        """Whether no string is certain, so that generation meets the test of a format."""
        return self.checked and _plan(self, algebra, limits, False).leaf is ir.NEVER

    @property
    def window(self) -> tuple[int, int | None]:
        """The lengths, as numbers."""
        return (
            0 if self.low is None else self.low.value,
            None if self.high is None else self.high.value,
        )

    def implied(self, found: Lengths | None) -> bool:
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

    def why_empty(self, algebra: ir.Algebra, limits: Limits) -> str | None:
        """Why no string fits, naming the clauses; None when one does."""
        if self.low is not None and self.high is not None and self.low.value > self.high.value:
            return f"{self.low} and {self.high} leave no string"
        if not self.patterns and not self.not_patterns and not self.not_values:
            return None
        for greatest in (False, True) if self.checked else (False,):
            if _plan(self, algebra, limits, greatest).leaf is not ir.NEVER:
                return None
        return self._clash()

    def possible(self, found: Lengths | None) -> bool | None:
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


def _check(pattern: Pattern, algebra: ir.Algebra, *, denied: bool = False) -> ir.Check:
    """The check that a string is in a language, or with `denied` that it is not."""

    def test(text: str) -> bool:
        return pattern.holds(text, algebra) is not denied

    return ir.Check("value", f"{pattern.keyword} {pattern.text}", pattern.pointer, test)


@dataclass(frozen=True, slots=True)
class _Plan:
    """How strings are read: a leaf, or a frame; NEVER where there are none; and clauses left for the end."""

    leaf: ir.Expr
    checks: tuple[ir.Check, ...] = ()


@lru_cache(maxsize=4096)
def _plan(shape: StringShape, algebra: ir.Algebra, limits: Limits, greatest: bool) -> _Plan:  # noqa: FBT001 - a cache key
    language = shape.language(greatest=greatest)
    low, high = shape.window
    if language is ir.NEVER or (high is not None and low > high):
        return _Plan(ir.NEVER)
    if language is ir.ANY_TEXT:
        return _Plan(ir.json_string(shape.expression(greatest=greatest)))
    found = lengths(language)
    possible = shape.possible(found)
    if possible is False:
        return _Plan(ir.NEVER)
    implied = shape.implied(found)
    certain = any(language is pattern.certain for pattern in shape.patterns)
    needed = _needed(shape, language, found, limits)
    if needed is not None and needed <= limits.leaf_states and (possible or (implied and certain)):
        return _Plan(ir.json_string(shape.expression(greatest=greatest)))
    try:
        return _built(shape, language, algebra, greatest=greatest)
    except LimitError as error:
        return _one_by_one(shape, algebra, limits, error)


def _needed(shape: StringShape, language: ir.Expr, found: Lengths | None, limits: Limits) -> int | None:
    """About how many states the automaton needs; None where that cannot be read off, or it is worth no thought."""
    if any(language is pattern.certain or pattern.keyword == "format" for pattern in shape.patterns):
        return 0 if shape.implied(found) else None
    if shape.implied(found):
        return spelled_states(language, None, limits.leaf_states)
    bounds = [size.value for size in (shape.high, shape.low) if size is not None][:1]
    if found is not None and found.longest is not None:
        bounds.append(found.longest)
    needed = spelled_states(language, min(bounds), _FLAT_STATES)
    return None if needed is None or needed > _FLAT_STATES else needed


def _built(shape: StringShape, language: ir.Expr, algebra: ir.Algebra, *, greatest: bool) -> _Plan:
    """Decide by automata: one for everything where it stays small, else one beside a counter.

    Raises:
        LimitError: the patterns alone are too large.
    """
    low, high = shape.window
    whole = ir.json_string(shape.expression(greatest=greatest))
    implied = shape.implied(lengths(language))
    if implied and ir.hides_emptiness(language):  # else it is here because it looked too large
        try:
            return _Plan(ir.NEVER if algebra.is_empty(whole) else whole)
        except LimitError:
            pass
    automaton = algebra.automaton(language)
    span = 1 if implied else 1 + (low if high is None else high)
    spelled = len(automaton.rows) * _SPELLED + sum(
        scattered(label) for row in automaton.rows for label, _ in row
    )
    if spelled * span <= _FLAT_STATES:
        return _Plan(ir.NEVER if algebra.is_empty(whole) else whole)
    needed = counted.work(automaton, high)
    if needed > counted.MAX_WORK:
        msg = f"{len(automaton.rows)} states beside the length {high} are too many to count"
        raise LimitError(msg, limit="leaf_states", needed=needed)
    name = f"{ir.show(language)} {low} {high}"
    return _Plan(counted.counted(automaton, low, high, name))


def _one_by_one(shape: StringShape, algebra: ir.Algebra, limits: Limits, error: LimitError) -> _Plan:
    """The first pattern for the automaton, with the lengths; the others are decided when the string ends.

    Raises:
        LimitError: there is only one, or one of them has no automaton.
    """
    clauses = (*shape.patterns, *shape.not_patterns)
    if len(clauses) < 2:
        sizes = [str(one) for one in (shape.high, shape.low) if one is not None][:1]
        msg = f"{' beside '.join([*map(str, clauses), *sizes])}: {error}"
        raise LimitError(msg, limit=error.limit, needed=error.needed) from None
    first: ir.Expr | None = None
    rest: list[ir.Check] = []
    for i, pattern in enumerate(clauses):
        denied = i >= len(shape.patterns)
        wanted, excluded = ((), (pattern,)) if denied else ((pattern,), ())
        alone = _plan(
            StringShape(shape.low, shape.high, wanted, excluded, shape.not_values), algebra, limits, True
        )
        if alone.leaf is ir.NEVER:
            return alone
        if first is not None or pattern.test is not None:
            rest.append(_check(pattern, algebra, denied=denied))
        first = first or alone.leaf
    return _Plan(first or ir.NEVER, tuple(rest))


def merge(cells: Iterable[Cell]) -> StringShape:
    """The conjunction of what the cells say about strings."""
    low: Size | None = None
    high: Size | None = None
    patterns: dict[tuple[str, str], Pattern] = {}
    denied: dict[tuple[str, str], Pattern] = {}
    not_values: list[Listed] = []
    for cell in cells:
        if cell.min_length is not None and (low is None or cell.min_length.value > low.value):
            low = cell.min_length
        if cell.max_length is not None and (high is None or cell.max_length.value < high.value):
            high = cell.max_length
        for pattern in cell.patterns:
            patterns.setdefault((pattern.text, pattern.keyword), pattern)
        for pattern in cell.not_patterns:
            denied.setdefault((pattern.text, pattern.keyword), pattern)
        not_values.extend(one for one in cell.not_values if any(isinstance(v, str) for v in one.values))
    return StringShape(low, high, tuple(patterns.values()), tuple(denied.values()), tuple(not_values))
