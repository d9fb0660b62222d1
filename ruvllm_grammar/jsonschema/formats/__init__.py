"""`format` as an assertion: which names are regular expressions, which are refused, which are nobody's.

A format is an expression over string values like any pattern, so it intersects with lengths and patterns. Each is made
on first use. A name that no draft defines is an annotation, always (2020-12 Validation, section 7.2.3).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

from ruvllm_grammar import ir
from ruvllm_grammar.jsonschema.formats import hosts, times, uris

#: Asserted formats: the expression, and what it is.
ASSERTED: Final[dict[str, tuple[Callable[[], ir.Expr], str]]] = {
    "date": (times.date, "RFC 3339 `full-date`; days fit month and year"),
    "time": (times.time, "RFC 3339 `full-time`; leap seconds with `Z` or whole hours of offset"),
    "date-time": (times.date_time, "RFC 3339 `date-time`; as `date` and `time`"),
    "duration": (times.duration, "RFC 3339 appendix A"),
    "hostname": (hosts.hostname, "RFC 1123; no Punycode; up to 3 labels, or 8 of up to 30 characters"),
    "email": (hosts.email, "RFC 5321 `Dot-string@Domain`; host as `hostname`"),
    "ipv4": (hosts.ipv4, "dotted quad without leading zeros"),
    "ipv6": (hosts.ipv6, "RFC 4291, without zone"),
    "uuid": (hosts.uuid, "RFC 4122"),
    "uri": (uris.uri, "RFC 3986"),
    "uri-reference": (uris.uri_reference, "RFC 3986"),
    "iri": (uris.iri, "RFC 3987"),
    "iri-reference": (uris.iri_reference, "RFC 3987"),
    "uri-template": (uris.uri_template, "RFC 6570"),
    "json-pointer": (uris.json_pointer, "RFC 6901"),
    "relative-json-pointer": (uris.relative_json_pointer, "draft-handrews-relative-json-pointer-01"),
}

#: Formats that the drafts define and that no finite automaton decides, with the reason.
REFUSED: Final[dict[str, str]] = {
    "idn-email": "is decided by the tables of IDNA, not by an expression",
    "idn-hostname": "is decided by the tables of IDNA, not by an expression",
    "regex": "is not regular: its groups nest",
}


@cache
def expression(name: str) -> ir.Expr | None:
    """The strings of a format, or None when the name asserts nothing."""
    found = ASSERTED.get(name)
    return None if found is None else found[0]()
