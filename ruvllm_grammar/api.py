"""The whole pipeline on one page: source -> IR -> compiled grammar.

Sources are plain frozen records. Each knows how to become an `ir.Grammar`; from there on nothing knows
where it came from.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from ruvllm_grammar import ir, jsonschema
from ruvllm_grammar.automata.algebra import RegularAlgebra
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.match import CompiledGrammar
from ruvllm_grammar.store import TableCache, deferred
from ruvllm_grammar.syntax.regex import read_pattern
from ruvllm_grammar.vocab import Vocabulary

Whitespace = Literal["flexible", "compact", "spaced", "pretty", "any"]
Schema = Mapping[str, object] | bool | str


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """Documents that a JSON Schema accepts.

    Attributes:
        schema: the schema as a dict or boolean, or its JSON text.
        draft: "4", "6", "7", "2019-09" or "2020-12"; None: what `$schema` says, else 2020-12 with Draft 7
        keywords. formats: "assert" makes `format` a requirement, "annotate" a comment. whitespace: what may
        stand between JSON tokens; see the how-to on whitespace. any_order: the members of an object may come in
        any order; else declared ones come in the order of the schema, before all others. registry: documents that
        references may point to, by absolute URI; nothing is ever fetched. content: "assert" makes `contentEncoding`
        (base64) and `contentMediaType` (application/json) requirements, "annotate" comments.
    """

    schema: Schema
    draft: str | None = None
    formats: Literal["assert", "annotate"] = "assert"
    whitespace: Whitespace = "flexible"
    any_order: bool = False
    registry: Mapping[str, object] | None = None
    content: Literal["assert", "annotate"] = "annotate"


@dataclass(frozen=True, slots=True)
class Json:
    """Any JSON document.

    Attributes:
        whitespace: as in `JsonSchema`.
    """

    whitespace: Whitespace = "flexible"


@dataclass(frozen=True, slots=True)
class Regex:
    """Text that an ECMA-262 regular expression matches as a whole.

    Attributes:
        pattern: the expression, as in `RegExp(pattern, "u")`.
    """

    pattern: str


Source = JsonSchema | Json | Regex


def to_ir(source: Source, limits: Limits) -> ir.Grammar:
    """The grammar of a source. Raises `GrammarError` and its kin with the place, and `LimitError`."""
    match source:
        case JsonSchema():
            return jsonschema.read(
                source.schema,
                algebra=RegularAlgebra(limits),
                limits=limits,
                draft=source.draft,
                formats=source.formats,
                whitespace=source.whitespace,
                any_order=source.any_order,
                registry=source.registry,
                content=source.content,
            )
        case Json():
            return jsonschema.read_json(whitespace=source.whitespace, limits=limits)
        case Regex():
            body = read_pattern(source.pattern, search=False, limits=limits)
            if ir.hides_emptiness(body) and RegularAlgebra(limits).is_empty(body):
                body = ir.NEVER
            key = b"regex\0" + source.pattern.encode("utf-8", "surrogatepass")
            return ir.Grammar("pattern", {"pattern": ir.leaf(body)}, key=key)


class _Written(NamedTuple):
    """A source as text.

    Attributes:
        identity: the source with all its options as bytes: equal for sources that mean the same to the reader.
        source: gives it back, as it was when it was written.
    """

    identity: bytes
    source: Callable[[], Source]


def _written(source: Source, limits: Limits) -> _Written:
    parts: tuple[str, ...]
    match source:
        case JsonSchema(schema=schema, registry=registry):
            text = schema if isinstance(schema, str) else jsonschema.written(schema, limits)
            others = "" if registry is None else jsonschema.written(registry, limits)
            parts = (
                "schema", str(source.draft), source.formats, source.whitespace, str(source.any_order), source.content,
                type(schema).__name__ if isinstance(schema, str) else "value", str(len(text)), text,
                str(registry is None), others,
            )  # fmt: skip

            def again() -> Source:
                return replace(
                    source,
                    schema=text if isinstance(schema, str) else json.loads(text),
                    registry=None if registry is None else json.loads(others),
                )

        case Json():
            parts, again = ("json", source.whitespace), lambda: source
        case Regex():
            parts, again = ("regex", source.pattern), lambda: source
    return _Written("\0".join(parts).encode("utf-8", "surrogatepass"), again)


def compile(
    source: Source, vocabulary: Vocabulary, *, limits: Limits | None = None, cache: TableCache | None = None
) -> CompiledGrammar:
    """Compile a source for a vocabulary.

    Args:
        source: `JsonSchema`, `Json` or `Regex`.
        vocabulary: the model's tokens.
        limits: budgets; the defaults suit documents written by people.
        cache: where compiled tables are kept. Tables found there are taken without reading the source; others are
            written once they are made. See the how-to on keeping compiled grammars.

    Raises:
        GrammarError: the source is wrong (`SchemaError`, `SyntaxGrammarError`), uses something refused
            (`UnsupportedKeyword`), or matches nothing (`UnsatisfiableGrammar`).
        LimitError: a budget was too small.
    """
    limits = limits or Limits()
    if cache is None:
        return CompiledGrammar(to_ir(source, limits), vocabulary, limits, source=source)
    written = _written(source, limits)
    kept = cache.load(written.identity, limits, vocabulary)
    if kept is not None:
        return CompiledGrammar(
            deferred(kept, lambda: to_ir(written.source(), limits)), vocabulary, limits, source=source,
            identity=written.identity, image=kept.image, saved=kept.rows,
        )  # fmt: skip
    grammar = CompiledGrammar(
        to_ir(source, limits), vocabulary, limits, source=source, identity=written.identity
    )
    grammar.matcher().legal()  # which is asked for next, here and in whatever process finds the file
    cache.store(grammar)
    return grammar


def check(source: Source, *, limits: Limits | None = None) -> jsonschema.Report:
    """What a source needs, keyword by keyword: exact, guarded or refused.

    No vocabulary is needed. A refusal is reported, not raised.
    """
    limits = limits or Limits()
    match source:
        case JsonSchema():
            return jsonschema.check(
                source.schema,
                algebra=RegularAlgebra(limits),
                limits=limits,
                draft=source.draft,
                formats=source.formats,
                registry=source.registry,
                content=source.content,
            )
        case _:
            to_ir(source, limits)
            return jsonschema.Report.exact()
