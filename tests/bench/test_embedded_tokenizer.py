"""The tokenizer's promise: a value has the same tokens wherever it stands, and no text is lost."""

from __future__ import annotations

from functools import cache
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ruvllm_grammar as rg
from bench.embedded_model import tokenizer as tokenizers
from bench.embedded_model.batches import encode
from bench.embedded_model.chat_format import MARKS, SPECIAL, prompt, render
from bench.embedded_model.mixture import example


@cache
def trained():
    """Trained on a fraction of the data, which is enough for 2,048 tokens."""
    return tokenizers.train(examples=200)


@pytest.fixture(scope="module")
def small():
    return trained()


@pytest.fixture(scope="module")
def wrapped(small):
    return tokenizers.wrapped(small)


@pytest.fixture(scope="module")
def saved(small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizers.save(small, folder)
    return folder


def test_size_and_marks(small):
    assert small.get_vocab_size() == tokenizers.SIZE
    for text in (*SPECIAL, *MARKS):
        assert len(small.encode(text).ids) == 1


@pytest.mark.parametrize(
    "value", ["Oslo", "blue lantern", "KX-4711", "ada.lovelace@x.org", "3.14", "naïve", "東京"]
)
def test_a_value_has_the_same_tokens_after_a_blank_as_after_a_quotation_mark(small, value):
    tokens = small.encode(value).ids
    count = len(tokens)
    for before, after in ((" ", " "), ('"', '"'), ("", ""), ("\n", "\n"), (" ", '"')):
        ids = small.encode(f"a{before or ' '}{value}{after}").ids
        assert any(ids[at : at + count] == tokens for at in range(len(ids)))


def test_digits_and_blanks_stand_alone(small):
    texts = [small.decode([token]) for token in range(small.get_vocab_size())]
    ordinary = [text for text in texts if text not in (*SPECIAL, *MARKS)]
    assert [
        text for text in ordinary if len(text) > 1 and any(char.isdigit() or char.isspace() for char in text)
    ] == []
    mixed = [
        text for text in ordinary if any(c.isalpha() for c in text) and not all(c.isalpha() for c in text)
    ]
    assert mixed == []


@given(st.text(st.characters(exclude_categories=("Cs",))))
def test_every_text_comes_back(text):
    tokenizer = trained()
    assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False) == text


def test_the_same_seed_gives_the_same_tokenizer(small):
    assert tokenizers.train(examples=200).to_str() == small.to_str()


def test_pieces_are_letters(small):
    pieces = tokenizers.pieces(small)
    assert len(pieces) > 1000
    assert all(piece.isalpha() for piece in pieces)


@pytest.mark.parametrize("stage", ["easy", "base", "wide"])
def test_encoding_piece_by_piece_is_encoding_the_whole(small, stage):
    for seed in range(10):
        made = example(stage, Random(seed))
        ids, learn = encode(small, made)
        pieces = render(made.messages, made.tools)
        assert ids == small.encode("".join(text for text, _ in pieces)).ids
        learned = [token for token, own in zip(ids, learn, strict=True) if own]
        assert small.decode(learned, skip_special_tokens=False) == "".join(
            text for text, own in pieces if own
        )


@pytest.mark.parametrize("stage", ["easy", "base", "wide"])
def test_the_chat_template_writes_what_training_saw(wrapped, stage):
    for seed in range(15):
        made = example(stage, Random(seed))
        written = wrapped.apply_chat_template(made.messages, tools=made.tools or None, tokenize=False)
        assert written == "".join(text for text, _ in render(made.messages, made.tools))


def test_the_template_takes_what_clients_send(wrapped):
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    messages = [
        {"role": "user", "content": "?"},
        {"role": "assistant", "content": None, "tool_calls": [call, call]},
        {"role": "tool", "tool_call_id": "1", "content": "x"},
        {"role": "tool", "tool_call_id": "1", "content": "y"},
    ]
    text = wrapped.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert text == (
        "<|im_start|>user\n?<|im_end|>\n"
        '<|im_start|>assistant\n<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>\n'
        '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call><|im_end|>\n'
        "<|im_start|>user\n<tool_response>\nx\n</tool_response>\n<tool_response>\ny\n</tool_response><|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_prompts_end_where_the_answer_begins():
    assert (
        prompt([{"role": "user", "content": "Hi."}])
        == "<|im_start|>user\nHi.<|im_end|>\n<|im_start|>assistant\n"
    )


def test_the_vocabulary_has_exact_bytes_and_marks_are_text(saved):
    from transformers import AutoTokenizer

    read = AutoTokenizer.from_pretrained(str(saved))
    vocabulary = rg.Vocabulary.from_tokenizer(read, size=tokenizers.SIZE)
    text = '<tool_call>\n{"name": "naïve", "n": 42}\n</tool_call>'
    ids = read.encode(text)
    assert b"".join(vocabulary.token_bytes(token) for token in ids) == text.encode()
    assert not vocabulary.token_bytes(read.convert_tokens_to_ids("<|im_end|>"))
