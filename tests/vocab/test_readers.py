"""Which reader takes which object, and what the object around it adds."""

from types import SimpleNamespace

import pytest
from support.tokenizers_in_memory import byte_level

from ruvllm_grammar.errors import VocabularyError
from ruvllm_grammar.vocab import Vocabulary


@pytest.mark.parametrize(
    "nothing", [object(), None, "gpt2", {"a": 0}, SimpleNamespace(tokenizer=SimpleNamespace())]
)
def test_what_is_no_tokenizer_is_refused(nothing):
    with pytest.raises(VocabularyError) as refusal:
        Vocabulary.from_tokenizer(nothing)
    assert str(refusal.value) == (
        f"{type(nothing).__name__} is not a tokenizer whose bytes can be read: pass a fast Hugging Face tokenizer, "
        "a SentencePiece, Tekken or tiktoken one, or use Vocabulary.from_tokens"
    )


def test_an_object_that_contains_itself_is_refused():
    endless = SimpleNamespace()
    endless.tokenizer = endless
    with pytest.raises(VocabularyError, match=r"^SimpleNamespace is not a tokenizer"):
        Vocabulary.from_tokenizer(endless)


@pytest.mark.parametrize("stops", [256, [256], {256}, (256, 256)])
def test_stop_ids_of_any_form(stops):
    tokenizer = SimpleNamespace(backend_tokenizer=byte_level(special=["<x>"]), eos_token_id=stops)
    assert Vocabulary.from_tokenizer(tokenizer).eos == {256}


def test_methods_named_like_stop_ids_are_not_called():
    tokenizer = SimpleNamespace(
        backend_tokenizer=byte_level(special=["</s>"]), eos_id=lambda: 7, stop_tokens=None
    )
    assert Vocabulary.from_tokenizer(tokenizer).eos == {256}


class Encoding:
    """The methods of tiktoken.Encoding that are used."""

    name = "toy"
    n_vocab = 257
    encode_ordinary = staticmethod(str.encode)
    is_special_token = staticmethod((256).__eq__)

    @staticmethod
    def decode_single_token_bytes(i):
        return bytes([i]) if i < 256 else b"</s>"


def test_tokens_added_to_the_outer_object():
    added = {
        256: SimpleNamespace(content="</s>", special=True),
        65: SimpleNamespace(content="A", special=False),
        258: SimpleNamespace(content="<tool>", special=False),
        259: SimpleNamespace(content="<s>", special=True),
    }
    vocabulary = Vocabulary.from_tokenizer(SimpleNamespace(model=Encoding, added_tokens_decoder=added))
    assert (vocabulary.size, vocabulary.eos, vocabulary.special) == (260, {256}, {256, 257, 259})
    assert vocabulary.token_bytes(65) == b"A"
    assert vocabulary.token_bytes(258) == b"<tool>"
    assert dict(vocabulary.names) == {"</s>": 256, "<s>": 259}
