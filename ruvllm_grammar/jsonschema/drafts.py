"""The five drafts of JSON Schema this reader knows, and how a document says which one it follows."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Draft:
    """A dialect.

    Attributes:
        number: 4, 6, 7, 2019 or 2020.
        lenient: the document does not say: 2020-12, with the keywords of Draft 7 accepted beside it.
        validation: the metaschema's vocabulary contains the assertions (`type`, `minimum`, ...); a custom metaschema
            may leave them out, and then they assert nothing.
    """

    number: int
    lenient: bool = False
    validation: bool = True

    @property
    def name(self) -> str:
        """As people write it: `draft 7`, `2020-12`."""
        return {2019: "2019-09", 2020: "2020-12"}.get(self.number, f"draft {self.number}")

    @property
    def id_keyword(self) -> str:
        """`id` in draft 4, `$id` since."""
        return "id" if self.number == 4 else "$id"

    @property
    def ref_hides_siblings(self) -> bool:
        """Up to draft 7, everything beside `$ref` is ignored, `$id` included."""
        return self.number <= 7


#: A schema that does not say which draft it follows.
UNSAID = Draft(2020, lenient=True)

_BY_NAME = {
    "4": 4, "04": 4, "draft4": 4, "draft-04": 4, "draft 4": 4,
    "6": 6, "06": 6, "draft6": 6, "draft-06": 6, "draft 6": 6,
    "7": 7, "07": 7, "draft7": 7, "draft-07": 7, "draft 7": 7,
    "2019": 2019, "2019-09": 2019, "draft2019-09": 2019,
    "2020": 2020, "2020-12": 2020, "draft2020-12": 2020,
}  # fmt: skip

_URI = re.compile(
    r"https?://json-schema\.org/(?:draft-0(?P<old>[467])|draft/(?P<new>2019-09|2020-12))/(?:hyper-)?schema#?"
)
_LATEST = re.compile(r"https?://json-schema\.org/schema#?")


def by_name(name: str) -> Draft | None:
    """The draft called `name` ("7", "draft-07", "2020-12", a `$schema` URI, ...), or None."""
    number = _BY_NAME.get(str(name).lower())
    return Draft(number) if number is not None else by_uri(name)


def by_uri(uri: str) -> Draft | None:
    """The draft that `$schema` names, or None when it is none of the five."""
    found = _URI.fullmatch(uri)
    if found is not None:
        return Draft(int(found["old"] or found["new"][:4]))
    return UNSAID if _LATEST.fullmatch(uri) else None
