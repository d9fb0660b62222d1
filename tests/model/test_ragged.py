"""Packed rows give what each row gives alone, for every architecture that is packed."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from ruvllm_runtime.model import byte_vocabulary
from ruvllm_runtime.model.adapter import CausalModel, Row
from ruvllm_runtime.model.ragged import ARCHITECTURES, RaggedCache, supports_ragged

PROMPTS = [5, 9, 1, 70]
FIRST = [1, 4, 2, 1]
SECOND = [1, 1, 1, 1]


def tiny(architecture: str, **changes):
    settings = {
        "vocab_size": 258,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 8 if architecture == "smollm3" else 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "max_position_embeddings": 256,
        "sliding_window": None,
        "pad_token_id": None,
        "bos_token_id": None,
        "eos_token_id": 257,
    }
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(architecture, **{**settings, **changes}))
    for weight in model.parameters():
        if weight.dim() > 1:
            weight.data.mul_(3)  # the usual initialisation leaves attention close to uniform
    return model.eval()


def rows(counts: list[int], seed: int) -> list[list[int]]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(0, 256, (count,), generator=generator).tolist() for count in counts]


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_logits_equal_those_of_each_row_alone(architecture, packed):
    model = tiny(architecture)
    assert supports_ragged(model)
    prompts, first, second = rows(PROMPTS, 1), rows(FIRST, 2), rows(SECOND, 3)
    with torch.inference_mode():
        alone = [
            model(torch.tensor([p + f + s])).logits[0, [len(p) - 1, len(p + f) - 1, -1]]
            for p, f, s in zip(prompts, first, second, strict=True)
        ]
    adapter = CausalModel(model, byte_vocabulary(), packed=packed)
    caches = [adapter.new_cache() for _ in prompts]
    steps = [torch.stack([adapter.prefill(c, p) for c, p in zip(caches, prompts, strict=True)])]
    steps += [adapter.step([Row(c, t) for c, t in zip(caches, ts, strict=True)]) for ts in (first, second)]
    torch.testing.assert_close(torch.stack(steps), torch.stack(alone, dim=1), atol=5e-5, rtol=1e-4)

    for cache in caches:  # a rollback leaves no trace
        cache.crop(cache.length - 1)
    again = adapter.step([Row(c, t) for c, t in zip(caches, second, strict=True)])
    torch.testing.assert_close(again, steps[-1], atol=5e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("architecture", "changes"),
    [
        ("gpt_neo", {"attention_types": [[["global"], 2]], "num_layers": 2, "num_heads": 4}),
        ("mistral", {"sliding_window": 32}),
        ("llama", {"rope_parameters": {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}}),
        ("gemma2", {"sliding_window": 32}),
    ],
)
def test_what_is_not_plain_causal_attention_is_run_row_by_row(architecture, changes):
    model = tiny(architecture, **changes)
    adapter = CausalModel(model, byte_vocabulary())
    assert not adapter.packed
    prompts, steps = rows(PROMPTS[:2], 1), rows(FIRST[:2], 2)
    caches = [adapter.new_cache() for _ in prompts]
    for cache, prompt in zip(caches, prompts, strict=True):
        adapter.prefill(cache, prompt)
    got = adapter.step([Row(c, t) for c, t in zip(caches, steps, strict=True)])
    with torch.inference_mode():
        alone = [model(torch.tensor([p + s])).logits[0, -1] for p, s in zip(prompts, steps, strict=True)]
    torch.testing.assert_close(got, torch.stack(alone), atol=5e-5, rtol=1e-4)


def test_the_model_still_works_with_the_caches_of_transformers():
    plain, ours = tiny("llama"), tiny("llama")
    CausalModel(ours, byte_vocabulary())
    ids = torch.tensor([[0, 0, 7, 8], [5, 6, 7, 8]])
    mask = torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1]])
    options = {"attention_mask": mask, "max_new_tokens": 12, "do_sample": False, "pad_token_id": 0}
    assert torch.equal(ours.generate(ids, **options), plain.generate(ids, **options))


def test_buffers_grow_by_doubling_and_keep_what_they_hold():
    cache = RaggedCache()
    parts = [torch.randn(2, count, 4) for count in (3, 60, 1, 1, 200)]
    for part in parts:
        keys, values = cache.append(0, part, -part)
        cache.length += part.shape[1]
    everything = torch.cat(parts, dim=1)
    assert torch.equal(keys, everything)
    assert torch.equal(values, -everything)
    cache.crop(10)
    keys, _ = cache.append(0, parts[0], parts[0])
    assert torch.equal(keys, torch.cat([everything[:, :10], parts[0]], dim=1))
