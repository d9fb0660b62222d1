"""Real vocabularies after transformers has converted them: the bytes are those of the files, id for id."""

import shutil

import pytest
from support.real_vocabularies import (
    LLAMA3_SPECIAL,
    llama3,
    llama3_file,
    sentencepiece_v3,
    sentencepiece_v3_file,
    tekken,
    tekken_file,
)

from ruvllm_grammar.vocab import Vocabulary

transformers = pytest.importorskip("transformers")

LLAMA3_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
    r"\s+(?!\S)|\s+"
)
SAMPLES = ['{"a": [1, "é\\n", null]}', "def f(x):\n\treturn x  # 日本語 😀\r\n", "  leading and trailing  "]


def same(tokenizer, vocabulary, *, virtual_space=b""):
    found = Vocabulary.from_tokenizer(tokenizer, size=vocabulary.size)
    assert [found.token_bytes(i) for i in range(found.size)] == [
        vocabulary.token_bytes(i) for i in range(found.size)
    ]
    assert (found.special, found.eos, dict(found.names)) == (
        vocabulary.special,
        vocabulary.eos,
        dict(vocabulary.names),
    )
    assert found.fingerprint == vocabulary.fingerprint
    for text in SAMPLES:
        ids = tokenizer.encode(text, add_special_tokens=False)
        assert found.decode(ids).removeprefix(virtual_space) == text.encode().removeprefix(virtual_space)


def test_sentencepiece(tmp_path):
    pytest.importorskip("google.protobuf")
    shutil.copy(sentencepiece_v3_file(), tmp_path / "tokenizer.model")
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "LlamaTokenizer"}')
    same(transformers.AutoTokenizer.from_pretrained(tmp_path), sentencepiece_v3(), virtual_space=b" ")


@pytest.mark.slow
def test_llama3():
    module = pytest.importorskip("transformers.convert_slow_tokenizer")
    converter = module.TikTokenConverter(
        vocab_file=str(llama3_file()), pattern=LLAMA3_PATTERN, extra_special_tokens=list(LLAMA3_SPECIAL)
    )
    same(transformers.PreTrainedTokenizerFast(tokenizer_object=converter.converted()), llama3())


@pytest.mark.slow
def test_tekken(tmp_path):
    shutil.copy(tekken_file(), tmp_path / "tekken.json")
    same(transformers.AutoTokenizer.from_pretrained(tmp_path), tekken())


def test_a_slow_sentencepiece_class_with_a_token_of_its_own():
    module = pytest.importorskip("transformers.tokenization_utils_sentencepiece")
    roles = {"eos_token": "</s>", "unk_token": "<unk>"}
    tokenizer = module.SentencePieceBackend(vocab_file=str(sentencepiece_v3_file()), **roles)
    tokenizer.add_tokens(["<tool>"])
    vocabulary, of_model = Vocabulary.from_tokenizer(tokenizer), sentencepiece_v3()
    assert vocabulary.size == of_model.size + 1
    assert vocabulary.token_bytes(of_model.size) == b"<tool>"
    assert vocabulary.special == of_model.special
    assert vocabulary.data.tobytes() == of_model.data.tobytes() + b"<tool>"


def test_transformers_wrapper_of_mistral_common(tmp_path):
    module = pytest.importorskip("transformers.tokenization_mistral_common")
    shutil.copy(tekken_file(), tmp_path / "tekken.json")
    tokenizer = module.MistralCommonBackend(tokenizer_path=tmp_path / "tekken.json")
    assert Vocabulary.from_tokenizer(tokenizer).fingerprint == tekken().fingerprint
