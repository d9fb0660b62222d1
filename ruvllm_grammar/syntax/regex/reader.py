r"""From a pattern to the language of all texts it is found in.

Most patterns have assertions only where they can be resolved by looking at what follows them in the pattern itself.
`languages` does that backwards: given the language of *everything after* a node, it returns the language of everything
from that node on.

```text
^a$|b      after everything: ANY_TEXT
  $        ANY_TEXT and nothing more            = EMPTY
  a$       "a"
  ^a$      "a", if nothing was read before
  b        "b" ANY_TEXT
  found    at the start: "a" | "b" ANY_TEXT;  later: ANY_CHAR+ "b" ANY_TEXT
```

What was read before matters in three ways only: nothing, a word character last, another character last. So a language
is kept for each of the three (`Rests`), and where they are the same object nothing is split. A look-ahead is an
intersection with the rest of the text, a negative one with a complement; so is `\b`, which looks one character ahead.

This needs no loop around an assertion (unless it is short enough to unroll) and no look-behind; patterns with those go
through `machine`. Either way the result is exact.

Cost: linear in the pattern; the automata of intersections are paid for where they are built.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from ruvllm_grammar import ir
from ruvllm_grammar.errors import LimitError
from ruvllm_grammar.ir import CharSet
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.syntax.regex.charclasses import WORD
from ruvllm_grammar.syntax.regex.machine import machine_language
from ruvllm_grammar.syntax.regex.nodes import (
    Choice,
    Look,
    Loop,
    Node,
    Position,
    Sequence,
    Where,
    inside,
    walk,
)
from ruvllm_grammar.syntax.regex.parser import parse

_NOT_WORD = WORD.complement()
_UNROLL = 8  # nodes with assertions that copies of a counted loop may add up to; beyond, a machine is smaller
_REMEMBERED = 4_096  # characters of a pattern that is worth keeping in memory
_DEPTH = 120  # nesting of assertions that the recursion below is allowed


def read_pattern(pattern: str, *, search: bool = True, limits: Limits) -> ir.Expr:
    """The texts that an ECMA-262 pattern matches, as a regular expression.

    Args:
        pattern: the pattern, as in `RegExp(pattern, "u")`; what only Annex B allows has its Annex B meaning.
        search: texts in which the pattern is found somewhere, as JSON Schema means `pattern`; else texts that it
            matches as a whole.
        limits: `depth` bounds the nesting, `text` the length, `leaf_states` the states of a pattern whose assertions
            need an automaton of their own.

    Raises:
        SyntaxGrammarError: not a pattern, or one that is not regular (back-references).
        LimitError: a budget is too small.
    """
    read = _read if len(pattern) <= _REMEMBERED else _read.__wrapped__
    return read(pattern, search, limits)


@lru_cache(maxsize=1024)
def _read(pattern: str, search: bool, limits: Limits) -> ir.Expr:  # noqa: FBT001 - a cache key
    node = parse(pattern, limits)
    around = ir.ANY_TEXT if search else ir.EMPTY
    if isinstance(node, ir.Expr):
        return anywhere(_before_anything(node)) if search else node
    _check_depth(node, limits)
    if any(isinstance(n, Look) and not n.ahead for n in walk(node)) or _unrolled(node) > _UNROLL:
        return machine_language(node, pattern, search=search, limits=limits)
    rests = languages(node, Rests(around, around, around))
    if not search:
        return rests.start
    if rests.word is rests.other:
        if rests.start is rests.other:
            return anywhere(rests.start)
        return ir.alt(rests.start, ir.seq(ir.ANY_CHAR, ir.ANY_TEXT, rests.other))
    return ir.alt(
        rests.start,
        ir.seq(ir.ANY_TEXT, ir.chars(WORD), rests.word),
        ir.seq(ir.ANY_TEXT, ir.chars(_NOT_WORD), rests.other),
    )


def anywhere(rest: ir.Expr) -> ir.Expr:
    """The texts that end in `rest`. What `rest` may repeat at its start belongs to any text before it."""
    parts = list(rest.parts) if isinstance(rest, ir.Seq) else [rest]
    while parts and parts[0].nullable:
        del parts[0]
    if parts:
        parts[0] = _least(parts[0])
    return ir.seq(ir.ANY_TEXT, *parts)


def _before_anything(e: ir.Expr) -> ir.Expr:
    """`e` and then any text, to which everything that `e` may repeat at its end belongs."""
    parts = list(e.parts) if isinstance(e, ir.Seq) else [e]
    while parts and parts[-1].nullable:
        del parts[-1]
    if parts:
        parts[-1] = _least(parts[-1])
    return ir.seq(*parts, ir.ANY_TEXT)


def _least(e: ir.Expr) -> ir.Expr:
    return ir.repeat(e.body, e.low, e.low) if isinstance(e, ir.Repeat) else e


def _check_depth(node: Node, limits: Limits) -> None:
    allowed = min(_DEPTH, limits.depth)
    level, depth = [node], 0
    while level:
        depth += 1
        if depth > allowed:
            msg = f"a pattern nests more than {allowed} groups around an assertion; flatten it"
            raise LimitError(msg, limit="depth", needed=depth)
        level = [part for one in level for part in inside(one)]


def _unrolled(node: Node) -> int:
    """How many nodes the copies of loops with assertions add up to; infinite loops are beyond every budget."""
    below = sum(_unrolled(part) for part in inside(node))
    if not isinstance(node, Loop):
        return below
    return _UNROLL + 1 if node.high is None else (below + len(walk(node.body))) * (node.high - 1)


@dataclass(frozen=True, slots=True)
class Rests:
    """What may follow a place, by what was read before it.

    Attributes:
        start: nothing.
        word: a word character last.
        other: another character last.
    """

    start: ir.Expr
    word: ir.Expr
    other: ir.Expr

    def union(self, more: Rests) -> Rests:
        """Either."""
        return Rests(
            ir.alt(self.start, more.start), ir.alt(self.word, more.word), ir.alt(self.other, more.other)
        )


def languages(node: Node, after: Rests) -> Rests:
    """The texts from `node` on, given those from behind it on."""
    match node:
        case ir.Expr():
            return _plain(node, after)
        case Sequence():
            for part in reversed(node.parts):
                after = languages(part, after)
            return after
        case Choice():
            found = [languages(part, after) for part in node.parts]
            return Rests(
                ir.alt(*(f.start for f in found)),
                ir.alt(*(f.word for f in found)),
                ir.alt(*(f.other for f in found)),
            )
        case Loop():
            rests = after
            for _ in range((node.high or 0) - node.low):
                rests = after.union(languages(node.body, rests))
            for _ in range(node.low):
                rests = languages(node.body, rests)
            return rests
        case Look():
            anything = Rests(ir.ANY_TEXT, ir.ANY_TEXT, ir.ANY_TEXT)
            seen = languages(node.body, anything)
            if node.negative:
                seen = Rests(ir.complement(seen.start), ir.complement(seen.word), ir.complement(seen.other))
            return Rests(
                _common(seen.start, after.start),
                _common(seen.word, after.word),
                _common(seen.other, after.other),
            )
        case Position(where=Where.START):
            return Rests(after.start, ir.NEVER, ir.NEVER)
        case Position(where=Where.END):
            return Rests(
                _common(ir.EMPTY, after.start), _common(ir.EMPTY, after.word), _common(ir.EMPTY, after.other)
            )
        case Position():
            word_next = ir.seq(ir.chars(WORD), ir.ANY_TEXT)
            other_next = ir.optional(ir.seq(ir.chars(_NOT_WORD), ir.ANY_TEXT))
            if node.where is Where.INSIDE:
                word_next, other_next = other_next, word_next
            return Rests(
                _common(word_next, after.start),
                _common(other_next, after.word),
                _common(word_next, after.other),
            )


def _common(a: ir.Expr, b: ir.Expr) -> ir.Expr:
    """Intersection; with the empty string it is decided here."""
    if ir.EMPTY in {a, b}:
        return ir.EMPTY if a.nullable and b.nullable else ir.NEVER
    return ir.both(a, b)


def _plain(e: ir.Expr, after: Rests) -> Rests:
    """An expression without assertions, in front of rests that may differ by its last character."""
    if after.start is after.word is after.other:
        whole = _before_anything(e) if after.start is ir.ANY_TEXT else ir.seq(e, after.start)
        return Rests(whole, whole, whole)
    read = _some(e)
    if after.word is after.other:
        found = ir.seq(read, after.other)
    else:
        found = ir.alt(ir.seq(_ending(read, WORD), after.word), ir.seq(_ending(read, _NOT_WORD), after.other))
    if not e.nullable:
        return Rests(found, found, found)
    return Rests(found, found, found).union(after)


def _some(e: ir.Expr) -> ir.Expr:
    """The words of `e` that are not empty."""
    if not e.nullable:
        return e
    if isinstance(e, ir.Empty):
        return ir.NEVER
    if isinstance(e, ir.Repeat) and not e.body.nullable:
        return ir.repeat(e.body, 1, e.high)
    if isinstance(e, ir.Alt):
        return ir.alt(*(_some(part) for part in e.parts if part is not ir.EMPTY))
    return ir.both(e, ir.seq(ir.ANY_CHAR, ir.ANY_TEXT))


def _ending(e: ir.Expr, members: CharSet, levels: int = 40) -> ir.Expr:
    """The words of `e` whose last character is in the set; `e` has no empty word.

    Written out as far as `levels` allows, so that plain patterns stay plain; else as an intersection.
    """
    match e:
        case ir.Never():
            return ir.NEVER
        case ir.Chars():
            return ir.chars(e.set.intersect(members))
        case ir.Literal():
            return e if e.text is not None and e.text[-1] in members else ir.NEVER
        case ir.Alt() if levels:
            return ir.alt(*(_ending(part, members, levels - 1) for part in e.parts))
        case ir.Seq() if levels and not e.parts[-1].nullable:
            return ir.seq(*e.parts[:-1], _ending(e.parts[-1], members, levels - 1))
        case ir.Repeat() if levels and not e.body.nullable:
            fewer = ir.repeat(e.body, max(e.low - 1, 0), None if e.high is None else e.high - 1)
            return ir.seq(fewer, _ending(e.body, members, levels - 1))
        case _:
            return ir.both(e, ir.seq(ir.ANY_TEXT, ir.chars(members)))
