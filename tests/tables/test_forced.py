"""Spelling of forced text: as the tokenizer does it, and what is given up at the end."""

from __future__ import annotations

import json
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tokenizers_in_memory import byte_level
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

import ruvllm_grammar as rg
from ruvllm_grammar.tables import LOOK_BACK, Speller
from ruvllm_grammar.tables.tree import TokenTree

TOKENS = ["a", "b", "ab", "ba", "abb", "bbbb", "c", "é".encode(), "é".encode()[:1], "é".encode()[1:]]
CORPUS = [
    json.dumps({"name": "Ann", "nation": n, "age": n, "names": ["naïve", "café", "日本"]}, ensure_ascii=False)
    for n in range(40)
]


def of_table(tokens):
    table = [token if isinstance(token, bytes) else token.encode() for token in tokens]
    return rg.Vocabulary.from_tokens([*table, None], eos={len(table)})


def speller(vocabulary):
    return Speller(vocabulary, TokenTree(vocabulary.trie))


@cache
def learnt():
    """A byte-level tokenizer with merges of its own, learnt from a few JSON texts."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(vocab_size=330, initial_alphabet=sorted(alphabet), special_tokens=["</s>"]),
    )
    return tokenizer


@cache
def vocabulary():
    return rg.Vocabulary.from_tokenizer(learnt(), eos={learnt().token_to_id("</s>")})


def ids(text):
    return tuple(learnt().encode(text, add_special_tokens=False).ids)


def naive_longest(vocabulary, text):
    by_text = {vocabulary.token_bytes(i): i for i in reversed(range(vocabulary.size))}
    found = []
    while text:
        size = max((n for n in range(1, len(text) + 1) if text[:n] in by_text), default=0)
        if not size:
            break
        found.append(by_text[text[:size]])
        text = text[size:]
    return tuple(found)


@given(st.text("abcé", max_size=12).map(str.encode), st.binary(max_size=3))
def test_without_a_tokenizer_longest_tokens(text, extra):
    table = of_table(TOKENS)
    assert speller(table).spell(text + extra) == naive_longest(table, text + extra)


@given(st.sampled_from(CORPUS), st.data())
def test_behind_its_own_tokens_the_tokenizer_goes_on(text, data):
    """Context that ends where the tokenizer cuts: the spelling is the rest of the tokenizer's ids."""
    whole = ids(text)
    at = data.draw(st.integers(0, len(whole)))
    shown = data.draw(st.integers(max(0, at - LOOK_BACK), at))
    spell = vocabulary().decode
    found = speller(vocabulary()).spell(spell(whole[at:]), context=spell(whole[shown:at]))
    if found != whole[at:]:  # only the tokenizer's own answer to less context may differ
        assert found == ids(spell(whole[shown:]).decode())[-len(found) :]
    if shown == 0:
        assert found == whole[at:]


@given(st.sampled_from(CORPUS), st.data())
def test_whatever_the_border_the_bytes_are_right(text, data):
    """A context that ends within a token, or within a character."""
    raw = text.encode()
    at = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(at, len(raw)))
    before = raw[max(0, at - 20) : at]
    found = vocabulary().decode(speller(vocabulary()).spell(raw[at:end], context=before))
    assert raw[at:end].startswith(found)
    assert len(found) > end - at - 4  # at most an unfinished character is left off


def test_a_token_across_the_border_is_spelled_by_itself():
    """Behind `na` the tokenizer would have written `name`: what is left of it is spelled alone, the rest as always."""
    merged = byte_level("name", "me", '":', special=("</s>",))
    merged.model = models.BPE(
        merged.get_vocab() | {"na": 900}, [("m", "e"), ("n", "a"), ("na", "me"), ('"', ":")]
    )
    table = rg.Vocabulary.from_tokenizer(merged, eos={merged.token_to_id("</s>")})
    spelled = speller(table).spell(b'me":', context=b"na")
    assert [table.token_bytes(i) for i in spelled] == [b"me", b'":']


def test_a_tokenizer_that_puts_a_space_first_is_understood():
    table = of_table(["x", " x", "y", " "])
    spaced = rg.Vocabulary.from_tokens(
        [table.token_bytes(i) for i in range(table.size)],
        eos=table.eos,
        encode=lambda text: [1 if i == 0 else "x y ".index(c) for i, c in enumerate(text)],
    )
    assert speller(spaced).spell(b"yy", context=b"x") == (2, 2)
    assert speller(spaced).spell(b"xy") == (0, 2)  # the first token holds the space: the longest without it


@pytest.mark.parametrize(
    "encode",
    [
        lambda _: [0],  # rewritten: other bytes
        lambda _: [99],  # an id the model does not have
        lambda _: [],
    ],
)
def test_a_tokenizer_that_says_something_else_is_not_followed(encode):
    table = of_table(["a", "ab", "b"])
    odd = rg.Vocabulary.from_tokens([b"a", b"ab", b"b", None], eos={3}, encode=encode)
    assert speller(odd).spell(b"abb") == speller(table).spell(b"abb") == (1, 2)


def naive_healed(vocabulary, tokens, text, legal):
    """Give up the earliest of the last four tokens at whose place a legal token runs past the text, and all behind."""
    texts = [vocabulary.token_bytes(i) for i in range(vocabulary.size)]
    for kept in range(max(0, len(tokens) - 4), len(tokens)):
        tail = text[len(vocabulary.decode(tokens[:kept])) :]
        for token in texts:
            if token and len(token) > len(tail) and token.startswith(tail) and legal(token[len(tail) :]):
                return tokens[:kept]
    return tokens


@given(
    st.lists(st.text("ab", min_size=1, max_size=5), min_size=1, max_size=12, unique=True),
    st.text("ab", min_size=1, max_size=9),
    st.sets(st.text("ab", max_size=3)),
)
def test_healing_equals_trying_every_token(pieces, text, alive):
    """`alive`: what may follow the text; a text lives when all its beginnings do."""
    table = of_table([*dict.fromkeys([*pieces, "a", "b"])])
    one = speller(table)

    def legal(more):
        return all(more[: n + 1].decode() in alive for n in range(len(more)))

    tokens = one.spell(text.encode())
    assert one.heal(tokens, text.encode(), legal) == naive_healed(table, tokens, text.encode(), legal)


def test_a_token_that_would_be_cut_elsewhere_is_given_up():
    """`":[` may become `":`, `["`: no token begins with `":[` and runs past it, but one that begins within it does."""
    encoder = byte_level('":', '":[', '["')
    encoder.model = models.BPE(encoder.get_vocab(), [("[", '"'), ('"', ":"), ('":', "[")])
    table = rg.Vocabulary.from_tokenizer(encoder, eos={encoder.token_to_id("</s>")})
    one = speller(table)
    tokens = one.spell(b'":[')
    assert [table.token_bytes(i) for i in tokens] == [b'":[']
    assert one.heal(tokens, b'":[', lambda more: more == b'"') == ()
    assert one.heal(tokens, b'":[', lambda more: more == b"{") == tokens
