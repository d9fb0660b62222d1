"""Which rules of a grammar can match anything at all.

A rule is *productive* when some string matches it. A reference to a rule that is not productive is a dead
end that a mask would walk into, so such references become `NEVER` before anything is emitted, and the smart
constructors carry that upwards. Linear in the size of the rules, by the usual worklist (Hopcroft and
Ullman, section 7.1.1); exact on regular parts, for which the algebra is asked only where a boolean operator
or a machine hides the answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Mapping

from ruvllm_grammar.ir.algebra import Algebra
from ruvllm_grammar.ir.expr import (
    NEVER,
    Alt,
    Both,
    Chain,
    Complement,
    Expr,
    Framed,
    JsonString,
    Leaf,
    Machine,
    Mark,
    Pick,
    Ref,
    Repeat,
    Seq,
    alt,
    bottom_up,
    chain,
    children,
    frame,
    mark,
    pick,
    references,
    repeat,
    seq,
)


def hides_emptiness(e: Expr) -> bool:
    """Whether a regular expression may be empty although it is not the object `NEVER`."""
    seen: set[Expr] = set()
    stack = [e]
    while stack:
        node = stack.pop()
        if isinstance(node, (Both, Complement, Machine)):
            return True
        if node not in seen:
            seen.add(node)
            stack.extend(children(node))
    return False


def _chain_is_productive(e: Chain, found: Mapping[Expr, bool]) -> bool:
    due = [found[part] for part, must in zip(e.parts, e.required, strict=True) if must]
    if not due:
        return any(found[part] for part in (*e.parts, e.more))
    return all(due) and (len(due) == 1 or found[e.separator])


def _productive(e: Expr, known: Container[str], algebra: Algebra) -> dict[Expr, bool]:
    """For every part of `e` whether it matches something, given the rules known to."""
    found: dict[Expr, bool] = {}
    for part in bottom_up(e):
        match part:
            case Ref():
                found[part] = part.name in known
            case Seq():
                found[part] = all(found[p] for p in part.parts)
            case Alt() | Pick():
                found[part] = any(found[p] for p in part.parts)
            case Chain():
                found[part] = _chain_is_productive(part, found)
            case Repeat():
                found[part] = part.low == 0 or found[part.body]
            case Mark() | Framed():
                found[part] = found[part.body]
            case Leaf() | JsonString():
                found[part] = not hides_emptiness(part.body) or not algebra.is_empty(part.body)
            case Both() | Complement() | Machine():
                found[part] = not algebra.is_empty(part)
            case _:
                found[part] = part is not NEVER
    return found


def productive_rules(rules: Mapping[str, Expr], algebra: Algebra) -> frozenset[str]:
    """Names of the rules that match at least one string. `rules` must be closed under reference."""
    users: dict[str, list[str]] = defaultdict(list)
    for name, body in rules.items():
        for used in references(body):
            users[used].append(name)
    known: set[str] = set()
    work = list(rules)
    while work:
        name = work.pop()
        if name not in known and _productive(rules[name], known, algebra)[rules[name]]:
            known.add(name)
            work.extend(users[name])
    return frozenset(known)


def _rewrite(e: Expr, known: Container[str], algebra: Algebra) -> Expr:
    found = _productive(e, known, algebra)
    out: dict[Expr, Expr] = {}
    for part in bottom_up(e):
        match part:
            case Seq():
                out[part] = seq(*(out[p] for p in part.parts))
            case Alt():
                out[part] = alt(*(out[p] for p in part.parts))
            case Chain():
                parts = zip((out[p] for p in part.parts), part.required, strict=True)
                out[part] = chain(parts, out[part.more], out[part.separator])
            case Repeat():
                out[part] = repeat(out[part.body], part.low, part.high)
            case Mark():
                out[part] = mark(part.name, out[part.body])
            case Pick():
                out[part] = pick(*(out[p] for p in part.parts))
            case Framed():
                out[part] = frame(part.frame, out[part.body])
            case _:
                out[part] = part if found[part] else NEVER
    return out[e]


def prune(rules: Mapping[str, Expr], algebra: Algebra) -> dict[str, Expr]:
    """The same language with references to unproductive rules, and empty leaves, written as `NEVER`."""
    known = productive_rules(rules, algebra)
    return {name: _rewrite(body, known, algebra) for name, body in rules.items() if name in known}
