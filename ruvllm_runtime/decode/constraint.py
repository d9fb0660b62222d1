"""A grammar's matcher as the decode loop uses it: masks, forced tokens, and a budget that closes documents.

`finish_within` is on for every constrained request. It keeps a token legal only while the document can still be
completed in what remains of `max_tokens` after it, so an answer is never cut:

    schema {"type": "array"}, max_tokens 6:  [  1  ,  2  ]  <end>      after "2" only "]" is legal
"""

from __future__ import annotations

import ruvllm_grammar as rg
from ruvllm_runtime.errors import TokenBudgetError


def start_within(grammar: rg.CompiledGrammar, budget: int, *, param: str) -> rg.Matcher:
    """A matcher at the start of a document of at most `budget` tokens, the end token included.

    Args:
        grammar: the document's grammar.
        budget: tokens.
        param: what the caller calls the budget.

    Raises:
        TokenBudgetError: no document of the grammar is that short.
        LimitError: the grammar exceeds a budget of the compiler, found only now that all of it is needed.
    """
    matcher = grammar.matcher()
    try:
        matcher.finish_within(budget)
    except rg.LimitError as error:
        if error.limit != "max_tokens":
            raise
        at_least = "" if error.needed is None else f"; {error.needed} would do"
        raise TokenBudgetError(
            f"no valid document is shorter than {param} = {budget}{at_least}", needed=error.needed
        ) from error
    return matcher


class Constraint:
    """The grammar's side of one request."""

    def __init__(self, grammar: rg.CompiledGrammar, max_tokens: int) -> None:
        """Stand at the start of a document of at most `max_tokens` tokens, the end token included.

        Raises:
            TokenBudgetError: no document of the grammar is that short.
        """
        self.grammar = grammar
        self._matcher = start_within(grammar, max_tokens, param="max_tokens")

    def legal(self) -> rg.Row:
        """The legal next tokens."""
        return self._matcher.legal()

    def accept(self, token: int) -> None:
        """Move over a token.

        Raises:
            MatchError: it is not legal here; a loop that obeys the mask never sees this.
        """
        self._matcher.accept(token)

    def rollback(self, n: int) -> None:
        """Take back the last `n` tokens."""
        self._matcher.rollback(n)

    def forced(self) -> list[int]:
        """Tokens that spell the only possible continuation, in order; often none.

        With guards even that may be refused on the way; what stands before is returned, and then comes a dead end.
        """
        tokens = self._matcher.forced()
        if not tokens or not self.grammar.guards:
            return tokens
        ahead = self._matcher.fork()
        for i, token in enumerate(tokens):
            try:
                ahead.accept(token)
            except rg.MatchError:
                return tokens[:i]
        return tokens

    @property
    def is_accepting(self) -> bool:
        """Whether the document is complete as it stands."""
        return self._matcher.is_accepting

    @property
    def is_finished(self) -> bool:
        """Whether the end token has been accepted."""
        return self._matcher.is_finished
