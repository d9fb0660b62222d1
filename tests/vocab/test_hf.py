"""Fast Hugging Face tokenizers beyond the ten rules: random vocabularies, real classes, and files that do not fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tokenizers_in_memory import MARK, byte_fallback, byte_level, in_alphabet, unigram, word_piece
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from ruvllm_grammar.errors import VocabularyError
from ruvllm_grammar.vocab import Vocabulary

BYTE_LEVEL, BYTE_FALLBACK = byte_level(), byte_fallback()
TEXT_OF_BYTE_LEVEL = Vocabulary.from_tokenizer(BYTE_LEVEL)
TEXT_OF_BYTE_FALLBACK = Vocabulary.from_tokenizer(BYTE_FALLBACK)
text = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.sets(st.binary(min_size=2, max_size=8)))
def test_any_bytes_survive_the_alphabet(tokens):
    tokenizer = byte_level(*map(in_alphabet, tokens))
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    found = [vocabulary.token_bytes(i) for i in range(256, 256 + len(tokens))]
    assert found == list(tokens)


@given(text)
def test_ids_of_any_text_spell_it(written):
    ids = BYTE_LEVEL.encode(written, add_special_tokens=False).ids
    if TEXT_OF_BYTE_LEVEL.special.isdisjoint(ids):  # a text may spell a special token's name
        assert TEXT_OF_BYTE_LEVEL.decode(ids) == written.encode()
    ids = BYTE_FALLBACK.encode(written, add_special_tokens=False).ids
    if written and MARK not in written and TEXT_OF_BYTE_FALLBACK.special.isdisjoint(ids):
        assert TEXT_OF_BYTE_FALLBACK.decode(ids) == b" " + written.encode()


def test_a_real_wrapper():
    backend = byte_level("Ġx", special=["<s>", "</s>"], added=["<tool_call>"])
    roles = {"bos_token": "<s>", "eos_token": "</s>"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **roles)
    vocabulary = Vocabulary.from_tokenizer(tokenizer, size=300)
    assert vocabulary.token_bytes(256) == b" x"
    assert vocabulary.token_bytes(259) == b"<tool_call>"
    assert (vocabulary.eos, dict(vocabulary.names)) == ({258}, {"<s>": 257, "</s>": 258})
    assert vocabulary.special == {257, 258, *range(260, 300)}


@pytest.mark.parametrize("make", [byte_level, byte_fallback, unigram, word_piece])
def test_the_bare_tokenizer_and_the_wrapped_one_are_the_same(make):
    bare = Vocabulary.from_tokenizer(make(), eos={0})
    assert bare.fingerprint == Vocabulary.from_tokenizer(_Wrapper(make()), eos={0}).fingerprint


class _Wrapper:
    def __init__(self, tokenizer):
        self.backend_tokenizer = tokenizer


def test_the_unknown_token_is_not_text():
    vocabulary = Vocabulary.from_tokenizer(unigram())
    assert vocabulary.special_id("<unk>") == 0
    assert Vocabulary.from_tokenizer(byte_fallback(special=["</s>"])).special == {0, 2}


def test_a_unigram_piece_may_stand_there_twice():
    vocabulary = Vocabulary.from_tokenizer(unigram("ab", "ab"))
    assert [i for i in range(vocabulary.size) if vocabulary.token_bytes(i) == b"ab"] == [96, 97]


def test_normalisers_that_rewrite_the_text_prove_nothing_and_disprove_nothing():
    tokenizer = byte_level()
    tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.NFKC()])
    assert (
        Vocabulary.from_tokenizer(tokenizer).fingerprint
        == Vocabulary.from_tokenizer(byte_level()).fingerprint
    )


def test_a_prefix_space_of_the_byte_level_is_virtual_too():
    tokenizer = byte_level()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.ByteLevel(add_prefix_space=True)])
    assert (
        Vocabulary.from_tokenizer(tokenizer).fingerprint
        == Vocabulary.from_tokenizer(byte_level()).fingerprint
    )


# ----------------------------------------------------------------------------- files and classes that do not
# fit


def test_a_byte_level_file_loaded_as_sentencepiece_is_refused():
    # transformers #46686: tokenizer.json of a byte-level model in the class LlamaTokenizerFast, silently
    # garbled
    pieces = {
        piece: i for i, piece in enumerate([*map(in_alphabet, (bytes([b]) for b in range(256))), "</s>"])
    }
    tokenizer = Tokenizer(models.BPE(pieces, []))
    tokenizer.normalizer = normalizers.Replace(" ", MARK)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(MARK, " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    with pytest.raises(VocabularyError) as refusal:
        Vocabulary.from_tokenizer(_Wrapper(tokenizer), eos={256})
    assert str(refusal.value) == (
        "tokenizer _Wrapper: the pieces are byte-level but the decoder is SentencePiece: the loaded class does not "
        "fit the tokenizer file; load it with PreTrainedTokenizerFast(tokenizer_file=...)"
    )


def test_a_sentencepiece_file_loaded_as_byte_level_is_refused():
    tokenizer = Tokenizer(models.BPE({MARK: 0, "a": 1, "</s>": 2}, []))
    tokenizer.decoder = decoders.ByteLevel()
    with pytest.raises(VocabularyError, match="the pieces are SentencePiece but the decoder is byte-level"):
        Vocabulary.from_tokenizer(tokenizer, eos={2})


def test_an_encoder_that_spells_something_else_is_refused():
    tokenizer = byte_level()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()  # drops the spaces
    with pytest.raises(VocabularyError) as refusal:
        Vocabulary.from_tokenizer(tokenizer)
    ids = tokenizer.encode("Hello, world", add_special_tokens=False).ids
    assert str(refusal.value) == (
        f"tokenizer Tokenizer: 'Hello, world' is encoded to {ids}, which spell b'Hello,world': the loaded class "
        "does not fit the tokenizer file; load it with PreTrainedTokenizerFast(tokenizer_file=...), or give the "
        "exact bytes to Vocabulary.from_tokens"
    )


def test_a_probe_that_meets_a_special_token_proves_nothing():
    tokenizer = byte_level(special=["Hello", "</s>"])
    assert Vocabulary.from_tokenizer(tokenizer).special == {256, 257}


def test_a_vocabulary_too_small_for_the_probes_is_read_all_the_same():
    tokenizer = Tokenizer(models.BPE({"a": 0, "b": 1, "ab": 2, "</s>": 3}, [("a", "b")]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    vocabulary = Vocabulary.from_tokenizer(tokenizer, eos={3})
    assert [vocabulary.token_bytes(i) for i in range(4)] == [b"a", b"b", b"ab", None]
