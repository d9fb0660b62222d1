"""Bytes of characters: every encoding of every kind of character, against Python's codecs and json."""

from __future__ import annotations

import json
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import expressions

from ruvllm_grammar import ir
from ruvllm_grammar.automata import leaf_dfa, spelling
from ruvllm_grammar.automata.construct import construct
from ruvllm_grammar.automata.encode import Encoding, encode
from ruvllm_grammar.errors import LimitError
from ruvllm_grammar.limits import Limits

LIMIT = 200_000
ANY = construct(ir.ANY_CHAR, LIMIT)


def test_utf8_is_pythons_utf8():
    """All one- and two-byte strings, and all borders of longer ones."""
    dfa = encode(ANY, Encoding.UTF8, LIMIT)
    heads = [bytes([a]) for a in range(256)] + [bytes([a, b]) for a in range(256) for b in range(256)]
    edges = (0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF)
    tails = [bytes([a, b, c]) for a in range(0xE0, 0xF0) for b in edges for c in edges]
    tails += [bytes([a, b, c, d]) for a in range(0xF0, 0x100) for b in edges for c in edges for d in edges]
    for data in heads + tails:
        try:
            expected = len(data.decode()) == 1
        except UnicodeDecodeError:
            expected = False
        assert dfa.matches(data) == expected, data


@pytest.mark.parametrize(
    "char", [*map(chr, range(0x100)), *expressions.LETTERS, "\u2028", "\ud7ff", "\ue000"]
)
def test_a_character_of_a_json_string_has_exactly_its_spellings(char):
    dfa = encode(construct(ir.literal(char), LIMIT), Encoding.JSON_STRING, LIMIT)
    units = [char.encode("utf-16-be")[i : i + 2].hex() for i in range(0, len(char.encode("utf-16-be")), 2)]
    spellings = {"".join(f"\\u{u}" for u in units), "".join(f"\\u{u.upper()}" for u in units), char}
    spellings |= {"\\" + letter for letter in '"\\/bfnrtuxa0'}
    for spelled in spellings:
        text = f'"{spelled}"'
        try:
            expected = json.loads(text) == char
        except json.JSONDecodeError:
            expected = False
        assert dfa.matches(text.encode()) == expected, text


@pytest.mark.parametrize("char", [*map(chr, range(0x100)), *expressions.LETTERS, "\u2028", "\ud7ff"])
def test_a_character_of_a_name_has_one_spelling(char):
    for body in (ir.literal(char), ir.ANY_CHAR):
        dfa = encode(construct(body, LIMIT), Encoding.JSON_NAME, LIMIT)
        wanted = json.dumps(char, ensure_ascii=False)
        unit = char.encode("utf-16-be").hex()
        spellings = {f"\\u{unit}", f"\\u{unit.upper()}", char, *("\\" + letter for letter in '"\\/bfnrtux')}
        for spelled in spellings:
            text = f'"{spelled}"'
            expected = text == wanted or (body is ir.ANY_CHAR and _is_canonical(text))
            assert dfa.matches(text.encode()) == expected, text


def _is_canonical(text: str) -> bool:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return False
    return len(value) == 1 and json.dumps(value, ensure_ascii=False) == text


def test_mixed_case_of_digits():
    dfa = leaf_dfa(ir.json_string(ir.literal("ꯍ")), Limits())
    assert all(dfa.matches(b'"\\u%b"' % d) for d in (b"abcd", b"ABCD", b"aBcD", b"AbCd"))
    assert not dfa.matches(b'"\\Uabcd"')


@given(expressions.regular(max_leaves=5))
def test_the_three_encodings_differ_only_as_they_should(e):
    """JSON characters between quotes are a JSON string; results are canonical whatever the encoding."""
    dfa = construct(e, LIMIT)
    for encoding in Encoding:
        encode(dfa, encoding, LIMIT).check()
    bare = encode(dfa, Encoding.JSON_CHARS, LIMIT)
    quoted = encode(dfa, Encoding.JSON_STRING, LIMIT)
    word = bare.shortest()
    assert (word is None) == quoted.is_empty
    assert word is None or quoted.matches(b'"' + word + b'"')


def test_minimal_in_spite_of_equal_spellings():
    """Sets that share blocks of characters share inner nodes across different choices of a state."""
    letters = ir.chars(ir.CharSet.of((0x400, 0x4FF), (0x1F600, 0x1F64F)))
    others = ir.chars(ir.CharSet.of((0x400, 0x4FF)))
    e = ir.alt(ir.seq(ir.literal("x"), letters, letters), ir.seq(ir.literal("y"), others, letters))
    for encoding in Encoding:
        encode(construct(e, LIMIT), encoding, LIMIT).check()


def test_budget():
    with pytest.raises(LimitError) as caught:
        encode(construct(ir.repeat(ir.ANY_CHAR, 0, 100), LIMIT), Encoding.JSON_STRING, 1_000)
    assert (caught.value.limit, caught.value.needed > 1_000) == ("leaf_states", True)


def test_a_replaced_table_changes_nothing(monkeypatch):
    e = construct(ir.repeat(ir.chars(ir.CharSet.of((0x41, 0x5A), (0x3B1, 0x3C9))), 1, 3), LIMIT)
    before = encode(e, Encoding.JSON_STRING, LIMIT)
    monkeypatch.setattr(spelling, "_MAX_BYTES", -1)
    assert encode(e, Encoding.JSON_STRING, LIMIT) == before


@given(st.lists(expressions.regular(max_leaves=4), min_size=4, max_size=4))
def test_threads_agree(es):
    expected = [leaf_dfa(ir.leaf(e), Limits()) for e in es]
    found: list[object] = [None] * 4

    def work(index: int) -> None:
        found[index] = encode(construct(es[index], LIMIT), Encoding.UTF8, LIMIT)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == expected
