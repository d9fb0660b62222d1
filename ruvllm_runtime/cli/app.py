"""`ruvllm demo` and `ruvllm generate`. torch is imported when a command runs, so `--help` is quick."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

import ruvllm_grammar as rg
from ruvllm_runtime.cli.report import FAILED, reported
from ruvllm_runtime.errors import RequestError
from ruvllm_runtime.request import Finished, GenerateRequest, SamplingParams

app = typer.Typer(
    name="ruvllm",
    help="Language models whose output obeys a grammar.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Entry point of the `ruvllm` command."""
    app()


@app.command()
def demo(
    *,
    seed: Annotated[int, typer.Option(min=0, help="Of the random weights and of the sampling.")] = 7,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads for torch.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Generate documents for several schemas, offline, with random weights, and check them independently."""
    with reported(as_json=as_json):
        from ruvllm_runtime.cli.demo import run

        valid = run(seed=seed, threads=threads, as_json=as_json)
    if not valid:
        raise typer.Exit(FAILED)


@app.command()
def generate(
    *,
    prompt: Annotated[str | None, typer.Argument(help="The prompt; `-` reads standard input.")] = None,
    prompt_option: Annotated[
        str | None, typer.Option("--prompt", "-p", help="The prompt, as an option instead.")
    ] = None,
    model: Annotated[str, typer.Option("--model", "-m", help='Model folder, hub name, or "toy".')] = "toy",
    schema: Annotated[
        str | None, typer.Option("--schema", "-s", help="JSON Schema file; `-` reads standard input.")
    ] = None,
    regex: Annotated[
        str | None, typer.Option("--regex", help="ECMA-262 regular expression for the whole answer.")
    ] = None,
    json_mode: Annotated[bool, typer.Option("--json-mode", help="Any JSON document.")] = False,
    whitespace: Annotated[
        str, typer.Option("--whitespace", help="With --schema: flexible, compact, spaced, pretty or any.")
    ] = "flexible",
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", help="At most this many tokens, the end token included.")
    ] = None,
    temperature: Annotated[float, typer.Option(help="0 is greedy.")] = 1.0,
    top_k: Annotated[int, typer.Option(help="Keep the k most probable tokens; 0 keeps all.")] = 0,
    top_p: Annotated[float, typer.Option(help="Keep the most probable tokens of this mass.")] = 1.0,
    min_p: Annotated[
        float, typer.Option(help="Drop tokens less probable than this share of the best.")
    ] = 0.0,
    repetition_penalty: Annotated[float, typer.Option(help="Above 1 discourages repeating tokens.")] = 1.0,
    seed: Annotated[int | None, typer.Option(help="Makes the answer repeatable.")] = None,
    stop: Annotated[
        list[str] | None, typer.Option(help="End the answer at this string; may be repeated.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, ...")] = "auto",
    dtype: Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16.")] = "auto",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the whole result as one JSON object when it is finished.")
    ] = False,
) -> None:
    """Answer a prompt; with --schema, --regex or --json-mode the answer is a document of that grammar."""
    with reported(as_json=as_json):
        request = GenerateRequest(
            prompt=_prompt(prompt, prompt_option),
            json_schema=None if schema is None else _read(schema),
            grammar=_grammar(regex, json_mode=json_mode),
            whitespace=whitespace,  # type: ignore[arg-type]  # checked by the request
            max_tokens=max_tokens,
            sampling=SamplingParams(
                temperature=temperature,
                top_k=top_k,
                top_p=top_p,
                min_p=min_p,
                repetition_penalty=repetition_penalty,
                seed=seed,
            ),
            stop=stop or (),
        )
        from ruvllm_runtime.llm import LLM

        llm = LLM.load(model, device=device, dtype=dtype)
        if as_json:
            typer.echo(json.dumps(asdict(llm.generate(request)), ensure_ascii=False, default=str))
            return
        for event in llm.stream(request):
            if isinstance(event, Finished):
                typer.echo()
            else:
                typer.echo(event.text, nl=False)
                sys.stdout.flush()


def _prompt(argument: str | None, option: str | None) -> str:
    if argument is not None and option is not None:
        raise RequestError("the prompt was given twice: as argument and as --prompt", param="prompt")
    text = argument if argument is not None else option
    if text is None:
        raise RequestError("no prompt: give it as argument, or `-` to read standard input", param="prompt")
    return sys.stdin.read() if text == "-" else text


def _grammar(regex: str | None, *, json_mode: bool) -> rg.Regex | rg.Json | None:
    if regex is not None and json_mode:
        raise RequestError("--regex and --json-mode exclude each other; give one", param="grammar")
    if json_mode:
        return rg.Json()
    return None if regex is None else rg.Regex(regex)


def _read(name: str) -> str:
    """The text of a file, or of standard input."""
    if name == "-":
        return sys.stdin.read()
    try:
        return Path(name).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RequestError(f"{name} is not UTF-8: {error}", param="schema") from error
