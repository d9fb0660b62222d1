from __future__ import annotations

import numpy as np
import pytest

import ruvllm_grammar as rg
from ruvllm_grammar import ir
from ruvllm_grammar.errors import LimitError, MatchError, UnsatisfiableGrammar, VocabularyError
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.match import CompiledGrammar
from ruvllm_grammar.tables import allocate_bitmask, apply_bitmask
from ruvllm_grammar.vocab import Vocabulary

#: 256 bytes, then 256 eos, 257 a second stop id, 258 a special token, 259.. text, 263 padding.
VOCABULARY = Vocabulary.from_tokens(
    [bytes([b]) for b in range(256)]
    + [b"</s>", b"<stop>", b"<tool>", b"na", b"name", b'name"', b'": ', None],
    eos={256, 257},
    special={258},
)


def compiled(*rules, **named) -> CompiledGrammar:
    table = {"s": rules[0]} | named
    return CompiledGrammar(ir.Grammar("s", table), VOCABULARY, Limits())


def legal(matcher) -> set[int]:
    mask = allocate_bitmask(1, VOCABULARY.size)[0]
    matcher.fill_mask(mask)
    return {i for i in range(VOCABULARY.size) if (int(mask[i >> 5]) >> (i & 31)) & 1}


def test_every_stop_id_is_legal_exactly_at_the_end():
    matcher = compiled(ir.literal("ab")).matcher()
    assert legal(matcher) == {97}
    matcher.accept(97)
    assert legal(matcher) == {98}
    matcher.accept(98)
    assert legal(matcher) == {256, 257}
    assert matcher.is_accepting
    assert not matcher.is_finished
    matcher.accept(257)
    assert matcher.is_finished
    with pytest.raises(MatchError, match="finished"):
        matcher.accept(97)
    with pytest.raises(MatchError, match="finished"):
        legal(matcher)
    matcher.rollback(1)
    assert legal(matcher) == {256, 257}


@pytest.mark.parametrize(
    ("token", "message"),
    [
        (98, "token 98 (b'b') is not allowed here"),
        (256, "the end token 256 is not allowed before the document is complete"),
        (258, "token 258 is special or padding and never text"),
        (263, "token 263 is special or padding and never text"),
        (264, "token 264 is outside the vocabulary of 264"),
        (-1, "token -1 is outside the vocabulary of 264"),
    ],
)
def test_refusals_say_why_and_change_nothing(token, message):
    matcher = compiled(ir.literal("ab")).matcher()
    with pytest.raises(MatchError) as error:
        matcher.accept(token)
    assert str(error.value) == message
    assert error.value.token == token
    assert legal(matcher) == {97}


def test_refused_bytes_name_the_place():
    matcher = compiled(ir.literal("abc")).matcher()
    with pytest.raises(MatchError) as error:
        matcher.accept_bytes(b"abx")
    assert str(error.value) == "byte 2 of b'abx' is not allowed here"
    matcher.accept_bytes(b"abc")
    assert matcher.is_accepting


def test_token_edges_are_not_spelled():
    matcher = compiled(ir.seq(ir.token(258), ir.literal("a"))).matcher()
    assert legal(matcher) == {258}
    with pytest.raises(MatchError):
        matcher.fork().accept_bytes(b"<tool>")
    matcher.accept(258)
    assert legal(matcher) == {97}


def test_text_that_spells_a_special_token_is_text():
    matcher = compiled(ir.literal("<tool>")).matcher()
    assert legal(matcher) == {ord("<")}


def test_a_token_edge_may_name_a_stop_id_in_the_middle():
    matcher = compiled(ir.seq(ir.literal("a"), ir.token(257), ir.literal("b"))).matcher()
    matcher.accept(97)
    assert legal(matcher) == {257}
    matcher.accept(257)
    assert not matcher.is_finished
    assert legal(matcher) == {98}


def test_forced_text_leaves_the_last_choice_to_the_model():
    matcher = compiled(ir.seq(ir.literal('{"name'), ir.alt(ir.literal('": 1}'), ir.literal("x")))).matcher()
    # after `{"` the token `name"` runs past the forced text, so `name` is left to the model
    assert matcher.forced() == [ord("{"), ord('"')]
    matcher.accept_bytes(b'{"')
    assert matcher.forced() == []


def test_forced_text_uses_the_longest_tokens():
    matcher = compiled(ir.seq(ir.literal('{"name": '), ir.alt(ir.literal("1"), ir.literal("2")))).matcher()
    tokens = matcher.forced()
    assert b"".join(VOCABULARY.token_bytes(t) for t in tokens) == b'{"name": '
    assert tokens == [ord("{"), ord('"'), 261, ord(":"), ord(" ")]


def test_budget_too_small_names_what_is_needed():
    matcher = compiled(ir.literal("abcdef")).matcher()
    with pytest.raises(LimitError) as error:
        matcher.finish_within(6)
    assert (error.value.limit, error.value.needed) == ("max_tokens", 7)
    matcher.finish_within(7)


def test_budget_keeps_only_what_can_be_finished():
    many = ir.seq(ir.literal("["), ir.repeat(ir.literal("ab"), 0), ir.literal("]"))
    matcher = compiled(many).matcher()
    matcher.finish_within(5)
    matcher.accept_bytes(b"[")
    assert legal(matcher) == {ord("a"), ord("]")}
    matcher.accept(ord("a"))
    matcher.accept(ord("b"))  # two of five used: `]` and the end still fit, another `ab` does not
    assert legal(matcher) == {ord("]")}
    matcher.rollback(2)
    assert legal(matcher) == {ord("a"), ord("]")}


