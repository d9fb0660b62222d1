"""The command line `ruvllm`, run in-process, with its exit codes and what it says on which stream."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from ruvllm_runtime import GenerationDeadEnd
from ruvllm_runtime.cli import app, demo
from ruvllm_runtime.cli.schemas import shipped_schema

SCHEMA = {
    "type": "object",
    "properties": {"age": {"type": "integer", "minimum": 0, "maximum": 9}},
    "required": ["age"],
    "additionalProperties": False,
}


@pytest.fixture
def schema(tmp_path):
    file = tmp_path / "schema.json"
    file.write_text(json.dumps(SCHEMA))
    return str(file)


def run(*arguments, **options):
    return CliRunner().invoke(app, ["generate", *arguments], **options)


def test_help_lists_the_commands():
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    assert all(name in result.stdout for name in ("demo", "generate"))


@pytest.mark.parametrize("prompt", [["Ada"], ["--prompt", "Ada"]])
def test_generate_writes_the_document(schema, prompt):
    result = run(*prompt, "--schema", schema, "--max-tokens", "40", "--seed", "1", "--whitespace", "compact")
    assert (result.exit_code, result.stderr) == (0, "")
    Draft202012Validator(SCHEMA).validate(json.loads(result.stdout))
    assert result.stdout.endswith("}\n")


def test_generate_for_machines(schema):
    result = run("Ada", "--schema", schema, "--seed", "1", "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["finish_reason"]) == (0, "stop")
    assert found["parsed"] == json.loads(found["text"])
    assert found["usage"]["completion_tokens"] == len(found["token_ids"])


def test_standard_input(schema):
    result = run("-", "--regex", "^(yes|no)$", input="Raining?")
    assert result.stdout in ("yes\n", "no\n")
    result = run("Ada", "--schema", "-", "--whitespace", "compact", input=json.dumps({"const": "x"}))
    assert result.stdout == '"x"\n'


def test_json_mode():
    result = run("Ada", "--json-mode", "--max-tokens", "60", "--seed", "3")
    assert result.exit_code == 0
    json.loads(result.stdout)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--regex", "a"], "RequestError: no prompt: give it as argument, or `-` to read standard input"),
        (["a", "--prompt", "b"], "RequestError: the prompt was given twice: as argument and as --prompt"),
        (
            ["a", "--regex", "a", "--json-mode"],
            "RequestError: --regex and --json-mode exclude each other; give one",
        ),
        (["a", "--max-tokens", "0"], "RequestError: max_tokens must be at least 1, not 0"),
        (["a", "--schema", "{here}/none.json"], "FileNotFoundError: [Errno 2] No such file or directory: "),
        (["a", "--schema", "{here}/no.json"], "SchemaError: "),
        (["a", "--schema", "{here}/latin1.json"], "RequestError: {here}/latin1.json is not UTF-8: "),
        (["a", "--schema", "{here}"], "IsADirectoryError: "),
        (["a", "--model", "{here}/none"], "ModelLoadError: cannot load "),
        (["a" * 3000], "ContextLengthError: the prompt has 3001 tokens"),
        (
            ["a", "--regex", "^aaaa$", "--max-tokens", "3"],
            "TokenBudgetError: no valid document is shorter than",
        ),
        (["a", "--regex", "("], "SyntaxGrammarError: "),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(tmp_path, arguments, message):
    (tmp_path / "no.json").write_text("{")
    (tmp_path / "latin1.json").write_bytes(b'"\xe9"')
    result = run(*(argument.replace("{here}", str(tmp_path)) for argument in arguments))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(message.replace("{here}", str(tmp_path)))
    assert "Traceback" not in result.stderr


def test_errors_for_machines():
    result = run("a", "--max-tokens", "0", "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert json.loads(result.stderr) == {
        "error": {
            "type": "RequestError",
            "message": "max_tokens must be at least 1, not 0",
            "param": "max_tokens",
        }
    }


def test_failed_work_is_exit_code_1(monkeypatch):
    def fail(self, request):
        raise GenerationDeadEnd("no way [on]", text="{")

    monkeypatch.setattr("ruvllm_runtime.llm.LLM.stream", fail)
    result = run("a")
    assert (result.exit_code, result.stderr) == (1, "GenerationDeadEnd: no way [on]\n")


@pytest.fixture
def bytes_only(monkeypatch):
    """The demo where no real vocabulary is installed."""
    monkeypatch.setattr(demo, "tekken", lambda: None)
    monkeypatch.setattr(demo, "llama3", lambda: None)


def demo_cases(*arguments):
    result = CliRunner().invoke(app, ["demo", "--json", *arguments])
    assert (result.exit_code, result.stderr) == (0, "")
    found = json.loads(result.stdout)
    assert [case["schema"] for case in found["cases"]] == [case.schema for case in demo.CASES]
    for case in found["cases"]:
        Draft202012Validator(shipped_schema(case["schema"])).validate(json.loads(case["text"]))
    return found["vocabulary"]


@pytest.mark.slow
def test_demo_with_a_real_vocabulary():
    if demo.tekken() is None:
        pytest.skip("needs the package mistral-common of the test extra")
    assert demo_cases() == "Mistral Tekken (mistral-common)"


def test_demo_without_a_real_vocabulary(bytes_only):
    assert demo_cases("--seed", "3") == "bytes (install mistral-common for a real one)"


def test_demo_talks(bytes_only, monkeypatch):
    monkeypatch.setattr(demo, "CASES", demo.CASES[-2:])
    result = CliRunner().invoke(app, ["demo"])
    assert result.exit_code == 0
    assert "random weights" in result.stdout
    assert "2 of 2 documents valid" in result.stdout


def test_an_invalid_document_fails_the_demo(bytes_only, monkeypatch):
    monkeypatch.setattr(demo, "CASES", demo.CASES[-2:])
    monkeypatch.setattr(demo, "invalid", lambda text, schema: "because")
    result = CliRunner().invoke(app, ["demo"])
    assert result.exit_code == 1
    assert "INVALID: because" in result.stdout
    assert "0 of 2 documents valid" in result.stdout


def test_invalid_says_why():
    assert demo.invalid('{"age": 3}', SCHEMA) is None
    assert demo.invalid('{"age": 10}', SCHEMA) == "10 is greater than the maximum of 9"
    assert demo.invalid('{"age": 3.00}', SCHEMA) is None
    assert demo.invalid('{"age": 0e9}', SCHEMA) is None
    assert demo.invalid('{"age": 3.5}', SCHEMA) == "Decimal('3.5') is not of type 'integer'"
    assert demo.invalid("-38.4", {"multipleOf": 0.05}) is None
    assert demo.invalid("-38.41", {"multipleOf": 0.05}) is not None
    assert demo.invalid("{", SCHEMA).startswith("Expecting property name")
