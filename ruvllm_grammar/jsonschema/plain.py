"""The plain parts of a document: sub-schemas of which nothing can be refused, guarded or compared, read when entered.

Reading a schema takes three passes over what a document can reach: every keyword is checked and becomes a cell, cells
come apart into conjunctions, and every conjunction is measured for what may fail late. Most sub-schemas of most
documents need none of it before generation enters them: objects of named members, lists, strings, numbers and listed
values, references. This pass finds them by looking at the JSON alone, a microsecond a keyword. What it calls *plain*
is left out of the other passes until its rule is written.

A sub-schema is plain when everything it reaches is, and each by itself

- has well-formed keywords, and references that lead somewhere within this document;
- has no keyword whose meaning depends on what stands elsewhere (`not`, `if`, `patternProperties`, `contains`, ...);
- merges with nothing that has members or items of its own, so that nothing multiplies: a reference stands alone, and
  beside `anyOf` stands at most `type`, unless its branches only require names;
- if it is a `oneOf`, has branches that visibly exclude each other: by kind, by listed values, or by a required name
  with different listed values in each of them (a *tag*), found without comparing branches pair by pair.

Patterns, formats and lengths are asked once per process what they need (`strings.StringShape.guards`); where that is
nothing, they are plain as well. A rule left out here costs time, never exactness: what is not plain is read as ever.

Some plain sub-schemas are also *surely inhabited*, the least set closed under the visible reasons: a string without a
pattern, an object whose required members are in the set, one branch of a union. They come with a rank, as `emptiness`
gives them: built of lower ones.

Worked example: in `{"properties": {"a": {"$ref": "#/$defs/t"}, "b": {"not": {}}}, "$defs": {"t": {"type": "string"}}}`
the schemas of `a` and `t` are plain and inhabited, `b` is not plain, and so neither is the root.

Cost: linear in what the root reaches. Lineage: the fast path of a two-tier compiler, with a bail-out per sub-schema.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import unquote

from ruvllm_grammar import ir
from ruvllm_grammar.errors import LimitError, SyntaxGrammarError
from ruvllm_grammar.jsonschema import formats as format_table
from ruvllm_grammar.jsonschema.clauses import Pattern, Size
from ruvllm_grammar.jsonschema.document import Document
from ruvllm_grammar.jsonschema.drafts import Draft
from ruvllm_grammar.jsonschema.keywords import READERS
from ruvllm_grammar.jsonschema.strings import StringShape
from ruvllm_grammar.jsonschema.support import TABLE
from ruvllm_grammar.jsonschema.values import ALL_KINDS, canonical, is_number, kind, spellable
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.syntax.regex import read_pattern

#: Powers of ten within which numbers need no second look.
_POWER: Final = 300
_LARGE: Final = 10**_POWER
#: References followed in a row to see what a branch is.
_FOLLOWED: Final = 16
#: Branches of one value, well within `obligations.MAX_CONJUNCTIONS`.
_BRANCHES: Final = 2048
#: Sweeps over what is not known to be inhabited; each goes one recursion further.
_SWEEPS: Final = 3

_KIND_OF: Final = {"integer": "number", **{one: one for one in ALL_KINDS}}
_ONLY: Final = {name: frozenset((one,)) for name, one in _KIND_OF.items()}
_OBJECT: Final = frozenset(("object",))
#: What may stand in branches that only ask for names.
_NAMING: Final = frozenset(("required", "type"))

#: The ways in which a sub-schema is visibly inhabited: sub-schemas that all have to be.
_Ways = list[tuple[Any, ...]]


class PlainParts:
    """The plain sub-schemas of a document, by identity.

    Attributes:
        found: numbers of the JSON objects that are plain schemas, in the order in which the root reaches them.
        ranks: of those that are surely inhabited.
    """

    __slots__ = ("found", "ranks")

    def __init__(self, found: Mapping[int, int], ranks: Mapping[int, int]) -> None:
        self.found = found
        self.ranks = ranks

    def __len__(self) -> int:
        return len(self.found)

    def has(self, schema: Any) -> bool:
        """Whether a schema is plain; booleans are."""
        return isinstance(schema, bool) or id(schema) in self.found

    def rank(self, schema: Any) -> int | None:
        """A number below 0 where the schema is surely inhabited, lower than those of what is built of it."""
        if schema is True:
            return -len(self.ranks) - 1
        found = self.ranks.get(id(schema))
        return None if found is None else found - len(self.ranks)


#: Nothing is plain: everything is read at once.
NOTHING: Final = PlainParts({}, {})


def plain_parts(
    document: Document, *, algebra: ir.Algebra, limits: Limits, assert_formats: bool, assert_content: bool
) -> PlainParts:
    """Find the plain sub-schemas of a document; none where it consists of several resources, or annotations matter."""
    root = document.root.schema
    if not isinstance(root, dict) or not document.flat:
        return NOTHING
    survey = _Survey(document, algebra, limits, formats=assert_formats, content=assert_content)
    return survey.parts(root)


class _Facts:
    """What one schema says, as far as plain keywords say it. Fields stand in the class until something is said."""

    plain = True
    asserting = 0  #: keywords that assert something, `type` apart
    kinds = ALL_KINDS
    integer = False
    values: list[Any] | None = None
    bounds: tuple[tuple[str, int | Decimal], ...] = ()
    low = 0
    high: int | None = None
    pattern: str | None = None
    format: str | None = None
    properties: Mapping[str, Any] = MappingProxyType({})
    additional: Any = True
    required: Sequence[str] = ()
    min_members = 0
    max_members: int | None = None
    prefix: Sequence[Any] = ()
    items: Any = True
    min_items = 0
    max_items: int | None = None
    unique = False
    reference: Any = None
    branches: list[Any] | None = None
    exclusive = False


class _Survey:
    """One pass over a document."""

    def __init__(
        self, document: Document, algebra: ir.Algebra, limits: Limits, *, formats: bool, content: bool
    ) -> None:
        self.root = document.root.schema
        self.draft = document.root.draft
        self.algebra = algebra
        self.limits = limits
        self.formats = formats
        self.content = content
        self.readers = _readers(self.draft)
        self.targets: dict[str, Any] = {}
        #: Some schema asks what others evaluate.
        self.annotated = False
        #: The sub-schemas that a schema being read has.
        self.children: list[Any] = []

    def parts(self, root: dict[str, Any]) -> PlainParts:
        """Read everything the root reaches, then take away what reaches something that is not plain."""
        seen: dict[int, dict[str, Any]] = {id(root): root}
        users: dict[int, list[int]] = {}
        restless: list[int] = []
        ways: dict[int, _Ways] = {}
        within: dict[int, tuple[Any, ...]] = {}
        stack = [root]
        while stack:
            schema = stack.pop()
            this = id(schema)
            self.children = []
            facts = self._facts(schema)
            if not facts.plain or not self._settled(facts, schema):
                restless.append(this)
            else:
                ways[this] = list(self._ways(facts))
                if facts.branches is not None:
                    within[this] = tuple(facts.branches)
                elif facts.reference is not None:
                    within[this] = (facts.reference,)
            for child in self.children:
                if isinstance(child, dict):
                    key = id(child)
                    if key in users:
                        users[key].append(this)
                    else:
                        users[key] = [this]
                    if key not in seen:
                        seen[key] = child
                        stack.append(child)
            if self.annotated or len(seen) > self.limits.schema_nodes // 2:
                return NOTHING
        while restless:
            this = restless.pop()
            if seen.pop(this, None) is not None:
                restless.extend(users.get(this, ()))
        most = _most_branches(within, seen)
        if most is None or most > _BRANCHES:
            return NOTHING
        return PlainParts({key: number for number, key in enumerate(seen)}, _inhabited(ways, seen))

    def _facts(self, schema: dict[str, Any]) -> _Facts:
        facts = _Facts()
        if self.draft.ref_hides_siblings and isinstance(schema.get("$ref"), str):
            schema = {"$ref": schema["$ref"]}
        readers = self.readers
        for keyword, value in schema.items():
            reader = readers.get(keyword)
            if reader is not None:
                reader(self, facts, value, keyword)
        return facts

    # ------------------------------------------------------------------------------------------------- keywords

    def _ref(self, facts: _Facts, value: Any, _: str) -> None:
        facts.asserting += 1
        target = self._target(value) if isinstance(value, str) else None
        if target is None:
            facts.plain = False
        else:
            facts.reference = target
            self.children.append(target)

    def _target(self, reference: str) -> Any:
        """The schema within the document that a reference leads to; None for any other reference."""
        if reference not in self.targets:
            self.targets[reference] = self._walk(reference)
        return self.targets[reference]

    def _walk(self, reference: str) -> Any:
        if reference == "#":
            return self.root
        if not reference.startswith("#/"):
            return None
        current: Any = self.root
        try:
            steps = unquote(reference[2:], errors="strict").split("/")
        except UnicodeDecodeError:
            return None
        for step in steps:
            step = step.replace("~1", "/").replace("~0", "~")
            if isinstance(current, dict) and step in current:
                current = current[step]
            elif isinstance(current, list) and step.isascii() and step.isdigit() and int(step) < len(current):
                current = current[int(step)]
            else:
                return None
        return current if isinstance(current, (dict, bool)) else None

    def _union(self, facts: _Facts, value: Any, keyword: str) -> None:
        facts.asserting += 1
        if (
            not isinstance(value, list)
            or not value
            or not all(isinstance(one, (dict, bool)) for one in value)
        ):
            facts.plain = False
            return
        self.children.extend(value)
        if facts.branches is not None or (keyword == "allOf" and len(value) > 1):
            facts.plain = False
        elif len(value) == 1:  # a must, like a reference
            facts.plain = facts.plain and facts.reference is None
            facts.reference = value[0]
        else:
            facts.branches = value
            facts.exclusive = keyword == "oneOf"

    def _type(self, facts: _Facts, value: Any, _: str) -> None:
        if isinstance(value, str):
            found = _ONLY.get(value)
            facts.integer = value == "integer"
        elif (
            isinstance(value, list)
            and value
            and all(isinstance(one, str) and one in _KIND_OF for one in value)
        ):
            found = frozenset(_KIND_OF[one] for one in value)
            facts.integer = "integer" in value and "number" not in value
        else:
            found = None
        if found is None:
            facts.plain = False
        else:
            facts.kinds = found

    def _listed(self, facts: _Facts, value: Any, keyword: str) -> None:
        facts.asserting += 1
        values = [value] if keyword == "const" else value
        if not isinstance(values, list) or facts.values is not None or not all(map(_harmless, values)):
            facts.plain = False
        else:
            facts.values = values

    def _bound(self, facts: _Facts, value: Any, keyword: str) -> None:
        facts.asserting += 1
        if (
            isinstance(value, bool)
            and keyword.startswith("e")
            and (self.draft.number == 4 or self.draft.lenient)
        ):
            return  # it opens the bound beside it
        if (
            not is_number(value)
            or not _moderate(value)
            or (self.draft.number == 4 and keyword.startswith("e"))
        ):
            facts.plain = False
        else:
            facts.bounds += ((keyword, value),)

    def _size(self, facts: _Facts, value: Any, keyword: str) -> None:
        facts.asserting += 1
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            facts.plain = False
            return
        setattr(facts, _SIZES[keyword], value)

    def _pattern(self, facts: _Facts, value: Any, _: str) -> None:
        facts.asserting += 1
        if isinstance(value, str):
            facts.pattern = value
        else:
            facts.plain = False

    def _format(self, facts: _Facts, value: Any, _: str) -> None:
        if not isinstance(value, str):
            facts.plain = False
        elif self.formats and format_table.strings(value, self.draft.number) is not None:
            facts.asserting += 1
            facts.format = value

    def _content(self, facts: _Facts, value: Any, keyword: str) -> None:
        wanted = (dict, bool) if keyword == "contentSchema" else str
        if self.content or not isinstance(value, wanted):
            facts.plain = False

    def _members(self, facts: _Facts, value: Any, _: str) -> None:
        facts.asserting += 1
        if not isinstance(value, dict) or not all(isinstance(one, (dict, bool)) for one in value.values()):
            facts.plain = False
            return
        facts.properties = value
        self.children.extend(value.values())

    def _additional(self, facts: _Facts, value: Any, _: str) -> None:
        facts.asserting += 1
        facts.additional = value
        self._one(facts, value)

    def _required(self, facts: _Facts, value: Any, _: str) -> None:
        facts.asserting += 1
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            facts.plain = False
        else:
            facts.required = value

    def _items(self, facts: _Facts, value: Any, keyword: str) -> None:
        facts.asserting += 1
        if isinstance(value, list):
            if not value or not all(isinstance(one, (dict, bool)) for one in value):
                facts.plain = False
            elif keyword == "items" and self.draft.number >= 2020:
                facts.plain = False
                self.children.extend(value)
            else:
                facts.prefix = value
                self.children.extend(value)
        elif keyword == "items":
            facts.items = value
            self._one(facts, value)
        else:
            facts.plain = False

    def _unique(self, facts: _Facts, value: Any, _: str) -> None:
        facts.asserting += 1
        if isinstance(value, bool):
            facts.unique = value
        else:
            facts.plain = False

    def _one(self, facts: _Facts, value: Any) -> None:
        if isinstance(value, (dict, bool)):
            self.children.append(value)
        else:
            facts.plain = False

    def _branch(self, facts: _Facts, value: Any, _: str) -> None:
        """`then` and `else`: without `if` they assert nothing, and `if` is not plain."""
        if isinstance(value, dict):
            self.children.append(value)
        elif not isinstance(value, bool):
            facts.plain = False

    def _other(self, facts: _Facts, value: Any, keyword: str) -> None:
        """Not plain; what it holds may be."""
        facts.plain = False
        self.annotated = self.annotated or keyword in _ANNOTATED
        values = value.values() if isinstance(value, dict) and keyword in _MAPS else (value,)
        self.children.extend(one for one in values if isinstance(one, dict))

    # --------------------------------------------------------------------------------------------------- verdict

    def _settled(self, facts: _Facts, schema: dict[str, Any]) -> bool:
        """Whether keywords that are plain one by one are plain beside each other."""
        if isinstance(schema.get("items"), list) and ("additionalItems" in schema or "prefixItems" in schema):
            self.children.append(schema.get("additionalItems"))
            return False
        if facts.reference is not None and (facts.asserting > 1 or facts.kinds is not ALL_KINDS):
            return False
        if facts.values is not None and facts.asserting > 1:
            return False
        if facts.branches is not None and not self._union_settled(facts):
            return False
        if facts.unique and not (facts.max_items in {0, 1} or self._differ(facts)):
            return False
        if facts.pattern is None and facts.format is None:
            return True
        clauses = facts.pattern, facts.format
        lengths = facts.low, facts.high
        return _strings(clauses, lengths, self.draft.number, self.limits, self.algebra)

    def _differ(self, facts: _Facts) -> bool:
        """Whether the items of an array can visibly always differ: any strings."""
        items = facts.items
        if facts.prefix or not isinstance(items, dict):
            return False
        inner = self._inner(items)
        return inner.plain and inner.asserting == 0 and inner.kinds == {"string"}

    def _inner(self, schema: dict[str, Any]) -> _Facts:
        """What a schema says, without reading what it has below."""
        kept, self.children = self.children, []
        facts = self._facts(schema)
        self.children = kept
        return facts

    def _union_settled(self, facts: _Facts) -> bool:
        branches = facts.branches or []
        if facts.asserting > 1:
            # Beside members of its own: the branches have none.
            if facts.exclusive or facts.values is not None or facts.reference is not None:
                return False
            return all(
                isinstance(one, dict) and _NAMING.issuperset(self.readers.keys() & one) for one in branches
            )
        return not facts.exclusive or self._exclude_each_other(branches)

    def _exclude_each_other(self, branches: list[Any]) -> bool:
        """Whether no value visibly satisfies two branches; linear in the branches."""
        taken: set[str] = set()
        values: set[Hashable] = set()
        listed_kinds: set[str] = set()
        objects: list[_Facts] = []
        for branch in branches:
            if branch is False:
                continue
            facts = self._followed(branch)
            if facts is None or facts.branches is not None or facts.reference is not None:
                return False
            if facts.values is not None:
                keys = {canonical(value) for value in facts.values}
                if not values.isdisjoint(keys):
                    return False
                values |= keys
                listed_kinds.update(map(kind, facts.values))
            elif facts.kinds == _OBJECT:
                objects.append(facts)
            else:
                if not taken.isdisjoint(facts.kinds):
                    return False
                taken |= facts.kinds
        if objects:
            if "object" in taken or (len(objects) > 1 and not self._tagged(objects)):
                return False
            taken.add("object")
        return taken.isdisjoint(listed_kinds)

    def _followed(self, branch: Any) -> _Facts | None:
        """What a branch says itself, references followed; None for true, and for references that do not end."""
        for _ in range(_FOLLOWED):
            if not isinstance(branch, dict):
                return None
            facts = self._inner(branch)
            if facts.reference is None or not facts.plain:
                return facts if facts.plain else None
            branch = facts.reference
        return None

    def _tagged(self, objects: list[_Facts]) -> bool:
        """Whether one required name has different listed values in all of these objects."""
        for name in objects[0].required:
            seen: set[Hashable] = set()
            for facts in objects:
                values = self._tag(facts, name)
                if values is None or not seen.isdisjoint(values):
                    break
                seen |= values
            else:
                return True
        return False

    def _tag(self, facts: _Facts, name: str) -> set[Hashable] | None:
        if name not in facts.required or not isinstance(facts.properties.get(name), dict):
            return None
        inner = self._followed(facts.properties[name])
        return None if inner is None or inner.values is None else {canonical(value) for value in inner.values}

    # ------------------------------------------------------------------------------------------------- inhabited

    def _ways(self, facts: _Facts) -> Iterator[tuple[Any, ...]]:
        """The ways in which the schema is visibly inhabited, the shortest first."""
        kinds = facts.kinds
        if facts.reference is not None:
            yield (facts.reference,)
        elif facts.branches is not None:
            if facts.asserting == 1 and kinds is ALL_KINDS:
                yield from ((branch,) for branch in facts.branches)
        elif facts.values is not None:
            if any(
                kind(value) in kinds and (not facts.integer or isinstance(value, int) or not is_number(value))
                for value in facts.values
            ):
                yield ()
        elif (
            "null" in kinds
            or "boolean" in kinds
            or ("string" in kinds and (facts.high is None or facts.low <= facts.high))
            or ("number" in kinds and _leave_some(facts.bounds))
            or ("array" in kinds and not facts.min_items)
        ):
            yield ()
        else:
            names = set(facts.required)
            fits = facts.min_members <= len(names) and _at_most(len(names), facts.max_members)
            if "object" in kinds and fits and all(map(spellable, names)):
                yield tuple(facts.properties.get(name, facts.additional) for name in names)
            if "array" in kinds and _at_most(facts.min_items, facts.max_items) and not facts.unique:
                more = (facts.items,) if facts.min_items > len(facts.prefix) else ()
                yield (*facts.prefix[: facts.min_items], *more)


def _at_most(number: int, limit: int | None) -> bool:
    return limit is None or number <= limit


def _harmless(value: Any) -> bool:
    """Whether a listed value can be written as it is, scalars at least."""
    if isinstance(value, str):
        return spellable(value)
    if isinstance(value, (int, Decimal)):
        return _moderate(value)
    if isinstance(value, list):
        return all(map(_harmless, value))
    if isinstance(value, dict):
        return all(map(spellable, value)) and all(map(_harmless, value.values()))
    return True


def _moderate(value: int | Decimal) -> bool:
    if isinstance(value, int):
        return -_LARGE < value < _LARGE
    return abs(value.adjusted()) < _POWER and len(value.as_tuple().digits) < _POWER


def _leave_some(bounds: Iterable[tuple[str, int | Decimal]]) -> bool:
    """Whether bounds visibly leave an integer: at most one of them, or two that are apart."""
    lows = [value for keyword, value in bounds if keyword.lower().endswith("minimum")]
    highs = [value for keyword, value in bounds if keyword.lower().endswith("maximum")]
    return not lows or not highs or min(highs) - max(lows) >= 2


@lru_cache(maxsize=4096)
def _strings(
    clauses: tuple[str | None, str | None],
    lengths: tuple[int, int | None],
    draft: int,
    limits: Limits,
    algebra: ir.Algebra,
) -> bool:
    """Whether strings of a pattern and a format (`clauses`) between two lengths are there, without a guard."""
    pattern, format = clauses
    low, high = lengths
    patterns = []
    try:
        if pattern is not None:
            expr = read_pattern(pattern, search=True, limits=limits)
            if expr is not ir.ANY_TEXT:
                patterns.append(Pattern(pattern, expr, "pattern", ""))
        found = None if format is None else format_table.strings(format, draft)
        if found is not None:
            patterns.append(Pattern(found.name, found.expr, "format", "", found.test, found.certain))
        shape = StringShape(
            Size(low, "minLength", "") if low else None,
            None if high is None else Size(high, "maxLength", ""),
            tuple(patterns),
        )
        return not shape.guards(algebra, limits) and shape.why_empty(algebra, limits) is None
    except (SyntaxGrammarError, LimitError):
        return False  # the reader says where


def _most_branches(within: dict[int, tuple[Any, ...]], plain: dict[int, dict[str, Any]]) -> int | None:
    """The most branches that one value may be judged by, unions in unions multiplied out.

    None where references and unions lead in a circle without a member or an item between; the reader names it.
    """
    counts: dict[int, int] = {}
    for start, first in within.items():
        if start in counts or start not in plain:
            continue
        path: dict[int, Iterator[Any]] = {start: iter(first)}
        while path:
            this, pending = next(reversed(path.items()))
            for schema in pending:
                key = id(schema)
                if key in path:
                    return None
                if key in within and key not in counts:
                    path[key] = iter(within[key])
                    break
            else:
                path.popitem()
                counts[this] = sum(counts.get(id(one), 1) for one in within[this])
    return max(counts.values(), default=1)


def _inhabited(ways: dict[int, _Ways], plain: dict[int, dict[str, Any]]) -> dict[int, int]:
    """Ranks of what is visibly inhabited. Schemas come before what they have, so the last one is asked first."""
    ranks: dict[int, int] = {}
    left = [key for key in reversed(ways) if key in plain]
    for _ in range(_SWEEPS):
        before = len(left)
        rest = []
        for key in left:
            for way in ways[key]:
                if all(one is True or id(one) in ranks for one in way):
                    ranks[key] = len(ranks)
                    break
            else:
                rest.append(key)
        left = rest
        if len(left) == before:
            break
    return ranks


_SIZES: Final = {
    "minLength": "low", "maxLength": "high", "minItems": "min_items", "maxItems": "max_items",
    "minProperties": "min_members", "maxProperties": "max_members",
}  # fmt: skip
_ANNOTATED: Final = frozenset(("unevaluatedProperties", "unevaluatedItems"))
_MAPS: Final = frozenset(("patternProperties", "dependentSchemas", "dependencies"))

_Reader = Callable[[_Survey, _Facts, Any, str], None]
_PLAIN: Final[dict[str, _Reader]] = {
    "$ref": _Survey._ref,  # noqa: SLF001 - its own table
    "allOf": _Survey._union,  # noqa: SLF001
    "anyOf": _Survey._union,  # noqa: SLF001
    "oneOf": _Survey._union,  # noqa: SLF001
    "then": _Survey._branch,  # noqa: SLF001
    "else": _Survey._branch,  # noqa: SLF001
    "type": _Survey._type,  # noqa: SLF001
    "enum": _Survey._listed,  # noqa: SLF001
    "const": _Survey._listed,  # noqa: SLF001
    "minimum": _Survey._bound,  # noqa: SLF001
    "maximum": _Survey._bound,  # noqa: SLF001
    "exclusiveMinimum": _Survey._bound,  # noqa: SLF001
    "exclusiveMaximum": _Survey._bound,  # noqa: SLF001
    **dict.fromkeys(_SIZES, _Survey._size),  # noqa: SLF001
    "pattern": _Survey._pattern,  # noqa: SLF001
    "format": _Survey._format,  # noqa: SLF001
    "contentEncoding": _Survey._content,  # noqa: SLF001
    "contentMediaType": _Survey._content,  # noqa: SLF001
    "contentSchema": _Survey._content,  # noqa: SLF001
    "properties": _Survey._members,  # noqa: SLF001
    "additionalProperties": _Survey._additional,  # noqa: SLF001
    "required": _Survey._required,  # noqa: SLF001
    "items": _Survey._items,  # noqa: SLF001
    "prefixItems": _Survey._items,  # noqa: SLF001
    "uniqueItems": _Survey._unique,  # noqa: SLF001
}


@lru_cache(maxsize=64)
def _readers(draft: Draft) -> dict[str, _Reader]:
    """How to look at every keyword that means something in a draft."""
    return {word: _PLAIN.get(word, _Survey._other) for word in READERS if TABLE[word].active(draft)}  # noqa: SLF001
