"""Placeholders and ends of turns, by name."""

import pytest

from ruvllm_grammar.vocab.names import STOPS, reserved_ids, stop_names

PLACEHOLDERS = [
    "[PAD151646]",
    "[unused7]",
    "<unused0>",
    "<unused_12>",
    "<|reserved_special_token_0|>",
    "<|reserved_200|>",
    "<|reserved|>",
    "<reserved_106>",
    "<|text_post_train_reserved_special_token_3|>",
    "<|dummy_12|>",
    "<dummy00001>",
    "<|placeholder1|>",
    "<|extra_0|>",
    "<extra_id_99>",
    "<SPECIAL_999>",
    "<｜place▁holder▁no▁7｜>",
]
TEXTS = [
    "[PAD]",
    "[1]",
    "<1>",
    "<h1>",
    "<tool_call>",
    "<extra>",
    "[unused]",
    "x<unused0>",
    "<unused0>.",
    "<",
    "<|",
]


@pytest.mark.parametrize("name", PLACEHOLDERS)
def test_placeholders(name):
    assert reserved_ids([b"a", None, name.encode()]) == {2}


@pytest.mark.parametrize("text", TEXTS)
def test_ordinary_texts_are_no_placeholders(text):
    assert reserved_ids([text.encode()]) == set()


def test_bytes_that_are_no_text_are_no_placeholders():
    assert reserved_ids([b"<\xff1>", b"", b"[\xc3]"]) == set()


@pytest.mark.parametrize("name", sorted(STOPS))
def test_each_stop_counts_alone(name):
    assert stop_names({name, "<s>"}) == {name}


def test_in_harmony_the_end_of_a_message_does_not_end_the_turn():
    assert stop_names({"<|start|>", "<|end|>", "<|return|>", "<|call|>"}) == {"<|return|>", "<|call|>"}
    assert stop_names({"<|user|>", "<|end|>", "<|endoftext|>"}) == {"<|end|>", "<|endoftext|>"}
