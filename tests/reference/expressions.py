"""hypothesis strategies: regular expressions over an alphabet that holds every kind of spelling, and texts over it."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import strategies as st

from ruvllm_grammar import ir

#: Raw and escaped, one to four bytes, control and not, on both sides of every border of UTF-8 and of the surrogates.
LETTERS = 'ab"\\/\n\x1f\x7f\x80é߿ࠀ퟿￿\U00010000😀\U0010ffff'


def char_sets() -> st.SearchStrategy[ir.CharSet]:
    """Small sets of letters, ranges between letters, and complements of both."""
    letters = st.sampled_from(LETTERS)
    points = st.lists(letters, min_size=1, max_size=3).map(lambda cs: ir.CharSet.of(*cs))
    ranges = st.tuples(letters, letters).map(lambda ab: ir.CharSet.of((ord(min(ab)), ord(max(ab)))))
    plain = points | ranges
    return plain | plain.map(ir.CharSet.complement)


def machines() -> st.SearchStrategy[ir.Expr]:
    """Explicit automata of up to three states with arbitrary disjoint edges."""

    @st.composite
    def build(draw: st.DrawFn) -> ir.Expr:
        states = draw(st.integers(1, 3))
        rows = []
        for _ in range(states):
            cuts = sorted(draw(st.sets(st.sampled_from(LETTERS).map(ord), max_size=3)))
            ends = [0, *cuts, 0x110000]
            row = []
            for low, high in pairwise(ends):
                target = draw(st.integers(-1, states - 1))
                if target >= 0 and low < high:
                    row.append((low, high - 1, target))
            rows.append(row)
        return ir.machine(rows, draw(st.sets(st.integers(0, states - 1))))

    return build()


def regular(*, max_leaves: int = 8, boolean: bool = True) -> st.SearchStrategy[ir.Expr]:
    """Regular expressions; without `boolean` only concatenation, alternation and repetition."""
    atoms = st.one_of(
        st.text(st.sampled_from(LETTERS), min_size=1, max_size=3).map(ir.literal),
        char_sets().map(ir.chars),
        st.sampled_from([ir.EMPTY, ir.ANY_CHAR, ir.ANY_TEXT, ir.NEVER]),
    )
    if boolean:
        atoms |= machines()

    def grow(inner: st.SearchStrategy[ir.Expr]) -> st.SearchStrategy[ir.Expr]:
        counts = st.tuples(st.integers(0, 3), st.none() | st.integers(0, 3))
        grown = [
            st.lists(inner, min_size=2, max_size=3).map(lambda es: ir.seq(*es)),
            st.lists(inner, min_size=2, max_size=3).map(lambda es: ir.alt(*es)),
            st.tuples(inner, counts).map(
                lambda ec: ir.repeat(ec[0], ec[1][0], None if ec[1][1] is None else sum(ec[1]))
            ),
        ]
        if boolean:
            grown += [
                st.lists(inner, min_size=2, max_size=3).map(lambda es: ir.both(*es)),
                inner.map(ir.complement),
                st.tuples(inner, inner).map(lambda ab: ir.but_not(*ab)),
            ]
        return st.one_of(grown)

    return st.recursive(atoms, grow, max_leaves=max_leaves)


def texts(max_size: int = 6) -> st.SearchStrategy[str]:
    """Texts over the same letters, and a few others."""
    return st.text(st.sampled_from(LETTERS + "xA0"), max_size=max_size)


def spellings(text: str) -> st.SearchStrategy[bytes]:
    """JSON spellings of a text, quotes included, character by character raw or escaped."""
    short = {
        '"': '\\"',
        "\\": "\\\\",
        "/": "\\/",
        "\b": "\\b",
        "\f": "\\f",
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
    }

    def one(char: str) -> st.SearchStrategy[str]:
        units = char.encode("utf-16-be")
        numbers = [int.from_bytes(units[i : i + 2], "big") for i in range(0, len(units), 2)]
        ways = ["".join(f"\\u{n:04x}" for n in numbers), "".join(f"\\u{n:04X}" for n in numbers)]
        if char in short:
            ways.append(short[char])
        if char >= " " and char not in '"\\':
            ways.append(char)
        return st.sampled_from(ways)

    return st.tuples(*map(one, text)).map(lambda parts: ('"' + "".join(parts) + '"').encode())
