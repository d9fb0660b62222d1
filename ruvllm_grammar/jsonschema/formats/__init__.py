"""`format` as an assertion: what each name demands, and how it is decided.

A format is an expression over string values like any pattern, so it intersects with lengths and patterns and can be
denied. Where no automaton of reasonable size decides it, the expression is a superset, and a *test* has the last word
when the string ends (`ir.check`). Such a format also says which strings pass the test for certain; generation keeps to
those where there are any, so that only acceptance meets the test. Each is made on first use. A name that no draft
defines is an annotation, always (2020-12 Validation, section 7.2.3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

from ruvllm_grammar import ir
from ruvllm_grammar.jsonschema.formats import hosts, idna, mail, times, uris
from ruvllm_grammar.syntax.regex.validity import is_pattern


@dataclass(frozen=True, slots=True)
class Format:
    """A format that is asserted.

    Attributes:
        note: what it is, for the reference page.
        strings: its strings; with a test, a superset of them.
        test: decides the strings that `strings` reads; None where that is all.
        certain: strings that pass the test; None: unknown, so generation is offered all of `strings`.
    """

    note: str
    strings: Callable[[], ir.Expr]
    test: Callable[[str], bool] | None = None
    certain: Callable[[], ir.Expr] | None = None


#: Asserted formats by name.
ASSERTED: Final[dict[str, Format]] = {
    "date": Format("RFC 3339 `full-date`; days fit month and year", times.date),
    "time": Format(
        "RFC 3339 `full-time`; a leap second only at 23:59 UTC; offered with `Z` or whole hours of offset",
        times.time, times.leap_second_fits, times.plain_time,
    ),
    "date-time": Format(
        "RFC 3339 `date-time`; as `date` and `time`",
        times.date_time, times.leap_second_fits, times.plain_date_time,
    ),
    "duration": Format("RFC 3339 appendix A", times.duration),
    "hostname": Format(
        "RFC 1123, since draft 7 with A-labels by RFC 5891, at most 253 characters; offered without A-labels, up to 3 "
        "labels, or 8 of up to 30 characters",
        hosts.hostname, idna.hostname_fits, hosts.plain_hostname,
    ),
    "idn-hostname": Format(
        "RFC 5890, by the tables of IDNA 2008; offered as `hostname`",
        hosts.idn_hostname, idna.idn_hostname_fits, hosts.plain_hostname,
    ),
    "email": Format(
        "RFC 5321 `Mailbox`; offered with domains as short as for `hostname`",
        mail.email, mail.email_fits, mail.plain_email,
    ),
    "idn-email": Format(
        "RFC 6531 `Mailbox`; offered with parts that are short enough in UTF-8 for certain",
        mail.idn_email, mail.idn_email_fits, mail.plain_idn_email,
    ),
    "ipv4": Format("dotted quad without leading zeros", hosts.ipv4),
    "ipv6": Format("RFC 4291, without zone", hosts.ipv6),
    "uuid": Format("RFC 4122", hosts.uuid),
    "uri": Format("RFC 3986", uris.uri),
    "uri-reference": Format("RFC 3986", uris.uri_reference),
    "iri": Format("RFC 3987", uris.iri),
    "iri-reference": Format("RFC 3987", uris.iri_reference),
    "uri-template": Format("RFC 6570", uris.uri_template),
    "json-pointer": Format("RFC 6901", uris.json_pointer),
    "relative-json-pointer": Format("draft-handrews-relative-json-pointer-01", uris.relative_json_pointer),
    "regex": Format(
        "ECMA-262 section 22.2.1 with the `u` flag; decided when the string ends, so generation may back up",
        lambda: ir.ANY_TEXT, is_pattern,
    ),
}  # fmt: skip

#: What older drafts define otherwise: the last of them, and the format.
_EARLIER: Final[dict[str, tuple[int, Format]]] = {
    "hostname": (
        6, Format("RFC 1123", hosts.early_hostname, hosts.early_hostname_fits, hosts.plain_hostname),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Strings:
    """The strings of a format: `expr`, as far as they pass `test`; those of `certain` do. `name` tells drafts apart."""

    name: str
    expr: ir.Expr
    test: Callable[[str], bool] | None
    certain: ir.Expr


@cache
def strings(name: str, draft: int = 2020) -> Strings | None:
    """What a format demands in a draft, or None when the name asserts nothing."""
    until, earlier = _EARLIER.get(name, (0, None))
    found = earlier if draft <= until else ASSERTED.get(name)
    if found is None:
        return None
    shown = f"{name} of draft {until}" if draft <= until else name
    expr = found.strings()
    if found.test is None:
        return Strings(shown, expr, None, expr)
    return Strings(shown, expr, found.test, ir.NEVER if found.certain is None else found.certain())
