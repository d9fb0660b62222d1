"""`oneOf` as `anyOf`: which branches a value may match together.

Two branches are disjoint in their place when the obligation they would have to satisfy together is empty, which
`emptiness` decides: kinds that differ, a required property whose listed values differ, patterns without a common
string. Where all branches are disjoint, `oneOf` is an alternation. Where two overlap, each is joined with the negation
of the other (`negation`), and the schema is split anew. To keep large unions linear, a discriminator is looked for
first: a required name whose listed values are pairwise distinct over all branches.

The branches of an `anyOf` below an owner of `unevaluated*` are compared as well: only such as may hold together make
sets (`unevaluated`).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from ruvllm_grammar.jsonschema.clauses import Choice
from ruvllm_grammar.jsonschema.emptiness import Emptiness
from ruvllm_grammar.jsonschema.obligations import Conjunction, Obligation
from ruvllm_grammar.jsonschema.values import canonical

_Keys = dict[str, frozenset[Hashable]]


class Disjointness:
    """Finds the branches that may hold together, where that matters."""

    def __init__(self, emptiness: Emptiness) -> None:
        self._emptiness = emptiness
        self._shapes = emptiness.shapes
        self._obligations = emptiness.shapes.obligations

    def overlaps(self, obligation: Obligation) -> Iterator[tuple[Choice, tuple[int, int]]]:
        """The pairs of branches, of every choice for which it matters, that overlap and are not known to."""
        for choice, asked in self._obligations.compared(obligation).items():
            for pair in self._pairs(obligation, choice, asked):
                yield choice, pair

    def _pairs(
        self, obligation: Obligation, choice: Choice, asked: frozenset[str]
    ) -> Iterator[tuple[int, int]]:
        known = self._obligations.overlaps.get(choice, frozenset())
        count = len(choice.branches)
        alone = [self._living(obligation, choice, i) for i in range(count)]
        kinds = [asked & {kind for c in found for kind in self._emptiness.alive(c)} for found in alone]
        listed = [self._listed(found) for found in alone]
        keys = [self._keys(found, asked) for found in alone]
        if self._discriminated(keys):
            return
        for i in range(count):
            for j in range(i + 1, count):
                if (i, j) in known or not kinds[i] & kinds[j]:
                    continue
                one, other = listed[i], listed[j]
                if one is not None and other is not None and not one & other:
                    continue
                if self._differ(keys[i], keys[j]):
                    continue
                both, _ = self._obligations.split(obligation.cells, {choice: (i, j)})
                if any(asked & self._emptiness.alive(together) for together in both):
                    yield i, j

    def _living(self, obligation: Obligation, choice: Choice, branch: int) -> list[Conjunction]:
        """What a branch leaves of an obligation."""
        found, _ = self._obligations.split(obligation.cells, {choice: (branch,)})
        return [one for one in found if self._emptiness.alive(one)]

    def _listed(self, conjunctions: list[Conjunction]) -> frozenset[Hashable] | None:
        """The values of a branch, where all are listed."""
        if any(one.values is None for one in conjunctions):
            return None
        return frozenset(canonical(value) for one in conjunctions for value in one.values or ())

    def _keys(self, conjunctions: list[Conjunction], asked: frozenset[str]) -> _Keys | None:
        """Required names with listed values, over all conjunctions of a branch; None where it is not all objects."""
        found: _Keys | None = None
        for one in conjunctions:
            if one.values is not None or asked & self._emptiness.alive(one) != {"object"}:
                return None
            here: _Keys = {}
            for slot in self._shapes.object(one).slots:
                if slot.required is not None and slot.obligation is not None:
                    values = self._listed(list(self._obligations.conjunctions(slot.obligation)))
                    if values is not None:
                        here[slot.name] = values
            found = (
                here if found is None else {name: found[name] | here[name] for name in found if name in here}
            )
        return found

    @staticmethod
    def _differ(one: _Keys | None, other: _Keys | None) -> bool:
        if one is None or other is None:
            return False
        return any(name in other and not values & other[name] for name, values in one.items())

    @staticmethod
    def _discriminated(keys: list[_Keys | None]) -> bool:
        """Whether one required name has pairwise distinct values in all branches."""
        first = keys[0]
        if first is None:
            return False
        for name in first:
            total, union = 0, set[Hashable]()
            for one in keys:
                if one is None or name not in one:
                    break
                total += len(one[name])
                union |= one[name]
                if len(union) < total:
                    break
            else:
                return True
        return False
