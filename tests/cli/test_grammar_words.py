"""Bytes, sets of bytes and files, as `ruvllm-grammar` shows and writes them."""

from __future__ import annotations

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from ruvllm_grammar.cli.expected import Expected
from ruvllm_grammar.cli.files import write_whole
from ruvllm_grammar.cli.report import DEFECT, InputError, reported
from ruvllm_grammar.cli.screen import printable, quoted

LEADS = range(0xC2, 0xF5)
REST = range(0x80, 0xC0)
TEXT = [*range(0x20, 0x80), *LEADS]


@pytest.mark.parametrize(
    ("legal", "end", "forced", "text"),
    [
        (b"", False, b"", "nothing may follow"),
        (b"", True, b"", "expected the end"),
        (b"a", False, b"a", 'expected "a"'),
        (b"t", False, b"true", 'expected "true"'),
        (b"t", False, b"t" * 70, 'expected "' + "t" * 60 + '" ...'),
        (b"t", False, b"t" * 59 + "é".encode() + b"t", 'expected "' + "t" * 59 + '" ...'),
        (b",}0123456789", False, b"", 'expected one of "," "}" digit'),
        (b"123456789", False, b"", "expected 1-9"),
        (b"0179abx", False, b"", 'expected one of "0" "1" "7" "9" "a" "b" "x"'),
        (b" \t", True, b"", "expected one of space tab the end"),
        (b" \t\r\n}", False, b"", 'expected one of "}" white space'),
        (bytes(REST), False, b"", "expected the rest of a UTF-8 character (0x80-0xbf)"),
        (bytes(TEXT), False, b"", "expected any character"),
        (
            bytes(set(TEXT) - {0x22, 0x5C}),
            True,
            b"",
            'expected one of any character but "\\"" "\\\\" the end',
        ),
        (bytes(range(0x20, 0x7F)), False, b"", "expected any ASCII character"),
        (b"a" + bytes(LEADS), False, b"", 'expected one of "a" a character beyond ASCII'),
        (b"a\xc3\xc4", False, b"", 'expected one of "a" byte 0xc3-0xc4'),
        (b"!#%&+-/:;=@^_`~(){}[]|<>", False, b"", None),
    ],
)
def test_expected_in_words(legal, end, forced, text):
    found = str(Expected(tuple(sorted(legal)), end, forced))
    if text is None:
        assert found.endswith('"}" "~"')
    else:
        assert found == text


def test_long_lists_are_cut():
    legal = tuple(range(0x21, 0x5B, 2))
    assert str(Expected(legal, end=False, forced=b"")).endswith(f" {len(legal) - 24} more")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b'a"\\', '"a\\"\\\\"'),
        (b"\n\t\x00\x1b", '"\\n\\t\\x00\\x1b"'),
        ("é\u200b".encode(), '"é\\u{200b}"'),
        (b"\xe2\x82a\n", 'b"\\xe2\\x82a\\n"'),
        (b"", '""'),
    ],
)
def test_quoted(data, text):
    assert quoted(data) == text


@given(st.text(st.characters(exclude_categories=())))
def test_printable_keeps_places_and_harms_no_terminal(text):
    if not any(0xD800 <= ord(char) < 0xE000 for char in text):
        assert len(printable(text)) == len(text)
    assert all(char in "\n\t" or (ord(char) >= 32 and ord(char) != 127) for char in printable(text))
    printable(text).encode()


def test_write_whole(tmp_path):
    target, link = tmp_path / "a", tmp_path / "link"
    link.symlink_to(target)
    write_whole(link, b"one")
    write_whole(target, b"two")
    assert (link.is_symlink(), target.read_bytes(), len(list(tmp_path.iterdir()))) == (True, b"two", 2)
    with pytest.raises(InputError, match="cannot be written: Is a directory"):
        write_whole(tmp_path, b"three")


def test_a_defect_is_not_an_answer(capsys):
    with pytest.raises(typer.Exit) as caught, reported(as_json=False, debug=False):
        raise ValueError("surprise")
    assert caught.value.exit_code == DEFECT
    assert capsys.readouterr().err == (
        "RuntimeError: ValueError: surprise: a defect of ruvllm-grammar; please report it with what --debug prints\n"
    )


@pytest.mark.parametrize(
    ("error", "words"), [(RecursionError(), "nested too deeply"), (MemoryError(), "memory ran")]
)
def test_what_python_gives_up_on(capsys, error, words):
    with pytest.raises(typer.Exit) as caught, reported(as_json=False, debug=False):
        raise error
    assert caught.value.exit_code == 2
    assert words in capsys.readouterr().err
