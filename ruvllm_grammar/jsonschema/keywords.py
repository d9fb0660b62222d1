"""Keywords: what each one's value must look like, and what it says, read into the cell of its schema.

One method per keyword or family. A value that breaks the metaschema's rules is a `SchemaError` with its pointer; a
keyword is read only where the support table says the draft has it, and nothing is dropped in silence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ruvllm_grammar import ir
from ruvllm_grammar.errors import SchemaError
from ruvllm_grammar.jsonschema import content
from ruvllm_grammar.jsonschema import formats as format_table
from ruvllm_grammar.jsonschema.clauses import (
    Bound,
    Cell,
    Choice,
    Claim,
    Contains,
    Listed,
    Pattern,
    Place,
    Refusal,
    Size,
    Use,
)
from ruvllm_grammar.jsonschema.document import Document, Node
from ruvllm_grammar.jsonschema.support import TABLE, State
from ruvllm_grammar.jsonschema.values import ALL_KINDS, KINDS, count, describe, is_number, rational

#: The name under which an environment holds the outermost `$recursiveAnchor`.
RECURSIVE = "$recursiveAnchor"

_OBJECT = frozenset(("object",))


class Source(Protocol):
    """What reading a schema needs around it; `cells.Cells` is one."""

    document: Document
    assert_formats: bool
    assert_content: bool
    annotations: bool
    wants_annotations: bool
    uses: list[Use] | None

    def pattern(self, text: str, pointer: str, keyword: str) -> Pattern:
        """Read a pattern, or raise `SchemaError`."""

    def deny(self, place: Place, keyword: str, pointer: str) -> Place:
        """The negation of a place."""


def read_node(source: Source, node: Node, cell: Cell) -> None:
    """Read every keyword of a node into its cell.

    Raises:
        SchemaError: a keyword's value breaks the rules of the metaschema, or a reference leads nowhere.
    """
    _Reading(source, node, cell).read()


def says_nothing(node: Node) -> bool:
    """Whether a schema visibly asserts nothing: `true`, `{}`, or annotations alone."""
    schema = node.schema
    return schema is True or (isinstance(schema, dict) and schema.keys().isdisjoint(READERS))


def annotated_kinds(cell: Cell) -> frozenset[str]:
    """The kinds of value of which a schema's own keywords evaluate members or items."""
    found = set()
    if cell.properties or cell.pattern_properties or cell.additional or cell.unevaluated_properties:
        found.add("object")
    if cell.prefix or cell.rest or cell.marks or cell.unevaluated_items:
        found.add("array")
    return frozenset(found)


