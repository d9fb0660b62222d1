"""Negation by cases: a value does not satisfy a cell exactly when it violates one of its clauses.

Each clause has its violation: `minimum 3` is violated by a number below 3, `required ["a"]` by an object without `a`,
`properties {"a": S}` by an object whose `a` is there and does not satisfy S. So the negation of a cell is a choice of
claims, which `obligations` merges like any other choice, and no value is left out or counted wrongly. The negation of a
member is again a place, so it is taken apart when that member is reached, and recursion costs nothing.

```text
not {"type": "object", "required": ["a"], "properties": {"b": {"minimum": 3}}}
= any kind but object | object without "a" | object with "b", where "b" is a number below 3

not {"properties": {"a": A, "b": B}} = object in which "a" is there and not A, or "b" is there and not B
```

Clauses about members (`properties`, `patternProperties`, `additionalProperties`, `propertyNames`) are violated by
*some* member; together they are one case, a `Need`, which says which members count and what one of them has to satisfy.
So several negations beside each other do not multiply by the names they mention. A listed
object or array is denied by cases again: another kind, a member too few or too many, or one that differs.

Lineage: the tableau rules for negation; here the negation normal form is made one level at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

from ruvllm_grammar import ir
from ruvllm_grammar.jsonschema.clauses import (
    Bound,
    Cell,
    Choice,
    Claim,
    Contains,
    Listed,
    Need,
    Negated,
    Pattern,
    Place,
    Refusal,
    Size,
)
from ruvllm_grammar.jsonschema.document import Node
from ruvllm_grammar.jsonschema.values import ALL_KINDS, spellable

_NUMBER = frozenset(("number",))
_STRING = frozenset(("string",))
_OBJECT = frozenset(("object",))
_ARRAY = frozenset(("array",))

#: The negation of a place: (place, keyword, pointer) to place.
Deny = Callable[[Place, str, str], Place]

_Branch = tuple[Place, ...]


def negate(cell: Cell, inner: Cell, place: Negated, deny: Deny) -> None:
    """Make `cell` hold exactly where `inner` does not.

    A clause whose violation cannot be said becomes a branch that is refused where it matters.
    """
    cell.others = (place.place,)
    if inner.verdict is not None or inner.vacuous:
        cell.verdict = inner.verdict is False
        cell.silent = cell.vacuous = cell.verdict
        return
    violations = _Violations(inner, place, deny)
    branches = tuple(violations.branches())
    if len(branches) == 1 and not violations.refused:
        cell.must = tuple((0, one) for one in branches[0])
    elif branches:
        cell.choices = (Choice(place.keyword, place.pointer, branches, 0),)
    else:
        cell.verdict = False
    cell.summarise()


class _Violations:
    """The ways to violate one cell, each a branch of places that hold together."""

    def __init__(self, inner: Cell, place: Negated, deny: Deny) -> None:
        self.inner = inner
        self.place = place
        self.node = _origin(place)
        self._deny = deny
        self.refused = False

    def branches(self) -> Iterator[_Branch]:
        """Every branch."""
        inner = self.inner
        if inner.kinds != ALL_KINDS:
            yield self.claim(inner.at("type"), kinds=ALL_KINDS - inner.kinds)
        for listed in inner.values:
            yield (self.other_than(listed),)
        for listed in inner.not_values:
            yield self.claim(listed.pointer, values=(listed,))
        yield from self._numbers()
        yield from self._strings()
        yield from self._objects()
        yield from self._arrays()
        for _, place in inner.must:
            yield (self.deny(place),)
        for choice in inner.choices:
            yield from self._choice(choice)
        for refusal in inner.refused:
            yield self._refused(refusal)

    # ------------------------------------------------------------------------------------------------- helpers

    def deny(self, place: Place) -> Place:
        return self._deny(place, self.place.keyword, self.place.pointer)

    def claim(self, at: str, **parts: Any) -> _Branch:
        return (Claim(self.node, at, parts),)

    def _refused(self, refusal: Refusal) -> _Branch:
        self.refused = True
        kinds = ALL_KINDS if refusal.applies == "any" else frozenset((refusal.applies,))
        return self.claim(refusal.pointer, kinds=kinds, refused=(refusal,))

    # --------------------------------------------------------------------------------------------------- kinds

    def _numbers(self) -> Iterator[_Branch]:
        inner = self.inner
        if inner.integer:
            whole = Bound(Fraction(1), open=False, keyword="not integer", pointer=inner.at("type"))
            yield self.claim(whole.pointer, kinds=_NUMBER, not_multiples=(whole,))
        for bound in inner.lower:
            yield self.claim(bound.pointer, kinds=_NUMBER, upper=(_opposite(bound),))
        for bound in inner.upper:
            yield self.claim(bound.pointer, kinds=_NUMBER, lower=(_opposite(bound),))
        for bound in inner.multiples:
            denied = replace(bound, keyword=f"not {bound.keyword}")
            yield self.claim(bound.pointer, kinds=_NUMBER, not_multiples=(denied,))
        for bound in inner.not_multiples:
            kept = replace(bound, keyword=bound.keyword.removeprefix("not "))
            yield self.claim(bound.pointer, kinds=_NUMBER, multiples=(kept,))

    def _strings(self) -> Iterator[_Branch]:
        inner = self.inner
        if inner.min_length is not None:
            yield self.claim(inner.min_length.pointer, kinds=_STRING, max_length=_below(inner.min_length))
        if inner.max_length is not None:
            yield self.claim(inner.max_length.pointer, kinds=_STRING, min_length=_above(inner.max_length))
        for pattern in inner.patterns:
            denied = replace(pattern, keyword=f"not {pattern.keyword}")
            yield self.claim(pattern.pointer, kinds=_STRING, not_patterns=(denied,))
        for pattern in inner.not_patterns:
            kept = replace(pattern, keyword=pattern.keyword.removeprefix("not "))
            yield self.claim(pattern.pointer, kinds=_STRING, patterns=(kept,))

    def _objects(self) -> Iterator[_Branch]:
        inner = self.inner
        for name in inner.required:
            absent = Node(False, inner.at("required"), self.node.resource)
            yield self.claim(inner.at("required"), kinds=_OBJECT, properties={name: absent})
        if inner.min_properties is not None:
            fewer = _below(inner.min_properties)
            yield self.claim(fewer.pointer, kinds=_OBJECT, max_properties=fewer)
        if inner.max_properties is not None:
            more = _above(inner.max_properties)
            yield self.claim(more.pointer, kinds=_OBJECT, min_properties=more)
        yield from self._members()
        for need in inner.needs:
            yield tuple(part for one in need.alternatives for part in self._all_fail(one))
        if not _says_nothing(inner.unevaluated_properties) and inner.additional is None:
            # Everything else may be taken to hold: where it does not, another branch says so.
            yield self.claim(
                inner.at("unevaluatedProperties"),
                kinds=_OBJECT,
                annotates=_OBJECT,
                properties=inner.properties,
                pattern_properties=inner.pattern_properties,
                violated_properties=inner.unevaluated_properties,
                must=inner.must,
                choices=inner.choices,
            )

    def _members(self) -> Iterator[_Branch]:
        """Some member fails: one branch, however many clauses it may violate."""
        inner = self.inner
        needs = [
            Need("properties", place.pointer, self.deny(place), name=name)
            for name, place in inner.properties.items()
            if not _says_nothing(place)
        ]
        needs += [
            Need(pattern.keyword, pattern.pointer, self.deny(place), inside=(pattern,))
            for pattern, place in inner.pattern_properties
            if not _says_nothing(place)
        ]
        if inner.additional is not None and not _says_nothing(inner.additional):
            patterns = tuple(pattern for pattern, _ in inner.pattern_properties)
            needs.append(
                Need(
                    "additionalProperties",
                    inner.at("additionalProperties"),
                    self.deny(inner.additional),
                    outside=patterns,
                    apart=tuple(inner.properties),
                )
            )
        if inner.names is not None:
            needs.append(Need("propertyNames", inner.at("propertyNames"), names=self.deny(inner.names)))
        if not needs:
            return
        first, *others = needs
        if first.name is not None and not others:  # no witness to look for
            members = {first.name: first.place}
            yield self.claim(first.pointer, kinds=_OBJECT, required=(first.name,), properties=members)
        else:
            need = replace(first, others=tuple(others))
            yield self.claim(first.pointer, kinds=_OBJECT, needs=(need,))

    def _all_fail(self, need: Need) -> _Branch:
        """No member is the one that a need asks for: those that are covered satisfy the opposite."""
        at = need.pointer
        if need.names is not None:
            return self.claim(at, kinds=_OBJECT, names=self.deny(need.names))
        opposite = Node(False, at, self.node.resource) if need.place is None else self.deny(need.place)
        if need.name is not None:
            return self.claim(at, kinds=_OBJECT, properties={need.name: opposite})
        covered = ir.both(
            *(pattern.expr for pattern in need.inside),
            *(ir.complement(pattern.expr) for pattern in need.outside),
            *(ir.complement(ir.literal(name)) for name in need.apart if spellable(name)),
        )
        pattern = Pattern(f"names covered by {need.keyword}", covered, need.keyword, at)
        return self.claim(at, kinds=_OBJECT, pattern_properties=((pattern, opposite),))

    def other_than(self, listed: Listed) -> Place:
        """Any value but those that are listed."""
        flat = tuple(value for value in listed.values if not isinstance(value, (dict, list)))
        deep = [value for value in listed.values if isinstance(value, (dict, list))]
        parts: dict[str, Any] = {"must": tuple((0, self._differs(value, listed)) for value in deep)}
        if flat:
            parts["not_values"] = (Listed(flat, listed.keyword, listed.pointer) if deep else listed,)
        return Claim(self.node, listed.pointer, parts)

    def _differs(self, value: Any, listed: Listed) -> Place:
        """Any value but this object or array, by cases."""
        at = listed.pointer
        anything = Node(True, at, self.node.resource)

        def other(part: Any) -> Place:
            return self.other_than(Listed((part,), listed.keyword, at))

        if isinstance(value, dict):
            cases: list[dict[str, Any]] = [{"kinds": ALL_KINDS - _OBJECT}]
            cases += [
                {"kinds": _OBJECT, "properties": {name: Node(False, at, self.node.resource)}}
                for name in value
            ]
            different = (Need(listed.keyword, at, other(member), name=name) for name, member in value.items())
            need = Need(listed.keyword, at, apart=tuple(value), others=tuple(different))
            cases.append({"kinds": _OBJECT, "needs": (need,)})
        else:
            count = len(value)
            cases = [{"kinds": ALL_KINDS - _ARRAY}]
            if count:
                cases.append(
                    {"kinds": _ARRAY, "max_items": Size(count - 1, f"not {listed.keyword}, so maxItems", at)}
                )
            cases.append(
                {"kinds": _ARRAY, "min_items": Size(count + 1, f"not {listed.keyword}, so minItems", at)}
            )
            cases += [
                {
                    "kinds": _ARRAY,
                    "min_items": Size(i + 1, f"not {listed.keyword}, so minItems", at),
                    "prefix": (*([anything] * i), other(item)),
                }
                for i, item in enumerate(value)
            ]
        branches = tuple((Claim(self.node, at, case),) for case in cases)
        choice = Choice(self.place.keyword, self.place.pointer, branches, 0)
        return Claim(self.node, at, {"choices": (choice,)})

    def _arrays(self) -> Iterator[_Branch]:
        inner = self.inner
        for i, place in enumerate(inner.prefix):
            anything = Node(True, place.pointer, self.node.resource)
            there = Size(i + 1, "minItems", place.pointer)
            prefix = (*([anything] * i), self.deny(place))
            yield self.claim(place.pointer, kinds=_ARRAY, min_items=there, prefix=prefix)
        if inner.rest is not None and not _says_nothing(inner.rest):
            some = Contains(self.deny(inner.rest), 1, None, inner.rest.pointer, len(inner.prefix))
            yield self.claim(inner.rest.pointer, kinds=_ARRAY, contains=(some,))
        if inner.min_items is not None:
            yield self.claim(inner.min_items.pointer, kinds=_ARRAY, max_items=_below(inner.min_items))
        if inner.max_items is not None:
            yield self.claim(inner.max_items.pointer, kinds=_ARRAY, min_items=_above(inner.max_items))
        for clause in inner.contains:
            if clause.low > 0:
                fewer = replace(clause, low=0, high=clause.low - 1)
                yield self.claim(clause.pointer, kinds=_ARRAY, contains=(fewer,))
            if clause.high is not None:
                more = replace(clause, low=clause.high + 1, high=None)
                yield self.claim(clause.pointer, kinds=_ARRAY, contains=(more,))
        if inner.unique:
            two = Size(2, "not uniqueItems, so minItems", inner.at("uniqueItems"))
            yield self.claim(two.pointer, kinds=_ARRAY, min_items=two, repeated=True)
        if inner.repeated:
            yield self.claim(inner.pointer, kinds=_ARRAY, unique=True)
        if not _says_nothing(inner.unevaluated_items) and inner.rest is None:
            yield self.claim(
                inner.at("unevaluatedItems"),
                kinds=_ARRAY,
                annotates=_ARRAY,
                prefix=inner.prefix,
                marks=inner.marks,
                violated_items=inner.unevaluated_items,
                must=inner.must,
                choices=inner.choices,
            )

    # ------------------------------------------------------------------------------------------------- choices

    def _choice(self, choice: Choice) -> Iterator[_Branch]:
        """No branch holds; or, where at most one may, two do."""
        if not all(choice.branches):
            return  # one of them asks nothing
        must: list[tuple[int, Place]] = []
        choices: list[Choice] = []
        for branch in choice.branches:
            if len(branch) == 1:
                must.append((0, self.deny(branch[0])))
            else:
                cases = tuple((self.deny(place),) for place in branch)
                choices.append(Choice(choice.keyword, choice.pointer, cases, 0))
        yield self.claim(choice.pointer, must=tuple(must), choices=tuple(choices))
        if choice.exclusive:
            for i, one in enumerate(choice.branches):
                for other in choice.branches[i + 1 :]:
                    yield (*one, *other)


def _origin(place: Negated) -> Node:
    return place.place if isinstance(place.place, Node) else place.place.node


def _says_nothing(place: Place | None) -> bool:
    return place is None or (isinstance(place, Node) and (place.schema is True or place.schema == {}))


def _opposite(bound: Bound) -> Bound:
    return Bound(bound.value, not bound.open, f"not {bound.keyword}", bound.pointer)


def _below(size: Size) -> Size:
    return Size(size.value - 1, f"not {size.keyword} {size.value}, so at most", size.pointer)


def _above(size: Size) -> Size:
    return Size(size.value + 1, f"not {size.keyword} {size.value}, so at least", size.pointer)
