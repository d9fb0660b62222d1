"""Schema documents: JSON text, resources and their base URIs, anchors, references.

A *node* is one schema at one place. Nodes are made on demand and once per place, so two references to the same place
give the same object, and recursion costs nothing. Every reference is followed before anything is generated (the
survey in `cells` walks all reachable nodes), and nothing here ever opens a file or a socket: other documents come
from the registry the caller handed in.

Worked example: in `{"$id": "http://a/b", "$defs": {"x": {"$id": "c", "$defs": {"y": {...}}}}}` the inner `$id` starts
a new resource `http://a/c`, so `"$ref": "c#/$defs/y"` written anywhere in the document means the innermost schema, and
a `"$ref": "#/$defs/y"` inside `x` means it too.

Lineage: RFC 3986 (references), RFC 6901 (pointers), JSON Schema 2020-12 Core sections 8 and 9.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any
from urllib.parse import unquote, urldefrag
from urllib.parse import urljoin as _join

from ruvllm_grammar.errors import LimitError, SchemaError
from ruvllm_grammar.jsonschema import drafts
from ruvllm_grammar.jsonschema.drafts import Draft
from ruvllm_grammar.jsonschema.values import describe
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.source import caret, pointer_join

#: Keywords whose value is one schema, a list of schemas, a map of schemas: where `$id` and anchors are looked for.
_ONE = frozenset(
    (
        "additionalProperties", "additionalItems", "contains", "items", "not", "if", "then", "else", "propertyNames",
        "unevaluatedItems", "unevaluatedProperties", "contentSchema",
    )
)  # fmt: skip
_MANY = frozenset(("allOf", "anyOf", "oneOf", "prefixItems", "items"))
_MAP = frozenset(
    ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies")
)

#: A string, or white space between tokens: what minification must keep and may drop.
_SPACE = re.compile(r'("(?:[^"\\]|\\.)*")|[ \t\r\n]+')


#: A schema as a caller hands it over: Python values, or JSON text.
Schema = Mapping[str, Any] | bool | str


@dataclass(slots=True, eq=False)
class Resource:
    """One schema resource: what a URI without fragment names.

    Attributes:
        uri: absolute URI, or "" for a root document without `$id`.
        schema: its root schema.
        pointer: where it stands, for messages.
        draft: the dialect at its root.
        anchors: plain-name fragments: name to (schema, pointer, is dynamic).
        recursive: `$recursiveAnchor: true` at its root (2019-09).
    """

    uri: str
    schema: Any
    pointer: str
    draft: Draft
    anchors: dict[str, tuple[Any, str, bool]] = field(default_factory=dict)
    recursive: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One schema at one place; compared by identity.

    Attributes:
        schema: the JSON value.
        pointer: JSON pointer from the document's root; with the URI in front in other documents.
        resource: the resource it belongs to, which gives base URI and dialect.
    """

    schema: Any
    pointer: str
    resource: Resource

    @property
    def draft(self) -> Draft:
        """The dialect it is written in."""
        return self.resource.draft


def parse(schema: Schema, limits: Limits) -> tuple[Any, str]:
    """Read a schema given as text or as Python values: (JSON value with exact decimals, minified text).

    Raises:
        SchemaError: not JSON (with line and column), a name written twice in one object, not an object or boolean.
        LimitError: `Limits.text` or `Limits.depth`.
    """
    if isinstance(schema, str):
        text = schema
        names = _unique_names
    else:
        text = written(schema, limits)
        names = None
    if len(text) > limits.text:
        msg = f"the schema has {len(text)} characters, more than Limits.text = {limits.text}; raise the limit"
        raise LimitError(msg, limit="text", needed=len(text))
    try:
        value = json.loads(text, parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=names)
    except json.JSONDecodeError as error:
        remedy = "correct the JSON text"
        raise SchemaError(
            "the schema is not JSON: " + caret("schema", text, error.pos, error.msg, remedy=remedy)
        ) from error
    except RecursionError:
        raise _too_deep(limits) from None
    except ValueError as error:  # an integer beyond Python's own limit on digits
        raise SchemaError(f"the schema holds a number that is too long: {error}") from error
    if not isinstance(value, (dict, bool)):
        raise SchemaError(
            f'a schema is an object or a boolean, not {describe(value)}; wrap a constant as {{"const": ...}}'
        )
    return value, _SPACE.sub(lambda m: m[1] or "", text) if names is not None else text


