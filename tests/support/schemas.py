"""Random JSON Schemas over all keywords: small vocabularies, nested formulas, recursion.

Names, texts and numbers come from short lists so that clauses meet: two subschemas speak of the same member, bounds
cross, an `enum` holds what a `pattern` refuses. References in the same place lead to definitions only, and those refer
further only below a member or an item, so no schema asks for itself without content between.
"""

from __future__ import annotations

import functools
from typing import Any

from hypothesis import strategies as st

NAMES = ("a", "b", "ab", "c")
TEXTS = ("", "a", "b", "ab", "ba", "abc", "é", "\U0001f600")
#: Patterns of names and texts; every one is found in some of them and not in others.
PATTERNS = ("^a", "b$", "c|b", "^.$", "a", "^(ab|c)*$", "^[^a]+$", "^(?!a)", r"^\w+$")
NUMBERS = (-3, -1, -0.5, 0, 0.5, 1, 1.0, 1.5, 2, 2.25, 3, 5, 10)
TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
DRAFTS = {
    "7": "http://json-schema.org/draft-07/schema#",
    "2019-09": "https://json-schema.org/draft/2019-09/schema",
    "2020-12": "https://json-schema.org/draft/2020-12/schema",
}

_names = st.sampled_from(NAMES)
_numbers = st.sampled_from(NUMBERS)
_scalars = st.none() | st.booleans() | _numbers | st.sampled_from(TEXTS)
values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=3),
    max_leaves=4,
)


def _some(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Some of these keywords, one at least."""
    words = st.lists(st.sampled_from(sorted(parts)), min_size=1, max_size=4, unique=True)
    return words.flatmap(lambda chosen: st.fixed_dictionaries({word: parts[word] for word in chosen}))


def _choice(*alternatives: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """One of them, each as likely as the others: `one_of` would count the alternatives of an alternative."""
    return st.sampled_from(alternatives).flatmap(lambda chosen: chosen)


def _merged(clauses: list[dict[str, Any]]) -> dict[str, Any]:
    return {word: value for clause in clauses for word, value in clause.items()}


_leaves = st.one_of(
    st.just({}),
    st.builds(lambda one: {"type": one}, st.sampled_from(TYPES)),
    st.builds(
        lambda many: {"type": many}, st.lists(st.sampled_from(TYPES), min_size=2, max_size=3, unique=True)
    ),
    st.builds(lambda value: {"const": value}, values),
    st.builds(lambda listed: {"enum": listed}, st.lists(values, min_size=1, max_size=3)),
    _some(
        minimum=_numbers,
        maximum=_numbers,
        exclusiveMinimum=_numbers,
        exclusiveMaximum=_numbers,
        multipleOf=st.sampled_from([1, 2, 0.5, 1.5, 0.75]),
    ),
    _some(minLength=st.integers(0, 2), maxLength=st.integers(0, 3), pattern=st.sampled_from(PATTERNS)),
)


@functools.cache
def schemas(draft: str) -> st.SearchStrategy[dict[str, Any]]:
    """A schema of a draft, with the definitions `d` and `e`."""

    def with_definitions(root: dict[str, Any], d: Any, e: Any) -> dict[str, Any]:
        word = "definitions" if draft == "7" else "$defs"
        return {"$schema": DRAFTS[draft]} | root | {word: {"d": d, "e": e}}

    definition = _schemas(draft, 1, here=False)
    return st.builds(with_definitions, _objects(draft, 3, here=True), definition, definition)


@functools.cache
def _schemas(draft: str, depth: int, *, here: bool) -> st.SearchStrategy[Any]:
    """A schema or boolean. here: it may refer to the definitions in place."""
    if depth == 0:
        return _choice(_leaves, _leaves, _leaves, st.booleans())
    many = _objects(draft, depth, here=here)
    return _choice(many, many, many, _leaves, _leaves, st.booleans())


@functools.cache
def _objects(draft: str, depth: int, *, here: bool) -> st.SearchStrategy[dict[str, Any]]:
    """Several clauses beside each other."""
    year = int(draft[:4])
    same = _schemas(draft, depth - 1, here=here)
    other = _schemas(draft, depth - 1, here=True)
    child = _choice(other, other, other, other, _references(draft))
    few_names = st.lists(_names, min_size=1, max_size=2, unique=True)
    members = st.dictionaries(_names, child, min_size=1, max_size=3)
    fixed = [True, {"maxLength": 1}, {"pattern": "a"}, {"enum": ["a", "b"]}, {"not": {"const": "b"}}]
    naming = _choice(st.sampled_from(fixed), _schemas(draft, min(1, depth - 1), here=False))
    clauses = [
        _leaves,
        _some(
            properties=members,
            patternProperties=st.dictionaries(st.sampled_from(PATTERNS), child, min_size=1, max_size=2),
            additionalProperties=child,
            required=few_names,
        ),
        _some(
            propertyNames=naming,
            minProperties=st.integers(0, 2),
            maxProperties=st.integers(0, 3),
            required=few_names,
        ),
        _arrays(year, child),
        _some(
            allOf=st.lists(same, min_size=1, max_size=2),
            anyOf=st.lists(same, min_size=1, max_size=3),
            oneOf=st.lists(same, min_size=1, max_size=3),
        ),
        st.builds(lambda denied: {"not": denied}, same),
        st.fixed_dictionaries({"if": same}, optional={"then": same, "else": same}),
    ]
    dependent = st.dictionaries(_names, same, min_size=1, max_size=2)
    if year == 7:
        clauses.append(_some(dependencies=st.dictionaries(_names, few_names | same, min_size=1, max_size=2)))
    else:
        demanded = st.dictionaries(_names, few_names, min_size=1, max_size=2)
        clauses.append(_some(dependentRequired=demanded, dependentSchemas=dependent))
        clauses.append(_some(unevaluatedProperties=st.just(False) | child, properties=members))
        clauses.append(_some(unevaluatedItems=st.just(False) | child))
    if here:
        word = "definitions" if year == 7 else "$defs"
        target = st.builds(lambda name: {"$ref": f"#/{word}/{name}"}, st.sampled_from("de"))
        clauses.append(target.map(lambda one: {"allOf": [one]}) if year == 7 else target)
    return st.lists(_choice(*clauses), min_size=1, max_size=3).map(_merged)


def _arrays(year: int, child: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    some = st.lists(child, min_size=1, max_size=2)
    words: dict[str, st.SearchStrategy[Any]] = {
        "minItems": st.integers(0, 2),
        "maxItems": st.integers(0, 3),
        "uniqueItems": st.booleans(),
        "contains": child,
    }
    if year >= 2019:
        words |= {"minContains": st.integers(0, 2), "maxContains": st.integers(0, 2), "contains": child}
    if year >= 2020:
        words |= {"items": child, "prefixItems": some}
    else:
        words |= {"items": child | some, "additionalItems": child}
    return _some(**words)


def _references(draft: str) -> st.SearchStrategy[dict[str, Any]]:
    """References for members and items: to a definition, or back to the root."""
    word = "definitions" if draft == "7" else "$defs"
    back = {"7": {"$ref": "#"}, "2019-09": {"$recursiveRef": "#"}, "2020-12": {"$dynamicRef": "#"}}[draft]
    return st.sampled_from([{"$ref": "#"}, back, {"$ref": f"#/{word}/d"}, {"$ref": f"#/{word}/e"}])
