"""What every keyword means to this reader: the one table that the compiler obeys and the reference page prints.

Three states and no fourth. *exact*: acceptance is exact and every prefix that is offered can be completed. *guarded*:
acceptance is exact, but generation may have to back up. *refused*: `UnsupportedKeyword` with the place, the reason and
what to do. Beside them stand *annotations*, which by the specification assert nothing. A keyword that is not in the
table is an unknown keyword, and those are annotations too (2020-12 Core, section 4.3.1).

A refused keyword is refused where it would matter, and a guarded one guarded where generation may really have to back
up.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from ruvllm_grammar.jsonschema.drafts import Draft


class State(Enum):
    """How far a keyword is supported."""

    EXACT = "exact"
    GUARDED = "guarded"
    REFUSED = "refused"
    ANNOTATION = "annotation"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class Row:
    """One keyword.

    Attributes:
        keyword: its name.
        state: how far it is supported.
        applies: the kind of value it restricts, or "any".
        since: first draft that has it.
        until: last draft that has it.
        note: what exactly is done; for a refused keyword, why and what to do instead.
    """

    keyword: str
    state: State
    applies: str
    since: int = 4
    until: int = 2020
    note: str = ""

    def active(self, draft: Draft) -> bool:
        """Whether the keyword means something in `draft`.

        A document that names no draft is 2020-12 with the keywords of Draft 7; `dependencies` stays understood after
        Draft 7, as the newer drafts allow.
        """
        if not draft.validation and self.keyword in _VALIDATION:
            return False
        if self.since <= draft.number <= self.until:
            return True
        return draft.number > self.until and (draft.lenient or self.keyword == "dependencies")


#: The validation vocabulary, which a custom metaschema may leave out.
_VALIDATION: Final = frozenset(
    (
        "type", "enum", "const", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum",
        "maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "maxContains", "minContains",
        "maxProperties", "minProperties", "required", "dependentRequired",
    )
)  # fmt: skip


def _exact(keyword: str, applies: str, note: str, *, since: int = 4, until: int = 2020) -> Row:
    return Row(keyword, State.EXACT, applies, since, until, note)


def _annotation(keyword: str, *, since: int = 4, until: int = 2020) -> Row:
    return Row(keyword, State.ANNOTATION, "any", since, until, "asserts nothing, by the specification")


def _document(keyword: str, note: str, *, since: int = 4, until: int = 2020) -> Row:
    return Row(keyword, State.DOCUMENT, "any", since, until, note)


ROWS: Final[tuple[Row, ...]] = (
    # Documents and references.
    _document("$schema", "chooses the draft; a custom metaschema's `$vocabulary` is obeyed when it is in the registry"),
    _document("id", "base URI in draft 4", until=4),
    _document("$id", "base URI; up to draft 7 also an anchor (`#name`)", since=6),
    _document("$anchor", "a name to refer to", since=2019),
    _document("$dynamicAnchor", "a name to refer to; the outermost one wins for `$dynamicRef`", since=2020),
    _document("$recursiveAnchor", "the outermost resource wins for `$recursiveRef`", since=2019, until=2019),
    _document("$vocabulary", "read in metaschemas only", since=2019),
    _document("definitions", "sub-schemas to refer to"),
    _document("$defs", "sub-schemas to refer to", since=2019),
    _exact("$ref", "any", "up to draft 7 it hides its siblings; other documents come from the registry only"),
    _exact("$dynamicRef", "any", "resolved when the schema is read", since=2020),
    _exact("$recursiveRef", "any", "resolved when the schema is read", since=2019, until=2019),
    # Every kind.
    _exact("type", "any", "`1.0` is an integer, except in draft 4"),
    _exact("enum", "any", "by value, spelled canonically; integers also as `n.0`; objects in their key order, or any"),
    _exact("const", "any", "as `enum` of one", since=6),
    _exact("allOf", "any", "merged"),
    _exact("anyOf", "any", "an alternation of merged branches, at most 4096 combinations"),
    _exact("oneOf", "any", "branches that a value may match together are each joined with the negation of the other"),
    _exact("not", "any", "by cases, one for each clause it denies, one for all clauses about members; see below"),
    _exact("if", "any", "by cases: the condition and `then`, or its negation and `else`", since=7),
    _exact("then", "any", "beside `if`", since=7),
    _exact("else", "any", "beside `if`", since=7),
    # Numbers.
    _exact("minimum", "number", "exact on the decimals; numbers with bounds are written without exponent"),
    _exact("maximum", "number", "as `minimum`"),
    _exact("exclusiveMinimum", "number", "as `minimum`; a boolean in draft 4"),
    _exact("exclusiveMaximum", "number", "as `minimum`; a boolean in draft 4"),
    _exact("multipleOf", "number", "exact on the decimals, by remainders; within `Limits.leaf_states`"),
    # Strings.
    _exact("minLength", "string", "in code points"),
    _exact("maxLength", "string", "in code points, at any size"),
    _exact("pattern", "string", "ECMA-262 with search semantics"),
    _exact("format", "string", "see below"),
    # Objects.
    _exact("properties", "object", "in the order of the schema or in any, each name at most once"),
    _exact("required", "object", "names without a schema of their own come after the properties"),
    _exact("patternProperties", "object", "overlapping patterns are split and merged; a guard where names run out"),
    _exact("additionalProperties", "object", "after all declared names, in any order, no name twice"),
    _exact("propertyNames", "object", "a restriction of the names; a guard where they run out", since=6),
    _exact("minProperties", "object", "counted; no name counts twice"),
    _exact("maxProperties", "object", "counted"),
    _exact("dependentRequired", "object", "by cases: the name is absent, or the others are present", since=2019),
    _exact("dependentSchemas", "object", "by cases: the name is absent, or the schema holds", since=2019),
    _exact("dependencies", "object", "as `dependentRequired` and `dependentSchemas`", until=7),
    _exact(
        "unevaluatedProperties", "object",
        "on the names that no schema which holds beside it covers; `anyOf` by the sets of branches that hold",
        since=2019,
    ),
    # Arrays.
    _exact("items", "array", "one schema, or a list of them up to 2019-09"),
    _exact("prefixItems", "array", "by position", since=2020),
    Row("additionalItems", State.EXACT, "array", 4, 2019, "beside a list in `items`"),
    _exact("minItems", "array", "counted"),
    _exact("maxItems", "array", "counted, at any size"),
    Row(
        "uniqueItems", State.EXACT, "array", 4, 2020,
        "items are compared as values when they end; guarded where they may run out of different values",
    ),
    _exact("contains", "array", "matches are counted, beside `minItems` and `maxItems` too", since=6),
    _exact("minContains", "array", "beside `contains`", since=2019),
    _exact("maxContains", "array", "beside `contains`; items that are not counted satisfy its negation", since=2019),
    _exact(
        "unevaluatedItems", "array",
        "as `unevaluatedProperties`, by position; items that `contains` accepts count as evaluated since 2020-12",
        since=2019,
    ),
    # Annotations.
    *(_annotation(word) for word in ("title", "description", "default")),
    *(_annotation(word, since=6) for word in ("examples",)),
    *(_annotation(word, since=7) for word in ("$comment", "readOnly", "writeOnly")),
    Row("contentEncoding", State.ANNOTATION, "string", 7, 2020, 'asserted with `content="assert"`: base64, RFC 4648'),
    Row("contentMediaType", State.ANNOTATION, "string", 7, 2020, 'asserted with `content="assert"`: application/json'),
    *(_annotation(word, since=2019) for word in ("deprecated", "contentSchema")),
)  # fmt: skip

TABLE: Final[dict[str, Row]] = {row.keyword: row for row in ROWS}
