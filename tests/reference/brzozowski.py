"""Derivatives of regular expressions: `derive(e, c)` is what remains of `e` after the character `c`.

A word is in the language if what remains after its last character contains the empty string; a language is not empty
if some derivative does. After Brzozowski, "Derivatives of Regular Expressions" (1964): boolean operators cost nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from ruvllm_grammar import ir


@lru_cache(maxsize=100_000)
def nullable(e: ir.Expr) -> bool:
    """Whether a regular expression contains the empty string."""
    match e:
        case ir.Empty():
            return True
        case ir.Never() | ir.Literal() | ir.Chars():
            return False
        case ir.Seq() | ir.Both():
            return all(nullable(p) for p in e.parts)
        case ir.Alt():
            return any(nullable(p) for p in e.parts)
        case ir.Repeat():
            return e.low == 0 or nullable(e.body)
        case ir.Complement():
            return not nullable(e.body)
        case ir.Machine():
            return 0 in e.accepting
    raise TypeError(e)


@lru_cache(maxsize=100_000)
def derive(e: ir.Expr, char: int) -> ir.Expr:
    """What may follow `char` in the words of a regular expression."""
    match e:
        case ir.Never() | ir.Empty():
            return ir.NEVER
        case ir.Literal():
            return ir.literal(e.text[1:]) if ord(e.text[0]) == char else ir.NEVER
        case ir.Chars():
            return ir.EMPTY if char in e.set else ir.NEVER
        case ir.Seq():
            choices = []
            for k, part in enumerate(e.parts):
                choices.append(ir.seq(derive(part, char), *e.parts[k + 1 :]))
                if not nullable(part):
                    break
            return _union(choices)
        case ir.Alt():
            return _union([derive(p, char) for p in e.parts])
        case ir.Repeat():
            left = ir.repeat(e.body, max(e.low - 1, 0), None if e.high is None else e.high - 1)
            return ir.seq(derive(e.body, char), left)
        case ir.Both():
            return ir.both(*sorted((derive(p, char) for p in e.parts), key=ir.show))
        case ir.Complement():
            return ir.complement(derive(e.body, char))
        case ir.Machine():
            for low, high, target in e.rows[0]:
                if low <= char <= high:
                    return _started_at(e, target)
            return ir.NEVER
    raise TypeError(e)


def _union(choices: list[ir.Expr]) -> ir.Expr:
    """Alternation in one fixed order, so that there are finitely many derivatives."""
    flat = [p for c in choices for p in (c.parts if isinstance(c, ir.Alt) else (c,))]
    return ir.alt(*sorted(flat, key=ir.show))


def _started_at(e: ir.Machine, state: int) -> ir.Expr:
    """The same machine with its states renamed so that `state` is 0."""
    swap = {0: state, state: 0}
    order = [swap.get(s, s) for s in range(len(e.rows))]
    rows = [[(low, high, swap.get(t, t)) for low, high, t in e.rows[s]] for s in order]
    return ir.machine(rows, [swap.get(s, s) for s in e.accepting])


def after(e: ir.Expr, value: Sequence[int]) -> ir.Expr:
    """What may follow `value` in the words of `e`."""
    for char in value:
        e = derive(e, char)
    return e


def has(e: ir.Expr, value: Sequence[int]) -> bool:
    """Whether the characters `value` are a word of regular `e`."""
    return nullable(after(e, value))


def some_word(e: ir.Expr, first: ir.CharSet | None) -> bool:
    """Whether `e` has a word; with `first`: one that starts with a character of that set."""
    if first is None:
        return not_empty(e)
    return any(not_empty(derive(e, char)) for char in _representatives(e, first))


@lru_cache(maxsize=100_000)
def not_empty(e: ir.Expr) -> bool:
    """Whether a regular expression has any word: search its derivatives for a nullable one."""
    if not ir.hides_emptiness(e):
        return e is not ir.NEVER
    seen = {e}
    queue = [e]
    for current in queue:
        if nullable(current):
            return True
        for char in _representatives(current, ir.CharSet.ANY):
            rest = derive(current, char)
            if rest not in seen:
                seen.add(rest)
                queue.append(rest)
    return False


def _representatives(e: ir.Expr, among: ir.CharSet) -> list[int]:
    """One character of `among` for each way in which `e` can treat a character."""
    marks = sorted(_landmarks(e) | {low for low, _ in among.ranges})
    return [m for m in marks if m in among]


@lru_cache(maxsize=100_000)
def _landmarks(e: ir.Expr) -> frozenset[int]:
    """Code points from which on `e` may treat characters differently from the one before."""
    match e:
        case ir.Literal():
            return frozenset(ord(c) + d for c in e.text for d in (0, 1))
        case ir.Chars():
            return frozenset(m for low, high in e.set.ranges for m in (low, high + 1))
        case ir.Machine():
            return frozenset(m for row in e.rows for low, high, _ in row for m in (low, high + 1))
    return frozenset().union(*(_landmarks(child) for child in ir.children(e)))
