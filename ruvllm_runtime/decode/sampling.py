"""Choosing the next token from logits of legal tokens: all that are legal, or a whole row with minus infinity.

Order, as in transformers: repetition penalty (on the model's own logits, before the mask), then temperature, top-k,
top-p, min-p, then one draw by inverse transform: with cumulative masses c and u uniform in [0, 1), the first token
with c > u * total. One uniform number per token, from a generator that belongs to the request, makes the choice
depend on nothing else in the batch.

    masses 0.5 0.2 0.2 0.1, top_p 0.6: sorted cumulative 0.5 0.7 0.9 1.0, kept {0, 1}; u = 0.8 -> 0.56 > 0.5 -> token 1

*Masses are integers*: exp(logit - peak) in units of 2**-42, so the largest is 2**42 and a vocabulary of a million
tokens sums below 2**63. Sums of integers are exact in any order, and what is not legal adds zero. Hence a request draws
the same token whether its few legal logits were gathered or all of them masked, on any device that computes the same
exponentials.

    legal {3, 400}, masses 7 and 1, u = 0.9, 0.9 * 8 = 7.2
    gathered   cumulative [7 8]             -> position 1, token 400
    masked     cumulative [0 0 0 7 ... 8 8] -> position 400

Safety. The maximum is subtracted before exponentials, so no temperature overflows; a token of mass zero (less than
2**-42 of the most probable one) is never drawn, whatever u.

Cost for V = 128,256 on one CPU thread: greedy 0.02 ms, temperature alone 0.35 ms (0.05 of it the cumulative sum, which
takes 0.9 in float64), top-k 50 0.6 ms. Top-p needs only the most probable tokens: 1,024 are selected first (1.2 ms),
and all are sorted (15 ms) only where those do not reach p, which takes a nearly flat distribution.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

import torch

from ruvllm_runtime.errors import GenerationError
from ruvllm_runtime.request import SamplingParams

_HEAD = 1024
_UNIT = 2.0**42


class Sampler:
    """The choices of one request; the only state is its generator and the tokens seen."""

    def __init__(self, params: SamplingParams, *, seen: Iterable[int] = ()) -> None:
        """Start with the tokens of the prompt as seen, for the repetition penalty."""
        self._params = params
        self._generator = torch.Generator()
        seed = params.seed
        if seed is None:  # from torch's own generator, so that torch.manual_seed repeats a whole program
            seed = int(torch.randint(2**63 - 1, (), dtype=torch.int64))
        self._generator.manual_seed(seed)
        self._seen: dict[int, None] = dict.fromkeys(seen) if params.repetition_penalty != 1 else {}

    def observe(self, token: int) -> None:
        """Note that a token was generated."""
        if self._params.repetition_penalty != 1:
            self._seen[token] = None

    def restart(self, seen: Iterable[int]) -> None:
        """Note that of everything observed only `seen` is left. The generator goes on where it is."""
        if self._params.repetition_penalty != 1:
            self._seen = dict.fromkeys(seen)

    def penalize(self, logits: torch.Tensor) -> None:
        """Apply the repetition penalty to the model's logits `[V]`, in place, before any mask."""
        if self._seen:
            seen = torch.tensor(list(self._seen), device=logits.device)
            values = logits[seen]
            penalty = self._params.repetition_penalty
            logits[seen] = torch.where(values > 0, values / penalty, values * penalty)

    def choose(self, logits: torch.Tensor) -> int:
        """The position of the next token.

        Args:
            logits: `[n]`, minus infinity where forbidden; at least one is not.

        Raises:
            GenerationError: the logits hold NaN or plus infinity, or nothing but minus infinity.
        """
        peak = float(logits.max())
        if not -float("inf") < peak < float("inf"):
            what = "no finite value" if peak == -float("inf") else "NaN or infinity"
            raise GenerationError(f"the model's logits hold {what}: its weights or dtype are broken")
        if self._params.temperature == 0:
            # numpy's is fifteen times faster than torch's on a CPU; both take the first of equals.
            known = logits.device.type == "cpu" and logits.dtype != torch.bfloat16
            return int(logits.numpy().argmax() if known else logits.argmax())
        cumulative = self._masses(logits, peak).cumsum(0)
        uniform = float(torch.rand((), generator=self._generator, dtype=torch.float64))
        total = int(cumulative[-1])
        drawn = min(int(uniform * total), total - 1)  # rounding can carry u * total onto the total itself
        return int(torch.searchsorted(cumulative, drawn, right=True))

    def _masses(self, logits: torch.Tensor, peak: float) -> torch.Tensor:
        """Unnormalised probabilities, int64 `[n]` in units of 2**-42: the largest 1, zero where dropped."""
        params = self._params
        wide = logits if logits.dtype == torch.float64 else logits.float()
        scaled = (wide - peak).div_(params.temperature)
        masses = scaled.exp().mul_(_UNIT).to(torch.int64)
        if 0 < params.top_k < scaled.numel():
            masses *= scaled >= scaled.topk(params.top_k).values[-1]
        if params.top_p < 1:
            masses = _nucleus(masses, params.top_p)
        if params.min_p > 0:
            masses *= masses >= ceil(params.min_p * _UNIT)
        return masses


def _nucleus(masses: torch.Tensor, share: float) -> torch.Tensor:
    """Zero all but the fewest largest masses that reach `share` of the total; among equals the lower ids stay."""
    wanted = ceil(share * int(masses.sum()))
    head = min(_HEAD, masses.numel())
    largest = masses.topk(head).values
    reached = largest.cumsum(0)
    if int(reached[-1]) < wanted and head < masses.numel():
        largest = masses.sort(descending=True).values
        reached = largest.cumsum(0)
    kept = min(int((reached < wanted).sum()) + 1, largest.numel())
    least = largest[kept - 1]
    spare = kept - int((masses > least).sum())
    ties = masses == least
    return masses * ((masses > least) | (ties & (ties.cumsum(0) <= spare)))
