"""Does one concrete value satisfy a cell? The plain recursive evaluator, for the values of `enum` and `const`.

A listed value is finite, so every keyword can simply be evaluated on it, also those that the compiler refuses on
open values (`not`, `if`, `contains`, `uniqueItems`). Only what needs annotations, and formats that are not asserted,
stay refused.
"""

from __future__ import annotations

from typing import Any

from ruvllm_grammar import ir
from ruvllm_grammar.errors import UnsupportedKeyword
from ruvllm_grammar.jsonschema.cells import Cell, Cells, Choice
from ruvllm_grammar.jsonschema.document import Node
from ruvllm_grammar.jsonschema.values import canonical, count, kind, rational, spellable


class Evaluator:
    """Evaluates values against cells; the algebra answers patterns."""

    def __init__(self, cells: Cells, algebra: ir.Algebra) -> None:
        self._cells = cells
        self._algebra = algebra

    def valid(self, cell: Cell, value: Any) -> bool:
        """Whether `value` satisfies the cell with everything it refers to.

        Raises:
            UnsupportedKeyword: it needs a keyword that cannot be evaluated by itself.
        """
        if cell.verdict is not None:
            return cell.verdict
        return (
            kind(value) in cell.kinds
            and all(canonical(value) in {canonical(one) for one in values} for _, values in cell.values)
            and self.local(cell, value)
            and all(self._node(cell, node, value) for _, node in cell.must)
            and all(self.choice(cell, choice, value) for choice in cell.choices)
        )

    def _node(self, owner: Cell, node: Node, value: Any) -> bool:
        return self.valid(self._cells.child(owner, node), value)

    def choice(self, owner: Cell, choice: Choice, value: Any) -> bool:
        """Whether at least one branch holds; for an exclusive choice, exactly one."""
        holding = (all(self._node(owner, node, value) for node in branch) for branch in choice.branches)
        return sum(holding) == 1 if choice.exclusive else any(holding)

    def local(self, cell: Cell, value: Any) -> bool:
        """Whether the local assertions hold and the keywords refused on open values do; kinds and lists apart."""
        match kind(value):
            case "number":
                fits = self._number(cell, value)
            case "string":
                fits = self._string(cell, value)
            case "object":
                fits = self._object(cell, value)
            case "array":
                fits = self._array(cell, value)
            case _:
                fits = True
        return fits and all(self._refused(cell, refusal.keyword, value) for refusal in cell.refused)

    def _number(self, cell: Cell, value: Any) -> bool:
        exact = rational(value)
        return (
            (not cell.integer or exact.denominator == 1)
            and all(exact > b.value or (exact == b.value and not b.open) for b in cell.lower)
            and all(exact < b.value or (exact == b.value and not b.open) for b in cell.upper)
            and all((exact / b.value).denominator == 1 for b in cell.multiples)
        )

    def _string(self, cell: Cell, value: str) -> bool:
        return (
            spellable(value)
            and (cell.min_length is None or len(value) >= cell.min_length.value)
            and (cell.max_length is None or len(value) <= cell.max_length.value)
            and all(self._algebra.matches(pattern.expr, value) for pattern in cell.patterns)
        )

    def _object(self, cell: Cell, value: dict[str, Any]) -> bool:
        if cell.min_properties is not None and len(value) < cell.min_properties.value:
            return False
        if cell.max_properties is not None and len(value) > cell.max_properties.value:
            return False
        if any(name not in value for name in cell.required):
            return False
        for name, member in value.items():
            if not spellable(name) or (cell.names is not None and not self._node(cell, cell.names, name)):
                return False
            rules = [cell.properties[name]] if name in cell.properties else []
            rules += [
                node for pattern, node in cell.pattern_properties if self._algebra.matches(pattern.expr, name)
            ]
            if not rules and cell.additional is not None:
                rules = [cell.additional]
            if not all(self._node(cell, node, member) for node in rules):
                return False
        return True

    def _array(self, cell: Cell, value: list[Any]) -> bool:
        if cell.min_items is not None and len(value) < cell.min_items.value:
            return False
        if cell.max_items is not None and len(value) > cell.max_items.value:
            return False
        if cell.unique and len({canonical(item) for item in value}) < len(value):
            return False
        for i, item in enumerate(value):
            node = cell.prefix[i] if i < len(cell.prefix) else cell.rest
            if node is not None and not self._node(cell, node, item):
                return False
        return True

    def _refused(self, cell: Cell, keyword: str, value: Any) -> bool:
        """A keyword that is refused on open values."""
        document, schema = self._cells.document, cell.node.schema
        match keyword:
            case "not":
                return not self._node(cell, document.child(cell.node, schema["not"], "not"), value)
            case "if":
                holds = self._node(cell, document.child(cell.node, schema["if"], "if"), value)
                word = "then" if holds else "else"
                return word not in schema or self._node(
                    cell, document.child(cell.node, schema[word], word), value
                )
            case "contains" if isinstance(value, list):
                node = document.child(cell.node, schema["contains"], "contains")
                matching = sum(self._node(cell, node, item) for item in value)
                counted = cell.node.draft.number >= 2019 and cell.node.draft.validation
                least = count(schema["minContains"]) if counted and "minContains" in schema else 1
                most = count(schema["maxContains"]) if counted and "maxContains" in schema else None
                return matching >= (least or 0) and (most is None or matching <= most)
            case "contains":
                return True
        refusal = next(one for one in cell.refused if one.keyword == keyword)
        if refusal.applies not in {"any", kind(value)}:
            return True
        msg = f"{keyword} is not supported here: {refusal.reason}"
        raise UnsupportedKeyword(msg, pointer=refusal.pointer, keyword=keyword)
