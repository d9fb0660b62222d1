"""Listed values: one leaf for the scalars, closed shapes for objects and arrays.

Strings are written canonically (as `json.dumps(ensure_ascii=False)` does), numbers in the spellings of
`values.number_spellings`, objects in their own key order. Two spellings of one value are two strings of the leaf, so
the minimal automaton shares what they share.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ruvllm_grammar import ir
from ruvllm_grammar.jsonschema.values import kind, number_spellings, quoted, spellable
from ruvllm_grammar.jsonschema.whitespace import Whitespace


def expression(values: Iterable[Any], space: Whitespace, *, top: bool, whole: bool) -> ir.Expr:
    """Every spelling of every value that is offered.

    Args:
        values: the values.
        space: the style of white space.
        top: the values are the document itself.
        whole: integers are not spelled with a fraction or exponent (`integer` of draft 4).
    """
    scalars: list[ir.Expr] = []
    containers: list[ir.Expr] = []
    for value in values:
        if isinstance(value, (dict, list)):
            containers.append(_spelled(value, space, top=top))
        else:
            scalars.extend(_scalar(value, whole=whole))
    flat = ir.alt(*scalars)
    return ir.alt(ir.leaf(flat) if isinstance(flat, ir.Alt) else flat, *containers)


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


def _spelled(value: Any, space: Whitespace, *, top: bool) -> ir.Expr:
    if not isinstance(value, (dict, list)):
        flat = ir.alt(*_scalar(value))
        return ir.leaf(flat) if isinstance(flat, ir.Alt) else flat
    opening, closing = ("{", "}") if isinstance(value, dict) else ("[", "]")
    if not value:
        return ir.seq(ir.literal(opening), space.empty, ir.literal(closing))
    parts = []
    for i, key in enumerate(value):
        parts.append(ir.seq(ir.literal(","), space.after_comma) if i else space.after_open)
        if isinstance(value, dict):
            if not spellable(key):
                return ir.NEVER
            parts += [ir.literal(quoted(key)), space.before_colon, ir.literal(":"), space.after_colon]
        parts += [
            _spelled(value[key] if isinstance(value, dict) else key, space, top=False),
            space.after_value,
        ]
    return ir.seq(ir.literal(opening), *parts, space.before_close(top=top), ir.literal(closing))
