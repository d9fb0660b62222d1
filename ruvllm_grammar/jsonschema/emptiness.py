"""Which obligations any value satisfies: a least fixpoint, so that no dead end is ever offered.

A scalar kind is decided by itself. An object needs a value for every required member, an array for every item up to
`minItems`; what is optional does not matter. So "satisfiable" is the least set closed under these rules, and a
recursion that demands itself for ever (`{"required": ["a"], "properties": {"a": {"$ref": "#"}}}`) is outside it.

The question is asked on demand: the required dependencies of an obligation are gathered, the fixpoint is solved by a
worklist over their users, and all answers are kept. Linear in the dependencies. When the answer is no, `why` walks to
the clauses that clash.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from ruvllm_grammar.jsonschema import clash
from ruvllm_grammar.jsonschema.objects import ObjectShape
from ruvllm_grammar.jsonschema.obligations import Conjunction, Obligation, denied_names
from ruvllm_grammar.jsonschema.shapes import Shapes
from ruvllm_grammar.jsonschema.values import ALL_KINDS, KINDS, describe

#: Where a value can fail in several ways: how many are told, and how deep each is followed.
_TOLD = 4
_DEEP = 6


class Emptiness:
    """Answers, and remembers, whether obligations can be satisfied."""

    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes
        self._obligations = shapes.obligations
        self._algebra = shapes.obligations.algebra
        self._known: dict[Obligation, bool] = {}
        self._ranks: dict[Obligation, int] = {}
        self._scalars: dict[Conjunction, frozenset[str]] = {}

    def inhabited(self, obligation: Obligation) -> bool:
        """Whether any value satisfies the obligation."""
        found = self._known.get(obligation)
        if found is None:
            if self._obligations.rank(obligation) is not None:
                self._known[obligation] = True
                return True
            self._solve(obligation)
            found = self._known[obligation]
        return found

    def rank(self, obligation: Obligation) -> int:
        """In what order it was found that some value satisfies an obligation.

        A value can be built from members and items of lower rank, so whoever prefers low ranks comes to an end.
        """
        if not self.inhabited(obligation):
            return len(self._ranks)
        found = self._obligations.rank(obligation)
        return self._ranks[obligation] if found is None else found

    def alive(self, conjunction: Conjunction) -> frozenset[str]:
        """The kinds of value that can satisfy a conjunction; for listed values, the kinds they have."""
        return self._alive(conjunction, self.inhabited)

    def offered(self, conjunction: Conjunction) -> ObjectShape:
        """The object of a conjunction with only what some value can follow."""
        found: ObjectShape | None = conjunction.shapes.get("offered object")
        if found is None:
            found = self.shapes.object(conjunction).offered(self.inhabited)
            conjunction.shapes["offered object"] = found
        return found

    def children(self, conjunction: Conjunction) -> tuple[Obligation, ...]:
        """Obligations of all members and items; of members that are witnesses, those that some value satisfies."""
        if conjunction.values is not None:
            return ()
        found: tuple[Obligation, ...] = ()
        if "object" in conjunction.kinds:
            shape = self.shapes.object(conjunction)
            found += (self.offered(conjunction) if shape.needs else shape).children()
        if "array" in conjunction.kinds:
            found += self.shapes.array(conjunction).children()
        return found

    def _alive(self, conjunction: Conjunction, inhabited: Callable[[Obligation], bool]) -> frozenset[str]:
        if conjunction.values is not None:
            return conjunction.kinds if conjunction.values else frozenset()
        found = self._scalar_kinds(conjunction)
        if "object" in conjunction.kinds and self.shapes.object(conjunction).why_empty(inhabited) is None:
            found |= {"object"}
        if "array" in conjunction.kinds and self.shapes.array(conjunction).why_empty(inhabited) is None:
            found |= {"array"}
        return found

    def _scalar_kinds(self, conjunction: Conjunction) -> frozenset[str]:
        found = self._scalars.get(conjunction)
        if found is None:
            found = frozenset(
                one
                for one in ("null", "boolean")
                if one in conjunction.kinds and self.shapes.constants(conjunction, one)
            )
            if "number" in conjunction.kinds and self.number_fits(conjunction):
                found |= {"number"}
            if (
                "string" in conjunction.kinds
                and self.shapes.string(conjunction).why_empty(self._algebra, self._obligations.limits) is None
            ):
                found |= {"string"}
            self._scalars[conjunction] = found
        return found

    def number_fits(self, conjunction: Conjunction) -> bool:
        """Whether some number satisfies the conjunction."""
        shape = self.shapes.number(conjunction)
        return shape.why_empty(self._algebra, self._obligations.limits) is None

    def _needed(self, obligation: Obligation) -> tuple[Obligation, ...]:
        found: dict[Obligation, None] = {}
        for conjunction in self._obligations.conjunctions(obligation):
            if conjunction.values is not None or self._scalar_kinds(conjunction):
                continue
            if "object" in conjunction.kinds:
                found.update(dict.fromkeys(self.shapes.object(conjunction).needed()))
            if "array" in conjunction.kinds:
                found.update(dict.fromkeys(self.shapes.array(conjunction).needed()))
        return tuple(found)

    def _solve(self, start: Obligation) -> None:
        users: dict[Obligation, dict[Obligation, None]] = defaultdict(dict)
        involved: dict[Obligation, None] = {}
        inhabited: set[Obligation] = set()
        work: list[Obligation] = []

        def involve(first: Obligation) -> None:
            involved[first] = None
            queue = [first]
            while queue:
                one = queue.pop()
                work.append(one)
                for needed in self._needed(one):
                    users[needed][one] = None
                    if self._obligations.rank(needed) is not None:
                        self._known[needed] = True
                    elif needed not in involved and needed not in self._known:
                        involved[needed] = None
                        queue.append(needed)

        def holds(obligation: Obligation) -> bool:
            if obligation in inhabited or self._known.get(obligation, False):
                return True
            if obligation not in self._known:
                users[obligation][one] = None
                if obligation not in involved:  # of several needs together
                    involve(obligation)
            return False

        involve(start)
        while work:
            one = work.pop()
            if one in inhabited:
                continue
            if any(self._alive(c, holds) for c in self._obligations.conjunctions(one)):
                inhabited.add(one)
                self._ranks[one] = len(self._ranks)
                work.extend(users[one])
        for one in involved:
            self._known[one] = one in inhabited

    # ------------------------------------------------------------------------------------------------------ why

    def why(self, obligation: Obligation) -> tuple[str, str]:
        """Why nothing satisfies an obligation: (reason naming the clauses, pointer of the place).

        Follows required members and items down to a clash; a chain that comes back to itself is an endless demand.
        """
        reasons, pointer = self._follow(obligation, ())
        return ": ".join(reasons), pointer

    def _follow(self, obligation: Obligation, trail: tuple[Obligation, ...]) -> tuple[list[str], str]:
        """The reasons from an obligation down, each because of the next, and where the last one stands."""
        reasons: list[str] = []
        current: Obligation | None = obligation
        pointer = obligation.pointer
        while current is not None:
            if current in trail:
                reasons.append("that demands itself again without end")
                break
            trail = (*trail, current)
            pointer = current.pointer
            reason, current = self._why_one(current, trail)
            reasons.append(reason)
        return reasons, pointer

    def _why_one(
        self, obligation: Obligation, trail: tuple[Obligation, ...]
    ) -> tuple[str, Obligation | None]:
        conjunctions = self._obligations.conjunctions(obligation)
        if not conjunctions:
            return self._why_closed(obligation), None
        reasons: list[tuple[str, Obligation | None]] = []
        for conjunction in conjunctions:
            if conjunction.values is not None:
                why = clash.unlisted(conjunction, self._obligations.evaluator, self._algebra)
                reasons.append((why, None))
            else:
                reasons.extend(self._why_kinds(conjunction))
        if len(reasons) == 1:
            return reasons[0]
        texts: dict[str, None] = {}
        for reason, part in reasons:
            if len(texts) < _TOLD and part is not None and len(trail) < _DEEP:
                reason = ": ".join((reason, *self._follow(part, trail)[0]))
            texts[reason] = None
        told = list(texts)
        if len(told) > _TOLD:
            told = [*told[:_TOLD], f"and {len(told) - _TOLD} more"]
        return "; ".join(told), None

    def _why_kinds(self, conjunction: Conjunction) -> list[tuple[str, Obligation | None]]:
        reasons: list[tuple[str, Obligation | None]] = []
        for kind in KINDS:
            if kind not in conjunction.kinds:
                continue
            found: tuple[str, Obligation | None] | None = None
            reason: str | None = None
            if kind == "number":
                reason = self.shapes.number(conjunction).why_empty(self._algebra, self._obligations.limits)
            elif kind == "string":
                reason = self.shapes.string(conjunction).why_empty(self._algebra, self._obligations.limits)
            elif kind == "object":
                found = self.shapes.object(conjunction).why_empty(self.inhabited)
            elif kind == "array":
                shape = self.shapes.array(conjunction)
                found = shape.why_empty(self.inhabited)
                if found is not None and shape.counting is not None:
                    found = clash.uncounted(shape.counting, self.inhabited) or found
            if reason is not None:
                found = reason, None
            if found is not None:
                reasons.append(found)
        return reasons

    def _why_closed(self, obligation: Obligation) -> str:
        """No conjunction survived: a false schema, or types that exclude each other."""
        cells, open_ = self._obligations.reach(obligation)
        for cell in cells:
            if cell.verdict is False:
                return f"the schema at {cell.pointer or 'the root'} allows nothing"
        for cell in cells:
            denied = denied_names(cell)
            for other in cells if denied else ():
                for name in other.required:
                    if name in denied:
                        return (
                            f"the property {describe(name)} is required (at {other.at('required')}) "
                            f"and denied (at {cell.pointer})"
                        )
        left = ALL_KINDS
        typed = []
        for cell in cells:
            if cell.kinds != ALL_KINDS:
                left &= cell.kinds
                typed.append(clash.kinds_of(cell))
        if not left:
            return f"{' and '.join(typed)} exclude each other"
        places = ", ".join(choice.pointer for choice in open_)
        return f"no branch of {places} agrees with the rest" + (f": {' and '.join(typed)}" if typed else "")
