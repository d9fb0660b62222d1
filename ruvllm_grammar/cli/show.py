"""`ruvllm-grammar show`: the three forms a source takes on its way: IR, program, automaton."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from ruvllm_grammar import api, ir
from ruvllm_grammar.cli import sources
from ruvllm_grammar.cli.files import write_whole
from ruvllm_grammar.cli.kernels import load_kernels
from ruvllm_grammar.cli.listing import listing, text_of
from ruvllm_grammar.cli.options import (
    AnyOrderOption,
    DebugOption,
    JsonOption,
    KindOption,
    LimitOption,
    SourceArgument,
    WhitespaceChoice,
    WhitespaceOption,
    limits_from,
)
from ruvllm_grammar.cli.report import InputError, reported
from ruvllm_grammar.cli.screen import busy, json_text, print_json, print_text
from ruvllm_grammar.limits import Limits

_DRAWING_SECONDS = 60


class Form(StrEnum):
    """What to show."""

    IR = "ir"
    PROGRAM = "program"
    AUTOMATON = "automaton"


def show(
    source: SourceArgument,
    *,
    what: Annotated[
        Form, typer.Option("--what", help="Rules, instructions, or super-states.")
    ] = Form.AUTOMATON,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write; .svg draws the automaton with Graphviz."),
    ] = None,
    states: Annotated[
        int,
        typer.Option(
            "--states", min=1, max=10_000, help="Super-states to explore, nearest to the start first."
        ),
    ] = 64,
    every_byte: Annotated[
        bool, typer.Option("--every-byte", help="Draw each byte of a literal as an edge of its own.")
    ] = False,
    instructions: Annotated[
        int, typer.Option("--instructions", min=1, help="Emit rules until there are so many instructions.")
    ] = 20_000,
    kind: KindOption = None,
    whitespace: WhitespaceOption = WhitespaceChoice.FLEXIBLE,
    any_order: AnyOrderOption = False,
    limit: LimitOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Show the rules, the instructions, or the automaton (as Graphviz text, or drawn) of a source."""
    with reported(as_json=as_json, debug=debug):
        svg = output is not None and output.suffix.lower() == ".svg"
        if svg:
            _require_drawable(what, as_json=as_json)
        limits = limits_from(limit)
        grammar = api.to_ir(
            sources.read(sources.one(source, kind), whitespace, limits, any_order=any_order), limits
        )
        match what:
            case Form.IR:
                text, value = _ir(grammar)
            case Form.PROGRAM:
                program = listing(grammar, limits, most=instructions)
                text, value = text_of(program), asdict(program)
            case Form.AUTOMATON:
                text, value = _automaton(grammar, limits, states, source, chains=not every_byte)
        if output is not None:
            write_whole(output, _svg(text) if svg else f"{json_text(value) if as_json else text}\n".encode())
        elif as_json:
            print_json(value)
        else:
            print_text(text)


def _ir(grammar: ir.Grammar) -> tuple[str, dict[str, Any]]:
    rules = {name: ir.show(body) for name, body in grammar.force().items()}
    text = "\n".join(f"{name} ::= {body}" for name, body in rules.items())
    return text, {"start": grammar.start, "rules": rules}


def _automaton(
    grammar: ir.Grammar, limits: Limits, states: int, name: str, *, chains: bool
) -> tuple[str, dict[str, Any]]:
    load_kernels()
    from ruvllm_grammar.program.draw import explore, graphviz
    from ruvllm_grammar.program.machine import Machine

    with busy("exploring"):
        automaton = explore(Machine(grammar, limits), states=states, chains=chains)
    value = asdict(automaton)
    for state in value["states"]:
        for edge in state["edges"]:
            edge["text"] = edge["text"].decode("utf-8", "backslashreplace")
    return graphviz(automaton, name=Path(name).name), value


def _require_drawable(what: Form, *, as_json: bool) -> None:
    """Refuse an .svg that cannot be drawn, before any work is done."""
    if what is not Form.AUTOMATON or as_json:
        raise InputError(
            "an .svg file shows the automaton; leave out --what and --json, or choose another ending"
        )
    if shutil.which("dot") is None:
        raise InputError(
            "drawing needs Graphviz, and there is no `dot` on the PATH: install the package graphviz of your "
            "system, or write Graphviz text with --output FILE.dot"
        )


def _svg(text: str) -> bytes:
    """The drawing of Graphviz text. `dot` is killed when it takes too long; large graphs can take for ever."""
    dot = shutil.which("dot") or "dot"
    try:
        with busy("drawing"):
            done = subprocess.run(  # noqa: S603  the program is Graphviz, the input our own
                [dot, "-Tsvg"],
                input=text.encode(),
                capture_output=True,
                timeout=_DRAWING_SECONDS,
                check=False,
            )
    except subprocess.TimeoutExpired as error:
        msg = f"Graphviz took longer than {_DRAWING_SECONDS} s; show fewer --states, or write FILE.dot"
        raise InputError(msg) from error
    except OSError as error:
        raise InputError(f"{dot}: cannot be started: {error.strerror}; install Graphviz again") from error
    if done.returncode != 0:
        reason = done.stderr.decode("utf-8", "replace").strip()
        raise InputError(f"Graphviz failed: {reason or f'exit {done.returncode}'}; write FILE.dot instead")
    return done.stdout
