r"""Objects written as a chain of members, or as one body with a record.

The usual object has its members in the order of the schema, each once, then any other names: a chain (`ir.chain`). It
is emitted straight on, so an object costs what its text does.

```text
{"properties": {"a": A, "b": B}, "required": ["b"], "additionalProperties": C}
c1 ::= "{" chain(",": ("\"a\":" A)? ("\"b\":" B) (json_name(~("a" | "b")) check(name) ":" C)*) "}"
```

Where members are counted, demanded by existence, in any order, or have no place, one body with a record
(`members.MemberFrame`) replaces the chain. A member is taken where its name begins, so the record tells which names are
offered; distances take what a record still owes from the rules of members (`c1.f1`).

```text
c1    ::= frame("{" ( @empty ws "}" | ws members @close "}" ))
          members = ( ( @first | @next "," ws ) pick( @a '"a"' c1.v0 | @b '"b"' c1.v1 ) )*
c1.f1 ::= '"b"' c1.v1
c1.v1 ::= ws ":" ws B ws
```
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ruvllm_grammar import ir
from ruvllm_grammar.jsonschema import members
from ruvllm_grammar.jsonschema.members import MemberFrame, Supply
from ruvllm_grammar.jsonschema.objects import NameClass, ObjectShape, Slot
from ruvllm_grammar.jsonschema.obligations import Obligation
from ruvllm_grammar.jsonschema.whitespace import Whitespace

Rules = dict[str, ir.Expr]

#: Characters that an owed name is longer than the shortest one.
_SPARE = 2


def lower(
    name: str,
    shape: ObjectShape,
    *,
    value: Callable[[Obligation], ir.Expr],
    rank: Callable[[Obligation], int],
    algebra: ir.Algebra,
    space: Whitespace,
    top: bool,
    any_order: bool,
    lenient: bool = False,
) -> tuple[ir.Expr, Rules]:
    """The expression of an object, and the helper rules of its group.

    Args:
        name: of the rule, with which those of helpers begin.
        shape: the object, as far as it is offered.
        value: the expression of a member's value.
        rank: of an obligation, so that values of low rank are built of lower ones.
        algebra: answers questions about names.
        space: the style of white space.
        top: the object is the document itself.
        any_order: declared names come in any order, not that of the schema.
        lenient: names are spelled in every way, else in the canonical one.
    """
    texts = _Texts(shape, value, algebra, space, lenient=lenient)
    if _is_plain(shape, any_order=any_order):
        return _plain(shape, texts, space, top=top), {}
    return _framed(name, shape, texts, space, rank=rank, algebra=algebra, top=top, any_order=any_order)


def _is_plain(shape: ObjectShape, *, any_order: bool) -> bool:
    """Whether a chain says it: that there is a member at all needs no counting."""
    if shape.needs or shape.high is not None or (shape.low is not None and shape.low.value > 1):
        return False
    if any(slot.free for slot in shape.slots):
        return False
    return not any_order or len(shape.slots) + bool(shape.classes) < 2 or not shape.slots


class _Texts:
    """The names of an object, and what follows them."""

    def __init__(
        self,
        shape: ObjectShape,
        value: Callable[[Obligation], ir.Expr],
        algebra: ir.Algebra,
        space: Whitespace,
        *,
        lenient: bool,
    ) -> None:
        self.value = value
        self._after = space.after_value
        self.colon = ir.seq(space.before_colon, ir.literal(":"), space.after_colon)
        new = ir.check(ir.Check("name", "names", shape.pointer))
        self._spelled = ir.json_string if lenient else ir.json_name
        self.names = [self._spelled(ir.literal(slot.name)) for slot in shape.slots]
        self.names += [ir.seq(self._spelled(one.names(algebra)), new) for one in shape.classes]

    def owed(self, one: NameClass, algebra: ir.Algebra) -> ir.Expr:
        """Names of a class as a record owes them: with a few characters to spare, since the shortest may be taken."""
        names = one.names(algebra)
        shortest = algebra.shortest(names)
        longer = ir.both(names, ir.repeat(ir.ANY_CHAR, len(shortest or "") + _SPARE))
        return self._spelled(names if algebra.is_empty(longer) else longer)

    def rest(self, obligation: Obligation) -> ir.Expr:
        """What follows a name: colon, value, white space."""
        return ir.seq(self.colon, self.value(obligation), self._after)


def _whole(space: Whitespace, empty: ir.Expr, some: ir.Expr) -> ir.Expr:
    """An object from what may stand between its braces; `NEVER` where there is no such object.

    Args:
        space: the style of white space.
        empty: what stands in front of the brace that closes an empty object, white space apart.
        some: one or more members, with the closing brace.
    """
    begin, end = ir.literal("{"), ir.literal("}")
    if some is ir.NEVER:
        return ir.seq(begin, empty, space.empty, end)
    if space.empty is space.after_open:
        return ir.seq(begin, space.after_open, ir.alt(ir.seq(empty, end), some))
    return ir.seq(begin, ir.alt(ir.seq(empty, space.empty, end), ir.seq(space.after_open, some)))


# ------------------------------------------------------------------------------------------------------- a chain


def _plain(shape: ObjectShape, texts: _Texts, space: Whitespace, *, top: bool) -> ir.Expr:
    other = ir.alt(
        *(
            ir.seq(text, texts.rest(one.obligation))
            for text, one in zip(texts.names[len(shape.slots) :], shape.classes, strict=True)
        )
    )
    members = [
        (text, tuple(texts.value(form.obligation) for form in slot.forms), slot.required is not None)
        for text, slot in zip(texts.names, shape.slots, strict=False)
    ]
    return linear(members, other, texts.colon, space, top=top, some=shape.low is not None)


def linear(
    members: Sequence[tuple[ir.Expr, tuple[ir.Expr, ...], bool]],
    other: ir.Expr,
    colon: ir.Expr,
    space: Whitespace,
    *,
    top: bool,
    some: bool = False,
) -> ir.Expr:
    """Members in their order, then others: one chain.

    Args:
        members: in their order: the name, the forms of the value, whether it is required.
        other: a member of any other name, white space behind it included.
        colon: what stands between names and values.
        space: the style of white space.
        top: the object is the document itself.
        some: there is at least one member.
    """
    close = ir.seq(space.before_close(top=top), ir.literal("}"))
    comma = ir.seq(ir.literal(","), space.after_comma)
    after = space.after_value
    parts = [
        (
            ir.seq(name, colon, values[0], after)
            if len(values) == 1
            else ir.alt(*(ir.seq(name, colon, value, after) for value in values)),
            required,
        )
        for name, values, required in members
    ]
    chained = ir.chain(parts, other, comma)
    empty = ir.NEVER if some or any(required for _, required in parts) else ir.EMPTY
    return _whole(space, empty, ir.seq(chained, close))


# -------------------------------------------------------------------------------------------------- with a record


def _framed(
    name: str,
    shape: ObjectShape,
    texts: _Texts,
    space: Whitespace,
    *,
    rank: Callable[[Obligation], int],
    algebra: ir.Algebra,
    top: bool,
    any_order: bool,
) -> tuple[ir.Expr, Rules]:
    named: tuple[Slot | NameClass, ...] = (*shape.slots, *shape.classes)
    forms = [(place, form.obligation) for place, one in enumerate(named) for form in one.forms]
    return framed(
        name,
        shape.supply(any_order=any_order),
        places=tuple(place for place, _ in forms),
        names=texts.names,
        owed=[
            *texts.names[: len(shape.slots)],
            *(texts.owed(one, algebra) for one in shape.classes),
        ],
        rests=[texts.rest(obligation) for _, obligation in forms],
        ranks=tuple(rank(obligation) for _, obligation in forms),
        rules={},
        space=space,
        top=top,
    )


def framed(
    name: str,
    supply: Supply,
    *,
    places: tuple[int, ...],
    names: list[ir.Expr],
    owed: list[ir.Expr],
    rests: list[ir.Expr],
    rules: Rules,
    space: Whitespace,
    top: bool,
    ranks: tuple[int, ...] = (),
) -> tuple[ir.Expr, Rules]:
    """An object as one body with a record.

    Args:
        name: of its rule.
        supply: what it may consist of.
        places: per form, which of `names` it has.
        names: the spellings of names and classes of names.
        owed: the same, as distances count them.
        rests: per form, what follows the name.
        rules: helpers so far; those of the object are added.
        space: the style of white space.
        top: the object is the document itself.
        ranks: per form, which a completion prefers.
    """
    frame = MemberFrame(supply, name, ranks)
    close = ir.seq(ir.step(members.CLOSE), space.before_close(top=top), ir.literal("}"))
    comma = ir.seq(ir.literal(","), space.after_comma)
    begin = ir.alt(ir.step(members.FIRST), ir.seq(ir.step(members.NEXT), comma))
    parts = []
    for number, (place, rest) in enumerate(zip(places, rests, strict=True)):
        rules[f"{name}.v{number}"] = rest
        value = ir.ref(f"{name}.v{number}")
        rules[f"{name}.f{number}"] = ir.seq(owed[place], value)
        parts.append(ir.seq(ir.step(members.FORMS + number), names[place], value))
    rules[f"{name}.comma"] = comma
    full = ir.seq(ir.repeat(ir.seq(begin, ir.pick(*parts)), 0), close) if parts else ir.NEVER
    return ir.frame(frame, _whole(space, ir.step(members.EMPTY), full)), rules
