"""Files of ranks, encodings with holes, and the real ones against tiktoken itself."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.real_vocabularies import LLAMA3_SPECIAL, QWEN_SPECIAL, llama3, llama3_file, qwen, qwen_file

from ruvllm_grammar.errors import VocabularyError
from ruvllm_grammar.vocab import Vocabulary

tiktoken = pytest.importorskip("tiktoken")


def write(path, tokens):
    path.write_bytes(b"".join(base64.b64encode(text) + f" {i}\n".encode() for text, i in tokens))
    return path


@pytest.fixture
def file(tmp_path):
    return write(tmp_path / "toy.tiktoken", [(b"a", 0), (b"\xff\xfe", 1), (b"<|im_end|>", 2), (b"[PAD7]", 4)])


def test_the_rank_is_the_id(file):
    vocabulary = Vocabulary.from_tiktoken_file(file, special_tokens={"<|end|>": 6, "<s>": 3})
    assert [vocabulary.token_bytes(i) for i in range(7)] == [
        b"a",
        b"\xff\xfe",
        b"<|im_end|>",
        None,
        None,
        None,
        None,
    ]
    assert (vocabulary.eos, vocabulary.special) == ({6}, {3, 4, 5, 6})
    assert dict(vocabulary.names) == {"<s>": 3, "[PAD7]": 4, "<|end|>": 6}


def test_names_alone_take_the_ids_after_the_last_rank(file):
    vocabulary = Vocabulary.from_tiktoken_file(file, special_tokens=["<s>", "<|eot_id|>"], size=10)
    assert (vocabulary.special_id("<s>"), vocabulary.eos, vocabulary.size) == (5, {6}, 10)


@pytest.mark.parametrize(
    ("content", "special", "message"),
    [
        (b"YQ== 0\n\nYg==\n", (), "tokenizer file {}, line 3: expected base64 and a rank, found b'Yg=='"),
        (b"Y! 0\n", (), "tokenizer file {}, line 1: expected base64 and a rank, found b'Y! 0'"),
        (b"YQ== x\n", (), "tokenizer file {}, line 1: expected base64 and a rank, found b'YQ== x'"),
        (b"YQ== 0\nYmM= 0\n", (), "tokenizer file {}: id 0 is negative or given to two tokens"),
        (b"YQ== -1\n", (), "tokenizer file {}: id -1 is negative or given to two tokens"),
        (b"YQ== 0\n", {"<s>": 0}, "tokenizer file {}: id 0 of '<s>' is taken: correct special_tokens"),
        (b"YQ== 0\n", {"<s>": -1}, "tokenizer file {}: id -1 of '<s>' is taken: correct special_tokens"),
    ],
)
def test_refusals(tmp_path, content, special, message):
    path = tmp_path / "damaged"
    path.write_bytes(content)
    with pytest.raises(VocabularyError) as refusal:
        Vocabulary.from_tiktoken_file(path, special_tokens=special)
    assert str(refusal.value).startswith(message.format(path))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(VocabularyError) as refusal:
        Vocabulary.from_tiktoken_file(tmp_path / "none")
    assert (
        str(refusal.value) == f"cannot read the tokenizer file {tmp_path / 'none'}: No such file or directory"
    )


def encoding(special, pieces=(), name="toy"):
    ranks = {bytes([b]): b for b in range(256)} | {piece: 256 + i for i, piece in enumerate(pieces)}
    return tiktoken.Encoding(name, pat_str=r"\w+|\s+|.", mergeable_ranks=ranks, special_tokens=special)


def test_an_encoding_may_have_holes():
    vocabulary = Vocabulary.from_tokenizer(encoding({"<|endoftext|>": 300, "<|im_end|>": 302}, [b"ab"]))
    assert [vocabulary.token_bytes(i) for i in range(256)] == [bytes([b]) for b in range(256)]
    assert vocabulary.token_bytes(256) == b"ab"
    assert vocabulary.special == set(range(257, 303))
    assert vocabulary.eos == {300, 302}


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_ids_of_any_text_spell_it(written):
    encoded = BYTES.encode_ordinary(written)
    assert TEXT.decode(encoded) == written.encode()


BYTES = encoding({"</s>": 259}, [b"ab", b" a", b"\xc3"])
TEXT = Vocabulary.from_tokenizer(BYTES)


class RemoteCode:
    """What a model repository brings around tiktoken: xgrammar #484 took its bytes for plain text."""

    def __init__(self, inner):
        self.model = inner
        self.eos_token_id = 257


def test_wrappers_are_looked_into():
    inner = encoding({"<|end_of_something|>": 257, "<s>": 256})
    vocabulary = Vocabulary.from_tokenizer(RemoteCode(inner), size=258)
    assert vocabulary.eos == {257}
    assert vocabulary.token_bytes(0xE9) == b"\xe9"


# ------------------------------------------------------------------------------------------------ real
# vocabularies


@pytest.mark.parametrize(
    ("vocabulary", "file", "special"),
    [(llama3, llama3_file, LLAMA3_SPECIAL), (qwen, qwen_file, QWEN_SPECIAL)],
    ids=["llama3", "qwen"],
)
def test_a_real_file_line_by_line(vocabulary, file, special):
    ranks = {}
    for line in file().read_text().splitlines():
        text, rank = line.split()
        ranks[int(rank)] = base64.b64decode(text)
    read = vocabulary()
    assert [read.token_bytes(i) for i in range(read.size)] == [ranks.get(i) for i in range(read.size)]
    assert dict(read.names) == {name: len(ranks) + i for i, name in enumerate(special)}
    assert read.special == set(range(len(ranks), read.size))
    assert read.missing_bytes == ()


def test_sizes_and_stops_of_the_real_ones():
    assert (llama3().size, sorted(llama3().eos)) == (128_256, [128_001, 128_008, 128_009])
    assert (qwen().size, sorted(qwen().eos)) == (151_936, [151_643, 151_645])


def test_the_tokenizer_of_llama_models_is_the_same():
    module = pytest.importorskip("llama_models.llama3.tokenizer")
    tokenizer = module.Tokenizer.get_instance()
    for held in (tokenizer, tokenizer.model):
        vocabulary = Vocabulary.from_tokenizer(held)
        assert vocabulary.fingerprint == llama3().fingerprint
        assert dict(vocabulary.names) == dict(llama3().names)
    assert llama3().eos == set(tokenizer.stop_tokens)


def test_the_tokenizer_of_dashscope_is_the_same():
    module = pytest.importorskip("dashscope.tokenizers.qwen_tokenizer")
    tokenizer = module.QwenTokenizer(str(qwen_file()))
    assert Vocabulary.from_tokenizer(tokenizer, size=151_936).fingerprint == qwen().fingerprint
