from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ruvllm_grammar as rg
from ruvllm_runtime import RequestError
from ruvllm_runtime.model import LongestMatchEncoder


def test_takes_the_longest_token():
    vocabulary = rg.Vocabulary.from_tokens([b"a", b"ab", b"b", b"c", None], eos={4})
    assert LongestMatchEncoder(vocabulary).encode("abcab") == [1, 3, 1]
    assert LongestMatchEncoder(vocabulary, bos=4).encode("b") == [4, 2]


def test_text_outside_the_vocabulary_is_refused():
    vocabulary = rg.Vocabulary.from_tokens([b"a", None], eos={1})
    with pytest.raises(RequestError, match="byte 0x62 at offset 1 of the prompt starts no token") as caught:
        LongestMatchEncoder(vocabulary).encode("ab")
    assert caught.value.param == "prompt"


@given(st.text(), st.lists(st.binary(min_size=1, max_size=4), max_size=20))
def test_the_bytes_of_the_tokens_are_the_text(text, longer):
    tokens = [bytes([byte]) for byte in range(256)] + longer + [None]
    vocabulary = rg.Vocabulary.from_tokens(tokens, eos={len(tokens) - 1})
    assert vocabulary.decode(LongestMatchEncoder(vocabulary).encode(text)) == text.encode()
