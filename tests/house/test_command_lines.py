"""Every command of both tools has help, and a section in docs/reference/cli.md that names its options."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

TOOLS = pytest.mark.parametrize(
    ("tool", "package"), [("ruvllm-grammar", "ruvllm_grammar"), ("ruvllm", "ruvllm_runtime")]
)
PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "reference" / "cli.md"


def commands(package: str) -> dict:
    from typer.main import get_command

    app = importlib.import_module(f"{package}.cli").app
    return get_command(app).commands


def sections() -> dict[str, str]:
    """Heading, without backticks, to the text below it, for the headings of third level."""
    parts = PAGE.read_text(encoding="utf-8").split("\n### ")[1:]
    return {part.partition("\n")[0].strip("` "): part for part in parts}


@TOOLS
def test_every_command_has_help(tool, package):
    assert [f"{tool} {name}" for name, command in commands(package).items() if not command.help] == []


@TOOLS
def test_every_command_and_option_is_documented(tool, package):
    missing = []
    for name, command in commands(package).items():
        text = sections().get(f"{tool} {name}")
        if text is None:
            missing.append(f"{tool} {name}")
            continue
        flags = [max(p.opts, key=len) for p in command.params if p.param_type_name == "option"]
        missing += [f"{tool} {name} {flag}" for flag in flags if flag != "--help" and f"`{flag}" not in text]
    assert missing == []
