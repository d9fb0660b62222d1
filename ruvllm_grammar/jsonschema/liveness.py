"""Where arrays may be begun that cannot be finished: the guards of items that have to differ, and of tested arrays.

A check behind an item is exact: no array with two equal items is accepted, and no token is offered that ends an item
equal to an earlier one. What remains is whether the item can be ended *otherwise*, and whether the next one has any
value left. Two conditions answer that, each on the safe side; where one fails, a guard says so.

1. *There is always another value.* The domain of an item is endless, or larger than the number of earlier items that
   may have taken values from it. With one domain for all positions its size is the limit on the length, so there is
   always a value left below it.
2. *No item is a trap.* Whatever of an item has been written can still become any number of values, or so few that
   the matcher looks through all of them. A free string can always go on, a number too; an object that may have more
   members, or an array more items, can. An object of fixed names can where its last one has endlessly many values:
   whatever was written before, that one may still differ, and behind it only the bracket is left, so the matcher sees
   in time that an earlier object would be repeated. With a boolean `b` in the end, `{"a": 1, "b": ` is a trap once both
   are taken.

The tests of finished arrays ask for *more* of something (two equal items, items that `contains` counts). Where the
array may always grow by what is asked for it can be finished, but not within a budget of tokens: distances do not know
what is missing. So both are guarded, for different reasons.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from ruvllm_grammar import ir
from ruvllm_grammar.errors import LimitError
from ruvllm_grammar.jsonschema.arrays import ArrayShape, Tested
from ruvllm_grammar.jsonschema.domains import FEW
from ruvllm_grammar.jsonschema.emptiness import Emptiness
from ruvllm_grammar.jsonschema.lengths import lengths
from ruvllm_grammar.jsonschema.numbers import NumberShape
from ruvllm_grammar.jsonschema.objects import ObjectShape
from ruvllm_grammar.jsonschema.obligations import Conjunction, Obligation
from ruvllm_grammar.jsonschema.strings import StringShape
from ruvllm_grammar.jsonschema.values import describe

#: Bytes of listed values up to which the matcher looks through all of them.
_SPELLED = 1000
#: Earlier strings up to which it looks through those that a pattern leaves.
_SIBLINGS = 16
#: The step of a multiple from which it looks through all values with the same integer part.
_STEP = Fraction(1, 50)
#: Different characters there are at least.
_CHARACTERS = 1_000_000

_SPENT = "items have to differ, and the values of a later item may all be taken by earlier ones"
_TRAP = "items have to differ, and an item may be begun that can only end like an earlier one"
_COUNTED = "items have to differ and are counted by contains, and those that are still missing may be taken"
_TESTED = "this is decided on the finished array, and its length is limited, so it may come too late"
_SHORT = "this is decided on the finished array, and a budget of tokens may end it before that holds"


class Liveness:
    """Finds the guards of arrays.

    Args:
        emptiness: of the schema.
        any_order: the members of objects come in any order.
    """

    def __init__(self, emptiness: Emptiness, *, any_order: bool = False) -> None:
        self._any_order = any_order
        self._emptiness = emptiness
        self._shapes = emptiness.shapes
        self._obligations = emptiness.shapes.obligations
        self._algebra = emptiness.shapes.obligations.algebra
        self._endless: dict[Obligation, bool] = {}
        self._safe: dict[tuple[Obligation, int | None], bool] = {}
        self._open: set[Obligation] = set()

    def guards(self, shape: ArrayShape) -> Iterator[ir.Guard]:
        """Why generation of this array may have to back up."""
        inhabited = self._emptiness.inhabited
        high = shape.longest(inhabited)
        if shape.unique is not None and (high is None or high > 1):
            if shape.counting is not None:
                living = [one for one in shape.counting.children() if inhabited(one)]
                if not all(self._is_endless(one) for one in living):
                    yield ir.Guard(shape.unique, _COUNTED)
            else:
                ends = len(shape.prefix) + 1
                living = [shape.item(i) for i in range(ends if high is None else min(high, ends))]
                if not self._always_another(shape, living, high):
                    yield ir.Guard(shape.unique, _SPENT)
            if not all(self._no_trap(one, high) for one in dict.fromkeys(living)):
                yield ir.Guard(shape.unique, _TRAP)
        if shape.tested is not None:
            grows = self._can_grow(shape, shape.tested, high)
            yield ir.Guard(shape.tested.check.pointer, _SHORT if grows else _TESTED)

    def _can_grow(self, shape: ArrayShape, tested: Tested, high: int | None) -> bool:
        """Whether every array can be completed by appending items to it."""
        inhabited = self._emptiness.inhabited
        if high is not None or shape.unique is not None or shape.counting is not None:
            return False
        return all(clause.high is None and inhabited(one) for clause, one in tested.counted)

    # ------------------------------------------------------------------------------------------- another value

    def _always_another(self, shape: ArrayShape, living: list[Obligation], high: int | None) -> bool:
        """Whether there is a value left for every item, whatever the ones before it took."""
        if len(set(living)) == 1 and shape.different is not None and high == shape.different.value:
            return True  # one domain, and its size ends the array
        for i, item in enumerate(living):
            last = i == len(shape.prefix)
            if last and high is None:
                rivals = None
            else:
                rivals = sum(self._may_meet(item, other) for other in living[:i])
                rivals += (high or 0) - 1 - i if last else 0
            if not self._more_than(item, rivals):
                return False
        return True

    def _may_meet(self, one: Obligation, other: Obligation) -> bool:
        """Whether two obligations may have a value in common."""
        mine, theirs = self._shapes.values_of(one), self._shapes.values_of(other)
        if mine is not None and theirs is not None:
            return not mine.isdisjoint(theirs)
        return not self._kinds(one).isdisjoint(self._kinds(other))

    def _kinds(self, obligation: Obligation) -> frozenset[str]:
        kinds: set[str] = set()
        for conjunction in self._obligations.conjunctions(obligation):
            kinds |= self._emptiness.alive(conjunction)
        return frozenset(kinds)

    def _more_than(self, obligation: Obligation, count: int | None) -> bool:
        """Whether an obligation certainly has more than so many values (None: any number of them)."""
        if self._is_endless(obligation):
            return True
        if count is None:
            return False
        values = self._shapes.values_of(obligation)
        if values is not None:
            return len(values) > count
        return any(self._some_kind_has_more(one, count) for one in self._obligations.conjunctions(obligation))

    def _some_kind_has_more(self, conjunction: Conjunction, count: int) -> bool:
        if conjunction.values is not None:
            return len(conjunction.values) > count
        alive = self._emptiness.alive(conjunction)
        if "string" in alive:
            shape = self._shapes.string(conjunction)
            if not (shape.patterns or shape.not_patterns or shape.not_values) and shape.high is not None:
                return shape.high.value > 3 or count < 0x10000  # one character has more values than that
            return self._strings(shape, count) is None
        if "number" in alive:
            number = self._shapes.number(conjunction)
            if number.lower is not None and number.upper is not None and number.multiple is not None:
                apart = (number.upper.value - number.lower.value) // number.multiple - 1
                listed = sum(len(one.values) for one in number.not_values)
                return not number.not_multiples and apart - listed > count
        return False

    def _strings(self, shape: StringShape, most: int) -> tuple[str, ...] | None:
        try:
            return self._algebra.strings(shape.expression(), most)
        except LimitError:
            return ()

    # ------------------------------------------------------------------------------------------------- endless

    def _is_endless(self, obligation: Obligation) -> bool:
        """Whether an obligation certainly has infinitely many values; one that depends on itself counts as not."""
        found = self._endless.get(obligation)
        if found is None:
            self._endless[obligation] = False
            found = any(self._endless_kind(one) for one in self._obligations.conjunctions(obligation))
            self._endless[obligation] = found
        return found

    def _endless_kind(self, conjunction: Conjunction) -> bool:
        if conjunction.values is not None:
            return False
        alive = self._emptiness.alive(conjunction)
        if "number" in alive:
            number = self._shapes.number(conjunction)
            low, high = number.lower, number.upper
            if low is None or high is None or (number.multiple is None and low.value < high.value):
                return True
        if "string" in alive and self._endless_strings(self._shapes.string(conjunction)):
            return True
        if "object" in alive and self._endless_objects(self._emptiness.offered(conjunction)):
            return True
        return "array" in alive and self._endless_arrays(self._shapes.array(conjunction))

    def _endless_strings(self, shape: StringShape) -> bool:
        if not shape.patterns and not shape.not_patterns:
            return shape.high is None
        if shape.high is not None:
            return False
        if len(shape.patterns) == 1 and not shape.not_patterns:
            found = lengths(shape.patterns[0].expr)
            if found is not None:
                return found.longest is None
        return not self._runs_out(shape)

    def _endless_objects(self, offered: ObjectShape) -> bool:
        if self._grows(offered):
            return True
        required = sum(slot.required is not None for slot in offered.slots)
        return any(
            slot.obligation is not None
            and (slot.required is not None or offered.high is None or offered.high.value > required)
            and self._is_endless(slot.obligation)
            for slot in offered.slots
        )

    def _endless_arrays(self, shape: ArrayShape) -> bool:
        high = shape.longest(self._emptiness.inhabited)
        if shape.counting is not None or shape.tested is not None:
            return False
        if high is None:
            return shape.unique is None or self._is_endless(shape.rest)
        return high > 0 and any(
            self._is_endless(shape.item(i)) for i in range(min(high, max(1, shape.least)))
        )

    # --------------------------------------------------------------------------------------------------- traps

    def _no_trap(self, obligation: Obligation, high: int | None) -> bool:
        """Whether no beginning of an item can run out of values that no earlier one has; `high`: how many items.

        One that depends on itself counts as a trap.
        """
        known = self._safe.get((obligation, high))
        if known is None:
            self._safe[obligation, high] = False
            known = all(self._no_trap_in(one, high) for one in self._obligations.conjunctions(obligation))
            self._safe[obligation, high] = known
        return known

    def _no_trap_in(self, conjunction: Conjunction, high: int | None, *, inside: bool = False) -> bool:
        if conjunction.values is not None:
            if any(isinstance(one, (dict, list)) for one in conjunction.values):
                return False  # white space inside makes the search too long
            return sum(len(describe(one, width=_SPELLED)) for one in conjunction.values) <= _SPELLED
        alive = self._emptiness.alive(conjunction)
        few = high is not None and high <= FEW
        return (
            ("number" not in alive or few or _goes_on(self._shapes.number(conjunction)))
            # Inside an item, spellings like 7.000 go on for ever (`numbers.NumberShape.item`).
            and not (inside and "number" in alive)
            and ("string" not in alive or self._string_goes_on(self._shapes.string(conjunction), high))
            and ("object" not in alive or self._object_goes_on(self._emptiness.offered(conjunction), high))
            and ("array" not in alive or self._array_goes_on(self._shapes.array(conjunction), high))
        )

    def _string_goes_on(self, shape: StringShape, high: int | None) -> bool:
        """Without patterns, the last character of the longest string alone has more values than there are items."""
        if not shape.patterns and not shape.not_patterns and not shape.not_values:
            return shape.high is None or (high is not None and high < _CHARACTERS)
        if high is not None and high <= _SIBLINGS:
            return True
        if shape.high is not None and shape.high.value > FEW:
            return False
        try:
            return not self._algebra.runs_out(shape.expression())
        except LimitError:
            return False

    def _object_goes_on(self, offered: ObjectShape, high: int | None) -> bool:
        """Any number of members may follow; or one does, the last of all, and any number of values are left for it."""
        if self._grows(offered):
            return True
        if offered.classes or offered.needs or not offered.slots or offered.high is not None:
            return False
        # Where there is no order, the last one that is missing can be any of them.
        free = tuple(slot for slot in offered.slots if slot.free)
        ends = offered.slots if self._any_order else free or offered.slots[-1:]
        return all(slot.obligation is not None and self._open_end(slot.obligation, high) for slot in ends)

    def _array_goes_on(self, shape: ArrayShape, high: int | None) -> bool:
        """Any number of items may follow; or the last one has any number of values left."""
        if shape.counting is not None or shape.tested is not None:
            return False
        longest = shape.longest(self._emptiness.inhabited)
        if longest is None:
            return shape.unique is None or self._is_endless(shape.rest)
        return longest > 0 and self._open_end(shape.item(longest - 1), high)

    def _open_end(self, obligation: Obligation, high: int | None) -> bool:
        """Whether what ends a container leaves it any number of values, whatever of it has been written."""
        if not self._is_endless(obligation) or obligation in self._open:
            return False
        self._open.add(obligation)
        try:
            found = self._obligations.conjunctions(obligation)
            return all(self._no_trap_in(one, high, inside=True) for one in found)
        finally:
            self._open.discard(obligation)

    def _grows(self, shape: ObjectShape) -> bool:
        """Whether an object of names that are offered may always have one more member, of endlessly many names."""
        return shape.high is None and not shape.needs and any(one.never_ends for one in shape.classes)

    def _runs_out(self, shape: StringShape) -> bool:
        try:
            return self._algebra.runs_out(shape.expression())
        except LimitError:
            return True


def _goes_on(shape: NumberShape) -> bool:
    """Whether every beginning of a number can become any number of others, or a few that are looked through.

    A beginning of digits can always go on but near a bound; a fraction with a step that is not small has few values.
    """
    if shape.lower is not None and shape.upper is not None and shape.multiple is not None:
        return False
    if shape.not_multiples:
        return False
    if shape.multiple is None:
        return True
    bounds = [abs(one.value) for one in (shape.lower, shape.upper) if one is not None]
    return shape.multiple >= _STEP and all(
        bound <= FEW * shape.multiple for bound in bounds if _inward(shape)
    )


def _inward(shape: NumberShape) -> bool:
    """Whether a bound leaves finitely many numbers of one sign."""
    return (shape.lower is not None and shape.lower.value < 0) or (
        shape.upper is not None and shape.upper.value > 0
    )
