"""Counted loops over bodies that may be empty, rewritten to bodies that may not.

Unrolled, `(a?b?){0,5000}` lets every copy be skipped on the way to every later one: five thousand copies reach each
other, twelve million pairs. A body that may be empty adds nothing by being empty, so

```text
(a?b?){m,n}  =  (a b? | b){0,n}          (a?){m,n}  =  a{0,n}
```

and the copies form a plain chain again. Linear in the expression, apart from sequences of k optional parts, which
become k alternatives that share their endings.
"""

from __future__ import annotations

from ruvllm_grammar import ir


def without_empty_bodies(e: ir.Expr) -> ir.Expr:
    """The same language with no bounded loop over a body that may be empty (but boolean operators stay whole)."""
    done: dict[ir.Expr, ir.Expr] = {}
    some: dict[ir.Expr, ir.Expr] = {}
    stack = [e]
    while stack:
        node = stack[-1]
        if node in done:
            stack.pop()
            continue
        parts = ir.children(node) if isinstance(node, (ir.Seq, ir.Alt, ir.Repeat)) else ()
        missing = [part for part in parts if part not in done]
        if missing:
            stack.extend(missing)
            continue
        done[node] = _rebuilt(node, done, some)
        if node.nullable:
            some[node] = _not_empty(node, done, some)
    return done[e]


def _rebuilt(node: ir.Expr, done: dict[ir.Expr, ir.Expr], some: dict[ir.Expr, ir.Expr]) -> ir.Expr:
    match node:
        case ir.Seq():
            return ir.seq(*(done[part] for part in node.parts))
        case ir.Alt():
            return ir.alt(*(done[part] for part in node.parts))
        case ir.Repeat() if node.body.nullable and node.high is not None and node.high > 1:
            return ir.repeat(some[node.body], 0, node.high)
        case ir.Repeat():
            return ir.repeat(done[node.body], node.low, node.high)
        case _:
            return node


def _not_empty(node: ir.Expr, done: dict[ir.Expr, ir.Expr], some: dict[ir.Expr, ir.Expr]) -> ir.Expr:
    """The words of a nullable node that are not empty, or, for a boolean operator, the node as it is."""
    match node:
        case ir.Empty():
            return ir.NEVER
        case ir.Seq():
            parts = [done[part] for part in node.parts]
            return ir.alt(*(ir.seq(some[part], *parts[i + 1 :]) for i, part in enumerate(node.parts)))
        case ir.Alt():
            return ir.alt(*(some.get(part, done[part]) for part in node.parts))
        case ir.Repeat():
            body = some.get(node.body, done[node.body])
            return ir.repeat(body, 1, node.high) if not body.nullable else done[node]
        case _:
            return node
