r"""Plain schemas straight to rules: what most of most schemas consists of, without cells, conjunctions and shapes.

`lower` writes the rule of a conjunction, which takes a cell for every member, an obligation for every cell, and so on,
since the general case needs them. For a plain object with visibly inhabited members the JSON says it all: names in the
order of the schema, which of them are required, what other names may have. The rules are the same, and so are their
names; a value that is not as simple as that is left to `lower` again.

```text
{"type": "string"}                 json_string(.*)
{"enum": ["a", "b"]}               leaf("\"a\"" | "\"b\"")
{"$ref": "#/$defs/x"}, an object   c17, where 17 is the number that `plain` gave the schema of x
```

Cost: a few expressions a member. A rule is written when it is entered, so a member's own rules wait.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ruvllm_grammar import ir
from ruvllm_grammar.jsonschema import object_rules
from ruvllm_grammar.jsonschema.facts import Facts
from ruvllm_grammar.jsonschema.numbers import INTEGER, NUMBER, WHOLE
from ruvllm_grammar.jsonschema.plain import PlainParts
from ruvllm_grammar.jsonschema.values import SCALARS, quoted, spellable
from ruvllm_grammar.jsonschema.whitespace import Whitespace

ANYTHING: Final = "c_any"
_OBJECT: Final = frozenset(("object",))
_STRING: Final = frozenset(("string",))
_STRINGS: Final = ir.json_string(ir.ANY_TEXT)


class Direct:
    """Writes plain schemas.

    Args:
        plain: the plain schemas.
        space: the style of white space.
        whole: integers are spelled without fraction and exponent (draft 4).
        value: the expression of a plain schema that takes more than its facts.
    """

    def __init__(
        self, plain: PlainParts, space: Whitespace, *, whole: bool, value: Callable[[Any], ir.Expr]
    ) -> None:
        self._plain = plain
        self._space = space
        self._whole = whole
        self._further = value
        self._colon = ir.seq(space.before_colon, ir.literal(":"), space.after_colon)
        self._scalars: dict[tuple[frozenset[str], bool], ir.Expr] = {}

    def value(self, schema: Any, suffix: str = "") -> ir.Expr | None:
        """The expression of a value that satisfies a plain schema; None where its facts are not enough.

        Args:
            schema: the schema.
            suffix: of the names of rules.
        """
        while True:
            if isinstance(schema, bool):
                return ir.ref(ANYTHING + suffix) if schema else ir.NEVER
            facts = self._plain.facts.get(id(schema))
            if facts is None:
                return None
            if facts.reference is None:
                break
            schema = facts.reference
        kinds = facts.kinds
        if not facts.asserting:
            if kinds <= SCALARS:
                return self._unrestricted(kinds, integer=facts.integer)
            if len(kinds) == _ALL:
                return ir.ref(ANYTHING + suffix)
        if id(schema) not in self._plain.ranks:
            return None
        number = self._plain.found[id(schema)]
        if facts.branches is not None or facts.parts:
            return ir.ref(f"v{number}{suffix}")
        if facts.values is not None:
            return _listed(facts)
        if kinds.isdisjoint(SCALARS):
            return ir.ref(f"c{number}{suffix}")
        return _measured(facts) if kinds == _STRING else None

    def _unrestricted(self, kinds: frozenset[str], *, integer: bool) -> ir.Expr:
        """Scalars of some kinds, all of them."""
        found = self._scalars.get((kinds, integer))
        if found is None:
            parts = []
            if "null" in kinds:
                parts.append(ir.literal("null"))
            if "boolean" in kinds:
                parts += [ir.literal("true"), ir.literal("false")]
            if "number" in kinds:
                parts.append((WHOLE if self._whole else INTEGER) if integer else NUMBER)
            if "string" in kinds:
                parts.append(_STRINGS)
            found = self._scalars[kinds, integer] = ir.alt(*parts)
        return found

    def union(self, name: str, number: int, suffix: str) -> ir.Group | None:
        """The rules of the plain union with this number, objects in it included; None where facts are not enough.

        Who enters a union enters all of it, so the objects are written along.

        Args:
            name: of the rule.
            number: of the schema.
            suffix: of the names of rules.
        """
        schema = self._plain.numbered(number)
        facts = None if schema is None else self._plain.facts[id(schema)]
        if facts is None or facts.branches is None or facts.asserting > 1 or len(facts.kinds) < _ALL:
            return None
        group: dict[str, ir.Expr] = {}
        parts = []
        for branch in facts.branches:
            part = self.value(branch, suffix)
            if part is None:
                return None
            parts.append(part)
            if isinstance(part, ir.Ref) and part.name[0] == "c" and part.name not in group:
                digits = part.name[1:].removesuffix(suffix)
                found = self.object(part.name, int(digits), top=bool(suffix)) if digits.isdecimal() else None
                group.update(found or {})
        return {name: ir.alt(*parts), **group}

    def object(self, name: str, number: int, *, top: bool) -> ir.Group | None:
        """The rules of the plain object with this number; None where its facts are not enough.

        Args:
            name: of the rule.
            number: of the schema.
            top: the object is the document itself.
        """
        schema = self._plain.numbered(number)
        facts = None if schema is None else self._plain.facts[id(schema)]
        if facts is None or not self._is_simple(facts, schema):
            return None
        required = dict.fromkeys(facts.required)
        members = []
        for word, one in facts.properties.items():
            value = self._member(one, needed=word in required)
            if value is None:
                return None
            if value is not ir.NEVER:
                members.append((word, value, word in required))
        for word in required:
            if word not in facts.properties:
                value = self._member(facts.additional, needed=True)
                if value is None:
                    return None
                members.append((word, value, True))
        if not all(word.isascii() or spellable(word) for word, _, _ in members):
            return None
        other: ir.Expr = ir.NEVER
        if facts.additional is not False:
            rest = self._member(facts.additional, needed=False)
            if rest is None:
                return None
            if rest is not ir.NEVER:
                declared = (*facts.properties, *(word for word in required if word not in facts.properties))
                taken = [ir.literal(word) for word in declared if word.isascii() or spellable(word)]
                names = ir.but_not(ir.ANY_TEXT, ir.alt(*taken)) if taken else ir.ANY_TEXT
                new = ir.check(ir.Check("name", "names", self._plain.pointer(schema)))
                other = ir.seq(ir.json_name(names), new, self._colon, rest, self._space.after_value)
        body = object_rules.linear(
            [(ir.literal(quoted(word)), (value,), must) for word, value, must in members],
            other,
            self._colon,
            self._space,
            top=top,
        )
        return {name: body}

    def _is_simple(self, facts: Facts, schema: Any) -> bool:
        return (
            facts.kinds == _OBJECT
            and facts.branches is None
            and facts.reference is None
            and facts.values is None
            and not facts.parts
            and not facts.patterns
            and not facts.min_members
            and facts.max_members is None
            and id(schema) in self._plain.ranks
        )

    def _member(self, schema: Any, *, needed: bool) -> ir.Expr | None:
        """A member's value; None where it is needed and not visibly there."""
        found = self.value(schema)
        if found is None:
            found = self._further(schema)
        return None if found is ir.NEVER and needed else found


_ALL: Final = 6  # kinds of value


def _listed(facts: Facts) -> ir.Expr | None:
    """Listed strings, which are spelled in one way; None for other values."""
    values = facts.values or []
    if "string" not in facts.kinds or not all(isinstance(value, str) for value in values):
        return None
    flat = ir.alt(*(ir.literal(quoted(value)) for value in values))
    return ir.leaf(flat) if isinstance(flat, ir.Alt) else flat


def _measured(facts: Facts) -> ir.Expr | None:
    """Strings of some lengths; None where more is asked of them."""
    if facts.pattern is not None or facts.format is not None:
        return None
    return ir.json_string(ir.repeat(ir.ANY_CHAR, facts.low, facts.high))
