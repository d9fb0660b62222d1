"""How the next token is chosen from the logits."""

from __future__ import annotations

from dataclasses import dataclass

from ruvllm_runtime.request import check


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingParams:
    """How the next token is chosen; applied in the order of the fields, after the grammar's mask.

    Except `repetition_penalty`, which comes first, on the model's own logits.

    Attributes:
        temperature: divides the logits; 0 means greedy (the most probable token, lowest id among equals).
        top_k: keep the k most probable tokens (those tied with the last one too); 0 keeps all.
        top_p: keep the smallest set of most probable tokens whose mass reaches p, in (0, 1]
            (Holtzman et al., 2020, "The Curious Case of Neural Text Degeneration").
        min_p: drop tokens less probable than this share of the most probable one, in [0, 1]
            (Nguyen et al., 2024, "Turning Up the Heat: Min-p Sampling").
        repetition_penalty: divides positive and multiplies negative logits of tokens that stand in the prompt
            or the answer (Keskar et al., 2019, "CTRL"); 1 does nothing.
        seed: makes the choices repeatable, independent of the rest of the batch; None draws one from torch's
            global generator.

    Raises:
        RequestError: a value outside its range; `.param` names the field.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    seed: int | None = None

    def __post_init__(self) -> None:
        check.number("temperature", self.temperature, low=0)
        check.count("top_k", self.top_k, low=0)
        check.number("top_p", self.top_p, low=0, high=1, above=True)
        check.number("min_p", self.min_p, low=0, high=1)
        check.number("repetition_penalty", self.repetition_penalty, low=0, above=True)
        if self.seed is not None:
            check.count("seed", self.seed, low=0, high=2**63 - 1)

    @classmethod
    def greedy(cls) -> SamplingParams:
        """The most probable token each time."""
        return cls(temperature=0.0)
