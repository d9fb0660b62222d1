"""The implementation of `ir.Algebra`: what readers may ask about regular expressions, decided by automata."""

from __future__ import annotations

from dataclasses import dataclass

from ruvllm_grammar import ir
from ruvllm_grammar.automata.alphabet import Alphabet
from ruvllm_grammar.automata.exclusion import excluded_words
from ruvllm_grammar.automata.leaf import leaf_dfa, symbolic_dfa
from ruvllm_grammar.automata.product import draft_of, is_disjoint, is_empty_between
from ruvllm_grammar.automata.symbolic import SymbolicDfa
from ruvllm_grammar.limits import Limits

#: States of a spelled leaf for each state between characters, roughly.
_INNER = 8


@dataclass(frozen=True, slots=True)
class RegularAlgebra:
    """Exact answers about regular expressions; every method may raise `LimitError`.

    Attributes:
        limits: `leaf_states` bounds every automaton.
    """

    limits: Limits = Limits()

    def is_empty(self, e: ir.Expr) -> bool:
        """Whether no string matches."""
        if not ir.hides_emptiness(e):
            return e is ir.NEVER
        spelled = isinstance(e, (ir.Leaf, ir.JsonString))
        body = e.body if isinstance(e, (ir.Leaf, ir.JsonString)) else e
        if _is_endless(body):
            return False
        found = self._is_empty_between(body, spelled=spelled)
        if found is not None:
            return found
        if spelled:  # asked as it will be spelled: built now, in budget, and kept
            return leaf_dfa(e, self.limits).is_empty
        return symbolic_dfa(e, self.limits).is_empty

    def _is_empty_between(self, e: ir.Expr, *, spelled: bool) -> bool | None:
        """Whether the parts of an intersection, or a complement, leave nothing.

        None where only building it shows whether it keeps to the budget.
        """
        inside: list[SymbolicDfa] = []
        outside: list[SymbolicDfa] = []
        size = _INNER if spelled else 1
        for part in ir.children(e) if isinstance(e, ir.Both) else (e,):
            denied = isinstance(part, ir.Complement)
            dfa = symbolic_dfa(part.body if isinstance(part, ir.Complement) else part, self.limits)
            (outside if denied else inside).append(dfa)
            size *= len(dfa.rows) + denied
        if size > self.limits.leaf_states:
            return None
        if not inside:
            inside.append(symbolic_dfa(ir.ANY_TEXT, self.limits))
        return is_empty_between(inside, outside, self.limits.leaf_states)

    def disjoint(self, a: ir.Expr, b: ir.Expr) -> bool:
        """Whether no string matches both."""
        if a is ir.NEVER or b is ir.NEVER:
            return True
        if a is b:
            return self.is_empty(a)
        alphabet = Alphabet()
        first, second = (draft_of(symbolic_dfa(e, self.limits), alphabet) for e in (a, b))
        return is_disjoint(first, second, self.limits.leaf_states)

    def matches(self, e: ir.Expr, text: str) -> bool:
        """Whether `text` matches."""
        return symbolic_dfa(e, self.limits).matches(text)

    def shortest(self, e: ir.Expr) -> str | None:
        """A shortest string that matches, the least in code-point order; None when there is none."""
        if excluded_words(e) is not None:  # words have characters
            return ""
        return symbolic_dfa(e, self.limits).shortest()

    def strings(self, e: ir.Expr, most: int) -> tuple[str, ...] | None:
        """All strings that match, shorter ones first, then in code-point order; None when there are over `most`."""
        return symbolic_dfa(e, self.limits).strings(most)

    def runs_out(self, e: ir.Expr) -> bool:
        """Whether some prefix of a match is a prefix of only finitely many."""
        return any(symbolic_dfa(e, self.limits).finite())

    def automaton(self, e: ir.Expr) -> ir.Automaton:
        """The minimal automaton of a regular expression."""
        return symbolic_dfa(e, self.limits)


def _is_endless(e: ir.Expr) -> bool:
    """Whether it visibly is nearly every text: those of some length on, but for some words."""
    parts = ir.children(e) if isinstance(e, ir.Both) else (e,)
    return all(
        part.body is ir.ANY_CHAR and part.high is None
        if isinstance(part, ir.Repeat)
        else excluded_words(part) is not None
        for part in parts
    )
