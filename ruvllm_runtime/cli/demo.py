"""The demonstration behind `make demo`: schemas in, documents out, every one checked by somebody else.

The model is a tiny Llama with random weights over a real vocabulary. Its words are noise, and that is the point: what
it wants to write next is never what the schema wants, and the documents are valid all the same. Validity is judged by
the independent `jsonschema` package, from the text alone.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

import torch
import typer
from jsonschema import Draft202012Validator, ValidationError
from rich.console import Console
from rich.table import Table

import ruvllm_grammar as rg
from ruvllm_runtime.cli.schemas import shipped_schema
from ruvllm_runtime.llm import LLM
from ruvllm_runtime.model import byte_vocabulary, random_model
from ruvllm_runtime.model.installed import llama3, tekken
from ruvllm_runtime.request import GenerateRequest, GenerateResult, SamplingParams

# Enough for every schema; a byte is a token where there is nothing better.
MAX_TOKENS = 160
MAX_BYTES = 600


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to ask for.

    Attributes:
        schema: name of a file in `grammars/schemas`.
        prompt: what the model is asked.
        tool: name of the tool whose arguments the document is, or None.
    """

    schema: str
    prompt: str
    tool: str | None = None


CASES = (
    Case("person", "Extract the person: Ada Lovelace, 36, ada@example.org, speaks English and French."),
    Case("invoice", "Turn this mail into an invoice: three lamps at 49.90 each, to be paid in euros."),
    Case("order", "Read the order form: customer 4711, ship to Vienna, no separate bill, card ending 1234."),
    Case("comment_tree", "List the thread below this post as a tree of comments."),
    Case("sensor", "Report the reading of sensor 12: 21.5 degrees, taken between minute 3 and minute 8."),
    Case("service_config", "Write the configuration of the billing service."),
    Case("get_weather", "What will the weather be like in Oslo this week?", tool="get_weather"),
    Case("send_message", "Tell @ben and @eva that lunch is at noon.", tool="send_message"),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a case.

    Attributes:
        schema: name of the schema.
        tool: as in the case.
        text: the document.
        error: why `jsonschema` refuses it, or None.
        tokens: generated tokens.
        forced: how many of them the model was not asked about.
        compile_ms: schema to first mask, including the vocabulary's share when it comes first.
        constrained_ms: per token, prefill left out.
        unconstrained_ms: the same for as many tokens without a grammar.
    """

    schema: str
    tool: str | None
    text: str
    error: str | None
    tokens: int
    forced: int
    compile_ms: float
    constrained_ms: float
    unconstrained_ms: float


def run(*, seed: int, threads: int, as_json: bool) -> bool:
    """Run every case and print what happened; whether every document is valid."""
    torch.set_num_threads(threads)
    console = Console(quiet=as_json, highlight=False, soft_wrap=True)
    with console.status("reading the vocabulary, building the model"):
        name, vocabulary = demo_vocabulary()
        llm = LLM(random_model(vocabulary, hidden=64, layers=2, seed=seed))
    parameters = sum(weight.numel() for weight in llm.model.model.parameters())
    console.print("RuvLLM demo", style="bold")
    console.print(
        f"Model: a Llama of {parameters / 1e6:.1f} million [bold]random[/bold] weights. It has learned nothing: "
        "the words are noise, the form is always right."
    )
    console.print(
        f"Vocabulary: {name}, {vocabulary.size:,} ids. torch uses {threads} thread{'s' * (threads > 1)}."
    )
    with console.status("preparing masks (the first run on a machine compiles kernels: some 10 seconds)"):
        _warm_up(llm)
    outcomes = []
    for number, case in enumerate(CASES):
        outcomes.append(_try(llm, case, seed=seed + number))
        _show(console, case, outcomes[-1])
    _summarise(console, outcomes)
    if as_json:
        typer.echo(
            json.dumps({"vocabulary": name, "cases": [asdict(item) for item in outcomes]}, ensure_ascii=False)
        )
    return all(item.error is None for item in outcomes)


def demo_vocabulary() -> tuple[str, rg.Vocabulary]:
    """The first real vocabulary that is installed, else bytes."""
    for name, read in (("Mistral Tekken (mistral-common)", tekken), ("Llama 3 (llama-models)", llama3)):
        vocabulary = read()
        if vocabulary is not None:
            return name, vocabulary
    return "bytes (install mistral-common for a real one)", byte_vocabulary()


def _warm_up(llm: LLM) -> None:
    """Compile kernels, and let torch allocate, before anything is timed."""
    llm.generate(
        GenerateRequest(prompt="warm", json_schema={"type": "string", "maxLength": 8}, max_tokens=32)
    )
    llm.generate(GenerateRequest(prompt="warm", max_tokens=32))


def _try(llm: LLM, case: Case, *, seed: int) -> Outcome:
    schema = shipped_schema(case.schema)
    start = time.perf_counter()
    grammar = llm.compile(rg.JsonSchema(schema, whitespace="spaced"))
    row = rg.allocate_bitmask(1, llm.vocabulary.size)[0]
    grammar.matcher().fill_mask(row)
    compile_ms = 1e3 * (time.perf_counter() - start)
    sampling = SamplingParams(temperature=1.0, seed=seed)
    budget = MAX_TOKENS if llm.vocabulary.size > 1000 else MAX_BYTES
    answer = llm.generate(
        GenerateRequest(prompt=case.prompt, grammar=grammar, max_tokens=budget, sampling=sampling)
    )
    count = len(answer.token_ids)
    free = llm.generate(GenerateRequest(prompt=case.prompt, max_tokens=count, sampling=sampling))
    return Outcome(
        schema=case.schema,
        tool=case.tool,
        text=answer.text,
        error=invalid(answer.text, schema),
        tokens=count,
        forced=answer.usage.forced_tokens,
        compile_ms=compile_ms,
        constrained_ms=_per_token(answer),
        unconstrained_ms=_per_token(free),
    )


def invalid(text: str, schema: Any) -> str | None:
    """Why `text` is no document of `schema`, as `jsonschema` sees it; None when it is one.

    Both are given to it with exact numbers: in binary floating point -38.4 is no multiple of 0.05.
    """
    try:
        exact_schema = json.loads(json.dumps(schema), parse_float=_exact)
        Draft202012Validator(exact_schema).validate(json.loads(text, parse_float=_exact))
    except (ValueError, ValidationError) as error:
        return str(error).splitlines()[0]
    return None


def _exact(digits: str) -> int | Decimal:
    """A number with a fraction or an exponent; an integer where its value is one, as JSON Schema sees it."""
    value = Decimal(digits)
    if not value:
        return 0
    return int(value) if value == value.to_integral_value() else value


def _per_token(result: GenerateResult) -> float:
    """Milliseconds per generated token, prefill left out."""
    timings = result.timings
    return 1e3 * (timings.total_s - timings.prefill_s) / max(1, len(result.token_ids))


def _show(console: Console, case: Case, outcome: Outcome) -> None:
    schema = shipped_schema(case.schema)
    schema.pop("$schema", None)
    console.print()
    console.rule(case.schema.replace("_", " "), align="left")
    console.print("prompt  ", style="dim", end="")
    console.print(case.prompt, markup=False)
    console.print("schema  ", style="dim", end="")
    console.print(json.dumps(schema, ensure_ascii=False), markup=False)
    console.print("output  ", style="dim", end="")
    text = outcome.text if outcome.tool is None else f"{outcome.tool}({outcome.text})"
    console.print(text, markup=False, style="bold")
    console.print("check   ", style="dim", end="")
    if outcome.error is None:
        console.print("valid, says jsonschema", style="green")
    else:
        console.print(f"INVALID: {outcome.error}", style="bold red", markup=False)
    console.print("speed   ", style="dim", end="")
    console.print(
        f"{outcome.tokens} tokens, {outcome.forced} of them forced; {outcome.constrained_ms:.2f} ms per token, "
        f"{outcome.unconstrained_ms:.2f} without the grammar; compiled in {outcome.compile_ms:.1f} ms"
    )


def _summarise(console: Console, outcomes: list[Outcome]) -> None:
    table = Table(title="Summary", title_justify="left", caption="milliseconds; without: without the grammar")
    table.add_column("schema", no_wrap=True)
    for title in ("valid", "tokens", "forced", "ms/token", "without", "compile"):
        table.add_column(title, justify="right")
    for item in outcomes:
        table.add_row(
            item.schema,
            "yes" if item.error is None else "NO",
            str(item.tokens),
            str(item.forced),
            f"{item.constrained_ms:.2f}",
            f"{item.unconstrained_ms:.2f}",
            f"{item.compile_ms:.1f}",
        )
    console.print()
    console.print(table)
    valid = sum(item.error is None for item in outcomes)
    tokens, forced = sum(item.tokens for item in outcomes), sum(item.forced for item in outcomes)
    console.print(
        f"{valid} of {len(outcomes)} documents valid; {forced} of {tokens} tokens forced ({forced / tokens:.0%}).",
        style="bold green" if valid == len(outcomes) else "bold red",
    )
