"""Random grammars and vocabularies for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

from ruvllm_grammar import ir
from ruvllm_grammar.vocab import Vocabulary

ALPHABET = 'ab"\\{é€'
_SETS = [ir.CharSet.of("ab"), ir.CharSet.of("a", (0xE0, 0x20AF)), ir.CharSet.of('"', "\\"), ir.CharSet.ANY]


def regular(depth: int = 2) -> st.SearchStrategy[ir.Expr]:
    """Small regular expressions, boolean operators included."""
    base = st.one_of(
        st.text(ALPHABET, max_size=2).map(ir.literal),
        st.sampled_from(_SETS).map(ir.chars),
    )
    if depth == 0:
        return base
    below = regular(depth - 1)
    return st.one_of(
        base,
        st.lists(below, min_size=1, max_size=3).map(lambda p: ir.seq(*p)),
        st.lists(below, min_size=1, max_size=3).map(lambda p: ir.alt(*p)),
        st.tuples(below, st.integers(0, 2), st.one_of(st.none(), st.integers(0, 3))).map(
            lambda t: ir.repeat(t[0], t[1], t[2])
        ),
        st.tuples(below, below).map(lambda t: ir.but_not(*t)),
        st.tuples(below, below).map(lambda t: ir.both(*t)),
    )


def structure(depth: int = 2) -> st.SearchStrategy[ir.Expr]:
    """Expressions with rules `r0`, `r1`; a reference always follows a byte, so nothing is left-recursive."""
    base = st.one_of(
        st.text(ALPHABET, min_size=1, max_size=3).map(ir.literal),
        st.tuples(st.sampled_from(["a", "{", '"']), st.sampled_from(["r0", "r1"])).map(
            lambda t: ir.seq(ir.literal(t[0]), ir.ref(t[1]))
        ),
        regular(1).map(ir.leaf),
        regular(1).map(ir.json_string),
        regular(1).map(ir.json_name),
        st.tuples(st.integers(0, 3), st.one_of(st.none(), st.integers(2, 6))).map(
            lambda t: ir.json_string(ir.repeat(ir.ANY_CHAR, t[0], t[1]))
        ),
    )
    if depth == 0:
        return base
    below = structure(depth - 1)
    return st.one_of(
        base,
        st.lists(below, min_size=1, max_size=3).map(lambda p: ir.seq(*p)),
        st.lists(below, min_size=1, max_size=3).map(lambda p: ir.alt(*p)),
        st.tuples(below, st.integers(0, 3), st.one_of(st.none(), st.integers(0, 6))).map(
            lambda t: ir.repeat(t[0], t[1], t[2])
        ),
        below.map(lambda e: ir.mark("m", e)),
    )


@st.composite
def grammars(draw: st.DrawFn) -> ir.Grammar:
    """A start rule and two rules that may refer to each other; rules may be given lazily."""
    rules = {"start": draw(structure(2)), "r0": draw(structure(1)), "r1": draw(structure(1))}
    if draw(st.booleans()):
        return ir.Grammar("start", rules)
    return ir.Grammar("start", provider=lambda name: {name: rules[name]}, key=b"test")


def vocabularies() -> st.SearchStrategy[Vocabulary]:
    """All single bytes of the alphabet's spellings and random longer tokens, duplicates included."""
    pieces = st.one_of(
        st.text(ALPHABET + 'u0061":,}', min_size=1, max_size=4).map(lambda s: s.encode()),
        st.binary(min_size=1, max_size=3),
        st.sampled_from(
            [b"\\u00", b"\xc3", b"\xa9", b'a"', b'""', b'"a"', b"\xe2\x82", b'\\"', b"ab", b"aab"]
        ),
    )
    singles = [bytes([b]) for b in range(256)]
    return st.lists(pieces, max_size=40).map(
        lambda extra: Vocabulary.from_tokens([*singles, *extra, None], eos={256 + len(extra)})
    )
