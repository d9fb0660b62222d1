"""The obvious sampler: sort tokens, apply the filters one after the other, return probabilities.

Twin of `ruvllm_runtime.decode.sampling`. Ties of top-p go to the lower id; ties of top-k all stay.
"""

from __future__ import annotations

import math


def probabilities(logits, *, temperature=1.0, top_k=0, top_p=1.0, min_p=0.0):
    """Token probabilities, zero where dropped. temperature > 0."""
    peak = max(logits)
    mass = [math.exp((x - peak) / temperature) if x > -math.inf else 0.0 for x in logits]
    order = sorted(range(len(mass)), key=lambda i: (-logits[i], i))
    if 0 < top_k < len(mass):
        least = logits[order[top_k - 1]]
        mass = [m if x >= least else 0.0 for m, x in zip(mass, logits, strict=True)]
    if top_p < 1:
        wanted, reached, kept = top_p * sum(mass), 0.0, set()
        for token in order:
            if reached >= wanted:
                break
            kept.add(token)
            reached += mass[token]
        mass = [m if i in kept else 0.0 for i, m in enumerate(mass)]
    mass = [m if m >= min_p * max(mass) else 0.0 for m in mass]
    total = sum(mass)
    return [m / total for m in mass]
