r"""The parser of ECMA-262 patterns: grammar of section 22.2.1 with the `u` flag, tolerant as Annex B is without it.

Under `u` an escaped letter that means nothing, a lone `]` or `}`, or `[\w-.]` is an error; without `u` they are old
web practice with a fixed meaning (Annex B.1.2), and about one real schema in eighty relies on it. Here every such
construct gets its Annex B meaning, while everything that has a meaning under `u` keeps it: characters are code points,
`\u{1F600}` and `\p{Lu}` are what they say.

The pattern is read left to right without recursion: open groups wait on a stack, and a group is reduced when it closes.
Quantifiers are greedy or lazy without difference, because a language does not know which match was preferred.

Refused, with place and remedy: back-references (no automaton), inline flags, and the syntax of other dialects.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NoReturn

from ruvllm_grammar import ir
from ruvllm_grammar.errors import LimitError, SyntaxGrammarError
from ruvllm_grammar.ir import CharSet
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.source import caret
from ruvllm_grammar.syntax.regex.charclasses import DOT, ESCAPES, unicode_property
from ruvllm_grammar.syntax.regex.nodes import Look, Node, Position, Where, choice, loop, sequence

_CONTROLS = {"f": 0x0C, "n": 0x0A, "r": 0x0D, "t": 0x09, "v": 0x0B}
_HEX = frozenset("0123456789abcdefABCDEF")
_DIGITS = frozenset("0123456789")
_PROPERTY = re.compile(r"\{([A-Za-z0-9_=]+)\}")
_BRACES = re.compile(r"\{([0-9]+)(,?)([0-9]*)\}")
#: A count of this many digits is beyond any budget; ECMA-262 reads it as infinite.
_COUNT_DIGITS = 15


def refuse(pattern: str, at: int, problem: str, remedy: str) -> NoReturn:
    """Raise the syntax error for a place of the pattern."""
    raise SyntaxGrammarError(
        caret("pattern", pattern, at, problem, remedy=remedy), source=pattern, position=at
    )


@dataclass(slots=True)
class _Group:
    """A group that is still open."""

    at: int
    look: tuple[bool, bool] | None = None  # (ahead, negative)
    done: list[Node] = field(default_factory=list)
    parts: list[Node] = field(default_factory=list)

    def reduce(self) -> Node:
        """The group's content."""
        return choice([*self.done, sequence(self.parts)])


def parse(pattern: str, limits: Limits) -> Node:
    """Read a pattern.

    Raises:
        SyntaxGrammarError: it is no ECMA-262 pattern, or one that has no automaton.
        LimitError: it is longer than `Limits.text` or nested deeper than `Limits.depth`.
    """
    if len(pattern) > limits.text:
        msg = f"a pattern has {len(pattern):,} characters, and Limits.text allows {limits.text:,}; raise the limit"
        raise LimitError(msg, limit="text", needed=len(pattern))
    return _Parser(pattern, limits).parse()


