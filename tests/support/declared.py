"""The order that the reference page promises: a valid value with the members of all its objects as the schema has them.

Properties in the order of the schema, `$ref` and `allOf` in their place, branches that hold after their siblings; then
names that are only required; then the others as they came.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reference.assertions import found
from reference.validator import Validator, in_force

_Schema = dict[str, Any]


def declared(validator: Validator, value: Any) -> Any:
    """The value in the order of the schema."""
    return _written(validator, value, [validator.resources.root])


def _written(validator: Validator, value: Any, schemas: list[Any]) -> Any:
    parts = [part for schema in schemas for part in _in_place(validator, schema, value)]
    if isinstance(value, list):
        return [_written(validator, item, _of_item(parts, index)) for index, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    names = {name: None for part in parts for name in part.get("properties", {})}
    names |= {name: None for part in parts for name in part.get("required", [])} | dict.fromkeys(value)
    return {
        name: _written(validator, value[name], _of_member(parts, name)) for name in names if name in value
    }


def _in_place(validator: Validator, schema: Any, value: Any) -> Iterator[_Schema]:
    """The schemas that judge the same value, in the order in which they name its members."""
    if isinstance(schema, bool):
        return
    words = in_force(schema, validator.resources.home(schema))
    shown = False
    for keyword, argument in words.items():
        if keyword in {"$ref", "$dynamicRef", "$recursiveRef"}:
            yield from _in_place(validator, validator.resources.follow(schema, argument)[0], value)
        elif keyword == "allOf":
            for part in argument:
                yield from _in_place(validator, part, value)
        elif keyword == "properties":
            shown = True
            yield words
    if not shown:
        yield words
    for keyword in ("anyOf", "oneOf"):
        for part in words.get(keyword, []):
            if validator.holds(part, value):
                yield from _in_place(validator, part, value)
    if "if" in words:
        branch = ["if", "then"] if validator.holds(words["if"], value) else ["else"]
        for keyword in branch:
            yield from _in_place(validator, words.get(keyword, True), value)
    if isinstance(value, dict):
        for name, part in {**words.get("dependentSchemas", {}), **words.get("dependencies", {})}.items():
            if name in value and not isinstance(part, list):
                yield from _in_place(validator, part, value)


def _of_member(parts: list[_Schema], name: str) -> list[Any]:
    schemas = []
    for part in parts:
        own = [part["properties"][name]] if name in part.get("properties", {}) else []
        own += [one for pattern, one in part.get("patternProperties", {}).items() if found(pattern, name)]
        schemas += own or [
            part[keyword] for keyword in ("additionalProperties", "unevaluatedProperties") if keyword in part
        ]
    return schemas


def _of_item(parts: list[_Schema], index: int) -> list[Any]:
    schemas = []
    for part in parts:
        items = part.get("items")
        prefix = items if isinstance(items, list) else part.get("prefixItems", [])
        rest = part.get("additionalItems") if isinstance(items, list) else items
        one = prefix[index] if index < len(prefix) else rest
        schemas.append(True if one is None else one)
        schemas += [part[keyword] for keyword in ("contains", "unevaluatedItems") if keyword in part]
    return schemas
