"""Which rules of a grammar can match anything at all.

A rule is *productive* when some string matches it. A reference to a rule that is not productive is a dead
end that a mask would walk into, so such references become `NEVER` before anything is emitted, and the smart
constructors carry that upwards. Linear in the size of the rules, by the usual worklist (Hopcroft and
Ullman, section 7.1.1); exact on regular parts, for which the algebra is asked only where a boolean operator
or a machine hides the answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from ruvllm_grammar.ir.algebra import Algebra
from ruvllm_grammar.ir.expr import (
    NEVER,
    Alt,
    Both,
    Complement,
    Expr,
    JsonString,
    Leaf,
    Machine,
    Mark,
    Ref,
    Repeat,
    Seq,
    alt,
    children,
    mark,
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


def _productive(e: Expr, known: set[str], algebra: Algebra) -> bool:
    match e:
        case Ref():
            return e.name in known
        case Seq():
            return all(_productive(p, known, algebra) for p in e.parts)
        case Alt():
            return any(_productive(p, known, algebra) for p in e.parts)
        case Repeat():
            return e.low == 0 or _productive(e.body, known, algebra)
        case Mark():
            return _productive(e.body, known, algebra)
        case Leaf() | JsonString():
            return not hides_emptiness(e.body) or not algebra.is_empty(e.body)
        case _:
            return e is not NEVER and not (e.regular and hides_emptiness(e) and algebra.is_empty(e))


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
        if name not in known and _productive(rules[name], known, algebra):
            known.add(name)
            work.extend(users[name])
    return frozenset(known)


def _rewrite(e: Expr, known: frozenset[str], algebra: Algebra) -> Expr:
    match e:
        case Ref():
            return e if e.name in known else NEVER
        case Seq():
            return seq(*(_rewrite(p, known, algebra) for p in e.parts))
        case Alt():
            return alt(*(_rewrite(p, known, algebra) for p in e.parts))
        case Repeat():
            return repeat(_rewrite(e.body, known, algebra), e.low, e.high)
        case Mark():
            return mark(e.name, _rewrite(e.body, known, algebra))
        case _:
            return e if _productive(e, set(known), algebra) else NEVER


def prune(rules: Mapping[str, Expr], algebra: Algebra) -> dict[str, Expr]:
    """The same language with references to unproductive rules, and empty leaves, written as `NEVER`."""
    known = productive_rules(rules, algebra)
    return {name: _rewrite(body, known, algebra) for name, body in rules.items() if name in known}
