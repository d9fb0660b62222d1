r"""ECMA-262 patterns for Python's `re`, as far as the two differ in what real schemas use.

Python's `\s` lacks U+FEFF and has U+001C to U+001F and U+0085, its `\d` and `\w` are all of Unicode, its `.` stops at
line feeds only, and its `$` also matches before a final one.
"""

from __future__ import annotations

import re

_SPACE = r"\t-\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_SETS = {"s": _SPACE, "d": "0-9", "w": "0-9A-Za-z_"}


def to_python(pattern: str) -> str:
    """The pattern with those constructs spelled out; escapes in capitals inside a class are left alone."""
    out = []
    in_class = False
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "\\" and at < len(pattern):
            escaped = pattern[at]
            at += 1
            members = _SETS.get(escaped.lower())
            if members is None or (in_class and escaped.isupper()):
                out.append(char + escaped)
            elif in_class:
                out.append(members)
            else:
                out.append(f"[{'^' if escaped.isupper() else ''}{members}]")
        elif in_class:
            in_class = char != "]"
            out.append(char)
        elif char == "$":
            out.append(r"\Z")
        elif char == ".":
            out.append(r"[^\n\r\u2028\u2029]")
        else:
            in_class = char == "["
            out.append(char)
    return "".join(out)


def found(pattern: str, text: str) -> bool:
    """Whether the pattern is found somewhere in the text, as `RegExp.test` says."""
    return re.search(to_python(pattern), text) is not None
