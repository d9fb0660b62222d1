"""The vocabulary argument of `ruvllm-grammar`: every kind of file, told by what it holds, and what is none."""

from __future__ import annotations

import base64
import json

import pytest
from support.real_vocabularies import qwen_file, sentencepiece_v3_file, tekken_file
from support.tokenizers_in_memory import byte_level

from ruvllm_grammar.cli.report import InputError
from ruvllm_grammar.cli.vocabularies import load
from ruvllm_grammar.errors import VocabularyError
from ruvllm_grammar.vocab import Vocabulary


def read(name, eos=None, size=None):
    return load(str(name), eos=eos, size=size)


def described(vocabulary):
    return vocabulary.size, sorted(vocabulary.eos), dict(vocabulary.names)


@pytest.fixture
def model(tmp_path):
    """A folder as `save_pretrained` writes it; ids: 256 bytes, 256 `</s>`."""
    byte_level().save(str(tmp_path / "tokenizer.json"))

    def configs(**files):
        for name, value in files.items():
            (tmp_path / f"{name}.json").write_text(json.dumps(value))
        return tmp_path

    return configs


def ranks(path, count=256):
    path.write_bytes(b"".join(base64.b64encode(bytes([i])) + b" %d\n" % i for i in range(count)))
    return path


def test_bytes():
    vocabulary = read("bytes")
    assert described(vocabulary) == (257, [256], {"<eos>": 256})
    assert vocabulary.decode(range(256)) == bytes(range(256))
    with pytest.raises(InputError, match="for tokenizers"):
        read("bytes", eos=[3])


def test_a_tokenizer_json_alone(model):
    folder = model(config={"vocab_size": 300})
    alone = read(folder / "tokenizer.json")
    assert described(alone) == (257, [256], {"</s>": 256})
    assert alone.fingerprint == Vocabulary.from_tokenizer(byte_level()).fingerprint
    assert described(read(folder / "tokenizer.json", eos=[10], size=260)) == (
        260,
        [10],
        {"</s>": 256, "\n": 10},
    )


def test_a_folder_knows_more(model):
    folder = model(
        config={"vocab_size": 300, "eos_token_id": 1},
        generation_config={"eos_token_id": [5, 256]},
        tokenizer_config={
            "pad_token": "~",
            "unk_token": None,
            "eos_token": {"content": "</s>"},
            "added_tokens_decoder": {
                "257": {"content": "<tool>", "special": True},
                "258": {"content": "xyz", "special": False},
                "256": {"content": "</s>", "special": True},
            },
        },
    )
    vocabulary = read(folder)
    tilde = byte_level().token_to_id("~")
    assert (vocabulary.size, sorted(vocabulary.eos)) == (300, [5, 256])
    assert {name: vocabulary.names[name] for name in ("</s>", "<tool>", "~")} == {
        "</s>": 256,
        "<tool>": 257,
        "~": tilde,
    }
    assert (vocabulary.token_bytes(tilde), vocabulary.token_bytes(258)) == (None, b"xyz")
    assert read(folder, eos=[256]).eos == {256}


def test_stops_of_a_model_without_generation_config(model):
    assert read(model(config={"eos_token_id": 7, "text_config": {"vocab_size": 299}})).eos == {7, 256}
    assert read(model()).size == 299


def test_added_tokens_that_do_not_fit(model):
    folder = model(tokenizer_config={"added_tokens_decoder": {"400": {"content": "<far>", "special": True}}})
    with pytest.raises(VocabularyError, match=r"gives id 400 to '<far>', which does not fit tokenizer\.json"):
        read(folder)


def test_the_libraries_agree(model):
    """The same folder through `transformers` gives the same vocabulary."""
    transformers = pytest.importorskip("transformers")
    folder = model(
        tokenizer_config={"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "</s>", "pad_token": "~"}
    )
    theirs = transformers.PreTrainedTokenizerFast.from_pretrained(str(folder))
    assert read(folder).fingerprint == Vocabulary.from_tokenizer(theirs).fingerprint


def test_tiktoken(tmp_path):
    file = ranks(tmp_path / "ranks")
    assert described(read(file, eos=[256])) == (257, [256], {})
    assert described(read(file, eos=[300], size=310)) == (310, [300], {})
    with pytest.raises(InputError, match=r"does not say which token ends a text; give its id with --eos ID"):
        read(file)
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": 257}')
    file.rename(tmp_path / "qwen.tiktoken")
    assert described(read(tmp_path)) == (258, [257], {})


def test_real_files_of_other_kinds():
    assert described(read(tekken_file()))[:2] == (131_072, [2])
    assert described(read(sentencepiece_v3_file()))[:2] == (32_768, [2])
    assert described(read(qwen_file(), eos=[151_643], size=151_936))[:2] == (151_936, [151_643])


def test_an_end_token_outside(tmp_path):
    with pytest.raises(VocabularyError) as caught:
        read(ranks(tmp_path / "ranks"), eos=[300], size=200)
    assert str(caught.value) == (
        "eos id 300 is not in 0 .. 199: correct it, or pass the logits width as size (here with --eos ID and --size N)"
    )


def test_no_end_token_is_known(tmp_path):
    byte_level(special=()).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(
        VocabularyError, match=r"no end-of-sequence id is known.*\(here with --eos ID and --size N\)"
    ):
        read(tmp_path)
    assert read(tmp_path, eos=[10]).eos == {10}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x", b"hello", "not a tokenizer; give `bytes`, or"),
        ("x", b"", "not a tokenizer; give `bytes`, or"),
        ("x", b'{"a": 1}', "JSON, but no tokenizer; give `bytes`, or"),
        ("x", b'{"a": ', "not JSON (Expecting value: line 1 column 7 (char 6)); fetch the file again"),
        ("x", b'{"model": {"type": "BPE"}}', "not a tokenizer.json ("),
    ],
)
def test_what_is_none(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        read(tmp_path / name)
    assert str(caught.value).startswith(f"{tmp_path / name}: {message}")


def test_a_damaged_sentencepiece_model(tmp_path):
    (tmp_path / "tokenizer.model").write_bytes(b"\n\x0ehello")
    with pytest.raises(VocabularyError, match="not a SentencePiece model"):
        read(tmp_path)


def test_folders_without_and_with_several(tmp_path):
    with pytest.raises(InputError, match="no tokenizer file in this folder"):
        read(tmp_path)
    ranks(tmp_path / "a.tiktoken")
    ranks(tmp_path / "b.tiktoken")
    with pytest.raises(
        InputError, match=r"several tokenizer files \(a.tiktoken, b.tiktoken\); name the one to read"
    ):
        read(tmp_path)
    with pytest.raises(InputError, match="no such file or folder"):
        read(tmp_path / "none")


def test_transformers_is_not_imported(model):
    """The folder is read without it: what `import tokenizers` brings is enough."""
    import subprocess
    import sys

    program = (
        "import sys; from ruvllm_grammar.cli.vocabularies import load; "
        "load(sys.argv[1], eos=None, size=None); print('transformers' in sys.modules, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(model())], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False False\n"
