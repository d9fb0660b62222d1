"""Random instances near a schema: drawn from its own clauses, then damaged a little.

Half of the instances should be valid, or a false refusal is never seen; the other half should be nearly so, or a false
acceptance is not.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from reference.assertions import canonical, found, is_number, is_type
from reference.resources import plain
from reference.validator import Validator, in_force
from support.schemas import NAMES, NUMBERS, TEXTS, TYPES

_KIND = {
    "array": "items prefixItems additionalItems contains minItems maxItems uniqueItems unevaluatedItems".split(),
    "object": "properties patternProperties additionalProperties required minProperties maxProperties propertyNames "
    "dependentRequired dependentSchemas dependencies unevaluatedProperties".split(),
    "number": "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf".split(),
    "string": "minLength maxLength pattern".split(),
}


class Instances:
    """Instances of one schema."""

    def __init__(self, validator: Validator, rng: random.Random) -> None:
        self._validator = validator
        self._rng = rng

    def draw(self) -> Any:
        """An instance, damaged in one case of three."""
        value = plain(self._value([self._validator.resources.root], 3))
        return self._damaged(value) if self._rng.random() < 1 / 3 else value

    def around(self, value: Any) -> Iterator[Any]:
        """Without end: the value damaged once, twice, ..."""
        value = plain(value)
        while True:
            value = self._damaged(value)
            yield value

    def _value(self, schemas: list[Any], depth: int) -> Any:
        rng = self._rng
        parts = [part for schema in schemas for part in self._parts(schema, 4)]
        listed = [
            value
            for part in parts
            for value in [*part.get("enum", []), *([part["const"]] if "const" in part else [])]
        ]
        if listed and rng.random() < 0.9:
            return rng.choice(listed)
        kind = self._kind(parts)
        if kind == "object":
            return self._object(parts, depth)
        if kind == "array":
            return self._array(parts, depth)
        return self._scalar(kind, parts)

    def _parts(self, schema: Any, fuel: int) -> list[dict[str, Any]]:
        """The schema and those that judge the same value, with a choice made where there is one."""
        if isinstance(schema, bool) or fuel == 0:
            return []
        rng = self._rng
        words = in_force(schema, self._validator.resources.home(schema))
        others = list(words.get("allOf", []))
        references = [words[word] for word in ("$ref", "$dynamicRef", "$recursiveRef") if word in words]
        others += [self._validator.resources.follow(schema, reference)[0] for reference in references]
        for keyword in ("anyOf", "oneOf"):
            if keyword in words:
                others += rng.sample(words[keyword], 1 if rng.random() < 0.8 else len(words[keyword]))
        if "if" in words:
            others += [
                words.get(word, True) for word in (("if", "then") if rng.random() < 0.5 else ("else",))
            ]
        for part in {**words.get("dependentSchemas", {}), **words.get("dependencies", {})}.values():
            others += [part] if not isinstance(part, list) and rng.random() < 0.5 else []
        return [words, *(one for other in others for one in self._parts(other, fuel - 1))]

    def _kind(self, parts: list[dict[str, Any]]) -> str:
        allowed = set(TYPES)
        for part in parts:
            if "type" in part:
                names = part["type"] if isinstance(part["type"], list) else [part["type"]]
                both = allowed & {*names, *(["integer"] if "number" in names else [])}
                allowed = both or allowed
        spoken = [
            kind for kind, words in _KIND.items() if any(word in part for part in parts for word in words)
        ]
        likely = [kind for kind in spoken if kind in allowed or (kind == "number" and "integer" in allowed)]
        return self._rng.choice(likely if likely and self._rng.random() < 0.85 else sorted(allowed))

    def _object(self, parts: list[dict[str, Any]], depth: int) -> dict[str, Any]:
        rng = self._rng
        names = [name for part in parts for name in part.get("properties", {}) if rng.random() < 0.6]
        names += [name for part in parts for name in part.get("required", []) if rng.random() < 0.95]
        for part in parts:
            needs = {**part.get("dependentRequired", {}), **part.get("dependencies", {})}
            for name, others in needs.items():
                if rng.random() < 0.4:
                    names += [name, *(others if isinstance(others, list) else [])]
        least = max([part.get("minProperties", 0) for part in parts], default=0)
        while rng.random() < 0.3 or (len(set(names)) < least and rng.random() < 0.9):
            names.append(rng.choice([*NAMES, *TEXTS]))
        if depth == 0:
            return dict.fromkeys(names, 1)
        return {name: self._value(_of_member(parts, name), depth - 1) for name in dict.fromkeys(names)}

    def _array(self, parts: list[dict[str, Any]], depth: int) -> list[Any]:
        rng = self._rng
        least = max([part.get("minItems", 0) for part in parts], default=0)
        most = min([part.get("maxItems", 3) for part in parts], default=3)
        wanted = [part["contains"] for part in parts if "contains" in part]
        size = rng.randint(least, most) if least <= most else least
        items = []
        for index in range(size if depth else 0):
            schemas = _of_item(parts, index)
            if wanted and rng.random() < 0.6:
                schemas.append(rng.choice(wanted))
            item = self._value(schemas, depth - 1)
            if (
                not any(canonical(plain(item)) == canonical(plain(other)) for other in items)
                or rng.random() < 0.4
            ):
                items.append(item)
        return items

    def _scalar(self, kind: str, parts: list[dict[str, Any]]) -> Any:
        rng = self._rng
        if kind == "null":
            return None
        if kind == "boolean":
            return rng.random() < 0.5
        if kind == "string":
            texts = [*TEXTS, "".join(rng.choices("abc", k=rng.randint(0, 4)))]
            good = [
                text
                for text in texts
                if all(found(part["pattern"], text) for part in parts if "pattern" in part)
            ]
            good = [text for text in good if all(_sized(part, len(text)) for part in parts)]
            return rng.choice(good or texts)
        near = [bound for part in parts for word in _KIND["number"] if (bound := part.get(word)) is not None]
        numbers = [*NUMBERS, *(bound + step for bound in near for step in (-1, 0, 1))]
        whole = [number for number in map(plain, numbers) if is_type(number, "integer", year=2020)]
        return rng.choice(whole if kind == "integer" else numbers)

    def _damaged(self, value: Any) -> Any:
        """The value with one place changed."""
        rng = self._rng
        if isinstance(value, dict) and value and rng.random() < 0.8:
            name = rng.choice(list(value))
            return rng.choice(
                [
                    {**value, name: self._damaged(value[name])},
                    {other: member for other, member in value.items() if other != name},
                    {**value, rng.choice([*NAMES, "z"]): self._anything()},
                ]
            )
        if isinstance(value, list) and value and rng.random() < 0.8:
            at = rng.randrange(len(value))
            return rng.choice(
                [
                    [*value[:at], self._damaged(value[at]), *value[at + 1 :]],
                    [*value[:at], *value[at + 1 :]],
                    [*value, value[at]],
                    [*value, self._anything()],
                    value[::-1],
                ]
            )
        if is_number(value) and rng.random() < 0.5:
            return value + rng.choice([-1, 1, Decimal("0.5"), Decimal("0.0")])
        if isinstance(value, str) and rng.random() < 0.5:
            return value + rng.choice("ab") if rng.random() < 0.5 else value[1:]
        return self._anything()

    def _anything(self) -> Any:
        return plain(
            self._rng.choice(
                [None, True, False, *NUMBERS, *TEXTS, [], {}, [1], [1, 1.0], {"a": 1}, {"b": "a"}]
            )
        )


def _sized(part: dict[str, Any], size: int) -> bool:
    return part.get("minLength", 0) <= size <= part.get("maxLength", size)


def _of_member(parts: list[dict[str, Any]], name: str) -> list[Any]:
    schemas = []
    for part in parts:
        own = [part["properties"][name]] if name in part.get("properties", {}) else []
        own += [one for pattern, one in part.get("patternProperties", {}).items() if found(pattern, name)]
        schemas += own or [
            part[word] for word in ("additionalProperties", "unevaluatedProperties") if word in part
        ]
    return schemas


def _of_item(parts: list[dict[str, Any]], index: int) -> list[Any]:
    schemas = []
    for part in parts:
        items = part.get("items")
        prefix = items if isinstance(items, list) else part.get("prefixItems", [])
        rest = part.get("additionalItems") if isinstance(items, list) else items
        one = prefix[index] if index < len(prefix) else rest
        schemas += [True if one is None else one]
    return schemas
