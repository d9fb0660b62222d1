"""White space between JSON tokens, by style.

Every style is a handful of expressions for the places where white space may stand. White space after a value is
written once, before the choice between comma and bracket, so that a reader of the document never has to guess.

- `compact`: none.
- `spaced`: what `json.dumps` writes: one blank after comma and colon.
- `pretty`: what `json.dumps(indent=n)` writes: a line break with indentation around members and items, one blank
  after a colon, nothing inside empty brackets.
- `flexible`: between any two tokens at most 8 blanks or tabs, or one line break and at most 128 blanks or tabs; around
  the document too.
- `any`: everything RFC 8259 allows, without bound.
"""

from __future__ import annotations

from dataclasses import dataclass

from ruvllm_grammar import ir
from ruvllm_grammar.errors import GrammarError

STYLES = ("compact", "spaced", "pretty", "flexible", "any")

#: The rule that every place refers to, where a style has white space that repeats.
RULE = "ws"

_BLANK = ir.chars(ir.CharSet.of(" \t"))
_BREAK = ir.alt(ir.literal("\n"), ir.literal("\r\n"))
_FLEXIBLE = ir.leaf(ir.alt(ir.repeat(_BLANK, 0, 8), ir.seq(_BREAK, ir.repeat(_BLANK, 0, 128))))
_ANY = ir.leaf(ir.repeat(ir.chars(ir.CharSet.of(" \t\n\r")), 0))
_INDENT = ir.leaf(ir.seq(ir.literal("\n"), ir.repeat(_BLANK, 1, 128)))
_LAST = ir.leaf(ir.seq(ir.literal("\n"), ir.repeat(_BLANK, 0, 128)))


@dataclass(frozen=True, slots=True)
class Whitespace:
    """The white space of one style, by place.

    Attributes:
        around: before and after the document.
        after_open: between an opening bracket and what follows, where something does.
        empty: between the brackets of an empty object or array.
        before_colon: between a name and its colon.
        after_colon: between a colon and the value.
        after_value: between a value and what follows it.
        after_comma: between a comma and what follows it.
        nested_close: before a closing bracket.
        top_close: before the closing bracket of the whole document.
        rules: shared rules the expressions refer to.
    """

    around: ir.Expr
    after_open: ir.Expr
    empty: ir.Expr
    before_colon: ir.Expr
    after_colon: ir.Expr
    after_value: ir.Expr
    after_comma: ir.Expr
    nested_close: ir.Expr
    top_close: ir.Expr
    rules: tuple[tuple[str, ir.Expr], ...] = ()

    def before_close(self, *, top: bool) -> ir.Expr:
        """Before a closing bracket; `top`: the document's own."""
        return self.top_close if top else self.nested_close

    @property
    def tells_top(self) -> bool:
        """Whether the document's own brackets are spaced unlike nested ones."""
        return self.top_close is not self.nested_close


def _uniform(space: ir.Expr, around: ir.Expr, rules: tuple[tuple[str, ir.Expr], ...]) -> Whitespace:
    return Whitespace(around, space, space, space, space, space, space, ir.EMPTY, ir.EMPTY, rules)


def whitespace(style: str) -> Whitespace:
    """The white space of a style.

    Raises:
        GrammarError: there is no such style.
    """
    blank = ir.literal(" ")
    match style:
        case "compact":
            return _uniform(ir.EMPTY, ir.EMPTY, ())
        case "spaced":
            nothing = ir.EMPTY
            return Whitespace(nothing, nothing, nothing, nothing, blank, nothing, blank, nothing, nothing)
        case "pretty":
            nothing, line = ir.EMPTY, ir.ref(RULE)
            return Whitespace(
                nothing, line, nothing, nothing, blank, nothing, line, line, _LAST, ((RULE, _INDENT),)
            )
        case "flexible":
            return _uniform(ir.ref(RULE), ir.ref(RULE), ((RULE, _FLEXIBLE),))
        case "any":
            return _uniform(ir.ref(RULE), ir.ref(RULE), ((RULE, _ANY),))
        case _:
            msg = f"unknown whitespace style {style!r}; use one of {', '.join(STYLES)}"
            raise GrammarError(msg)
