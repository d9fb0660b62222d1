"""Forced text inside `model.generate`: drafts that the grammar writes, checked by the model in one forward pass.

Problem. Behind `{"na` a grammar leaves only `me": `, three tokens that `generate` asks the model for one by one. Its
own speculation (a draft model, prompt lookup) knows nothing of the grammar, and has no public place for other drafts.

Idea. `custom_generate` is that place: `generate` prepares inputs, cache, processors and criteria as always, and this
object runs the loop. Before each pass the grammar writes what must follow, and one pass over it gives the scores of
every position. From there on each token is chosen as `generate` chooses it, by its processors and one draw, for as long
as the choice is the drafted one:

    answer so far   {"na            draft   me   ":   (space)
    one pass        scores of   me   ":   (space)   and of what follows
    chosen          me   ":   [      the third differs: it is kept, and the cache is cut behind it

So the output is that of `generate` without drafts, token by token and under the same seed (up to the last bits of
matrix products of another height); only the number of passes falls. `verify=False` appends what is forced as
`ruvllm_runtime.LLM` does: every forced token is saved, and the model never spells them in another way.

Cost of a pass over n drafted tokens: for n in the tens about that of one, on anything that is bound by memory.

Lineage: greedy and sampled verification of drafts by one pass is Stern, Shazeer and Uszkoreit (2018, "Blockwise
Parallel Decoding") and Leviathan, Kalman and Matias (2023, "Fast Inference from Transformers via Speculative
Decoding"); here the drafts cost nothing.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers.generation import GenerateDecoderOnlyOutput

from ruvllm_runtime.errors import RequestError
from ruvllm_runtime.integrations.hf import GrammarLogitsProcessor

_LONGEST = 64  # tokens drafted at once

_UNDERSTOOD = frozenset({"attention_mask", "past_key_values", "position_ids", "use_cache", "logits_to_keep"})


class GrammarDrafting:
    """Runs `model.generate` with drafts of what the grammar forces.

    >>> processor = GrammarLogitsProcessor(grammar, max_new_tokens=200)            # doctest: +SKIP
    >>> out = model.generate(**inputs, max_new_tokens=200, logits_processor=[processor],
    ...                      custom_generate=GrammarDrafting(processor))           # doctest: +SKIP

    Greedy search and sampling of one sequence, with any logits processors and stopping criteria.

    Attributes:
        forward_passes: of the last call, the prompt's own included.
        drafted: tokens the grammar wrote in the last call.
        accepted: how many of them are part of the answer.
    """

    def __init__(self, processor: GrammarLogitsProcessor, *, verify: bool = True) -> None:
        """Draft from the grammar of a processor.

        Args:
            processor: the one that is given to `generate`, too.
            verify: ask the model about every drafted token, so that outputs are those of `generate`; False appends
                them unasked.
        """
        self._processor = processor
        self._verify = verify
        self.forward_passes = 0
        self.drafted = 0
        self.accepted = 0

    @torch.inference_mode()
    def __call__(
        self,
        model: Any,
        input_ids: torch.Tensor,
        logits_processor: Any,
        stopping_criteria: Any,
        generation_config: Any,
        **model_kwargs: Any,
    ) -> torch.Tensor | GenerateDecoderOnlyOutput:
        """The decoding loop, called by `generate`.

        Returns:
            int64 `[1, L]`: prompt and answer; with `return_dict_in_generate` in the usual record.

        Raises:
            RequestError: what was asked for needs another loop: several rows, beams, scores or attentions of each step,
                an encoder, a cache that cannot be cut.
        """
        cache = self._checked(model, input_ids, generation_config, model_kwargs)
        self.forward_passes = self.drafted = self.accepted = 0
        ids, mask = input_ids, model_kwargs.get("attention_mask")
        few = "logits_to_keep" in model_kwargs
        finished = False
        while not finished:
            known = ids.shape[1]
            drafts = self._processor.drafts(ids, most=min(_LONGEST, generation_config.max_length - known - 1))
            self.drafted += len(drafts)
            ahead = torch.cat([ids, ids.new_tensor([drafts])], dim=1) if drafts else ids
            asked = len(drafts) + 1 if self._verify else 1
            logits = _forward(model, ahead, cache, mask, keep=asked if few else None)[:, -asked:]
            self.forward_passes += 1
            if not self._verify:
                for token in drafts:
                    self.accepted += 1
                    ids, finished = _append(ids, token, stopping_criteria)
                    if finished:
                        break
            for at in range(asked if not finished else 0):
                token = _chosen(
                    logits_processor(ids, logits[:, at].float()), sample=generation_config.do_sample
                )
                ids, finished = _append(ids, token, stopping_criteria)
                drafted = self._verify and at < len(drafts) and token == drafts[at]
                self.accepted += drafted
                if finished or not drafted:
                    break
            refused = ahead.shape[1] - (ids.shape[1] - 1)
            if refused > 0:
                cache.crop(-refused)
        if generation_config.return_dict_in_generate:
            return GenerateDecoderOnlyOutput(sequences=ids, past_key_values=cache)
        return ids

    def _checked(self, model: Any, ids: torch.Tensor, config: Any, given: dict[str, Any]) -> Any:
        """The cache, when this loop can do what was asked for."""
        wrong = None
        if len(ids) != 1 or (config.num_beams or 1) != 1:
            wrong = (
                f"it runs one sequence without beams, not {len(ids)} rows and {config.num_beams or 1} beams"
            )
        elif (
            config.output_scores
            or config.output_logits
            or config.output_attentions
            or config.output_hidden_states
        ):
            wrong = "it keeps no scores, logits, attentions or hidden states of its steps"
        elif model.config.is_encoder_decoder or given.keys() - _UNDERSTOOD:
            unknown = sorted(given.keys() - _UNDERSTOOD)
            wrong = (
                f"it runs decoders on token ids, and knows nothing of {', '.join(unknown) or 'an encoder'}"
            )
        cache = given.get("past_key_values")
        if wrong is None and (cache is None or not given.get("use_cache", True)):
            wrong = "it needs a cache of keys and values"
        elif wrong is None and self._verify and not _can_crop(cache):
            wrong = "the cache of this model cannot be cut where a draft was refused; use verify=False"
        if wrong is not None:
            raise RequestError(
                f"GrammarDrafting cannot serve this call of generate(): {wrong}; leave out custom_generate",
                param="custom_generate",
            )
        return cache


def _can_crop(cache: Any) -> bool:
    """Whether tokens can be taken back: recurrent layers keep no past, and windows have dropped what is needed."""
    return bool(getattr(cache, "is_croppable", True)) and not any(getattr(cache, "is_sliding", ()))


def _forward(
    model: Any, ids: torch.Tensor, cache: Any, mask: torch.Tensor | None, *, keep: int | None
) -> torch.Tensor:
    """Logits `[1, n, V]` of the ids that the cache does not hold, or of the last `keep` of them."""
    known = cache.get_seq_length()
    arguments: dict[str, Any] = {} if keep is None else {"logits_to_keep": keep}
    if mask is not None:
        whole = torch.cat([mask, mask.new_ones((1, ids.shape[1] - mask.shape[1]))], dim=1)
        positions = (whole.long().cumsum(-1) - 1).clamp_(min=0)
        arguments |= {"attention_mask": whole, "position_ids": positions[:, known:]}
    logits: torch.Tensor = model(
        input_ids=ids[:, known:].to(model.device), past_key_values=cache, use_cache=True, **arguments
    ).logits
    return logits.to(ids.device)


def _chosen(scores: torch.Tensor, *, sample: bool) -> int:
    """The next token, chosen as `generate` does."""
    if not sample:
        return int(scores.argmax(-1))
    return int(torch.multinomial(scores.softmax(-1), num_samples=1))


def _append(ids: torch.Tensor, token: int, criteria: Any) -> tuple[torch.Tensor, bool]:
    """The ids with one more, and whether that ends the answer."""
    longer = torch.cat([ids, ids.new_tensor([[token]])], dim=1)
    return longer, bool(criteria(longer, None).all())
