"""A Hugging Face causal language model as the decode loop sees it: caches, and logits of last positions.

Two ways to run several rows at once, one interface:

- *packed* (`ragged.py`): one forward pass over all rows' new tokens, for architectures with plain causal attention;
- *row by row* with transformers' own `DynamicCache`, for everything else (sliding windows, sinks, hybrids).

Prompts are always run one row at a time, in chunks, so a prompt's logits do not depend on its batch mates.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache

import ruvllm_grammar as rg
from ruvllm_runtime.errors import ModelLoadError, ModelMismatchError
from ruvllm_runtime.model.encode import Encoder, LongestMatchEncoder, TokenizerEncoder
from ruvllm_runtime.model.ragged import ATTENTION, RaggedBatch, RaggedCache, supports_ragged

_log = logging.getLogger(__name__)

PREFILL_CHUNK = 512


class PlainCache:
    """`DynamicCache` of one sequence, for models whose rows are run one by one.

    Attributes:
        length: tokens stored.
    """

    def __init__(self, model: Any) -> None:
        self._config = model.config
        self.inner = DynamicCache(config=model.config)
        self.length = 0

    def crop(self, length: int) -> None:
        """Forget every token from `length` on; all of them where a layer cannot go back (`length` is then 0).

        Recurrent layers keep no past, and sliding windows have dropped what would be needed.
        """
        if length >= self.length:
            return
        if self.inner.is_croppable and not any(self.inner.is_sliding):
            self.inner.crop(length - self.length)
            self.length = length
        else:
            self.inner = DynamicCache(config=self._config)
            self.length = 0


SequenceCache = RaggedCache | PlainCache


@dataclass(frozen=True, slots=True)
class Row:
    """New tokens of one sequence, to be run behind what its cache holds."""

    cache: SequenceCache
    tokens: Sequence[int]


class CausalModel:
    """Model, vocabulary and prompt encoder; the vocabulary is as wide as the logits.

    Attributes:
        vocabulary: bytes of every token id.
        context: tokens the model can hold.
        device: where the model is.
        packed: whether several rows share a forward pass.
    """

    def __init__(
        self,
        model: Any,
        vocabulary: rg.Vocabulary,
        encoder: Encoder | None = None,
        *,
        context: int | None = None,
        packed: bool | None = None,
    ) -> None:
        """Wrap a model that is already in memory.

        Args:
            model: a transformers causal language model. Its attention implementation is set to ours, which is
                plain SDPA for everyone else.
            vocabulary: as wide as the model's logits.
            encoder: prompt text to ids; None takes longest matches.
            context: tokens the model can hold; None reads the model's configuration.
            packed: whether rows may share a forward pass; None decides by the architecture.

        Raises:
            ModelMismatchError: the widths of logits and vocabulary differ.
        """
        width = logits_width(model)
        if width != vocabulary.size:
            raise ModelMismatchError(logits=width, vocabulary=vocabulary.size)
        self.model = model.eval()
        self.vocabulary = vocabulary
        self.context = context if context is not None else context_length(model)
        self.device = next(model.parameters()).device
        self.packed = supports_ragged(model) if packed is None else packed
        self._encoder = encoder or LongestMatchEncoder(vocabulary)
        if self.packed:
            model.set_attn_implementation(ATTENTION)

    @classmethod
    def load(cls, source: str | Path, *, device: str = "auto", dtype: str = "auto") -> CausalModel:
        """Load a model folder or hub name, with its tokenizer.

        Args:
            source: a folder in the layout of `save_pretrained`, or a name on the hub.
            device: "auto" (CUDA where there is one), or a torch device.
            dtype: "auto" (as stored), or the name of a torch dtype.

        Raises:
            ModelLoadError: neither model nor tokenizer can be had; the reason is in the message.
            VocabularyError: the tokenizer's bytes cannot be known exactly.
        """
        name = str(source)
        place = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        if dtype != "auto" and not isinstance(getattr(torch, dtype, None), torch.dtype):
            raise ModelLoadError(
                f"torch has no dtype {dtype!r}; use float32, bfloat16 or float16", source=name
            )
        try:
            tokenizer = AutoTokenizer.from_pretrained(name)
            model = AutoModelForCausalLM.from_pretrained(name, dtype=dtype).to(place)
        except Exception as error:  # tokenizers and safetensors raise what is no more than an Exception
            reason = " ".join(str(error).split())[:500]
            raise ModelLoadError(
                f"cannot load {name!r}: {reason}; give a folder written by save_pretrained, "
                "or the name of a model that is reachable",
                source=name,
            ) from error
        width = logits_width(model)
        vocabulary = rg.Vocabulary.from_tokenizer(
            tokenizer, size=width, eos=end_tokens(model, tokenizer, width)
        )
        return cls(model, vocabulary, TokenizerEncoder(tokenizer))

    def encode(self, text: str) -> list[int]:
        """Prompt text to token ids, begin-of-text included where the model has one."""
        return self._encoder.encode(text)

    def new_cache(self) -> SequenceCache:
        """An empty cache for one sequence."""
        return RaggedCache() if self.packed else PlainCache(self.model)

    @torch.inference_mode()
    def prefill(self, cache: SequenceCache, tokens: Sequence[int]) -> torch.Tensor:
        """Run a prompt through the model, in chunks.

        Returns:
            float32 `[V]`, the logits after the last token; the caller may write into them.
        """
        for start in range(0, len(tokens), PREFILL_CHUNK):
            logits = self._run([Row(cache, tokens[start : start + PREFILL_CHUNK])])
        return logits[0]

    @torch.inference_mode()
    def step(self, rows: Sequence[Row]) -> torch.Tensor:
        """Run the new tokens of several rows.

        Returns:
            float32 `[B, V]`, contiguous: the logits after each row's last token. The caller may write into them.
        """
        if self.packed:
            return self._run(rows)
        return torch.cat([self._run([row]) for row in rows])

    def _run(self, rows: Sequence[Row]) -> torch.Tensor:
        """One forward pass; several rows only where they can be packed."""
        ids = [token for row in rows for token in row.tokens]
        positions = [row.cache.length + i for row in rows for i in range(len(row.tokens))]
        arguments: dict[str, Any] = {
            "input_ids": torch.tensor([ids], device=self.device),
            "position_ids": torch.tensor([positions], device=self.device),
            "use_cache": True,
        }
        logits: torch.Tensor
        packed = [row.cache for row in rows if isinstance(row.cache, RaggedCache)]
        if packed:
            batch = RaggedBatch(packed, [len(row.tokens) for row in rows])
            logits = self.model(
                **arguments,
                past_key_values=batch,
                attention_mask=_NO_MASK,
                logits_to_keep=torch.tensor([end - 1 for _, end in batch.spans], device=self.device),
            ).logits
            batch.commit()
        else:
            cache = rows[0].cache
            inner = cache.inner if isinstance(cache, PlainCache) else None
            logits = self.model(**arguments, past_key_values=inner, logits_to_keep=1).logits
            cache.length += len(rows[0].tokens)
        if logits.shape[-1] != self.vocabulary.size:
            raise ModelMismatchError(logits=logits.shape[-1], vocabulary=self.vocabulary.size)
        last = logits[0].float()
        return last.contiguous()


# A four-dimensional mask is taken as it is, so transformers builds none; packed attention ignores it.
_NO_MASK = torch.empty((1, 1, 0, 0), dtype=torch.bool)


def logits_width(model: Any) -> int:
    """Columns of the model's logits: rows of its output embedding, which may exceed the tokenizer's size."""
    head = model.get_output_embeddings()
    if head is not None and getattr(head, "weight", None) is not None:
        return int(head.weight.shape[0])
    return int(model.config.get_text_config().vocab_size)


def context_length(model: Any) -> int:
    """Tokens the model can hold, as its configuration says; 2048 when it does not say."""
    config = model.config.get_text_config()
    for name in ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length"):
        value = getattr(config, name, None)
        if isinstance(value, int) and value > 0:
            return value
    _log.warning("%s does not state its context length; assuming 2048", config.model_type)
    return 2048


def end_tokens(model: Any, tokenizer: Any, width: int) -> set[int]:
    """Every id that ends an answer: the tokenizer's, the configuration's and the generation configuration's."""
    found: set[int] = set()
    for value in (
        getattr(tokenizer, "eos_token_id", None),
        getattr(model.config, "eos_token_id", None),
        getattr(getattr(model, "generation_config", None), "eos_token_id", None),
    ):
        found.update([value] if isinstance(value, int) else value or ())
    return {token for token in found if 0 <= token < width}
