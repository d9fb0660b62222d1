"""`ruvllm-grammar check`: keywords, places, refusals."""

from __future__ import annotations

import json


def test_supported(grammar_cli, folder):
    (folder / "s.json").write_text('{"type": "array", "items": {"type": "string"}, "title": "words"}')
    code, out, err = grammar_cli("check", "s.json")
    assert (code, err) == (0, "")
    assert [line.split() for line in out.splitlines()] == [
        ["keyword", "state", "times", "where"],
        ["items", "exact", "1", "/items"],
        ["type", "exact", "2", "/type", "/items/type"],
        ["title", "annotation", "1", "/title"],
        [],
        ["supported:", "every", "keyword", "is", "honoured"],
    ]


def test_every_refusal_is_reported_with_its_place(grammar_cli, folder):
    schema = {
        "properties": {"a": {"propertyNames": {"format": "regex"}}},
        "items": {"propertyNames": {"format": "regex"}},
    }
    (folder / "s.json").write_text(json.dumps(schema))
    code, out, err = grammar_cli("check", "s.json", "--json")
    found = json.loads(out)
    assert (code, err, found["supported"], found["unsatisfiable"]) == (1, "", False, None)
    assert [(one["keyword"], one["pointer"]) for one in found["refusals"]] == [
        ("format", "/items/propertyNames/format"),
        ("format", "/properties/a/propertyNames/format"),
    ]
    assert {use["pointer"] for use in found["uses"] if use["state"] == "refused"} == {
        "/properties/a/propertyNames/format",
        "/items/propertyNames/format",
    }
    code, out, _ = grammar_cli("check", "s.json")
    assert code == 1
    assert [
        line.partition(":")[2].partition(":")[0] for line in out.splitlines() if line.startswith("refused")
    ] == [
        " format at /items/propertyNames/format",
        " format at /properties/a/propertyNames/format",
    ]


def test_guards_are_reported_with_their_places(grammar_cli, folder):
    schema = {"patternProperties": {"^a[0-9]{4}$": {"type": "null"}}, "additionalProperties": False}
    (folder / "s.json").write_text(json.dumps(schema))
    code, out, err = grammar_cli("check", "s.json", "--json")
    found = json.loads(out)
    assert (code, err, found["supported"]) == (0, "", True)
    assert [guard["pointer"] for guard in found["guards"]] == ["/patternProperties/^a[0-9]{4}$"]
    assert [use["pointer"] for use in found["uses"] if use["state"] == "guarded"] == ["/patternProperties"]
    code, out, _ = grammar_cli("check", "s.json")
    lines = out.splitlines()
    assert (code, lines[1].split()[:2]) == (0, ["patternProperties", "guarded"])
    assert lines[-2:] == [
        f"guarded: /patternProperties/^a[0-9]{{4}}$: {found['guards'][0]['reason']}",
        "supported: every keyword is honoured; where it is guarded, generation may have to back up",
    ]


def test_nothing_can_match(grammar_cli, folder):
    (folder / "s.json").write_text('{"type": "integer", "minimum": 3, "maximum": 2}')
    code, out, _ = grammar_cli("check", "s.json")
    assert (code, out.splitlines()[-1]) == (
        1,
        (
            "nothing can match: minimum 3 (at /minimum), maximum 2 (at /maximum) and type integer (at /type) leave "
            "no number (at the root of the schema)"
        ),
    )


def test_a_pattern(grammar_cli):
    assert grammar_cli("check", "word.regex") == (0, "supported: exact\n", "")


def test_standard_input(grammar_cli):
    assert grammar_cli("check", "-", "--kind", "schema", input="false")[0] == 1
    assert grammar_cli("check", "-", "--kind", "schema", input="{}")[0] == 0


def test_a_malformed_schema_is_bad_input(grammar_cli, folder):
    (folder / "s.json").write_text('{"type": ')
    assert grammar_cli("check", "s.json") == (
        2,
        "",
        (
            "SchemaError: the schema is not JSON: schema:1:10: Expecting value\n"
            '  1 | {"type": \n'
            "    |          ^ correct the JSON text (at the root of the schema)\n"
        ),
    )
    (folder / "p.regex").write_text("a(b")
    code, out, err = grammar_cli("check", "p.regex")
    assert (code, out, err.splitlines()[0]) == (2, "", "SyntaxGrammarError: pattern:1:2: unclosed group")


def test_a_folder_is_not_a_source(grammar_cli):
    assert grammar_cli("check", ".") == (2, "", "InputError: .: a folder; this command takes one file\n")
