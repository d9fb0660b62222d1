"""Members in a frame: which may come next, when members are counted, demanded by existence, or in any order.

Rules can write members in the order of the schema (`objects`), but not "in any order", not "at least five of them",
and not "some member is no number": each of these would multiply the rules by everything that can have happened. Here
one body writes all members, and a *record* of four parts says what has happened:

- `written`: a bit for every slot that cannot come any more. In schema order a slot takes all earlier ones with it;
- `members`: how many there are, as far as that matters;
- `met`: a bit for every need (`clauses.Need`) of which a witness has been written;
- `stage`: before the first member, between members, where one must come, closed.

That a member is a witness is a choice: it satisfies its own obligation together with the need's, or it does not count.
So a slot or class of names comes in several *forms*, one per set of needs it may witness, and runs that chose
differently stand side by side in the stack until one dies.

```text
{"required": ["a"], "maxProperties": 2} and some member is a string; any order
forms:    a, a as a string; x (any other name), x as a string
record    {a} 0 {}   after "a": 1.  Now x as a string may come, but x may not: it would be the second member,
          {a} 1 {}   and the string could not come any more.
```

A record is *alive* when the object can be completed. The fewest members that complete it follow from a shortest path
over sets of needs, in which every slot is used once and classes any number of times; the most are the slots that are
left, or any number where names do not end. Every number between the two can be reached, so a record is alive exactly
when the bounds leave one. No step leads to a record that is not, so no name is offered in vain.

Distances: a record owes the forms of one shortest completion (`debt`), found step by step, so that what remains of it
after its first form is what the next record owes.

Cost: a step is a few operations on integers; without needs it does not depend on the number of slots. With them, one
table per record of at most 2^needs entries.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from ruvllm_grammar.errors import GrammarError

#: Symbols of every frame; those of forms come after them. A form is taken in front of its name.
EMPTY: Final = 0
CLOSE: Final = 1
FIRST: Final = 2
NEXT: Final = 3
FORMS: Final = 4

_START, _BETWEEN, _INSIDE, _CLOSED = range(4)


class Record(NamedTuple):
    """What has happened in one object; see the essay."""

    stage: int
    written: int
    members: int
    met: int


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write a member.

    Attributes:
        slot: its bit in `written`; None: one of a class of names, which do not end.
        name: number of the class, among forms without a slot.
        always: needs that every member of this name witnesses.
        chosen: needs that this form is a witness of by its value. A name has a form that chooses none.
    """

    slot: int | None
    always: int = 0
    chosen: int = 0
    name: int = 0

    @property
    def proof(self) -> int:
        """All needs that it witnesses."""
        return self.always | self.chosen


