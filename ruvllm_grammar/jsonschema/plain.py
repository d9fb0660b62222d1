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

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote

from ruvllm_grammar import ir
from ruvllm_grammar.errors import LimitError, SyntaxGrammarError
from ruvllm_grammar.jsonschema import formats as format_table
from ruvllm_grammar.jsonschema.apart import Apart
from ruvllm_grammar.jsonschema.clauses import Pattern, Size
from ruvllm_grammar.jsonschema.document import Document
from ruvllm_grammar.jsonschema.facts import FactReader, Facts
from ruvllm_grammar.jsonschema.strings import StringShape
from ruvllm_grammar.jsonschema.values import ALL_KINDS, SCALARS, is_number, kind, spellable
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.source import pointer_join
from ruvllm_grammar.syntax.regex import read_pattern

#: Names of a class up to which they are listed, as `object_merge` does.
MAX_LISTED: Final = 64
#: `allOf` in `allOf` that is looked into.
_DEEP: Final = 8
#: Branches of one value, well within `obligations.MAX_CONJUNCTIONS`.
_BRANCHES: Final = 2048
#: Sweeps over what is not known to be inhabited; each goes one recursion further.
_SWEEPS: Final = 3

#: What may stand in branches that only ask for names.
_NAMING: Final = frozenset(("required", "type"))

#: The ways in which a sub-schema is visibly inhabited: sub-schemas that all have to be.
_Ways = list[tuple[Any, ...]]


#: Something is visibly there.
_SURE: Final[_Ways] = [()]


class PlainParts:
    """The plain sub-schemas of a document, by the identity of their JSON objects.

    Attributes:
        found: their numbers, in the order in which the root reaches them.
        facts: what each of them says.
        ranks: of those that are surely inhabited.
    """

    __slots__ = ("_pointers", "_schemas", "_survey", "facts", "found", "ranks")

    def __init__(
        self,
        facts: dict[int, Facts],
        ranks: Mapping[int, int],
        schemas: tuple[Any, ...],
        survey: _Survey | None,
    ) -> None:
        self.facts = facts
        self.found = {key: number for number, key in enumerate(facts)}
        self.ranks = ranks
        self._schemas = schemas
        self._survey = survey
        self._pointers: dict[int, str] = {}

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

    def numbered(self, number: int) -> Any:
        """The plain schema with this number; None where there is none."""
        return self._schemas[number] if number < len(self._schemas) else None

    def pointer(self, schema: Any) -> str:
        """Where a plain schema stands."""
        return "" if self._survey is None else self._survey.pointer(id(schema), self._pointers)


#: Nothing is plain: everything is read at once.
NOTHING: Final = PlainParts({}, {}, (), None)


def plain_parts(
    document: Document,
    *,
    algebra: ir.Algebra,
    limits: Limits,
    assert_formats: bool,
    assert_content: bool,
    any_order: bool = False,
) -> PlainParts:
    """Find the plain sub-schemas of a document; none where it consists of several resources, or annotations matter."""
    root = document.root.schema
    if not isinstance(root, dict) or not document.flat:
        return NOTHING
    reader = FactReader(document, formats=assert_formats, content=assert_content)
    return _Survey(document, reader, algebra, limits, any_order=any_order).parts(root)


