r"""Whether a text is a pattern of ECMA-262, back-references and all, without building anything.

`parser` reads patterns into expressions: it forgives what Annex B forgives and refuses what has no automaton.
`is_pattern` answers another question, the one `format: regex` asks: is `RegExp(text, "u")` free of syntax errors? That
is the grammar of section 22.2.1 with `[+UnicodeMode, +NamedCaptureGroups]` and its early errors (section 22.2.1.1):
ranges and counts in order, names unique outside different alternatives, references to groups that exist.

```text
(?<n>a)\k<n>    yes         \a   no, an identity escape is for syntax characters    a{2,1}   no
(?<=a+)b        yes         ]    no, only "\]" is that character                    (?P<n>a) no
```

One pass with a stack of open groups; linear in the text.
"""

from __future__ import annotations

import re

from ruvllm_grammar.syntax.regex.charclasses import unicode_property

_SYNTAX = frozenset("^$\\.*+?()[]{}|/")
_CLASS_SETS = frozenset("dDsSwW")
_CONTROLS = {"f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_DIGITS = frozenset("0123456789")
_QUANTIFIER = re.compile(r"(?:[*+?]|\{([0-9]+)(?:(,)([0-9]*))?\})\??")
_UNICODE = re.compile(r"\{([0-9A-Fa-f]+)\}|([0-9A-Fa-f]{4})")
_SURROGATES = re.compile(r"([dD][89abAB][0-9A-Fa-f]{2})\\u([dD][c-fC-F][0-9A-Fa-f]{2})")
_HEX = re.compile(r"[0-9A-Fa-f]{2}")
_LETTER = re.compile(r"[A-Za-z]")
_DECIMAL = re.compile(r"[1-9][0-9]*")
_PROPERTY = re.compile(r"\{([A-Za-z0-9_=]+)\}")
_LOOKS = ("?=", "?!", "?<=", "?<!")
#: Code points of one class member; None for a set, which cannot end a range.
_Member = int | None


class _Wrong(Exception):
    """The text is no pattern."""


def is_pattern(text: str) -> bool:
    """Whether `RegExp(text, "u")` reads the text."""
    try:
        _Scanner(text).read()
    except _Wrong:
        return False
    return True


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.groups = 0
        self.highest = 0
        self.names: dict[str, list[tuple[tuple[int, int], ...]]] = {}
        self.wanted: set[str] = set()
        # Per open group: its place, and which alternative of it is being read.
        self.stack: list[list[int]] = [[0, 0]]
        self.repeatable: list[bool] = []

    def read(self) -> None:
        text = self.text
        while self.at < len(text):
            char = text[self.at]
            self.at += 1
            if char == "(":
                self._open()
                continue
            if char == "|":
                self.stack[-1][1] += 1
                continue
            if char in "^$":
                continue
            if char == ")":
                if len(self.stack) == 1:
                    raise _Wrong
                self.stack.pop()
                if not self.repeatable.pop():
                    continue
            elif char == "[":
                self._class()
            elif char == "\\":
                if self._escape():
                    continue
            elif char in "*+?{}]":
                raise _Wrong
            self._quantifier()
        if len(self.stack) > 1 or self.highest > self.groups or not self.wanted <= self.names.keys():
            raise _Wrong

    def _open(self) -> None:
        start = self.at
        look = next((opener for opener in reversed(_LOOKS) if self.text.startswith(opener, start)), None)
        if look is not None:
            self.at += len(look)
        elif self.text.startswith("?:", start):
            self.at += 2
        elif self.text.startswith("?<", start):
            self.at += 2
            self._declare(self._name())
            self.groups += 1
        elif self.text.startswith("?", start):
            raise _Wrong
        else:
            self.groups += 1
        self.stack.append([start, 0])
        self.repeatable.append(look is None)

    def _declare(self, name: str) -> None:
        """The same name twice is right only in different alternatives."""
        path = tuple((at, alternative) for at, alternative in self.stack)
        for other in self.names.setdefault(name, []):
            split = next(((a, b) for a, b in zip(path, other, strict=False) if a != b), None)
            if split is None or split[0][0] != split[1][0]:
                raise _Wrong
        self.names[name].append(path)

    def _name(self) -> str:
        """A `RegExpIdentifierName` and its `>`."""
        chars: list[str] = []
        while True:
            char = self._take()
            if char == ">":
                break
            if char == "\\":
                if self._take() != "u":
                    raise _Wrong
                char = chr(self._unicode())
            if not (
                char in "$_"
                or (char if not chars else "a" + char).isidentifier()
                or (chars and char in "\u200c\u200d")
            ):
                raise _Wrong
            chars.append(char)
        if not chars:
            raise _Wrong
        return "".join(chars)

    def _take(self) -> str:
        if self.at >= len(self.text):
            raise _Wrong
        self.at += 1
        return self.text[self.at - 1]

    def _match(self, expression: re.Pattern[str]) -> re.Match[str]:
        found = expression.match(self.text, self.at)
        if found is None:
            raise _Wrong
        self.at = found.end()
        return found

    def _quantifier(self) -> None:
        found = _QUANTIFIER.match(self.text, self.at)
        if found is None:
            return
        low, comma, high = found.groups()
        if comma and high and _greater(low, high):
            raise _Wrong
        self.at = found.end()

    def _escape(self) -> bool:
        """What stands behind a backslash outside a class; whether it is an assertion."""
        char = self._take()
        if char in "bB":
            return True
        if char == "k":
            if self._take() != "<":
                raise _Wrong
            self.wanted.add(self._name())
        elif char in "123456789":
            self.at -= 1
            digits = self._match(_DECIMAL).group()
            self.highest = max(
                self.highest, int(digits) if len(digits) <= len(str(len(self.text))) else 1 << 60
            )
        else:
            self._class_escape(char)
        return False

    def _class_escape(self, char: str) -> _Member:
        """What means the same inside and outside a class."""
        if char in _CLASS_SETS:
            return None
        if char in "pP":
            if unicode_property(self._match(_PROPERTY).group(1)) is None:
                raise _Wrong
            return None
        if char in _SYNTAX:
            return ord(char)
        if char in _CONTROLS:
            return _CONTROLS[char]
        if char == "c":
            return ord(self._match(_LETTER).group()) % 32
        if char == "x":
            return int(self._match(_HEX).group(), 16)
        if char == "u":
            return self._unicode()
        if char == "0" and self.text[self.at : self.at + 1] not in _DIGITS:
            return 0
        raise _Wrong

    def _unicode(self) -> int:
        pair = _SURROGATES.match(self.text, self.at)
        if pair is not None:
            self.at = pair.end()
            return 0x10000 + ((int(pair[1], 16) - 0xD800) << 10) + int(pair[2], 16) - 0xDC00
        braced, plain = self._match(_UNICODE).groups()
        digits = (braced or plain).lstrip("0") or "0"
        if len(digits) > 6 or int(digits, 16) > 0x10FFFF:
            raise _Wrong
        return int(digits, 16)

    def _class(self) -> None:
        if self.text.startswith("^", self.at):
            self.at += 1
        while True:
            char = self._take()
            if char == "]":
                return
            low = self._member(char)
            if self.text.startswith("-", self.at) and not self.text.startswith("-]", self.at):
                self.at += 1
                high = self._member(self._take())
                if low is None or high is None or low > high:
                    raise _Wrong

    def _member(self, char: str) -> _Member:
        if char != "\\":
            return ord(char)
        char = self._take()
        if char == "b":
            return 8
        if char == "-":
            return ord("-")
        return self._class_escape(char)


def _greater(low: str, high: str) -> bool:
    """Compare digits of any length."""
    low, high = low.lstrip("0"), high.lstrip("0")
    return (len(low), low) > (len(high), high)
