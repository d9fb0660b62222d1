"""The merged assertions of a conjunction, kind by kind, each made once and kept with the conjunction."""

from __future__ import annotations

from collections.abc import Hashable

from ruvllm_grammar import ir
from ruvllm_grammar.jsonschema import arrays, domains, numbers, object_merge, strings
from ruvllm_grammar.jsonschema.arrays import ArrayShape
from ruvllm_grammar.jsonschema.clauses import Refusal
from ruvllm_grammar.jsonschema.numbers import NumberShape
from ruvllm_grammar.jsonschema.objects import ObjectShape
from ruvllm_grammar.jsonschema.obligations import Conjunction, Obligation, Obligations
from ruvllm_grammar.jsonschema.strings import StringShape
from ruvllm_grammar.jsonschema.values import SCALARS, canonical, spellable


class Shapes:
    """Merges conjunctions on demand.

    Every method may raise `UnsupportedKeyword` where a keyword cannot be honoured for that kind.
    """

    def __init__(self, obligations: Obligations) -> None:
        self.obligations = obligations

    def number(self, conjunction: Conjunction) -> NumberShape:
        """What a number must satisfy."""
        found: NumberShape | None = conjunction.shapes.get("number")
        if found is None:
            found = conjunction.shapes["number"] = numbers.merge(conjunction.cells)
        return found

    def string(self, conjunction: Conjunction) -> StringShape:
        """What a string must satisfy."""
        found: StringShape | None = conjunction.shapes.get("string")
        if found is None:
            found = conjunction.shapes["string"] = strings.merge(conjunction.cells)
        return found

    def object(self, conjunction: Conjunction) -> ObjectShape:
        """What an object must satisfy."""
        found: ObjectShape | None = conjunction.shapes.get("object")
        if found is None:
            found = object_merge.merge(conjunction, self.obligations, names_of=self.strings_of)
            conjunction.shapes["object"] = found
        return found

    def array(self, conjunction: Conjunction) -> ArrayShape:
        """What an array must satisfy."""
        found: ArrayShape | None = conjunction.shapes.get("array")
        if found is None:
            found = arrays.merge(conjunction, self.obligations, values_of=self.values_of)
            conjunction.shapes["array"] = found
        return found

    def constants(self, conjunction: Conjunction, kind: str) -> tuple[str, ...]:
        """The spellings of `null`, or of the booleans, that are not excluded."""
        words = ("null",) if kind == "null" else ("true", "false")
        denied = {
            {None: "null", True: "true", False: "false"}[value]
            for cell in conjunction.cells
            for listed in cell.not_values
            for value in listed.values
            if value is None or isinstance(value, bool)
        }
        return tuple(word for word in words if word not in denied)

    def strings_of(self, obligation: Obligation) -> ir.Expr:
        """Strings that satisfy an obligation, as a regular expression: all but those that a test decides.

        Raises:
            UnsupportedKeyword: a test decides them all.
        """
        found = []
        for conjunction in self.obligations.conjunctions(obligation):
            if conjunction.values is not None:
                found += [
                    ir.literal(one) for one in conjunction.values if isinstance(one, str) and spellable(one)
                ]
            elif "string" in conjunction.kinds:
                shape = self.string(conjunction)
                if shape.needs_checks(self.obligations.algebra, self.obligations.limits):
                    self.obligations.refuse(_named_by_check(shape))
                found.append(shape.expression())
        return ir.alt(*found)

    def values_of(self, obligation: Obligation) -> frozenset[Hashable] | None:
        """The values that satisfy an obligation, in canonical form; None where they are many, or not told apart."""
        found: set[Hashable] = set()
        for conjunction in self.obligations.conjunctions(obligation):
            values = self._values(conjunction)
            if values is None:
                return None
            found.update(values)
        return frozenset(found) if len(found) <= domains.FEW else None

    def _values(self, conjunction: Conjunction) -> frozenset[Hashable] | None:
        if conjunction.values is not None:
            return frozenset(canonical(value) for value in conjunction.values)
        if not conjunction.kinds <= SCALARS:
            return None
        found: set[Hashable] = set()
        for kind in conjunction.kinds & {"null", "boolean"}:
            words = self.constants(conjunction, kind)
            found.update(canonical({"null": None, "true": True, "false": False}[word]) for word in words)
        if "number" in conjunction.kinds:
            numbers = domains.numbers(self.number(conjunction))
            if numbers is None:
                return None
            found.update(numbers)
        if "string" in conjunction.kinds:
            strings = domains.strings(
                self.string(conjunction), self.obligations.algebra, self.obligations.limits
            )
            if strings is None:
                return None
            found.update(strings)
        return frozenset(found)


def _named_by_check(shape: StringShape) -> Refusal:
    clause = next(one for one in (*shape.patterns, *shape.not_patterns) if one.test is not None)
    reason = f"{clause} is decided when a string ends, which names of members cannot wait for; use pattern"
    return Refusal("format", clause.pointer, reason, "any")
