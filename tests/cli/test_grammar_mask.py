"""`ruvllm-grammar mask`: legal tokens after a text."""

from __future__ import annotations

import json


def test_a_choice(grammar_cli):
    assert grammar_cli("mask", "word.regex", "-v", "bytes", "--prefix", "a", "--first", "2") == (
        0,
        (
            '27 of 257 tokens may follow "a"\n'
            "the text may end here\n"
            "\n"
            "token  text\n"
            '   97  "a"\n'
            '   98  "b"\n'
            "... and 25 more; --first N lists N, --json all\n"
        ),
        "",
    )


def test_the_end_has_its_name(grammar_cli):
    _, out, _ = grammar_cli("mask", "word.regex", "-v", "bytes", "-p", "abc")
    assert out.splitlines() == [
        '1 of 257 tokens may follow "abc"',
        "the text may end here",
        "",
        "token  text",
        "  256  <eos>",
    ]


def test_forced_text(grammar_cli):
    code, out, _ = grammar_cli("mask", "person.json", "-v", "bytes", "-p", '{"n', "--json")
    found = json.loads(out)
    assert (code, found.pop("vocabulary")["size"]) == (0, 257)
    assert found == {
        "prefix": '{"n',
        "legal": [97],
        "end": False,
        "forced": {"text": 'ame"', "tokens": [97, 109, 101, 34]},
    }
    assert (
        'the next text can only be "ame\\"" (4 tokens)'
        in grammar_cli("mask", "person.json", "-v", "bytes", "-p", '{"n')[1].splitlines()
    )


def test_a_prefix_of_nothing(grammar_cli):
    code, out, err = grammar_cli("mask", "person.json", "-v", "bytes", "-p", "{x")
    assert (code, out) == (2, "")
    assert err.startswith("InputError: --prefix is not the beginning of any document: byte 1 of b'{x'")


def test_debug_shows_the_traceback(grammar_cli):
    code, _, err = grammar_cli("mask", "person.json", "-v", "bytes", "-p", "{x", "--debug")
    assert code == 2
    assert err.startswith("Traceback")
    assert err.splitlines()[-1].startswith("InputError: --prefix is not")