class _Survey:
    """One pass over a document."""

    def __init__(
        self, document: Document, reader: FactReader, algebra: ir.Algebra, limits: Limits, *, any_order: bool
    ) -> None:
        self.reader = reader
        self.apart = Apart(reader, any_order=any_order)
        self.root = id(document.root.schema)
        self.draft = document.root.draft.number
        self.algebra = algebra
        self.limits = limits
        #: Everything the root reaches, and by whom.
        self.seen: dict[int, dict[str, Any]] = {}
        self.users: dict[int, list[int]] = {}

    def parts(self, root: dict[str, Any]) -> PlainParts:
        """Read everything the root reaches, then take away what reaches something that is not plain."""
        reader, seen, users = self.reader, self.seen, self.users
        seen[self.root] = root
        users[self.root] = []
        facts: dict[int, Facts] = {}
        restless: list[int] = []
        ways: dict[int, _Ways] = {}
        within: dict[int, tuple[Any, ...]] = {}
        unique: list[int] = []
        stack = [root]
        while stack:
            schema = stack.pop()
            this = id(schema)
            reader.children = []
            said = reader.read(schema)
            if said.plain and not (said.asserting or reader.children):
                facts[this] = said
                ways[this] = _SURE
                continue
            if not said.plain or not self._settled(said, schema):
                restless.append(this)
            else:
                facts[this] = said
                ways[this] = list(self._ways(said))
                if said.unique and said.max_items not in {0, 1}:
                    unique.append(this)
                if said.parts:
                    within[this] = tuple(said.parts)
                elif said.branches is not None:
                    within[this] = tuple(said.branches)
                elif said.reference is not None:
                    within[this] = (said.reference,)
            for child in reader.children:
                if isinstance(child, dict):
                    key = id(child)
                    if key in seen:
                        users[key].append(this)
                    else:
                        users[key] = [this]
                        seen[key] = child
                        stack.append(child)
            if reader.annotated or len(seen) > self.limits.schema_nodes // 2:
                return NOTHING
        ranks = _inhabited(ways)
        restless += (this for this in unique if not self.apart.always_differ(facts[this], ranks))
        gone: set[int] = set()
        while restless:
            this = restless.pop()
            if this not in gone:
                gone.add(this)
                facts.pop(this, None)
                restless.extend(users[this])
        most = _most_branches(within, facts)
        if most is None or most > _BRANCHES:
            return NOTHING
        return PlainParts(facts, ranks, tuple(seen[key] for key in facts), self)

    def pointer(self, key: int, known: dict[int, str]) -> str:
        """Where a schema stands, by the identity of its JSON object: found upwards, from what holds it."""
        steps: list[tuple[str, ...]] = []
        here = key
        known.setdefault(self.root, "")
        while here not in known:
            for user in self.users[here]:
                step = _step(self.seen[user], here)
                if step is not None:
                    steps.append(step)
                    here = user
                    break
            else:
                known[here] = next(
                    unquote(reference[1:])
                    for reference, target in self.reader.targets.items()
                    if id(target) == here
                )
        pointer = known[here]
        for step in reversed(steps):
            pointer = pointer_join(pointer, *step)
        known[key] = pointer
        return pointer

    # --------------------------------------------------------------------------------------------------- verdict

    def _settled(self, facts: Facts, schema: dict[str, Any]) -> bool:
        """Whether keywords that are plain one by one are plain beside each other."""
        if isinstance(schema.get("items"), list) and ("additionalItems" in schema or "prefixItems" in schema):
            self.reader.children.append(schema.get("additionalItems"))
            return False
        if facts.reference is not None and (facts.asserting > 1 or facts.kinds is not ALL_KINDS):
            facts.parts, facts.reference = (*facts.parts, facts.reference), None
        if facts.parts:
            facts.parts = [one for one in facts.parts if one is not True and not self._says_nothing(one)]
            if len(facts.parts) == 1 and facts.asserting == 1 and facts.kinds is ALL_KINDS:
                facts.reference = facts.parts[0]
                facts.parts = ()
            elif facts.parts and not self._merge(facts):
                return False
        if facts.patterns and not self._names_settled(facts):
            return False
        if facts.values is not None and facts.asserting > 1:
            return False
        if facts.branches is not None and not self._union_settled(facts):
            return False
        if facts.pattern is None and facts.format is None:
            return True
        clauses = facts.pattern, facts.format
        lengths = facts.low, facts.high
        return _strings(clauses, lengths, self.draft, self.limits, self.algebra)

    def _union_settled(self, facts: Facts) -> bool:
        branches = facts.branches or []
        if facts.asserting > 1:
            # Beside members of its own: the branches have none.
            if facts.exclusive or facts.values is not None or facts.parts:
                return False
            return all(
                isinstance(one, dict) and _NAMING.issuperset(self.reader.asserting(one)) for one in branches
            )
        return not facts.exclusive or self.apart.exclusive(branches)

    def _says_nothing(self, schema: Any) -> bool:
        return isinstance(schema, dict) and not self.reader.asserting(schema)

    def _merge(self, facts: Facts) -> bool:
        """Whether schemas that hold beside each other visibly do not meet; what they say is put together.

        Names to which several of them give a schema have simple scalars, and no kind of value but objects is restricted
        by two of them.
        """
        merged = self._merged(facts, _DEEP)
        if merged is None:
            return False
        names: dict[str, Any] = {}
        strings = arrays = 0
        for one in merged:
            if one.additional is not True or one.patterns or one.unique:
                return False
            for name in names.keys() & one.properties:
                if not (self._simple(names[name]) and self._simple(one.properties[name])):
                    return False
                facts.shared = (*facts.shared, name)
            names.update(one.properties)
            strings += bool(one.low or one.high is not None or one.pattern or one.format)
            arrays += bool(one.prefix or one.items is not True or one.min_items or one.max_items is not None)
        if strings > 1 or arrays > 1:
            return False
        facts.merged = merged
        return True

    def _simple(self, schema: Any) -> bool:
        """Whether a schema allows only scalars, by kinds, lists, bounds and lengths: whatever holds beside it."""
        facts = self.apart.followed(schema)
        if facts is None or facts.branches is not None or facts.parts or facts.pattern or facts.format:
            return False
        if facts.values is not None:
            return not any(isinstance(value, (dict, list)) for value in facts.values)
        return facts.kinds <= SCALARS

    def _merged(self, facts: Facts, deep: int) -> list[Facts] | None:
        """What schemas that hold beside each other say; None where some choose, or list values."""
        if not deep or not facts.plain or facts.values is not None or facts.branches is not None:
            return None
        found = [facts]
        for part in facts.parts:
            inner = self.apart.followed(part)
            more = None if inner is None else self._merged(inner, deep - 1)
            if more is None:
                return None
            found += more
        return found

    def _names_settled(self, facts: Facts) -> bool:
        """Whether names that match a pattern, and the others, never run out; and no declared name matches."""
        if len(facts.patterns) > 1:
            return False
        (text,) = facts.patterns
        if not _names(text, self.limits, self.algebra, closed=facts.additional is False):
            return False
        expr = read_pattern(text, search=True, limits=self.limits)
        return not any(
            self.algebra.matches(expr, name)
            for name in (*facts.properties, *facts.required)
            if spellable(name)
        )

    # ------------------------------------------------------------------------------------------------- inhabited

    def _ways(self, facts: Facts) -> Iterator[tuple[Any, ...]]:
        """The ways in which the schema is visibly inhabited, the shortest first."""
        kinds = facts.kinds
        if facts.parts:
            yield from _ways_beside(facts)
        elif facts.reference is not None:
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
            if "object" in kinds and fits and all(map(spellable, names)) and not _unsaid(facts, names):
                yield tuple(facts.properties.get(name, facts.additional) for name in names)
            if "array" in kinds and _at_most(facts.min_items, facts.max_items) and not facts.unique:
                more = (facts.items,) if facts.min_items > len(facts.prefix) else ()
                yield (*facts.prefix[: facts.min_items], *more)


