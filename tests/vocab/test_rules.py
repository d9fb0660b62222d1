"""The ten rules of exact bytes, one test or more each; what other engines are known to do wrong stands
beside.

"The peers" are llguidance, xgrammar and outlines, measured on the same cases; issue numbers name their
repositories.
"""

import pytest
from support.tokenizers_in_memory import (
    ALPHABET,
    MARK,
    byte_fallback,
    byte_level,
    in_alphabet,
    unigram,
    with_added,
    word_piece,
    wrapped,
)
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from ruvllm_grammar.errors import VocabularyError
from ruvllm_grammar.vocab import Vocabulary


def spelled(tokenizer, piece, **changes):
    """The bytes of the token whose piece or content is given."""
    return Vocabulary.from_tokenizer(tokenizer, **changes).token_bytes(tokenizer.token_to_id(piece))


# ------------------------------------------------------------- 1. from the serialised tokenizer, never from
# decode


def test_rule_1_tokens_that_are_not_utf8_keep_their_bytes():
    half = in_alphabet("é".encode()[:1] + b"x")  # outlines: all such tokens collapse into U+FFFD
    tokenizer = byte_level(half)
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    assert [vocabulary.token_bytes(i) for i in range(256)] == [bytes([b]) for b in range(256)]
    assert vocabulary.token_bytes(256) == b"\xc3x"
    assert tokenizer.decode([256]) == "\N{REPLACEMENT CHARACTER}x"


def test_rule_1_leading_spaces_are_not_stripped():
    tokenizer = byte_fallback(f"{MARK}Hello")
    assert spelled(tokenizer, f"{MARK}Hello") == b" Hello"
    assert tokenizer.decode([tokenizer.token_to_id(f"{MARK}Hello")]) == "Hello"


# ------------------------------------------------------------------------- 2. the decoder says what a piece
# spells


@pytest.mark.parametrize(
    "decoder",
    [
        decoders.ByteLevel(),
        decoders.Sequence([decoders.ByteLevel()]),
        decoders.Sequence([decoders.Sequence([decoders.ByteLevel()]), decoders.Fuse()]),
        decoders.Sequence([decoders.ByteLevel(), decoders.Strip(" ", 1, 0)]),
    ],
    ids=["bare", "in a sequence", "nested", "with the text stripped"],
)
def test_rule_2_byte_level(decoder):
    assert spelled(byte_level("Ġcaf\u00c3\u00a9", decoder=decoder), "Ġcaf\u00c3\u00a9") == " café".encode()


def test_rule_2_byte_level_covers_every_byte():
    # guidance #782: the alphabet; lm-format-enforcer #146: "Ł" is one of its characters
    vocabulary = Vocabulary.from_tokenizer(byte_level())
    assert {vocabulary.token_bytes(b): char for b, char in ALPHABET.items()} == {
        bytes([b]): char for b, char in ALPHABET.items()
    }


@pytest.mark.parametrize(
    ("piece", "expected"),
    [
        ("<0x0A>", b"\n"),
        ("<0xE9>", b"\xe9"),  # not UTF-8 on its own; outlines-core #222: "cannot convert token to bytes"
        (MARK, b" "),  # LiteRT-LM #3510: pieces passed raw, so that no space can be produced
        (MARK * 8, b" " * 8),  # llama-cpp-python #2362: became empty
        (f"a{MARK}b", b"a b"),
        ("<0x0>", b"<0x0>"),  # llguidance panics on pieces that begin so
        ("<0x0AA>", b"<0x0AA>"),
        ("<0xGG>", b"<0xGG>"),
        ("x<0x0A>", b"x<0x0A>"),
        ("Ġ", "Ġ".encode()),
        ("é", "é".encode()),
    ],
)
def test_rule_2_byte_fallback(piece, expected):
    assert spelled(byte_fallback(piece), piece) == expected


def test_rule_2_metaspace():
    tokenizer = unigram(f"{MARK}the", "<0x0A>")
    assert spelled(tokenizer, f"{MARK}the") == b" the"
    assert spelled(tokenizer, "<0x0A>") == b"<0x0A>"


def test_rule_2_metaspace_with_byte_pieces_in_the_model():
    assert spelled(unigram(byte_pieces=True), "<0x0A>") == b"\n"


def test_rule_2_word_piece():
    tokenizer = word_piece("hello", "##ing")
    end = {tokenizer.token_to_id("[SEP]")}
    assert spelled(tokenizer, "hello", eos=end) == b" hello"
    assert spelled(tokenizer, "##ing", eos=end) == b"ing"
    assert spelled(tokenizer, "[UNK]", eos=end) is None


