"""Expressions of the intermediate representation, hash-consed and built only by smart constructors.

Every reader (JSON Schema, regex, tools, ...) speaks these few nodes, and everything below reads nothing else.
Equal expressions are the same object, so equality is `is`, and memo tables key on identity. The constructors
normalise on the way up: a concatenation of one does not exist, `NEVER` (the empty language) swallows a
sequence and vanishes from an alternation, so a language that is empty *by structure* is the object `NEVER`.

Two levels meet in a node. *Regular* expressions (no rules, no tokens) form a boolean algebra over strings
of Unicode scalar values: `both`, `but_not`, `complement`. They become byte automata where the program needs
them: as UTF-8 (`leaf`), as every JSON spelling of the value between quotes (`json_string`), or as its canonical one
(`json_name`). *Structure* (rules, tokens, marks) is emitted as a program and has no complement.

Lineage: smart constructors as in regex-syntax's HIR; hash-consing as in Filliâtre and Conchon, "Type-Safe
Modular Hash-Consing" (2006).
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Hashable, Iterable
from json.encoder import encode_basestring
from typing import ClassVar, TypeVar

from ruvllm_grammar.errors import GrammarError
from ruvllm_grammar.ir.charset import CharSet
from ruvllm_grammar.ir.runtime import Check, Frame


class Expr:
    """A node. Never construct one directly: use the functions of this module.

    Attributes:
        regular: no rules, tokens or spellings inside: allowed under `both`, `complement`, `leaf`,
        `json_string`, `json_name`. nullable: certainly contains the empty string (a rule reference counts as not).
    """

    __slots__ = ("__weakref__", "nullable", "regular")
    regular: bool
    nullable: bool

    #: Set by the printer (`ir.show`), which imports the nodes and so cannot be imported here.
    printer: ClassVar[Callable[[Expr], str]] = object.__repr__

    def __repr__(self) -> str:
        return type(self).printer(self)


class Never(Expr):
    """The empty language."""

    __slots__ = ()


class Empty(Expr):
    """The language of the empty string."""

    __slots__ = ()


class Literal(Expr):
    """One byte string. `text` is its UTF-8 decoding, or None when it has none (then it is not `regular`)."""

    __slots__ = ("data", "text")
    data: bytes
    text: str | None


class Chars(Expr):
    """One character of a set, as UTF-8."""

    __slots__ = ("set",)
    set: CharSet


class Seq(Expr):
    """Concatenation of two or more parts."""

    __slots__ = ("parts",)
    parts: tuple[Expr, ...]


class Alt(Expr):
    """Union of two or more parts, in the order given."""

    __slots__ = ("parts",)
    parts: tuple[Expr, ...]


class Repeat(Expr):
    """`low` to `high` times the body; `high` None means without bound."""

    __slots__ = ("body", "high", "low")
    body: Expr
    low: int
    high: int | None


class Both(Expr):
    """Intersection of regular operands."""

    __slots__ = ("parts",)
    parts: tuple[Expr, ...]


class Complement(Expr):
    """Every string of scalar values that is not in the regular operand."""

    __slots__ = ("body",)
    body: Expr


class Machine(Expr):
    """An explicit deterministic automaton over code points; see `machine`."""

    __slots__ = ("accepting", "rows")
    rows: tuple[tuple[tuple[int, int, int], ...], ...]
    accepting: frozenset[int]


class Ref(Expr):
    """A rule of the grammar, by name."""

    __slots__ = ("name",)
    name: str


class Leaf(Expr):
    """A regular expression that is compiled to one minimal byte automaton."""

    __slots__ = ("body",)
    body: Expr


class JsonString(Expr):
    """Every value of a regular expression, quotes included or not, in every JSON spelling or in the canonical one."""

    __slots__ = ("body", "canonical", "quoted")
    body: Expr
    quoted: bool
    canonical: bool


class Token(Expr):
    """One token of the vocabulary out of a set of ids; token edges are never spelled in bytes."""

    __slots__ = ("ids",)
    ids: frozenset[int]


class Mark(Expr):
    """A named span around the body (tool name, arguments, reasoning); matches what the body matches."""

    __slots__ = ("body", "name")
    name: str
    body: Expr


class Checked(Expr):
    """Nothing, where a check passes on the text just written; see `ir.runtime`."""

    __slots__ = ("check",)
    check: Check


class Framed(Expr):
    """The body, run with the record of a frame; see `ir.runtime`."""

    __slots__ = ("body", "frame")
    frame: Frame
    body: Expr


class Step(Expr):
    """Nothing, where the record of the frame around it can take this step."""

    __slots__ = ("symbol",)
    symbol: int


class Pick(Expr):
    """Union of parts of which a record may leave any one open: distances leave them to what the record owes."""

    __slots__ = ("parts",)
    parts: tuple[Expr, ...]


class Chain(Expr):
    """Some of the parts, in their order, and then any number of `more`, with the separator between; at least one.

    `required` says of each part whether it has to be there. `more` is `NEVER` where nothing follows the parts.
    """

    __slots__ = ("more", "parts", "required", "separator")
    parts: tuple[Expr, ...]
    required: tuple[bool, ...]
    more: Expr
    separator: Expr


_T = TypeVar("_T", bound=Expr)
_TABLE: weakref.WeakValueDictionary[Hashable, Expr] = weakref.WeakValueDictionary()
#: The weak references themselves: asking the dictionary for an object costs three times as much.
_REFERENCES: dict[Hashable, weakref.ReferenceType[Expr]] = _TABLE.data  # type: ignore[attr-defined]  # not in stubs
_LOCK = threading.Lock()


def _cons(cls: type[_T], key: Hashable, fields: dict[str, object], *, regular: bool, nullable: bool) -> _T:
    """The one object for `key`, made on first use. Two threads never get two."""
    full = (cls, key)
    reference = _REFERENCES.get(full)
    found = None if reference is None else reference()
    if found is None:
        with _LOCK:
            found = _TABLE.get(full)
            if found is None:
                found = cls.__new__(cls)
                for name, value in fields.items():
                    setattr(found, name, value)
                found.regular = regular
                found.nullable = nullable
                _TABLE[full] = found
    return found  # type: ignore[return-value] # the key starts with the class


NEVER = _cons(Never, None, {}, regular=True, nullable=False)
EMPTY = _cons(Empty, None, {}, regular=True, nullable=True)


def literal(data: bytes | str) -> Expr:
    """Exactly this text (as UTF-8) or these bytes.

    Raises:
        GrammarError: the text holds a lone surrogate, which UTF-8 cannot spell.
    """
    text: str | None
    if isinstance(data, str):
        text = data
        try:
            data = data.encode()
        except UnicodeEncodeError as error:
            msg = f"a literal holds the lone surrogate U+{ord(text[error.start]):04X}; pair it or remove it"
            raise GrammarError(msg) from None
    else:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            text = None
    if not data:
        return EMPTY
    return _cons(Literal, data, {"data": data, "text": text}, regular=text is not None, nullable=False)


def chars(members: CharSet) -> Expr:
    """One character of the set; `NEVER` for the empty set."""
    if not members:
        return NEVER
    return _cons(Chars, members, {"set": members}, regular=True, nullable=False)


def seq(*parts: Expr) -> Expr:
    """Concatenation. Flattens, drops `EMPTY`, joins neighbouring literals; `NEVER` swallows all."""
    flat: list[Expr] = []
    for part in parts:
        if part is NEVER:
            return NEVER
        if part is EMPTY:
            continue
        pieces = part.parts if isinstance(part, Seq) else (part,)
        for piece in pieces:
            last = flat[-1] if flat else None
            if isinstance(piece, Literal) and isinstance(last, Literal):
                flat[-1] = literal(last.data + piece.data)
            else:
                flat.append(piece)
    if not flat:
        return EMPTY
    if len(flat) == 1:
        return flat[0]
    key = tuple(flat)
    return _cons(
        Seq,
        key,
        {"parts": key},
        regular=all(p.regular for p in key),
        nullable=all(p.nullable for p in key),
    )


def alt(*parts: Expr) -> Expr:
    """Union. Flattens, drops `NEVER` and repetitions, joins character sets; keeps the order given."""
    flat: dict[Expr, None] = {}
    sets: CharSet | None = None
    for part in parts:
        pieces = part.parts if isinstance(part, Alt) else (part,)
        for piece in pieces:
            if piece is NEVER:
                continue
            if isinstance(piece, Chars):
                sets = piece.set if sets is None else sets.union(piece.set)
                piece = _SET_PLACE  # all sets stand where the first one stood
            flat[piece] = None
    ordered = tuple(chars(sets) if p is _SET_PLACE and sets is not None else p for p in flat)
    if not ordered:
        return NEVER
    if len(ordered) == 1:
        return ordered[0]
    return _cons(
        Alt,
        ordered,
        {"parts": ordered},
        regular=all(p.regular for p in ordered),
        nullable=any(p.nullable for p in ordered),
    )


def repeat(body: Expr, low: int, high: int | None = None) -> Expr:
    """`low` to `high` (None: any number of) copies of `body`.

    Raises:
        GrammarError: `low` is negative.
    """
    if low < 0:
        msg = f"a repetition cannot start at {low}; use 0 or more"
        raise GrammarError(msg)
    if high is not None and high < low:
        return NEVER
    if high == 0 or body is EMPTY:
        return EMPTY
    if body is NEVER:
        return EMPTY if low == 0 else NEVER
    if low == 1 and high == 1:
        return body
    if isinstance(body, Repeat) and body.low == 0 and body.high is None:
        return body
    return _cons(
        Repeat,
        (body, low, high),
        {"body": body, "low": low, "high": high},
        regular=body.regular,
        nullable=low == 0 or body.nullable,
    )


def optional(body: Expr) -> Expr:
    """The body or nothing."""
    return repeat(body, 0, 1)


def ref(name: str) -> Expr:
    """The rule `name` of the grammar the expression is used in."""
    return _cons(Ref, name, {"name": name}, regular=False, nullable=False)


def _need_regular(what: str, *operands: Expr) -> None:
    for operand in operands:
        if not operand.regular:
            msg = f"{what} needs regular operands (no rules, tokens, marks or raw bytes), got {operand!r}"
            raise GrammarError(msg)


def both(*parts: Expr) -> Expr:
    """Intersection of regular expressions; of nothing: all strings.

    Raises:
        GrammarError: an operand is not regular.
    """
    _need_regular("an intersection", *parts)
    flat: dict[Expr, None] = {}
    for part in parts:
        for piece in part.parts if isinstance(part, Both) else (part,):
            if piece is NEVER:
                return NEVER
            if piece is not ANY_TEXT:
                flat[piece] = None
    ordered = tuple(flat)
    if not ordered:
        return ANY_TEXT
    if len(ordered) == 1:
        return ordered[0]
    if all(isinstance(p, Chars) for p in ordered):
        members = CharSet.ANY
        for p in ordered:
            members = members.intersect(p.set)  # type: ignore[attr-defined] # all are Chars
        return chars(members)
    return _cons(Both, ordered, {"parts": ordered}, regular=True, nullable=all(p.nullable for p in ordered))


def complement(body: Expr) -> Expr:
    """Every string of Unicode scalar values that `body` does not match.

    Raises:
        GrammarError: the operand is not regular.
    """
    _need_regular("a complement", body)
    if isinstance(body, Complement):
        return body.body
    if body is NEVER:
        return ANY_TEXT
    if body is ANY_TEXT:
        return NEVER
    return _cons(Complement, body, {"body": body}, regular=True, nullable=not body.nullable)


def but_not(a: Expr, b: Expr) -> Expr:
    """Strings of `a` that are not in `b`; both regular."""
    return both(a, complement(b))


def machine(rows: Iterable[Iterable[tuple[int, int, int]]], accepting: Iterable[int]) -> Expr:
    """An explicit deterministic automaton over code points, for languages that are computed, not written.

    Args:
        rows: per state its edges `(low, high, target)`, code-point ranges inclusive and disjoint. State 0 is
            the start.
        accepting: accepting states.

    Raises:
        GrammarError: no states, an edge leads outside, or two edges of one state overlap.
    """
    fixed = tuple(tuple(sorted(row)) for row in rows)
    final = frozenset(accepting)
    if not fixed:
        msg = "a machine needs at least one state"
        raise GrammarError(msg)
    for state, row in enumerate(fixed):
        previous = -1
        for low, high, target in row:
            if low <= previous or high < low or not 0 <= target < len(fixed):
                msg = f"a machine's state {state} has a bad edge {(low, high, target)}"
                raise GrammarError(msg)
            previous = high
    if not final:
        return NEVER
    return _cons(
        Machine, (fixed, final), {"rows": fixed, "accepting": final}, regular=True, nullable=0 in final
    )


def leaf(body: Expr) -> Expr:
    """Compile regular `body` to one minimal byte automaton (UTF-8) instead of structure.

    Raises:
        GrammarError: the operand is not regular.
    """
    _need_regular("a leaf", body)
    if isinstance(body, (Never, Empty)):
        return body
    return _cons(Leaf, body, {"body": body}, regular=False, nullable=body.nullable)


def json_string(body: Expr) -> Expr:
    """Quote, every JSON spelling of every value of regular `body`, quote (RFC 8259 section 7).

    A character may be written raw or by any of its escapes; characters beyond U+FFFF as a surrogate pair.
    Lone surrogates are not characters, so their escapes are not spellings.

    Raises:
        GrammarError: the operand is not regular.
    """
    _need_regular("a JSON string", body)
    if body is NEVER:
        return NEVER
    return _json(body, quoted=True)


def json_name(body: Expr) -> Expr:
    r"""Quote, the canonical JSON spelling of every value of regular `body`, quote.

    One value is one byte string: UTF-8 as it is, the escapes that RFC 8259 section 7 demands and no others, short ones
    where there are any, else `\u00xx` in lower case. That is what `json.dumps(ensure_ascii=False)` writes.

    Raises:
        GrammarError: the operand is not regular.
    """
    _need_regular("a name", body)
    if body is NEVER:
        return NEVER
    if isinstance(body, (Literal, Empty)):
        return literal(encode_basestring((body.text or "") if isinstance(body, Literal) else ""))
    return _json(body, quoted=True, canonical=True)


def json_chars(body: Expr) -> Expr:
    """`json_string` without its quotes: the inside of a string, or a piece of it.

    Raises:
        GrammarError: the operand is not regular.
    """
    _need_regular("a piece of a JSON string", body)
    if body is NEVER:
        return NEVER
    return _json(body, quoted=False)


def _json(body: Expr, *, quoted: bool, canonical: bool = False) -> Expr:
    return _cons(
        JsonString,
        (body, quoted, canonical),
        {"body": body, "quoted": quoted, "canonical": canonical},
        regular=False,
        nullable=not quoted and body.nullable,
    )


def token(*ids: int) -> Expr:
    """One token out of `ids`, as a token edge: text that happens to spell the token's name is text."""
    members = frozenset(ids)
    if not members:
        return NEVER
    return _cons(Token, members, {"ids": members}, regular=False, nullable=False)


