"""Errors on the command line: one message on stderr, no traceback, an exit code that means something.

0   done
1   the work failed: a dead end, an output that strict mode refuses, a broken model
2   the input is wrong: arguments, a file, a schema, a request
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console

from ruvllm_runtime.errors import GenerationError, RuvllmError

BAD_INPUT = 2
FAILED = 1


@contextmanager
def reported(*, as_json: bool) -> Iterator[None]:
    """Turn errors of this project, and unreadable files, into a message and an exit code."""
    try:
        yield
    except (RuvllmError, OSError) as error:
        complain(error, as_json=as_json)
        raise typer.Exit(FAILED if isinstance(error, GenerationError) else BAD_INPUT) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def complain(error: Exception, *, as_json: bool) -> None:
    """Write an error to stderr, for people or as one JSON object."""
    kind, text = type(error).__name__, str(error)
    if as_json:
        typer.echo(
            json.dumps({"error": {"type": kind, "message": text, "param": getattr(error, "param", None)}}),
            err=True,
        )
        return
    console = Console(stderr=True, highlight=False)
    console.print(f"{kind}: ", style="bold red", end="", markup=False)
    console.print(text, markup=False, soft_wrap=True)
