"""The keywords of JSON Schema that look at one value only. A third of the plain JSON Schema evaluator."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import regex
from reference.ecma import to_python

#: (format, text) -> whether the text is of that format.
Formats = Callable[[str, str], bool]


def canonical(value: Any) -> tuple[str, Any]:
    """Equal for equal JSON values: numbers by value, objects without order, `true` is not 1."""
    if value is None or isinstance(value, bool):
        return "literal", value
    if isinstance(value, str):
        return "string", value
    if isinstance(value, list):
        return "array", tuple(canonical(item) for item in value)
    if isinstance(value, dict):
        return "object", frozenset((name, canonical(member)) for name, member in value.items())
    return "number", Fraction(value)


def is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def is_type(value: Any, name: str, *, year: int) -> bool:
    """Whether a value is of a type; an integer is one by value, in draft 4 by spelling (section 3.5)."""
    if name == "integer":
        return is_number(value) and (
            isinstance(value, int) if year == 4 else Fraction(value).denominator == 1
        )
    if name == "number":
        return is_number(value)
    kinds = {"null": type(None), "boolean": bool, "string": str, "array": list, "object": dict}
    return isinstance(value, kinds[name])


def found(pattern: str, text: str) -> bool:
    """Whether an ECMA-262 pattern is found in the text. `regex` knows the property escapes that `re` does not."""
    return regex.search(to_python(pattern), text, flags=regex.V0) is not None


def holds(words: dict[str, Any], value: Any, *, year: int, formats: Formats | None) -> bool:
    """Whether the assertions among the keywords hold for the value."""
    if "type" in words:
        names = words["type"] if isinstance(words["type"], list) else [words["type"]]
        if not any(is_type(value, name, year=year) for name in names):
            return False
    if "enum" in words and canonical(value) not in map(canonical, words["enum"]):
        return False
    if year >= 6 and "const" in words and canonical(value) != canonical(words["const"]):
        return False
    if is_number(value):
        return _number_holds(words, value, year)
    if isinstance(value, str):
        return _string_holds(words, value, year, formats)
    if isinstance(value, list):
        unique = len({canonical(item) for item in value}) == len(value)
        return _within(words, "Items", len(value)) and (unique or not words.get("uniqueItems"))
    if isinstance(value, dict):
        demands = words.get("dependentRequired", {}) if year >= 2019 else words.get("dependencies", {})
        names = {*words.get("required", [])}
        for present, others in demands.items():
            if present in value and isinstance(others, list):
                names.update(others)
        return _within(words, "Properties", len(value)) and names <= {*value}
    return True


def _within(words: dict[str, Any], what: str, size: int) -> bool:
    least, most = words.get(f"min{what}"), words.get(f"max{what}")
    return (least is None or size >= least) and (most is None or size <= most)


def _number_holds(words: dict[str, Any], value: int | Decimal, year: int) -> bool:
    number = Fraction(value)
    least, most = words.get("minimum"), words.get("maximum")
    above, below = words.get("exclusiveMinimum"), words.get("exclusiveMaximum")
    if year == 4:  # booleans that sharpen the bound beside them
        above, below = least if above is True else None, most if below is True else None
    return (
        (least is None or number >= Fraction(least))
        and (most is None or number <= Fraction(most))
        and (above is None or number > Fraction(above))
        and (below is None or number < Fraction(below))
        and ("multipleOf" not in words or (number / Fraction(words["multipleOf"])).denominator == 1)
    )


def _string_holds(words: dict[str, Any], value: str, year: int, formats: Formats | None) -> bool:
    del year
    return (
        _within(words, "Length", len(value))
        and ("pattern" not in words or found(words["pattern"], value))
        and (formats is None or "format" not in words or formats(words["format"], value))
    )
