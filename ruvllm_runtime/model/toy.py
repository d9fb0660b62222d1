"""Models with random weights, built in code: for tests, examples, the demo and the benchmarks.

Their text is noise, which makes them the hardest users of a grammar: whatever is legal will be tried.
"""

from __future__ import annotations

import torch
from transformers import LlamaConfig, LlamaForCausalLM

import ruvllm_grammar as rg
from ruvllm_runtime.model.adapter import CausalModel
from ruvllm_runtime.model.encode import Encoder, LongestMatchEncoder

BOS = 256
EOS = 257


def byte_vocabulary() -> rg.Vocabulary:
    """258 ids: the bytes 0 to 255, begin of text (256) and end of text (257)."""
    tokens: list[bytes | None] = [bytes([byte]) for byte in range(256)]
    return rg.Vocabulary.from_tokens([*tokens, None, None], special={BOS, EOS}, eos={EOS})


def random_llama(
    vocabulary: rg.Vocabulary,
    *,
    hidden: int = 64,
    layers: int = 2,
    heads: int = 4,
    kv_heads: int = 2,
    context: int = 2048,
    tied: bool = False,
    seed: int = 0,
    spread: float = 1.0,
) -> LlamaForCausalLM:
    """A randomly initialised Llama whose logits are as wide as `vocabulary`; the same weights for the same seed.

    Args:
        vocabulary: gives the width and the end tokens.
        hidden: size of the hidden states; the MLP is about 8/3 of it, as in Llama.
        layers: decoder layers.
        heads: query heads.
        kv_heads: key and value heads; divides `heads`.
        context: longest sequence.
        tied: share the embedding with the output layer, as small real models do.
        seed: of the weights. The global generator is left as it was.
        spread: standard deviation of the logits, roughly. 1 is close to uniform, 4 has strong preferences.
    """
    config = LlamaConfig(
        vocab_size=vocabulary.size,
        hidden_size=hidden,
        intermediate_size=-(-hidden * 8 // 3 // 32) * 32,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        max_position_embeddings=context,
        tie_word_embeddings=tied,
        bos_token_id=None,
        eos_token_id=sorted(vocabulary.eos),
        pad_token_id=None,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    # The final norm makes hidden states of unit variance, so a logit's deviation is sqrt(hidden) times that of its
    # row of the output layer.
    with torch.no_grad():
        scale = spread / (hidden**0.5 * float(model.lm_head.weight.std()))
        if tied:
            model.model.norm.weight.mul_(scale)
        else:
            model.lm_head.weight.mul_(scale)
    return model.eval()


def random_model(
    vocabulary: rg.Vocabulary,
    *,
    encoder: Encoder | None = None,
    hidden: int = 64,
    layers: int = 2,
    heads: int = 4,
    kv_heads: int = 2,
    context: int = 2048,
    tied: bool = False,
    seed: int = 0,
    spread: float = 1.0,
) -> CausalModel:
    """`random_llama`, ready to decode."""
    model = random_llama(
        vocabulary,
        hidden=hidden,
        layers=layers,
        heads=heads,
        kv_heads=kv_heads,
        context=context,
        tied=tied,
        seed=seed,
        spread=spread,
    )
    return CausalModel(model, vocabulary, encoder)


def toy_model(*, seed: int = 0) -> CausalModel:
    """The model behind `LLM.load("toy")`: a tiny Llama over bytes."""
    vocabulary = byte_vocabulary()
    return random_model(vocabulary, encoder=LongestMatchEncoder(vocabulary, bos=BOS), seed=seed)
