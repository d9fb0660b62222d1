"""`ruvllm-grammar check`: is every keyword of a schema supported? Needs no vocabulary."""

from __future__ import annotations

from dataclasses import asdict, replace

import typer

from ruvllm_grammar import api
from ruvllm_grammar.cli import sources
from ruvllm_grammar.cli.options import (
    DebugOption,
    JsonOption,
    Kind,
    KindOption,
    LimitOption,
    SourceArgument,
    WhitespaceChoice,
    limits_from,
)
from ruvllm_grammar.cli.report import NO, reported
from ruvllm_grammar.cli.screen import cells, print_json, print_table, print_text, table
from ruvllm_grammar.jsonschema import Report, Use

_ORDER = ("refused", "guarded", "exact", "document", "annotation")


def check(
    source: SourceArgument,
    *,
    kind: KindOption = None,
    limit: LimitOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Say of every keyword whether it is exact, guarded or refused, and where; 1 if something is refused."""
    with reported(as_json=as_json, debug=debug):
        limits = limits_from(limit)
        file = sources.one(source, kind)
        report = api.check(sources.read(file, WhitespaceChoice.FLEXIBLE, limits), limits=limits)
        uses = _uses(report)
        if as_json:
            print_json(
                {
                    "supported": report.supported,
                    "unsatisfiable": report.unsatisfiable,
                    "guards": [asdict(guard) for guard in report.guards],
                    "uses": [asdict(use) for use in uses],
                    "refusals": [asdict(refusal) for refusal in report.refusals],
                }
            )
        else:
            _show(report, uses, file.kind)
    if not report.supported:
        raise typer.Exit(NO)


def _uses(report: Report) -> list[Use]:
    """Every keyword at every place, once; refused where the report refuses it."""
    refused = {(refusal.keyword, refusal.pointer) for refusal in report.refusals}
    return [
        replace(use, state="refused") if (use.keyword, use.pointer) in refused else use
        for use in dict.fromkeys(report.uses)
    ]


def _show(report: Report, uses: list[Use], kind: Kind) -> None:
    places: dict[tuple[str, str], list[str]] = {}
    for use in uses:
        places.setdefault((use.state, use.keyword), []).append(use.pointer or "/")
    if places:
        out = table("keyword", "state", "times", "where", right=("times",))
        for (state, keyword), pointers in sorted(
            places.items(), key=lambda item: (_rank(item[0][0]), item[0])
        ):
            out.add_row(*cells(keyword, state, len(pointers), "  ".join(pointers)))
        print_table(out)
        print_text("")
    for refusal in report.refusals:
        print_text(f"refused: {refusal.keyword} at {refusal.pointer or 'the root'}: {refusal.reason}")
    for guard in report.guards:
        print_text(f"guarded: {guard.pointer or 'the root'}: {guard.reason}")
    if report.unsatisfiable is not None:
        print_text(report.unsatisfiable)
    if report.supported:
        print_text(_verdict(report, kind))


def _verdict(report: Report, kind: Kind) -> str:
    if report.guards:
        return "supported: every keyword is honoured; where it is guarded, generation may have to back up"
    return "supported: every keyword is honoured" if kind is Kind.SCHEMA else "supported: exact"


def _rank(state: str) -> int:
    return _ORDER.index(state) if state in _ORDER else len(_ORDER)