@pytest.mark.parametrize(
    "decoder",
    [
        None,
        decoders.CTC(),
        decoders.BPEDecoder(),
        decoders.Fuse(),
        decoders.Replace(Regex("a+"), " "),
        decoders.Sequence([decoders.Replace(MARK, " "), decoders.Strip(" ", 1, 0)]),  # strips every token
        decoders.Sequence([decoders.Fuse(), decoders.Replace("ab", " ")]),  # across tokens
        decoders.Sequence([decoders.ByteLevel(), decoders.ByteFallback()]),
        decoders.Sequence([decoders.ByteLevel(), decoders.Replace("a", "b")]),
    ],
    ids=[
        "none",
        "CTC",
        "BPEDecoder",
        "Fuse",
        "regex",
        "strip each",
        "across",
        "two kinds of bytes",
        "after bytes",
    ],
)
def test_rule_2_an_unknown_decoder_is_refused(decoder):
    tokenizer = Tokenizer(models.BPE({"a": 0, MARK: 1, "</s>": 2}, []))
    if decoder is not None:
        tokenizer.decoder = decoder
    with pytest.raises(VocabularyError) as refusal:
        Vocabulary.from_tokenizer(tokenizer, eos={2})
    assert str(refusal.value).startswith(
        "tokenizer Tokenizer: the exact bytes of a token do not follow from the decoder "
    )
    assert str(refusal.value).endswith(": give them to Vocabulary.from_tokens")


# ------------------------------------------------------------------------------ 3. added tokens bypass the
# decoder


def test_rule_3_an_added_token_is_its_content():
    # llguidance and xgrammar: b" x" and b"\xf8" (tokenizers #1392: its own decode as well)
    tokenizer = byte_level(added=["Ġx", "ø", "<tool_call>"])
    assert spelled(tokenizer, "Ġx") == b"\xc4\xa0x"
    assert spelled(tokenizer, "ø") == "ø".encode()
    assert spelled(tokenizer, "<tool_call>") == b"<tool_call>"


def test_rule_3_a_special_token_is_not_text():
    # xgrammar: only the empty string is special, so <|im_start|> may be written inside a string
    tokenizer = byte_level(special=["<|im_start|>", "<|im_end|>"])
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    assert vocabulary.special == {256, 257}
    assert [vocabulary.token_bytes(i) for i in (256, 257)] == [None, None]
    assert dict(vocabulary.names) == {"<|im_start|>": 256, "<|im_end|>": 257}


def test_rule_3_the_added_table_wins_over_the_model():
    # lattice #1722: a special token that is also in model.vocab got bytes
    tokenizer = byte_level("<|im_end|>", special=["<|im_end|>"])
    assert tokenizer.token_to_id("<|im_end|>") == 256
    assert spelled(tokenizer, "<|im_end|>") is None


def test_rule_3_user_defined_symbols_of_sentencepiece_keep_their_spaces():
    # Gemma lists its runs of spaces as added tokens, in the notation of pieces.
    tokenizer = byte_fallback(MARK * 2, added=[MARK * 2, f"{MARK}new"])
    assert spelled(tokenizer, MARK * 2) == b"  "
    assert spelled(tokenizer, f"{MARK}new") == f"{MARK}new".encode()


def test_rule_3_tokens_in_a_role_are_special_however_they_are_typed():
    tokenizer = byte_level("<s>", "<pad>", special=[], added=["</s>"])
    vocabulary = Vocabulary.from_tokenizer(wrapped(tokenizer, bos="<s>", eos="</s>", pad="<pad>"))
    assert vocabulary.special == {256, 257, 258}
    assert dict(vocabulary.names) == {"<s>": 256, "<pad>": 257, "</s>": 258}


# -------------------------------------------------------------------- 4. tokens outside the byte alphabet are
# literal


@pytest.mark.parametrize("piece", ["™", "🎉", "a b", "\u00ad", "Ġ🎉", "Ġ\u0144"])
def test_rule_4_outside_the_alphabet(piece):
    # llguidance drops them, 1,403 tokens of Command-R
    assert spelled(byte_level(piece), piece) == piece.encode()


# ------------------------------------------------------------------- 5. the table is as wide as the model's
# logits


@pytest.mark.parametrize("size", [257, 258, 300, 1024])
def test_rule_5_padding_is_never_text(size):
    # outlines #213, guidance #1445, mlx-vlm #1917: a sampled padding id crashed the matcher
    vocabulary = Vocabulary.from_tokenizer(byte_level(), size=size)
    assert vocabulary.size == size
    assert vocabulary.special == set(range(256, size))


def test_rule_5_the_logits_may_be_narrower_than_the_tokenizer():
    tokenizer = byte_level("Ġa", "Ġb", special=["</s>", "<|image|>"])
    vocabulary = Vocabulary.from_tokenizer(tokenizer, size=259)
    assert (vocabulary.size, vocabulary.eos, vocabulary.special) == (259, {258}, {258})
    with pytest.raises(VocabularyError, match=r"^no end-of-sequence id is known"):
        Vocabulary.from_tokenizer(tokenizer, size=258)


