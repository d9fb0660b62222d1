"""Listed values: one leaf for the scalars, closed shapes for objects and arrays.

Strings are written canonically (as `json.dumps(ensure_ascii=False)` does), numbers in the spellings of
`values.number_spellings`, objects in their own key order, or in any order where that is asked for (`members`). Two
spellings of one value are two strings of the leaf, so the minimal automaton shares what they share.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from decimal import Decimal
from itertools import count
from typing import Any

from ruvllm_grammar import ir
from ruvllm_grammar.jsonschema.exact import comparable
from ruvllm_grammar.jsonschema.members import Form, Supply
from ruvllm_grammar.jsonschema.numbers import NUMBER
from ruvllm_grammar.jsonschema.object_rules import Rules, framed
from ruvllm_grammar.jsonschema.values import (
    is_number,
    kind,
    number_spellings,
    plain_decimal,
    quoted,
    rational,
    spellable,
)
from ruvllm_grammar.jsonschema.whitespace import Whitespace

#: Strings beyond this are looked up when they end, where every spelling is read: their automaton has no bound.
_MANY = 256


def lower(
    name: str,
    values: Iterable[Any],
    space: Whitespace,
    *,
    top: bool,
    whole: bool,
    any_order: bool,
    lenient: bool = False,
) -> tuple[ir.Expr, Rules]:
    """Every spelling of every value that is offered, and the helper rules of its group.

    Args:
        name: of the rule, with which those of helpers begin.
        values: the values.
        space: the style of white space.
        top: the values are the document itself.
        whole: integers are not spelled with a fraction or exponent (`integer` of draft 4).
        any_order: members come in any order, not that of the value.
        lenient: every spelling, for acceptance.
    """
    others: list[Any] = []
    containers: list[ir.Expr] = []
    spelling = _Spelling(name, space, any_order=any_order, lenient=lenient)
    for value in values:
        if isinstance(value, (dict, list)):
            containers.append(spelling.spelled(value, top=top))
        else:
            others.append(value)
    if lenient:
        return ir.alt(_every_spelling(others, whole=whole), *containers), spelling.rules
    scalars: list[ir.Expr] = []
    for value in others:
        if not isinstance(value, str):
            scalars += _scalar(value, whole=whole)
        elif spellable(value):  # the most frequent case, so in place
            scalars.append(ir.literal(quoted(value)))
    flat = ir.alt(*scalars)
    return ir.alt(ir.leaf(flat) if isinstance(flat, ir.Alt) else flat, *containers), spelling.rules


def _scalar(value: Any, *, whole: bool = False) -> list[ir.Expr]:
    match kind(value):
        case "null":
            return [ir.literal("null")]
        case "boolean":
            return [ir.literal("true" if value else "false")]
        case "number":
            return [
                ir.literal(text)
                for text in number_spellings(value)
                if not whole or text.lstrip("-").isdigit()
            ]
        case _:
            return [ir.literal(quoted(value))] if spellable(value) else []


def _every_spelling(values: list[Any], *, whole: bool = False) -> ir.Expr:
    """Scalars in every spelling that JSON has for them; numbers are compared when they end."""
    texts = [value for value in values if isinstance(value, str) and spellable(value)]
    numbers = [value for value in values if is_number(value)]
    parts = [
        one
        for value in values
        if not isinstance(value, str) and not is_number(value)
        for one in _scalar(value)
    ]
    if len(texts) > _MANY:
        parts.append(ir.seq(ir.json_string(ir.ANY_TEXT), ir.check(_one_of(texts))))
    elif texts:
        parts.append(ir.json_string(ir.alt(*map(ir.literal, texts))))
    if numbers and whole:
        parts.extend(one for value in numbers for one in _scalar(value, whole=True))
    elif numbers:
        wanted = frozenset(map(rational, numbers))

        def test(value: int | Decimal) -> bool:
            return comparable(value) in wanted

        name = "number in " + ", ".join(map(plain_decimal, sorted(wanted)))
        parts.append(ir.seq(NUMBER, ir.check(ir.Check("value", name, "", test))))
    return ir.alt(*parts)


def _one_of(texts: list[str]) -> ir.Check:
    """The check that a string is one of many; its name says which, since names identify tests."""
    wanted = frozenset(texts)
    digest = hashlib.sha256("\0".join(sorted(wanted)).encode()).hexdigest()
    return ir.Check("value", f"string in {len(wanted)} of {digest}", "", wanted.__contains__)


class _Spelling:
    """Writes listed objects and arrays. A class for the helpers' sake: objects in any order have rules of their own."""

    def __init__(self, name: str, space: Whitespace, *, any_order: bool, lenient: bool) -> None:
        self._lenient = lenient
        self._name = name
        self._space = space
        self._any_order = any_order
        self._numbers = count()
        self.rules: Rules = {}

    def spelled(self, value: Any, *, top: bool) -> ir.Expr:
        """One value."""
        if not isinstance(value, (dict, list)):
            if self._lenient:
                return _every_spelling([value])
            flat = ir.alt(*_scalar(value))
            return ir.leaf(flat) if isinstance(flat, ir.Alt) else flat
        space = self._space
        opening, closing = ("{", "}") if isinstance(value, dict) else ("[", "]")
        if not value:
            return ir.seq(ir.literal(opening), space.empty, ir.literal(closing))
        if isinstance(value, dict):
            if not all(map(spellable, value)):
                return ir.NEVER
            if self._any_order and len(value) > 1:
                return self._unordered(value, top=top)
            parts = [ir.seq(self._member(name), self._rest(member)) for name, member in value.items()]
        else:
            parts = [ir.seq(self.spelled(item, top=False), space.after_value) for item in value]
        comma = ir.seq(ir.literal(","), space.after_comma)
        rest = (ir.seq(comma, part) for part in parts[1:])
        end = ir.seq(space.before_close(top=top), ir.literal(closing))
        return ir.seq(ir.literal(opening), space.after_open, parts[0], *rest, end)

    def _member(self, name: str) -> ir.Expr:
        return (ir.json_string if self._lenient else ir.json_name)(ir.literal(name))

    def _rest(self, member: Any) -> ir.Expr:
        """What follows a member's name."""
        space = self._space
        colon = ir.seq(space.before_colon, ir.literal(":"), space.after_colon)
        return ir.seq(colon, self.spelled(member, top=False), space.after_value)

    def _unordered(self, value: dict[str, Any], *, top: bool) -> ir.Expr:
        size = len(value)
        names = [self._member(name) for name in value]
        rests = [self._rest(member) for member in value.values()]
        if any(rest is ir.NEVER for rest in rests):
            return ir.NEVER
        supply = Supply(
            tuple(Form(bit) for bit in range(size)),
            ordered=0,
            required=(1 << size) - 1,
            needs=0,
            low=0,
            high=None,
        )
        body, _ = framed(
            f"{self._name}.e{next(self._numbers)}", supply, places=tuple(range(size)),
            names=names, owed=names, rests=rests, rules=self.rules,
            space=self._space, top=top,
        )  # fmt: skip
        return body