def test_a_budget_holds_where_rows_were_made_without_one():
    many = ir.seq(ir.literal("["), ir.repeat(ir.literal("ab"), 0), ir.literal("]"))
    grammar = compiled(many)
    free = grammar.matcher()
    for token in b"[ab":
        assert token in legal(free)
        free.accept(token)
    assert legal(free) == {ord("a"), ord("]")}
    bounded = grammar.matcher()
    bounded.finish_within(5)
    for token in b"[ab":
        bounded.accept(token)
    assert legal(bounded) == {ord("]")}
    assert legal(free) == {ord("a"), ord("]")}


def test_remembered_rows_are_bounded():
    letters = ir.seq(
        ir.literal("["), ir.repeat(ir.chars(ir.CharSet.of((97, 122))), 0, 5_000), ir.literal("]")
    )
    grammar = CompiledGrammar(ir.Grammar("s", {"s": letters}), VOCABULARY, Limits(row_bytes=2_000))
    matcher = grammar.matcher()
    matcher.accept(ord("["))
    for i in range(300):
        assert legal(matcher) >= set(range(97, 123))
        matcher.accept(97 + i % 26)
    assert grammar.tokens.rows.remembered < 120


def test_forced_tokens_respect_the_budget():
    e = ir.seq(ir.literal("abcdefgh"), ir.alt(ir.EMPTY, ir.literal("i")))
    matcher = compiled(e).matcher()
    matcher.finish_within(9)
    assert len(matcher.forced()) == 8


def test_rollback_of_more_than_was_made_is_refused():
    matcher = compiled(ir.literal("ab")).matcher()
    matcher.accept(97)
    with pytest.raises(MatchError) as error:
        matcher.rollback(2)
    assert str(error.value) == "cannot undo 2 steps, 1 were made"


def test_nothing_to_match_is_said_at_compile_time():
    with pytest.raises(UnsatisfiableGrammar):
        compiled(ir.NEVER)


def test_a_vocabulary_that_cannot_spell_is_a_guard_and_stops_budgets():
    small = Vocabulary.from_tokens([b"a", b"b", None], eos={2})
    grammar = CompiledGrammar(ir.Grammar("s", {"s": ir.literal("axb")}), small, Limits())
    assert [g.pointer for g in grammar.guards] == ["vocabulary"]
    with pytest.raises(VocabularyError):
        grammar.matcher().finish_within(10)


def test_mask_rows_are_checked():
    matcher = compiled(ir.literal("ab")).matcher()
    with pytest.raises(VocabularyError):
        matcher.fill_mask(np.zeros(3, np.int32))
    with pytest.raises(VocabularyError):
        matcher.fill_mask(np.zeros(VOCABULARY.words, np.int64))


def test_masks_apply_to_logits():
    matcher = compiled(ir.literal("ab")).matcher()
    mask = allocate_bitmask(2, VOCABULARY.size)
    matcher.fill_mask(mask[1])
    logits = np.ones((2, VOCABULARY.size), np.float32)
    apply_bitmask(logits, mask)
    assert np.isneginf(logits[0]).all()
    assert np.flatnonzero(logits[1] == 1).tolist() == [97]
    with pytest.raises(VocabularyError):
        apply_bitmask(np.ones((2, 7), np.float32), mask)
    with pytest.raises(VocabularyError):
        apply_bitmask(np.ones((2, VOCABULARY.size), np.float64), mask)


def test_matchers_share_a_grammar_between_threads():
    import threading

    item = ir.alt(ir.ref("s"), ir.json_string(ir.ANY_TEXT))
    grammar = compiled(ir.seq(ir.literal("["), ir.optional(item), ir.literal("]")))
    failures = []

    def work(seed: int) -> None:
        import random

        choose = random.Random(seed)
        for _ in range(15):
            matcher = grammar.matcher()
            matcher.finish_within(40)
            text = b""
            while not matcher.is_finished:
                token = choose.choice(sorted(legal(matcher)))
                matcher.accept(token)
                text += VOCABULARY.token_bytes(token) or b""
            if not grammar.accepts(text):
                failures.append(text)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_prepare_emits_rules_before_masks_ask_for_them():
    inner = {"properties": {"b": {"enum": ["x", "y"]}}, "additionalProperties": False}
    schema = {"properties": {"a": inner}, "required": ["a"], "additionalProperties": False}
    vocabulary = Vocabulary.from_tokens([bytes([b]) for b in range(256)] + [None], eos={256})
    ahead, without = (rg.compile(rg.JsonSchema(schema), vocabulary) for _ in range(2))
    text = b'{"a":{"b":"x"}}'
    one, other = ahead.matcher(), without.matcher()
    emitted = []
    for byte in text:
        for _ in range(20):
            one.prepare()
        emitted.append(ahead.tokens.machine.size)
        assert one.legal().ids.tolist() == other.legal().ids.tolist()
        assert ahead.tokens.machine.size == emitted[-1]  # the mask asked for nothing
        one.accept(byte)
        other.accept(byte)
    assert one.is_accepting
    one.accept(256)
    one.prepare()
