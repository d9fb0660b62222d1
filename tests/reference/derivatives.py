"""The meaning of a grammar, as plainly as it can be written: the naive twin of everything below the IR.

Two questions about a text, for every node of the IR: does the grammar match it (`matches`), and does some longer
text that starts with it match (`alive`)?

*Structure* (rules, sequences, repetitions, marks, tokens) is answered by least fixed points over places of the
text: `ends(e, i)` are the places where a word of `e` that starts at `i` may end; `reaches(e, i)` says whether the
rest of the text from `i` on is a prefix of a word of `e`. Any recursion is fine, left recursion included: unfinished
answers start empty, and the whole question is asked again until no answer grows. *Regular* expressions under `leaf`,
`json_string` and boolean operators are answered by derivatives (`brzozowski`), their bytes read by `spellings`.

A text is bytes, or a list whose items are byte values and `Id(n)` for token n. Meant for small inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reference.brzozowski import after, derive, has, nullable, some_word
from reference.spellings import read_char, read_name, read_spelling

from ruvllm_grammar import ir

__all__ = ["Id", "Text", "alive", "has", "legal_bytes", "matches", "single"]


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
                spelling = (read_name if e.canonical else read_spelling)(self._bytes_from(i))
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
                spelling = (read_name if e.canonical else read_spelling)(data)
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
