import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruvllm_grammar import LimitError, Limits, ir
from ruvllm_grammar.automata.construct import construct
from ruvllm_grammar.automata.encode import Encoding, encode
from ruvllm_grammar.automata.leaf import leaf_dfa
from ruvllm_grammar.automata.words import words_dfa


def twin(words):
    """The same automaton by way of code points, subsets and minimisation."""
    return encode(construct(ir.alt(*map(ir.literal, words)), 100_000), Encoding.UTF8, 100_000)


@given(
    st.lists(st.text("abé\U0001f600", max_size=4), max_size=12) | st.lists(st.text(max_size=3), max_size=8)
)
def test_words_are_the_automaton_of_their_alternation(words):
    found = words_dfa([word.encode() for word in words], 100_000)
    found.check()
    assert found == twin(words)


def test_bytes_need_not_be_text():
    found = words_dfa([b"\xff", b"\xff\xfe", b""], 10)
    found.check()
    assert [text for text in (b"", b"\xff", b"\xff\xfe", b"\xfe", b"\xff\xff") if found.matches(text)] == [
        b"",
        b"\xff",
        b"\xff\xfe",
    ]


def test_the_limit_counts_states():
    words = [b"abc", b"abd"]
    assert words_dfa(words, 5).n_states == 5
    with pytest.raises(LimitError) as caught:
        words_dfa(words, 4)
    assert (caught.value.limit, caught.value.needed) == ("leaf_states", 5)


def test_leaves_of_many_words_take_the_short_way():
    words = [f"value-{i}" for i in range(500)]
    body = ir.alt(*map(ir.literal, words))
    assert leaf_dfa(ir.leaf(body), Limits()) == twin(words)
