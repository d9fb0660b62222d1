"""Which clauses clash: words for the messages of unsatisfiable schemas.

A clash has two sides, and a message that names one of them sends the reader looking for the other. For most kinds of
value the merged shape knows both sides (`minimum 5 (at /minimum) and maximum 4 (at /maximum)`). Left for here is what
no shape knows: which clause refuses a listed value, and why an item that `contains` counts cannot be there.

```text
{"enum": ["a", "b"], "pattern": "^c"}    enum (at /enum) lists nothing that pattern "^c" (at /pattern) allows
```
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ruvllm_grammar import ir
from ruvllm_grammar.jsonschema.clauses import Cell, Claim, Listed, Negated
from ruvllm_grammar.jsonschema.contains import Counting
from ruvllm_grammar.jsonschema.document import Node
from ruvllm_grammar.jsonschema.evaluate import Evaluator
from ruvllm_grammar.jsonschema.obligations import Conjunction, Obligation
from ruvllm_grammar.jsonschema.values import KINDS, canonical, describe, kind, rational, spellable

#: Clauses named in one message.
_MOST = 4


def joined(parts: list[str], *, last: str = "and") -> str:
    """`a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {last} {parts[-1]}"


def kinds_of(cell: Cell) -> str:
    """What a cell says about kinds."""
    if isinstance(cell.place, Node) and isinstance(cell.schema, dict) and "type" in cell.schema:
        return f"type {describe(cell.schema['type'])} (at {cell.at('type')})"
    denied = cell.node.schema
    if isinstance(cell.place, Claim) and cell.pointer.endswith("/type") and isinstance(denied, dict):
        return f"not type {describe(denied.get('type'))} (at {cell.pointer})"
    return f"only {', '.join(kind for kind in KINDS if kind in cell.kinds)} (at {cell.pointer})"


def unlisted(conjunction: Conjunction, evaluator: Evaluator, algebra: ir.Algebra) -> str:
    """Why a conjunction allows none of the values that its `enum` or `const` lists."""
    lists = [(cell, listed) for cell in conjunction.cells for listed in cell.values]
    (owner, shortest), *_ = sorted(lists, key=lambda each: len(each[1].values))
    if not shortest.values:
        return f"{shortest} lists nothing"
    against: dict[str, None] = {}
    for value in shortest.values:
        for cell in (owner, *conjunction.cells):
            clause = _refusing(cell, value, evaluator, algebra, apart=shortest)
            if clause is not None:
                against[clause] = None
                break
    clauses = list(against)
    if not clauses:
        return f"no value of {joined([str(listed) for _, listed in lists])} satisfies the other keywords beside it"
    if len(clauses) > _MOST:
        clauses = [*clauses[: _MOST - 1], f"{len(clauses) - _MOST + 1} other clauses"]
    verb = "allows" if len(clauses) == 1 else "allow"
    return f"{shortest} lists nothing that {joined(clauses)} {verb}"


def _refusing(
    cell: Cell, value: Any, evaluator: Evaluator, algebra: ir.Algebra, *, apart: Listed
) -> str | None:
    """The first clause of a cell that refuses a value, other than the list `apart`; None when none does."""
    if cell.verdict is False:
        return f"the schema at {cell.pointer or 'the root'}"
    if kind(value) not in cell.kinds:
        return kinds_of(cell)
    for listed in cell.values:
        if listed is not apart and canonical(value) not in {canonical(one) for one in listed.values}:
            return str(listed)
    if not isinstance(cell.place, Negated):
        for listed in cell.not_values:
            if canonical(value) in {canonical(one) for one in listed.values}:
                return f"not {listed}"
        if not evaluator.local(cell, value):
            return _local(cell, value, algebra) or f"the schema at {cell.pointer or 'the root'}"
        for choice in cell.choices:
            if not evaluator.choice(cell, choice, value):
                return f"{choice.keyword} (at {choice.pointer})"
    elif not evaluator.local(cell, value):
        return f"{cell.place.keyword} (at {cell.place.pointer})"
    return None


def _local(cell: Cell, value: Any, algebra: ir.Algebra) -> str | None:
    """The local clause that refuses a scalar, or the size of a container; None where it takes more to say."""
    if isinstance(value, str):
        if not spellable(value):
            return f"UTF-8, which cannot spell {describe(value)},"
        return _string(cell, value, algebra)
    if isinstance(value, dict):
        for name in cell.required:
            if name not in value:
                return f"required {describe(name)} (at {cell.at('required')})"
        return _size(len(value), cell.min_properties, cell.max_properties)
    if isinstance(value, list):
        return _size(len(value), cell.min_items, cell.max_items)
    if kind(value) != "number":
        return None
    exact = rational(value)
    for bound in (*cell.lower, *cell.upper):
        fits = not bound.open if exact == bound.value else (exact > bound.value) == (bound in cell.lower)
        if not fits:
            return str(bound)
    for step in cell.multiples:
        if (exact / step.value).denominator != 1:
            return str(step)
    for step in cell.not_multiples:
        if (exact / step.value).denominator == 1:
            return str(step)
    return f"type integer (at {cell.at('type')})" if cell.integer and exact.denominator != 1 else None


def _string(cell: Cell, value: str, algebra: ir.Algebra) -> str | None:
    size = _size(len(value), cell.min_length, cell.max_length)
    if size is not None:
        return size
    for pattern in cell.patterns:
        if not algebra.matches(pattern.expr, value):
            return str(pattern)
    for pattern in cell.not_patterns:
        if algebra.matches(pattern.expr, value):
            return str(pattern)
    return None


def _size(size: int, low: Any, high: Any) -> str | None:
    if low is not None and size < low.value:
        return str(low)
    return str(high) if high is not None and size > high.value else None


def uncounted(
    counting: Counting, inhabited: Callable[[Obligation], bool]
) -> tuple[str, Obligation | None] | None:
    """Why no array has the items that one `contains` asks for; None where only all clauses together say why."""
    for number, clause in enumerate(counting.clauses):
        if clause.high is not None and clause.low > clause.high:
            what = f"minContains {clause.low} and maxContains {clause.high} (at {clause.pointer})"
            return f"{what} leave no array", None
        if clause.low == 0:
            continue
        if counting.most is not None and counting.most < clause.low:
            return None
        items = [one for options in counting.options for matches, one in options if matches[number]]
        if items and not any(inhabited(one) for one in items):
            return f"contains (at {clause.pointer}) asks for an item that nothing can be", items[-1]
    return None
