"""`format` as an assertion: which names are exact regular expressions, which are refused, which are nobody's.

A name that no draft defines is an annotation, always. The rest of the table is filled in below.
"""

from __future__ import annotations

from typing import Final

from ruvllm_grammar import ir

#: Formats that the drafts define and this reader does not assert, with the reason.
REFUSED: Final[dict[str, str]] = dict.fromkeys(
    (
        "date-time", "date", "time", "duration", "email", "idn-email", "hostname", "idn-hostname", "ipv4", "ipv6",
        "uri", "uri-reference", "iri", "iri-reference", "uuid", "uri-template", "json-pointer",
        "relative-json-pointer", "regex",
    ),
    "is not asserted by this version",
)  # fmt: skip


def expression(name: str) -> ir.Expr | None:
    """The strings of a format, or None when the name asserts nothing."""
    del name
    return None
