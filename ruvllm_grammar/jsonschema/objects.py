"""Objects: member rules merged per name, and their lowering to right-linear rules.

Every name has one obligation: the schemas that `properties` and every matching `patternProperties` give it in each
cell of the conjunction, or that cell's `additionalProperties` where neither does. Names are of two sorts:

- *slots*: declared names in the order of the schema, then names that are only required. A slot comes at most once and
  in its place. A slot whose obligation nothing can satisfy is not offered.
- *classes*: all other names, split by which patterns they match, in any order after the slots. Overlapping patterns
  give disjoint classes with merged obligations.

```text
{"properties": {"a": A, "b": B}, "required": ["b"], "additionalProperties": C}
c1    ::= "{" ws c1.m0
c1.m0 ::= '"a"' ws ":" ws A ws c1.a1 | c1.m1
c1.a1 ::= "," ws c1.m1
c1.m1 ::= '"b"' ws ":" ws B ws c1.a2
c1.a2 ::= "}" | "," ws c1.m2
c1.m2 ::= json_string(but_not(any, "a" | "b")) ws ":" ws C ws c1.a2
```

`m` rules write a member at or after a slot, `a` rules stand after one: close if nothing required is left, or comma and
go on. The rules are linear in the number of properties. Where `minProperties` or `maxProperties` count, each rule
also carries the number of members written so far, saturating; additional names are not compared with each other, so a
minimum that they would have to reach by their number is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ruvllm_grammar import ir
from ruvllm_grammar.jsonschema.clauses import Cell, Pattern, Refusal, Size
from ruvllm_grammar.jsonschema.obligations import Conjunction, Obligation, Obligations
from ruvllm_grammar.jsonschema.unevaluated import NameScope
from ruvllm_grammar.jsonschema.values import describe, quoted, spellable
from ruvllm_grammar.jsonschema.whitespace import Whitespace

#: Slots times counts beyond which counting members is refused.
MAX_COUNTED_RULES = 20_000


@dataclass(frozen=True, slots=True)
class Slot:
    """A name that comes at most once, in its place.

    Attributes:
        name: the name.
        obligation: of its value; None: the name itself is not allowed.
        required: pointer of the clause that requires it, or None.
    """

    name: str
    obligation: Obligation | None
    required: str | None


@dataclass(frozen=True, slots=True)
class NameClass:
    """Names that no slot has, all with one obligation.

    Attributes:
        inside: expressions that every name of the class matches.
        outside: expressions that none of them matches.
        declared: names of the slots, which the class leaves out.
        obligation: of their values.
    """

    inside: tuple[ir.Expr, ...]
    outside: tuple[ir.Expr, ...]
    declared: tuple[str, ...]
    obligation: Obligation

    def names(self, algebra: ir.Algebra) -> ir.Expr:
        """The names as a regular expression; declared names that do not match anyway are not spelled out."""
        taken = [
            name
            for name in self.declared
            if spellable(name) and all(algebra.matches(one, name) for one in self.inside)
        ]
        names = ir.both(*self.inside, *(ir.complement(one) for one in self.outside))
        return ir.but_not(names, ir.alt(*(ir.literal(name) for name in taken))) if taken else names

    def is_empty(self, algebra: ir.Algebra) -> bool:
        """Whether there is no such name. Finitely many are taken, so some are left where nothing else restricts."""
        if not self.inside and not self.outside:
            return False
        names = self.names(algebra)
        return names is ir.NEVER or (ir.hides_emptiness(names) and algebra.is_empty(names))


@dataclass(frozen=True, slots=True)
class ObjectShape:
    """Merged assertions about an object."""

    slots: tuple[Slot, ...] = ()
    classes: tuple[NameClass, ...] = ()
    low: Size | None = None
    high: Size | None = None

    def needed(self) -> tuple[Obligation, ...]:
        """Obligations on which it depends whether an object exists."""
        if self.low is not None:
            return self.children()
        return tuple(slot.obligation for slot in self.slots if slot.required is not None and slot.obligation)

    def children(self) -> tuple[Obligation, ...]:
        """All obligations of members."""
        slots = tuple(slot.obligation for slot in self.slots if slot.obligation is not None)
        return (*slots, *(one.obligation for one in self.classes))

    def offered(self, inhabited: Callable[[Obligation], bool]) -> ObjectShape:
        """The same object with only the names that some value can follow."""
        slots = tuple(
            slot for slot in self.slots if slot.obligation is not None and inhabited(slot.obligation)
        )
        classes = tuple(one for one in self.classes if inhabited(one.obligation))
        return ObjectShape(slots, classes, self.low, self.high)

    def why_empty(self, inhabited: Callable[[Obligation], bool]) -> tuple[str, Obligation | None] | None:
        """Why no object fits, and the member that nothing can satisfy if that is why; None when one does."""
        for slot in self.slots:
            if slot.required is not None and (slot.obligation is None or not inhabited(slot.obligation)):
                return (
                    f"the property {describe(slot.name)} is required (at {slot.required}), "
                    + (
                        "but the name is not allowed"
                        if slot.obligation is None
                        else "but nothing can be its value"
                    ),
                    slot.obligation,
                )
        required = sum(slot.required is not None for slot in self.slots)
        if self.high is not None and required > self.high.value:
            return f"{self.high} is less than the {required} required properties", None
        if self.low is not None:
            if self.high is not None and self.low.value > self.high.value:
                return f"{self.low} and {self.high} leave no object", None
            found = self.offered(inhabited)
            if not found.classes and len(found.slots) < self.low.value:
                return f"{self.low} is more than the {len(found.slots)} properties there can be", None
        return None


def merge(
    conjunction: Conjunction,
    obligations: Obligations,
    *,
    names_of: Callable[[Obligation], ir.Expr],
) -> ObjectShape:
    """The conjunction of what the cells say about objects.

    Args:
        conjunction: its cells.
        obligations: makes the obligations of members.
        names_of: the strings that satisfy an obligation, for `propertyNames`.

    Raises:
        UnsupportedKeyword: `minProperties` that additional names would have to reach.
    """
    cells = [cell for cell in conjunction.cells if _speaks(cell)]
    algebra = obligations.algebra
    required: dict[str, str] = {}
    declared: dict[str, None] = {}
    low: Size | None = None
    high: Size | None = None
    restrictions: list[ir.Expr] = []
    for cell in cells:
        declared.update(dict.fromkeys(cell.properties))
        for name in cell.required:
            required.setdefault(name, cell.at("required"))
        if cell.min_properties is not None and (low is None or cell.min_properties.value > low.value):
            low = cell.min_properties
        if cell.max_properties is not None and (high is None or cell.max_properties.value < high.value):
            high = cell.max_properties
        if cell.names is not None:
            restrictions.append(names_of(obligations.obligation(obligations.child(cell, cell.names))))
    declared.update(dict.fromkeys(required))
    patterned = any(cell.pattern_properties for cell in cells)
    scopes = [scope for scope in conjunction.scopes if isinstance(scope, NameScope)]

    def obligation_of(name: str) -> Obligation | None:
        if not spellable(name) or not all(algebra.matches(one, name) for one in restrictions):
            return None
        parts = []
        for cell in cells:
            node = cell.properties.get(name)
            hit = node is not None
            if node is not None:
                parts.append(obligations.child(cell, node))
            for pattern, other in cell.pattern_properties if patterned else ():
                if algebra.matches(pattern.expr, name):
                    parts.append(obligations.child(cell, other))
                    hit = True
            if not hit and cell.additional is not None:
                parts.append(obligations.child(cell, cell.additional))
        parts.extend(scope.rule for scope in scopes if not scope.covers(name, algebra))
        return obligations.obligation(*parts)

    if len(cells) == 1 and not patterned and not restrictions and not scopes:
        slots = _plain_slots(cells[0], declared, required, obligations)
    else:
        slots = tuple(Slot(name, obligation_of(name), required.get(name)) for name in declared)
    classes = _classes(cells, tuple(declared), restrictions, scopes, obligations)
    if low is not None and low.value <= len(required):
        low = None
    if high is not None and not classes and high.value >= len(slots):
        high = None
    if low is not None and low.value > 1 and classes:
        obligations.refuse(
            Refusal(
                "minProperties",
                low.pointer,
                f"{low.value} properties may have to come from additional names, which are not told apart yet; "
                "require the names, or set additionalProperties to false",
                "object",
            )
        )
    if (low is not None or high is not None) and _counts(low, high) * (len(slots) + 1) > MAX_COUNTED_RULES:
        clause = high or low
        obligations.refuse(
            Refusal(
                clause.keyword if clause else "maxProperties",
                clause.pointer if clause else "",
                f"counting needs more than {MAX_COUNTED_RULES} rules; leave it out or declare fewer properties",
                "object",
            )
        )
    return ObjectShape(slots, classes, low, high)


def _plain_slots(
    cell: Cell, declared: Iterable[str], required: Mapping[str, str], obligations: Obligations
) -> tuple[Slot, ...]:
    """The slots of the usual case: one cell without patterns, so a name has one schema."""
    found = []
    for name in declared:
        node = cell.properties.get(name, cell.additional)
        obligation: Obligation | None = None
        if name.isascii() or spellable(name):
            obligation = obligations.obligation(*(() if node is None else (obligations.child(cell, node),)))
        found.append(Slot(name, obligation, required.get(name)))
    return tuple(found)


def _speaks(cell: Cell) -> bool:
    return bool(
        cell.properties
        or cell.required
        or cell.pattern_properties
        or cell.additional is not None
        or cell.names is not None
        or cell.min_properties is not None
        or cell.max_properties is not None
    )


def _classes(
    cells: Iterable[Cell],
    declared: tuple[str, ...],
    restrictions: list[ir.Expr],
    scopes: Iterable[NameScope],
    obligations: Obligations,
) -> tuple[NameClass, ...]:
    """Split the names that are not declared by the patterns they match."""
    algebra = obligations.algebra
    patterns: dict[str, Pattern] = {}
    for cell in cells:
        for pattern, _ in cell.pattern_properties:
            patterns[pattern.text] = pattern
    regions: list[tuple[tuple[str, ...], tuple[str, ...]]] = [((), ())]
    for text, pattern in patterns.items():
        grown = []
        for inside, outside in regions:
            together = ir.both(*(patterns[one].expr for one in inside))
            if not inside or not algebra.disjoint(together, pattern.expr):
                grown.append(((*inside, text), outside))
            grown.append((inside, (*outside, text)))
        regions = grown
    found = []
    for inside, outside in regions:
        parts: list[Cell] = []
        for cell in cells:
            nodes = [node for pattern, node in cell.pattern_properties if pattern.text in inside]
            if not nodes and cell.additional is not None:
                nodes = [cell.additional]
            parts.extend(obligations.child(cell, node) for node in nodes)
        parts.extend(scope.rule for scope in scopes if not scope.covers_class(inside))
        if any(part.verdict is False for part in parts):
            continue
        names = NameClass(
            (*(patterns[one].expr for one in inside), *restrictions),
            tuple(patterns[one].expr for one in outside),
            declared,
            obligations.obligation(*parts),
        )
        if not names.is_empty(algebra):
            found.append(names)
    return tuple(found)


def _counts(low: Size | None, high: Size | None) -> int:
    """Different counts of members worth telling apart."""
    return 1 + max(0 if low is None else low.value, 0 if high is None else high.value)


def lower(
    name: str,
    shape: ObjectShape,
    *,
    value: Callable[[Obligation], ir.Expr],
    inhabited: Callable[[Obligation], bool],
    algebra: ir.Algebra,
    space: Whitespace,
    top: bool,
) -> tuple[ir.Expr, dict[str, ir.Expr]]:
    """The expression of an object, and the helper rules of its group."""
    return _Lowering(name, shape.offered(inhabited), value, algebra, space, top=top).lower()


class _Lowering:
    """Writes the rules of one object. `count` is 0 everywhere unless members are counted."""

    def __init__(
        self,
        name: str,
        shape: ObjectShape,
        value: Callable[[Obligation], ir.Expr],
        algebra: ir.Algebra,
        space: Whitespace,
        *,
        top: bool,
    ) -> None:
        self.name = name
        self.slots = shape.slots
        self.space = space
        self.low = 0 if shape.low is None else shape.low.value
        self.high = None if shape.high is None else shape.high.value
        self.counted = shape.low is not None or shape.high is not None
        self.most = _counts(shape.low, shape.high) - 1
        self.close = ir.seq(space.before_close(top=top), ir.literal("}"))
        self.comma = ir.seq(ir.literal(","), space.after_comma)
        colon = ir.seq(space.before_colon, ir.literal(":"), space.after_colon)
        self.pairs = [
            ir.seq(ir.literal(quoted(slot.name)), colon, value(_must(slot.obligation)), space.after_value)
            for slot in self.slots
        ]
        self.other = ir.alt(
            *(
                ir.seq(ir.json_string(one.names(algebra)), colon, value(one.obligation), space.after_value)
                for one in shape.classes
            )
        )
        # required[i]: how many required slots stand at or after i.
        self.required = [0] * (len(self.slots) + 1)
        for i in range(len(self.slots) - 1, -1, -1):
            self.required[i] = self.required[i + 1] + (self.slots[i].required is not None)
        self.rules: dict[str, ir.Expr] = {}

    def lower(self) -> tuple[ir.Expr, dict[str, ir.Expr]]:
        space = self.space
        begin = ir.literal("{")
        empty_allowed = self.required[0] == 0 and self.low == 0
        some = self.member(0, 0)
        if not empty_allowed:
            return ir.seq(begin, space.after_open, some), self.rules
        empty = ir.seq(space.empty, ir.literal("}"))
        if some is ir.NEVER:
            return ir.seq(begin, empty), self.rules
        if space.empty is space.after_open:
            return ir.seq(begin, space.after_open, ir.alt(ir.literal("}"), some)), self.rules
        return ir.seq(begin, ir.alt(empty, ir.seq(space.after_open, some))), self.rules

    def _more(self, count: int) -> int:
        return min(count + 1, self.most) if self.counted else 0

    def _room(self, i: int, count: int) -> bool:
        """Whether an optional member before slot `i` leaves room for what is required from there on."""
        return self.high is None or count + 1 + self.required[i] <= self.high

    def _fits(self, i: int, count: int) -> bool:
        """Whether an object with `count` members can still be completed from slot `i` on."""
        if self.high is not None and count + self.required[i] > self.high:
            return False
        return self.other is not ir.NEVER or count + len(self.slots) - i >= self.low

    def member(self, i: int, count: int) -> ir.Expr:
        """A reference to the rule that writes a member at or after slot `i`; `NEVER` when none can come.

        Iterative from the last slot, so the number of properties is not the depth of a recursion.
        """
        if not self.counted:
            for at in range(len(self.slots), i - 1, -1):
                self._write(at, 0)
            if self.slots:
                self.rules.pop(self._name("a", 0, 0), None)  # nothing stands before the first slot
        else:
            for at in range(len(self.slots), i - 1, -1):
                for written in range(self.most, -1, -1):
                    self._write(at, written)
            self._keep_reachable(self._name("m", i, count))
        return self._ref("m", i, count)

    def _name(self, letter: str, i: int, count: int) -> str:
        return f"{self.name}.{letter}{i}" + (f".{count}" if self.counted else "")

    def _ref(self, letter: str, i: int, count: int) -> ir.Expr:
        found = self._name(letter, i, count)
        return ir.ref(found) if found in self.rules else ir.NEVER

    def _write(self, i: int, count: int) -> None:
        """Rules `m` and `a` of slot `i`, whose successors exist already."""
        if not self._fits(i, count):
            return
        if i == len(self.slots):
            onward: ir.Expr = ir.NEVER
            if self.other is not ir.NEVER and self._room(i, count):
                after = self._name("a", i, self._more(count))
                # The loop refers to itself when counting has saturated.
                if after in self.rules or after == self._name("a", i, count):
                    onward = ir.seq(self.other, ir.ref(after))
        else:
            onward = ir.NEVER
            required = self.slots[i].required is not None
            if required or self._room(i + 1, count):
                onward = ir.seq(self.pairs[i], self._ref("a", i + 1, self._more(count)))
            if not required:
                onward = ir.alt(onward, self._ref("m", i + 1, count))
        if onward is not ir.NEVER:
            self.rules[self._name("m", i, count)] = onward
        done = self.close if self.required[i] == 0 and count >= self.low else ir.NEVER
        more = self._ref("m", i, count)
        after_rule = ir.alt(done, ir.seq(self.comma, more) if more is not ir.NEVER else ir.NEVER)
        if after_rule is not ir.NEVER:
            self.rules[self._name("a", i, count)] = after_rule

    def _keep_reachable(self, start: str) -> None:
        """Drop counted rules that no object reaches."""
        queue = [start]
        kept: dict[str, ir.Expr] = {}
        while queue:
            name = queue.pop()
            if name in kept or name not in self.rules:
                continue
            kept[name] = self.rules[name]
            queue.extend(ir.references(self.rules[name]))
        self.rules = kept


def _must(obligation: Obligation | None) -> Obligation:
    if obligation is None:
        msg = "a slot without obligation is never offered"
        raise ValueError(msg)
    return obligation
