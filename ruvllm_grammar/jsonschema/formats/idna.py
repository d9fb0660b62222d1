"""IDNA 2008: which labels of a host name are valid U-labels and A-labels.

A U-label (RFC 5890 section 2.3.2.1) is a label with a character beyond ASCII; its A-label is `xn--` and its Punycode.
Whether one is valid is a computation over tables of Unicode, so no expression says it and `label_fits` decides when
the string ends:

1. every character is PVALID, or CONTEXTJ or CONTEXTO with its rule met (RFC 5892 sections 2 and 3, appendix A);
2. the label is in normalisation form C, begins with no combining mark, and has no hyphens at its ends or in its third
   and fourth place (RFC 5891 section 4.2.3);
3. its A-label has at most 63 characters, and an A-label decodes to a label that encodes to it again (section 5.4);
4. where any label of the name is right-to-left, every label obeys the Bidi rule (RFC 5893 section 2).

Categories, normalisation and directions come from Python's Unicode tables, scripts and joining types from those of the
`regex` package; a character that either does not know yet is not valid.

```text
fits("xn--bcher-kva.example")   "bücher" is valid and encodes back   -> True
fits("xn--X")                   decodes to nothing                   -> False
fits("l·a")                     U+00B7 only between two l            -> False
```
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import regex

#: RFC 5892 section 2.6.
_PVALID = frozenset("\u00df\u03c2\u06fd\u06fe\u0f0b\u3007")
_DISALLOWED = frozenset("\u0640\u07fa\u302e\u302f\u3031\u3032\u3033\u3034\u3035\u303b")
_ARABIC_DIGITS = frozenset(map(chr, range(0x660, 0x66A)))
_EXTENDED_DIGITS = frozenset(map(chr, range(0x6F0, 0x6FA)))
_LETTER_DIGITS = frozenset(("Ll", "Lu", "Lo", "Nd", "Lm", "Mn", "Mc"))
_VIRAMA = 9  # canonical combining class

_IGNORABLE = regex.compile(
    r"[\p{Default_Ignorable_Code_Point}\p{White_Space}\p{Noncharacter_Code_Point}"
    r"\p{Block=Combining_Diacritical_Marks_for_Symbols}\p{Block=Musical_Symbols}"
    r"\p{Block=Ancient_Greek_Musical_Notation}]"
)
_OLD_HANGUL = regex.compile(r"[\p{hst=L}\p{hst=V}\p{hst=T}]")
_GREEK = regex.compile(r"\p{Script=Greek}")
_HEBREW = regex.compile(r"\p{Script=Hebrew}")
_JAPANESE = regex.compile(r"[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]")
#: RFC 5892 appendix A.1: a zero width non-joiner between characters that would join.
_BREAKS_A_JOIN = regex.compile(r"[\p{jt=L}\p{jt=D}]\p{jt=T}*\u200c\p{jt=T}*[\p{jt=R}\p{jt=D}]")
_DOTS = regex.compile("[.\u3002\uff0e\uff61]")
_LONGEST_LABEL = 63
#: Characters of a whole name: RFC 1035 section 2.3.4, without the root.
LONGEST_NAME = 253


def hostname_fits(text: str) -> bool:
    """Whether labels of letters, digits and hyphens make a host name: lengths, and A-labels that are valid.

    RFC 1123 section 2.1, RFC 5891 section 4.4; at most 253 characters (RFC 1035 section 2.3.4, without the root).
    """
    return len(text) <= LONGEST_NAME and _fits(text.split("."))


def idn_hostname_fits(text: str) -> bool:
    """Whether labels make an internationalized host name (RFC 5890 section 2.3.2.3).

    Labels are separated by the full stops of RFC 3490 section 3.1; the limit of 253 holds for the name of A-labels.
    """
    labels = _DOTS.split(text)
    return _fits(labels) and sum(len(_ascii(label)) + 1 for label in labels) - 1 <= LONGEST_NAME


def _fits(labels: list[str]) -> bool:
    read = [_read(label) for label in labels]
    if any(label is None for label in read):
        return False
    known = [label for label in read if label is not None]
    right_to_left = any(
        unicodedata.bidirectional(char) in {"R", "AL", "AN"} for label in known for char in label
    )
    return not right_to_left or all(map(_obeys_bidi_rule, known))


def _ascii(label: str) -> str:
    return label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")


@lru_cache(maxsize=4096)
def _read(label: str) -> str | None:
    """The characters a label stands for; None when it is not valid."""
    if label.isascii():
        if not label or len(label) > _LONGEST_LABEL or label.startswith("-") or label.endswith("-"):
            return None
        if not label.replace("-", "").isalnum():
            return None
        if label[2:4] != "--":
            return label
        return _decoded(label.lower()) if label[:2].lower() == "xn" else None
    return label if _is_u_label(label) else None


def _decoded(label: str) -> str | None:
    """The U-label of an A-label in lower case."""
    try:
        decoded = label[4:].encode("ascii").decode("punycode")
    except (UnicodeError, ValueError, OverflowError):
        return None
    # Python decodes more than RFC 3492 encodes, surrogates among it; encoding again tells.
    if decoded.isascii() or any("\ud800" <= char <= "\udfff" for char in decoded):
        return None
    return decoded if _ascii(decoded) == label and _is_u_label(decoded) else None


def _is_u_label(label: str) -> bool:
    return (
        unicodedata.is_normalized("NFC", label)
        and not (label.startswith("-") or label.endswith("-") or label[2:4] == "--")
        and not unicodedata.category(label[0]).startswith("M")
        and all(_is_valid(char) or _context_allows(label, at) for at, char in enumerate(label))
        and len(_ascii(label)) <= _LONGEST_LABEL
    )


@lru_cache(maxsize=4096)
def _is_valid(char: str) -> bool:
    """Whether the derived property of RFC 5892 section 3 is PVALID."""
    if char in _PVALID:
        return True
    if char in _DISALLOWED or char in _ARABIC_DIGITS or char in _EXTENDED_DIGITS:
        return False
    if char.isascii():
        return char == "-" or char.isdigit() or char.islower()
    if unicodedata.category(char) not in _LETTER_DIGITS:
        return False
    stable = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", char).casefold()) == char
    return stable and not _IGNORABLE.match(char) and not _OLD_HANGUL.match(char)


def _context_allows(label: str, at: int) -> bool:
    """Whether a CONTEXTJ or CONTEXTO character stands where RFC 5892 appendix A lets it; False for every other one."""
    char = label[at]
    before, after = label[at - 1 : at] if at else "", label[at + 1 : at + 2]
    match char:
        case "\u200c" | "\u200d":
            if before and unicodedata.combining(before) == _VIRAMA:
                return True
            return char == "\u200c" and any(
                match.start() < at < match.end() for match in _BREAKS_A_JOIN.finditer(label, overlapped=True)
            )
        case "\u00b7":
            return before == "l" and after == "l"
        case "\u0375":
            return bool(_GREEK.match(after))
        case "\u05f3" | "\u05f4":
            return bool(_HEBREW.match(before))
        case "\u30fb":
            return any(other != char and _JAPANESE.match(other) for other in label)
        case _ if char in _ARABIC_DIGITS:
            return _EXTENDED_DIGITS.isdisjoint(label)
        case _ if char in _EXTENDED_DIGITS:
            return _ARABIC_DIGITS.isdisjoint(label)
        case _:
            return False


def _obeys_bidi_rule(label: str) -> bool:
    """RFC 5893 section 2."""
    kinds = [unicodedata.bidirectional(char) for char in label]
    ending = [kind for kind in kinds if kind != "NSM"][-1:]
    if kinds[0] in {"R", "AL"}:
        return (
            {"R", "AL", "AN", "EN", "ES", "CS", "ET", "ON", "BN", "NSM"}.issuperset(kinds)
            and bool(ending)
            and ending[0] in {"R", "AL", "EN", "AN"}
            and not {"EN", "AN"}.issubset(kinds)
        )
    if kinds[0] == "L":
        return (
            {"L", "EN", "ES", "CS", "ET", "ON", "BN", "NSM"}.issuperset(kinds)
            and bool(ending)
            and ending[0] in {"L", "EN"}
        )
    return False
