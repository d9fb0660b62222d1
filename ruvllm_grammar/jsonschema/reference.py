"""The reference page of the JSON Schema keywords, printed from the table that the compiler obeys.

```sh
python -m ruvllm_grammar.jsonschema.reference docs/reference/json-schema.md
```

rewrites the page and keeps the measured table at its end, which `bench/keywords.py` writes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ruvllm_grammar.jsonschema import formats
from ruvllm_grammar.jsonschema.support import ROWS, Row, State

_DRAFTS = {4: "4", 6: "6", 7: "7", 2019: "2019-09", 2020: "2020-12"}

_HEAD = """\
# JSON Schema

<!-- Generated: python -m ruvllm_grammar.jsonschema.reference docs/reference/json-schema.md -->

Drafts 4, 6, 7, 2019-09 and 2020-12, by `$schema` or by `draft=`. A schema that names none is read as 2020-12 with the
keywords of Draft 7 beside it. References to other documents are looked up in `registry=`, never on the network.

| state | means |
|---|---|
| exact | exactly the valid documents are accepted, in the spellings below; every prefix offered can be completed |
| guarded | exactly the valid documents are accepted; generation may have to back up |
| refused | `UnsupportedKeyword` with place, reason and remedy; where the keyword asserts nothing it is let be |
| annotation | asserts nothing, by the specification, like every keyword that is not in this table |
| document | organises the schema |

Only what the root reaches counts: an unused definition is neither checked nor refused.

## Keywords
"""

_TAIL = """
## What cannot be denied

`not`, the condition of `if`, and overlapping branches of `oneOf` deny a schema clause by clause. Every clause can be
denied but those that are refused themselves. That *some* member breaks `properties`, `patternProperties`,
`additionalProperties` or `propertyNames` is followed while the object is written, for up to 4096 sets of such demands
on one object.

Some conditions are decided when an array is complete, not before: that two items are equal (denied `uniqueItems`), and
counts of `contains` too large for a graph. Where the array cannot grow until they hold, the place is guarded.

## Formats

With `formats="assert"` (the default) these names restrict strings; with `formats="annotate"` none does. Other names
are annotations, always.

| format | asserted as |
|---|---|
"""

_SPELLING = """
## Which spelling of a valid document is accepted

- **Order of properties.** Properties come in the order in which the schema writes them, `$ref` and `allOf` in their
  place, branches of `anyOf` and `oneOf` after their siblings; then names that are only required; then all other names
  in any order. With `any_order=True` all of them come in any order: see
  [Choose the order of members](../how-to/choose-the-order-of-members.md). No name comes twice, however it is spelled.
- **Names that run out.** Where a name that is taken may be begun and cannot be ended otherwise (`^[a-z]{1,3}$`, once
  `abc` is taken), the grammar has a guard: generation may have to back up. Up to 64 names are told apart, without one.
- **Names**, declared ones and all others, and **listed values** are offered without needless escapes, as
  `json.dumps(ensure_ascii=False)` writes them, so that a name is one byte string; `accepts` reads them with every
  escape. Objects in `enum` and `const` are written in their own key order, or in any with `any_order=True`. All other
  strings may use every escape of JSON. Lengths count code points.
- **Numbers** are accepted in every spelling, by value, with exponents of any size. What is offered: a number without
  bounds may use an exponent; an integer without bounds too, of at most two digits and not negative (`1e2`, not
  `1.5e1`). With `minimum`, `maximum`, `exclusive*` or `multipleOf`, numbers are written without exponent, with any
  number of digits. `1.0` is an integer, except in draft 4. A listed integer is written `7` or `7.0`. `-0` is offered
  where negative numbers are.
- **White space** between tokens: see [Choose whitespace](../how-to/choose-whitespace.md).
"""

_MEASURED = (
    "\n## The official test suite, beside other engines\n\n<!-- Measured: python bench/keywords.py -->\n"
)
_END = "<!-- End of the measured part -->\n"


def _row(row: Row) -> str:
    since = _DRAFTS[row.since] + ("" if row.until == 2020 else f" to {_DRAFTS[row.until]}")
    applies = "" if row.applies == "any" else row.applies
    return f"| `{row.keyword}` | {row.state.value} | {applies} | {since} | {row.note} |"


def measured(text: str) -> str:
    """The measured part of a page."""
    return text.partition(_MEASURED)[2].partition(_END)[0]


def page(*, measured: str = "") -> str:
    """The page as Markdown, with a measured part at its end."""
    lines = [_HEAD, "| keyword | state | restricts | drafts | note |", "|---|---|---|---|---|"]
    order = (State.EXACT, State.GUARDED, State.REFUSED, State.DOCUMENT, State.ANNOTATION)
    lines.extend(_row(row) for state in order for row in ROWS if row.state is state)
    text = "\n".join(lines) + "\n" + _TAIL
    text += "".join(f"| `{name}` | {one.note} |\n" for name, one in formats.ASSERTED.items())
    return text + _SPELLING + _MEASURED + measured + _END


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(page(measured=measured(target.read_text(encoding="utf-8"))), encoding="utf-8")
