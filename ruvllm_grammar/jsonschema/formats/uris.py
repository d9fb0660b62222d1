"""URIs (RFC 3986), IRIs (RFC 3987), URI templates (RFC 6570) and JSON pointers (RFC 6901), rule by rule.

Their grammars are regular, so these are exact. The rules keep the RFCs' names.
"""

from __future__ import annotations

from ruvllm_grammar import ir
from ruvllm_grammar.jsonschema.formats.hosts import ipv4, ipv6
from ruvllm_grammar.jsonschema.formats.parts import ALPHA, DIGIT, HEX, one_of, times, word

_SUB_DELIMS = "!$&'()*+,;="
_UNRESERVED = ("a-z", "A-Z", "0-9", "-._~")
_PCT_ENCODED = ir.seq(word("%"), HEX, HEX)

#: RFC 3987 section 2.2 `ucschar` and `iprivate`.
_UCSCHAR = ir.CharSet.of(
    (0xA0, 0xD7FF), (0xF900, 0xFDCF), (0xFDF0, 0xFFEF),
    *((plane << 16, (plane << 16) + 0xFFFD) for plane in range(1, 14)), (0xE1000, 0xEFFFD),
)  # fmt: skip
_IPRIVATE = ir.CharSet.of((0xE000, 0xF8FF), (0xF0000, 0xFFFFD), (0x100000, 0x10FFFD))


class _Rules:
    """The rules that URI and IRI share; an IRI adds characters to `unreserved` and to `query`."""

    def __init__(self, extra: ir.CharSet, private: ir.CharSet) -> None:
        more = ir.chars(extra)
        self.unreserved = ir.alt(one_of(*_UNRESERVED), more)
        pchar = ir.alt(self.unreserved, _PCT_ENCODED, one_of(_SUB_DELIMS, ":@"))
        segment = times(pchar, 0)
        segment_nz = times(pchar, 1)
        segment_nz_nc = times(ir.alt(self.unreserved, _PCT_ENCODED, one_of(_SUB_DELIMS, "@")), 1)
        slash = word("/")
        path_abempty = times(ir.seq(slash, segment), 0)
        path_absolute = ir.seq(slash, ir.optional(ir.seq(segment_nz, path_abempty)))
        path_rootless = ir.seq(segment_nz, path_abempty)
        path_noscheme = ir.seq(segment_nz_nc, path_abempty)
        userinfo = times(ir.alt(self.unreserved, _PCT_ENCODED, one_of(_SUB_DELIMS, ":")), 0)
        reg_name = times(ir.alt(self.unreserved, _PCT_ENCODED, one_of(_SUB_DELIMS)), 0)
        future = ir.seq(
            one_of("vV"), times(HEX, 1), word("."), times(one_of(*_UNRESERVED, _SUB_DELIMS, ":"), 1)
        )
        literal = ir.seq(word("["), ir.alt(ipv6(), future), word("]"))
        host = ir.alt(literal, ipv4(), reg_name)
        authority = ir.seq(
            ir.optional(ir.seq(userinfo, word("@"))), host, ir.optional(ir.seq(word(":"), times(DIGIT, 0)))
        )
        network = ir.seq(word("//"), authority, path_abempty)
        scheme = ir.seq(ALPHA, times(ir.alt(ALPHA, DIGIT, one_of("+.", "-")), 0))
        query = ir.optional(ir.seq(word("?"), times(ir.alt(pchar, one_of("/?"), ir.chars(private)), 0)))
        fragment = ir.optional(ir.seq(word("#"), times(ir.alt(pchar, one_of("/?")), 0)))
        hier_part = ir.alt(network, path_absolute, path_rootless, ir.EMPTY)
        relative_part = ir.alt(network, path_absolute, path_noscheme, ir.EMPTY)
        self.absolute = ir.seq(scheme, word(":"), hier_part, query, fragment)
        self.relative = ir.seq(relative_part, query, fragment)


def uri() -> ir.Expr:
    """`uri`: RFC 3986 `URI`."""
    return _Rules(ir.CharSet.NONE, ir.CharSet.NONE).absolute


def uri_reference() -> ir.Expr:
    """`uri-reference`: RFC 3986 `URI-reference`."""
    rules = _Rules(ir.CharSet.NONE, ir.CharSet.NONE)
    return ir.alt(rules.absolute, rules.relative)


def iri() -> ir.Expr:
    """`iri`: RFC 3987 `IRI`."""
    return _Rules(_UCSCHAR, _IPRIVATE).absolute


def iri_reference() -> ir.Expr:
    """`iri-reference`: RFC 3987 `IRI-reference`."""
    rules = _Rules(_UCSCHAR, _IPRIVATE)
    return ir.alt(rules.absolute, rules.relative)


def uri_template() -> ir.Expr:
    """`uri-template`: RFC 6570 `URI-Template`."""
    excluded = ir.CharSet.of((0, 0x20), "\"'%<>\\^`{|}", (0x7F, 0x9F))
    ascii_literal = ir.CharSet.of((0x21, 0x7E)).difference(excluded)
    literals = ir.alt(
        ir.chars(ascii_literal.union(_UCSCHAR).union(_IPRIVATE).union(ir.CharSet.of("'"))), _PCT_ENCODED
    )
    varchar = ir.alt(ALPHA, DIGIT, word("_"), _PCT_ENCODED)
    varname = ir.seq(varchar, times(ir.seq(ir.optional(word(".")), varchar), 0))
    prefix = ir.seq(word(":"), one_of("1-9"), times(DIGIT, 0, 3))
    varspec = ir.seq(varname, ir.optional(ir.alt(prefix, word("*"))))
    variables = ir.seq(varspec, times(ir.seq(word(","), varspec), 0))
    expression = ir.seq(word("{"), ir.optional(one_of("+#./;?&=,!@|")), variables, word("}"))
    return times(ir.alt(literals, expression), 0)


def _reference_token() -> ir.Expr:
    unescaped = ir.chars(ir.CharSet.of("/~").complement())
    return times(ir.alt(unescaped, word("~0"), word("~1")), 0)


def json_pointer() -> ir.Expr:
    """`json-pointer`: RFC 6901 section 3."""
    return times(ir.seq(word("/"), _reference_token()), 0)


def relative_json_pointer() -> ir.Expr:
    """`relative-json-pointer`: draft-handrews-relative-json-pointer-01."""
    up = ir.alt(word("0"), ir.seq(one_of("1-9"), times(DIGIT, 0)))
    return ir.seq(up, ir.alt(word("#"), json_pointer()))
