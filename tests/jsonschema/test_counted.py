"""Strings beside a length, run with records: the same language as one automaton, and no way into a dead end."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ruvllm_grammar as rg
from ruvllm_grammar import ir
from ruvllm_grammar.automata.algebra import RegularAlgebra
from ruvllm_grammar.automata.leaf import symbolic_dfa
from ruvllm_grammar.jsonschema.counted import CHARACTER, counted
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.syntax.regex import read_pattern

LIMITS = Limits()
ALGEBRA = RegularAlgebra(LIMITS)
PATTERNS = [
    "^(ab)*$",
    "a",
    "^a*b?$",
    "^(a|bb)+$",
    "^$|^aab$",
    "(?=..b)a",
    "^(?:a{2,3}b)*$",
    "[^a]$",
    "^(?:a|b){2}$",
]
TEXTS = ["".join(letters) for n in range(7) for letters in itertools.product("ab", repeat=n)]


def frame_of(pattern, low, high):
    found = counted(
        ALGEBRA.automaton(read_pattern(pattern, limits=LIMITS)), low, high, f"{pattern} {low} {high}"
    )
    return None if found is ir.NEVER else found.frame


def run(frame, text):
    """The record after a text, None where a step was refused."""
    record = frame.start
    for char in text:
        symbol = next((i for i, one in enumerate(frame.classes) if ord(char) in one), None)
        record = None if symbol is None else frame.step(record, symbol)
        if record is None:
            return None
    return record


@given(st.sampled_from(PATTERNS), st.integers(0, 4), st.none() | st.integers(0, 6))
@settings(max_examples=200)
def test_records_read_the_intersection_and_nothing_dead(pattern, low, high):
    wanted = ir.both(
        read_pattern(pattern, limits=LIMITS),
        ir.repeat(ir.ANY_CHAR, low, high) if high is None or low <= high else ir.NEVER,
    )
    dfa = symbolic_dfa(wanted, LIMITS)
    frame = frame_of(pattern, low, high)
    assert (frame is None) is dfa.is_empty
    if frame is None:
        return
    end = len(frame.classes)
    for text in TEXTS:
        record = run(frame, text)
        state = 0
        for char in text:
            state = None if state is None else dfa.step(state, ord(char))
        assert (record is not None) is (state is not None), text
        if record is not None:
            assert (frame.step(record, end) is not None) is dfa.matches(text)
            short = symbolic_dfa(ir.seq(ir.literal(text), ir.ANY_TEXT), LIMITS)
            rest = symbolic_dfa(ir.both(wanted, ir.seq(ir.literal(text), ir.ANY_TEXT)), LIMITS).shortest()
            assert not short.is_empty
            assert frame.debt(record) == (CHARACTER,) * (len(rest) - len(text))


def test_the_end_is_final():
    frame = frame_of("^a*$", 1, 2)
    end = len(frame.classes)
    ended = frame.step(run(frame, "a"), end)
    assert [frame.step(ended, symbol) for symbol in range(end + 1)] == [None] * (end + 1)
    assert frame.debt(ended) == ()


WORDS = "^(?:\\S+\\s+){0,49}\\S+$"


@pytest.mark.parametrize("escaped", [False, True])
def test_words_and_length_in_a_document(bytes_vocabulary, escaped):
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string", "pattern": WORDS, "maxLength": 500, "minLength": 3}},
    }
    compiled = rg.compile(rg.JsonSchema(schema), bytes_vocabulary)
    assert compiled.guards == ()
    texts = [
        "ab",
        "abc",
        "x" * 500,
        "x" * 501,
        "x " * 49 + "x",
        "x " * 50 + "x",
        "éü😀",
        "a\n",
        "é " * 40 + "e" * 421,
        "a b ",
    ]
    good = []
    for text in texts:
        spelled = (
            "".join(f"\\u{ord(c):04X}" if c < "\uffff" else c for c in text)
            if escaped
            else text.replace("\n", "\\n")
        )
        good += [text] if compiled.accepts(f'{{"a":"{spelled}"}}') else []
    assert good == ["abc", "x" * 500, "x " * 49 + "x", "éü😀"]


def legal(matcher, size):
    mask = rg.allocate_bitmask(1, size)[0]
    matcher.fill_mask(mask)
    return {i for i in range(size) if (int(mask[i >> 5]) >> (i & 31)) & 1}


def test_masks_stop_in_time():
    words = [b"xxx", b"x ", b'x"', b'xx"', b"xx x", b'"']
    tokens = [bytes([i]) for i in range(256)] + [b"", *words]
    vocabulary = rg.Vocabulary.from_tokens(tokens, special={256}, eos={256})
    compiled = rg.compile(rg.JsonSchema({"type": "string", "pattern": WORDS, "maxLength": 500}), vocabulary)

    def offered(prefix):
        matcher = compiled.matcher()
        matcher.accept_bytes(prefix)
        found = legal(matcher, len(tokens))
        return [words[i] for i in range(len(words)) if 257 + i in found], set(b'"x \\') & found

    assert offered(b'"' + b"x" * 497) == ([b"xxx", b"x ", b'x"', b'xx"', b'"'], set(b'"x \\'))
    assert offered(b'"' + b"x" * 498) == ([b'x"', b'xx"', b'"'], set(b'"x \\'))
    assert offered(b'"' + b"x" * 499) == ([b'x"', b'"'], set(b'"x\\'))
    assert offered(b'"' + b"x" * 500) == ([b'"'], set(b'"'))
    assert offered(b'"' + b"x " * 48 + b"x") == (words, set(b'"x \\'))
    assert offered(b'"' + b"x " * 49 + b"x") == ([b"xxx", b'x"', b'xx"', b'"'], set(b'"x\\'))


def test_distances_know_what_is_missing(bytes_vocabulary):
    schema = {"type": "string", "pattern": WORDS, "minLength": 30, "maxLength": 500}
    matcher = rg.compile(rg.JsonSchema(schema), bytes_vocabulary).matcher()
    matcher.accept_bytes(b'"' + b"x" * 10)
    assert matcher.tokens_to_finish == 20 + 2


def test_many_places_of_scattered_sets_are_run_with_records(bytes_vocabulary):
    """Spelled, `\\p{L}` is 890 states at each of two thousand places."""
    pattern = "^[\\p{L}\\p{N}_]{1,40}( [\\p{L}\\p{N}_]{1,40}){0,50}$"
    compiled = rg.compile(rg.JsonSchema({"type": "string", "pattern": pattern}), bytes_vocabulary)
    assert compiled.guards == ()
    texts = [
        "a",
        "žluťoučký kůň",
        "",
        "a  b",
        "ab ",
        "x" * 40,
        "x" * 41,
        "日本 語",
        " ".join("a" * 51),
        "a-b",
    ]
    texts += [" ".join("a" * 52), "\\u00e9\\u0020b", "\\ud835\\udcd0"]
    good = [text for text in texts if compiled.accepts(f'"{text}"')]
    expected = [
        "a",
        "žluťoučký kůň",
        "x" * 40,
        "日本 語",
        " ".join("a" * 51),
        "\\u00e9\\u0020b",
        "\\ud835\\udcd0",
    ]
    assert good == expected
