"""JSON Schema, drafts 4 to 2020-12, to the intermediate representation.

The way: `document` (resources, references) -> `cells` (one schema location, checked against `support`) ->
`obligations` (what one value must satisfy, split into conjunctions) -> `shapes` (merged by kind) -> `emptiness` and
`disjoint` (nothing dead is offered, `oneOf` is proved) -> `lower` (rules). `reader` is the entry.
"""

from ruvllm_grammar.jsonschema.clauses import Refusal, Use
from ruvllm_grammar.jsonschema.document import written
from ruvllm_grammar.jsonschema.reader import check, read, read_json
from ruvllm_grammar.jsonschema.report import Report

__all__ = ["Refusal", "Report", "Use", "check", "read", "read_json", "written"]
