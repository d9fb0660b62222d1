"""Sizes and schedules: everything about a training run that is a number.

Learning rate of the matrices over a run with stages of 250, 2,250 and 3,500 steps (times `matrix_rate`'s stage values):

    step      0 ... 40        2,500         4,500 ... 6,000
    rate      0 up to 5e-3    4e-3          4e-3 down to 0
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.embedded_model.tokenizer import SIZE


@dataclass(frozen=True, slots=True)
class Size:
    """A Llama; embedding and output layer are one matrix.

    Attributes:
        width: of the hidden states.
        layers: of the decoder.
        heads: of the attention, keys and values included.
    """

    width: int
    layers: int
    heads: int

    @property
    def inner(self) -> int:
        """Width of the MLP: 8/3 of the hidden states, as in Llama, rounded up to 32."""
        return -(-self.width * 8 // 3 // 32) * 32

    @property
    def parameters(self) -> int:
        """Weights in all."""
        layer = 4 * self.width**2 + 3 * self.width * self.inner + 2 * self.width
        return SIZE * self.width + self.layers * layer + self.width


SIZES = {
    "tiny": Size(32, 2, 2),  # for tests of the machinery: it learns nothing
    "1m": Size(128, 4, 4),
    "2m": Size(160, 5, 5),
    "3m": Size(192, 6, 6),
    "4m": Size(256, 5, 8),
}


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of a run.

    Attributes:
        data: stage of the mixture.
        steps: batches.
        matrix_rate: learning rate of the matrices (Muon).
        vector_rate: learning rate of embeddings and norms (AdamW).
    """

    data: str
    steps: int
    matrix_rate: float
    vector_rate: float


@dataclass(frozen=True, slots=True)
class Recipe:
    """A training run.

    Attributes:
        stages: one after the other.
        warmup: steps until the full learning rate.
        decay: share of the run, at its end, over which the learning rate falls to zero.
        clip: greatest norm of the gradient.
        momentum: of Muon.
        betas: of AdamW.
        decay_matrices: weight decay of the matrices.
        opening: weight of an answer's first token in the loss, where others have 1. That token alone decides between
            a call and words, and would drown among the fifty that follow.
    """

    stages: tuple[Stage, ...]
    warmup: int = 40
    decay: float = 0.25
    clip: float = 1.0
    momentum: float = 0.95
    betas: tuple[float, float] = (0.9, 0.95)
    decay_matrices: float = 0.01
    opening: float = 4.0

    @property
    def steps(self) -> int:
        """Batches in all."""
        return sum(stage.steps for stage in self.stages)

    def stage_of(self, step: int) -> int:
        """Index of the stage that a step belongs to."""
        for index, stage in enumerate(self.stages):
            step -= stage.steps
            if step < 0:
                return index
        return len(self.stages) - 1

    def factor(self, step: int, spent: float) -> float:
        """What the learning rates of a step are multiplied with.

        Args:
            step: from 0.
            spent: share of the time budget that is used up, 0 to 1; 0 without a budget. The decay then follows
                whichever of steps and time runs out first.
        """
        progress = max(step / self.steps, spent)
        return min(1.0, (step + 1) / self.warmup, max(0.0, (1.0 - progress) / self.decay))


def recipe(steps: int) -> Recipe:
    """The recipe for a run of so many steps: an easy start of 250, three eighths narrow data, the rest wide."""
    easy = min(250, steps // 4)
    base = (steps - easy) * 3 // 8
    return Recipe(
        (
            Stage("easy", easy, 5e-3, 3e-3),
            Stage("base", base, 5e-3, 3e-3),
            Stage("wide", steps - easy - base, 4e-3, 2e-3),
        )
    )
