"""What expressions may ask at run time that no automaton can answer: checks, and the records of frames.

A *check* stands right behind a JSON value or a member's name and is decided on the text just written: is this name new
in its object, this item new in its array, does this value pass a test? The matcher decides it (a *register* beside the
super-state); automata only see that the place cannot be passed this time.

A *frame* is a body with a *record*: a small immutable value that starts at `Frame.start`, changes at every `step` and
lives in the stack as long as the body does. Records say in constant space what rules could only say by multiplying:
which of twenty names are written already, how many members there are. A step that leads nowhere is no step, so the
program never enters what cannot be finished.

Lineage: predicated transitions as in ANTLR's semantic predicates (Parr and Fisher, "LL(*)", 2011), here with a
deterministic, memoised state.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

CheckKind = Literal["name", "item", "value"]


@dataclass(frozen=True, slots=True)
class Check:
    """A condition on the JSON text that ends where the check stands.

    Attributes:
        kind: "name": the member name differs from every earlier name of its object (decoded); "item": the array item
            differs from every earlier one, by JSON Schema's equality; "value": `test` holds of the value, numbers given
            as int or Decimal.
        name: identifies what is checked, in fingerprints and listings.
        pointer: of the clause that asks.
        test: for kind "value".
    """

    kind: CheckKind
    name: str
    pointer: str
    test: Callable[[Any], bool] | None = field(default=None, compare=False, repr=False)


class Frame(Protocol):
    """The records of one body. Deterministic; asked once per new (record, symbol)."""

    @property
    def key(self) -> str:
        """Identifies the frame, in fingerprints and listings: equal keys mean equal behaviour."""

    @property
    def start(self) -> Hashable:
        """The record at the start of the body."""

    @property
    def owed(self) -> tuple[str, ...]:
        """Every rule that `debt` may name; they become part of the program, referred to from the body or not."""

    def step(self, record: Any, symbol: int) -> Hashable | None:
        """The record after a step; None where the body could not be finished, or the step is not allowed."""

    def debt(self, record: Any) -> tuple[str, ...]:
        """Names of rules that have to be written before the body can end, repeated as often as they are, for distances.

        Distances take a `pick` for nothing, so everything that its parts will write is owed, commas included: at the
        start, after each part, and after a comma behind which some part must come (then one that is allowed). What is
        being written is no longer owed: the step that takes a part stands *in front of* it. A rule must be built from
        the same pieces as the part in the body, since no token is counted across a step or a rule.
        """
