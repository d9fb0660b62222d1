"""An empty folder to work in, a few sources, and the command line run in this process."""

from __future__ import annotations

import json

import pytest

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 5},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with `person.json`, `any.json` and `word.regex` in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "person.json").write_text(json.dumps(PERSON))
    (tmp_path / "any.json").write_text("true\n")
    (tmp_path / "word.regex").write_text("[a-z]{1,3}\n")
    return tmp_path


@pytest.fixture
def grammar_cli(folder):
    """`ruvllm-grammar` as a function of its arguments: exit code, stdout, stderr."""
    from typer.testing import CliRunner

    from ruvllm_grammar.cli import app

    def run(*arguments, **options):
        result = CliRunner().invoke(app, [str(one) for one in arguments], **options)
        return result.exit_code, result.stdout, result.stderr

    return run
