"""Names and addresses of hosts, and UUIDs.

`hostname` (RFC 1123 section 2.1, RFC 1034 section 3.1): labels of letters, digits and inner hyphens, at most 63
characters each and 253 together; a label with hyphens in its third and fourth place is an A-label (RFC 5891), whose
Punycode has to be valid. The limit of the whole name beside the limit of each label would need 63 x 253 states, and
Punycode is a computation, so the expression `hostname` leaves both to `idna.hostname_fits`. Generation keeps to names
about which there is no question (`plain_hostname`): no A-labels, and up to 3 labels of any length or up to 8 of 30
characters, which stay within 253. `idn-hostname` (RFC 5890 section 2.3.2.3) is the same with U-labels.
"""

from __future__ import annotations

from ruvllm_grammar import ir
from ruvllm_grammar.jsonschema.formats.idna import LONGEST_NAME
from ruvllm_grammar.jsonschema.formats.parts import DIGIT, HEX, one_of, times, word

_ALNUM = one_of("a-z", "A-Z", "0-9")
_INNER = one_of("a-z", "A-Z", "0-9", "-")
_WIDE = ir.CharSet.of((0x80, 0x10FFFF))
_DOTS = ir.CharSet.of(0x3002, 0xFF0E, 0xFF61)


def _label(longest: int) -> ir.Expr:
    """A label of at most `longest` characters without `--` in its third and fourth place."""
    short = ir.alt(_ALNUM, ir.seq(_ALNUM, _ALNUM), ir.seq(_ALNUM, _INNER, _ALNUM))
    middle = ir.alt(ir.seq(_ALNUM, _INNER), ir.seq(word("-"), _ALNUM))
    four = ir.seq(_ALNUM, _INNER, ir.alt(ir.seq(_ALNUM, _ALNUM), ir.seq(word("-"), _ALNUM)))
    longer = ir.seq(_ALNUM, _INNER, middle, times(_INNER, 0, longest - 5), _ALNUM)
    return ir.alt(short, four, longer)


def dotted(label: ir.Expr, most: int | None = None) -> ir.Expr:
    """One label, or up to `most` with dots between them."""
    return ir.seq(label, times(ir.seq(word("."), label), 0, None if most is None else most - 1))


def hostname() -> ir.Expr:
    """`hostname`, but for the length of the whole and the validity of A-labels."""
    a_label = ir.seq(one_of("xX"), one_of("nN"), word("--"), times(_INNER, 0, 58), _ALNUM)
    return dotted(ir.alt(_label(63), a_label))


def early_hostname() -> ir.Expr:
    """`hostname` of drafts 4 and 6, but for the length of the whole."""
    return dotted(ir.seq(_ALNUM, ir.optional(ir.seq(times(_INNER, 0, 61), _ALNUM))))


def plain_hostname() -> ir.Expr:
    """Host names that are valid for certain."""
    return ir.alt(dotted(_label(63), 3), dotted(_label(30), 8))


def early_hostname_fits(text: str) -> bool:
    """Whether a name that `early_hostname` reads is short enough."""
    return len(text) <= LONGEST_NAME


def idn_hostname() -> ir.Expr:
    """A superset of `idn-hostname`: labels of ASCII as in host names, or any with a character beyond ASCII."""
    wide = ir.chars(_WIDE.difference(_DOTS))
    inner = ir.alt(_INNER, wide)
    label = ir.seq(ir.alt(_ALNUM, wide), times(inner, 0, 62))
    dot = ir.chars(_DOTS.union(ir.CharSet.of(".")))
    return ir.seq(label, times(ir.seq(dot, label), 0))


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
    """`uuid`: RFC 4122 section 3, five groups of hexadecimal digits in either case."""
    dash = word("-")
    four = times(HEX, 4, 4)
    return ir.seq(times(HEX, 8, 8), dash, four, dash, four, dash, four, dash, times(HEX, 12, 12))
