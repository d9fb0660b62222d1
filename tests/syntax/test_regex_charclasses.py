"""Character classes against the Unicode database of Python, where that has the property."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from ruvllm_grammar.ir import CharSet
from ruvllm_grammar.syntax.regex.charclasses import DIGIT, DOT, SPACE, WORD, unicode_property

SCALARS = [p for p in range(sys.maxunicode + 1) if not 0xD800 <= p <= 0xDFFF]


def test_space_is_the_white_space_of_ecma_262():
    others = {0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x2028, 0x2029, 0xFEFF}
    assert {p for p in SCALARS if p in SPACE} == others | {
        p for p in SCALARS if unicodedata.category(chr(p)) == "Zs"
    }


def test_digits_words_and_the_dot():
    assert [chr(p) for p in range(0x250) if p in DIGIT] == list("0123456789")
    assert {chr(p) for p in SCALARS if p in WORD} == set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
    )
    assert [p for p in SCALARS if p not in DOT] == [0x0A, 0x0D, 0x2028, 0x2029]


@pytest.mark.parametrize("category", ["Lu", "Nd", "Zs", "Pc", "Cc", "Sm"])
def test_a_category_has_the_members_it_had_when_pythons_tables_were_made(category):
    """Newer Unicode versions only add characters, so ours holds theirs, and what it adds is new."""
    ours = unicode_property(category)
    theirs = {p for p in SCALARS if unicodedata.category(chr(p)) == category}
    added = {p for low, high in ours.ranges for p in range(low, high + 1)} - theirs
    assert all(p in ours for p in theirs)
    assert {unicodedata.category(chr(p)) for p in added} <= {"Cn"}


def test_names_of_one_property_mean_the_same():
    assert len({unicode_property(n) for n in ("Lu", "Uppercase_Letter", "gc=Lu", "General_Category=Lu")}) == 1
    assert unicode_property("Script=Greek") == unicode_property("sc=Grek")
    assert unicode_property("scx=Greek") != unicode_property("sc=Greek")


def test_extreme_properties():
    assert unicode_property("Any") == CharSet.ANY
    assert unicode_property("Cs") == CharSet.NONE
    assert unicode_property("ASCII") == CharSet.of((0, 0x7F))
    assert unicode_property("Assigned") == unicode_property("Cn").complement()


@pytest.mark.parametrize(
    "name", ["", "greek", "Greek", "lu", "gc=lu", "sc=greek", "Script=Nowhere", "IsGreek", "Nd=1"]
)
def test_what_ecma_262_does_not_know_is_no_property(name):
    assert unicode_property(name) is None
