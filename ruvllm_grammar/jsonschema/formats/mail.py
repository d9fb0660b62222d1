"""Mail addresses: `email` is RFC 5321 section 4.1.2 `Mailbox`, `idn-email` its extension in RFC 6531 section 3.3.

```text
Mailbox    = Local-part "@" ( Domain / address-literal )
Local-part = Dot-string / Quoted-string                    at most 64 octets (section 4.5.3.1.1)
Domain     = sub-domain *("." sub-domain)                  at most 255 octets (section 4.5.3.1.2), labels 63
```

Address literals (section 4.1.3) are IPv4 and IPv6, the tags that are registered. The length of the domain as a whole
is checked when the string ends, for the reason that `hosts` gives; generation keeps to domains that fit for certain.
RFC 6531 adds every character beyond ASCII to `atext`, `qtextSMTP` and `sub-domain`; lengths are counted in octets of
UTF-8, by the check as well.
"""

from __future__ import annotations

from ruvllm_grammar import ir
from ruvllm_grammar.jsonschema.formats.hosts import dotted
from ruvllm_grammar.jsonschema.formats.parts import DIGIT, HEX, one_of, times, word

_LOCAL = 64
_DOMAIN = 255
_LABEL = 63
_WIDE = ir.CharSet.of((0x80, 0x10FFFF))
_LET_DIG = ir.CharSet.of((0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A))


def _local(extra: ir.CharSet, longest: int) -> ir.Expr:
    """`Local-part` of at most `longest` characters."""
    wide = ir.chars(extra)
    atext = ir.alt(one_of("a-z", "A-Z", "0-9", "!#$%&'*+-/=?^_`{|}~"), wide)
    dot_string = ir.seq(times(atext, 1), times(ir.seq(word("."), times(atext, 1)), 0))
    qtext = ir.alt(ir.chars(ir.CharSet.of((32, 33), (35, 91), (93, 126))), wide)
    quoted_pair = ir.seq(word("\\"), ir.chars(ir.CharSet.of((32, 126))))
    quoted_string = ir.seq(word('"'), times(ir.alt(qtext, quoted_pair), 0), word('"'))
    return ir.both(ir.alt(dot_string, quoted_string), times(ir.ANY_CHAR, 1, longest))


def _label(extra: ir.CharSet, longest: int) -> ir.Expr:
    """`sub-domain`: letters, digits and inner hyphens."""
    end = ir.chars(_LET_DIG.union(extra))
    inner = ir.chars(_LET_DIG.union(extra).union(ir.CharSet.of("-")))
    return ir.seq(end, ir.optional(ir.seq(times(inner, 0, longest - 2), end)))


def _literal() -> ir.Expr:
    """`address-literal`: RFC 5321 section 4.1.3."""
    number = ir.both(
        times(DIGIT, 1, 3),
        ir.alt(times(DIGIT, 1, 2), ir.seq(one_of("0-1"), DIGIT, DIGIT), _up_to_255()),
    )
    v4 = ir.seq(number, times(ir.seq(word("."), number), 3, 3))
    group = times(HEX, 1, 4)
    more = ir.seq(word(":"), group)

    def side(most: int) -> ir.Expr:
        return ir.optional(ir.seq(group, times(more, 0, most - 1))) if most else ir.EMPTY

    full = ir.seq(group, times(more, 7, 7))
    compressed = [ir.seq(side(before), word("::"), side(6 - before)) for before in range(7)]
    full_v4 = ir.seq(group, times(more, 5, 5), word(":"), v4)
    ending = [
        ir.seq(side(before), word("::"), ir.optional(ir.seq(side_nz, word(":"))), v4)
        for before in range(5)
        for side_nz in [ir.seq(group, times(more, 0, 3 - before)) if before < 4 else ir.NEVER]
    ]
    tag = ir.seq(one_of("Ii"), one_of("Pp"), one_of("Vv"), word("6:"))
    v6 = ir.seq(tag, ir.alt(full, *compressed, full_v4, *ending))
    return ir.seq(word("["), ir.alt(v4, v6), word("]"))


def _up_to_255() -> ir.Expr:
    return ir.seq(word("2"), ir.alt(ir.seq(one_of("0-4"), DIGIT), ir.seq(word("5"), one_of("0-5"))))


def _mailbox(local: ir.Expr, *domains: ir.Expr) -> ir.Expr:
    return ir.seq(local, word("@"), ir.alt(*domains, _literal()))


def email() -> ir.Expr:
    """`email`, but for the length of the whole domain."""
    none = ir.CharSet.NONE
    return _mailbox(_local(none, _LOCAL), dotted(_label(none, _LABEL)))


def plain_email() -> ir.Expr:
    """Addresses whose domain is short enough for certain."""
    none = ir.CharSet.NONE
    return _mailbox(_local(none, _LOCAL), dotted(_label(none, _LABEL), 3), dotted(_label(none, 30), 8))


def email_fits(text: str) -> bool:
    """Whether the domain of an address that `email` reads is short enough."""
    return len(text.rpartition("@")[2]) <= _DOMAIN


def idn_email() -> ir.Expr:
    """`idn-email`, but for lengths in octets."""
    return _mailbox(_local(_WIDE, _LOCAL), dotted(_label(_WIDE, _LABEL)))


def plain_idn_email() -> ir.Expr:
    """Internationalized addresses that are short enough for certain: four octets for every character."""
    wide = _mailbox(_local(_WIDE, _LOCAL // 4), dotted(_label(_WIDE, _LABEL // 4), 4))
    return ir.alt(plain_email(), wide)


def idn_email_fits(text: str) -> bool:
    """Whether the parts of an address that `idn_email` reads are short enough in UTF-8."""
    local, _, domain = text.rpartition("@")
    octets = [len(label.encode()) for label in domain.split(".")]
    literal = domain.startswith("[")
    return len(local.encode()) <= _LOCAL and (
        literal or (max(octets) <= _LABEL and sum(octets) + len(octets) - 1 <= _DOMAIN)
    )
