"""The words of ABNF (RFC 5234) as expressions, so that a format reads like the RFC that defines it."""

from __future__ import annotations

from ruvllm_grammar import ir


def word(text: str) -> ir.Expr:
    """Exactly this text."""
    return ir.literal(text)


def one_of(*members: str) -> ir.Expr:
    """One character: `"a-z"` is a range, everything else its characters."""
    found = ir.CharSet.NONE
    for member in members:
        if len(member) == 3 and member[1] == "-":
            found = found.union(ir.CharSet.of((ord(member[0]), ord(member[2]))))
        else:
            found = found.union(ir.CharSet.of(member))
    return ir.chars(found)


def times(body: ir.Expr, low: int, high: int | None = None) -> ir.Expr:
    """`low` to `high` times, or any number of times from `low` on."""
    return ir.repeat(body, low, high)


def numbers(low: int, high: int, *, step: int = 1, width: int = 2) -> ir.Expr:
    """The decimal numbers from `low` to `high` with leading zeros to a fixed width."""
    return ir.alt(*(ir.literal(f"{n:0{width}d}") for n in range(low, high + 1, step)))


DIGIT = one_of("0-9")
HEX = one_of("0-9", "a-f", "A-F")
ALPHA = one_of("a-z", "A-Z")
