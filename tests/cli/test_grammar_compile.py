"""`ruvllm-grammar compile`: the table, the failures, folders, processes."""

from __future__ import annotations

import json
import re

import pytest

BAD = '{"type": "objet"}'
UNSATISFIABLE = '{"type": "integer", "minimum": 3, "maximum": 2}'


@pytest.fixture
def schemas(folder):
    """Sources in folders, some of them bad, and files that are none."""
    for name, text in {
        "a/ok.json": "true",
        "a/bad.json": BAD,
        "a/deep/word.REGEX": "ab|c",
        "a/deep/broken.regex": "a[b",
        "a/notes.txt": "no source",
        "a/.hidden/x.json": BAD,
        "a/.hidden.json": BAD,
    }.items():
        file = folder / "schemas" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (folder / "schemas" / "latin.json").write_bytes(b'"\xe9"')
    (folder / "schemas" / "again").symlink_to(folder / "schemas")
    return folder / "schemas"


def without_numbers(table):
    """Lines of a table with every run of spaces as one, and times and fingerprints as `#`."""
    table = re.sub(r"\b[0-9a-f]{12}\b|\d+\.\d+", "#", table)
    return [re.sub(r" +", " ", line).rstrip() for line in table.splitlines()]


def test_the_table(grammar_cli):
    code, out, err = grammar_cli("compile", "word.regex", "any.json", "-v", "bytes")
    assert (code, err) == (0, "")
    assert [re.sub(r"# \d+ 0$", "# N 0", line) for line in without_numbers(out)] == [
        "source fingerprint compile ms mask ms instructions guards",
        "word.regex # # # N 0",
        "any.json # # # N 0",
        "",
        "2 compiled, 0 failed, # s",
    ]


def test_failures_follow_the_table_and_do_not_stop_it(grammar_cli, schemas):
    code, out, err = grammar_cli("compile", "schemas", "-v", "bytes")
    assert (code, err) == (1, "")
    lines = without_numbers(out)
    assert [line.split(" ")[:2] for line in lines[1:6]] == [
        ["schemas/latin.json", "failed"],
        ["schemas/a/bad.json", "failed"],
        ["schemas/a/ok.json", "#"],
        ["schemas/a/deep/broken.regex", "failed"],
        ["schemas/a/deep/word.REGEX", "#"],
    ]
    assert lines[6:] == [
        "",
        "schemas/latin.json: InputError: schemas/latin.json: byte 1 (0xe9) is not UTF-8; save it as UTF-8",
        "",
        (
            'schemas/a/bad.json: SchemaError: unknown type "objet"; the types are null, boolean, number, string, '
            "object, array and integer (at /type)"
        ),
        "",
        "schemas/a/deep/broken.regex: SyntaxGrammarError: pattern:1:2: unclosed class",
        " 1 | a[b",
        ' | ^ opened here; add "]", or write "\\[" for the character',
        "",
        "2 compiled, 3 failed, # s",
    ]


def test_for_machines(grammar_cli, schemas):
    code, out, err = grammar_cli("compile", "schemas/a/bad.json", "word.regex", "-v", "bytes", "--json")
    found = json.loads(out)
    assert (code, err) == (1, "")
    assert found["sources"][0] == {
        "source": "schemas/a/bad.json",
        "error": {
            "type": "SchemaError",
            "message": 'unknown type "objet"; the types are null, boolean, number, string, object, array and '
            "integer (at /type)",
            "pointer": "/type",
        },
    }
    word = found["sources"][1]
    assert re.fullmatch("[0-9a-f]{64}", word.pop("fingerprint"))
    assert word.pop("compile_ms") > 0
    assert word.pop("first_mask_ms") > 0
    assert word.pop("instructions") > 3
    assert word == {"source": "word.regex", "error": None, "guards": []}
    assert (found["compiled"], found["failed"]) == (1, 1)


@pytest.mark.slow
def test_several_processes_say_the_same(grammar_cli, schemas):
    def results(*options):
        code, out, _ = grammar_cli("compile", "schemas", "person.json", "-v", "bytes", "--json", *options)
        rows = json.loads(out)["sources"]
        return code, [{key: row[key] for key in row if not key.endswith("_ms")} for row in rows]

    assert results("--jobs", "2") == results()


def test_kind_overrides_the_name(grammar_cli, folder):
    (folder / "pattern.json").write_text("a+")
    (folder / "schema.txt").write_text("{}")
    run = ("compile", "-v", "bytes", "--json")
    assert grammar_cli(*run, "pattern.json")[0] == 1
    assert grammar_cli(*run, "pattern.json", "--kind", "regex")[0] == 0
    assert grammar_cli(*run, "schema.txt", "--kind", "schema")[0] == 0
    assert grammar_cli(*run, "schema.txt") == (
        2,
        "",
        (
            '{"error": {"type": "InputError", "message": "schema.txt: its name does not end with .json or .regex; '
            'say what it holds with --kind schema or --kind regex"}}\n'
        ),
    )


def test_a_pattern_ends_before_the_last_newline(grammar_cli, folder):
    (folder / "dos.regex").write_bytes(b"[a-z]{1,3}\r\n")
    (folder / "none.regex").write_bytes(b"[a-z]{1,3}")
    _, out, _ = grammar_cli("compile", "word.regex", "dos.regex", "none.regex", "-v", "bytes", "--json")
    assert len({row["fingerprint"] for row in json.loads(out)["sources"]}) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.json", "-v", "bytes"], "none.json: no such file; check its name"),
        (["empty", "-v", "bytes"], "empty: no file in this folder ends with .json or .regex; name the files"),
        (
            ["any.json", "-v", "bytes", "--limit", "colour=3"],
            (
                "--limit colour=3: there is no budget 'colour'; there are leaf_states, program, super_states, "
                "configurations, stack_nodes, row_bytes, schema_nodes, depth, text"
            ),
        ),
        (
            ["any.json", "-v", "bytes", "--limit", "program=-1"],
            "--limit program=-1: give a whole number from 1 to 2147483647, as in program=1000",
        ),
    ],
)
def test_bad_input(grammar_cli, folder, arguments, message):
    (folder / "empty").mkdir()
    assert grammar_cli("compile", *arguments) == (2, "", f"InputError: {message}\n")


def test_a_budget_is_the_sources_failure(grammar_cli):
    code, out, _ = grammar_cli(
        "compile", "person.json", "any.json", "-v", "bytes", "--limit", "text=9", "--json"
    )
    rows = json.loads(out)["sources"]
    assert (code, rows[0]["error"], rows[1]["error"]) == (
        1,
        {
            "type": "LimitError",
            "message": "person.json: longer than Limits.text = 9 characters; raise it with --limit text=N",
            "limit": "text",
        },
        None,
    )


def test_usage(grammar_cli):
    code, out, err = grammar_cli("compile", "any.json")
    assert (code, out) == (2, "")
    assert "--vocabulary" in err
    assert "Traceback" not in err


def test_any_order_is_another_grammar(grammar_cli, folder):
    found = []
    for options in ((), ("--any-order",)):
        code, out, _ = grammar_cli("compile", "person.json", "--vocabulary", "bytes", "--json", *options)
        found.append((code, json.loads(out)))
    assert [code for code, _ in found] == [0, 0]
    assert found[0][1] != found[1][1]