def _ways_beside(facts: Facts) -> Iterator[tuple[Any, ...]]:
    """The way of an object of which several schemas speak."""
    merged = facts.merged
    kinds = frozenset.intersection(*(one.kinds for one in merged))
    names = {name for one in merged for name in one.required}
    declared = {name: schema for one in merged for name, schema in one.properties.items()}
    fits = all(one.min_members <= len(names) and _at_most(len(names), one.max_members) for one in merged)
    if "object" in kinds and fits and all(map(spellable, names)) and names.isdisjoint(facts.shared):
        yield tuple(declared.get(name, True) for name in names)


def _unsaid(facts: Facts, names: Iterable[str]) -> bool:
    """Whether some names may get their schemas from patterns."""
    return bool(facts.patterns) and any(name not in facts.properties for name in names)


def _at_most(number: int, limit: int | None) -> bool:
    return limit is None or number <= limit


def _step(schema: dict[str, Any], key: int) -> tuple[str, ...] | None:
    """The way from a schema to one that it holds; None where it only refers to it."""
    for keyword, value in schema.items():
        if id(value) == key:
            return (keyword,)
        if isinstance(value, dict):
            for name, one in value.items():
                if id(one) == key:
                    return (keyword, name)
        elif isinstance(value, list):
            for i, one in enumerate(value):
                if id(one) == key:
                    return (keyword, str(i))
    return None


def _leave_some(bounds: Iterable[tuple[str, int | Decimal]]) -> bool:
    """Whether bounds visibly leave an integer: at most one of them, or two that are apart."""
    lows = [value for keyword, value in bounds if keyword.lower().endswith("minimum")]
    highs = [value for keyword, value in bounds if keyword.lower().endswith("maximum")]
    return not lows or not highs or min(highs) - max(lows) >= 2


@lru_cache(maxsize=4096)
def _names(pattern: str, limits: Limits, algebra: ir.Algebra, *, closed: bool) -> bool:
    """Whether names that match a pattern, and unless `closed` those that do not, are few or never run out."""
    try:
        expr = read_pattern(pattern, search=True, limits=limits)
        return all(
            one is ir.NEVER or algebra.strings(one, MAX_LISTED) is not None or not algebra.runs_out(one)
            for one in ((expr,) if closed else (expr, ir.complement(expr)))
        )
    except (SyntaxGrammarError, LimitError):
        return False  # the reader says where


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


def _most_branches(within: dict[int, tuple[Any, ...]], plain: Mapping[int, Facts]) -> int | None:
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


def _inhabited(ways: dict[int, _Ways]) -> dict[int, int]:
    """Ranks of what is visibly inhabited. Schemas come before what they have, so the last one is asked first."""
    ranks: dict[int, int] = {}
    left = list(reversed(ways))
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
