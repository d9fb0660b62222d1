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

A *denied* owner turns this round: some member that nothing evaluates does not satisfy S. Knowing of too few cells would
now ask too little, so below a denied owner each branch that evaluates anything is known to hold or known to fail
(`Watch.signed`), and a branch of which neither is known counts as a contributor. What is left is a `Need`, or for items
a `Contains` from the first position that is not covered.

An item that a schema of `contains` accepts counts as evaluated in 2020-12, not in 2019-09. Nothing needs to be known
about other items for that: an item outside the other contributors satisfies S or one of these schemas.

Cost: one conjunction per set of annotating branches of an `anyOf` below an owner of which any two may hold together
(`disjoint` finds out): linear for a union told apart by a discriminator, two to the number of branches at worst;
`obligations.MAX_CONJUNCTIONS` is the limit. Schemas without `unevaluated*` pay nothing: annotations are not even
read. Lineage: JSON Schema 2020-12 Core, sections 7.7.1 and 11.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from ruvllm_grammar import ir
from ruvllm_grammar.jsonschema.cells import Cells, in_place
from ruvllm_grammar.jsonschema.clauses import (
    Cell,
    Choice,
    Claim,
    Contains,
    Need,
    Negated,
    Pattern,
    Place,
    Standing,
)

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

    def covers_class(self, inside: Collection[ir.Expr]) -> bool:
        """Whether names are evaluated that nobody declares and that match exactly these patterns of the conjunction."""
        return any(expr in inside for _, expr in self.patterns)


@dataclass(frozen=True, slots=True)
class ItemScope:
    """Items from position `start` on have to satisfy `rule`."""

    rule: Cell
    start: int


Scope = NameScope | ItemScope


@dataclass(frozen=True, slots=True)
class Watch:
    """A cell below an owner.

    Attributes:
        kinds: the kinds of value for which an owner asks what is evaluated.
        signed: an owner is denied, so every branch that evaluates anything has to be known to hold or known to fail.
    """

    kinds: frozenset[str] = _NOTHING
    signed: bool = False


@dataclass(frozen=True, slots=True)
class _Rest:
    """What no contributor of an owner covers.

    Attributes:
        names: names that are covered.
        patterns: patterns of names that are covered, by their text.
        start: items before it are covered.
        marks: cells of `contains`: what satisfies one is covered.
    """

    names: frozenset[str]
    patterns: tuple[Pattern, ...]
    start: int
    marks: tuple[Cell, ...]


