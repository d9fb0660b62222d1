"""From a JSON Schema to a grammar: the entry of this package.

`read` does everything that can fail up front: it parses the document, follows every reference, checks every keyword,
splits and merges every obligation that a document can reach, proves `oneOf` disjoint, and decides emptiness. What is
left for later, rule by rule as the program enters them, only writes expressions.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ruvllm_grammar import ir
from ruvllm_grammar.errors import GrammarError, LimitError, UnsatisfiableGrammar
from ruvllm_grammar.jsonschema.cells import Cells
from ruvllm_grammar.jsonschema.clauses import Choice, Refusal, Use
from ruvllm_grammar.jsonschema.disjoint import Disjointness
from ruvllm_grammar.jsonschema.document import Document, Schema, parse
from ruvllm_grammar.jsonschema.emptiness import Emptiness
from ruvllm_grammar.jsonschema.liveness import Liveness
from ruvllm_grammar.jsonschema.lower import ROOT, Lowering
from ruvllm_grammar.jsonschema.obligations import Conjunction, Obligation, Obligations
from ruvllm_grammar.jsonschema.plain import NOTHING, plain_parts
from ruvllm_grammar.jsonschema.report import Report
from ruvllm_grammar.jsonschema.shapes import Shapes
from ruvllm_grammar.jsonschema.support import State
from ruvllm_grammar.jsonschema.whitespace import whitespace as whitespace_of
from ruvllm_grammar.limits import Limits

#: Raised whenever the same schema and options would give another language, or other names of rules.
FORMAT_VERSION = 3

_FORMATS = ("assert", "annotate")


class _Reading:
    """One schema, read as far as can fail."""

    def __init__(
        self,
        schema: Schema,
        *,
        algebra: ir.Algebra,
        limits: Limits,
        draft: str | None,
        formats: str,
        content: str,
        registry: Mapping[str, Any] | None,
        any_order: bool = False,
        refusals: list[Refusal] | None,
        uses: list[Use] | None,
    ) -> None:
        if formats not in _FORMATS:
            msg = f"unknown value {formats!r} for formats; use one of {', '.join(_FORMATS)}"
            raise GrammarError(msg)
        if content not in _FORMATS:
            msg = f"unknown value {content!r} for content; use one of {', '.join(_FORMATS)}"
            raise GrammarError(msg)
        value, self.text = parse(schema, limits)
        self.document = Document(value, self.text, draft=draft, registry=registry, limits=limits)
        plain = NOTHING
        if uses is None:  # else every keyword is reported
            plain = plain_parts(
                self.document,
                algebra=algebra,
                limits=limits,
                assert_formats=formats == "assert",
                assert_content=content == "assert",
                any_order=any_order,
            )
        cells = Cells(
            self.document,
            limits=limits,
            assert_formats=formats == "assert",
            assert_content=content == "assert",
            uses=uses,
            plain=plain,
        )
        settled = plain.has(self.document.root.schema)
        if not settled:
            cells.survey(cells.cell(self.document.root))
        if cells.wants_annotations:
            if uses is not None:
                uses.clear()
            cells = Cells(
                self.document,
                limits=limits,
                assert_formats=formats == "assert",
                assert_content=content == "assert",
                annotations=True,
                uses=uses,
            )
            cells.survey(cells.cell(self.document.root))
        self._cells = cells
        overlaps: dict[Choice, frozenset[tuple[int, int]]] = {}
        while True:
            if refusals is not None:
                refusals.clear()
            self.obligations = Obligations(
                cells, algebra=algebra, limits=limits, refusals=refusals, overlaps=overlaps
            )
            self.emptiness = Emptiness(Shapes(self.obligations))
            self.guards: dict[ir.Guard, None] = {}
            self.liveness = Liveness(self.emptiness, any_order=any_order)
            found = {} if settled else self._explore(limits)
            if not found:
                break
            overlaps = {
                choice: overlaps.get(choice, frozenset()) | found.get(choice, frozenset())
                for choice in (*overlaps, *found)
            }

    @property
    def root(self) -> Obligation:
        """What the document is judged by."""
        return self.obligations.obligation(self._cells.cell(self.document.root))

    def _explore(self, limits: Limits) -> dict[Choice, frozenset[tuple[int, int]]]:
        """Split, merge and check every obligation that a document can reach; the overlaps nobody knew of.

        Plain ones can wait until their rules are entered.
        """
        disjointness = Disjointness(self.emptiness)
        overlaps: dict[Choice, set[tuple[int, int]]] = {}
        seen: dict[Obligation, None] = {self.root: None}
        names: dict[Obligation, None] = {}
        queue = [self.root]
        while queue:
            one = queue.pop()
            for choice, pair in disjointness.overlaps(one):
                overlaps.setdefault(choice, set()).add(pair)
            for conjunction in self.obligations.conjunctions(one):
                if conjunction.values is None and "object" in conjunction.kinds:
                    names.update(dict.fromkeys(self.emptiness.shapes.object(conjunction).names))
                for child in self.emptiness.children(conjunction):
                    if child not in seen:
                        seen[child] = None
                        if not (child.plain or self.obligations.is_plain(child)):
                            queue.append(child)
                self._measure(conjunction, limits)
            if len(seen) > limits.schema_nodes:
                msg = f"the schema combines to more than Limits.schema_nodes = {limits.schema_nodes} obligations"
                raise LimitError(msg, limit="schema_nodes", needed=len(seen))
        for one in names:  # judged as strings, not written as values
            for choice, pair in disjointness.overlaps(one):
                overlaps.setdefault(choice, set()).add(pair)
        return {choice: frozenset(pairs) for choice, pairs in overlaps.items()}

    def _measure(self, conjunction: Conjunction, limits: Limits) -> None:
        """Measure the leaves whose size the schema sets freely, so that no `LimitError` comes late; collect guards."""
        if conjunction.values is not None:
            return
        if "number" in conjunction.kinds:
            number = self.emptiness.shapes.number(conjunction)
            if self.emptiness.number_fits(conjunction):
                self.guards.update(dict.fromkeys(number.guards(limits)))
        if "string" in conjunction.kinds:
            string = self.emptiness.shapes.string(conjunction)
            self.guards.update(dict.fromkeys(string.guards(self.obligations.algebra, limits)))
        if "object" in conjunction.kinds:
            self._measure_object(conjunction)
        if "array" in conjunction.kinds:
            items = self.emptiness.shapes.array(conjunction)
            watched = items.unique is not None or items.tested is not None
            if watched and "array" in self.emptiness.alive(conjunction):
                self.guards.update(dict.fromkeys(self.liveness.guards(items)))

    def _measure_object(self, conjunction: Conjunction) -> None:
        """Guards and refusals of what is offered; whether optional members can be is not asked without need."""
        shape = self.emptiness.shapes.object(conjunction)
        if not (shape.guards or shape.needs) or "object" not in self.emptiness.alive(conjunction):
            return
        members = self.emptiness.offered(conjunction)
        self.guards.update(dict.fromkeys(members.guards))
        if members.crowded:
            need = members.needs[0]
            reason = (
                "it asks for members in too many ways beside other negations; say what is allowed instead"
            )
            self.obligations.refuse(Refusal(need.keyword, need.pointer, reason, "object"))

    def satisfiable(self) -> None:
        """Raises `UnsatisfiableGrammar` when no document fits, saying why and where."""
        if self._cells.plain.rank(self.document.root.schema) is not None:
            return
        if not self.emptiness.inhabited(self.root):
            because, pointer = self.emptiness.why(self.root)
            raise UnsatisfiableGrammar(because, pointer=pointer)


def read(
    schema: Schema,
    *,
    algebra: ir.Algebra,
    limits: Limits,
    draft: str | None = None,
    formats: str = "assert",
    whitespace: str = "flexible",
    any_order: bool = False,
    registry: Mapping[str, Any] | None = None,
    content: str = "annotate",
) -> ir.Grammar:
    """Read a JSON Schema into a grammar of the documents that satisfy it.

    Args:
        schema: the schema, as Python values or as JSON text (which keeps decimals exact).
        algebra: answers questions about regular expressions.
        limits: budgets.
        draft: "4", "6", "7", "2019-09" or "2020-12"; None: what `$schema` says, else 2020-12 with the keywords of
            Draft 7.
        formats: "assert" restricts strings by `format`; "annotate" ignores it, as the specification allows.
        whitespace: "compact", "spaced", "pretty", "flexible" or "any".
        any_order: the members of an object come in any order; else declared ones in the order of the schema.
        registry: other documents by absolute URI; nothing is fetched.
        content: "assert" restricts strings by `contentEncoding` and `contentMediaType`; "annotate" ignores them.

    Raises:
        SchemaError: the schema is malformed, or a reference leads nowhere or in a circle.
        UnsupportedKeyword: a keyword that is not honoured.
        UnsatisfiableGrammar: no document satisfies the schema.
        LimitError: a budget of `limits`.
        GrammarError: an unknown option.
    """
    space = whitespace_of(whitespace)
    reading = _Reading(
        schema, algebra=algebra, limits=limits, draft=draft, formats=formats, content=content, registry=registry,
        any_order=any_order, refusals=None, uses=None,
    )  # fmt: skip
    reading.satisfiable()
    documents = [reading.text, *(f"{uri} {text}" for uri, text in sorted(reading.document.used.items()))]
    order = "any order" if any_order else "schema order"
    options = (draft or "", formats, content, whitespace, order)
    key = "\0".join(("jsonschema", str(FORMAT_VERSION), *options, *documents))
    lock = threading.RLock()  # the two grammars share what is worked out on demand

    def grammar(*, lenient: bool) -> ir.Grammar:
        lowering = Lowering(
            lambda: reading.root, reading.emptiness, space, any_order=any_order, lenient=lenient
        )

        def group(name: str) -> ir.Group:
            with lock:
                return lowering.group(name)

        return ir.Grammar(
            ROOT,
            dict(space.rules),
            provider=group,
            key=(f"{key}\0lenient" if lenient else key).encode("utf-8", "surrogatepass"),
            guards=tuple(reading.guards),
            lenient=None if lenient else lambda: grammar(lenient=True),
        )

    return grammar(lenient=False)


class _NothingToAsk:
    """The algebra of a schema without strings to compare: JSON mode asks no questions."""

    def is_empty(self, e: ir.Expr) -> bool:
        return e is ir.NEVER

    def disjoint(self, a: ir.Expr, b: ir.Expr) -> bool:
        return a is ir.NEVER or b is ir.NEVER

    def matches(self, e: ir.Expr, text: str) -> bool:
        raise GrammarError(f"asked whether {e} matches {text!r}; this is a defect of the reader")

    def shortest(self, e: ir.Expr) -> str | None:
        raise GrammarError(f"asked for a string of {e}; this is a defect of the reader")

    def strings(self, e: ir.Expr, most: int) -> tuple[str, ...] | None:
        raise GrammarError(f"asked for {most} strings of {e}; this is a defect of the reader")

    def runs_out(self, e: ir.Expr) -> bool:
        raise GrammarError(f"asked whether {e} runs out; this is a defect of the reader")

    def automaton(self, e: ir.Expr) -> ir.Automaton:
        raise GrammarError(f"asked for the automaton of {e}; this is a defect of the reader")


def read_json(*, limits: Limits, whitespace: str = "flexible") -> ir.Grammar:
    """The grammar of every JSON document: JSON mode.

    Raises:
        GrammarError: an unknown style of white space.
    """
    return read(True, algebra=_NothingToAsk(), limits=limits, whitespace=whitespace)


def check(
    schema: Schema,
    *,
    algebra: ir.Algebra,
    limits: Limits,
    draft: str | None = None,
    formats: str = "assert",
    registry: Mapping[str, Any] | None = None,
    content: str = "annotate",
) -> Report:
    """Say what `read` would do: every keyword in use, every refusal, and why nothing could match.

    Arguments as for `read`.

    Raises:
        SchemaError: the schema is malformed; `UnsupportedKeyword` is reported instead of raised.
        LimitError: a budget of `limits`.
    """
    refusals: list[Refusal] = []
    uses: list[Use] = []
    reading = _Reading(
        schema, algebra=algebra, limits=limits, draft=draft, formats=formats, content=content, registry=registry,
        refusals=refusals, uses=uses,
    )  # fmt: skip
    unsatisfiable: str | None = None
    if not refusals:
        try:
            reading.satisfiable()
        except UnsatisfiableGrammar as error:
            unsatisfiable = str(error)
    return Report(
        uses=_settled(uses, refusals, reading.guards),
        refusals=tuple(refusals),
        unsatisfiable=unsatisfiable,
        guards=tuple(reading.guards),
    )


def _settled(uses: Iterable[Use], refusals: Iterable[Refusal], guards: Iterable[ir.Guard]) -> tuple[Use, ...]:
    """Every keyword with its state in this schema.

    What is exact elsewhere may be refused or guarded here, and what is refused elsewhere may assert nothing here. A
    guard belongs to the keyword that stands at its pointer, or else to the nearest one around it.
    """
    uses = tuple(uses)
    refused = {(one.keyword, one.pointer) for one in refusals}
    stand = {use.pointer for use in uses}
    guarded = set()
    for guard in guards:
        pointer = guard.pointer
        while pointer and pointer not in stand:
            pointer = pointer.rpartition("/")[0]
        guarded.add(pointer)

    def state(use: Use) -> str:
        if (use.keyword, use.pointer) in refused:
            return State.REFUSED.value
        asserts = use.state in {State.EXACT.value, State.REFUSED.value, State.GUARDED.value}
        if asserts and use.pointer in guarded:
            return State.GUARDED.value
        return State.EXACT.value if asserts else use.state

    return tuple(replace(use, state=state(use)) for use in uses)