@dataclass(frozen=True)
class Supply:
    """What one object may consist of, and when that is complete.

    Attributes:
        forms: those that some value can follow.
        ordered: how many slots, the first ones, come in this order, before everything else.
        required: bits of the slots that must come.
        needs: how many needs there are.
        low: fewest members.
        high: most members, or None.
    """

    forms: tuple[Form, ...]
    ordered: int
    required: int
    needs: int
    low: int
    high: int | None

    @property
    def all_met(self) -> int:
        """Every need."""
        return (1 << self.needs) - 1

    @cached_property
    def possible(self) -> int | None:
        """The bits of the slots that have a form; None where a class of names does not end."""
        found = 0
        for form in self.forms:
            if form.slot is None:
                return None
            found |= 1 << form.slot
        return found

    @cached_property
    def _alike(self) -> tuple[tuple[frozenset[int], int, bool], ...]:
        """Slots that witness alike: (sets of needs each of them can witness, their bits, whether they are required)."""
        proofs: dict[int, set[int]] = {}
        for form in self.forms:
            if form.slot is not None:
                proofs.setdefault(form.slot, set()).add(form.proof)
        groups: dict[tuple[frozenset[int], bool], int] = {}
        for slot, found in proofs.items():
            key = frozenset(found), bool(self.required >> slot & 1)
            groups[key] = groups.get(key, 0) | 1 << slot
        return tuple((found, bits, must) for (found, must), bits in groups.items())

    def fewest(self, written: int, met: int) -> int | None:
        """How many more members there must be, bounds apart; None when that many cannot be.

        A slot that is required and has no form counts as possible: who asks has refused it before.
        """
        due = self.required & ~written
        if met == self.all_met:
            return due.bit_count()
        counted = 0
        costs = {met: 0}
        for proofs, bits, must in self._alike:
            left = (bits & ~written).bit_count()
            helps_of = {proof & ~met for proof in proofs}
            if helps_of == {0}:
                continue
            counted += left if must else 0
            for _ in range(left if must else min(left, self.needs)):
                before = costs
                costs = {} if must else dict(before)
                for have, cost in before.items():
                    for helps in helps_of:
                        _lower(costs, have | helps, cost + 1)
        endless = {form.proof & ~met for form in self.forms if form.slot is None} - {0}
        for have in sorted(_unions(costs, endless), key=int.bit_count):  # each was reached from smaller ones
            for helps in endless:
                if have | helps != have:
                    _lower(costs, have | helps, costs[have] + 1)
        found = costs.get(self.all_met)
        return None if found is None else found + due.bit_count() - counted

    def alive(self, written: int, count: int, met: int) -> bool:
        """Whether an object that has come this far can be completed."""
        fewest = self.fewest(written, met)
        if fewest is None or (self.high is not None and count + fewest > self.high):
            return False
        if count >= self.low or self.possible is None:
            return True
        return count + (self.possible & ~written).bit_count() >= self.low

    def after(self, form: Form, written: int) -> int | None:
        """`written` behind a form; None where it may not come."""
        ordered = (1 << self.ordered) - 1
        if form.slot is None:
            gone = ordered
        else:
            bit = 1 << form.slot
            if written & bit:
                return None
            gone = ((bit << 1) - 1) if form.slot < self.ordered else bit | ordered
        passed = gone & ~written & self.required
        if passed and (form.slot is None or passed != 1 << form.slot):
            return None
        return written | gone


def _below(one: Form, other: Form) -> bool:
    """Whether it writes the same name and witnesses less of it."""
    return (
        one.slot == other.slot
        and one.name == other.name
        and one.chosen != other.chosen
        and one.chosen & other.chosen == one.chosen
    )


def _lower(costs: dict[int, int], key: int, cost: int) -> None:
    known = costs.get(key)
    if known is None or cost < known:
        costs[key] = cost


def _unions(start: dict[int, int], more: set[int]) -> set[int]:
    """Every set that is one of `start` joined with some of `more`."""
    found = set(start)
    queue = list(found)
    for have in queue:
        for one in more:
            if have | one not in found:
                found.add(have | one)
                queue.append(have | one)
    return found


