"""The conjunction of what cells say about objects: one obligation per name, one class per sort of name.

Declared names get theirs one by one. All other names are split by the patterns that matter (of `patternProperties`,
and of needs) into regions, each of which matches some patterns and none of the others; disjoint patterns are told by
the algebra, so n of them give n + 1 regions. A region in which nothing is allowed vanishes, one of few names is listed.

A need that a member of a name or region satisfies whatever its value is met by the name (`always`); where the value
decides, the member gets a second obligation, its own joined with the need's (`Proof`). What visibly cannot be is left
out: a member does not violate the schema that it also has to satisfy.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace

from ruvllm_grammar import ir
from ruvllm_grammar.errors import LimitError
from ruvllm_grammar.jsonschema.clauses import Cell, Need, Negated, Place, Refusal, Size
from ruvllm_grammar.jsonschema.document import Node
from ruvllm_grammar.jsonschema.objects import NameClass, ObjectShape, Proof, Slot
from ruvllm_grammar.jsonschema.obligations import Conjunction, Obligation, Obligations
from ruvllm_grammar.jsonschema.plain import MAX_LISTED
from ruvllm_grammar.jsonschema.unevaluated import NameScope
from ruvllm_grammar.jsonschema.values import canonical, spellable

#: Sets of needs that members may have met together; more are refused.
MAX_MET = 4096


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
        UnsupportedKeyword: needs that members may have met in more sets than `MAX_MET`.
        LimitError: the automaton of a class of names.
    """
    return _Merging(conjunction, obligations, names_of).shape()


