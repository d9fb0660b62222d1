"""A vocabulary from exact bytes: what is text, what is not, and that nothing can change it."""

import hashlib
import threading
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruvllm_grammar.errors import VocabularyError
from ruvllm_grammar.vocab import Trie, Vocabulary

tables = st.lists(st.none() | st.binary(max_size=4), min_size=1, max_size=60)


def toy(**changes):
    given_ = {"tokens": [b"a", None, b"bc", b"", b"<s>", b"a"], "special": {4}, "eos": {1}} | changes
    return Vocabulary.from_tokens(given_.pop("tokens"), **given_)


def test_the_example_of_the_essay():
    vocabulary = toy(tokens=[b"a", None, b"bc", b""], special=())
    assert vocabulary.data.tobytes() == b"abc"
    assert vocabulary.offsets.tolist() == [0, 1, 1, 3, 3]
    assert (vocabulary.size, vocabulary.words, len(vocabulary)) == (4, 1, 4)
    assert vocabulary.special == {1, 3}
    assert vocabulary.eos == {1}


@given(tables, st.data())
def test_bytes_of_every_id(tokens, data):
    ids = st.integers(0, len(tokens) - 1)
    special, eos = data.draw(st.sets(ids)), data.draw(st.sets(ids, min_size=1))
    vocabulary = Vocabulary.from_tokens(tokens, special=special, eos=eos)
    text = {i: t for i, t in enumerate(tokens) if t and i not in special | eos}
    assert [vocabulary.token_bytes(i) for i in range(len(tokens))] == [
        text.get(i) for i in range(len(tokens))
    ]
    assert vocabulary.special == set(range(len(tokens))) - text.keys()
    assert vocabulary.decode(range(len(tokens))) == b"".join(text.values())
    assert vocabulary.byte_tokens == {t[0] for t in text.values() if len(t) == 1}
    assert set(vocabulary.missing_bytes).isdisjoint(vocabulary.byte_tokens)
    expected = Trie.from_strings(list(text.values()), list(text))
    vocabulary.trie.check()
    assert np.array_equal(vocabulary.trie.nodes, expected.nodes)
    assert np.array_equal(vocabulary.trie.order, expected.order)
    assert set(vocabulary.trie.order.tolist()) == text.keys()


def test_padding_up_to_the_width_of_the_logits_is_never_text():
    vocabulary = toy(size=70, special={4})
    assert (vocabulary.size, vocabulary.words) == (70, 3)
    assert vocabulary.special == {1, 3, 4, *range(6, 70)}
    assert vocabulary.token_bytes(69) is None
    assert vocabulary.offsets.shape == (71,)


def test_eos_may_stand_in_the_padding():
    assert toy(size=70, eos={69}).eos == {69}


def test_ids_beyond_the_width_of_the_logits_are_dropped():
    vocabulary = toy(size=3, special={4}, names={"<pad>": 5})
    assert [vocabulary.token_bytes(i) for i in range(3)] == [b"a", None, b"bc"]
    assert (vocabulary.size, vocabulary.special, dict(vocabulary.names)) == (3, {1}, {})


def test_special_wins_over_bytes_and_keeps_them_as_its_name():
    vocabulary = toy()
    assert vocabulary.token_bytes(4) is None
    assert vocabulary.special_id("<s>") == 4
    assert vocabulary.special_id("a") is None
    assert vocabulary.decode([4, 2, 0]) == b"bca"


def test_names_of_special_tokens():
    vocabulary = toy(names={"<eos>": 1, "<pad>": 3})
    assert dict(vocabulary.names) == {"<eos>": 1, "<pad>": 3, "<s>": 4}


def test_duplicates_share_a_node():
    assert toy().trie.order.tolist() == [0, 5, 2]
    assert toy().trie.nodes[0].tolist() == [ord("a"), 1, 0, 2]


def test_missing_bytes_are_those_of_utf8_only():
    every = Vocabulary.from_tokens([bytes([b]) for b in range(256)] + [None], eos={256})
    assert (len(every.byte_tokens), every.missing_bytes) == (256, ())
    ascii_only = Vocabulary.from_tokens([bytes([b]) for b in range(128)] + [None], eos={128})
    assert ascii_only.missing_bytes == (*range(0x80, 0xC0), *range(0xC2, 0xF5))