class MemberFrame:
    """The records of one object: an `ir.Frame`.

    Args:
        supply: the object.
        name: of its rule. Form f with its name and value is the rule `{name}.f{f}`, the comma `{name}.comma`.
        ranks: per form; a completion prefers low ones, so that it comes to an end where values recur.
    """

    def __init__(self, supply: Supply, name: str, ranks: tuple[int, ...] = ()) -> None:
        self.supply = supply
        self._ranks = ranks or (0,) * len(supply.forms)
        self._forms = tuple(f"{name}.f{number}" for number in range(len(supply.forms)))
        self._comma = f"{name}.comma"
        self._smaller = tuple(
            tuple({one.chosen for one in supply.forms if _below(one, form)}) for form in supply.forms
        )
        self._counts = supply.low > 0 or supply.high is not None
        self._cap = max(supply.low, supply.high or 0)
        self._open: dict[tuple[int, int, int], tuple[int, ...]] = {}
        self._plans: dict[tuple[int, int, int], tuple[int, ...]] = {}
        self.owed = (*self._forms, self._comma)
        self.key = f"{name} {hashlib.sha256(str(supply).encode()).hexdigest()[:16]}"
        self.start = Record(_START, 0, 0, 0)

    def step(self, record: Record, symbol: int) -> Record | None:
        """The record after a step; None where the object could not be finished."""
        stage, written, count, met = record
        if symbol >= FORMS:
            form = symbol - FORMS
            if stage != _INSIDE or form not in self._possible(written, count, met):
                return None
            return Record(_BETWEEN, *self._after(form, written, count, met))
        if symbol in {EMPTY, CLOSE}:
            supply = self.supply
            done = not supply.required & ~written and met == supply.all_met and count >= supply.low
            stands = stage == (_START if symbol == EMPTY else _BETWEEN)
            return Record(_CLOSED, 0, 0, 0) if stands and done else None
        stands = stage == (_START if symbol == FIRST else _BETWEEN)
        return record._replace(stage=_INSIDE) if stands and self._possible(written, count, met) else None

    def debt(self, record: Record) -> tuple[str, ...]:
        """The rules of a shortest completion: members, and the commas between them."""
        stage, *what = record
        if stage == _CLOSED:
            return ()
        key = (what[0], what[1], what[2])
        plan = self._plan(*key)
        if stage == _INSIDE and not plan:
            plan = self._preferred(*key)[:1]
        commas = len(plan) - (stage != _BETWEEN) if plan else 0
        return (*(self._forms[form] for form in plan), *([self._comma] * commas))

    def _plan(self, written: int, count: int, met: int) -> tuple[int, ...]:
        """The forms of a shortest completion: each is the first that makes it shorter, so the rest is a plan again."""
        todo = []
        key = (written, count, met)
        while key not in self._plans:
            missing = self._missing(*key)
            if not missing:
                self._plans[key] = ()
                break
            for form in self._preferred(*key):
                after = self._after(form, *key)
                if self._missing(*after) < missing:
                    todo.append((key, form))
                    key = after
                    break
            else:
                msg = "an object can be finished, but no member leads there; this is a defect of the reader"
                raise GrammarError(msg)
        plan = self._plans[key]
        for key, form in reversed(todo):
            plan = self._plans[key] = (form, *plan)
        return plan

    def _missing(self, written: int, count: int, met: int) -> int:
        """How many more members there must be."""
        return max(self.supply.fewest(written, met) or 0, self.supply.low - count)

    def _after(self, form: int, written: int, count: int, met: int) -> tuple[int, int, int]:
        chosen = self.supply.forms[form]
        following = self.supply.after(chosen, written)
        if following is None:
            msg = "a form was taken that may not come; this is a defect of the reader"
            raise GrammarError(msg)
        return following, min(count + 1, self._cap) if self._counts else 0, met | chosen.proof

    def _possible(self, written: int, count: int, met: int) -> tuple[int, ...]:
        """The forms that may come next."""
        key = (written, count, met)
        found = self._open.get(key)
        if found is None:
            found = self._open[key] = tuple(self._living(written, count, met))
        return found

    def _preferred(self, written: int, count: int, met: int) -> tuple[int, ...]:
        """The forms that may come next, in the order in which a completion takes them."""
        return tuple(sorted(self._possible(written, count, met), key=self._ranks.__getitem__))

    def _living(self, written: int, count: int, met: int) -> Iterator[int]:
        supply = self.supply
        if supply.high is not None and count >= supply.high:
            return
        easy = not self._counts and not supply.needs  # then nothing but required slots can stand in the way
        for number, form in enumerate(supply.forms):
            new = form.chosen & ~met
            if new != form.chosen and any(chosen & ~met == new for chosen in self._smaller[number]):
                continue  # a form that asks less of the value says as much
            after = supply.after(form, written)
            if after is not None and (easy or supply.alive(after, count + 1, met | form.proof)):
                yield number