class _Reading:
    """Reads one node into its cell. A class for the helpers' sake: schema, pointer and draft are wanted everywhere."""

    def __init__(self, source: Source, node: Node, cell: Cell) -> None:
        self.source = source
        self.document = source.document
        self.cell = cell
        self.node = node
        self.schema = node.schema
        self.draft = node.draft
        self.position = 0

    def read(self) -> None:
        """Read every keyword."""
        cell, schema = self.cell, self.schema
        if isinstance(schema, bool):
            cell.verdict = schema
            cell.silent = cell.vacuous = schema
            return
        uses = self.source.uses
        if self.draft.ref_hides_siblings and isinstance(schema.get("$ref"), str):
            schema = {"$ref": schema["$ref"]}
        for position, (keyword, value) in enumerate(schema.items()):
            row = TABLE.get(keyword)
            if row is None:
                continue
            if not row.active(self.draft):
                if uses is not None and row.state is not State.DOCUMENT:
                    uses.append(Use(keyword, cell.at(keyword), f"ignored in {self.draft.name}"))
                continue
            self.position = position
            reader = READERS.get(keyword)
            if reader is not None:
                reader(self, keyword, value)
            if uses is not None:
                uses.append(Use(keyword, cell.at(keyword), row.state.value))
        if self.source.annotations:
            cell.annotates = annotated_kinds(cell)
        cell.summarise()

    # ------------------------------------------------------------------------------------------------- helpers

    def fail(self, keyword: str, message: str) -> SchemaError:
        return SchemaError(message, pointer=self.cell.at(keyword))

    def sub(self, value: Any, *path: str | int) -> Node:
        if not isinstance(value, (dict, bool)):
            raise SchemaError(
                f"{path[0]}: a schema is an object or a boolean, not {describe(value)}",
                pointer=self.cell.at(*path),
            )
        return self.document.child(self.node, value, *path)

    def subs(self, keyword: str, value: Any) -> tuple[Node, ...]:
        if not isinstance(value, list) or not value:
            raise self.fail(keyword, f"{keyword} is a list of at least one schema, not {describe(value)}")
        return tuple(self.sub(one, keyword, i) for i, one in enumerate(value))

    def mapping(self, keyword: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.fail(keyword, f"{keyword} is an object, not {describe(value)}")
        return value

    def strings(self, value: Any, *path: str) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise SchemaError(
                f"{path[0]} is a list of names, not {describe(value)}", pointer=self.cell.at(*path)
            )
        return tuple(dict.fromkeys(value))

    def size(self, keyword: str, value: Any) -> Size:
        found = count(value)
        if found is None:
            raise self.fail(keyword, f"{keyword} is a non-negative integer, not {describe(value)}")
        return Size(found, keyword, self.cell.at(keyword))

    def bound(self, keyword: str, value: Any, *, open: bool) -> Bound:
        if not is_number(value):
            raise self.fail(keyword, f"{keyword} is a number, not {describe(value)}")
        return Bound(rational(value), open, keyword, self.cell.at(keyword))

    def refuse(self, keyword: str, reason: str | None = None) -> None:
        row = TABLE[keyword]
        self.cell.refused += (Refusal(keyword, self.cell.at(keyword), reason or row.note, row.applies),)

    def claim(self, *path: str | int, **parts: Any) -> Claim:
        return Claim(self.node, self.cell.at(*path), parts)

    # ------------------------------------------------------------------------------------- references, in place

    def ref(self, keyword: str, value: Any) -> None:
        if not isinstance(value, str):
            raise self.fail(keyword, f"{keyword} is a URI reference, not {describe(value)}")
        target, dynamic = self.document.resolve(self.node, value, keyword)
        if keyword == "$dynamicRef" and dynamic is not None:
            for name, resource in self.cell.environment:
                if name == dynamic:
                    target = self.document.anchored(resource, name)
        elif (
            keyword == "$recursiveRef"
            and target.resource.recursive
            and target.schema is target.resource.schema
        ):
            for name, resource in self.cell.environment:
                if name == RECURSIVE:
                    target, _ = self.document.resolve(
                        Node(resource.schema, resource.pointer, resource), "#", keyword
                    )
        self.cell.must += ((self.position, target),)

    def all_of(self, keyword: str, value: Any) -> None:
        self.cell.must += tuple((self.position, node) for node in self.subs(keyword, value))

    def any_of(self, keyword: str, value: Any) -> None:
        nodes = self.subs(keyword, value)
        if len(nodes) == 1:
            self.cell.must += ((self.position, nodes[0]),)
            return
        branches = tuple((node,) for node in nodes)
        self.cell.choices += (
            Choice(keyword, self.cell.at(keyword), branches, self.position, exclusive=keyword == "oneOf"),
        )

    def negation(self, keyword: str, value: Any) -> None:
        node = self.sub(value, keyword)
        if value is False:
            return
        if says_nothing(node):
            self.cell.verdict = False
            return
        self.cell.must += ((self.position, self.source.deny(node, keyword, self.cell.at(keyword))),)

    def condition(self, keyword: str, value: Any) -> None:
        test = self.sub(value, "if")
        branches = {
            word: self.sub(self.schema[word], word) for word in ("then", "else") if word in self.schema
        }
        asserting = {word: node for word, node in branches.items() if not says_nothing(node)}
        if not asserting:
            if self.source.annotations and value is not False and not says_nothing(test):
                # It asserts nothing, but where it holds, what it evaluates counts.
                free: tuple[tuple[Place, ...], ...] = ((test,), ())
                self.cell.choices += (Choice(keyword, self.cell.at(keyword), free, self.position),)
            return
        if value is False or says_nothing(test):
            taken = asserting.get("else" if value is False else "then")
            if taken is not None:
                self.cell.must += ((self.position, taken),)
            return
        denied = self.source.deny(test, keyword, self.cell.at(keyword))
        cases: list[tuple[Place, ...]] = []
        for held, word in ((test, "then"), (denied, "else")):
            then = asserting.get(word)
            cases.append((held,) if then is None else (held, then))
        self.cell.choices += (
            Choice(keyword, self.cell.at(keyword), tuple(cases), self.position, cases=True),
        )

    def branch(self, keyword: str, value: Any) -> None:
        self.sub(value, keyword)  # read with `if`

    # ----------------------------------------------------------------------------------------------- every kind

    def type(self, keyword: str, value: Any) -> None:
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise self.fail(keyword, f"type is a name or a list of names, not {describe(value)}")
        for name in names:
            if name not in ALL_KINDS and name != "integer":
                raise self.fail(
                    keyword, f"unknown type {describe(name)}; the types are {', '.join(KINDS)} and integer"
                )
        self.cell.integer = "integer" in names and "number" not in names
        # Draft 4 defines an integer by its spelling, every later draft by its value.
        self.cell.whole = self.cell.integer and self.draft.number == 4
        kinds = frozenset("number" if name == "integer" else name for name in names)
        self.cell.kinds = ALL_KINDS if kinds == ALL_KINDS and not self.cell.integer else kinds

    def enum(self, keyword: str, value: Any) -> None:
        if keyword == "const":
            value = [value]
        if not isinstance(value, list):
            raise self.fail(keyword, f"enum is a list of values, not {describe(value)}")
        self.cell.values += (Listed(tuple(value), keyword, self.cell.at(keyword)),)

    # -------------------------------------------------------------------------------------------------- numbers

    def limit(self, keyword: str, value: Any) -> None:
        lower = keyword == "minimum"
        exclusive = self.schema.get("exclusiveMinimum" if lower else "exclusiveMaximum")
        old = self.draft.number == 4 or self.draft.lenient
        found = self.bound(keyword, value, open=old and exclusive is True)
        if lower:
            self.cell.lower += (found,)
        else:
            self.cell.upper += (found,)

    def exclusive_limit(self, keyword: str, value: Any) -> None:
        if isinstance(value, bool) and (self.draft.number == 4 or self.draft.lenient):
            return
        if self.draft.number == 4:
            raise self.fail(
                keyword, f"{keyword} is a boolean in draft 4, not {describe(value)}; name a newer draft"
            )
        found = self.bound(keyword, value, open=True)
        if keyword == "exclusiveMinimum":
            self.cell.lower += (found,)
        else:
            self.cell.upper += (found,)

    def multiple(self, keyword: str, value: Any) -> None:
        found = self.bound(keyword, value, open=False)
        if found.value <= 0:
            raise self.fail(keyword, f"multipleOf is greater than 0, not {describe(value)}")
        self.cell.multiples += (found,)

    # -------------------------------------------------------------------------------------------------- strings

    def length(self, keyword: str, value: Any) -> None:
        found = self.size(keyword, value)
        if keyword == "maxLength":
            self.cell.max_length = found
        elif found.value:
            self.cell.min_length = found

    def match(self, keyword: str, value: Any) -> None:
        if not isinstance(value, str):
            raise self.fail(keyword, f"pattern is a string, not {describe(value)}")
        found = self.source.pattern(value, self.cell.at(keyword), keyword)
        if found.expr is not ir.ANY_TEXT:
            self.cell.patterns += (found,)

    def format(self, keyword: str, value: Any) -> None:
        if not isinstance(value, str):
            raise self.fail(keyword, f"format is a name, not {describe(value)}")
        if not self.source.assert_formats:
            return
        found = format_table.strings(value, self.draft.number)
        if found is not None:
            place = self.cell.at(keyword)
            self.cell.patterns += (
                Pattern(found.name, found.expr, keyword, place, found.test, found.certain),
            )

    def content_encoding(self, keyword: str, value: Any) -> None:
        if not isinstance(value, str):
            raise self.fail(keyword, f"{keyword} is a name, not {describe(value)}")
        if not self.source.assert_content:
            return
        if value not in content.ENCODINGS:
            self.refuse_content(keyword, value, content.ENCODINGS)
            return
        self.cell.patterns += (Pattern(value, content.base64_text(), keyword, self.cell.at(keyword)),)

    def media_type(self, keyword: str, value: Any) -> None:
        if not isinstance(value, str):
            raise self.fail(keyword, f"{keyword} is a media type, not {describe(value)}")
        if not self.source.assert_content:
            return
        encoding = self.schema.get("contentEncoding")
        if value not in content.MEDIA_TYPES or encoding not in {None, *content.ENCODINGS}:
            self.refuse_content(keyword, value, content.MEDIA_TYPES)
            return
        expr = ir.ANY_TEXT if encoding is None else content.base64_text()
        name = value if encoding is None else f"{value} in {encoding}"
        test = content.json_test(encoded=encoding is not None)
        self.cell.patterns += (Pattern(name, expr, keyword, self.cell.at(keyword), test),)

    def content_schema(self, keyword: str, value: Any) -> None:
        node = self.sub(value, keyword)
        if self.source.assert_content and "contentMediaType" in self.schema and not says_nothing(node):
            self.refuse(keyword, 'content is not parsed; leave it out, or content="annotate"')

    def refuse_content(self, keyword: str, value: str, known: tuple[str, ...]) -> None:
        self.refuse(
            keyword, f'{describe(value)} cannot be asserted, only {known[0]}; or use content="annotate"'
        )

    # -------------------------------------------------------------------------------------------------- objects

    def members(self, keyword: str, value: Any) -> None:
        members = self.mapping(keyword, value)
        self.cell.position = self.position
        self.cell.properties = {name: self.sub(one, keyword, name) for name, one in members.items()}

    def pattern_members(self, keyword: str, value: Any) -> None:
        for text, one in self.mapping(keyword, value).items():
            pattern = self.source.pattern(text, self.cell.at(keyword, text), keyword)
            self.cell.pattern_properties += ((pattern, self.sub(one, keyword, text)),)

    def additional(self, keyword: str, value: Any) -> None:
        self.cell.additional = self.sub(value, keyword)

    def names(self, keyword: str, value: Any) -> None:
        node = self.sub(value, keyword)
        if not says_nothing(node):
            self.cell.names = node

    def required(self, keyword: str, value: Any) -> None:
        self.cell.required = self.strings(value, keyword)

    def properties_count(self, keyword: str, value: Any) -> None:
        found = self.size(keyword, value)
        if keyword == "maxProperties":
            self.cell.max_properties = found
        elif found.value:
            self.cell.min_properties = found

    def dependencies(self, keyword: str, value: Any) -> None:
        false = self.document.child(self.node, False, keyword)
        for name, needs in self.mapping(keyword, value).items():
            at = (keyword, name)
            present: tuple[Place, ...]
            if isinstance(needs, list) and keyword != "dependentSchemas":
                names = self.strings(needs, *at)
                if not names:
                    continue
                present = (self.claim(*at, kinds=_OBJECT, required=tuple(dict.fromkeys((name, *names)))),)
            elif keyword == "dependentRequired":
                raise SchemaError(
                    f"dependentRequired is a list of names, not {describe(needs)}", pointer=self.cell.at(*at)
                )
            else:
                node = self.sub(needs, *at)
                if says_nothing(node):
                    continue
                present = (self.claim(*at, kinds=_OBJECT, required=(name,)), node)
            absent = self.claim(*at, properties={name: false})
            cases = ((absent,), present)
            self.cell.choices += (Choice(keyword, self.cell.at(*at), cases, self.position, cases=True),)

    # --------------------------------------------------------------------------------------------------- arrays

    def items(self, keyword: str, value: Any) -> None:
        if not isinstance(value, list):
            self.cell.rest = self.sub(value, keyword)
            return
        if (self.draft.number >= 2020 and not self.draft.lenient) or "prefixItems" in self.schema:
            raise self.fail(
                keyword, "a list in items is prefixItems since 2020-12; rename it, or name an older draft"
            )
        self.cell.prefix = tuple(self.sub(one, keyword, i) for i, one in enumerate(value))
        if "additionalItems" in self.schema:
            self.cell.rest = self.sub(self.schema["additionalItems"], "additionalItems")

    def prefix(self, keyword: str, value: Any) -> None:
        self.cell.prefix = self.subs(keyword, value)

    def items_count(self, keyword: str, value: Any) -> None:
        found = self.size(keyword, value)
        if keyword == "maxItems":
            self.cell.max_items = found
        elif found.value:
            self.cell.min_items = found

    def unique(self, keyword: str, value: Any) -> None:
        if not isinstance(value, bool):
            raise self.fail(keyword, f"uniqueItems is a boolean, not {describe(value)}")
        self.cell.unique = value

    def contains(self, keyword: str, value: Any) -> None:
        node = self.sub(value, keyword)
        low, high = 1, None
        if "minContains" in self.schema and TABLE["minContains"].active(self.draft):
            low = self.size("minContains", self.schema["minContains"]).value
        if "maxContains" in self.schema and TABLE["maxContains"].active(self.draft):
            high = self.size("maxContains", self.schema["maxContains"]).value
        if low > 0 or high is not None:
            self.cell.contains += (Contains(node, low, high, self.cell.at(keyword)),)
        if self.source.annotations and self.draft.number >= 2020:
            self.cell.marks += (node,)

    def matches(self, keyword: str, value: Any) -> None:
        self.size(keyword, value)  # read with `contains`

    def unevaluated(self, keyword: str, value: Any) -> None:
        node = self.sub(value, keyword)
        if not self.source.annotations:
            if not says_nothing(node):
                self.source.wants_annotations = True
        elif keyword == "unevaluatedProperties":
            self.cell.unevaluated_properties = node
        else:
            self.cell.unevaluated_items = node


READERS: dict[str, Callable[[_Reading, str, Any], None]] = {
    "$ref": _Reading.ref,
    "$dynamicRef": _Reading.ref,
    "$recursiveRef": _Reading.ref,
    "allOf": _Reading.all_of,
    "anyOf": _Reading.any_of,
    "oneOf": _Reading.any_of,
    "not": _Reading.negation,
    "if": _Reading.condition,
    "then": _Reading.branch,
    "else": _Reading.branch,
    "type": _Reading.type,
    "enum": _Reading.enum,
    "const": _Reading.enum,
    "minimum": _Reading.limit,
    "maximum": _Reading.limit,
    "exclusiveMinimum": _Reading.exclusive_limit,
    "exclusiveMaximum": _Reading.exclusive_limit,
    "multipleOf": _Reading.multiple,
    "minLength": _Reading.length,
    "maxLength": _Reading.length,
    "pattern": _Reading.match,
    "format": _Reading.format,
    "contentEncoding": _Reading.content_encoding,
    "contentMediaType": _Reading.media_type,
    "contentSchema": _Reading.content_schema,
    "properties": _Reading.members,
    "patternProperties": _Reading.pattern_members,
    "additionalProperties": _Reading.additional,
    "propertyNames": _Reading.names,
    "required": _Reading.required,
    "minProperties": _Reading.properties_count,
    "maxProperties": _Reading.properties_count,
    "dependentRequired": _Reading.dependencies,
    "dependentSchemas": _Reading.dependencies,
    "dependencies": _Reading.dependencies,
    "items": _Reading.items,
    "prefixItems": _Reading.prefix,
    "minItems": _Reading.items_count,
    "maxItems": _Reading.items_count,
    "uniqueItems": _Reading.unique,
    "contains": _Reading.contains,
    "minContains": _Reading.matches,
    "maxContains": _Reading.matches,
    "unevaluatedProperties": _Reading.unevaluated,
    "unevaluatedItems": _Reading.unevaluated,
}
