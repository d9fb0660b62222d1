"""Names and addresses of hosts, mail addresses, UUIDs.

Host names follow RFC 1123 section 2.1: labels of letters, digits and inner hyphens, 63 characters each. Two things are
left out because they need more than a finite automaton of reasonable size: labels whose third and fourth characters
are both hyphens (Punycode, whose validity is a computation), and names that are long in both ways: offered are up to
3 labels of any length, or up to 8 labels of 30 characters, which keeps every name within 253 characters.
"""

from __future__ import annotations

from ruvllm_grammar import ir
from ruvllm_grammar.jsonschema.formats.parts import DIGIT, HEX, one_of, times, word

_ALNUM = one_of("a-z", "A-Z", "0-9")
_INNER = one_of("a-z", "A-Z", "0-9", "-")


def _label(longest: int) -> ir.Expr:
    """A label of at most `longest` characters without `--` in its third and fourth place."""
    short = ir.alt(_ALNUM, ir.seq(_ALNUM, _ALNUM), ir.seq(_ALNUM, _INNER, _ALNUM))
    middle = ir.alt(ir.seq(_ALNUM, _INNER), ir.seq(word("-"), _ALNUM))
    four = ir.seq(_ALNUM, _INNER, ir.alt(ir.seq(_ALNUM, _ALNUM), ir.seq(word("-"), _ALNUM)))
    longer = ir.seq(_ALNUM, _INNER, middle, times(_INNER, 0, longest - 5), _ALNUM)
    return ir.alt(short, four, longer)


def _dotted(label: ir.Expr, most: int) -> ir.Expr:
    return ir.seq(label, times(ir.seq(word("."), label), 0, most - 1))


def hostname() -> ir.Expr:
    """`hostname`."""
    return ir.alt(_dotted(_label(63), 3), _dotted(_label(30), 8))


def email() -> ir.Expr:
    """`email`: RFC 5321 `Dot-string "@" Domain`, the local part at most 64 characters.

    Quoted strings and address literals are not offered.
    """
    atext = one_of("a-z", "A-Z", "0-9", "!#$%&'*+-/=?^_`{|}~")
    local = ir.both(
        ir.seq(times(atext, 1), times(ir.seq(word("."), times(atext, 1)), 0)), times(ir.ANY_CHAR, 1, 64)
    )
    return ir.seq(local, word("@"), hostname())


def ipv4() -> ir.Expr:
    """`ipv4`: RFC 2673 section 3.2, dotted quad, without leading zeros."""
    octet = ir.alt(
        DIGIT,
        ir.seq(one_of("1-9"), DIGIT),
        ir.seq(word("1"), DIGIT, DIGIT),
        ir.seq(word("2"), one_of("0-4"), DIGIT),
        ir.seq(word("25"), one_of("0-5")),
    )
    return ir.seq(octet, times(ir.seq(word("."), octet), 3, 3))


def ipv6() -> ir.Expr:
    """`ipv6`: RFC 4291 section 2.2 in the form of RFC 3986 `IPv6address`; no zone."""
    group = times(HEX, 1, 4)
    pair = ir.seq(group, word(":"))
    last = ir.alt(ir.seq(pair, group), ipv4())

    def front(most: int) -> ir.Expr:
        """At most `most` groups before the gap."""
        return ir.optional(ir.seq(times(pair, 0, most - 1), group)) if most else ir.EMPTY

    gap = word("::")
    return ir.alt(
        ir.seq(times(pair, 6, 6), last),
        *(ir.seq(front(before), gap, times(pair, 5 - before, 5 - before), last) for before in range(6)),
        ir.seq(front(6), gap, group),
        ir.seq(front(7), gap),
    )


def uuid() -> ir.Expr:
    """`uuid`: RFC 4122, five groups of hexadecimal digits in either case."""
    dash = word("-")
    four = times(HEX, 4, 4)
    return ir.seq(times(HEX, 8, 8), dash, four, dash, four, dash, four, dash, times(HEX, 12, 12))
