"""Ask a model, with and without a grammar.

Without: one generation, greedy, until the model ends its turn. With: the model decides whether it calls (its first
token), and what it writes between the marks of a call is a document of the tools' schemas; after each call it decides
whether another follows. So every call is valid by construction, while the choice of tool, arguments and number of
calls stays the model's.

    prompt                          -> <tool_call>        free: the first token alone
    prompt + <tool_call>            -> {"name": ...}      anyOf the tools: name const, arguments by schema
    prompt + ... </tool_call>       -> end | line feed    free again
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.embedded_model.cases import Case
from bench.embedded_model.chat_format import CLOSE_CALL, OPEN_CALL, prompt
from bench.embedded_model.conversations import Message
from bench.embedded_model.judge import MARK, read_calls
from ruvllm_runtime import LLM, GenerateRequest, SamplingParams

GREEDY = SamplingParams(temperature=0)
MOST_CALLS = 8
MOST_TOKENS = 900

Question = tuple[list[Message], list[dict[str, Any]]]


def free(llm: LLM, questions: Sequence[Question], *, rows: int = 32) -> list[str]:
    """Answers without a grammar."""
    requests = [
        GenerateRequest(prompt=text, max_tokens=room(llm, text), sampling=GREEDY)
        for text in (prompt(messages, tools) for messages, tools in questions)
    ]
    return [result.text for result in llm.generate_batch(requests, max_rows=rows)]


def room(llm: LLM, text: str, *, most: int | None = None) -> int:
    """Tokens an answer may have: `most`, or MOST_TOKENS, or what the context leaves."""
    return max(1, min(most or MOST_TOKENS, llm.model.context - len(llm.model.encode(text))))


def constrained_calls(llm: LLM, questions: Sequence[Question], *, rows: int = 32) -> list[str]:
    """Answers in which every call fits a tool."""
    prompts = [prompt(messages, tools) for messages, tools in questions]
    schemas = [call_schema(tools) for _, tools in questions]
    answers = [""] * len(questions)
    calling = _first(llm, prompts, list(range(len(prompts))), MARK, rows)
    talking = [at for at in range(len(prompts)) if at not in calling]
    for _ in range(MOST_CALLS):
        if not calling:
            break
        for at in calling:
            answers[at] += ("\n" if answers[at] else "") + OPEN_CALL
        requests = [
            GenerateRequest(
                prompt=prompts[at] + answers[at],
                json_schema=schemas[at],
                whitespace="spaced",
                max_tokens=room(llm, prompts[at] + answers[at]),
                sampling=GREEDY,
            )
            for at in calling
        ]
        for at, result in zip(calling, llm.generate_batch(requests, max_rows=rows), strict=True):
            answers[at] += result.text + CLOSE_CALL
        texts = [text + answer for text, answer in zip(prompts, answers, strict=True)]
        calling = _first(llm, texts, calling, "\n", rows)
    said = [
        GenerateRequest(
            prompt=prompts[at], max_tokens=room(llm, prompts[at], most=128), stop=(MARK,), sampling=GREEDY
        )
        for at in talking
    ]
    for at, result in zip(talking, llm.generate_batch(said, max_rows=rows) if said else [], strict=True):
        answers[at] = result.text
    return answers


def _first(llm: LLM, texts: list[str], chosen: list[int], wanted: str, rows: int) -> list[int]:
    """Those of the chosen texts behind which the model writes `wanted` first."""
    requests = [GenerateRequest(prompt=texts[at], max_tokens=1, sampling=GREEDY) for at in chosen]
    found = llm.generate_batch(requests, max_rows=rows) if requests else []
    return [at for at, result in zip(chosen, found, strict=True) if result.text == wanted]


def constrained_documents(llm: LLM, cases: Sequence[Case], *, rows: int = 32) -> list[str]:
    """Documents of each case's schema."""
    requests = []
    for case in cases:
        text = prompt(list(case.messages))
        requests.append(
            GenerateRequest(
                prompt=text,
                json_schema=closed(case.schema or {}),
                whitespace="spaced",
                max_tokens=room(llm, text),
                sampling=GREEDY,
            )
        )
    return [result.text for result in llm.generate_batch(requests, max_rows=rows)]


def call_schema(tools: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The schema of one call of any of the tools, nothing left open."""
    return {
        "anyOf": [
            {
                "type": "object",
                "properties": {
                    "name": {"const": tool["function"]["name"]},
                    "arguments": closed(tool["function"]["parameters"]),
                },
                "required": ["name", "arguments"],
                "additionalProperties": False,
            }
            for tool in tools
        ]
    }


def closed(schema: Any) -> Any:
    """A schema whose objects have only the members it lists; descriptions, which a grammar cannot use, are gone."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "properties" in schema:
        listed = {name: closed(inner) for name, inner in schema["properties"].items()}
        rest = {
            key: closed(value) for key, value in schema.items() if key not in {"properties", "description"}
        }
        return {**rest, "properties": listed, "additionalProperties": False}
    return {key: closed(value) for key, value in schema.items() if key != "description"}


def play(llm: LLM, cases: Sequence[Case], *, constrained: bool, rows: int = 32) -> list[list[str]]:
    """Conversations, turn by turn, on the model's own answers; one ends where a call is not the one expected.

    Returns:
        The model's answers to each turn's request, as far as the conversation got.
    """
    histories: list[list[Message]] = [list(case.messages) for case in cases]
    found: list[list[str]] = [[] for _ in cases]
    going = list(range(len(cases)))
    for number in range(max((len(case.turns) for case in cases), default=0)):
        going = [at for at in going if number < len(cases[at].turns)]
        for at in going:
            histories[at].append({"role": "user", "content": cases[at].turns[number].user})
        questions = [(histories[at], list(cases[at].tools)) for at in going]
        answers = (constrained_calls if constrained else free)(llm, questions, rows=rows)
        left = []
        for at, text in zip(going, answers, strict=True):
            found[at].append(text)
            turn = cases[at].turns[number]
            calls = read_calls(text)
            if calls is None or len(calls) != len(turn.calls):
                continue
            left.append(at)
            # The results and the closing words are those of the right calls: the next turn is asked about either way.
            said: Message = {"role": "assistant", "content": "" if calls else text}
            if calls:
                said["tool_calls"] = [
                    {"type": "function", "function": {"name": name, "arguments": arguments}}
                    for name, arguments in calls
                ]
            histories[at] += [said, *turn.messages()[2:]]
        going = left
    return found