def mark(name: str, body: Expr) -> Expr:
    """`body` as a span called `name`."""
    if body is NEVER:
        return NEVER
    return _cons(Mark, (name, body), {"name": name, "body": body}, regular=False, nullable=body.nullable)


def check(condition: Check) -> Expr:
    """Nothing, right behind a JSON value or a member's name, where the condition holds of it."""
    return _cons(Checked, condition, {"check": condition}, regular=False, nullable=False)


def frame(records: Frame, body: Expr) -> Expr:
    """`body` with its own record. `step`s stand directly in the body: not behind a rule or a bounded repetition."""
    if body is NEVER:
        return NEVER
    key = (records.key, body)
    return _cons(Framed, key, {"frame": records, "body": body}, regular=False, nullable=False)


def step(symbol: int) -> Expr:
    """Nothing, where the record of the innermost frame takes the step `symbol`.

    Raises:
        GrammarError: the symbol is negative.
    """
    if symbol < 0:
        msg = f"a step's symbol counts from 0, got {symbol}"
        raise GrammarError(msg)
    return _cons(Step, symbol, {"symbol": symbol}, regular=False, nullable=False)


def pick(*parts: Expr) -> Expr:
    """Union like `alt`, of parts that steps open and close, one of them even; drops `NEVER`."""
    left = tuple(dict.fromkeys(part for part in parts if part is not NEVER))
    if not left:
        return NEVER
    return _cons(Pick, left, {"parts": left}, regular=False, nullable=False)


