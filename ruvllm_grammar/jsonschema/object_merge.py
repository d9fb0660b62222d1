"""The conjunction of what cells say about objects: one obligation per name, one class per sort of name.

Declared names get theirs one by one. All other names are split by the patterns that matter (of `patternProperties`,
and of needs) into regions, each of which matches some patterns and none of the others; disjoint patterns are told by
the algebra, so n of them give n + 1 regions. A region in which nothing is allowed vanishes, one of few names is listed.

A need that a member of a name or region satisfies whatever its value is met by the name (`always`); where the value
decides, the member gets a second obligation, its own joined with the need's (`Proof`), for every set of such needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

from ruvllm_grammar import ir
from ruvllm_grammar.errors import LimitError
from ruvllm_grammar.jsonschema.clauses import Cell, Need, Refusal, Size
from ruvllm_grammar.jsonschema.objects import NameClass, ObjectShape, Proof, Slot
from ruvllm_grammar.jsonschema.obligations import Conjunction, Obligation, Obligations
from ruvllm_grammar.jsonschema.unevaluated import NameScope
from ruvllm_grammar.jsonschema.values import spellable

#: Names of a class up to which they are told apart as slots.
MAX_LISTED = 64
#: Needs of one object, and needs that one name may witness by its value.
MAX_NEEDS = 12
MAX_CHOSEN = 6


def merge(
    conjunction: Conjunction,
    obligations: Obligations,
    *,
    names_of: Callable[[Obligation], ir.Expr],
) -> ObjectShape:
    """The conjunction of what the cells say about objects.

    Args:
        conjunction: its cells.
        obligations: makes the obligations of members.
        names_of: the strings that satisfy an obligation, for `propertyNames`.

    Raises:
        UnsupportedKeyword: more needs than `MAX_NEEDS`, or a name that may witness more than `MAX_CHOSEN`.
        LimitError: the automaton of a class of names.
    """
    return _Merging(conjunction, obligations, names_of).shape()


@dataclass(frozen=True, slots=True)
class _Demand:
    """A need as names are split by it.

    Attributes:
        need: the clause.
        value: the cell that a witness satisfies; None: any value will do.
        inside: expressions that a covered name matches.
        outside: expressions that it does not match.
    """

    need: Need
    value: Cell | None
    inside: frozenset[ir.Expr]
    outside: frozenset[ir.Expr]


class _Merging:
    """Merges the cells of one conjunction. A class for the helpers' sake: cells, demands and the algebra are wanted."""

    def __init__(
        self, conjunction: Conjunction, obligations: Obligations, names_of: Callable[[Obligation], ir.Expr]
    ) -> None:
        self.pointer = conjunction.pointer
        self.obligations = obligations
        self.algebra = obligations.algebra
        self.cells = [cell for cell in conjunction.cells if _speaks(cell)]
        self.scopes = [scope for scope in conjunction.scopes if isinstance(scope, NameScope)]
        self.names_of = names_of
        self.required: dict[str, str] = {}
        self.declared: dict[str, None] = {}
        #: What restricts every name, with the clauses.
        self.restrictions: dict[ir.Expr, str] = {}
        #: Patterns that tell names apart, with the clauses.
        self.patterns: dict[ir.Expr, str] = {}
        self.low: Size | None = None
        self.high: Size | None = None
        for cell in self.cells:
            self._read(cell)
        self.declared.update(dict.fromkeys(self.required))
        self.demands = self._demands()

    def _read(self, cell: Cell) -> None:
        self.declared.update(dict.fromkeys(cell.properties))
        for name in cell.required:
            self.required.setdefault(name, cell.at("required"))
        fewest, most = cell.min_properties, cell.max_properties
        if fewest is not None and (self.low is None or fewest.value > self.low.value):
            self.low = fewest
        if most is not None and (self.high is None or most.value < self.high.value):
            self.high = most
        if cell.names is not None:
            allowed = self.names_of(self.obligations.obligation(self.obligations.child(cell, cell.names)))
            self.restrictions.setdefault(allowed, cell.at("propertyNames"))
        for pattern, _ in cell.pattern_properties:
            self.patterns.setdefault(pattern.expr, pattern.pointer)

    def _demands(self) -> list[_Demand]:
        found = []
        for cell in self.cells:
            for need in cell.needs:
                value = None
                if need.place is not None:
                    value = self.obligations.cells.target(self.obligations.child(cell, need.place))
                inside = [pattern.expr for pattern in need.inside]
                outside = [pattern.expr for pattern in need.outside]
                if need.names is not None:
                    judged = self.obligations.obligation(self.obligations.child(cell, need.names))
                    inside.append(self.names_of(judged))
                apart = [name for name in need.apart if spellable(name)]
                if apart:
                    outside.append(ir.alt(*(ir.literal(name) for name in apart)))
                demand = _Demand(
                    need,
                    None if value is None or value.vacuous else value,
                    frozenset(inside) - {ir.ANY_TEXT},
                    frozenset(outside),
                )
                found.append(demand)
        if len(found) > MAX_NEEDS:
            self._refuse(found, f"more than {MAX_NEEDS} members that have to be there are asked for together")
            del found[MAX_NEEDS:]
        for demand in found:
            split = (
                demand.outside
                if set(demand.need.apart) - self.declared.keys()
                else [pattern.expr for pattern in demand.need.outside]
            )
            for expr in (*demand.inside, *split):
                self.patterns.setdefault(expr, demand.need.pointer)
        return found

    def _refuse(self, demands: Iterable[_Demand], reason: str) -> None:
        need = next(iter(demands)).need
        self.obligations.refuse(
            Refusal(need.keyword, need.pointer, f"{reason}; say what is allowed instead", "object")
        )

    def shape(self) -> ObjectShape:
        """The merged shape."""
        cells = self.cells
        if len(cells) == 1 and not (self.patterns or self.restrictions or self.demands or self.scopes):
            slots = _plain_slots(cells[0], self.declared, self.required, self.obligations)
        else:
            slots = tuple(self._slot(name) for name in self.declared)
        listed, classes = self._classes()
        slots += listed
        low, high = self.low, self.high
        if low is not None and low.value <= len(self.required):
            low = None
        if high is not None and not classes and high.value >= len(slots):
            high = None
        needs = tuple(demand.need for demand in self.demands)
        return ObjectShape(slots, classes, low, high, needs, self.pointer)

    def _slot(self, name: str) -> Slot:
        required = self.required.get(name)
        if not spellable(name) or not all(self.algebra.matches(one, name) for one in self.restrictions):
            return Slot(name, None, required)
        parts = []
        for cell in self.cells:
            node = cell.properties.get(name)
            hit = node is not None
            if node is not None:
                parts.append(self.obligations.child(cell, node))
            for pattern, other in cell.pattern_properties:
                if self.algebra.matches(pattern.expr, name):
                    parts.append(self.obligations.child(cell, other))
                    hit = True
            if not hit and cell.additional is not None:
                parts.append(self.obligations.child(cell, cell.additional))
        parts.extend(scope.rule for scope in self.scopes if not scope.covers(name, self.algebra))
        covering = [
            number
            for number, demand in enumerate(self.demands)
            if all(self.algebra.matches(one, name) for one in demand.inside)
            and not any(self.algebra.matches(one, name) for one in demand.outside)
        ]
        always, proofs = self._proofs(parts, covering)
        return Slot(name, self.obligations.obligation(*parts), required, always=always, proofs=proofs)

    def _proofs(self, parts: list[Cell], covering: list[int]) -> tuple[int, tuple[Proof, ...]]:
        """The needs that a member is a witness of by its name, and by its value."""
        alone = self.obligations.obligation(*parts)
        always = 0
        chosen: list[tuple[int, Cell]] = []
        for number in covering:
            value = self.demands[number].value
            if value is None or self.obligations.obligation(*parts, value) is alone:
                always |= 1 << number
            elif value.verdict is not False:
                chosen.append((1 << number, value))
        if len(chosen) > MAX_CHOSEN:
            self._refuse(
                (self.demands[number] for number in covering),
                f"a member can be one of more than {MAX_CHOSEN} that have to be there",
            )
            del chosen[MAX_CHOSEN:]
        proofs = [
            Proof(
                sum(bit for bit, _ in some), self.obligations.obligation(*parts, *(cell for _, cell in some))
            )
            for size in range(1, len(chosen) + 1)
            for some in combinations(chosen, size)
        ]
        return always, tuple(proofs)

    def _regions(self) -> list[tuple[tuple[ir.Expr, ...], tuple[ir.Expr, ...]]]:
        """Split names by the patterns: (those that match, those that do not)."""
        regions: list[tuple[tuple[ir.Expr, ...], tuple[ir.Expr, ...]]] = [((), ())]
        for expr in self.patterns:
            grown = []
            for inside, outside in regions:
                if not inside or not self.algebra.disjoint(ir.both(*inside), expr):
                    grown.append(((*inside, expr), outside))
                grown.append((inside, (*outside, expr)))
            regions = grown
        return regions

    def _classes(self) -> tuple[tuple[Slot, ...], tuple[NameClass, ...]]:
        """Split the names that are not declared by the patterns they match: few names one by one, and the rest."""
        listed: list[Slot] = []
        found: list[NameClass] = []
        for inside, outside in self._regions():
            parts: list[Cell] = []
            for cell in self.cells:
                nodes = [node for pattern, node in cell.pattern_properties if pattern.expr in inside]
                if not nodes and cell.additional is not None:
                    nodes = [cell.additional]
                parts.extend(self.obligations.child(cell, node) for node in nodes)
            parts.extend(scope.rule for scope in self.scopes if not scope.covers_class(inside))
            if any(part.verdict is False for part in parts):
                continue
            covering = [
                number
                for number, demand in enumerate(self.demands)
                if demand.inside.issubset(inside) and demand.outside.isdisjoint(inside)
            ]
            always, proofs = self._proofs(parts, covering)
            obligation = self.obligations.obligation(*parts)
            names = NameClass(
                (*inside, *self.restrictions), outside, tuple(self.declared), obligation, always, proofs
            )
            few, guard = self._ends(names)
            if few is None:
                found.append(names if guard is None else replace(names, guard=guard))
            else:
                listed.extend(
                    Slot(name, obligation, None, free=True, always=always, proofs=proofs) for name in few
                )
        return tuple(listed), tuple(found)

    def _ends(self, one: NameClass) -> tuple[tuple[str, ...] | None, ir.Guard | None]:
        """The names of a class where they are few, and else what to guard."""
        if one.never_ends:
            return None, None
        names = one.names(self.algebra)
        if names is ir.NEVER:
            return (), None
        place = next((self.patterns[e] for e in one.inside if e in self.patterns), None)
        place = place or next(iter(self.restrictions.values()), self.pointer)
        most = max(MAX_LISTED, *(len(e.parts) for e in one.inside if isinstance(e, ir.Alt)), 0)
        try:
            few = self.algebra.strings(names, most)
            if few is not None or not self.algebra.runs_out(names):
                return few, None
        except LimitError as error:
            msg = f"the names (at {place}): {error}"
            raise LimitError(msg, limit=error.limit, needed=error.needed) from None
        return None, ir.Guard(
            place, "a name may be begun of which every spelling to the end is taken already"
        )


def _plain_slots(
    cell: Cell, declared: Iterable[str], required: Mapping[str, str], obligations: Obligations
) -> tuple[Slot, ...]:
    """The slots of the usual case: one cell without patterns, so a name has one schema."""
    found = []
    for name in declared:
        node = cell.properties.get(name, cell.additional)
        obligation: Obligation | None = None
        if name.isascii() or spellable(name):
            obligation = obligations.obligation(*(() if node is None else (obligations.child(cell, node),)))
        found.append(Slot(name, obligation, required.get(name)))
    return tuple(found)


def _speaks(cell: Cell) -> bool:
    return bool(
        cell.properties
        or cell.required
        or cell.needs
        or cell.pattern_properties
        or cell.additional is not None
        or cell.names is not None
        or cell.min_properties is not None
        or cell.max_properties is not None
    )
