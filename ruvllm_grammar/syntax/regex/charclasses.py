r"""Character classes of ECMA-262: the escapes `\d \w \s`, the dot, and Unicode properties.

`\d` and `\w` are ASCII. `\s` is white space and line ends as ECMA-262 lists them: U+FEFF is in, U+0085 is not. The dot
is everything but the four line terminators. Properties (`\p{...}`) are looked up in the tables of the `regex` package,
by running one search over all characters, once per property.

Names of properties are those of ECMA-262 section 22.2.1.9 and its tables 67 to 69, spelled exactly; the loose matching
of other engines (`\p{greek}`) is refused.
"""

from __future__ import annotations

from functools import cache, lru_cache

import numpy as np
import regex

from ruvllm_grammar.ir import CharSet

DIGIT = CharSet.of((0x30, 0x39))
WORD = CharSet.of((0x30, 0x39), (0x41, 0x5A), 0x5F, (0x61, 0x7A))
SPACE = CharSet.of(
    (0x09, 0x0D), 0x20, 0xA0, 0x1680, (0x2000, 0x200A), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000, 0xFEFF
)
DOT = CharSet.of(0x0A, 0x0D, 0x2028, 0x2029).complement()

ESCAPES = {
    "d": DIGIT,
    "D": DIGIT.complement(),
    "w": WORD,
    "W": WORD.complement(),
    "s": SPACE,
    "S": SPACE.complement(),
}

_CATEGORIES = """
    LC Cased_Letter  Lu Uppercase_Letter  Ll Lowercase_Letter  Lt Titlecase_Letter  Lm Modifier_Letter  Lo Other_Letter
    L Letter  Mn Nonspacing_Mark  Mc Spacing_Mark  Me Enclosing_Mark  M Mark Combining_Mark  Nd Decimal_Number digit
    Nl Letter_Number  No Other_Number  N Number  Pc Connector_Punctuation  Pd Dash_Punctuation  Ps Open_Punctuation
    Pe Close_Punctuation  Pi Initial_Punctuation  Pf Final_Punctuation  Po Other_Punctuation  P Punctuation punct
    Sm Math_Symbol  Sc Currency_Symbol  Sk Modifier_Symbol  So Other_Symbol  S Symbol  Zs Space_Separator
    Zl Line_Separator  Zp Paragraph_Separator  Z Separator  Cc Control cntrl  Cf Format  Cs Surrogate  Co Private_Use
    Cn Unassigned  C Other
"""
_BINARY = """
    ASCII ASCII_Hex_Digit AHex Alphabetic Alpha Any Assigned Bidi_Control Bidi_C Bidi_Mirrored Bidi_M Case_Ignorable CI
    Cased Changes_When_Casefolded CWCF Changes_When_Casemapped CWCM Changes_When_Lowercased CWL
    Changes_When_Titlecased CWT Changes_When_Uppercased CWU Dash
    Default_Ignorable_Code_Point DI Deprecated Dep Diacritic Dia Emoji Emoji_Component EComp Emoji_Modifier EMod
    Emoji_Modifier_Base EBase Emoji_Presentation EPres Extended_Pictographic ExtPict Extender Ext Grapheme_Base Gr_Base
    Grapheme_Extend Gr_Ext Hex_Digit Hex IDS_Binary_Operator IDSB IDS_Trinary_Operator IDST ID_Continue IDC ID_Start IDS
    Ideographic Ideo Join_Control Join_C Logical_Order_Exception LOE Lowercase Lower Math Noncharacter_Code_Point NChar
    Pattern_Syntax Pat_Syn Pattern_White_Space Pat_WS Quotation_Mark QMark Radical Regional_Indicator RI
    Sentence_Terminal STerm Soft_Dotted SD Terminal_Punctuation Term Unified_Ideograph UIdeo Uppercase Upper
    Variation_Selector VS White_Space space XID_Continue XIDC XID_Start XIDS
"""
_CATEGORY_NAMES = frozenset(_CATEGORIES.split())
_BINARY_NAMES = frozenset(_BINARY.split())
_SCRIPT_KEYS = {"Script": "sc", "sc": "sc", "Script_Extensions": "scx", "scx": "scx"}
_SCRIPT_VALUE = regex.compile(r"[A-Z][A-Za-z]*(?:_[A-Z][A-Za-z]*)*")


@lru_cache(maxsize=128)
def unicode_property(name: str) -> CharSet | None:
    """The characters with a property, None when ECMA-262 knows no such property.

    Args:
        name: what stands between the braces: `Lu`, `Script=Greek`, `gc=Nd`, `Alphabetic`.
    """
    key, equals, value = name.partition("=")
    if not equals:
        known = name in _CATEGORY_NAMES or name in _BINARY_NAMES
        query = f"gc={name}" if name in _CATEGORY_NAMES else name
    elif key in {"General_Category", "gc"}:
        known = value in _CATEGORY_NAMES
        query = f"gc={value}"
    else:
        known = key in _SCRIPT_KEYS and _SCRIPT_VALUE.fullmatch(value) is not None
        query = f"{_SCRIPT_KEYS.get(key, '')}={value}"
    if not known:
        return None
    if name == "Any":
        return CharSet.ANY
    if query in {"gc=Cs", "gc=Surrogate"}:
        return CharSet.NONE
    try:
        search = regex.compile(rf"\p{{{query}}}+")
    except regex.error:  # a script it has never heard of: not a property then
        return None
    return CharSet.of(
        *(_block(match.start(), match.end() - 1) for match in search.finditer(_all_characters()))
    )


@cache
def _all_characters() -> str:
    """Every scalar value once, in order."""
    points = np.arange(0x110000, dtype="<u4")
    return np.delete(points, slice(0xD800, 0xE000)).tobytes().decode("utf-32-le")


def _block(first: int, last: int) -> tuple[int, int]:
    """Places in `_all_characters` as code points. A run over the surrogate gap stays one range; `CharSet` cuts it."""
    gap = 0x800
    return first + gap * (first >= 0xD800), last + gap * (last >= 0xD800)