def written(schema: Any, limits: Limits) -> str:
    """The JSON text that `parse` takes Python values for.

    Raises:
        SchemaError: not a JSON value.
        LimitError: `Limits.depth`.
    """
    try:
        return json.dumps(schema, allow_nan=False, separators=(",", ":"), default=_plain)
    except RecursionError:
        raise _too_deep(limits) from None
    except (ValueError, TypeError) as error:
        raise SchemaError(
            f"the schema is not a JSON value: {error}; use plain dicts, lists, strings, numbers"
        ) from error


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    msg = f"{type(value).__name__} is not a JSON type"
    raise TypeError(msg)


def _too_deep(limits: Limits) -> LimitError:
    msg = (
        f"the schema is nested deeper than Limits.depth = {limits.depth} levels allows; flatten it with $ref"
    )
    return LimitError(msg, limit="depth", needed=limits.depth + 1)


def _no_constant(name: str) -> Any:
    raise SchemaError(f"the schema is not JSON: {name} is not a JSON number")


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise SchemaError(
                    f"the name {describe(name)} is written twice in one object of the schema; remove one of them"
                )
            seen.add(name)
    return found


def join(base: str, reference: str) -> str:
    """Resolve a reference against a base URI; unlike `urljoin`, right for empty references and `urn:` bases."""
    if not reference:
        return base
    if reference.startswith("#"):
        return urldefrag(base)[0] + reference
    return _join(base, reference)


