"""Tekken files, and the real one against mistral-common itself."""

import base64
import json

import pytest
from support.real_vocabularies import tekken, tekken_file

from ruvllm_grammar.errors import VocabularyError
from ruvllm_grammar.vocab import Vocabulary


def describe(**changes):
    described = {
        "config": {"default_vocab_size": 7, "default_num_special_tokens": 4, "pattern": "."},
        "vocab": [
            {"rank": i, "token_bytes": base64.b64encode(text).decode(), "token_str": None}
            for i, text in enumerate([b"a", b"\xff", b"[PAD3]", b"beyond the size"])
        ],
        "special_tokens": [{"rank": 0, "token_str": "<unk>"}, {"rank": 1, "token_str": "</s>"}],
    }
    return described | changes


def test_special_tokens_come_first_and_ranks_are_cut_at_the_size(tmp_path):
    path = tmp_path / "tekken.json"
    path.write_text(json.dumps(describe()))
    vocabulary = Vocabulary.from_tekken_file(path, size=8)
    assert [vocabulary.token_bytes(i) for i in range(8)] == [
        None,
        None,
        None,
        None,
        b"a",
        b"\xff",
        None,
        None,
    ]
    assert (vocabulary.eos, vocabulary.special) == ({1}, {0, 1, 2, 3, 6, 7})
    assert dict(vocabulary.names) == {
        "<unk>": 0,
        "</s>": 1,
        "<SPECIAL_2>": 2,
        "<SPECIAL_3>": 3,
        "[PAD3]": 6,
    }


@pytest.mark.parametrize("content", ["", "[]", "{}", json.dumps(describe(vocab=[{"rank": 0}]))])
def test_refusals(tmp_path, content):
    path = tmp_path / "tekken.json"
    path.write_text(content)
    with pytest.raises(VocabularyError) as refusal:
        Vocabulary.from_tekken_file(path)
    assert str(refusal.value) == f"tokenizer file {path}: not a Tekken file: fetch it again"


def test_the_real_file_is_what_mistral_common_says():
    module = pytest.importorskip("mistral_common.tokens.tokenizers.tekken")
    tekkenizer = module.Tekkenizer.from_file(tekken_file())
    vocabulary = tekken()
    assert vocabulary.size == tekkenizer.n_words == 131_072
    assert [vocabulary.token_bytes(i) for i in range(vocabulary.size)] == [
        tekkenizer.id_to_byte_piece(i) or None for i in range(vocabulary.size)
    ]
    assert dict(vocabulary.names) == {tekkenizer.id_to_piece(i): i for i in range(1000)}
    assert (vocabulary.eos, vocabulary.special) == ({tekkenizer.eos_id}, set(range(1000)))
    assert Vocabulary.from_tokenizer(tekkenizer).fingerprint == vocabulary.fingerprint


def test_mistrals_wrappers_are_the_same():
    mistral = pytest.importorskip("mistral_common.tokens.tokenizers.mistral")
    tokenizer = mistral.MistralTokenizer.from_file(str(tekken_file()))
    assert Vocabulary.from_tokenizer(tokenizer).fingerprint == tekken().fingerprint
