"""What a schema uses and how far it is supported, without compiling it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ruvllm_grammar import ir
from ruvllm_grammar.jsonschema.clauses import Refusal, Use


@dataclass(frozen=True, slots=True)
class Report:
    """The answer of `check`.

    Attributes:
        uses: every keyword at every reachable place, with its state: "exact", "guarded", "refused", "annotation",
            "document", or "ignored in ..." where the draft does not have it.
        refusals: keywords that are not honoured, all of them, with place, reason and remedy.
        unsatisfiable: why no document fits, or None.
        guards: places where what is accepted is exact, but generation may have to back up; () where nothing is.
    """

    uses: tuple[Use, ...]
    refusals: tuple[Refusal, ...]
    unsatisfiable: str | None = None
    guards: tuple[ir.Guard, ...] = ()

    @classmethod
    def exact(cls) -> Report:
        """The report of a source that has no keywords: nothing is refused."""
        return cls(uses=(), refusals=())

    @property
    def supported(self) -> bool:
        """Whether `compile` would succeed, budgets aside."""
        return not self.refusals and self.unsatisfiable is None

    def __str__(self) -> str:
        lines = []
        states = Counter((use.keyword, use.state) for use in self.uses)
        for (keyword, state), times in sorted(states.items()):
            lines.append(f"{keyword:24} {state:12} {times}")
        lines.extend(
            f"refused {one.keyword} at {one.pointer or 'the root'}: {one.reason}" for one in self.refusals
        )
        lines.extend(f"guarded at {one.pointer or 'the root'}: {one.reason}" for one in self.guards)
        if self.unsatisfiable is not None:
            lines.append(self.unsatisfiable)
        return "\n".join(lines)
