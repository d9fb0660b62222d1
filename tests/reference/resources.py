"""Where the schemas of a document are: resources, anchors, references. Half of the plain JSON Schema evaluator.

Every schema object belongs to one `Resource`: the part of a document that one base URI holds for. Schemas are found at
the *schema positions* of the draft only, so an `$id` inside an `enum` or under a property called `$id` means nothing.
A JSON pointer may lead elsewhere, through unknown keywords; what it finds becomes a schema then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import unquote, urljoin

YEARS = {"4": 4, "6": 6, "7": 7, "2019-09": 2019, "2020-12": 2020}
_METASCHEMAS = {
    "http://json-schema.org/draft-04/schema": 4,
    "http://json-schema.org/draft-06/schema": 6,
    "http://json-schema.org/draft-07/schema": 7,
    "https://json-schema.org/draft/2019-09/schema": 2019,
    "https://json-schema.org/draft/2020-12/schema": 2020,
}
_ONE = (
    "additionalItems additionalProperties items contains not if then else propertyNames unevaluatedItems "
    "unevaluatedProperties contentSchema"
).split()
_MANY = "allOf anyOf oneOf prefixItems items".split()
_NAMED = "properties patternProperties definitions $defs dependentSchemas dependencies".split()


class UnresolvableReference(ValueError):
    """A reference leads nowhere."""


@dataclass(frozen=True)
class Dialect:
    """year: 4, 6, 7, 2019 or 2020. vocabularies: their last words (`validation`, ...), or None for all."""

    year: int
    vocabularies: frozenset[str] | None = None


@dataclass(eq=False)
class Resource:
    """A schema with a base URI of its own, and the names that its parts have in it."""

    root: Any
    base: str
    dialect: Dialect
    anchors: dict[str, Any] = field(default_factory=dict)
    dynamic: dict[str, Any] = field(default_factory=dict)


def plain(value: Any) -> Any:
    """A copy in which every object is one of its own and floats are the decimals that `json` writes for them."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, list):
        return [plain(item) for item in value]
    return {name: plain(member) for name, member in value.items()} if isinstance(value, dict) else value


def joined(base: str, reference: str) -> str:
    """RFC 3986 section 5, also for schemes that `urljoin` takes for opaque."""
    return base.partition("#")[0] + reference if reference[:1] in {"", "#"} else urljoin(base, reference)


class Resources:
    """All documents that a schema can reach."""

    def __init__(self, schema: Any, *, draft: str, registry: Mapping[str, Any] | None = None) -> None:
        self._registry = {uri.rstrip("#"): document for uri, document in (registry or {}).items()}
        self._homes: dict[int, Resource] = {}
        self._by_uri: dict[str, Resource] = {}
        self.root = self._document("", schema, Dialect(YEARS[draft])).root

    def home(self, schema: dict[str, Any]) -> Resource:
        """The resource that a schema object belongs to."""
        return self._homes[id(schema)]

    def follow(self, schema: dict[str, Any], reference: str) -> tuple[Any, str | None]:
        """What a reference leads to, and the name of the dynamic anchor that it was found by."""
        home = self.home(schema)
        address, _, fragment = joined(home.base, reference).partition("#")
        fragment = unquote(fragment)
        resource = self._by_uri.get(address)
        if resource is None:
            if address not in self._registry:
                raise UnresolvableReference(reference)
            resource = self._document(address, self._registry[address], home.dialect)
        if fragment == "" or fragment.startswith("/"):
            return self._pointed(resource, fragment), None
        if fragment not in resource.anchors:
            raise UnresolvableReference(reference)
        return resource.anchors[fragment], fragment if fragment in resource.dynamic else None

    def _pointed(self, resource: Resource, pointer: str) -> Any:
        found = resource.root
        for token in pointer.split("/")[1:]:
            try:
                key = token.replace("~1", "/").replace("~0", "~")
                found = found[int(key)] if isinstance(found, list) else found[key]
            except (LookupError, TypeError, ValueError) as error:
                raise UnresolvableReference(pointer) from error
            resource = self._homes.get(id(found), resource)
        if isinstance(found, dict) and id(found) not in self._homes:
            self._index(found, resource)
        return found

    def _document(self, uri: str, schema: Any, default: Dialect) -> Resource:
        """A document found at `uri`; its `$id` may call it something else."""
        root = plain(schema)
        dialect = default if isinstance(root, bool) else self._dialect(root, default)
        resource = self._by_uri[uri] = Resource(root, uri, dialect)
        self._index(root, resource)
        return resource

    def _dialect(self, schema: dict[str, Any], default: Dialect) -> Dialect:
        uri = schema.get("$schema", "").rstrip("#")
        if uri in _METASCHEMAS:
            return Dialect(_METASCHEMAS[uri])
        if uri not in self._registry:
            return default
        metaschema = self._registry[uri]
        words = frozenset(name.rpartition("/")[2] for name in metaschema.get("$vocabulary", {}))
        return Dialect(self._dialect(metaschema, default).year, words or None)

    def _index(self, schema: Any, resource: Resource) -> None:
        """Note the schema and all below it: whose they are, and what they are called."""
        if not isinstance(schema, dict):
            return
        dialect = self._dialect(schema, resource.dialect)
        hidden = dialect.year <= 7 and "$ref" in schema
        name = schema.get("id" if dialect.year == 4 else "$id")
        if isinstance(name, str) and not hidden:
            address, _, anchor = joined(resource.base, name).partition("#")
            if schema is resource.root:
                resource.base = address
            elif address != resource.base:
                resource = Resource(schema, address, dialect)
            self._by_uri[resource.base] = resource
            if anchor and dialect.year <= 7:
                resource.anchors[anchor] = schema
        self._homes[id(schema)] = resource
        if hidden:
            return
        if dialect.year >= 2019 and "$anchor" in schema:
            resource.anchors[schema["$anchor"]] = schema
        if dialect.year >= 2020 and "$dynamicAnchor" in schema:
            resource.anchors[schema["$dynamicAnchor"]] = resource.dynamic[schema["$dynamicAnchor"]] = schema
        for child in _children(schema):
            self._index(child, resource)


def _children(schema: dict[str, Any]) -> Iterator[Any]:
    for keyword, value in schema.items():
        if keyword in _ONE and not isinstance(value, list):
            yield value
        elif keyword in _MANY and isinstance(value, list):
            yield from value
        elif keyword in _NAMED and isinstance(value, dict):
            yield from value.values()