class Unevaluated:
    """Finds owners, contributors and scopes.

    Without annotations (`Cells.annotations`) there are none of them.

    Args:
        overlaps: as for `obligations.Obligations`.
    """

    def __init__(self, cells: Cells, overlaps: Mapping[Choice, frozenset[tuple[int, int]]]) -> None:
        self._cells = cells
        self._overlaps = overlaps
        self._reach: dict[Cell, frozenset[Cell]] = {}
        self._owners: dict[Cell, tuple[Cell, ...]] = {}
        self._contributes: dict[Cell, frozenset[str]] = {}
        self._watched: dict[tuple[Cell, ...], dict[Cell, Watch]] = {}
        self._either: dict[tuple[Cell, ...], Cell] = {}
        self._needs: dict[tuple[Cell, frozenset[str], tuple[str, ...]], Cell] = {}

    # --------------------------------------------------------------------------------------------------- statics

    def watched(self, cells: tuple[Cell, ...]) -> Mapping[Cell, Watch]:
        """The cells below owners that may judge a value which is judged by `cells`."""
        if not self._cells.annotations:
            return {}
        found = self._watched.get(cells)
        if found is None:
            found = self._watched[cells] = {}
            for cell in cells:
                for owner in self._owners_below(cell):
                    kinds = frozenset(kind for kind, _, _ in self._asks(owner))
                    signed = _denied(owner)
                    for one in self._reachable(owner):
                        known = found.get(one, Watch())
                        found[one] = Watch(known.kinds | kinds, known.signed or signed)
        return found

    def contributes(self, cell: Cell) -> frozenset[str]:
        """The kinds of value of which the cell, or what it reaches in place, may evaluate members or items."""
        found = self._contributes.get(cell)
        if found is None:
            found = _NOTHING.union(*(one.annotates for one in self._reachable(cell)))
            self._contributes[cell] = found
        return found

    def denied(self, owner: Cell, choice: Choice, branch: tuple[Place, ...]) -> Cell:
        """The cell that holds where a branch of a choice, one schema, does not."""
        (place,) = branch
        denied = self._cells.deny(place, choice.keyword, choice.pointer)
        return self._cells.target(self._cells.child(owner, denied))

    def _asks(self, owner: Cell) -> Iterator[tuple[str, Cell, bool]]:
        """For which kinds a cell asks what is evaluated: (kind, what the rest is judged by, whether it is to fail)."""
        for kind, place, fails in (
            ("object", owner.unevaluated_properties, False),
            ("object", owner.violated_properties, True),
            ("array", owner.unevaluated_items, False),
            ("array", owner.violated_items, True),
        ):
            if place is not None:
                rule = self._cells.target(self._cells.child(owner, place))
                if fails or not rule.vacuous:
                    yield kind, rule, fails

    def _owners_below(self, start: Cell) -> tuple[Cell, ...]:
        """The owners that may come to judge the same value, with those that a denial brings."""
        found = self._owners.get(start)
        if found is not None:
            return found
        seen = {start}
        queue = [start]
        owners: list[Cell] = []
        while queue:
            cell = queue.pop()
            below = [self._cells.child(cell, place) for place in in_place(cell)]
            for choice in cell.choices:
                pairs = self._overlaps.get(choice, ())
                below += [
                    self.denied(cell, choice, choice.branches[i])
                    for i in sorted({i for pair in pairs for i in pair})
                ]
            if any(self._asks(cell)):
                owners.append(cell)
                if _denied(cell):
                    for one in sorted(self._reachable(cell), key=lambda one: one.number):
                        below += [
                            self.denied(one, choice, branch) for choice, branch in self._evaluating(one)
                        ]
            fresh = [child for child in dict.fromkeys(below) if child not in seen]
            seen.update(fresh)
            queue.extend(fresh)
        found = self._owners[start] = tuple(owners)
        return found

    def _evaluating(self, cell: Cell) -> Iterator[tuple[Choice, tuple[Place, ...]]]:
        """The branches that may hold together with others and evaluate something."""
        for choice in cell.choices:
            for branch in choice.branches if not (choice.exclusive or choice.cases) else ():
                if any(self.contributes(self._cells.child(cell, place)) for place in branch):
                    yield choice, branch

    def _reachable(self, cell: Cell) -> frozenset[Cell]:
        """What a cell reaches in place, were everything to hold; itself included."""
        found = self._reach.get(cell)
        if found is None:
            found = self._reach[cell] = frozenset(self._walk(cell, lambda *_: True))
        return found

    # -------------------------------------------------------------------------------------------------- contributors

    def _walk(self, owner: Cell, taken: Callable[[Cell, Choice, tuple[Place, ...]], bool]) -> Iterator[Cell]:
        """The owner and the cells it reaches in place, by the branches that are taken."""
        seen = {owner}
        stack = [owner]
        while stack:
            cell = stack.pop()
            yield cell
            steps = [place for _, place in cell.must]
            for choice in cell.choices:
                for branch in choice.branches:
                    if taken(cell, choice, branch):
                        steps += branch
            for place in steps:
                target = self._step(cell, place)
                if target is not None and target not in seen:
                    seen.add(target)
                    stack.append(target)

    def _step(self, cell: Cell, place: Place) -> Cell | None:
        """The cell that a place stands for, as `Cells.target`; None where the way there passes a negation."""
        while not isinstance(place, Negated):
            cell = self._cells.child(cell, place)
            if not cell.silent or len(cell.must) != 1 or cell.choices:
                return cell
            place = cell.must[0][1]
        return None

    def _held(self, held: Collection[Cell], cell: Cell, branch: tuple[Place, ...]) -> bool:
        """Whether a branch is known to hold."""
        targets = (self._cells.target(self._cells.child(cell, place)) for place in branch)
        return all(one in held or one.vacuous for one in targets)

    def _possible(
        self, held: Collection[Cell], cell: Cell, choice: Choice, branch: tuple[Place, ...]
    ) -> bool:
        """Whether a branch is not known to fail."""
        if self._held(held, cell, branch):
            return True
        if choice.exclusive or choice.cases:
            return not any(self._held(held, cell, other) for other in choice.branches)
        if len(branch) != 1:
            return True
        denied = self.denied(cell, choice, branch)
        return denied not in held and not denied.vacuous

    def _rest(self, owner: Cell, kind: str, contributors: Iterable[Cell]) -> _Rest | None:
        """What is left over for one owner; None where everything is covered."""
        names: set[str] = set()
        patterns: dict[str, Pattern] = {}
        start = 0
        marks: dict[Cell, None] = {}
        for cell in contributors:
            if kind not in cell.annotates:
                continue
            nested = cell.unevaluated_properties if kind == "object" else cell.unevaluated_items
            rest = cell.additional if kind == "object" else cell.rest
            if rest is not None or (nested is not None and cell is not owner):
                return None
            names.update(cell.properties)
            patterns.update((pattern.text, pattern) for pattern, _ in cell.pattern_properties)
            start = max(start, len(cell.prefix))
            marks.update(dict.fromkeys(self._cells.child(cell, place) for place in cell.marks))
        if any(one.vacuous for one in marks):
            return None
        return _Rest(
            frozenset(names),
            tuple(patterns[text] for text in sorted(patterns)),
            start,
            tuple(sorted(marks, key=lambda one: one.number)),
        )

    # -------------------------------------------------------------------------------------------------------- scopes

    def scopes(self, held: Collection[Cell]) -> tuple[Scope, ...]:
        """The scopes of the owners among the cells, known to hold, of a conjunction in the making."""
        found: dict[Scope, None] = {}
        for owner in _annotating(held):
            for kind, rule, fails in self._asks(owner):
                left = None
                if not fails:
                    left = self._rest(
                        owner, kind, self._walk(owner, lambda cell, _, branch: self._held(held, cell, branch))
                    )
                if left is not None:
                    found[self._scope(owner, kind, rule, left)] = None
        return tuple(found)

    def _scope(self, owner: Cell, kind: str, rule: Cell, left: _Rest) -> Scope:
        if kind == "array":
            return ItemScope(self._any(owner, (rule, *left.marks)), left.start)
        return NameScope(rule, left.names, tuple((one.text, one.expr) for one in left.patterns))

    def _any(self, owner: Cell, alternatives: tuple[Cell, ...]) -> Cell:
        """The cell that holds where one of these does."""
        if len(alternatives) == 1:
            return alternatives[0]
        found = self._either.get(alternatives)
        if found is None:
            pointer = owner.at("unevaluatedItems")
            branches = tuple((Standing(one),) for one in alternatives)
            choice = Choice("unevaluatedItems", pointer, branches, 0)
            claim = Claim(owner.node, pointer, {"choices": (choice,)})
            found = self._either[alternatives] = self._cells.child(owner, claim)
        return found

    def violations(self, held: Collection[Cell]) -> tuple[Cell, ...] | None:
        """What the denied owners among these cells demand of the value; None where nothing is left over to fail."""
        found: dict[Cell, None] = {}
        for owner in _annotating(held):
            for kind, rule, fails in self._asks(owner):
                if fails:
                    left = self._rest(owner, kind, self._walk(owner, partial(self._possible, held)))
                    if left is None or rule.vacuous:
                        return None
                    found[self._violation(owner, kind, rule, left)] = None
        return tuple(found)

    def _violation(self, owner: Cell, kind: str, rule: Cell, left: _Rest) -> Cell:
        """The cell that asks for a member or item which nothing covers and which does not satisfy `rule`."""
        rule = rule if kind == "object" else self._any(owner, (rule, *left.marks))
        key = (rule, left.names, (kind, str(left.start), *(one.text for one in left.patterns)))
        found = self._needs.get(key)
        if found is None:
            keyword = "unevaluatedProperties" if kind == "object" else "unevaluatedItems"
            place = self._cells.deny(Standing(rule), keyword, owner.pointer)
            parts: dict[str, Any] = {"kinds": frozenset((kind,))}
            if kind == "object":
                apart = tuple(sorted(left.names))
                need = Need(keyword, owner.pointer, place, outside=left.patterns, apart=apart)
                parts["needs"] = (need,)
            else:
                parts["contains"] = (Contains(place, 1, None, owner.pointer, left.start),)
            claim = Claim(owner.node, owner.pointer, parts)
            found = self._needs[key] = self._cells.child(owner, claim)
        return found


def _denied(owner: Cell) -> bool:
    return owner.violated_properties is not None or owner.violated_items is not None


def _annotating(cells: Iterable[Cell]) -> list[Cell]:
    return sorted((one for one in cells if one.annotates), key=lambda one: one.number)
