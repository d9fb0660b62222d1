"""Members of one object by trying: the naive twin of `jsonschema.members`.

A sequence of forms is an object when no slot comes twice, ordered slots ascend and come before all other members, the
required slots are there, every need has a witness and the bounds hold. A form is not tried where another of the same
name, which claims less, would meet as much. All of this depends on which members there are and not on the order they came in, so answers are kept by that.
"""

from __future__ import annotations

from functools import cache

from ruvllm_grammar.jsonschema.members import Supply


class Naive:
    """All objects of a supply, up to `deepest` members."""

    def __init__(self, supply: Supply, deepest: int) -> None:
        self.supply = supply
        self.deepest = deepest
        self._known = cache(self._fewest)

    def _met(self, forms: tuple[int, ...]) -> int:
        found = 0
        for number in forms:
            found |= self.supply.forms[number].always | self.supply.forms[number].chosen
        return found

    def may_follow(self, forms: tuple[int, ...], number: int) -> bool:
        """Whether a form may be written here, whatever becomes of the object."""
        form = self.supply.forms[number]
        slots = [self.supply.forms[one].slot for one in forms]
        if form.slot is not None and form.slot in slots:
            return False
        new = form.chosen & ~self._met(forms)
        for other in self.supply.forms:
            alike = (other.slot, other.name) == (form.slot, form.name) and other.chosen != form.chosen
            if (
                alike
                and other.chosen | form.chosen == form.chosen
                and other.chosen & ~self._met(forms) == new
            ):
                return False
        if form.slot is None or form.slot >= self.supply.ordered:
            return True
        return all(slot is not None and slot < form.slot for slot in slots)

    def whole(self, forms: tuple[int, ...]) -> bool:
        """Whether the object may be closed here."""
        supply = self.supply
        written = sum(1 << slot for slot in {supply.forms[one].slot for one in forms} if slot is not None)
        return (
            not supply.required & ~written
            and self._met(forms) == (1 << supply.needs) - 1
            and len(forms) >= supply.low
            and (supply.high is None or len(forms) <= supply.high)
        )

    def fewest(self, forms: tuple[int, ...]) -> int | None:
        """Members that are still missing, at least; None where the object cannot be finished."""
        return self._known(tuple(sorted(forms)))

    def _fewest(self, forms: tuple[int, ...]) -> int | None:
        if self.whole(forms):
            return 0
        if len(forms) == self.deepest:
            return None
        found = [
            self.fewest((*forms, number))
            for number in range(len(self.supply.forms))
            if self.may_follow(forms, number)
        ]
        return min((1 + one for one in found if one is not None), default=None)
