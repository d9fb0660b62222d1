"""Interned character sets against sets of characters."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from reference import expressions

from ruvllm_grammar.automata.alphabet import Alphabet
from ruvllm_grammar.ir import CharSet

UNIVERSE = {ord(c) + d for c in expressions.LETTERS for d in (-1, 0, 1)} & {
    p for p in range(0x110000) if not 0xD800 <= p < 0xE000
}


def members(charset: CharSet) -> set[int]:
    return {p for p in UNIVERSE if p in charset}


@given(st.lists(expressions.char_sets(), min_size=1, max_size=4, unique=True))
def test_a_partition_cuts_the_union_into_what_the_sets_tell_apart(sets):
    alphabet = Alphabet()
    ids = tuple(alphabet.intern(s) for s in sets)
    pieces = alphabet.partition(ids)
    assert len({inside for _, inside in pieces}) == len(pieces)
    for point in UNIVERSE:
        inside = tuple(i for i, s in zip(ids, sets, strict=True) if point in s)
        holding = [found for piece, found in pieces if point in alphabet.sets[piece]]
        assert holding == ([inside] if inside else [])


@given(st.lists(expressions.char_sets(), min_size=2, max_size=3))
def test_union_intersection_and_rest(sets):
    alphabet = Alphabet()
    ids = tuple(alphabet.intern(s) for s in sets)
    union = set().union(*map(members, sets))
    assert members(alphabet.sets[alphabet.union(ids)]) == union
    rest = alphabet.rest(ids)
    assert (set() if rest is None else members(alphabet.sets[rest])) == UNIVERSE - union
    common = alphabet.intersect(ids[0], ids[1])
    both = sets[0].intersect(sets[1])
    assert (CharSet.NONE if common is None else alphabet.sets[common]) == both


def test_equal_sets_have_equal_ids():
    alphabet = Alphabet()
    assert alphabet.char("a") == alphabet.intern(CharSet.of("a"))
    assert alphabet.union((alphabet.char("a"),)) == alphabet.char("a")
    assert [s.ranges for s in alphabet.sets] == [((97, 97),)]
