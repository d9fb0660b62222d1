"""The commands of `ruvllm-grammar`, one module each.

numba is imported when a command runs a grammar, so `--help` is quick.
"""

from __future__ import annotations

import io
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from ruvllm_grammar.cli.cache import cache
from ruvllm_grammar.cli.check import check
from ruvllm_grammar.cli.compile import compile
from ruvllm_grammar.cli.mask import mask
from ruvllm_grammar.cli.show import show
from ruvllm_grammar.cli.test import judge
from ruvllm_grammar.cli.warm import warm

app = typer.Typer(
    name="ruvllm-grammar",
    help="Grammars for language models: compile them, check them, try them. No model needed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("compile")(compile)
app.command("check")(check)
app.command("test")(judge)
app.command("show")(show)
app.command("mask")(mask)
app.command("warm")(warm)
app.add_typer(cache)


def _print_version(wanted: bool) -> None:  # noqa: FBT001  typer calls it with the option's value
    if wanted:
        try:
            typer.echo(f"ruvllm-grammar {version('ruvllm')}")
        except PackageNotFoundError:  # run from a tree that was never installed
            typer.echo("ruvllm-grammar, not installed")
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Grammars for language models: compile them, check them, try them. No model needed."""


def main() -> None:
    """Entry point of the `ruvllm-grammar` command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal in ASCII gets escapes, not an error
    app()