def test_rule_5_holes_in_the_ids_are_never_text():
    pieces = {piece: 2 * i for i, piece in enumerate(ALPHABET.values())}
    tokenizer = Tokenizer(models.BPE(pieces, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    vocabulary = Vocabulary.from_tokenizer(tokenizer, eos={1})
    assert vocabulary.special == set(range(1, 511, 2))


@pytest.mark.parametrize("name", ["[PAD50259]", "<unused99>", "<|reserved_special_token_3|>"])
@pytest.mark.parametrize("typed", ["normal", "added"])
def test_rule_5_placeholders_are_special_however_they_are_typed(name, typed):
    # xgrammar and llguidance: [PAD50259] may be written inside a string
    tokenizer = byte_level(name) if typed == "normal" else byte_level(added=[name])
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    assert vocabulary.special == {256, 257}
    assert vocabulary.special_id(name) == tokenizer.token_to_id(name)


# --------------------------------------------------------------------------------------- 6. duplicates are
# normal


def test_rule_6_every_id_of_the_same_bytes_is_in_the_trie():
    tokenizer = byte_fallback()
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    both = [tokenizer.token_to_id("<0x61>"), tokenizer.token_to_id("a")]
    assert [vocabulary.token_bytes(i) for i in both] == [b"a", b"a"]
    nodes, order = vocabulary.trie.nodes, vocabulary.trie.order
    (at,) = [i for i in range(len(nodes)) if nodes[i, 0] == ord("a")]
    assert order[nodes[at, 2] : nodes[at, 3]].tolist() == both
    assert len(order) == vocabulary.size - len(vocabulary.special)


# --------------------------------------------------------------------------------- 7. byte coverage is not
# complete


def test_rule_7_missing_bytes_are_reported():
    missing = {ord("\n"), 0xC0, 0xE9, 0xFF}  # of these C0 and FF cannot occur in UTF-8
    vocabulary = Vocabulary.from_tokenizer(byte_level(missing=missing))
    assert vocabulary.byte_tokens == set(range(256)) - missing
    assert vocabulary.missing_bytes == (ord("\n"), 0xE9)


# ------------------------------------------------------- 8. the virtual space belongs to the text, not to a
# token


def test_rule_8_a_space_before_the_text_is_accepted_only_where_the_tokenizer_puts_one():
    vocabulary = Vocabulary.from_tokenizer(byte_fallback(f"{MARK}{{"))
    ids = byte_fallback().encode("{", add_special_tokens=False).ids
    assert vocabulary.decode(ids) == b" {"
    assert {vocabulary.token_bytes(i) for i in range(vocabulary.size)} >= {b"{", b" {", b" "}


# ------------------------------------------------------------------------------------------- 9. tokens may be
# long


def test_rule_9_tokens_of_512_bytes():
    # guidance #1161: a buffer of 32 bytes
    longest = " " * 512
    tokenizer = byte_level(in_alphabet(longest.encode()), in_alphabet(b"x" * 511))
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    assert vocabulary.token_bytes(256) == longest.encode()
    assert vocabulary.trie.max_depth == 512


# --------------------------------------------------------------------------------------- 10. stop ids are a
# set


def test_rule_10_the_tokenizers_own_and_the_ends_of_turn():
    # vLLM #42403: <end_of_turn> inside a string cut the document off
    tokenizer = byte_level(special=["<eos>", "<start_of_turn>"], added=["<end_of_turn>"])
    vocabulary = Vocabulary.from_tokenizer(wrapped(tokenizer, eos="<eos>"))
    assert vocabulary.eos == {256, 258}
    assert vocabulary.special == {256, 257, 258}
    assert vocabulary.special_id("<end_of_turn>") == 258


def test_rule_10_several_given_by_the_tokenizer():
    tokenizer = wrapped(byte_level(special=["<a>", "<b>"]))
    tokenizer.eos_token_id = [256, 257]
    assert Vocabulary.from_tokenizer(tokenizer).eos == {256, 257}


def test_rule_10_given_stop_ids_are_all_there_are():
    tokenizer = wrapped(byte_level(special=["</s>", "<|im_end|>"]), eos="</s>")
    assert Vocabulary.from_tokenizer(tokenizer, eos={257}).eos == {257}
    with pytest.raises(VocabularyError, match=r"^eos id 300 is not in 0 .. 257: "):
        Vocabulary.from_tokenizer(tokenizer, eos={300})


def test_rule_10_without_any_there_is_no_vocabulary():
    with pytest.raises(VocabularyError, match=r"^no end-of-sequence id is known"):
        Vocabulary.from_tokenizer(with_added(byte_level(special=[]), ["<pad>"], []))
