"""A valid instance with its members in the orders that engines ask for.

Engines fix the order of members in different ways, and the sample's instances stand in one of them. An engine that
refuses a valid instance is asked again with the others before that counts against it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_BRANCHES = ("anyOf", "oneOf", "if", "then", "else")
_DEEPEST = 12

Names = Callable[[list[Mapping[str, Any]]], list[str]]


def orders(schema: Any, instance: Any) -> Iterator[Any]:
    """The instance in other orders.

    As the schema's keywords follow each other; own properties before those of `allOf` and `$ref`; required names first;
    alphabetical; reversed.
    """
    yield _arranged(schema, [schema], instance, _declared, written=True)
    yield _arranged(schema, [schema], instance, _declared, written=False)
    yield _arranged(schema, [schema], instance, _required_first, written=False)
    yield _sorted(instance)
    yield _reversed(instance)


def _arranged(root: Any, schemas: list[Any], value: Any, names: Names, *, written: bool) -> Any:
    """Members as `names` ranks them, all others behind as they came.

    Args:
        root: what references start from.
        schemas: those of the value.
        value: the value.
        names: of the schemas that apply to an object, the names of its members.
        written: whether schemas are taken as their keywords are written, else own properties first.
    """
    parts = [part for schema in schemas for part in _in_place(root, schema, _DEEPEST, written=written)]
    if isinstance(value, list):
        items = [part["items"] for part in parts if isinstance(part.get("items"), dict)]
        return [_arranged(root, items, item, names, written=written) for item in value]
    if not isinstance(value, dict):
        return value
    ranked = dict.fromkeys(name for name in (*names(parts), *value) if name in value)
    return {name: _arranged(root, _of(parts, name), value[name], names, written=written) for name in ranked}


def _in_place(root: Any, schema: Any, depth: int, *, written: bool) -> Iterator[Mapping[str, Any]]:
    """The schema and all that apply to the same value, whether or not they hold."""
    if not isinstance(schema, dict) or depth == 0:
        return
    inner: list[Any] = []
    shown = not written
    if shown:
        yield schema
    for keyword, argument in schema.items():
        if keyword == "$ref" and isinstance(argument, str):
            yield from _in_place(root, _target(root, argument), depth - 1, written=written)
        elif keyword == "allOf" and isinstance(argument, list):
            for part in argument:
                yield from _in_place(root, part, depth - 1, written=written)
        elif keyword == "properties" and not shown:
            shown = True
            yield schema
        elif keyword in _BRANCHES:
            inner += argument if isinstance(argument, list) else [argument]
    if not shown:
        yield schema
    for part in inner:
        yield from _in_place(root, part, depth - 1, written=written)


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
    """The schemas of a member."""
    found = []
    for part in parts:
        own = []
        properties, patterns = part.get("properties"), part.get("patternProperties")
        if isinstance(properties, dict) and name in properties:
            own.append(properties[name])
        if isinstance(patterns, dict):
            own += [schema for pattern, schema in patterns.items() if _matches(pattern, name)]
        found += own or [part.get("additionalProperties")]
    return found


def _matches(pattern: str, name: str) -> bool:
    """Whether a pattern is in a name; a pattern that Python reads differently only costs a chance."""
    try:
        return re.search(pattern, name) is not None
    except re.error:
        return False


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


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def _reversed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _reversed(value[name]) for name in reversed(value)}
    return [_reversed(item) for item in value] if isinstance(value, list) else value
