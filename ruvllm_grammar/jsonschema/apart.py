"""What facts say about values at large: branches of `oneOf` that exclude each other, items that can always differ.

Both questions have an exact answer elsewhere (`disjoint`, `liveness`), which takes the conjunctions of everything
below. Here they are answered from the JSON alone, with yes only where it is plain to see:

- *Branches* exclude each other by kind, by listed values, or as objects: a required name with different listed values
  in all of them (a tag, found in one pass over the branches), or, two by two, a required name that the other does not
  allow (found by sets of branches) or gives other values.
- *Items* can always differ, and none can be begun in vain, where there is no end of values whatever has been written:
  strings without a pattern, numbers without bounds, objects that take any other name or end in such a value.
"""

from __future__ import annotations

from collections.abc import Container, Hashable
from typing import Any, Final

from ruvllm_grammar.jsonschema.facts import FactReader, Facts
from ruvllm_grammar.jsonschema.values import canonical, kind

#: References followed in a row to see what a schema is.
_FOLLOWED: Final = 16
#: Pairs of objects of which the values of members are compared.
_COMPARED: Final = 4096
#: Values in values that are looked at.
_DEEP: Final = 6

_OBJECT: Final = frozenset(("object",))


class Apart:
    """Answers for one document.

    Args:
        reader: of its facts.
        any_order: the members of objects come in any order.
    """

    def __init__(self, reader: FactReader, *, any_order: bool) -> None:
        self._reader = reader
        self._any_order = any_order
        self._known: dict[int, Facts] = {}

    def followed(self, schema: Any) -> Facts | None:
        """What a schema says itself, references followed; None for booleans, and where that is not all plain."""
        for _ in range(_FOLLOWED):
            if not isinstance(schema, dict):
                return None
            facts = self._known.get(id(schema))
            if facts is None:
                facts = self._known[id(schema)] = self._reader.inner(schema)
            if not facts.plain:
                return None
            if facts.reference is None:
                return facts
            if facts.asserting > 1 or len(facts.kinds) < _ALL:
                return None
            schema = facts.reference
        return None

    # -------------------------------------------------------------------------------------------------- branches

    def exclusive(self, branches: list[Any]) -> bool:
        """Whether no value visibly satisfies two branches."""
        taken: set[str] = set()
        values: set[Hashable] = set()
        listed_kinds: set[str] = set()
        objects: list[Facts] = []
        for branch in branches:
            if branch is False:
                continue
            facts = self.followed(branch)
            if facts is None:
                return False
            if facts.values is not None:
                keys = {canonical(value) for value in facts.values}
                if not values.isdisjoint(keys):
                    return False
                values |= keys
                listed_kinds.update(map(kind, facts.values))
            elif facts.kinds == _OBJECT:
                objects.append(facts)
            else:
                if not taken.isdisjoint(facts.kinds):
                    return False
                taken |= facts.kinds
        if objects:
            if "object" in taken or not self._objects_differ(objects):
                return False
            taken.add("object")
        return taken.isdisjoint(listed_kinds)

    def _objects_differ(self, objects: list[Facts]) -> bool:
        """Whether no object visibly satisfies two of these, of which sets are numbers with a bit for each."""
        if len(objects) < 2 or self._tagged(objects):
            return True
        declaring: dict[str, int] = {}
        closed = 0
        for i, facts in enumerate(objects):
            for name in facts.properties:
                declaring[name] = declaring.get(name, 0) | 1 << i
            closed |= (facts.additional is False and not facts.patterns) << i
        lacking = []  # of each: who does not allow a name that it requires
        for facts in objects:
            found = 0
            for name in facts.required:
                found |= closed & ~declaring.get(name, 0)
            lacking.append(found)
        compared = 0
        for i, one in enumerate(objects):
            left = ((1 << i) - 1) & ~lacking[i]
            while left:
                j = left.bit_length() - 1
                left ^= 1 << j
                if lacking[j] >> i & 1:
                    continue
                compared += 1
                if compared > _COMPARED or not (
                    self._pair_differs(one, objects[j]) or self._pair_differs(objects[j], one)
                ):
                    return False
        return True

    def _tagged(self, objects: list[Facts]) -> bool:
        """Whether one required name has different listed values in all of these objects."""
        for name in objects[0].required:
            seen: set[Hashable] = set()
            for facts in objects:
                values = self._tag(facts, name)
                if values is None or not seen.isdisjoint(values):
                    break
                seen |= values
            else:
                return True
        return False

    def _tag(self, facts: Facts, name: str) -> set[Hashable] | None:
        if name not in facts.required:
            return None
        inner = self.followed(facts.properties.get(name))
        return None if inner is None or inner.values is None else {canonical(value) for value in inner.values}

    def _pair_differs(self, one: Facts, other: Facts) -> bool:
        """Whether a name that one object must have takes other values in the other."""
        return any(
            name in other.properties and self._values_differ(one.properties.get(name), other.properties[name])
            for name in one.required
        )

    def _values_differ(self, one: Any, other: Any) -> bool:
        if one is False or other is False:
            return True
        a, b = self.followed(one), self.followed(other)
        if a is None or b is None:
            return False
        if a.values is not None and b.values is not None:
            return not {canonical(value) for value in a.values} & {canonical(value) for value in b.values}
        if a.values is not None:
            return b.kinds.isdisjoint(map(kind, a.values))
        if b.values is not None:
            return a.kinds.isdisjoint(map(kind, b.values))
        return a.kinds.isdisjoint(b.kinds)

    # ----------------------------------------------------------------------------------------------------- items

    def always_differ(self, facts: Facts, inhabited: Container[int]) -> bool:
        """Whether the items of an array can visibly always differ from each other, and none is begun in vain.

        Args:
            facts: of the array.
            inhabited: identities of schemas that some value satisfies.
        """
        items = self.followed(facts.items)
        if facts.prefix or items is None or not self._endless(items, inhabited, _DEEP):
            return False
        return items.kinds == {"number"} or self._goes_on(items, inhabited, _DEEP)

    def _alone(self, facts: Facts) -> bool:
        return facts.values is None and facts.branches is None and not facts.parts and len(facts.kinds) == 1

    def _endless(self, facts: Facts, inhabited: Container[int], deep: int) -> bool:
        """Whether there are visibly infinitely many values."""
        if not deep or not self._alone(facts):
            return False
        if facts.kinds == {"number"}:
            return not facts.asserting
        if facts.kinds != _OBJECT or _grows(facts, inhabited):
            return self._goes_on(facts, inhabited, deep)
        if facts.max_members is not None or facts.patterns:
            return False
        for schema in facts.properties.values():
            inner = self.followed(schema) if _there(schema, inhabited) else None
            if inner is not None and self._endless(inner, inhabited, deep - 1):
                return True
        return False

    def _goes_on(self, facts: Facts, inhabited: Container[int], deep: int) -> bool:
        """Whether every beginning visibly has infinitely many ends; of numbers that is not said."""
        if not deep or not self._alone(facts):
            return False
        if facts.kinds == {"string"}:
            return facts.pattern is None and facts.format is None and facts.high is None
        if facts.kinds == {"array"}:
            return (
                facts.max_items is None
                and not (facts.unique or facts.prefix)
                and _there(facts.items, inhabited)
            )
        if facts.kinds != _OBJECT:
            return False
        if _grows(facts, inhabited):
            return True
        if facts.max_members is not None or facts.patterns or facts.additional is not False:
            return False
        if not facts.properties or not all(name in facts.properties for name in facts.required):
            return False
        ends = list(facts.properties.values())
        for schema in ends if self._any_order else ends[-1:]:
            inner = self.followed(schema) if _there(schema, inhabited) else None
            if inner is None or not self._endless(inner, inhabited, deep - 1):
                return False
            if not self._goes_on(inner, inhabited, deep - 1):
                return False
        return True


_ALL: Final = 6  # kinds of value


def _there(schema: Any, inhabited: Container[int]) -> bool:
    return schema is True or id(schema) in inhabited


def _grows(facts: Facts, inhabited: Container[int]) -> bool:
    """Whether an object may always have one more member, of any other name."""
    return facts.max_members is None and not facts.patterns and _there(facts.additional, inhabited)
