"""A valid instance with its members in the orders that engines ask for.

Engines fix the order of members in different ways, and the sample's instances stand in one of them. An engine that
refuses a valid instance is asked again with the others before that counts against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

_APPLIED = ("allOf", "anyOf", "oneOf")
_BRANCHES = ("if", "then", "else")
_DEEPEST = 12

Names = Callable[[list[Mapping[str, Any]]], list[str]]


def orders(schema: Any, instance: Any) -> Iterator[Any]:
    """The instance in other orders: of the schema, required names first, alphabetical, reversed."""
    yield arranged(schema, instance, _declared)
    yield arranged(schema, instance, _required_first)
    yield arranged(True, instance, lambda _: [])
    yield _reversed(instance)


def arranged(schema: Any, instance: Any, names: Names) -> Any:
    """Members as `names` ranks them; without a rank alphabetically where no schema is known, else as they came."""
    return _arranged(schema, [schema], instance, names, sort=schema is True)


def _arranged(root: Any, schemas: list[Any], value: Any, names: Names, *, sort: bool) -> Any:
    parts = [part for schema in schemas for part in _in_place(root, schema, _DEEPEST)]
    if isinstance(value, list):
        items = [part["items"] for part in parts if isinstance(part.get("items"), dict)]
        return [_arranged(root, items, item, names, sort=sort) for item in value]
    if not isinstance(value, dict):
        return value
    rest = sorted(value) if sort else list(value)
    ranked = dict.fromkeys(name for name in (*names(parts), *rest) if name in value)
    return {name: _arranged(root, _of(parts, name), value[name], names, sort=sort) for name in ranked}


def _in_place(root: Any, schema: Any, depth: int) -> Iterator[Mapping[str, Any]]:
    """The schema and all that apply to the same value, whether or not they hold."""
    if not isinstance(schema, dict) or depth == 0:
        return
    if isinstance(schema.get("$ref"), str):
        yield from _in_place(root, _target(root, schema["$ref"]), depth - 1)
    yield schema
    for keyword in _APPLIED:
        for part in schema.get(keyword) or ():
            yield from _in_place(root, part, depth - 1)
    for keyword in _BRANCHES:
        yield from _in_place(root, schema.get(keyword), depth - 1)


def _target(root: Any, reference: str) -> Any:
    """What a reference into the same document points to; None for any other."""
    if not reference.startswith("#"):
        return None
    found = root
    for step in reference[1:].split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and key.isdigit() and int(key) < len(found):
            found = found[int(key)]
        elif isinstance(found, dict) and key in found:
            found = found[key]
        else:
            return None
    return found


def _of(parts: list[Mapping[str, Any]], name: str) -> list[Any]:
    found = []
    for part in parts:
        properties = part.get("properties")
        if isinstance(properties, dict) and name in properties:
            found.append(properties[name])
        elif isinstance(part.get("additionalProperties"), dict):
            found.append(part["additionalProperties"])
    return found


def _properties(parts: list[Mapping[str, Any]]) -> list[str]:
    return [name for part in parts for name in part.get("properties") or ()]


def _required(parts: list[Mapping[str, Any]]) -> list[str]:
    lists = (part.get("required") for part in parts)
    return [name for names in lists if isinstance(names, list) for name in names]


def _declared(parts: list[Mapping[str, Any]]) -> list[str]:
    return _properties(parts) + _required(parts)


def _required_first(parts: list[Mapping[str, Any]]) -> list[str]:
    required = set(_required(parts))
    return [name for name in _properties(parts) if name in required] + _required(parts) + _properties(parts)


def _reversed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _reversed(value[name]) for name in reversed(value)}
    return [_reversed(item) for item in value] if isinstance(value, list) else value
