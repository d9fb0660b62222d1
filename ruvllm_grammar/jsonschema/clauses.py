"""The vocabulary of cells: clauses with the place that says them, and the record they are collected in.

Every clause knows its JSON pointer, so a message can name what clashes. A *place* is something that judges a value:
a node of the document, the negation of a place, or a claim that this reader makes to say what a keyword says
(`{"required": ["a"]}` as one case of `dependentRequired`). Places are compared by identity and become cells when asked
for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from ruvllm_grammar import ir
from ruvllm_grammar.jsonschema.document import Node, Resource
from ruvllm_grammar.jsonschema.values import ALL_KINDS, describe, plain_decimal
from ruvllm_grammar.source import pointer_join

Environment = tuple[tuple[str, Resource], ...]


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of an interval of numbers, or a step, with the clause that set it."""

    value: Fraction
    open: bool
    keyword: str
    pointer: str

    def __str__(self) -> str:
        text = plain_decimal(self.value)
        return f"{self.keyword} {text if len(text) <= 40 else f'{Decimal(text):.6g}'} (at {self.pointer})"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A language of strings (a pattern or a format), with the clause that set it.

    Attributes:
        expr: its strings; with a test, a superset of them.
        test: decides the strings of `expr` where no expression does.
        certain: strings that pass the test; None: not known.
    """

    text: str
    expr: ir.Expr
    keyword: str
    pointer: str
    test: Callable[[str], bool] | None = None
    certain: ir.Expr | None = None

    @property
    def least(self) -> ir.Expr:
        """Strings that are in the language whatever the test says: all of them where there is no test."""
        if self.test is None:
            return self.expr
        return ir.NEVER if self.certain is None else self.certain

    def holds(self, text: str, algebra: ir.Algebra) -> bool:
        """Whether a string is in the language."""
        return algebra.matches(self.expr, text) and (self.test is None or self.test(text))

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
class Listed:
    """Values that `enum` or `const` lists, with the clause."""

    values: tuple[Any, ...]
    keyword: str
    pointer: str

    def __str__(self) -> str:
        return f"{self.keyword} (at {self.pointer})"


@dataclass(frozen=True, slots=True, eq=False)
class Negated:
    """Holds exactly where `place` does not.

    Attributes:
        keyword: the keyword that denies it (`not`, `if`, `oneOf`).
        pointer: where that keyword stands.
    """

    place: Node | Claim
    keyword: str
    pointer: str


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """Something this reader says about a value, as fields of a cell.

    Attributes:
        node: the schema it is said for.
        pointer: the clause it is said for.
        parts: fields of `Cell`.
    """

    node: Node
    pointer: str
    parts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """A cell as a place: it judges under its own environment, whoever names it."""

    cell: Cell

    @property
    def pointer(self) -> str:
        """Where the cell stands."""
        return self.cell.pointer


Place = Node | Negated | Claim | Standing


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """Branches of which at least one has to hold; each branch is a tuple of places that hold together.

    Attributes:
        position: of the keyword among its siblings: properties keep the order in which the schema is written.
        exclusive: at most one may hold (`oneOf`).
        cases: no two can hold, by the way they are made (`if`, dependencies).
    """

    keyword: str
    pointer: str
    branches: tuple[tuple[Place, ...], ...]
    position: int
    exclusive: bool = False
    cases: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Contains:
    """At least `low` and at most `high` items, of those from position `first` on, satisfy `place`."""

    place: Place
    low: int
    high: int | None
    pointer: str
    first: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Need:
    """Some member is there: its name is covered, and its value satisfies `place`.

    A name is covered that is `name`, matches every pattern of `inside` and none of `outside`, is not in `apart` and,
    as a string, satisfies `names`; as far as these are given. A member that one of `others` asks for will do as well.

    Attributes:
        keyword: the keyword whose violation this is, for messages.
        pointer: where that keyword stands.
        place: judges the value; None: any value will do.
        inside: patterns the name matches, all of them.
        outside: patterns the name does not match, none of them.
        apart: names that are left out.
        names: judges the name; None: any will do.
        name: the only name that is covered; None: any is.
        others: other needs, each of which would do instead; they have no others.
    """

    keyword: str
    pointer: str
    place: Place | None = None
    inside: tuple[Pattern, ...] = ()
    outside: tuple[Pattern, ...] = ()
    apart: tuple[str, ...] = ()
    names: Place | None = None
    name: str | None = None
    others: tuple[Need, ...] = ()

    @property
    def alternatives(self) -> tuple[Need, ...]:
        """The need and its others."""
        return (self, *self.others)

    def __str__(self) -> str:
        said = [f"not {one.keyword} (at {one.pointer})" for one in self.alternatives]
        return " or ".join(said if len(said) < 4 else [*said[:2], f"{len(said) - 2} more"])


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


@dataclass(frozen=True, slots=True)
class Use:
    """One keyword at one place, for the report."""

    keyword: str
    pointer: str
    state: str


_NO_MEMBERS: Mapping[str, Place] = MappingProxyType({})


@dataclass(slots=True, eq=False)
class Cell:
    """What one place says about one value, under one environment. Every default asserts nothing.

    Two summaries save work: `silent`, it asserts nothing itself and at most refers to others that judge the same
    value; `vacuous`, every value passes. Where annotations matter (`unevaluated`), a cell that makes them is neither.

    Attributes:
        repeated: two items are equal (the denial of `unique`).
        marks: places of `contains`; an item that satisfies one counts as evaluated (2020-12).
        violated_properties: some member that nothing evaluates does not satisfy it.
        violated_items: some item that nothing evaluates does not satisfy it.
        annotates: the kinds of value, "object" and "array", for which it marks members or items as evaluated; empty
            where nothing in the document asks.
    """

    place: Place
    pointer: str
    environment: Environment
    number: int
    verdict: bool | None = None
    kinds: frozenset[str] = ALL_KINDS
    integer: bool = False
    whole: bool = False
    values: tuple[Listed, ...] = ()
    not_values: tuple[Listed, ...] = ()
    lower: tuple[Bound, ...] = ()
    upper: tuple[Bound, ...] = ()
    multiples: tuple[Bound, ...] = ()
    not_multiples: tuple[Bound, ...] = ()
    min_length: Size | None = None
    max_length: Size | None = None
    patterns: tuple[Pattern, ...] = ()
    not_patterns: tuple[Pattern, ...] = ()
    properties: Mapping[str, Place] = field(default_factory=lambda: _NO_MEMBERS)
    pattern_properties: tuple[tuple[Pattern, Place], ...] = ()
    additional: Place | None = None
    names: Place | None = None
    required: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    min_properties: Size | None = None
    max_properties: Size | None = None
    prefix: tuple[Place, ...] = ()
    rest: Place | None = None
    min_items: Size | None = None
    max_items: Size | None = None
    contains: tuple[Contains, ...] = ()
    unique: bool = False
    repeated: bool = False
    unevaluated_properties: Place | None = None
    unevaluated_items: Place | None = None
    violated_properties: Place | None = None
    violated_items: Place | None = None
    marks: tuple[Place, ...] = ()
    annotates: frozenset[str] = frozenset()
    position: int = 0
    must: tuple[tuple[int, Place], ...] = ()
    choices: tuple[Choice, ...] = ()
    refused: tuple[Refusal, ...] = ()
    others: tuple[Place, ...] = ()
    silent: bool = True
    vacuous: bool = True

    @property
    def schema(self) -> Any:
        """The schema a node's cell reads; None for claims and negations."""
        return self.place.schema if isinstance(self.place, Node) else None

    @property
    def node(self) -> Node:
        """The schema it reads, or that it is said for."""
        place: Place = self.place
        while not isinstance(place, Node):
            match place:
                case Negated():
                    place = place.place
                case Claim():
                    place = place.node
                case Standing():
                    place = place.cell.place
        return place

    def at(self, *path: str | int) -> str:
        """Pointer of a keyword or something below it; a claim stands where the clause stands it was made for."""
        return pointer_join(self.pointer, *path) if isinstance(self.place, Node) else self.pointer

    def summarise(self) -> None:
        """Set `silent` and `vacuous` from the rest."""
        self.silent = not (
            self.annotates
            or self.kinds is not ALL_KINDS
            or self.verdict is False
            or self.refused
            or self.values
            or self.not_values
            or self.properties
            or self.required
            or self.needs
            or self.violated_properties
            or self.violated_items
            or self.pattern_properties
            or not _open(self.additional)
            or self.names is not None
            or self.min_properties
            or self.max_properties
            or self.prefix
            or not _open(self.rest)
            or self.min_items
            or self.max_items
            or self.contains
            or self.unique
            or self.repeated
            or self.lower
            or self.upper
            or self.multiples
            or self.not_multiples
            or self.min_length
            or self.max_length
            or self.patterns
            or self.not_patterns
        )
        self.vacuous = self.silent and not self.must and not self.choices


def _open(place: Place | None) -> bool:
    """Whether the rule for other members or items visibly lets everything pass."""
    return place is None or (isinstance(place, Node) and (place.schema is True or place.schema == {}))