def test_numpy_integers_are_ids():
    vocabulary = toy(eos=np.array([1]), special=np.array([4]))
    assert vocabulary.token_bytes(np.int32(2)) == b"bc"
    assert vocabulary.decode(np.array([2, 0])) == b"bca"
    assert vocabulary.fingerprint == toy().fingerprint


def test_the_fingerprint_is_stable_and_names_all_that_masks_depend_on():
    # Written out: a change of this value invalidates every table on disk and needs a new format version.
    parts = hashlib.sha256(b"ruvllm vocabulary 1\n")
    for dtype, values in (
        ("<i8", [0, 1, 1, 3, 3, 3, 4]),
        ("u1", list(b"abca")),
        ("<i8", [1, 3, 4]),
        ("<i8", [1]),
    ):
        parts.update(len(values).to_bytes(8, "little") + np.array(values, dtype).tobytes())
    assert toy().fingerprint == parts.hexdigest()
    same = [toy(), toy(tokens=[b"a", b"", b"bc", None, None, b"a"]), toy(names={"x": 3})]
    other = [
        toy(tokens=[b"a", None, b"bd", b"", b"<s>", b"a"]),
        toy(tokens=[b"ab", None, b"c", b"", b"<s>", b"a"]),
        toy(size=7),
        toy(size=5),
        toy(special={4, 5}),
        toy(eos={3}),
        toy(eos={1, 3}),
    ]
    assert {v.fingerprint for v in same} == {toy().fingerprint}
    assert len({v.fingerprint for v in (toy(), *other)}) == len(other) + 1


def test_it_cannot_be_changed():
    vocabulary = toy()
    with pytest.raises(FrozenInstanceError):
        vocabulary.size = 3
    with pytest.raises(TypeError):
        vocabulary.names["x"] = 1
    for array in (vocabulary.data, vocabulary.offsets):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_the_trie_is_built_once_whoever_asks(monkeypatch):
    built = []
    vocabulary = toy()
    build = Trie.from_strings
    monkeypatch.setattr(Trie, "from_strings", lambda *args: built.append(1) or build(*args))
    start = threading.Barrier(4)
    seen = []

    def ask():
        start.wait()
        seen.append(vocabulary.trie)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert built == [1]
    assert [trie is vocabulary.trie for trie in seen] == [True] * 4


def test_repr_is_short():
    shown = repr(toy())
    assert shown == f"Vocabulary(size=6, special=3, eos=[1], fingerprint={toy().fingerprint[:12]})"


NO_STOP = (
    "no end-of-sequence id is known, so a finished text could never end: pass eos={...} with every id that "
    "stops the model (see its generation_config.json and chat template)"
)
OUTSIDE = "{} id {} is not in 0 .. {}: correct it, or pass the logits width as size"
NO_IDS = "size=0 leaves no ids: pass the width of the model's logits"
NOT_BYTES = "token 2 is str, not bytes: give the exact bytes of every id, None for ids that are not text"
NOT_SPECIAL = "id {}, named '<x>', is not special: correct it, or make it so"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"eos": ()}, NO_STOP),
        ({"eos": {6}}, OUTSIDE.format("eos", 6, 5)),
        ({"eos": {5}, "size": 5}, OUTSIDE.format("eos", 5, 4)),
        ({"special": {-1}}, OUTSIDE.format("special", -1, 5)),
        ({"special": {6}}, OUTSIDE.format("special", 6, 5)),
        ({"size": 0}, NO_IDS),
        ({"tokens": []}, NO_IDS),
        ({"tokens": [b"a", None, "bc"], "special": ()}, NOT_BYTES),
        ({"names": {"<x>": 0}}, NOT_SPECIAL.format(0)),
        ({"names": {"<x>": 9}}, NOT_SPECIAL.format(9)),
    ],
)
def test_refusals(changes, message):
    with pytest.raises(VocabularyError) as refusal:
        toy(**changes)
    assert str(refusal.value) == message


@pytest.mark.parametrize(
    "ask", [lambda v: v.token_bytes(6), lambda v: v.token_bytes(-1), lambda v: v.decode([0, 6])]
)
def test_ids_outside_are_refused_never_wrapped_around(ask):
    with pytest.raises(VocabularyError, match=r"^token id (6|-1) is not in 0 .. 5: "):
        ask(toy())