def chain(parts: Iterable[tuple[Expr, bool]], more: Expr, separator: Expr) -> Expr:
    """Some of the parts, in their order, then any number of `more`, with the separator between; at least one of all.

    The members of an object: `chain([(a, True), (b, False)], c, comma)` is `a (, b)? (, c)*`. Drops optional parts that
    are `NEVER`.

    Args:
        parts: expressions, and whether they have to be there.
        more: what may follow them, any number of times.
        separator: what stands between two.
    """
    kept: list[Expr] = []
    required: list[bool] = []
    for part, must in parts:
        if part is not NEVER:
            kept.append(part)
            required.append(must)
        elif must:
            return NEVER
    if not kept:
        return NEVER if more is NEVER else seq(more, repeat(seq(separator, more), 0))
    key = (tuple(kept), tuple(required), more, separator)
    fields = {"parts": key[0], "required": key[1], "more": more, "separator": separator}
    return _cons(Chain, key, fields, regular=False, nullable=False)


class _Place(Expr):
    """Stands for the joined character set while `alt` collects its parts."""

    __slots__ = ()


_SET_PLACE = _cons(_Place, None, {}, regular=True, nullable=False)

#: One character, any.
ANY_CHAR = chars(CharSet.ANY)
#: Any text.
ANY_TEXT = repeat(ANY_CHAR, 0)


