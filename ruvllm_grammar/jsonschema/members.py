"""Members in a frame: which may come next, when members are counted, demanded by existence, or in any order.

Rules can write members in the order of the schema (`objects`), but not "in any order", not "at least five of them",
and not "some member is no number": each of these would multiply the rules by everything that can have happened. Here
one body writes all members, and a *record* of four parts says what has happened:

- `written`: a bit for every slot that cannot come any more. In schema order a slot takes all earlier ones with it;
- `members`: how many there are, as far as that matters;
- `met`: a bit for every need (`clauses.Need`) of which a witness has been written;
- `stage`: before the first member, between members, inside one, closed.

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

Distances: a completion of k members is as long as k times the longest of the forms that can be due at all, comma and
name included (`debt`): an upper bound that shrinks by each of them that is written.

Cost: a step is a few operations on integers; without needs it does not depend on the number of slots. With them, one
table per record of at most 2^needs entries.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

#: Symbols of every frame; those of forms come after them.
EMPTY: Final = 0
CLOSE: Final = 1
FIRST_DUE: Final = 2
NEXT_DUE: Final = 3
FIRST_FREE: Final = 4
NEXT_FREE: Final = 5
FORMS: Final = 6

_START, _BETWEEN, _IN_DUE, _IN_FREE, _CLOSED = range(5)


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
        always: needs that every member of this name witnesses.
        chosen: needs that this form is a witness of by its value: none of them may be met already.
    """

    slot: int | None
    always: int = 0
    chosen: int = 0

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

    Forms are grouped into *entries*: forms of one name or class, of which either all may be due or none. A form may be
    due when some shortest completion can contain it. Entry e is tested by symbol `FORMS + e`, before its name is
    written; form f is taken by symbol `FORMS + len(entries) + f`, behind it.

    Args:
        supply: the object.
        entries: per entry the places of its forms in `supply.forms`.
        due: how many of the entries, the first ones, hold forms that may be due.
        owed: name of the rule that bounds one due member, comma included.
    """

    def __init__(self, supply: Supply, entries: tuple[tuple[int, ...], ...], *, due: int, owed: str) -> None:
        self.supply = supply
        self.entries = entries
        self.owed = (owed,) if due else ()
        self._due = due
        self._take = FORMS + len(entries)
        self._due_forms = frozenset(form for entry in entries[:due] for form in entry)
        self._counts = supply.low > 0 or supply.high is not None
        self._cap = max(supply.low, supply.high or 0)
        self._open: dict[tuple[int, int, int], frozenset[int]] = {}
        said = f"{supply}{entries}{due}"
        self.key = f"{owed} {hashlib.sha256(said.encode()).hexdigest()[:16]}"
        self.start = Record(_START, 0, 0, 0)

    def test(self, entry: int) -> int:
        """The symbol that stands before an entry's name."""
        return FORMS + entry

    def take(self, form: int) -> int:
        """The symbol that stands behind a form's name."""
        return self._take + form

    def step(self, record: Record, symbol: int) -> Record | None:
        """The record after a step; None where the object could not be finished."""
        stage, written, count, met = record
        if symbol >= FORMS:
            if stage not in {_IN_DUE, _IN_FREE}:
                return None
            if symbol < self._take:
                entry = symbol - FORMS
                here = (stage == _IN_DUE) == (entry < self._due)
                may = here and not self._possible(written, count, met).isdisjoint(self.entries[entry])
                return record if may else None
            form = symbol - self._take
            if (stage == _IN_DUE) != (form in self._due_forms):
                return None
            if form not in self._possible(written, count, met):
                return None
            return self._taken(record, form)
        first = stage == _START
        if symbol in {EMPTY, CLOSE}:
            supply = self.supply
            done = not supply.required & ~written and met == supply.all_met and count >= supply.low
            stands = stage == (_START if symbol == EMPTY else _BETWEEN)
            return Record(_CLOSED, 0, 0, 0) if stands and done else None
        if first != (symbol in {FIRST_DUE, FIRST_FREE}) or stage > _BETWEEN:
            return None
        possible = self._possible(written, count, met)
        if symbol in {FIRST_DUE, NEXT_DUE}:
            return record._replace(stage=_IN_DUE) if possible & self._due_forms else None
        return record._replace(stage=_IN_FREE) if possible - self._due_forms else None

    def debt(self, record: Record) -> tuple[str, ...]:
        """The rule of a due member, once for each that is still to come; not for the one being written."""
        if record.stage == _CLOSED:
            return ()
        left = self.supply.fewest(record.written, record.met) or 0
        left = max(left, self.supply.low - record.members)
        return self.owed * max(0, left - (record.stage == _IN_DUE))

    def _taken(self, record: Record, form: int) -> Record:
        chosen = self.supply.forms[form]
        written = self.supply.after(chosen, record.written)
        if written is None:
            msg = "a form was taken that may not come"
            raise ValueError(msg)
        count = min(record.members + 1, self._cap) if self._counts else 0
        return Record(_BETWEEN, written, count, record.met | chosen.proof)

    def _possible(self, written: int, count: int, met: int) -> frozenset[int]:
        """The forms that may come next."""
        key = (written, count, met)
        found = self._open.get(key)
        if found is None:
            found = self._open[key] = frozenset(self._living(written, count, met))
        return found

    def _living(self, written: int, count: int, met: int) -> Iterator[int]:
        supply = self.supply
        if supply.high is not None and count >= supply.high:
            return
        easy = not self._counts and not supply.needs  # then nothing but required slots can stand in the way
        for number, form in enumerate(supply.forms):
            if form.chosen & met:
                continue
            after = supply.after(form, written)
            if after is not None and (easy or supply.alive(after, count + 1, met | form.proof)):
                yield number
