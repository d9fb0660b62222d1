"""The twin that validates generated strings agrees with our own reader where it was made to differ from Python."""

from __future__ import annotations

import pytest
from reference import ecma
from reference.derivatives import matches, single

from ruvllm_grammar import ir
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.syntax.regex import read_pattern

TEXTS = ["", "a", "a\n", "\ufeff", "\x1c", "\x85", "٣", "é", "\u2028", "0_", "a b", "]", "\\"]


@pytest.mark.parametrize(
    "pattern", [r"^\s$", r"^\S+$", r"^[\s\w]+$", r"^\d", r"\W", r"^.$", "a$", r"^[^\s]*$", r"\\", "^[\\]a]"]
)
def test_verdicts_agree(pattern):
    grammar = single(ir.leaf(read_pattern(pattern, limits=Limits())))
    for text in TEXTS:
        assert ecma.found(pattern, text) == matches(grammar, text.encode()), text
