"""Questions a reader may ask about regular expressions, answered by whoever can.

Readers stand on the IR and import nothing below it, yet some of their decisions need automata: is this
pattern with this length empty, do these two name patterns overlap? They ask through this protocol;
`compile` and `check` hand in the implementation (`automata.algebra`), so the import hourglass stays whole.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol

from ruvllm_grammar.ir.charset import CharSet
from ruvllm_grammar.ir.expr import Expr


class Automaton(Protocol):
    """A minimal deterministic automaton over code points; state 0 is the start.

    Every state reaches an accepting one, unless nothing matches.
    """

    @property
    def rows(self) -> tuple[tuple[tuple[CharSet, int], ...], ...]:
        """Per state its edges: disjoint sets of characters, and where they lead."""

    @property
    def accepting(self) -> tuple[bool, ...]:
        """Per state."""


class Algebra(Hashable, Protocol):
    """Decides regular expressions exactly. Every method may raise `LimitError` (`Limits.leaf_states`)."""

    def is_empty(self, e: Expr) -> bool:
        """Whether no string matches. A leaf or JSON string is built as it will be spelled, within the budget."""

    def disjoint(self, a: Expr, b: Expr) -> bool:
        """Whether no string matches both."""

    def matches(self, e: Expr, text: str) -> bool:
        """Whether `text` matches."""

    def shortest(self, e: Expr) -> str | None:
        """A shortest string that matches, the least in code-point order; None when there is none."""

    def strings(self, e: Expr, most: int) -> tuple[str, ...] | None:
        """All strings that match, shorter ones first, then in code-point order; None when there are over `most`."""

    def runs_out(self, e: Expr) -> bool:
        """Whether some prefix of a match is a prefix of only finitely many: where no name may come twice, a trap."""

    def automaton(self, e: Expr) -> Automaton:
        """The minimal automaton of a regular expression."""