def children(node: Expr) -> tuple[Expr, ...]:
    """Direct sub-expressions, left to right."""
    if isinstance(node, (Seq, Alt, Both, Pick)):
        return node.parts
    if isinstance(node, (Repeat, Complement, Leaf, JsonString, Mark, Framed)):
        return (node.body,)
    if isinstance(node, Chain):
        return (*node.parts, node.more, node.separator)
    return ()


def bottom_up(node: Expr) -> list[Expr]:
    """The node and everything below it, each once, parts before wholes. Does not recurse."""
    order: list[Expr] = []
    seen: set[Expr] = set()
    stack = [(node, False)]
    while stack:
        current, parts_done = stack.pop()
        if parts_done:
            order.append(current)
        elif current not in seen:
            seen.add(current)
            stack.append((current, True))
            stack.extend((part, False) for part in reversed(children(current)))
    return order


def references(node: Expr) -> list[str]:
    """Names of the rules `node` refers to, each once, in order of first appearance."""
    names: dict[str, None] = {}
    seen: set[Expr] = set()
    stack = [node]
    while stack:
        current = stack.pop()
        if current in seen or current.regular:
            continue
        seen.add(current)
        if isinstance(current, Ref):
            names[current.name] = None
        stack.extend(reversed(children(current)))
    return list(names)