class _Parser:
    def __init__(self, pattern: str, limits: Limits) -> None:
        self.pattern = pattern
        self.limits = limits
        self.at = 0
        self.groups, self.named = _count_groups(pattern)
        self.names: dict[str, list[tuple[tuple[int, int], ...]]] = {}
        self.stack = [_Group(0)]

    def parse(self) -> Node:
        pattern = self.pattern
        while self.at < len(pattern):
            start, char = self.at, pattern[self.at]
            self.at += 1
            group = self.stack[-1]
            if char == "|":
                group.done.append(sequence(group.parts))
                group.parts = []
            elif char == "(":
                self._open(start)
            elif char == ")":
                self._close(start)
            elif char in "^$":
                group.parts.append(Position(Where(char), start))
                self._no_quantifier()
            elif char in "*+?" or (char == "{" and self._braces(start) is not None):
                remedy = f'put "\\" before "{char}" to mean the character itself'
                refuse(pattern, start, "nothing to repeat here", remedy)
            elif char == "[":
                self._repeatable(ir.chars(self._class(start)))
            elif char == ".":
                self._repeatable(ir.chars(DOT))
            elif char == "\\":
                self._escape(start)
            else:
                self._repeatable(_character(ord(char)))
        if len(self.stack) > 1:
            self._fail(
                self.stack[-1].at, "unclosed group", 'opened here; add ")" before the end of the pattern'
            )
        return self.stack[0].reduce()

    def _fail(self, at: int, problem: str, remedy: str) -> NoReturn:
        refuse(self.pattern, at, problem, remedy)

    # ------------------------------------------------------------------------------------------------ groups

    def _open(self, start: int) -> None:
        if len(self.stack) > self.limits.depth:
            msg = f"a pattern nests more than {self.limits.depth} groups (Limits.depth); raise the limit or flatten it"
            raise LimitError(msg, limit="depth", needed=len(self.stack))
        group = _Group(start)
        rest = self.pattern[self.at : self.at + 4]
        looks = {"?=": (True, False), "?!": (True, True), "?<=": (False, False), "?<!": (False, True)}
        for opener, look in looks.items():
            if rest.startswith(opener):
                group.look = look
                self.at += len(opener)
                break
        else:
            if rest.startswith("?:"):
                self.at += 2
            elif rest.startswith("?<"):
                self.at += 2
                self._name(start)
            elif rest.startswith("?"):
                self._foreign_group(start, rest)
        self.stack.append(group)

    def _foreign_group(self, start: int, rest: str) -> NoReturn:
        if rest.startswith("?P<"):
            self._fail(start, "a named group of another dialect", 'write "(?<name>...)"')
        if rest.startswith("?P"):
            self._fail(start, "syntax of another dialect", "ECMA-262 has no (?P...)")
        if rest.startswith("?#"):
            self._fail(start, "a comment of another dialect", "remove it")
        if rest.startswith("?>"):
            self._fail(start, "an atomic group, which ECMA-262 does not have", 'write "(?:...)"')
        if rest[1:2].isalpha() or rest[1:2] == "-":
            remedy = "spell both cases out, as in [Aa]" if "i" in rest else "remove them"
            self._fail(start, "inline flags are not part of the patterns of JSON Schema", remedy)
        self._fail(start, "no such kind of group", 'write "(?:...)", or "\\(" for the character')

    def _name(self, start: int) -> None:
        """The name of a group, up to and with `>`. The same name twice is right only in different alternatives."""
        end = self.pattern.find(">", self.at)
        name = self.pattern[self.at : end] if end >= 0 else ""
        if not name.replace("$", "_").isidentifier() and "\\u" not in name:
            self._fail(
                start, "a group without a proper name", 'write "(?<name>...)" with letters, digits, _ and $'
            )
        path = tuple((group.at, len(group.done)) for group in self.stack)
        for other in self.names.setdefault(name, []):
            first_split = next(((a, b) for a, b in zip(path, other, strict=False) if a != b), None)
            if first_split is None or first_split[0][0] != first_split[1][0]:
                self._fail(start, f"a second group named {name!r}", "rename one of them")
        self.names[name].append(path)
        self.at = end + 1

    def _close(self, start: int) -> None:
        if len(self.stack) == 1:
            self._fail(
                start, "a parenthesis that closes nothing", 'write "\\)" for the character, or remove it'
            )
        group = self.stack.pop()
        body = group.reduce()
        if group.look is None:
            self._repeatable(body)
            return
        ahead, negative = group.look
        node = Look(body, ahead, negative, group.at)
        if ahead:
            self._repeatable(node)  # Annex B lets a look-ahead be repeated
        else:
            self.stack[-1].parts.append(node)
            self._no_quantifier()

    # ------------------------------------------------------------------------------------------- quantifiers

    def _braces(self, start: int) -> tuple[int, int | None, int] | None:
        """`{n}`, `{n,}` or `{n,m}` at `start`: low, high, and the offset behind it. None: those are characters."""
        found = _BRACES.match(self.pattern, start)
        if found is None:
            return None
        low, comma, high = found.group(1), found.group(2), found.group(3)
        if not comma:
            high = low
        least, most = _count(low), _count(high) if high else None
        if most is not None and least > most:
            self._fail(start, "a repetition with its bounds exchanged", f"write {{{most},{least}}}")
        return least, (None if most is not None and most >= 10**_COUNT_DIGITS else most), found.end()

    def _quantifier(self) -> tuple[int, int | None] | None:
        char = self.pattern[self.at : self.at + 1]
        if char == "{":
            braces = self._braces(self.at)
            if braces is None:
                return None
            low, high, self.at = braces
        elif char and char in "*+?":
            low, high = {"*": (0, None), "+": (1, None), "?": (0, 1)}[char]
            self.at += 1
        else:
            return None
        if self.pattern[self.at : self.at + 1] == "?":
            self.at += 1
        return low, high

    def _repeatable(self, node: Node) -> None:
        bounds = self._quantifier()
        if bounds is not None:
            node = loop(node, *bounds)
        self.stack[-1].parts.append(node)

    def _no_quantifier(self) -> None:
        start = self.at
        if self._quantifier() is not None:
            self._fail(start, "an assertion cannot be repeated", "remove the quantifier")

    # ----------------------------------------------------------------------------------------------- escapes

    def _escape(self, start: int) -> None:
        """An escape outside a class; `start` is the backslash."""
        letter = self.pattern[self.at : self.at + 1]
        if not letter:
            self._fail(start, "a backslash at the end", 'write "\\\\" for the character')
        if letter in "bB":
            self.at += 1
            self.stack[-1].parts.append(Position(Where("\\" + letter), start))
            self._no_quantifier()
            return
        if letter == "k" and self.named:
            self._back_reference(start)
        if letter in "123456789":
            digits = self._run(_DIGITS, self.at, 10)
            if int(digits) <= self.groups:
                self._back_reference(start)
        value = self._class_escape(start)
        self._repeatable(ir.chars(value) if isinstance(value, CharSet) else _character(value))

    def _back_reference(self, start: int) -> NoReturn:
        self._fail(start, "a back-reference, which no automaton can follow", "write out what it may repeat")

    def _run(self, allowed: frozenset[str], at: int, most: int) -> str:
        end = at
        while end < len(self.pattern) and end < at + most and self.pattern[end] in allowed:
            end += 1
        return self.pattern[at:end]

    def _class_escape(self, start: int) -> int | CharSet:
        """The character or set of an escape that means the same inside and outside a class."""
        letter = self.pattern[self.at]
        self.at += 1
        if letter in ESCAPES:
            return ESCAPES[letter]
        if letter in "pP":
            return self._property(start, negative=letter == "P")
        if letter in _CONTROLS:
            return _CONTROLS[letter]
        if letter == "x":
            digits = self._run(_HEX, self.at, 2)
            if len(digits) == 2:
                self.at += 2
                return int(digits, 16)
        if letter == "u":
            return self._unicode_escape(start)
        if letter == "c":
            following = self.pattern[self.at : self.at + 1]
            if following.isascii() and following.isalpha():
                self.at += 1
                return ord(following) % 32
            self.at -= 1  # Annex B: the backslash is a character, and the c comes next
            return ord("\\")
        if letter in _DIGITS:
            return self._octal(letter)
        return ord(letter)

    def _octal(self, letter: str) -> int:
        r"""`\0`, and Annex B's octal escapes up to `\377`; `\8` and `\9` are the digits."""
        if letter in "89":
            return ord(letter)
        digits = letter + self._run(frozenset("01234567"), self.at, 2 if letter in "0123" else 1)
        self.at += len(digits) - 1
        return int(digits, 8)

    def _unicode_escape(self, start: int) -> int:
        if self.pattern[self.at : self.at + 1] == "{":
            end = self.pattern.find("}", self.at)
            digits = self.pattern[self.at + 1 : end]
            if end > self.at + 1 and _HEX.issuperset(digits):
                point = int(digits, 16) if len(digits.lstrip("0")) <= 6 else 0x110000
                if point > 0x10FFFF:
                    self._fail(start, "a code point beyond U+10FFFF", "the largest is \\u{10FFFF}")
                self.at = end + 1
                return point
            self._fail(start, "a broken code-point escape", 'write "\\u{1F600}", or "u" for the letter')
        digits = self._run(_HEX, self.at, 4)
        if len(digits) < 4:
            return ord("u")
        self.at += 4
        point = int(digits, 16)
        if 0xD800 <= point < 0xDC00 and self.pattern[self.at : self.at + 2] == "\\u":
            tail = self._run(_HEX, self.at + 2, 4)
            if len(tail) == 4 and 0xDC00 <= int(tail, 16) < 0xE000:
                self.at += 6
                return 0x10000 + ((point - 0xD800) << 10) + int(tail, 16) - 0xDC00
        return point

    def _property(self, start: int, *, negative: bool) -> CharSet:
        r"""`{name}` after `\p`. Annex B would read an unknown one as letters; that is never what was meant."""
        found = _PROPERTY.match(self.pattern, self.at)
        if found is None:
            self._fail(start, "a Unicode property without a name in braces", "write one such as \\p{Lu}")
        name = found.group(1)
        members = unicode_property(name)
        if members is None:
            script = unicode_property(f"Script={name}") is not None
            remedy = f'write "Script={name}"' if script else "write one such as \\p{Lu}"
            self._fail(start, f"no Unicode property of ECMA-262 is called {name!r}", remedy)
        self.at = found.end()
        return members.complement() if negative else members

    # ----------------------------------------------------------------------------------------------- classes

    def _class(self, start: int) -> CharSet:
        """The rest of `[...]`; the opening bracket is read."""
        negative = self.pattern[self.at : self.at + 1] == "^"
        self.at += negative
        members: list[CharSet | int | tuple[int, int]] = []
        while True:
            if self.at >= len(self.pattern):
                self._fail(start, "unclosed class", 'opened here; add "]", or write "\\[" for the character')
            if self.pattern[self.at] == "]":
                self.at += 1
                break
            place = self.at
            low = self._member()
            if self.pattern[self.at : self.at + 1] == "-" and self.pattern[self.at + 1 : self.at + 2] not in {
                "",
                "]",
            }:
                self.at += 1
                high = self._member()
                if isinstance(low, CharSet) or isinstance(
                    high, CharSet
                ):  # Annex B: the hyphen is a character
                    members += [low, ord("-"), high]
                elif low > high:
                    self._fail(place, "a range with its ends exchanged", 'exchange them, or write "\\-"')
                else:
                    members.append((low, high))
            else:
                members.append(low)
        ranges = [r for m in members for r in (m.ranges if isinstance(m, CharSet) else (m,))]
        found = CharSet.of(*ranges)
        return found.complement() if negative else found

    def _member(self) -> int | CharSet:
        """One character or escape of a class."""
        start, char = self.at, self.pattern[self.at]
        self.at += 1
        if char != "\\":
            return ord(char)
        letter = self.pattern[self.at : self.at + 1]
        if not letter:
            self._fail(start, "a backslash at the end", 'write "\\\\" for the character')
        if letter == "b":
            self.at += 1
            return 0x08
        following = self.pattern[self.at + 1 : self.at + 2]
        if letter == "c" and following and following in "0123456789_":  # Annex B, in classes only
            self.at += 2
            return ord(following) % 32
        return self._class_escape(start)


def _character(point: int) -> ir.Expr:
    """One character; a lone surrogate is not one, so nothing matches it."""
    return ir.NEVER if 0xD800 <= point <= 0xDFFF else ir.literal(chr(point))


def _count(digits: str) -> int:
    return int(digits) if len(digits.lstrip("0")) <= _COUNT_DIGITS else 10**_COUNT_DIGITS


def _count_groups(pattern: str) -> tuple[int, bool]:
    """Number of capturing groups, and whether any has a name; needed before the first escape is read."""
    count, named, in_class, at = 0, False, False, 0
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            at += 1
        elif char == "[":
            in_class = True
        elif char == "]":
            in_class = False
        elif char == "(" and not in_class:
            name = pattern[at + 1 : at + 3] == "?<" and pattern[at + 3 : at + 4] not in {"=", "!"}
            named = named or name
            count += name or pattern[at + 1 : at + 2] != "?"
        at += 1
    return count, named
