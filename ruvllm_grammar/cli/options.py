"""Arguments and options that several commands share, spelled once."""

from __future__ import annotations

from dataclasses import fields, replace
from enum import StrEnum
from typing import Annotated

import typer

from ruvllm_grammar.cli.report import InputError
from ruvllm_grammar.limits import Limits


class Kind(StrEnum):
    """What a source file holds."""

    SCHEMA = "schema"
    REGEX = "regex"


class WhitespaceChoice(StrEnum):
    """What may stand between JSON tokens; see `api.JsonSchema`."""

    FLEXIBLE = "flexible"
    COMPACT = "compact"
    SPACED = "spaced"
    PRETTY = "pretty"
    ANY = "any"


SourceArgument = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE", help="A .json file (JSON Schema), a .regex file (ECMA-262 pattern), or - for stdin."
    ),
]
KindOption = Annotated[
    Kind | None, typer.Option("--kind", "-k", help="What the source holds, whatever its name ends with.")
]
WhitespaceOption = Annotated[
    WhitespaceChoice, typer.Option("--whitespace", "-w", help="What may stand between JSON tokens.")
]
AnyOrderOption = Annotated[
    bool, typer.Option("--any-order", help="Members of objects may come in any order, not only the schema's.")
]
VocabularyOption = Annotated[
    str,
    typer.Option(
        "--vocabulary",
        "-v",
        metavar="V",
        help="`bytes`, a tokenizer folder, or a tokenizer.json, tekken.json, SentencePiece or tiktoken file.",
    ),
]
EosOption = Annotated[
    list[int] | None,
    typer.Option(
        "--eos", metavar="ID", help="A token that ends the text; may be repeated. [default: known ones]"
    ),
]
SizeOption = Annotated[
    int | None,
    typer.Option(
        "--size", metavar="N", min=1, help="Width of the model's logits. [default: the tokenizer's]"
    ),
]
LimitOption = Annotated[
    list[str] | None,
    typer.Option("--limit", metavar="NAME=N", help="A budget, such as program=1000000; may be repeated."),
]
CacheOption = Annotated[
    str | None,
    typer.Option(
        "--cache",
        "-c",
        metavar="FOLDER",
        help="The cache's folder. [default: $RUVLLM_CACHE_DIR, or the user's cache folder]",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def limits_from(given: list[str] | None) -> Limits:
    """The default budgets with those given as `name=number`.

    Raises:
        InputError: a name is unknown, or a number is none.
    """
    names = [field.name for field in fields(Limits)]
    limits = Limits()
    for text in given or ():
        name, _, number = text.partition("=")
        if name not in names:
            raise InputError(f"--limit {text}: there is no budget {name!r}; there are {', '.join(names)}")
        if not (number.isascii() and number.isdigit() and 0 < int(number) < 1 << 31):
            raise InputError(f"--limit {text}: give a whole number from 1 to 2147483647, as in {name}=1000")
        limits = replace(limits, **{name: int(number)})
    return limits
