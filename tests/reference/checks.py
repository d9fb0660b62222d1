"""Checks decided by parsing the whole prefix anew: the naive twin of `match.register`.

`alive` is `derivatives.alive` for grammars with `ir.check`: a run passes a check only where the check holds of the text
before it; of text that is not there yet, checks are taken to hold.
"""

from __future__ import annotations

import json
import re
from fractions import Fraction

from reference.brzozowski import derive, some_word
from reference.derivatives import _Reading
from reference.spellings import read_char

from ruvllm_grammar import ir

_NUMBER = re.compile(r"(-?\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?")
_SCALAR = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null', re.DOTALL)


def alive(grammar: ir.Grammar, text: bytes) -> bool:
    """Whether the text is a prefix of a word, as far as the checks on it can say."""
    reading = _Checking(grammar, text)
    start = ir.ref(grammar.start)
    return reading.solve(lambda: reading.end in reading.ends(start, 0) or reading.reaches(start, 0))


def matches(grammar: ir.Grammar, text: bytes) -> bool:
    """Whether the whole text is a word and every check on the way holds."""
    reading = _Checking(grammar, text)
    start = ir.ref(grammar.start)
    return reading.solve(lambda: len(text) in reading.ends(start, 0))


class _Checking(_Reading):
    """Here `reaches` asks for *proper* prefixes: what ends with the text goes on to the check behind it."""

    def reaches(self, e, i):
        key = (e, i)
        if key not in self.visited_reaches:
            self.visited_reaches.add(key)
            self.known_reaches.setdefault(key, False)
            self.known_reaches[key] |= self._reaches(e, i)
        return self.known_reaches[key]

    def _ends(self, e, i):
        if isinstance(e, ir.Checked):
            return frozenset([i] if holds(e.check, bytes(self.text[:i])) else [])
        return super()._ends(e, i)

    def _reaches(self, e, i):
        match e:
            case ir.Checked():
                return False
            case ir.Seq():
                places = frozenset([i])
                for k, part in enumerate(e.parts):
                    rest = e.parts[k + 1 :]
                    if any(self.reaches(part, j) for j in places) and all(map(self._has_word, rest)):
                        return True
                    places = self._step(part, places)
                return False
        return super()._reaches(e, i)

    def _leaf_reaches(self, e, i):
        data, k = self._bytes_from(i), 0
        while k < len(data):
            char = read_char(data, k)
            if not isinstance(char, int):
                return char is not None and some_word(e, char)
            e, k = derive(e, char), k + len(chr(char).encode())
        return some_word(e, ir.CharSet.ANY)

    def _has_word(self, e):
        """Whether there is any word; checks on what is not there yet hold."""
        return isinstance(e, ir.Checked) or self.end in self.ends(e, self.end) or self.reaches(e, self.end)


def holds(check: ir.Check, text: bytes) -> bool:
    """Whether the check holds of the value or name that ends with `text`, the beginning of a document."""
    siblings, last = ended(text.decode())
    if check.kind == "value":
        return check.test(last)
    return not any(same(last, one) for one in siblings)


def ended(text: str):
    """(earlier names or items beside it, the value or name that ends the text)."""
    stack = []  # [kind, names or items, the values of members]
    last = None
    at = 0
    while at < len(text):
        char = text[at]
        if char in "{[":
            stack.append([char, [], []])
            at += 1
        elif char in "}]":
            kind, parts, values = stack.pop()
            if kind == "[":
                last = [] if text[:at].rstrip().endswith("[") else [*parts, last]
            else:
                last = dict(zip(parts, [*values, last], strict=False)) if parts else {}
            at += 1
        elif char == ",":
            stack[-1][2 if stack[-1][0] == "{" else 1].append(last)
            at += 1
        elif char == ":":
            stack[-1][1].append(last)
            at += 1
        elif char in " \n":
            at += 1
        else:
            found = _SCALAR.match(text, at)
            last = _scalar(found.group())
            at = found.end()
    return (stack[-1][1] if stack else []), last


def _scalar(text: str):
    found = _NUMBER.fullmatch(text)
    if found is None:
        return json.loads(text, strict=False)
    whole, fraction, exponent = found.groups()
    value = Fraction(whole + (fraction or "")) / 10 ** len(fraction or "")
    return value * Fraction(10) ** int(exponent or 0)


def same(a, b) -> bool:
    """JSON Schema's equality, pair by pair."""
    if isinstance(a, bool) or isinstance(b, bool) or a is None or b is None:
        return a is b
    if isinstance(a, Fraction) or isinstance(b, Fraction):
        return type(a) is type(b) and a == b
    if type(a) is not type(b):
        return False
    if isinstance(a, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return a == b
