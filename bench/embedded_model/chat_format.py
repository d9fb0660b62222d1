r"""Messages to text, in the form that Hermes and Qwen models use.

    <|im_start|>system
    You call tools.
    <tools>
    {"type": "function", "function": {"name": "get_time", "parameters": {...}}}
    </tools><|im_end|>
    <|im_start|>user
    What time is it in Oslo?<|im_end|>
    <|im_start|>assistant
    <tool_call>
    {"name": "get_time", "arguments": {"city": "Oslo"}}
    </tool_call><|im_end|>
    <|im_start|>user
    <tool_response>
    {"time": "14:30"}
    </tool_response><|im_end|>

`template.jinja` is the same for everybody else, and is stored with the tokenizer; a test compares the two. This one is
faster, and knows which parts are the model's own: those alone carry a loss.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.embedded_model.conversations import Message, to_json

TEMPLATE = Path(__file__).resolve().parent / "template.jinja"

START, END, PAD = "<|im_start|>", "<|im_end|>", "<|endoftext|>"
SPECIAL = (PAD, START, END)
# Text to whoever constrains the model, one token each.
MARKS = ("<tools>", "</tools>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>")

OPEN_CALL, CLOSE_CALL = "<tool_call>\n", "\n</tool_call>"


def render(messages: list[Message], tools: list[dict[str, Any]] | None = None) -> list[tuple[str, bool]]:
    """A conversation as pieces of text, each with whether the model is to write it.

    The end mark after the model's words is its own; the line feed behind it is not.
    """
    found: list[tuple[str, bool]] = []
    system = messages[0]["content"] if messages and messages[0]["role"] == "system" else ""
    if tools:
        listed = "".join(f"{to_json(tool)}\n" for tool in tools)
        found.append((f"{START}system\n{system}{system and chr(10)}<tools>\n{listed}</tools>{END}\n", False))
    elif system:
        found.append((f"{START}system\n{system}{END}\n", False))
    for at, message in enumerate(messages):
        role = message["role"]
        if role == "user" or (role == "system" and at):
            found.append((f"{START}{role}\n{message['content']}{END}\n", False))
        elif role == "assistant":
            found += [(f"{START}assistant\n", False), (answer(message) + END, True), ("\n", False)]
        elif role == "tool":
            first = not at or messages[at - 1]["role"] != "tool"
            last = at + 1 == len(messages) or messages[at + 1]["role"] != "tool"
            text = f"{START}user" if first else ""
            text += f"\n<tool_response>\n{message['content']}\n</tool_response>"
            found.append((text + (f"{END}\n" if last else ""), False))
    return found


def prompt(messages: list[Message], tools: list[dict[str, Any]] | None = None) -> str:
    """A conversation as the text behind which the model's answer begins."""
    return "".join(text for text, _ in render(messages, tools)) + f"{START}assistant\n"


def answer(message: Message) -> str:
    """What the model writes for an assistant message: words, then calls."""
    found = [message["content"]] if message["content"] else []
    for call in message.get("tool_calls", ()):
        function = call["function"]
        found.append(
            f"{OPEN_CALL}{to_json({'name': function['name'], 'arguments': function['arguments']})}{CLOSE_CALL}"
        )
    return "\n".join(found)
