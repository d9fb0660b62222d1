"""Lowering: obligations to rules of the IR, one group at a time, when the program first enters them.

Rule names are stable for one schema: `v7` an obligation that splits, `c12` a conjunction with an object or an array,
`c12.m0` its helpers, `c12-top` the same as the whole document where the style of white space tells the two apart,
`c12-item` the same as an item that has to differ from those before it.
Scalars are written in place: they are leaves, which the program shares by content.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ruvllm_grammar import ir
from ruvllm_grammar.errors import GrammarError
from ruvllm_grammar.jsonschema import array_rules, enums, object_rules
from ruvllm_grammar.jsonschema.counted import CHARACTER
from ruvllm_grammar.jsonschema.direct import Direct
from ruvllm_grammar.jsonschema.emptiness import Emptiness
from ruvllm_grammar.jsonschema.obligations import Conjunction, Obligation
from ruvllm_grammar.jsonschema.values import SCALARS
from ruvllm_grammar.jsonschema.whitespace import Whitespace

ROOT = "root"
_TOP = "-top"
_ITEM = "-item"

#: Inside a number whose value is settled: has it come before?
_AGAIN = ir.check(ir.Check("item", "items", ""))


class Lowering:
    """Gives the rules of one schema. `group` is the provider of its grammar.

    Args:
        root: gives what the document is judged by, where it is not written directly.
        any_order: declared names come in any order.
        lenient: for acceptance alone: also spellings and strings that generation does without.
    """

    def __init__(
        self,
        root: Callable[[], Obligation],
        emptiness: Emptiness,
        space: Whitespace,
        *,
        any_order: bool = False,
        lenient: bool = False,
    ) -> None:
        self._lenient = lenient
        self._root = root
        self._emptiness = emptiness
        self._shapes = emptiness.shapes
        self._obligations = emptiness.shapes.obligations
        self._space = space
        self._any_order = any_order
        self._scalars: dict[tuple[Conjunction, bool], ir.Expr] = {}
        cells = self._obligations.cells
        self._direct: Direct | None = None
        if not lenient and not any_order and len(cells.plain):
            whole = cells.document.root.draft.number == 4
            self._direct = Direct(cells.plain, space, whole=whole, value=self._plain_value)

    def group(self, name: str) -> ir.Group:
        """The rule `name` and its helpers; without the rule where nobody defines it."""
        if name == ROOT:
            around = self._space.around
            return {ROOT: ir.seq(around, self._document(), around)}
        if name == CHARACTER:
            return {CHARACTER: ir.json_chars(ir.ANY_CHAR)}
        top, differs = name.endswith(_TOP), name.endswith(_ITEM)
        if self._direct is not None and name[:1] in {"c", "v"}:
            found = self._direct_group(name, top=top)
            if found is not None:
                return found
        stem = name.removesuffix(_TOP).removesuffix(_ITEM)
        if stem[:1] == "v":
            obligation = self._obligations.named_obligation(stem)
        elif stem[:1] == "c":
            conjunction = self._obligations.named_conjunction(stem)
            if conjunction is not None:
                return self._conjunction(name, conjunction, top=top, differs=differs)
            obligation = None
        else:
            return {}
        obligation = obligation or self._plain_obligation(stem)
        if obligation is None:
            return {}
        return {
            name: ir.alt(*(self._part(one, top=top, differs=differs) for one in self._living(obligation)))
        }

    def _document(self) -> ir.Expr:
        top = self._space.tells_top
        if self._direct is not None:
            found = self._direct.value(self._obligations.cells.document.root.schema, _suffix(top, False))
            if found is not None:
                return found
        return self.value(self._root(), top=top)

    def _direct_group(self, name: str, *, top: bool) -> ir.Group | None:
        """The rules of a plain object or union, where its facts are enough for them."""
        digits = name[1:].removesuffix(_TOP)
        if self._direct is None or not digits.isdecimal():
            return None
        if name[:1] == "v":
            return self._direct.union(name, int(digits), _suffix(top, False))
        return self._direct.object(name, int(digits), top=top)

    def _plain_value(self, schema: Any) -> ir.Expr:
        """The expression of a value that satisfies a plain schema, by way of its cell."""
        return self._general(self._numbered(self._obligations.cells.plain.found[id(schema)]))

    def _plain_obligation(self, stem: str) -> Obligation | None:
        """What a rule named by a plain schema's number asks, where the general way has another name for it.

        So it is for `{"properties": {}, "anyOf": [A]}`, which is `A`.
        """
        number = stem[1:]
        if self._direct is None or not number.isdecimal():
            return None
        known = self._obligations.cells.plain_node(int(number)) is not None
        return self._numbered(int(number)) if known else None

    def _numbered(self, number: int) -> Obligation:
        cells = self._obligations.cells
        node = cells.plain_node(number)
        return self._obligations.obligation(*(() if node is None else (cells.cell(node),)))

    def value(self, obligation: Obligation, *, top: bool = False, differs: bool = False) -> ir.Expr:
        """The expression of a value that satisfies the obligation; `differs`: from the items before it."""
        if self._direct is not None and not differs and len(obligation.cells) == 1:
            found = self._direct.value(obligation.cells[0].schema, _suffix(top, differs))
            if found is not None:
                return found
        return self._general(obligation, top=top, differs=differs)

    def _general(self, obligation: Obligation, *, top: bool = False, differs: bool = False) -> ir.Expr:
        """The same, without a look at plain schemas."""
        living = self._living(obligation)
        if len(living) == 1:
            return self._part(living[0], top=top, differs=differs)
        return ir.ref(obligation.name + _suffix(top, differs)) if living else ir.NEVER

    def _living(self, obligation: Obligation) -> list[Conjunction]:
        return [one for one in self._obligations.conjunctions(obligation) if self._emptiness.alive(one)]

    def _part(self, conjunction: Conjunction, *, top: bool, differs: bool) -> ir.Expr:
        """A conjunction in place: leaves as they are, containers by reference."""
        if conjunction.values is not None:
            if not any(isinstance(one, (dict, list)) for one in conjunction.values):
                return self._scalar(conjunction, differs=False)
            differs = False
        elif self._emptiness.alive(conjunction) <= SCALARS:
            return self._scalar(conjunction, differs=differs)
        elif "number" not in self._emptiness.alive(conjunction):
            differs = False
        return ir.ref(conjunction.name + _suffix(top, differs))

    def _scalar(self, conjunction: Conjunction, *, differs: bool) -> ir.Expr:
        found = self._scalars.get((conjunction, differs))
        if found is None:
            if conjunction.values is None:
                found = self._kinds(conjunction, differs=differs)
            else:
                found, _ = self._listed("", conjunction, top=False)  # no container, so no helpers
            self._scalars[conjunction, differs] = found
        return found

    def _listed(
        self, name: str, conjunction: Conjunction, *, top: bool
    ) -> tuple[ir.Expr, dict[str, ir.Expr]]:
        """The values of `enum` and `const`."""
        whole = any(cell.whole for cell in conjunction.cells)
        return enums.lower(
            name,
            conjunction.values or (),
            self._space,
            top=top,
            whole=whole,
            any_order=self._any_order,
            lenient=self._lenient,
        )

    def _kinds(self, conjunction: Conjunction, *, differs: bool) -> ir.Expr:
        """The scalar kinds of a conjunction."""
        alive = self._emptiness.alive(conjunction)
        parts = []
        if "null" in alive:
            parts.append(ir.literal("null"))
        if "boolean" in alive:
            parts.extend(ir.literal(word) for word in self._shapes.constants(conjunction, "boolean"))
        if "number" in alive:
            number, limits = self._shapes.number(conjunction), self._obligations.limits
            if differs and not self._lenient:
                parts.append(number.item(limits, self._obligations.algebra, _AGAIN))
            else:
                parts.append(number.leaf(limits, lenient=self._lenient))
        if "string" in alive:
            shape = self._shapes.string(conjunction)
            parts.append(
                shape.leaf(self._obligations.algebra, self._obligations.limits, lenient=self._lenient)
            )
        return ir.alt(*parts)

    def _conjunction(self, name: str, conjunction: Conjunction, *, top: bool, differs: bool) -> ir.Group:
        if conjunction.values is not None:
            body, helpers = self._listed(name, conjunction, top=top)
            return {name: body, **helpers}
        alive = self._emptiness.alive(conjunction)
        parts = [self._kinds(conjunction, differs=differs)]
        helpers = {}
        if "object" in alive:
            whole, more = object_rules.lower(
                name, self._emptiness.offered(conjunction), value=self.value, rank=self._emptiness.rank,
                algebra=self._obligations.algebra, space=self._space, top=top, any_order=self._any_order,
                lenient=self._lenient,
            )  # fmt: skip
            parts.append(whole)
            helpers.update(more)
        if "array" in alive:
            whole, more = array_rules.lower(
                name, self._shapes.array(conjunction), value=self.value,
                inhabited=self._emptiness.inhabited, space=self._space, top=top,
            )  # fmt: skip
            parts.append(whole)
            helpers.update(more)
        body = ir.alt(*parts)
        if body is ir.NEVER:
            msg = f"rule {name!r} is empty; this is a defect of the reader"
            raise GrammarError(msg)
        return {name: body, **helpers}


def _suffix(top: bool, differs: bool) -> str:  # noqa: FBT001 - the two forms of a rule's name
    return _TOP if top else _ITEM if differs else ""
