"""`ruvllm-grammar test`: verdicts, places, what was legal there."""

from __future__ import annotations

import json

import pytest


def refusal(grammar_cli, source, text):
    code, out, err = grammar_cli("test", source, "--text", text)
    assert (code, err) == (1, "")
    return out


def test_accepted_and_refused_files(grammar_cli, folder):
    (folder / "good.json").write_bytes(b'{"name": "Ada", "age": 36}\n')
    (folder / "bad.json").write_bytes('{\n  "name": "Adä",\n  "age": 3x}'.encode())
    assert grammar_cli("test", "person.json", "good.json", "bad.json") == (
        1,
        (
            "good.json: accepted\n"
            'bad.json:3:11: refused: byte 30: expected one of "." "}" digit white space\n'
            '  2 |   "name": "Adä",\n'
            '  3 |   "age": 3x}\n'
            "    |           ^\n"
            "1 accepted, 1 refused\n"
        ),
        "",
    )
    assert grammar_cli("test", "person.json", "good.json") == (0, "good.json: accepted\n", "")


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("", 'ends at byte 0: expected one of "{" white space'),
        ('{"name": "Ada"', 'ends at byte 14: expected one of "," white space'),
        ('{"nme"', 'byte 3: expected "ame\\""'),
        ('{"name": "a\\z', 'byte 12: expected one of "\\"" "/" "\\\\" "b" "f" "n" "r" "t" "u"'),
        ('{"name": "abcdef', 'byte 15: expected "\\""'),
        ('{"name": "", "age": 0}x', "byte 22: expected one of white space the end"),
        ('{"name": "\n', "byte 10: expected any character"),
    ],
)
def test_what_was_legal(grammar_cli, text, verdict):
    assert refusal(grammar_cli, "person.json", text).splitlines()[0].endswith(f": refused: {verdict}")


def test_broken_utf8(grammar_cli, folder):
    (folder / "doc").write_bytes(b'"\xe2\x28"')
    _, out, _ = grammar_cli("test", "any.json", "doc")
    assert out == (
        "doc:1:2: refused: byte 2: expected the rest of a UTF-8 character (0x80-0xbf)\n"
        '  1 | "\N{REPLACEMENT CHARACTER}("\n'
        "    |  ^\n"
    )


def test_a_document_cannot_drive_the_terminal(grammar_cli):
    assert refusal(grammar_cli, "any.json", '"a\x1b[2J"').splitlines()[1] == '  1 | "a␛[2J"'


def test_the_end_is_legal_or_not(grammar_cli, folder):
    (folder / "doc").write_bytes(b"ab\n")
    assert grammar_cli("test", "word.regex", "doc")[1].splitlines()[0] == (
        "doc:1:3: refused: byte 2: expected one of a-z the end"
    )
    assert grammar_cli("test", "word.regex", "doc", "--strip") == (0, "doc: accepted\n", "")


def test_lines_are_documents(grammar_cli, folder):
    (folder / "docs.jsonl").write_bytes(b'[1]\r\n{}\n\n[1 2]\n"x"')
    code, out, _ = grammar_cli("test", "any.json", "docs.jsonl")
    assert (code, [line for line in out.splitlines() if not line.startswith("  ")]) == (
        1,
        [
            "docs.jsonl#1: accepted",
            "docs.jsonl#2: accepted",
            (
                'docs.jsonl#3:1:1: refused: ends at byte 0: expected one of "\\"" "-" "[" "{" digit "f" "n" "t" '
                "white space"
            ),
            'docs.jsonl#4:1:4: refused: byte 3: expected one of "," "]" space tab',
            "docs.jsonl#5: accepted",
            "3 accepted, 2 refused",
        ],
    )


def test_for_machines(grammar_cli):
    code, out, err = grammar_cli("test", "any.json", "-t", "[nul]", "-t", "1", "--json")
    assert (code, err) == (1, "")
    assert json.loads(out) == {
        "documents": [
            {
                "document": "--text 1",
                "accepted": False,
                "offset": 4,
                "line": 1,
                "column": 5,
                "found": ord("]"),
                "expected": {"bytes": [ord("l")], "end": False, "forced": "l", "text": 'expected "l"'},
            },
            {"document": "--text 2", "accepted": True},
        ],
        "accepted": 1,
        "refused": 1,
    }


def test_standard_input(grammar_cli):
    assert grammar_cli("test", "any.json", "-", input="[]") == (0, "stdin: accepted\n", "")
    assert grammar_cli("test", "-", "--kind", "regex", "-t", "ab", input="a.") == (
        0,
        "--text: accepted\n",
        "",
    )


def test_a_long_document_is_refused_at_its_place(grammar_cli, folder):
    (folder / "doc").write_bytes(b"[" + b"1," * 10_000 + b"x]")
    code, out, _ = grammar_cli("test", "any.json", "doc", "--limit", "super_states=100", "--json")
    assert (code, json.loads(out)["documents"][0]["offset"]) == (1, 20_001)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["any.json"], "no documents: name files, or give one with --text, or - for standard input"),
        (["-", "-"], "standard input (-) can be read once; give files for the others"),
        (["any.json", "none"], "none: no such file; check its name"),
        (["any.json", "."], ".: a folder; name the documents in it"),
    ],
)
def test_bad_input(grammar_cli, arguments, message):
    assert grammar_cli("test", *arguments) == (2, "", f"InputError: {message}\n")


def test_a_bad_source_is_bad_input(grammar_cli, folder):
    (folder / "s.json").write_text("false")
    code, out, err = grammar_cli("test", "s.json", "-t", "1")
    assert (code, out) == (2, "")
    assert err.startswith("UnsatisfiableGrammar: nothing can match")


def test_any_order(grammar_cli):
    text = '{"age": 36, "name": "Ada"}'
    assert grammar_cli("test", "person.json", "--text", text)[0] == 1
    assert grammar_cli("test", "person.json", "--any-order", "--text", text) == (0, "--text: accepted\n", "")
    assert (
        grammar_cli("mask", "person.json", "--any-order", "--prefix", '{"', "--vocabulary", "bytes")[0] == 0
    )
