"""Rows of different lengths in one forward pass, without padding.

Problem. The rows of a batch have different lengths, and constrained decoding makes it worse: in one step a row whose
grammar forced `", "name": "` appends six tokens and its neighbour one. A rectangular batch would pad each row at each
step, and padding is not free: attention over padded columns costs time, moves results in the last bits, and leaves
holes in the cache for ever.

Idea. Only attention knows about rows; embeddings, projections and MLP treat every token alone. So the new tokens of
all rows are laid end to end in one sequence of batch size 1, each with its own position id, and only attention takes
them apart again:

    row A: 40 cached, new tokens a b c      input_ids     a  b  c  d
    row B:  7 cached, new token  d          position_ids 40 41 42  7      spans A = 0..3, B = 3..4

`RaggedBatch.update` (called by every layer with the keys and values of the four tokens) appends each span to its
row's own buffer and returns the rows; `ragged_attention` runs one SDPA call per row.

Cost. Linear layers see one matrix of all new tokens. A row's buffer doubles when full, so appending copies each key
O(1) times, where `DynamicCache` concatenates the whole past at each step. One SDPA call per row and layer: about
20 us each on a CPU. For a single query token the group of query heads that share a key head is folded into the query
axis, so keys are read once and not repeated.

Lineage: packed sequences as in FlashAttention's varlen interface and Orca's selective batching (Yu et al., OSDI
2022). The seams are public ones of transformers: `AttentionInterface.register`, `AttentionMaskInterface.register` and
a `Cache` subclass; no module is patched. With any other cache the same function is plain SDPA, so the model still
works outside this library.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.cache_utils import Cache
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

ATTENTION = "ruvllm_ragged"

_FIRST_CAPACITY = 64


class RaggedCache:
    """Keys and values of one sequence, all layers, in buffers that grow by doubling.

    Attributes:
        length: tokens stored. Set by the batch after a whole forward pass, so that every layer of one pass sees
            the same.
    """

    def __init__(self) -> None:
        self.length = 0
        self._keys: list[torch.Tensor] = []  # per layer [kv heads, capacity, key size]
        self._values: list[torch.Tensor] = []  # per layer [kv heads, capacity, value size]

    def append(
        self, layer: int, keys: torch.Tensor, values: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write `[kv heads, new, size]` behind the stored tokens; returns views of all, `[kv heads, L, size]`."""
        if layer == len(self._keys):
            self._keys.append(keys.new_empty((keys.shape[0], 0, keys.shape[2])))
            self._values.append(values.new_empty((values.shape[0], 0, values.shape[2])))
        end = self.length + keys.shape[1]
        for buffers, new in ((self._keys, keys), (self._values, values)):
            if buffers[layer].shape[1] < end:
                buffers[layer] = _grown(buffers[layer], self.length, end)
            buffers[layer][:, self.length : end] = new
        return self._keys[layer][:, :end], self._values[layer][:, :end]

    def crop(self, length: int) -> None:
        """Forget every token from `length` on."""
        self.length = min(self.length, length)


def _grown(buffer: torch.Tensor, used: int, needed: int) -> torch.Tensor:
    """A buffer of at least `needed` tokens that begins with the `used` ones of `buffer`."""
    capacity = max(_FIRST_CAPACITY, 2 * buffer.shape[1], needed)
    grown = buffer.new_empty((buffer.shape[0], capacity, buffer.shape[2]))
    grown[:, :used] = buffer[:, :used]
    return grown


class RowStates:
    """What `RaggedBatch.update` hands to `ragged_attention` in place of a tensor: keys or values, row by row."""

    def __init__(self, rows: list[torch.Tensor], spans: Sequence[tuple[int, int]]) -> None:
        self.rows = rows
        self.spans = spans


