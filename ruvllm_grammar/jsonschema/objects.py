"""Objects: the merged assertions of a conjunction about an object, and whether any object fits them.

Every name has one obligation: the schemas that `properties` and every matching `patternProperties` give it in each
cell of the conjunction, or that cell's `additionalProperties` where neither does. Names are of two sorts:

- *slots*: declared names in the order of the schema, then names that are only required. A slot comes at most once and
  in its place. A slot whose obligation nothing can satisfy is not offered.
- *classes*: all other names, split by which patterns they match, in any order after the slots. Overlapping patterns
  give disjoint classes with merged obligations. A class of a few names is not kept as one: its names become slots
  without a place (`free`), so it is known when they run out.

Beside its own obligation, a member may be the witness of *needs*: a name it has, or a value it takes, that the
conjunction asks some member to have (`clauses.Need`).

No name comes twice: slots by construction, names of a class by a check (`ir.Check`), which is decided when the name
ends. So a name that is taken already may be begun, and it has to be possible to end it otherwise. Where the names of a
class do not leave that way out (`^(a|x.*)$`, once "a" is taken), a guard says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from ruvllm_grammar import ir
from ruvllm_grammar.jsonschema.clauses import Need, Size
from ruvllm_grammar.jsonschema.members import Form, Supply
from ruvllm_grammar.jsonschema.obligations import Obligation
from ruvllm_grammar.jsonschema.values import describe, spellable

#: Sets of needs that one name may witness; more are refused.
MAX_PROOFS = 128


@dataclass(frozen=True, slots=True)
class Proof:
    """Needs of which a member is a witness by its value, and the obligation that makes it one."""

    needs: int
    obligation: Obligation


@dataclass(frozen=True, slots=True)
class Slot:
    """A name that comes at most once.

    Attributes:
        name: the name.
        obligation: of its value; None: the name itself is not allowed.
        required: pointer of the clause that requires it, or None.
        barred: pointer of the clause that does not allow the name, or None.
        free: it has no place among the others, and comes after those that have.
        always: needs that it is a witness of by its name.
        proofs: needs that it may be a witness of by its value, with what that takes.
    """

    name: str
    obligation: Obligation | None
    required: str | None
    barred: str | None = None
    free: bool = False
    always: int = 0
    proofs: tuple[Proof, ...] = ()

    @property
    def forms(self) -> tuple[Proof, ...]:
        """Every way to write the member."""
        return () if self.obligation is None else (Proof(0, self.obligation), *self.proofs)


@dataclass(frozen=True, slots=True)
class NameClass:
    """Names that no slot has, all with one obligation.

    Attributes:
        inside: expressions that every name of the class matches.
        outside: expressions that none of them matches.
        declared: names of the slots, which the class leaves out.
        obligation: of their values.
        always: needs that every one of them is a witness of.
        proofs: needs that each may be a witness of by its value, with what that takes.
        guard: a name of the class may be begun that cannot be ended, because it is taken.
    """

    inside: tuple[ir.Expr, ...]
    outside: tuple[ir.Expr, ...]
    declared: tuple[str, ...]
    obligation: Obligation
    always: int = 0
    proofs: tuple[Proof, ...] = ()
    guard: ir.Guard | None = None

    @property
    def forms(self) -> tuple[Proof, ...]:
        """Every way to write a member."""
        return (Proof(0, self.obligation), *self.proofs)

    def names(self, algebra: ir.Algebra) -> ir.Expr:
        """The names as a regular expression; declared names that do not match anyway are not spelled out."""
        taken = [
            name
            for name in self.declared
            if spellable(name) and all(algebra.matches(one, name) for one in self.inside)
        ]
        names = ir.both(*self.inside, *(ir.complement(one) for one in self.outside))
        return ir.but_not(names, ir.alt(*(ir.literal(name) for name in taken))) if taken else names

    @property
    def never_ends(self) -> bool:
        """Whether it visibly holds that every beginning of a name can go on in any number of ways."""
        if self.outside or len(self.inside) > 1:
            return False
        return all(
            one is ir.ANY_TEXT or (isinstance(one, ir.Seq) and one.parts[-1] is ir.ANY_TEXT)
            for one in self.inside
        )


_Named = TypeVar("_Named", Slot, NameClass)


@dataclass(frozen=True, slots=True)
class ObjectShape:
    """Merged assertions about an object.

    Attributes:
        slots: names that come at most once; free ones last.
        classes: all other names that are allowed.
        low: the greatest minProperties, or None where it says nothing more.
        high: the least maxProperties, or None where it says nothing more.
        needs: members that must be there, by their number in `always` and `proofs`.
        pointer: of the conjunction.
        together: joins two obligations, for members that are witnesses of several needs.
        names: obligations that judge names.
        closed: pointers of the schemas that allow no value to some other names, for messages.
    """

    slots: tuple[Slot, ...] = ()
    classes: tuple[NameClass, ...] = ()
    low: Size | None = None
    high: Size | None = None
    needs: tuple[Need, ...] = ()
    pointer: str = ""
    together: Callable[[Obligation, Obligation], Obligation] | None = None
    names: tuple[Obligation, ...] = ()
    closed: tuple[str, ...] = ()

    @property
    def guards(self) -> tuple[ir.Guard, ...]:
        """Places where a name may be begun that cannot be ended."""
        if self.high is not None and self.high.value < 2:
            return ()  # the only name
        return tuple(dict.fromkeys(one.guard for one in self.classes if one.guard is not None))

    def needed(self) -> tuple[Obligation, ...]:
        """Obligations on which it depends whether an object exists."""
        if self.low is not None or self.needs:
            return self.children()
        return tuple(slot.obligation for slot in self.slots if slot.required is not None and slot.obligation)

    def children(self) -> tuple[Obligation, ...]:
        """All obligations of members; of sets of needs, those of `offered` alone."""
        named: tuple[Slot | NameClass, ...] = (*self.slots, *self.classes)
        return tuple(form.obligation for one in named for form in one.forms)

    def offered(self, inhabited: Callable[[Obligation], bool]) -> ObjectShape:
        """The same object with only the names, and witnesses of sets of needs, that some value can follow."""
        slots = tuple(
            self._offered(slot, inhabited)
            for slot in self.slots
            if slot.obligation is not None and inhabited(slot.obligation)
        )
        classes = tuple(self._offered(one, inhabited) for one in self.classes if inhabited(one.obligation))
        return ObjectShape(slots, classes, self.low, self.high, self.needs, self.pointer, closed=self.closed)

    def _offered(self, one: _Named, inhabited: Callable[[Obligation], bool]) -> _Named:
        """With every set of needs that one member can witness: a set is possible only where its parts are."""
        if not one.proofs:
            return one
        single = [proof for proof in one.proofs if inhabited(proof.obligation)]
        found = [(proof, i) for i, proof in enumerate(single)]
        for proof, last in found:
            for i in range(last + 1, len(single)):
                needs = proof.needs | single[i].needs
                if (
                    len(found) < MAX_PROOFS
                    and self.together is not None
                    and needs not in {proof.needs, single[i].needs}
                ):
                    obligation = self.together(proof.obligation, single[i].obligation)
                    if inhabited(obligation):
                        found.append((Proof(needs, obligation), i))
        return replace(one, proofs=tuple(proof for proof, _ in found))

    @property
    def crowded(self) -> bool:
        """Whether, in what is offered, a name has more sets of needs than are told apart."""
        named: tuple[Slot | NameClass, ...] = (*self.slots, *self.classes)
        return any(len(one.proofs) >= MAX_PROOFS for one in named)

    def supply(self, *, any_order: bool = False) -> Supply:
        """What the object may consist of; forms stand in the order of slots, classes and their `forms`."""
        forms = [
            Form(bit, slot.always, form.needs) for bit, slot in enumerate(self.slots) for form in slot.forms
        ]
        forms += [
            Form(None, one.always, form.needs, number)
            for number, one in enumerate(self.classes)
            for form in one.forms
        ]
        return Supply(
            tuple(forms),
            ordered=0 if any_order else sum(not slot.free for slot in self.slots),
            required=sum(1 << bit for bit, slot in enumerate(self.slots) if slot.required is not None),
            needs=len(self.needs),
            low=0 if self.low is None else self.low.value,
            high=None if self.high is None else self.high.value,
        )

    def why_empty(self, inhabited: Callable[[Obligation], bool]) -> tuple[str, Obligation | None] | None:
        """Why no object fits, and the member that nothing can satisfy if that is why; None when one does."""
        for slot in self.slots:
            if slot.required is not None and (slot.obligation is None or not inhabited(slot.obligation)):
                return (
                    f"the property {describe(slot.name)} is required (at {slot.required}), "
                    + (
                        f"but {slot.barred or 'UTF-8, which cannot spell it,'} does not allow the name"
                        if slot.obligation is None
                        else "but nothing can be its value"
                    ),
                    slot.obligation,
                )
        required = [slot.required for slot in self.slots if slot.required is not None]
        if self.high is not None and len(required) > self.high.value:
            places = ", ".join(dict.fromkeys(required))
            return f"{self.high} is less than the {len(required)} required properties (at {places})", None
        if self.low is not None and self.high is not None and self.low.value > self.high.value:
            return f"{self.low} and {self.high} leave no object", None
        if self.low is None and not self.needs:
            return None
        found = self.offered(inhabited)
        if self.needs:
            clash = found._why_not_met()  # noqa: SLF001 - its own
            if clash is not None:
                return clash, None
        if self.low is not None and not found.classes and len(found.slots) < self.low.value:
            beside = f" beside false (at {', '.join(self.closed)})" if self.closed else ""
            return f"{self.low} is more than the {len(found.slots)} properties there can be{beside}", None
        return None

    def _why_not_met(self) -> str | None:
        """Why the needs cannot be met by what is offered."""
        supply = self.supply()
        can = 0
        for form in supply.forms:
            can |= form.proof
        for bit, need in enumerate(self.needs):
            if not can >> bit & 1:
                return f"{need} asks for a member that nothing can be"
        fewest = supply.fewest(0, 0)
        asked = " and ".join(str(need) for need in self.needs)
        if fewest is None:
            return f"{asked} ask for more members than there can be"
        if self.high is not None and fewest > self.high.value:
            return f"{self.high} is less than the {fewest} properties that {asked} and required ask for"
        return None