class Document:
    """A root schema with everything it can refer to.

    Args:
        value: the root schema, parsed.
        text: the JSON text it was parsed from, minified.
        draft: the root's dialect, whatever its `$schema` says; None: what `$schema` says.
        registry: absolute URI to schema (or to an object with `.contents`): the only other documents there are.
    """

    def __init__(
        self, value: Any, text: str, *, draft: str | None, registry: Mapping[str, Any] | None, limits: Limits
    ) -> None:
        self.limits = limits
        self.text = text
        self.used: dict[str, str] = {}
        self._registry = {urldefrag(uri)[0]: found for uri, found in (registry or {}).items()}
        self._resources: dict[str, Resource] = {}
        self._embedded: dict[int, Resource] = {}
        self._nodes: dict[tuple[int, int], Node] = {}
        self._derived: list[Any] = []
        default = drafts.UNSAID
        if draft is not None:
            named = drafts.by_name(draft)
            if named is None:
                raise SchemaError(f"unknown draft {draft!r}; use 4, 6, 7, 2019-09 or 2020-12")
            default = named
        dialect = default if draft is not None else self._dialect(value, default, "")
        root = self._add(value, text, "", "", dialect)
        self.root = self._node(root.schema, "", root)

    @property
    def flat(self) -> bool:
        """Whether it is one resource without anchors: a place has one meaning, whoever refers to it."""
        return len(self._embedded) <= (id(self.root.schema) in self._embedded) and not (
            self.root.resource.anchors or self.root.resource.recursive or self.used
        )

    def digest(self) -> str:
        """A name for the document with its dialect and all that it refers to: equal only where the schemas are."""
        parts = [
            self.root.draft.name,
            self.text,
            *(f"{uri} {text}" for uri, text in sorted(self.used.items())),
        ]
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]

    # ------------------------------------------------------------------------------------------------- resources

    def _add(self, value: Any, text: str, uri: str, prefix: str, dialect: Draft) -> Resource:
        """Index a document: its root resource and every resource and anchor inside."""
        resource = Resource(uri, value, prefix, dialect)
        self._resources.setdefault(uri, resource)
        if isinstance(value, dict):
            # Most documents name nothing below their root, and counting is cheaper than walking.
            named = text.count('"$id"') - ("$id" in value)
            if dialect.number == 4 or text.count('"$schema"') > ("$schema" in value):
                named += text.count('"id"') - ("id" in value)
            inside = named > 0 or 'nchor"' in text or "\\u00" in text
            self._index(value, prefix, resource, inside=inside)
        return self._embedded.get(id(value), resource)

    def _dialect(self, schema: Any, default: Draft, pointer: str) -> Draft:
        name = schema.get("$schema") if isinstance(schema, dict) else None
        if name is None:
            return default
        if not isinstance(name, str):
            raise SchemaError(
                f"$schema is a URI, not {describe(name)}", pointer=pointer_join(pointer, "$schema")
            )
        return self._dialect_named(name, default, pointer, set())

    def _dialect_named(self, name: str, default: Draft, pointer: str, seen: set[str]) -> Draft:
        known = drafts.by_uri(name)
        if known is not None:
            return known
        meta = self._contents(urldefrag(name)[0])
        if isinstance(meta, dict) and name not in seen:
            base = meta.get("$schema")
            dialect = default
            if isinstance(base, str):
                dialect = self._dialect_named(base, default, pointer, seen | {name})
            vocabulary = meta.get("$vocabulary")
            if isinstance(vocabulary, dict):
                return replace(dialect, validation=any("/vocab/validation" in key for key in vocabulary))
            return dialect
        raise SchemaError(
            f"$schema {describe(name)} names no draft this reader knows (4, 6, 7, 2019-09, 2020-12); "
            "correct it, pass draft=..., or put the metaschema into the registry",
            pointer=pointer_join(pointer, "$schema"),
        )

    def _contents(self, uri: str) -> Any:
        found = self._registry.get(uri)
        return getattr(found, "contents", found)

    def _index(self, value: dict[str, Any], prefix: str, resource: Resource, *, inside: bool) -> None:
        """Find `$id` and anchors at schema positions (never inside `enum`, `const` or unknown keywords).

        Args:
            value: the root schema of a document.
            prefix: its pointer.
            resource: what it is the root of.
            inside: there may be some below the root.
        """
        stack: list[tuple[Any, str, Resource, bool]] = [(value, prefix, resource, True)]
        while stack:
            schema, pointer, owner, is_root = stack.pop()
            if not isinstance(schema, dict):
                continue
            owner = self._identify(schema, pointer, owner, is_root=is_root)
            draft = owner.draft
            if draft.number >= 2019 or draft.lenient:
                for keyword in ("$anchor", "$dynamicAnchor"):
                    name = schema.get(keyword)
                    if isinstance(name, str):
                        dynamic = keyword == "$dynamicAnchor"
                        if not dynamic or draft.number >= 2020:
                            known = owner.anchors.get(name)
                            owner.anchors[name] = (schema, pointer, dynamic or bool(known and known[2]))
            if not inside:
                return
            for keyword, inner in schema.items():
                if isinstance(inner, dict):
                    if keyword in _ONE:
                        stack.append((inner, f"{pointer}/{keyword}", owner, False))
                    elif keyword in _MAP:
                        stack.extend(
                            (one, pointer_join(f"{pointer}/{keyword}", name), owner, False)
                            for name, one in inner.items()
                            if isinstance(one, dict)
                        )
                elif isinstance(inner, list) and keyword in _MANY:
                    stack.extend(
                        (one, f"{pointer}/{keyword}/{i}", owner, False) for i, one in enumerate(inner)
                    )

    def _identify(self, schema: dict[str, Any], pointer: str, owner: Resource, *, is_root: bool) -> Resource:
        """The resource a schema belongs to, which its own `$id` may start."""
        dialect = owner.draft
        if not is_root and "$schema" in schema:
            dialect = self._dialect(schema, dialect, pointer)
        name = schema.get(dialect.id_keyword)
        if not isinstance(name, str) or (dialect.ref_hides_siblings and isinstance(schema.get("$ref"), str)):
            if is_root:
                owner.recursive = schema.get("$recursiveAnchor") is True
            return owner
        uri, fragment = urldefrag(join(owner.uri, name))
        if fragment and (dialect.number <= 7 or dialect.lenient):
            target = owner if uri == owner.uri else self._resources.get(uri)
            if target is not None or name.startswith("#"):
                (target or owner).anchors[fragment] = (schema, pointer, False)
                return owner
        if uri == owner.uri and not is_root:
            return owner
        resource = Resource(uri, schema, pointer, dialect)
        resource.recursive = schema.get("$recursiveAnchor") is True
        if fragment:
            resource.anchors[fragment] = (schema, pointer, False)
        if is_root and owner.uri == "":
            # A root document answers to "" as well: a reference may be resolved against no base at all.
            self._resources[""] = resource
        elif is_root:
            self._resources[owner.uri] = resource
        self._resources.setdefault(uri, resource)
        self._embedded[id(schema)] = resource
        return resource

    # ----------------------------------------------------------------------------------------------------- nodes

    def _node(self, schema: Any, pointer: str, resource: Resource) -> Node:
        if isinstance(schema, dict):
            resource = self._embedded.get(id(schema), resource)
        key = (id(schema), id(resource))
        if isinstance(schema, bool):  # booleans share their identity, so they are not remembered
            return Node(schema, pointer, resource)
        found = self._nodes.get(key)
        if found is None:
            if len(self._nodes) >= self.limits.schema_nodes:
                msg = f"the schema has more than Limits.schema_nodes = {self.limits.schema_nodes} sub-schemas"
                raise LimitError(msg, limit="schema_nodes", needed=len(self._nodes) + 1)
            found = self._nodes[key] = Node(schema, pointer, resource)
        return found

    def child(self, node: Node, schema: Any, *path: str | int) -> Node:
        """The node of a sub-schema of `node`, `path` steps further down."""
        return self._node(schema, pointer_join(node.pointer, *path), node.resource)

    def at(self, schema: Any, pointer: str) -> Node:
        """The node of a part of the root resource, at its pointer."""
        return self._node(schema, pointer, self.root.resource)

    def derived(self, node: Node, schema: Any, pointer: str) -> Node:
        """A node for a schema this reader makes up to say what `node` says, reported at `pointer`."""
        self._derived.append(
            schema
        )  # nodes are found by identity: a schema must not be freed and its address reused
        return self._node(schema, pointer, node.resource)

    def resolve(self, node: Node, reference: str, keyword: str) -> tuple[Node, str | None]:
        """Follow a reference: (the node, the name of the dynamic anchor it was found by or None).

        Raises:
            SchemaError: it leads nowhere; the message says how far it led.
        """
        at = pointer_join(node.pointer, keyword)
        full = join(node.resource.uri, reference)
        uri, fragment = urldefrag(full)
        resource = self._resource(uri, node, reference, at)
        try:
            fragment = unquote(fragment, errors="strict")
        except UnicodeDecodeError:
            raise SchemaError(
                f"{keyword} {describe(reference)} is not percent-encoded UTF-8", pointer=at
            ) from None
        if not fragment:
            return self._node(resource.schema, resource.pointer, resource), None
        if fragment.startswith("/"):
            return self._walk(resource, fragment, reference, keyword, at), None
        found = resource.anchors.get(fragment)
        if found is None:
            raise SchemaError(
                f"{keyword} {describe(reference)} leads nowhere: there is no anchor {describe(fragment)}; "
                f"define it, or write a pointer such as #/$defs/{fragment}",
                pointer=at,
            )
        schema, pointer, dynamic = found
        return self._node(schema, pointer, resource), fragment if dynamic else None

    def _resource(self, uri: str, node: Node, reference: str, at: str) -> Resource:
        found = self._resources.get(uri)
        if found is not None:
            return found
        value = self._contents(uri)
        if value is None:
            known = drafts.by_uri(uri)
            what = "a metaschema" if known else "another document"
            raise SchemaError(
                f"the reference {describe(reference)} names {what}, {describe(uri)}, which is not at hand; "
                "nothing is fetched from the network: pass it in registry={uri: schema}",
                pointer=at,
            )
        parsed, text = parse(value, self.limits)
        self.used[uri] = text
        draft = node.draft
        inherited = replace(draft, lenient=False) if draft.lenient else draft
        resource = self._add(parsed, text, uri, uri + "#", self._dialect(parsed, inherited, uri + "#"))
        return self._resources.get(uri, resource)

    def _walk(self, resource: Resource, fragment: str, reference: str, keyword: str, at: str) -> Node:
        current: Any = resource.schema
        owner = resource
        pointer = resource.pointer
        for step in fragment[1:].split("/"):
            step = step.replace("~1", "/").replace("~0", "~")
            if isinstance(current, dict) and step in current:
                current = current[step]
            elif isinstance(current, list) and step.isascii() and step.isdigit() and int(step) < len(current):
                current = current[int(step)]
            else:
                raise SchemaError(
                    f"{keyword} {describe(reference)} leads nowhere: {describe(step)} is not in "
                    f"{pointer or 'the root of the schema'}; define it there or correct the reference",
                    pointer=at,
                )
            pointer = pointer_join(pointer, step)
            if isinstance(current, dict):
                owner = self._embedded.get(id(current), owner)
        if not isinstance(current, (dict, bool)):
            raise SchemaError(
                f"{keyword} {describe(reference)} leads to {describe(current)}, which is no schema",
                pointer=at,
            )
        return self._node(current, pointer, owner)

    # -------------------------------------------------------------------------------------------- dynamic scope

    def dynamic_anchors(self, resource: Resource) -> Iterator[str]:
        """Names of the dynamic anchors a resource defines."""
        return (name for name, (_, _, dynamic) in resource.anchors.items() if dynamic)

    def anchored(self, resource: Resource, name: str) -> Node:
        """The node of an anchor of a resource."""
        schema, pointer, _ = resource.anchors[name]
        return self._node(schema, pointer, resource)
