r"""What a parsed pattern is made of.

Everything without an assertion is an `ir.Expr` already: the parser builds it bottom-up with the IR's constructors.
Only the parts around an assertion stay a tree, because an assertion looks at the text around it: positions (`^ $ \b
\B`), look-ahead and look-behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ruvllm_grammar import ir


class Where(Enum):
    """Positions a pattern may ask for."""

    START = "^"
    END = "$"
    BORDER = "\\b"
    INSIDE = "\\B"


@dataclass(frozen=True, slots=True, eq=False)
class Position:
    """Matches the empty string at certain positions. `at`: offset in the pattern."""

    where: Where
    at: int


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """Matches the empty string where `body` matches (`negative`: does not match) ahead or behind."""

    body: Node
    ahead: bool
    negative: bool
    at: int


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """One part after the other; at least one holds an assertion."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """One of several parts; at least one holds an assertion."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Loop:
    """`low` to `high` (None: any number of) times a body that holds an assertion."""

    body: Node
    low: int
    high: int | None


Node = ir.Expr | Position | Look | Sequence | Choice | Loop


def sequence(parts: list[Node]) -> Node:
    """The parts one after the other; neighbours without assertions become one expression."""
    joined: list[Node] = []
    plain: list[ir.Expr] = []
    for part in parts:
        if isinstance(part, ir.Expr):
            plain.append(part)
            continue
        if plain:
            joined.append(ir.seq(*plain))
            plain = []
        joined.append(part)
    if plain or not joined:
        joined.append(ir.seq(*plain))
    return joined[0] if len(joined) == 1 else Sequence(tuple(joined))


def choice(parts: list[Node]) -> Node:
    """One of the parts."""
    if len(parts) == 1:
        return parts[0]
    plain = [part for part in parts if isinstance(part, ir.Expr)]
    return ir.alt(*plain) if len(plain) == len(parts) else Choice(tuple(parts))


def loop(body: Node, low: int, high: int | None) -> Node:
    """The body `low` to `high` times."""
    if isinstance(body, ir.Expr):
        return ir.repeat(body, low, high)
    if high == 0:
        return ir.EMPTY
    return body if (low, high) == (1, 1) else Loop(body, low, high)


def inside(node: Node) -> tuple[Node, ...]:
    """Direct parts of a node that is not an expression."""
    if isinstance(node, (Sequence, Choice)):
        return node.parts
    if isinstance(node, (Loop, Look)):
        return (node.body,)
    return ()


def walk(node: Node) -> list[Node]:
    """The node and everything inside that is not below an expression, outermost first."""
    found = [node]
    for one in found:
        found.extend(inside(one))
    return found