class RaggedBatch(Cache):
    """The cache of one forward pass: several rows seen as one packed sequence.

    Attributes:
        spans: start and end of each row's new tokens in the packed sequence.
    """

    def __init__(self, caches: Sequence[RaggedCache], counts: Sequence[int]) -> None:
        super().__init__(layers=[])
        self._caches = caches
        ends = list(accumulate(counts))
        self.spans = [(end - count, end) for end, count in zip(ends, counts, strict=True)]

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int, *_: Any, **__: Any
    ) -> tuple[RowStates, RowStates]:
        """Append `[1, kv heads, T, size]` of the packed tokens, each span to its row."""
        keys, values = [], []
        for cache, (start, end) in zip(self._caches, self.spans, strict=True):
            k, v = cache.append(layer_idx, key_states[0, :, start:end], value_states[0, :, start:end])
            keys.append(k)
            values.append(v)
        return RowStates(keys, self.spans), RowStates(values, self.spans)

    def commit(self) -> None:
        """Count the new tokens as stored; called once the whole pass has succeeded."""
        for cache, (start, end) in zip(self._caches, self.spans, strict=True):
            cache.length += end - start

    def get_seq_length(self, layer_idx: int = 0) -> int:  # noqa: ARG002  the interface of transformers
        """Rows differ, and positions are given explicitly: nothing may be derived from this."""
        return 0


def ragged_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor | RowStates,
    value: torch.Tensor | RowStates,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention of packed rows; plain SDPA when the cache is not ours.

    Args:
        module: the attention layer.
        query: `[1, heads, T, size]` of the packed tokens.
        key: the rows' keys, each `[kv heads, L, size]`.
        value: the rows' values, each `[kv heads, L, value size]`.
        attention_mask: ignored for packed rows, whose order is their causality.
        scaling: factor on the scores, None for `1 / sqrt(size)`.
        kwargs: passed on to plain SDPA.

    Returns:
        `[1, T, heads, value size]` and None.
    """
    if not isinstance(key, RowStates) or not isinstance(value, RowStates):
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **kwargs)  # type: ignore[no-any-return]
    parts = [
        _row_attention(query[:, :, start:end], k[None], v[None], scaling)
        for (start, end), k, v in zip(key.spans, key.rows, value.rows, strict=True)
    ]
    return torch.cat(parts, dim=1), None


def _row_attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: float | None
) -> torch.Tensor:
    """One row: query `[1, H, n, d]` over keys `[1, K, L, d]`, of which its own are the last n. -> `[1, n, H, dv]`."""
    _, heads, new, size = query.shape
    kv_heads, length = key.shape[1:3]
    if new == 1:
        folded = query.reshape(1, kv_heads, heads // kv_heads, size)
        out = scaled_dot_product_attention(folded, key, value, scale=scaling)
        return out.reshape(1, 1, heads, value.shape[-1])
    mask = None
    if new < length:
        mask = torch.ones((new, length), dtype=torch.bool, device=query.device).tril_(length - new)
    out = scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=mask,
        is_causal=mask is None,
        scale=scaling,
        enable_gqa=heads != kv_heads,
    )
    return out.transpose(1, 2)


AttentionInterface.register(ATTENTION, ragged_attention)
AttentionMaskInterface.register(ATTENTION, sdpa_mask)


_ROPE = frozenset({"default", "linear", "llama3", "yarn"})  # "dynamic", "longrope": depend on the longest row
ARCHITECTURES = frozenset(
    {
        "gpt2",
        "gpt_neox",
        "granite",
        "llama",
        "mistral",
        "olmo2",
        "phi3",
        "qwen2",
        "qwen3",
        "smollm3",
        "stablelm",
    }
)


def supports_ragged(model: Any) -> bool:
    """Whether a model's rows may be packed: plain causal attention in every layer, positions from position ids.

    Architectures are listed by name because no flag of transformers tells of attention sinks, soft caps or windows
    that this attention function would ignore. `tests/model/test_ragged.py` compares each with its own padded-free
    forward pass. Everything else is decoded row by row, with the same results.
    """
    config = model.config
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    window = getattr(config, "sliding_window", None) if getattr(config, "use_sliding_window", True) else None
    rope = getattr(config, "rope_parameters", None) or {}
    return (
        config.model_type in ARCHITECTURES
        and kinds == {"full_attention"}
        and window is None
        and rope.get("rope_type", "default") in _ROPE
    )
