"""Encoding by ranks: the definition, and tiktoken's own answer."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.real_vocabularies import llama3_file, tekken

from ruvllm_grammar.errors import VocabularyError
from ruvllm_grammar.vocab import Vocabulary
from ruvllm_grammar.vocab.ranks import RankEncoder
from ruvllm_runtime.model import installed

TEXTS = [
    '{"name": "Ann", "age": 12345, "tags": ["a", "b"], "x": null}',
    '{"name":"Ann","age":-1.5e10,"nested":{"deep":[[],{}]}}',
    "It's   the\tend\r\n\r\n  of naïve café 日本語 a😀b, isn't it?",
    "<|eot_id|> is text here",
    "",
]


def naive(tokens, piece):
    """Join the neighbours of lowest rank, the first of equals, until none can be joined."""
    ranks = {text: i for i, text in reversed(list(enumerate(tokens))) if text}
    parts = [bytes([byte]) for byte in piece]
    while True:
        pairs = [(ranks[a + b], i) for i, (a, b) in enumerate(pairwise(parts)) if a + b in ranks]
        if not pairs:
            return [ranks[part] for part in parts]
        _, at = min(pairs)
        parts[at : at + 2] = [parts[at] + parts[at + 1]]


@given(
    st.lists(st.text("abc", min_size=2, max_size=4), max_size=12, unique=True),
    st.text("abc", max_size=12),
)
def test_pieces_are_merged_by_rank(learnt, text):
    tokens = [b"a", b"b", b"c", *(piece.encode() for piece in learnt)]
    encode = RankEncoder(tokens, r".+")
    whole = {token: i for i, token in enumerate(tokens)}.get(text.encode())
    expected = naive(tokens, text.encode()) if whole is None else [whole]
    assert encode(text) == expected


def test_nothing_is_merged_across_a_cut():
    encode = RankEncoder([b"a", b" ", b"a ", b" a"], r" ?a")
    assert encode("a a") == [0, 3]


@pytest.mark.parametrize("text", TEXTS)
def test_llama3_encodes_as_tiktoken_does(text):
    tiktoken = pytest.importorskip("tiktoken")
    llama3_file()
    vocabulary = installed.llama3()
    ranks = {vocabulary.token_bytes(i): i for i in range(128_000)}
    theirs = tiktoken.Encoding(
        "llama3", pat_str=installed._LLAMA3_PIECES, mergeable_ranks=ranks, special_tokens={}
    )
    assert list(vocabulary.encode(text)) == theirs.encode_ordinary(text)


@pytest.mark.parametrize("text", TEXTS)
def test_tekken_spells_the_text(text):
    assert tekken().decode(tekken().encode(text)) == text.encode()


def test_what_is_wrong_is_said():
    with pytest.raises(VocabularyError, match=r"the tokenizer's pattern '\(' cannot be read"):
        RankEncoder([b"a"], "(")
    with pytest.raises(VocabularyError, match="the vocabulary has no token for b'b'"):
        RankEncoder([b"a"], ".+")("ab")


def test_a_file_of_ranks_encodes_when_its_pattern_is_known(tmp_path):
    path = tmp_path / "ranks.tiktoken"
    path.write_text("YQ== 0\nYg== 1\nYWI= 2\n")
    plain = Vocabulary.from_tiktoken_file(path, special_tokens=["<|endoftext|>"])
    known = Vocabulary.from_tiktoken_file(path, special_tokens=["<|endoftext|>"], pattern=r"\w+")
    assert plain.encode is None
    assert known.encode("abba") == [2, 1, 0]
    assert plain.fingerprint == known.fingerprint
