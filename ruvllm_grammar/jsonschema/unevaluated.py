"""`unevaluatedProperties` and `unevaluatedItems`: what the schemas beside them leave over.

`unevaluatedProperties: S` applies S to the members that no schema judging the same object has *evaluated*: through
`properties`, `patternProperties`, `additionalProperties` or an `unevaluatedProperties` of its own, in the schema that
says it (the *owner*) or in one that the owner reaches in place (`$ref`, `allOf`, a branch of `anyOf` or `oneOf`, `if`
and its branch, `dependentSchemas`), as long as that one holds. What fails, or stands under `not`, evaluates nothing.

A conjunction knows cells that hold, a set T. The *contributors* of an owner are the cells it reaches in place with all
steps in T; the conjunction then has a *scope* per owner: S, and what the contributors cover. Members and items outside
get S as one more obligation, where shapes are merged. A scope is part of the conjunction's identity.

Which cells does T have to hold? The more are known, the more is covered, and the less is asked. So a conjunction that
knows of fewer cells than really hold accepts too little, never too much, and one that knows all of them is exact.
Hence `anyOf` below an owner is split into the non-empty sets of branches known to hold, as far as these evaluate
anything; branches that do not stay alternatives. `if` without `then` and `else` asserts nothing and is still a choice:
known to hold, or not known.

```text
{"anyOf": [{"properties": {"a": A}}, {"properties": {"b": B}}], "unevaluatedProperties": false}
{first}          a: A, nothing else     -> {"a": ..}
{second}         b: B, nothing else     -> {"b": ..}
{first, second}  a: A, b: B             -> {"a": .., "b": ..}
```

An item that a schema of `contains` accepts counts as evaluated in 2020-12, not in 2019-09. Nothing needs to be known
about other items for that: an item outside the other contributors satisfies S or one of these schemas.

Cost: two to the number of annotating branches of one `anyOf` below an owner, less those that exclude each other by
kind; `obligations.MAX_CONJUNCTIONS` is the limit. Schemas without `unevaluated*` pay nothing: annotations are not even
read. Lineage: JSON Schema 2020-12 Core, sections 7.7.1 and 11.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ruvllm_grammar import ir
from ruvllm_grammar.jsonschema.cells import Cells, in_place
from ruvllm_grammar.jsonschema.clauses import Cell, Choice, Claim, Negated, Place, Standing

_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class NameScope:
    """Members that no contributor of one owner covers have to satisfy `rule`.

    Attributes:
        rule: the schema of `unevaluatedProperties`.
        names: names that are covered.
        patterns: patterns of names that are covered, by their text.
    """

    rule: Cell
    names: frozenset[str]
    patterns: tuple[tuple[str, ir.Expr], ...]

    def covers(self, name: str, algebra: ir.Algebra) -> bool:
        """Whether a member of this name is evaluated."""
        return name in self.names or any(algebra.matches(expr, name) for _, expr in self.patterns)

    def covers_class(self, inside: Collection[str]) -> bool:
        """Whether names are evaluated that nobody declares and that match exactly these patterns of the conjunction."""
        return any(text in inside for text, _ in self.patterns)


@dataclass(frozen=True, slots=True)
class ItemScope:
    """Items from position `start` on have to satisfy `rule`."""

    rule: Cell
    start: int


Scope = NameScope | ItemScope


class Unevaluated:
    """Finds owners, contributors and scopes.

    Without annotations (`Cells.annotations`) there are none of them.
    """

    def __init__(self, cells: Cells) -> None:
        self._cells = cells
        self._reach: dict[Cell, frozenset[Cell]] = {}
        self._owners: dict[Cell, tuple[Cell, ...]] = {}
        self._contributes: dict[Cell, frozenset[str]] = {}
        self._rules: dict[tuple[Cell, ...], Cell] = {}

    # --------------------------------------------------------------------------------------------------- statics

    def watched(self, cells: Collection[Cell]) -> dict[Cell, frozenset[str]]:
        """The cells that may judge a value and lie below an owner, with the kinds for which the owner asks."""
        found: dict[Cell, frozenset[str]] = {}
        if self._cells.annotations:
            for cell in cells:
                for owner in self._owners_below(cell):
                    asked = frozenset(kind for kind, _ in self._asks(owner))
                    for one in self._reachable(owner):
                        found[one] = found.get(one, _NOTHING) | asked
        return found

    def contributes(self, cell: Cell) -> frozenset[str]:
        """The kinds of value of which the cell, or what it reaches in place, may evaluate members or items."""
        found = self._contributes.get(cell)
        if found is None:
            found = self._contributes[cell] = _NOTHING.union(
                *(one.annotates for one in self._reachable(cell))
            )
        return found

    def _asks(self, owner: Cell) -> Iterator[tuple[str, Cell]]:
        """The kinds for which a cell asks what is evaluated, with the schema that the rest has to satisfy."""
        for kind, place in (("object", owner.unevaluated_properties), ("array", owner.unevaluated_items)):
            if place is not None:
                rule = self._cells.target(self._cells.child(owner, place))
                if not rule.vacuous:
                    yield kind, rule

    def _owners_below(self, cell: Cell) -> tuple[Cell, ...]:
        found = self._owners.get(cell)
        if found is None:
            seen = {cell}
            queue = [cell]
            for one in queue:
                below = [self._cells.child(one, place) for place in in_place(one)]
                fresh = [child for child in dict.fromkeys(below) if child not in seen]
                seen.update(fresh)
                queue.extend(fresh)
            found = self._owners[cell] = tuple(one for one in queue if any(self._asks(one)))
        return found

    def _reachable(self, cell: Cell) -> frozenset[Cell]:
        """What a cell reaches in place, were everything to hold; itself included."""
        found = self._reach.get(cell)
        if found is None:
            found = self._reach[cell] = frozenset(self._walk(cell, None))
        return found

    # -------------------------------------------------------------------------------------------------- contributors

    def _walk(self, owner: Cell, held: Collection[Cell] | None) -> Iterator[Cell]:
        """The owner and the cells it reaches in place, by steps that all hold (None: every step)."""
        seen = {owner}
        stack = [owner]
        while stack:
            cell = stack.pop()
            yield cell
            steps: list[tuple[Place, ...]] = [(place,) for _, place in cell.must]
            steps += [branch for choice in cell.choices for branch in choice.branches]
            for branch in steps:
                targets = [self._cells.target(self._cells.child(cell, place)) for place in branch]
                if held is not None and not all(one in held or one.vacuous for one in targets):
                    continue
                for place, target in zip(branch, targets, strict=True):
                    if not isinstance(place, Negated) and target not in seen:
                        seen.add(target)
                        stack.append(target)

    def scopes(self, held: Collection[Cell]) -> tuple[Scope, ...]:
        """The scopes of the owners among the cells of a conjunction, in the making, that are known to hold."""
        if not self._cells.annotations:
            return ()
        found: dict[Scope, None] = {}
        for owner in sorted((one for one in held if one.annotates), key=lambda one: one.number):
            for kind, rule in self._asks(owner):
                scope = self._scope(owner, kind, rule, held)
                if scope is not None:
                    found[scope] = None
        return tuple(found)

    def _scope(self, owner: Cell, kind: str, rule: Cell, held: Collection[Cell]) -> Scope | None:
        """What is left over for one owner; None where everything is covered."""
        names: set[str] = set()
        patterns: dict[str, ir.Expr] = {}
        start = 0
        marks: dict[Cell, None] = {}
        for cell in self._walk(owner, held):
            if kind not in cell.annotates:
                continue
            nested = cell.unevaluated_properties if kind == "object" else cell.unevaluated_items
            rest = cell.additional if kind == "object" else cell.rest
            if rest is not None or (nested is not None and cell is not owner):
                return None
            names.update(cell.properties)
            patterns.update((pattern.text, pattern.expr) for pattern, _ in cell.pattern_properties)
            start = max(start, len(cell.prefix))
            marks.update(dict.fromkeys(self._cells.child(cell, place) for place in cell.marks))
        if kind == "object":
            return NameScope(rule, frozenset(names), tuple(sorted(patterns.items(), key=lambda one: one[0])))
        alternatives = (rule, *sorted(marks, key=lambda one: one.number))
        if any(one.vacuous for one in alternatives):
            return None
        return ItemScope(self._either(owner, alternatives), start)

    def _either(self, owner: Cell, alternatives: tuple[Cell, ...]) -> Cell:
        """The cell that holds where one of these does."""
        if len(alternatives) == 1:
            return alternatives[0]
        found = self._rules.get(alternatives)
        if found is None:
            pointer = owner.at("unevaluatedItems")
            branches = tuple((Standing(one),) for one in alternatives)
            choice = Choice("unevaluatedItems", pointer, branches, 0)
            claim = Claim(owner.node, pointer, {"choices": (choice,)})
            found = self._rules[alternatives] = self._cells.child(owner, claim)
        return found
