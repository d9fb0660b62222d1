from __future__ import annotations

import torch

from ruvllm_runtime.model import byte_vocabulary, random_llama, toy_model


def test_byte_vocabulary():
    vocabulary = byte_vocabulary()
    assert (vocabulary.size, vocabulary.eos, vocabulary.special) == (258, {257}, {256, 257})
    assert [vocabulary.token_bytes(i) for i in range(258)] == [bytes([i]) for i in range(256)] + [None, None]


def test_weights_follow_the_seed_and_leave_the_global_generator_alone():
    vocabulary = byte_vocabulary()
    before = torch.random.get_rng_state()
    one, same, other = (random_llama(vocabulary, seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["lm_head.weight"], other["lm_head.weight"])


def test_spread_is_the_deviation_of_the_logits():
    ids = torch.arange(0, 250)[None]
    for tied in (False, True):
        for spread in (1.0, 4.0):
            model = random_llama(byte_vocabulary(), hidden=128, tied=tied, spread=spread)
            with torch.inference_mode():
                deviation = float(model(ids).logits.std())
            assert 0.7 * spread < deviation < 1.4 * spread


def test_toy_model():
    model = toy_model()
    assert model.encode("é") == [256, 0xC3, 0xA9]
    assert (model.vocabulary.size, model.context, model.packed) == (258, 2048, True)