@dataclass(frozen=True, slots=True)
class _Option:
    """One alternative of a need, as names are split by it.

    Attributes:
        bit: of the need.
        need: the clause.
        value: the cell that a witness satisfies; None: any value will do.
        denied: the schema that `value` denies, if it is one that is denied.
        inside: expressions that a covered name matches.
        outside: expressions that it does not match.
    """

    bit: int
    need: Need
    value: Cell | None
    denied: Cell | None
    inside: frozenset[ir.Expr]
    outside: frozenset[ir.Expr]

    def covers(self, name: str, algebra: ir.Algebra) -> bool:
        """Whether a name is covered."""
        need = self.need
        return (
            need.name in {None, name}
            and name not in need.apart
            and all(algebra.matches(one, name) for one in self.inside)
            and not any(algebra.matches(one, name) for one in self.outside)
        )

    def covers_class(self, inside: Collection[ir.Expr]) -> bool:
        """Whether names are covered that nobody mentions and that match exactly these expressions."""
        return self.need.name is None and self.inside.issubset(inside) and self.outside.isdisjoint(inside)

    @property
    def denies(self) -> Hashable:
        """Equal for options whose values deny equal schemas; else the value's own."""
        denied = self.denied
        if denied is None or not isinstance(denied.place, Node):
            return self.value
        return id(denied.place.resource), denied.environment, canonical(denied.schema)

    def contradicts(self, part: Cell) -> bool:
        """Whether it visibly denies what the part says: the same schema, written here or there."""
        if self.denied is None or not isinstance(part.place, Node) or not isinstance(self.denied.place, Node):
            return False
        one, other = part.place, self.denied.place
        return (
            one.resource is other.resource
            and part.environment == self.denied.environment
            and one.schema == other.schema
            and canonical(one.schema) == canonical(other.schema)
        )


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
        self.closed: dict[str, None] = {}
        #: Patterns that tell names apart, with the clauses.
        self.patterns: dict[ir.Expr, str] = {}
        #: What judges names.
        self.names: dict[Obligation, None] = {}
        self.low: Size | None = None
        self.high: Size | None = None
        for cell in self.cells:
            self._read(cell)
        self.declared.update(dict.fromkeys(self.required))
        self.needs = [(cell, need) for cell in self.cells for need in cell.needs]
        #: Names that only needs mention.
        self.mentioned: dict[str, None] = {}
        self.options = self._options()

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
            self.restrictions.setdefault(self._judged(cell, cell.names), cell.at("propertyNames"))
        for pattern, _ in cell.pattern_properties:
            self.patterns.setdefault(pattern.expr, pattern.pointer)

    def _judged(self, cell: Cell, place: Place) -> ir.Expr:
        """The names that satisfy a place."""
        obligation = self.obligations.obligation(self.obligations.child(cell, place))
        self.names[obligation] = None
        return self.names_of(obligation)

    def _options(self) -> list[_Option]:
        """The alternatives of all needs; the patterns and names they mention are noted."""
        found = []
        child = self.obligations.child
        for bit, (cell, need) in enumerate(self.needs):
            for one in need.alternatives:
                value = denied = None
                if one.place is not None:
                    value = child(cell, one.place)
                    if isinstance(value.place, Negated):
                        denied = child(value, value.place.place)
                    value = self.obligations.cells.target(value)
                inside = {pattern.expr for pattern in one.inside}
                if one.names is not None:
                    inside.add(self._judged(cell, one.names))
                inside.discard(ir.ANY_TEXT)
                outside = {pattern.expr for pattern in one.outside}
                if value is not None and value.vacuous:
                    value = None
                found.append(_Option(1 << bit, one, value, denied, frozenset(inside), frozenset(outside)))
                for expr in (*inside, *outside):
                    self.patterns.setdefault(expr, one.pointer)
                mentioned = (*one.apart, *(() if one.name is None else (one.name,)))
                self.mentioned.update(dict.fromkeys(name for name in mentioned if name not in self.declared))
        return found

    def shape(self) -> ObjectShape:
        """The merged shape."""
        cells = self.cells
        if len(cells) == 1 and not (self.patterns or self.restrictions or self.needs or self.scopes):
            slots = _plain_slots(cells[0], self.declared, self.required, self.obligations)
        else:
            slots = tuple(self._slot(name) for name in self.declared)
        slots += tuple(self._slot(name, free=True) for name in self.mentioned)
        listed, classes = self._classes()
        slots += listed
        low, high = self.low, self.high
        if low is not None and low.value <= len(self.required):
            low = None
        if high is not None and not classes and high.value >= len(slots):
            high = None
        if self.needs:
            self._bounded((*slots, *classes))
        needs = tuple(need for _, need in self.needs)
        return ObjectShape(
            slots,
            classes,
            low,
            high,
            needs,
            self.pointer,
            self.obligations.together,
            tuple(self.names),
            tuple(self.closed),
        )

    def _slot(self, name: str, *, free: bool = False) -> Slot:
        required = self.required.get(name)
        if not spellable(name):
            return Slot(name, None, required, free=free)
        for names, pointer in self.restrictions.items():
            if not self.algebra.matches(names, name):
                return Slot(name, None, required, barred=f"propertyNames (at {pointer})", free=free)
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
        obligation = self.obligations.obligation(*parts)
        if not self.options:
            return Slot(name, obligation, required, free=free)
        always, proofs = self._proofs(parts, [one for one in self.options if one.covers(name, self.algebra)])
        return Slot(name, obligation, required, free=free, always=always, proofs=proofs)

    def _proofs(self, parts: list[Cell], options: list[_Option]) -> tuple[int, tuple[Proof, ...]]:
        """The needs that a member is a witness of by its name, and those it may be one of by its value."""
        alone = self.obligations.obligation(*parts)
        always = 0
        alike: dict[Hashable, int] = {}  # equal schemas are denied together
        values: dict[Hashable, Cell] = {}
        for option in options:
            if option.value is None:
                always |= option.bit
            elif option.value.verdict is not False and not any(map(option.contradicts, parts)):
                key = option.denies
                alike[key] = alike.get(key, 0) | option.bit
                values.setdefault(key, option.value)
        found = []
        for key, needs in alike.items():
            obligation = self.obligations.obligation(*parts, values[key])
            if obligation is alone or self._same_values(alone, obligation):
                always |= needs
            else:
                found.append(Proof(needs, obligation))
        left = (Proof(proof.needs & ~always, proof.obligation) for proof in found)
        return always, tuple(proof for proof in left if proof.needs)

    def _same_values(self, one: Obligation, other: Obligation) -> bool:
        """Whether both list their values, the same ones."""
        values = self._listed(one)
        return values is not None and values == self._listed(other)

    def _listed(self, obligation: Obligation) -> frozenset[Hashable] | None:
        if not any(cell.values for cell in obligation.cells):
            return None
        conjunctions = self.obligations.conjunctions(obligation)
        if any(one.values is None for one in conjunctions):
            return None
        return frozenset(canonical(value) for one in conjunctions for value in one.values or ())

    def _bounded(self, named: Iterable[Slot | NameClass]) -> None:
        """Refuse needs that can be met in too many sets: one table of them is kept per record."""
        helps = {one.always for one in named} | {proof.needs for one in named for proof in one.proofs}
        found = {0}
        queue = [0]
        for have in queue:
            for some in helps:
                if have | some not in found:
                    found.add(have | some)
                    queue.append(have | some)
            if len(found) > MAX_MET:
                need = self.needs[0][1]
                reason = (
                    "beside other negations it asks for members in too many ways; say what is allowed instead"
                )
                self.obligations.refuse(Refusal(need.keyword, need.pointer, reason, "object"))
                return

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
            barred = [part.pointer for part in parts if part.verdict is False]
            if barred:
                self.closed.update(dict.fromkeys(barred))
                continue
            always, proofs = self._proofs(parts, [one for one in self.options if one.covers_class(inside)])
            obligation = self.obligations.obligation(*parts)
            names = NameClass(
                (*inside, *self.restrictions),
                outside,
                (*self.declared, *self.mentioned),
                obligation,
                always,
                proofs,
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
        try:
            few = self.algebra.strings(names, MAX_LISTED)
            if few is not None or not self.algebra.runs_out(names):
                return few, None
        except LimitError as error:
            msg = f"the names (at {place}): {error}"
            raise LimitError(msg, limit=error.limit, needed=error.needed) from None
        return None, ir.Guard(place, "a name may be begun that can only end as one that is taken already")


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
