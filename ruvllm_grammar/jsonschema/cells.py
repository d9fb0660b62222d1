"""Cells: what one place says about one value, read and checked once.

A cell is a place under a dynamic environment (for `$dynamicRef`). What it says comes in four parts:

- local assertions about a value of one kind (bounds, lengths, member and item rules);
- `must`: places that judge *the same value* and have to hold (`$ref`, `allOf`, the negation of `not`);
- `choices`: groups of which at least one branch has to hold (`anyOf`; `oneOf`, where no two may; `if` and
  dependencies, by cases);
- refusals: keywords that this reader cannot honour, kept with the kind of value they would restrict.

Children are named by their places and become cells when asked for, so recursion through members and items is free.
The *survey* reads every place that the root can reach, follows every reference, and refuses loops that never reach a
member or an item (`{"$ref": "#"}`), naming the loop. Linear in the size of the schema.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ruvllm_grammar import ir
from ruvllm_grammar.errors import LimitError, SchemaError, SyntaxGrammarError
from ruvllm_grammar.jsonschema.clauses import Cell, Claim, Environment, Negated, Pattern, Place, Standing, Use
from ruvllm_grammar.jsonschema.document import Document, Node, Resource
from ruvllm_grammar.jsonschema.keywords import RECURSIVE, read_node
from ruvllm_grammar.jsonschema.negation import negate
from ruvllm_grammar.jsonschema.plain import NOTHING, PlainParts
from ruvllm_grammar.jsonschema.values import describe
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.syntax.regex import read_pattern


class Cells:
    """Makes cells, once per location and environment.

    Args:
        assert_formats: `format` restricts strings (else it is an annotation).
        assert_content: so do `contentEncoding` and `contentMediaType`.
        annotations: which members and items are evaluated matters; without it `unevaluated*` asserts nothing, and
            `wants_annotations` says after the survey whether that was wrong.
        uses: collects every keyword seen, where wanted.
        plain: sub-schemas that are read when they are entered, not before.
    """

    def __init__(
        self,
        document: Document,
        *,
        limits: Limits,
        assert_formats: bool,
        assert_content: bool = False,
        annotations: bool = False,
        uses: list[Use] | None = None,
        plain: PlainParts = NOTHING,
    ) -> None:
        self.plain = plain
        self.document = document
        self.limits = limits
        self.assert_formats = assert_formats
        self.assert_content = assert_content
        self.annotations = annotations
        self.wants_annotations = False
        self.uses = uses
        self._cells: dict[tuple[int, Environment], Cell] = {}
        self._kept: list[Place] = []
        self._negated: dict[tuple[int, str], Negated] = {}
        self._patterns: dict[str, ir.Expr] = {}
        self._count = 0

    def cell(self, place: Place, environment: Environment = ()) -> Cell:
        """The cell of a place, entered from `environment`.

        Raises:
            SchemaError: a keyword's value breaks the rules of the metaschema, or a reference leads nowhere.
        """
        if isinstance(place, Standing):
            return place.cell
        if isinstance(place, Node) and (place.resource.anchors or place.resource.recursive):
            environment = self._enter(environment, place.resource)
        inner = None
        if isinstance(place, Negated):
            inner = self.cell(place.place, environment)
            environment = inner.environment  # with the anchors of what it denies
        key = (id(place), environment)
        found = self._cells.get(key)
        if found is None:
            self._kept.append(place)  # keys are identities: nothing they name may be freed
            found = Cell(place, place.pointer, environment, self._count)
            self._count += 1
            if self._count > self.limits.schema_nodes:
                msg = f"the schema has more than Limits.schema_nodes = {self.limits.schema_nodes} sub-schemas"
                raise LimitError(msg, limit="schema_nodes", needed=self._count)
            if isinstance(place, Node):
                read_node(self, place, found)
            elif isinstance(place, Claim):
                for name, value in place.parts.items():
                    setattr(found, name, value)
                found.summarise()
            elif inner is not None:
                negate(found, inner, place, self.deny)
            self._cells[key] = found
        return found

    def plain_node(self, number: int) -> Node | None:
        """The plain sub-schema with this number; None where there is none."""
        schema = self.plain.numbered(number)
        return None if schema is None else self.document.at(schema, self.plain.pointer(schema))

    def deny(self, place: Place, keyword: str, pointer: str) -> Place:
        """The negation of a place, the same one every time; twice is the place itself."""
        if isinstance(place, Negated):
            return place.place
        if isinstance(place, Standing):
            inner = self.deny(place.cell.place, keyword, pointer)
            return Standing(self.cell(inner, place.cell.environment))
        key = (id(place), pointer)
        found = self._negated.get(key)
        if found is None:
            found = self._negated[key] = Negated(place, keyword, pointer)
        return found

    def child(self, owner: Cell, place: Place) -> Cell:
        """The cell of a place that `owner` names."""
        if not owner.environment:  # the usual case, and asked often
            found = self._cells.get((id(place), ()))
            if found is not None:
                return found
        return self.cell(place, owner.environment)

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
        if resource.recursive and RECURSIVE not in have:
            new.append((RECURSIVE, resource))
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
        """Read everything reachable that is not plain and refuse loops without content; the number of cells.

        Raises:
            SchemaError: as `cell`, or a loop.
            LimitError: `Limits.schema_nodes`.
        """
        seen = {root: None}
        stack = [root]
        plain = self.plain.found
        while stack:
            cell = stack.pop()
            for place in _below(cell):
                if plain and isinstance(place, Node) and id(place.schema) in plain:
                    continue  # nothing below needs reading, and no loop leads through it
                child = self.child(cell, place)
                if child not in seen:
                    seen[child] = None
                    stack.append(child)
        self._refuse_loops(seen)
        if len(seen) + len(plain) > self.limits.schema_nodes:
            msg = f"the schema has more than Limits.schema_nodes = {self.limits.schema_nodes} sub-schemas"
            raise LimitError(msg, limit="schema_nodes", needed=len(seen) + len(plain))
        return len(seen)

    def _refuse_loops(self, cells: Iterable[Cell]) -> None:
        """Depth-first search over in-place edges; a cell met again on its own path closes a loop."""
        done: set[Cell] = set()
        for start in cells:
            if start in done or not (start.must or start.choices or start.others):
                continue
            path: dict[Cell, Iterator[Place]] = {start: in_place(start)}
            while path:
                cell, pending = next(reversed(path.items()))
                place = next(pending, None)
                if place is None:
                    path.popitem()
                    done.add(cell)
                    continue
                if isinstance(place, Node) and id(place.schema) in self.plain.found:
                    continue
                target = self.child(cell, place)
                if target in path:
                    raise _loop([*path, target], target)
                if target not in done:
                    path[target] = in_place(target)


def _loop(path: list[Cell], target: Cell) -> SchemaError:
    places = [cell.pointer or "#" for cell in path[path.index(target) :]]
    # A place and its denial stand at the same pointer.
    steps = [place for i, place in enumerate(places) if len(places) == 2 or i == 0 or place != places[i - 1]]
    return SchemaError(
        f"the schema refers to itself without content between: {' -> '.join(steps)}; "
        "let the loop pass through properties or items, or remove a reference",
        pointer=target.pointer,
    )


def in_place(cell: Cell) -> Iterator[Place]:
    """Places that judge the same value."""
    yield from cell.others
    for _, place in cell.must:
        yield place
    for choice in cell.choices:
        for branch in choice.branches:
            yield from branch


def _below(cell: Cell) -> Iterator[Place]:
    """Every place a cell names."""
    yield from in_place(cell)
    yield from cell.properties.values()
    for _, place in cell.pattern_properties:
        yield place
    for need in cell.needs:
        for either in need.alternatives:
            yield from (place for place in (either.place, either.names) if place is not None)
    for clause in cell.contains:
        yield clause.place
    yield from cell.prefix
    yield from cell.marks
    for one in (
        cell.additional,
        cell.names,
        cell.rest,
        cell.unevaluated_properties,
        cell.unevaluated_items,
        cell.violated_properties,
        cell.violated_items,
    ):
        if one is not None:
            yield one
