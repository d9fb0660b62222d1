"""SentencePiece models written by hand, byte by byte, and what its own processor says of a real one."""

from contextlib import suppress
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.real_vocabularies import sentencepiece_v3, sentencepiece_v3_file

from ruvllm_grammar.errors import VocabularyError
from ruvllm_grammar.vocab import Vocabulary
from ruvllm_grammar.vocab.sentencepiece import BYTE, CONTROL, NORMAL, UNKNOWN, UNUSED, USER_DEFINED, parse

MARK = "\N{LOWER ONE EIGHTH BLOCK}"


def varint(value):
    value %= 1 << 64
    digits = [value >> shift & 127 for shift in range(0, max(value.bit_length(), 1), 7)]
    return bytes([*(digit | 128 for digit in digits[:-1]), digits[-1]])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + bytes(4)
    return varint(number << 3 | 2) + varint(len(value)) + value


def model(*pieces, trainer=b"", normaliser=b"", more=b""):
    """A ModelProto of (piece, type) pairs; a type of None is left out, as the library does for normal pieces."""
    written = b"".join(
        field(1, field(1, piece.encode()) + field(2, -1.0) + (b"" if kind is None else field(3, kind)))
        for piece, kind in pieces
    )
    return written + field(2, trainer) + field(3, normaliser) + more


EVERY_TYPE = (
    ("<unk>", UNKNOWN),
    ("<s>", CONTROL),
    ("</s>", CONTROL),
    ("<0x0A>", BYTE),
    ("<0x0A>", NORMAL),
    (f"{MARK}the", None),
    (MARK * 3, USER_DEFINED),
    ("<tool>", USER_DEFINED),
    ("x", UNUSED),
    ("é", NORMAL),
)


def tokens(content, **changes):
    return parse(model(*content, **changes), origin="toy").tokens


def test_every_type_of_piece():
    reading = parse(model(*EVERY_TYPE), origin="toy")
    assert reading.tokens == [b"", b"", b"", b"\n", b"<0x0A>", b" the", b"   ", b"<tool>", b"", "é".encode()]
    assert reading.special == {0, 1, 2, 8}
    assert reading.names == {"<unk>": 0, "<s>": 1, "</s>": 2, MARK * 3: 6, "<tool>": 7, "x": 8}
    assert (reading.eos, reading.leading_space) == ({2}, True)


def test_the_end_of_sequence_is_named_by_the_trainer():
    assert parse(model(*EVERY_TYPE, trainer=field(42, 1)), origin="toy").eos == {1}
    assert parse(model(*EVERY_TYPE, trainer=field(42, -1)), origin="toy").eos == set()


def test_the_normaliser_says_whether_a_space_goes_before_the_text():
    assert not parse(model(*EVERY_TYPE, normaliser=field(3, 0)), origin="toy").leading_space
    assert parse(model(*EVERY_TYPE, normaliser=field(3, 1)), origin="toy").leading_space


def test_the_space_mark_is_a_character_where_spaces_are_not_escaped():
    assert tokens([(f"{MARK}the", None)], normaliser=field(5, 0)) == [f"{MARK}the".encode()]


@given(st.lists(st.tuples(st.text(min_size=1, max_size=5), st.sampled_from([NORMAL, None])), min_size=1))
def test_normal_pieces_are_their_text(content):
    content = [(piece.encode("utf-8", "ignore").decode() or "x", kind) for piece, kind in content]
    assert tokens(content) == [piece.replace(MARK, " ").encode() for piece, _ in content]


def test_unknown_fields_are_passed_over():
    more = varint(9 << 3 | 1) + bytes(8) + field(10, 7) + field(11, b"abc") + field(12, 1.0)
    assert tokens([("a", None)], more=more) == [b"a"]


UNKNOWN_TYPE = "toy: piece 0, b'ab', has the unknown type {}: give the exact bytes to Vocabulary.from_tokens"
REWRITES = (
    "toy: it rewrites text after decoding (denormalizer_spec), so the bytes of a piece are uncertain: give them to "
    "Vocabulary.from_tokens"
)


@pytest.mark.parametrize(
    ("damaged", "message"),
    [
        (b"", "toy: not a SentencePiece model, it has no pieces: fetch the file again"),
        (b"\x0e", "toy: not a SentencePiece model: fetch the file again"),
        (b"{}", "toy: not a SentencePiece model: fetch the file again"),
        (model(("ab", None))[:4], "toy: not a SentencePiece model: fetch the file again"),
        (field(1, field(3, NORMAL)), "toy: not a SentencePiece model: fetch the file again"),
        (model(("ab", 7)), UNKNOWN_TYPE.format(7)),
        (model(("ab", BYTE)), UNKNOWN_TYPE.format(BYTE)),
        (model(("ab", None), more=field(5, field(2, b"\x01"))), REWRITES),
    ],
)
def test_refusals(damaged, message):
    with pytest.raises(VocabularyError) as refusal:
        parse(damaged, origin="toy")
    assert str(refusal.value) == message


@settings(max_examples=500)
@given(st.data())
def test_a_damaged_file_is_refused_or_read_never_a_crash(data):
    whole = bytearray(model(*EVERY_TYPE))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    with suppress(VocabularyError):
        parse(bytes(whole[:cut]), origin="toy")


def test_a_processor_is_proved():
    processor = SimpleNamespace(
        serialized_model_proto=lambda: model(("<unk>", UNKNOWN), *((chr(c), None) for c in range(128))),
        encode=lambda text: [ord(char) + 2 for char in text],
        normalize=lambda text: text,
    )
    with pytest.raises(VocabularyError, match=r"'Hello, world' is encoded to .* which spell b'Ifmmp-!xpsme'"):
        Vocabulary.from_tokenizer(processor, eos={0})


def test_a_real_model_is_what_its_processor_says():
    processor = pytest.importorskip("sentencepiece").SentencePieceProcessor(
        model_file=str(sentencepiece_v3_file())
    )
    vocabulary = sentencepiece_v3()
    assert vocabulary.size == processor.get_piece_size() == 32_768
    for i in range(vocabulary.size):
        piece = processor.id_to_piece(i)
        if processor.is_byte(i):
            expected = bytes([int(piece[3:5], 16)])
        elif processor.is_control(i) or processor.is_unknown(i) or processor.is_unused(i):
            expected = None
        else:
            expected = piece.replace(MARK, " ").encode()
        assert vocabulary.token_bytes(i) == expected, piece
    assert vocabulary.eos == {processor.eos_id()}
    assert Vocabulary.from_tokenizer(processor).fingerprint == vocabulary.fingerprint


def test_mistrals_wrappers_are_the_same():
    mistral = pytest.importorskip("mistral_common.tokens.tokenizers.mistral")
    tokenizer = mistral.MistralTokenizer.v3()
    for held in (tokenizer, tokenizer.instruct_tokenizer, tokenizer.instruct_tokenizer.tokenizer):
        assert Vocabulary.from_tokenizer(held).fingerprint == sentencepiece_v3().fingerprint
