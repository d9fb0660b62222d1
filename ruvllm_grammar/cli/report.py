"""Errors on the command line: one message on stderr, no traceback, an exit code that means something.

```text
0   done, and the answer is yes
1   the answer is no: a schema does not compile, a keyword or a document is refused
2   the input is wrong: arguments, a file, a schema where a sound one is needed, a budget
3   a defect of this program
```
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from ruvllm_grammar.cli.screen import printable, stderr
from ruvllm_grammar.errors import RuvllmError

NO = 1
BAD_INPUT = 2
DEFECT = 3

_CARRIED = ("pointer", "keyword", "position", "because", "limit", "needed")


class InputError(RuvllmError):
    """Something on the command line, or a file it names, cannot be used. Says which, why, and what to do."""


@contextmanager
def reported(*, as_json: bool, debug: bool) -> Iterator[None]:
    """Turn every error into a message and an exit code.

    Args:
        as_json: write the message as one JSON object.
        debug: write the traceback before it.
    """
    try:
        yield
    except RuvllmError as error:
        _traceback(error, wanted=debug)
        complain(error, as_json=as_json)
        raise typer.Exit(BAD_INPUT) from None
    except RecursionError as error:
        _traceback(error, wanted=debug)
        complain(InputError("the input is nested too deeply; flatten it"), as_json=as_json)
        raise typer.Exit(BAD_INPUT) from None
    except MemoryError as error:
        _traceback(error, wanted=debug)
        complain(InputError("memory ran out; lower a budget with --limit, or simplify"), as_json=as_json)
        raise typer.Exit(BAD_INPUT) from None
    except (typer.Exit, typer.Abort, BrokenPipeError):
        raise  # typer's own ways out; a reader of our output that went away is none of our business
    except Exception as error:  # noqa: BLE001  a defect of ours must not look like an answer
        _traceback(error, wanted=debug)
        complain(_defect(error), as_json=as_json)
        raise typer.Exit(DEFECT) from None


def described(error: BaseException) -> dict[str, object]:
    """An error for machines: its class, its message, and what else it carries."""
    carried = {name: getattr(error, name) for name in _CARRIED if getattr(error, name, None) is not None}
    return {"type": type(error).__name__, "message": str(error), **carried}


def complain(error: BaseException, *, as_json: bool) -> None:
    """Write an error to stderr, for people or as one JSON object."""
    if as_json:
        typer.echo(json.dumps({"error": described(error)}), err=True)
        return
    console = stderr()
    console.print(f"{type(error).__name__}: ", style="bold red", end="", markup=False)
    console.print(printable(str(error)), markup=False, soft_wrap=True)


def _traceback(error: BaseException, *, wanted: bool) -> None:
    if wanted:
        typer.echo("".join(traceback.format_exception(error)), err=True, nl=False)


def _defect(error: Exception) -> RuntimeError:
    return RuntimeError(
        f"{type(error).__name__}: {error}: a defect of ruvllm-grammar; please report it with what --debug prints"
    )
