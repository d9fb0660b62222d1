"""Does one concrete value satisfy a cell? The plain recursive evaluator, for the values of `enum` and `const`.

A listed value is finite, so every keyword can simply be evaluated on it, also those that the compiler refuses on
open values (`uniqueItems`, the negation of anything). `unevaluated*` collects what every schema evaluates that the
owner reaches in place and that holds. Only formats that are not asserted stay refused.
"""

from __future__ import annotations

from typing import Any

from ruvllm_grammar import ir
from ruvllm_grammar.errors import UnsupportedKeyword
from ruvllm_grammar.jsonschema.cells import Cells
from ruvllm_grammar.jsonschema.clauses import Cell, Choice, Need, Negated, Place
from ruvllm_grammar.jsonschema.values import canonical, comparable, kind, spellable


class Evaluator:
    """Evaluates values against cells; the algebra answers patterns."""

    def __init__(self, cells: Cells, algebra: ir.Algebra) -> None:
        self._cells = cells
        self._algebra = algebra

    def valid(self, cell: Cell, value: Any) -> bool:
        """Whether `value` satisfies the cell with everything it refers to.

        Raises:
            UnsupportedKeyword: it needs a keyword that cannot be evaluated by itself.
        """
        if cell.verdict is not None:
            return cell.verdict
        if isinstance(cell.place, Negated):
            return not self.place(cell, cell.place.place, value)
        return (
            kind(value) in cell.kinds
            and all(canonical(value) in {canonical(one) for one in listed.values} for listed in cell.values)
            and self.local(cell, value)
            and all(self.place(cell, place, value) for _, place in cell.must)
            and all(self.choice(cell, choice, value) for choice in cell.choices)
            and self.unevaluated(cell, value)
        )

    def place(self, owner: Cell, place: Place, value: Any) -> bool:
        """Whether `value` satisfies a place that `owner` names."""
        return self.valid(self._cells.child(owner, place), value)

    def choice(self, owner: Cell, choice: Choice, value: Any) -> bool:
        """Whether at least one branch holds; for an exclusive choice, exactly one."""
        if isinstance(owner.place, Negated):  # its branches are cases, and some of them may be refused
            return not self.place(owner, owner.place.place, value)
        holding = (all(self.place(owner, place, value) for place in branch) for branch in choice.branches)
        return sum(holding) == 1 if choice.exclusive else any(holding)

    def local(self, cell: Cell, value: Any) -> bool:
        """Whether the local assertions hold; kinds and lists of values apart."""
        if isinstance(cell.place, Negated):
            return not self.place(cell, cell.place.place, value)
        if any(canonical(value) in {canonical(one) for one in listed.values} for listed in cell.not_values):
            return False
        for refusal in cell.refused:
            if refusal.applies in {"any", kind(value)}:
                msg = f"{refusal.keyword} is not supported here: {refusal.reason}"
                raise UnsupportedKeyword(msg, pointer=refusal.pointer, keyword=refusal.keyword)
        match kind(value):
            case "number":
                return self._number(cell, value)
            case "string":
                return self._string(cell, value)
            case "object":
                return self._object(cell, value)
            case "array":
                return self._array(cell, value)
            case _:
                return True

    def unevaluated(self, cell: Cell, value: Any) -> bool:
        """Whether members and items that nothing evaluates satisfy `unevaluated*` of a cell that holds otherwise.

        Where a cell says that one of them does not, whether one does not.
        """
        if isinstance(value, dict):
            rule, violated = cell.unevaluated_properties, cell.violated_properties
        elif isinstance(value, list):
            rule, violated = cell.unevaluated_items, cell.violated_items
        else:
            return True
        if rule is None and violated is None:
            return True
        evaluated = self._evaluated(cell, value, own=False)
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        left = [part for key, part in parts if key not in evaluated]
        if rule is not None and not all(self.place(cell, rule, part) for part in left):
            return False
        return violated is None or not all(self.place(cell, violated, part) for part in left)

    def _evaluated(self, cell: Cell, value: dict[str, Any] | list[Any], *, own: bool) -> frozenset[Any]:
        """The names or indexes that a cell which holds evaluates; `own`: by its own `unevaluated*` too."""
        if not cell.annotates:
            found = frozenset[Any]()
        elif isinstance(value, dict):
            found = self._evaluated_names(cell, value, own=own)
        else:
            found = self._evaluated_indexes(cell, value, own=own)
        branches: list[tuple[Place, ...]] = [(place,) for _, place in cell.must]
        for choice in cell.choices:
            branches += [
                branch
                for branch in choice.branches
                if all(self.place(cell, place, value) for place in branch)
            ]
        below = (
            self._evaluated(self._cells.child(cell, place), value, own=True)
            for branch in branches
            for place in branch
            if not isinstance(place, Negated)
        )
        return found.union(*below)

    def _evaluated_names(self, cell: Cell, value: dict[str, Any], *, own: bool) -> frozenset[Any]:
        if cell.additional is not None or (own and cell.unevaluated_properties is not None):
            return frozenset(value)
        return frozenset(
            name
            for name in value
            if name in cell.properties
            or any(self._algebra.matches(pattern.expr, name) for pattern, _ in cell.pattern_properties)
        )

    def _evaluated_indexes(self, cell: Cell, value: list[Any], *, own: bool) -> frozenset[Any]:
        if cell.rest is not None or (own and cell.unevaluated_items is not None):
            return frozenset(range(len(value)))
        return frozenset(
            i
            for i, item in enumerate(value)
            if i < len(cell.prefix) or any(self.place(cell, mark, item) for mark in cell.marks)
        )

    def _number(self, cell: Cell, value: Any) -> bool:
        exact = comparable(value)
        return (
            (not cell.integer or exact.denominator == 1)
            and all(exact > b.value or (exact == b.value and not b.open) for b in cell.lower)
            and all(exact < b.value or (exact == b.value and not b.open) for b in cell.upper)
            and all((exact / b.value).denominator == 1 for b in cell.multiples)
            and all((exact / b.value).denominator != 1 for b in cell.not_multiples)
        )

    def _string(self, cell: Cell, value: str) -> bool:
        return (
            spellable(value)
            and (cell.min_length is None or len(value) >= cell.min_length.value)
            and (cell.max_length is None or len(value) <= cell.max_length.value)
            and all(pattern.holds(value, self._algebra) for pattern in cell.patterns)
            and not any(pattern.holds(value, self._algebra) for pattern in cell.not_patterns)
        )

    def _object(self, cell: Cell, value: dict[str, Any]) -> bool:
        if cell.min_properties is not None and len(value) < cell.min_properties.value:
            return False
        if cell.max_properties is not None and len(value) > cell.max_properties.value:
            return False
        if any(name not in value for name in cell.required):
            return False
        for name, member in value.items():
            if not spellable(name) or (cell.names is not None and not self.place(cell, cell.names, name)):
                return False
            rules = [cell.properties[name]] if name in cell.properties else []
            rules += [
                place
                for pattern, place in cell.pattern_properties
                if self._algebra.matches(pattern.expr, name)
            ]
            if not rules and cell.additional is not None:
                rules = [cell.additional]
            if not all(self.place(cell, place, member) for place in rules):
                return False
        return all(
            any(self._meets(cell, one, *member) for one in need.alternatives for member in value.items())
            for need in cell.needs
        )

    def _meets(self, cell: Cell, need: Need, name: str, member: Any) -> bool:
        """Whether a member is the one that a need asks for."""
        return (
            name not in need.apart
            and need.name in {None, name}
            and all(self._algebra.matches(pattern.expr, name) for pattern in need.inside)
            and not any(self._algebra.matches(pattern.expr, name) for pattern in need.outside)
            and (need.names is None or self.place(cell, need.names, name))
            and (need.place is None or self.place(cell, need.place, member))
        )

    def _array(self, cell: Cell, value: list[Any]) -> bool:
        if cell.min_items is not None and len(value) < cell.min_items.value:
            return False
        if cell.max_items is not None and len(value) > cell.max_items.value:
            return False
        if cell.unique or cell.repeated:
            equal = len({canonical(item) for item in value}) < len(value)
            if (cell.unique and equal) or (cell.repeated and not equal):
                return False
        for clause in cell.contains:
            matching = sum(self.place(cell, clause.place, item) for item in value[clause.first :])
            if matching < clause.low or (clause.high is not None and matching > clause.high):
                return False
        for i, item in enumerate(value):
            place = cell.prefix[i] if i < len(cell.prefix) else cell.rest
            if place is not None and not self.place(cell, place, item):
                return False
        return True
