"""The meaning of a grammar, as plainly as it can be written: the naive twin of everything below the IR.

Two questions about a text, for every node of the IR: does the grammar match it (`matches`), and does some longer
text that starts with it match (`alive`)?

*Structure* (rules, sequences, repetitions, marks, tokens) is answered by least fixed points over places of the text:
`ends(e, i)` are the places where a word of `e` that starts at `i` may end; `reaches(e, i)` says whether the rest of
the text from `i` on is a prefix of a word of `e`. Any recursion is fine, left recursion included: unfinished answers
start empty and the whole question is asked again until no answer grows.

*Regular* expressions under `leaf`, `json_string`, `both`, `complement` and `machine` are answered by Brzozowski
derivatives over code points ("Derivatives of Regular Expressions", 1964): `derive(e, c)` is what remains of `e` after
the character `c`; a language is not empty when some derivative contains the empty string.

A text is bytes, or a list whose items are byte values and `Id(n)` for token n. Meant for small inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from ruvllm_grammar import ir


@dataclass(frozen=True)
class Id:
    """A token of the vocabulary in a text, as opposed to bytes that spell its name."""

    number: int


Text = bytes | Sequence["int | Id"]


def matches(grammar: ir.Grammar, text: Text) -> bool:
    """Whether the whole text is a word of the grammar."""
    reading = _Reading(grammar, text)
    start = ir.ref(grammar.start)
    return reading.solve(lambda: len(text) in reading.ends(start, 0))


def alive(grammar: ir.Grammar, text: Text) -> bool:
    """Whether the text is a prefix of a word of the grammar (the word itself counts)."""
    reading = _Reading(grammar, text)
    start = ir.ref(grammar.start)
    return reading.solve(lambda: reading.reaches(start, 0))


def single(e: ir.Expr) -> ir.Grammar:
    """The grammar of one expression."""
    return ir.Grammar(start="root", rules={"root": e})


def legal_bytes(grammar: ir.Grammar, prefix: bytes) -> frozenset[int]:
    """The bytes that keep `prefix` alive."""
    return frozenset(b for b in range(256) if alive(grammar, prefix + bytes([b])))


# ------------------------------------------------------------------------------------- structure: places of a text


class _Reading:
    def __init__(self, grammar: ir.Grammar, text: Text) -> None:
        self.grammar = grammar
        self.text = list(text)
        self.end = len(self.text)
        self.known_ends: dict[tuple[ir.Expr, int], frozenset[int]] = {}
        self.known_reaches: dict[tuple[ir.Expr, int], bool] = {}

    def solve(self, question):
        """Ask until no answer grows: the least fixed point."""
        while True:
            before = sum(map(len, self.known_ends.values())), sum(self.known_reaches.values())
            self.visited_ends: set[tuple[ir.Expr, int]] = set()
            self.visited_reaches: set[tuple[ir.Expr, int]] = set()
            answer = question()
            after = sum(map(len, self.known_ends.values())), sum(self.known_reaches.values())
            if answer or before == after:  # answers only grow, so a yes is final
                return answer

    def ends(self, e: ir.Expr, i: int) -> frozenset[int]:
        key = (e, i)
        if key not in self.visited_ends:
            self.visited_ends.add(key)
            self.known_ends.setdefault(key, frozenset())
            self.known_ends[key] |= self._ends(e, i)
        return self.known_ends[key]

    def _ends(self, e: ir.Expr, i: int) -> frozenset[int]:
        match e:
            case ir.Never():
                return frozenset()
            case ir.Empty():
                return frozenset([i])
            case ir.Literal():
                stop = i + len(e.data)
                return frozenset([stop] if self.text[i:stop] == list(e.data) else [])
            case ir.Token():
                here = self.text[i] if i < self.end else None
                return frozenset([i + 1] if isinstance(here, Id) and here.number in e.ids else [])
            case ir.Seq():
                places = frozenset([i])
                for part in e.parts:
                    places = self._step(part, places)
                return places
            case ir.Alt():
                return frozenset().union(*(self.ends(p, i) for p in e.parts))
            case ir.Repeat():
                return frozenset().union(*(places for k, places in self._rounds(e, i) if k >= e.low))
            case ir.Ref():
                return self.ends(self.grammar.rule(e.name), i)
            case ir.Mark():
                return self.ends(e.body, i)
            case ir.JsonString():
                spelling = read_spelling(self._bytes_from(i))
                if spelling is None or spelling.length is None or not has(e.body, spelling.value):
                    return frozenset()
                return frozenset([i + spelling.length])
            case ir.Leaf():
                return self._leaf_ends(e.body, i)
            case ir.Chars() | ir.Both() | ir.Complement() | ir.Machine():
                return self._leaf_ends(e, i)
        raise TypeError(e)

    def reaches(self, e: ir.Expr, i: int) -> bool:
        key = (e, i)
        if key not in self.visited_reaches:
            self.visited_reaches.add(key)
            self.known_reaches.setdefault(key, False)
            self.known_reaches[key] |= self.end in self.ends(e, i) or self._reaches(e, i)
        return self.known_reaches[key]

    def _reaches(self, e: ir.Expr, i: int) -> bool:
        """Whether the text from `i` on is a proper prefix of a word; at the end: whether there is any word."""
        match e:
            case ir.Never() | ir.Empty():
                return False
            case ir.Literal():
                rest = self.text[i:]
                return len(rest) < len(e.data) and list(e.data[: len(rest)]) == rest
            case ir.Token():
                return i == self.end
            case ir.Seq():
                places = frozenset([i])
                for k, part in enumerate(e.parts):
                    words_follow = all(self.reaches(p, self.end) for p in e.parts[k + 1 :])
                    if words_follow and any(self.reaches(part, j) for j in places):
                        return True
                    places = self._step(part, places)
                return False
            case ir.Alt():
                return any(self.reaches(p, i) for p in e.parts)
            case ir.Repeat():
                return any(
                    self.reaches(e.body, j)
                    for k, places in self._rounds(e, i)
                    for j in places
                    if e.high is None or k < e.high
                )
            case ir.Ref():
                return self.reaches(self.grammar.rule(e.name), i)
            case ir.Mark():
                return self.reaches(e.body, i)
            case ir.JsonString():
                data = self._bytes_from(i)
                if i + len(data) < self.end:
                    return False
                spelling = read_spelling(data)
                if spelling is None or spelling.length is not None:
                    return False
                return some_word(after(e.body, spelling.value), spelling.pending)
            case ir.Leaf():
                return self._leaf_reaches(e.body, i)
            case ir.Chars() | ir.Both() | ir.Complement() | ir.Machine():
                return self._leaf_reaches(e, i)
        raise TypeError(e)

    def _step(self, e: ir.Expr, places: frozenset[int]) -> frozenset[int]:
        return frozenset().union(*(self.ends(e, i) for i in places))

    def _rounds(self, e: ir.Repeat, i: int):
        """(k, places after k copies), until the places are gone, the count is full, or nothing new can come."""
        places, k, seen = frozenset([i]), 0, {}
        while places and (e.high is None or k <= e.high):
            if seen.get(places, -1) >= e.low:  # the rounds repeat from here on
                return
            if places in seen and k < e.low:  # skip whole periods of a long compulsory count
                period = k - seen[places]
                k += (e.low - k) // period * period
            seen[places] = k
            yield k, places
            places, k = self._step(e.body, places), k + 1

    def _bytes_from(self, i: int) -> bytes:
        stop = i
        while stop < self.end and not isinstance(self.text[stop], Id):
            stop += 1
        return bytes(self.text[i:stop])

    def _leaf_ends(self, e: ir.Expr, i: int) -> frozenset[int]:
        found, data, k = [], self._bytes_from(i), 0
        while True:
            if nullable(e):
                found.append(i + k)
            char = read_char(data, k)
            if not isinstance(char, int) or e is ir.NEVER:
                return frozenset(found)
            e, k = derive(e, char), k + len(chr(char).encode())

    def _leaf_reaches(self, e: ir.Expr, i: int) -> bool:
        data, k = self._bytes_from(i), 0
        if i + len(data) < self.end:
            return False
        while k < len(data):
            char = read_char(data, k)
            if not isinstance(char, int):
                return char is not None and some_word(e, char)
            e, k = derive(e, char), k + len(chr(char).encode())
        return some_word(e, None)


# -------------------------------------------------------------------------------- spellings: bytes to code points


def read_char(data: bytes, k: int) -> int | ir.CharSet | None:
    """The UTF-8 character at `k`; the characters it may become when data ends too early; None when broken."""
    if k >= len(data):
        return None
    lead = data[k]
    if lead < 0x80:
        return lead
    for length, base, least, most in (
        (2, 0xC0, 0x80, 0x7FF),
        (3, 0xE0, 0x800, 0xFFFF),
        (4, 0xF0, 0x10000, 0x10FFFF),
    ):
        if base <= lead < base + (1 << (7 - length)):
            rest = data[k + 1 : k + length]
            if any(not 0x80 <= b <= 0xBF for b in rest):
                return None
            point = lead - base
            for b in rest:
                point = point << 6 | b & 0x3F
            missing = 6 * (length - 1 - len(rest))
            low, high = point << missing, (point + 1 << missing) - 1
            possible = ir.CharSet.of((max(low, least), min(high, most)))
            if missing:
                return possible or None
            return point if point in possible else None
    return None


@dataclass(frozen=True)
class Spelling:
    """A JSON spelling as far as it goes.

    value: the characters that are complete. length: bytes up to and with the closing quote, None when still open.
    pending: the characters that a broken-off spelling at the end may become, None when nothing is broken off.
    """

    value: tuple[int, ...]
    length: int | None
    pending: ir.CharSet | None


_SHORT = dict(zip(b'"\\/bfnrt', map(ord, '"\\/\b\f\n\r\t'), strict=True))


def read_spelling(data: bytes) -> Spelling | None:
    """Read a JSON string from the start of data; None when data is no prefix of one."""
    value: list[int] = []
    if not data:
        return Spelling((), None, None)
    if data[0] != ord('"'):
        return None
    k = 1
    while k < len(data):
        if data[k] == ord('"'):
            return Spelling(tuple(value), k + 1, None)
        if data[k] < 0x20:
            return None
        if data[k] != ord("\\"):
            char, length = read_char(data, k), 0
        else:
            char, length = _read_escape(data[k + 1 : k + 12])
        if not isinstance(char, int):
            return None if char is None else Spelling(tuple(value), None, char)
        value.append(char)
        k += length or len(chr(char).encode())
    return Spelling(tuple(value), None, None)


def _read_escape(data: bytes) -> tuple[int | ir.CharSet | None, int]:
    """What follows a backslash, and the length of the whole escape with its backslash."""
    if not data:
        return ir.CharSet.ANY, 1  # any character has an escape
    if data[0] != ord("u"):
        return _SHORT.get(data[0]), 2
    low, high = _hex_range(data[1:5])
    if low > high:
        return None, 0
    if low < high:
        firsts = range(max(low, 0xD800), min(high, 0xDBFF) + 1)
        pairs = [(_pair(h, 0xDC00), _pair(h, 0xDFFF)) for h in firsts]
        return ir.CharSet.of((low, high), *pairs) or None, 0
    if not 0xD800 <= low <= 0xDFFF:
        return low, 6
    tail = data[5:11]
    if low >= 0xDC00 or tail[:2] != b"\\u"[: len(tail[:2])]:
        return None, 0
    low2, high2 = _hex_range(tail[2:])
    low2, high2 = max(low2, 0xDC00), min(high2, 0xDFFF)
    if low2 > high2:
        return None, 0
    if len(tail) == 6:
        return _pair(low, low2), 12
    return ir.CharSet.of((_pair(low, low2), _pair(low, high2))), 0


def _hex_range(digits: bytes) -> tuple[int, int]:
    """Least and greatest number of four hexadecimal digits that starts with these; (1, 0) when they are none."""
    if any(d not in b"0123456789abcdefABCDEF" for d in digits):
        return 1, 0
    text = digits.decode()
    return int(text.ljust(4, "0"), 16), int(text.ljust(4, "f"), 16)


def _pair(high: int, low: int) -> int:
    return 0x10000 + (high - 0xD800 << 10) + (low - 0xDC00)


# ------------------------------------------------------------------------------ regular expressions: derivatives


@lru_cache(maxsize=100_000)
def nullable(e: ir.Expr) -> bool:
    """Whether a regular expression contains the empty string."""
    match e:
        case ir.Empty():
            return True
        case ir.Never() | ir.Literal() | ir.Chars():
            return False
        case ir.Seq() | ir.Both():
            return all(nullable(p) for p in e.parts)
        case ir.Alt():
            return any(nullable(p) for p in e.parts)
        case ir.Repeat():
            return e.low == 0 or nullable(e.body)
        case ir.Complement():
            return not nullable(e.body)
        case ir.Machine():
            return 0 in e.accepting
    raise TypeError(e)


@lru_cache(maxsize=100_000)
def derive(e: ir.Expr, char: int) -> ir.Expr:
    """What may follow `char` in the words of a regular expression."""
    match e:
        case ir.Never() | ir.Empty():
            return ir.NEVER
        case ir.Literal():
            return ir.literal(e.text[1:]) if ord(e.text[0]) == char else ir.NEVER
        case ir.Chars():
            return ir.EMPTY if char in e.set else ir.NEVER
        case ir.Seq():
            choices = []
            for k, part in enumerate(e.parts):
                choices.append(ir.seq(derive(part, char), *e.parts[k + 1 :]))
                if not nullable(part):
                    break
            return _union(choices)
        case ir.Alt():
            return _union([derive(p, char) for p in e.parts])
        case ir.Repeat():
            left = ir.repeat(e.body, max(e.low - 1, 0), None if e.high is None else e.high - 1)
            return ir.seq(derive(e.body, char), left)
        case ir.Both():
            return ir.both(*sorted((derive(p, char) for p in e.parts), key=ir.show))
        case ir.Complement():
            return ir.complement(derive(e.body, char))
        case ir.Machine():
            for low, high, target in e.rows[0]:
                if low <= char <= high:
                    return _started_at(e, target)
            return ir.NEVER
    raise TypeError(e)


def _union(choices: list[ir.Expr]) -> ir.Expr:
    """Alternation in one fixed order, so that there are finitely many derivatives."""
    flat = [p for c in choices for p in (c.parts if isinstance(c, ir.Alt) else (c,))]
    return ir.alt(*sorted(flat, key=ir.show))


def _started_at(e: ir.Machine, state: int) -> ir.Expr:
    """The same machine with its states renamed so that `state` is 0."""
    swap = {0: state, state: 0}
    order = [swap.get(s, s) for s in range(len(e.rows))]
    rows = [[(low, high, swap.get(t, t)) for low, high, t in e.rows[s]] for s in order]
    return ir.machine(rows, [swap.get(s, s) for s in e.accepting])


def after(e: ir.Expr, value: Sequence[int]) -> ir.Expr:
    """What may follow `value` in the words of `e`."""
    for char in value:
        e = derive(e, char)
    return e


def has(e: ir.Expr, value: Sequence[int]) -> bool:
    """Whether the characters `value` are a word of regular `e`."""
    return nullable(after(e, value))


def some_word(e: ir.Expr, first: ir.CharSet | None) -> bool:
    """Whether `e` has a word; with `first`: one that starts with a character of that set."""
    if first is None:
        return not_empty(e)
    return any(not_empty(derive(e, char)) for char in _representatives(e, first))


@lru_cache(maxsize=100_000)
def not_empty(e: ir.Expr) -> bool:
    """Whether a regular expression has any word: search its derivatives for a nullable one."""
    if not ir.hides_emptiness(e):
        return e is not ir.NEVER
    seen = {e}
    queue = [e]
    for current in queue:
        if nullable(current):
            return True
        for char in _representatives(current, ir.CharSet.ANY):
            rest = derive(current, char)
            if rest not in seen:
                seen.add(rest)
                queue.append(rest)
    return False


def _representatives(e: ir.Expr, among: ir.CharSet) -> list[int]:
    """One character of `among` for each way in which `e` can treat a character."""
    marks = sorted(_landmarks(e) | {low for low, _ in among.ranges})
    return [m for m in marks if m in among]


@lru_cache(maxsize=100_000)
def _landmarks(e: ir.Expr) -> frozenset[int]:
    """Code points from which on `e` may treat characters differently from the one before."""
    match e:
        case ir.Literal():
            return frozenset(ord(c) + d for c in e.text for d in (0, 1))
        case ir.Chars():
            return frozenset(m for low, high in e.set.ranges for m in (low, high + 1))
        case ir.Machine():
            return frozenset(m for row in e.rows for low, high, _ in row for m in (low, high + 1))
    return frozenset().union(*(_landmarks(child) for child in ir.children(e)))
