"""`contentEncoding` and `contentMediaType` as assertions, for those who ask for it (2020-12 Validation, section 8).

By the specification they are annotations. With `content="assert"` the string must be

- base64 as RFC 4648 section 4 writes it: groups of four characters, the last one padded with `=`, and the bits of the
  last character that encode nothing are zero (section 3.5). A regular language, so it meets patterns and lengths;
- a JSON text (RFC 8259), itself or as what base64 decodes to. That is not regular: a test, when the string ends.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import cache
from typing import NoReturn

from ruvllm_grammar import ir

#: What can be asserted; anything else is refused.
ENCODINGS = ("base64",)
MEDIA_TYPES = ("application/json",)

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


@cache
def base64_text() -> ir.Expr:
    """RFC 4648 section 4, padded, without line breaks."""
    any_char = ir.chars(ir.CharSet.of(_ALPHABET))
    one_byte = ir.seq(any_char, ir.chars(ir.CharSet.of(_ALPHABET[::16])), ir.literal("=="))
    two_bytes = ir.seq(any_char, any_char, ir.chars(ir.CharSet.of(_ALPHABET[::4])), ir.literal("="))
    whole = ir.repeat(any_char, 4, 4)
    return ir.seq(ir.repeat(whole, 0), ir.optional(ir.alt(one_byte, two_bytes)))


def is_json(text: str | bytes) -> bool:
    """Whether a text is JSON; bytes are UTF-8 without a byte order mark (RFC 8259 section 8.1)."""
    try:
        json.loads(text.decode() if isinstance(text, bytes) else text, parse_constant=_refuse, parse_int=str)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


def _holds_json(text: str) -> bool:
    return is_json(base64.b64decode(text))


def json_test(*, encoded: bool) -> Callable[[str], bool]:
    """The test of `contentMediaType: application/json`; `encoded` in base64, which the string is known to be."""
    return _holds_json if encoded else is_json
