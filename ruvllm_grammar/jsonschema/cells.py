"""Cells: what one schema says about one value, read and checked once.

A cell is a schema location under a dynamic environment (for `$dynamicRef`). Reading it checks every keyword against the
metaschema's rules, looks each one up in the support table, and sorts what it says into four parts:

- local assertions about a value of one kind (bounds, lengths, member and item rules);
- `must`: locations that judge *the same value* and have to hold (`$ref`, `allOf`);
- `choices`: groups of which at least one branch has to hold (`anyOf`; `oneOf`, where no two may; dependencies, by
  cases);
- refusals: keywords that this reader cannot honour, kept with the kind of value they would restrict.

Children are named by their nodes and become cells when asked for, so recursion through members and items is free.
The *survey* reads every location that the root can reach, follows every reference, and refuses loops that never reach
a member or an item (`{"$ref": "#"}`), naming the loop. Linear in the size of the schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from ruvllm_grammar import ir
from ruvllm_grammar.errors import LimitError, SchemaError, SyntaxGrammarError
from ruvllm_grammar.jsonschema import formats as format_table
from ruvllm_grammar.jsonschema.document import Document, Node, Resource
from ruvllm_grammar.jsonschema.support import TABLE, State
from ruvllm_grammar.jsonschema.values import ALL_KINDS, KINDS, count, describe, is_number, rational
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.source import pointer_join
from ruvllm_grammar.syntax.regex import read_pattern

Environment = tuple[tuple[str, Resource], ...]

_RECURSIVE = "$recursiveAnchor"


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of an interval of numbers, with the clause that set it."""

    value: Fraction
    open: bool
    keyword: str
    pointer: str

    def __str__(self) -> str:
        return f"{self.keyword} {_decimal(self.value)} (at {self.pointer})"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression on strings (a pattern or a format), with the clause that set it."""

    text: str
    expr: ir.Expr
    keyword: str
    pointer: str

    def __str__(self) -> str:
        return f"{self.keyword} {describe(self.text)} (at {self.pointer})"


@dataclass(frozen=True, slots=True)
class Size:
    """A length or a count, with the clause that set it."""

    value: int
    keyword: str
    pointer: str

    def __str__(self) -> str:
        return f"{self.keyword} {self.value} (at {self.pointer})"


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """Branches of which at least one has to hold; each branch is a tuple of nodes that hold together.

    Attributes:
        position: of the keyword among its siblings: properties keep the order in which the schema is written.
        exclusive: at most one may hold (`oneOf`).
    """

    keyword: str
    pointer: str
    branches: tuple[tuple[Node, ...], ...]
    position: int
    exclusive: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """A keyword that is not honoured, where it stands, and what to do.

    Attributes:
        applies: the kind of value it restricts, or "any".
    """

    keyword: str
    pointer: str
    reason: str
    applies: str = "any"


_NO_MEMBERS: Mapping[str, Node] = MappingProxyType({})


@dataclass(slots=True, eq=False)
class Cell:
    """One schema location under one environment. Every default asserts nothing.

    Two summaries save work: `silent`, it asserts nothing itself and at most refers to others that judge the same
    value; `vacuous`, every value passes.
    """

    node: Node
    environment: Environment
    number: int
    verdict: bool | None = None
    kinds: frozenset[str] = ALL_KINDS
    integer: bool = False
    whole: bool = False
    values: tuple[tuple[str, list[Any]], ...] = ()
    lower: tuple[Bound, ...] = ()
    upper: tuple[Bound, ...] = ()
    multiples: tuple[Bound, ...] = ()
    min_length: Size | None = None
    max_length: Size | None = None
    patterns: tuple[Pattern, ...] = ()
    properties: Mapping[str, Node] = field(default_factory=lambda: _NO_MEMBERS)
    pattern_properties: tuple[tuple[Pattern, Node], ...] = ()
    additional: Node | None = None
    names: Node | None = None
    required: tuple[str, ...] = ()
    min_properties: Size | None = None
    max_properties: Size | None = None
    prefix: tuple[Node, ...] = ()
    rest: Node | None = None
    min_items: Size | None = None
    max_items: Size | None = None
    unique: bool = False
    position: int = 0
    must: tuple[tuple[int, Node], ...] = ()
    choices: tuple[Choice, ...] = ()
    refused: tuple[Refusal, ...] = ()
    others: tuple[Node, ...] = ()
    silent: bool = True
    vacuous: bool = True

    @property
    def pointer(self) -> str:
        """Where it stands."""
        return self.node.pointer

    def at(self, *path: str | int) -> str:
        """Pointer of a keyword or something below it."""
        return pointer_join(self.node.pointer, *path)


@dataclass(frozen=True, slots=True)
class Use:
    """One keyword at one place, for the report."""

    keyword: str
    pointer: str
    state: str


def _decimal(value: Fraction) -> str:
    from ruvllm_grammar.jsonschema.values import plain_decimal

    text = plain_decimal(value)
    return text if len(text) <= 40 else f"{float(value):g}"


class Cells:
    """Makes cells, once per location and environment.

    Args:
        assert_formats: `format` restricts strings (else it is an annotation).
        uses: collects every keyword seen, where wanted.
    """

    def __init__(
        self, document: Document, *, limits: Limits, assert_formats: bool, uses: list[Use] | None = None
    ) -> None:
        self.document = document
        self.limits = limits
        self.assert_formats = assert_formats
        self.uses = uses
        self._cells: dict[tuple[int, Environment], Cell] = {}
        self._kept: list[Node] = []
        self._patterns: dict[str, ir.Expr] = {}
        self._count = 0

    def cell(self, node: Node, environment: Environment = ()) -> Cell:
        """The cell of a node, entered from `environment`.

        Raises:
            SchemaError: a keyword's value breaks the rules of the metaschema, or a reference leads nowhere.
        """
        if node.resource.anchors or node.resource.recursive:
            environment = self._enter(environment, node.resource)
        key = (id(node), environment)
        found = self._cells.get(key)
        if found is None:
            self._kept.append(node)  # keys are identities: nothing they name may be freed
            found = Cell(node, environment, self._count)
            self._count += 1
            if self._count > self.limits.schema_nodes:
                msg = f"the schema has more than Limits.schema_nodes = {self.limits.schema_nodes} sub-schemas"
                raise LimitError(msg, limit="schema_nodes", needed=self._count)
            _Reading(self, found).read()
            self._cells[key] = found
        return found

    def child(self, owner: Cell, node: Node) -> Cell:
        """The cell of a node that `owner` names."""
        return self.cell(node, owner.environment)

    def target(self, cell: Cell) -> Cell:
        """The cell that a mere reference stands for, however many references long; any other cell itself.

        Only after the survey, which refuses loops of references.
        """
        while cell.silent and len(cell.must) == 1 and not cell.choices:
            cell = self.child(cell, cell.must[0][1])
        return cell

    def _enter(self, environment: Environment, resource: Resource) -> Environment:
        """Add the dynamic anchors of a resource; the first resource to define a name, the outermost, keeps it."""
        have = {name for name, _ in environment}
        new = [(name, resource) for name in self.document.dynamic_anchors(resource) if name not in have]
        if resource.recursive and _RECURSIVE not in have:
            new.append((_RECURSIVE, resource))
        return tuple(sorted((*environment, *new), key=lambda pair: pair[0])) if new else environment

    def pattern(self, text: str, pointer: str, keyword: str) -> Pattern:
        """Read a pattern.

        Raises:
            SchemaError: it is no ECMA-262 regular expression; the message draws the position.
        """
        expr = self._patterns.get(text)
        if expr is None:
            try:
                expr = read_pattern(text, search=True, limits=self.limits)
            except SyntaxGrammarError as error:
                msg = f"{keyword} {describe(text)} cannot be read: {error}"
                raise SchemaError(msg, pointer=pointer) from error
            self._patterns[text] = expr
        return Pattern(text, expr, keyword, pointer)

    def survey(self, root: Cell) -> int:
        """Read everything reachable and refuse loops without content; the number of cells.

        Raises:
            SchemaError: as `cell`, or a loop.
            LimitError: `Limits.schema_nodes`.
        """
        seen = {root: None}
        stack = [root]
        while stack:
            cell = stack.pop()
            for node in _below(cell):
                child = self.child(cell, node)
                if child not in seen:
                    seen[child] = None
                    stack.append(child)
        self._refuse_loops(seen)
        return len(seen)

    def _refuse_loops(self, cells: Iterable[Cell]) -> None:
        """Depth-first search over in-place edges; a cell met again on its own path closes a loop."""
        done: set[Cell] = set()
        for start in cells:
            if start in done or not (start.must or start.choices or start.others):
                continue
            path: dict[Cell, Iterator[Node]] = {start: _in_place(start)}
            while path:
                cell, pending = next(reversed(path.items()))
                node = next(pending, None)
                if node is None:
                    path.popitem()
                    done.add(cell)
                    continue
                target = self.child(cell, node)
                if target in path:
                    loop = list(path)[list(path).index(target) :]
                    places = " -> ".join(c.pointer or "#" for c in (*loop, target))
                    raise SchemaError(
                        f"the schema refers to itself without content between: {places}; "
                        "let the loop pass through properties or items, or remove a reference",
                        pointer=target.pointer,
                    )
                if target not in done:
                    path[target] = _in_place(target)


def says_nothing(node: Node) -> bool:
    """Whether a schema visibly asserts nothing: `true`, `{}`, or annotations alone."""
    schema = node.schema
    return schema is True or (isinstance(schema, dict) and schema.keys().isdisjoint(_READERS))


def _in_place(cell: Cell) -> Iterator[Node]:
    """Nodes that judge the same value."""
    for _, node in cell.must:
        yield node
    for choice in cell.choices:
        for branch in choice.branches:
            yield from branch
    yield from cell.others


def _below(cell: Cell) -> Iterator[Node]:
    """Every node a cell names."""
    yield from _in_place(cell)
    yield from cell.properties.values()
    for _, node in cell.pattern_properties:
        yield node
    yield from cell.prefix
    for one in (cell.additional, cell.names, cell.rest):
        if one is not None:
            yield one


class _Reading:
    """Reads one cell. A class for the helpers' sake: schema, pointer and draft are wanted in every keyword."""

    def __init__(self, cells: Cells, cell: Cell) -> None:
        self.cells = cells
        self.document = cells.document
        self.cell = cell
        self.node = cell.node
        self.schema = cell.node.schema
        self.draft = cell.node.draft
        self.position = 0

    def read(self) -> None:
        cell, schema = self.cell, self.schema
        if isinstance(schema, bool):
            cell.verdict = schema
            cell.silent = cell.vacuous = schema
            return
        uses = self.cells.uses
        if self.draft.ref_hides_siblings and isinstance(schema.get("$ref"), str):
            schema = {"$ref": schema["$ref"]}
        for position, (keyword, value) in enumerate(schema.items()):
            self.position = position
            row = TABLE.get(keyword)
            if row is None or not row.active(self.draft):
                if row is not None and uses is not None and row.state is not State.DOCUMENT:
                    uses.append(Use(keyword, cell.at(keyword), f"ignored in {self.draft.name}"))
                continue
            reader = _READERS.get(keyword)
            if reader is not None:
                reader(self, keyword, value)
            if uses is not None:
                uses.append(Use(keyword, cell.at(keyword), row.state.value))
        cell.silent = not (
            cell.kinds is not ALL_KINDS
            or cell.values
            or cell.verdict is False
            or cell.refused
            or cell.required
            or cell.properties
            or cell.pattern_properties
            or not (cell.additional is None or says_nothing(cell.additional))
            or not (cell.rest is None or says_nothing(cell.rest))
            or cell.prefix
            or cell.lower
            or cell.upper
            or cell.multiples
            or cell.patterns
            or cell.min_length
            or cell.max_length
            or cell.min_items
            or cell.max_items
            or cell.unique
            or cell.names is not None
            or cell.min_properties
            or cell.max_properties
        )
        cell.vacuous = cell.silent and not cell.must and not cell.choices

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

    def derived(self, schema: dict[str, Any], *path: str | int) -> Node:
        return self.document.derived(self.node, schema, self.cell.at(*path))

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
                if name == _RECURSIVE:
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
        self.cell.others += (node,)
        self.refuse(keyword)

    def condition(self, keyword: str, value: Any) -> None:
        test = self.sub(value, "if")
        branches = {
            word: self.sub(self.schema[word], word) for word in ("then", "else") if word in self.schema
        }
        if all(says_nothing(node) for node in branches.values()):
            return
        if value is False or says_nothing(test):
            taken = branches.get("else" if value is False else "then")
            if taken is not None:
                self.cell.must += ((self.position, taken),)
            return
        self.cell.others += (test, *branches.values())
        self.refuse(keyword)

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
        self.cell.values += ((keyword, value),)

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
        found = self.cells.pattern(value, self.cell.at(keyword), keyword)
        if found.expr is not ir.ANY_TEXT:
            self.cell.patterns += (found,)

    def format(self, keyword: str, value: Any) -> None:
        if not isinstance(value, str):
            raise self.fail(keyword, f"format is a name, not {describe(value)}")
        if not self.cells.assert_formats:
            return
        if value in format_table.REFUSED:
            self.refuse(
                keyword,
                f"the format {describe(value)} {format_table.REFUSED[value]}; "
                'use pattern, or formats="annotate" to ignore formats',
            )
            return
        expr = format_table.expression(value)
        if expr is not None:
            self.cell.patterns += (Pattern(value, expr, keyword, self.cell.at(keyword)),)

    # -------------------------------------------------------------------------------------------------- objects

    def members(self, keyword: str, value: Any) -> None:
        members = self.mapping(keyword, value)
        self.cell.position = self.position
        self.cell.properties = {name: self.sub(one, keyword, name) for name, one in members.items()}

    def pattern_members(self, keyword: str, value: Any) -> None:
        for text, one in self.mapping(keyword, value).items():
            pattern = self.cells.pattern(text, self.cell.at(keyword, text), keyword)
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
        for name, needs in self.mapping(keyword, value).items():
            at = (keyword, name)
            if isinstance(needs, list) and keyword != "dependentSchemas":
                names = self.strings(needs, *at)
                if not names:
                    continue
                then: tuple[Node, ...] = (self.derived({"type": "object", "required": [name, *names]}, *at),)
            elif keyword == "dependentRequired":
                raise SchemaError(
                    f"dependentRequired is a list of names, not {describe(needs)}", pointer=self.cell.at(*at)
                )
            else:
                node = self.sub(needs, *at)
                if says_nothing(node):
                    continue
                then = (self.derived({"type": "object", "required": [name]}, *at), node)
            absent = self.derived({"properties": {name: False}}, *at)
            self.cell.choices += (Choice(keyword, self.cell.at(*at), ((absent,), then), self.position),)

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
        self.sub(value, keyword)
        least, most = self.schema.get("minContains"), self.schema.get("maxContains")
        counted = self.draft.number >= 2019 and self.draft.validation
        if counted and least is not None and count(least) == 0 and most is None:
            return
        self.refuse(keyword)

    def unevaluated(self, keyword: str, value: Any) -> None:
        if not says_nothing(self.sub(value, keyword)):
            self.refuse(keyword)


_READERS: dict[str, Callable[[_Reading, str, Any], None]] = {
    "$ref": _Reading.ref,
    "$dynamicRef": _Reading.ref,
    "$recursiveRef": _Reading.ref,
    "allOf": _Reading.all_of,
    "anyOf": _Reading.any_of,
    "oneOf": _Reading.any_of,
    "not": _Reading.negation,
    "if": _Reading.condition,
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
    "unevaluatedProperties": _Reading.unevaluated,
    "unevaluatedItems": _Reading.unevaluated,
}
