"""JSON Schema, evaluated plainly: drafts 4, 6, 7, 2019-09 and 2020-12, recursively, on parsed values.

Written from the specifications (Core sections 7 to 11 with annotations, Validation section 6) and sharing nothing with
the compiler: no normal form, no negation by cases, no streaming. One function judges one value by one schema and
says what it *evaluated*: the names of an object or the indices of an array that some keyword applied a schema to.
A schema that fails evaluates nothing, `not` passes nothing on, and `unevaluated*` look at what is left over.

```text
{"anyOf": [{"properties": {"a": true}}, {"required": ["b"]}], "unevaluatedProperties": false}   {"a": 1, "b": 2}
    first branch holds, evaluates {a};  second holds, evaluates {};  b is left over: invalid
```

`resources.py` finds the schemas, `assertions.py` judges what needs no recursion. Formats are annotations unless a
judge of them is given; patterns are ECMA-262 as far as `ecma.py` and the package `regex` go.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from reference.assertions import Formats, found, holds
from reference.resources import Resource, Resources, plain

#: What a value was judged by on the way to a schema, so that a schema that asks for itself is noticed.
_Path = frozenset[tuple[int, tuple[int, ...]]]
_Evaluated = set[str | int]
_Here = Callable[[Any], "_Evaluated | None"]
_Below = Callable[[Any, Any], bool]

_VALIDATION = frozenset(
    "type enum const multipleOf maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern maxItems "
    "minItems uniqueItems maxContains minContains maxProperties minProperties required dependentRequired".split()
)


class InPlaceLoop(ValueError):
    """A schema asks for itself without content between (2020-12 Core, section 9.4.1)."""


def loads(text: str) -> Any:
    """JSON text with its numbers as written: `int`, or `Decimal` where there is a point or an exponent."""
    return json.loads(text, parse_float=Decimal)


class Validator:
    """One schema."""

    def __init__(
        self,
        schema: Any,
        *,
        draft: str = "2020-12",
        registry: Mapping[str, Any] | None = None,
        formats: Formats | None = None,
    ) -> None:
        """Read a schema; `draft` holds where it names none, `registry` maps URIs to documents."""
        self.resources = Resources(schema, draft=draft, registry=registry)
        self._formats = formats

    def valid(self, value: Any) -> bool:
        """Whether a parsed value is valid. Raises UnresolvableReference or InPlaceLoop when it gets to one."""
        return self.holds(self.resources.root, plain(value))

    def holds(self, schema: Any, value: Any) -> bool:
        """Whether one of the schemas of `resources` holds for a value that `plain` has made."""
        return self._judge(schema, value, (), frozenset()) is not None

    def _judge(self, schema: Any, value: Any, scope: tuple[Resource, ...], above: _Path) -> _Evaluated | None:
        """What was evaluated, or None. `scope` is the dynamic scope: each resource once, outermost first."""
        if isinstance(schema, bool):
            return set() if schema else None
        home = self.resources.home(schema)
        if home not in scope:
            scope = (*scope, home)
        place = (id(schema), tuple(map(id, scope)))
        if place in above:
            raise InPlaceLoop
        path = above | {place}
        year = home.dialect.year
        words = in_force(schema, home)

        def here(part: Any) -> _Evaluated | None:
            return self._judge(part, value, scope, path)

        def below(part: Any, child: Any) -> bool:
            return self._judge(part, child, scope, frozenset()) is not None

        targets = self._targets(schema, words, scope, year)
        evaluated = _in_place(words, value, here, targets, year)
        if evaluated is None or not holds(words, value, year=year, formats=self._formats):
            return None
        if isinstance(value, dict) and not _members(words, value, below, evaluated, year):
            return None
        if isinstance(value, list) and not _items(words, value, below, evaluated, year):
            return None
        return evaluated

    def _targets(
        self, schema: dict[str, Any], words: dict[str, Any], scope: tuple[Resource, ...], year: int
    ) -> list[Any]:
        """The schemas that the references beside each other lead to."""
        targets = []
        if "$ref" in words:
            targets.append(self.resources.follow(schema, words["$ref"])[0])
        if year == 2020 and "$dynamicRef" in words:
            target, anchor = self.resources.follow(schema, words["$dynamicRef"])
            outer = [one.dynamic[anchor] for one in scope if anchor in one.dynamic]
            targets.append(outer[0] if outer else target)
        if year == 2019 and "$recursiveRef" in words:
            target = self.resources.follow(schema, words["$recursiveRef"])[0]
            outer = [one.root for one in scope if _recursive(one.root)]
            targets.append(outer[0] if outer and _recursive(target) else target)
        return targets


def _recursive(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("$recursiveAnchor") is True


def in_force(schema: dict[str, Any], home: Resource) -> dict[str, Any]:
    """The keywords that mean something: up to draft 7 `$ref` hides the others, later a vocabulary may be missing."""
    if home.dialect.year <= 7 and "$ref" in schema:
        return {"$ref": schema["$ref"]}
    vocabularies = home.dialect.vocabularies
    if vocabularies is not None and "validation" not in vocabularies:
        return {word: value for word, value in schema.items() if word not in _VALIDATION}
    return schema


def _in_place(
    words: dict[str, Any], value: Any, here: _Here, targets: list[Any], year: int
) -> _Evaluated | None:
    """The schemas that judge the same value."""
    demanded = [*targets, *words.get("allOf", [])]
    if isinstance(value, dict):
        dependent = words.get("dependentSchemas", {}) if year >= 2019 else words.get("dependencies", {})
        demanded += [part for name, part in dependent.items() if name in value and not isinstance(part, list)]
    evaluated: _Evaluated = set()
    if year >= 7 and "if" in words:
        condition = here(words["if"])
        evaluated |= condition or set()
        branch = "else" if condition is None else "then"
        demanded += [words[branch]] if branch in words else []
    if "not" in words and here(words["not"]) is not None:
        return None
    for keyword in ("anyOf", "oneOf"):
        if keyword in words:
            passed = [result for result in map(here, words[keyword]) if result is not None]
            if not passed or (keyword == "oneOf" and len(passed) > 1):
                return None
            evaluated.update(*passed)
    for part in demanded:
        result = here(part)
        if result is None:
            return None
        evaluated |= result
    return evaluated


def _members(
    words: dict[str, Any], value: dict[str, Any], below: _Below, evaluated: _Evaluated, year: int
) -> bool:
    """Names and members of an object; adds what it evaluates."""
    if (
        year >= 6
        and "propertyNames" in words
        and not all(below(words["propertyNames"], name) for name in value)
    ):
        return False
    for name, member in value.items():
        parts = [words["properties"][name]] if name in words.get("properties", {}) else []
        parts += [
            part for pattern, part in words.get("patternProperties", {}).items() if found(pattern, name)
        ]
        if not parts and "additionalProperties" in words:
            parts = [words["additionalProperties"]]
        if parts:
            evaluated.add(name)
        if not all(below(part, member) for part in parts):
            return False
    if year >= 2019 and "unevaluatedProperties" in words:
        left = value.keys() - evaluated
        evaluated |= left
        return all(below(words["unevaluatedProperties"], value[name]) for name in left)
    return True


def _items(words: dict[str, Any], value: list[Any], below: _Below, evaluated: _Evaluated, year: int) -> bool:
    """The items of an array; adds what it evaluates."""
    prefix, rest = words.get("prefixItems", []), words.get("items")
    if year < 2020:
        prefix, rest = (rest, words.get("additionalItems")) if isinstance(rest, list) else ([], rest)
    for index, item in enumerate(value):
        part = prefix[index] if index < len(prefix) else rest
        if part is not None:
            evaluated.add(index)
            if not below(part, item):
                return False
    if year >= 6 and "contains" in words:
        matches = {index for index, item in enumerate(value) if below(words["contains"], item)}
        least, most = (words.get("minContains", 1), words.get("maxContains")) if year >= 2019 else (1, None)
        if len(matches) < least or (most is not None and len(matches) > most):
            return False
        if year >= 2020:
            evaluated |= matches
    if year >= 2019 and "unevaluatedItems" in words:
        left = set(range(len(value))) - evaluated
        evaluated |= left
        return all(below(words["unevaluatedItems"], value[index]) for index in left)
    return True
