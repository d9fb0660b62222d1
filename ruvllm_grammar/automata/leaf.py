"""Leaves: the byte automata of regular expressions, remembered.

Expressions are hash-consed, so the expression itself is the key of the memo, which keeps it alive. The memos drop what
was used longest ago when their automata outgrow a fixed number of bytes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from ruvllm_grammar import ir
from ruvllm_grammar.automata.construct import construct
from ruvllm_grammar.automata.dfa import Dfa
from ruvllm_grammar.automata.encode import Encoding, encode
from ruvllm_grammar.automata.exclusion import any_but, excluded_words, names_but
from ruvllm_grammar.automata.nfa import states_limit
from ruvllm_grammar.automata.symbolic import SymbolicDfa
from ruvllm_grammar.automata.words import words_dfa
from ruvllm_grammar.errors import GrammarError
from ruvllm_grammar.limits import Limits

_V = TypeVar("_V")


class _Memo(Generic[_V]):
    """A thread-safe least-recently-used memo of at most `max_bytes`."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._held = 0
        self._entries: OrderedDict[tuple[ir.Expr, object], tuple[_V, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[ir.Expr, object], make: Callable[[], _V], size: Callable[[_V], int]) -> _V:
        with self._lock:
            found = self._entries.get(key)
            if found is not None:
                self._entries.move_to_end(key)
                return found[0]
        value = make()
        cost = size(value)
        with self._lock:
            if key not in self._entries and cost <= self._max_bytes:
                self._entries[key] = value, cost
                self._held += cost
                while self._held > self._max_bytes:
                    _, (_, freed) = self._entries.popitem(last=False)
                    self._held -= freed
        return value


_leaves: _Memo[Dfa] = _Memo(32 << 20)
_symbolic: _Memo[SymbolicDfa] = _Memo(32 << 20)


def symbolic_dfa(e: ir.Expr, limits: Limits) -> SymbolicDfa:
    """The minimal automaton over code points of a regular expression, remembered.

    Raises:
        GrammarError: `e` is not regular.
        LimitError: it needs more than `Limits.leaf_states` states, here or on the way.
    """
    found = _symbolic.get(
        (e, None),
        lambda: _constructed(e, limits),
        lambda dfa: 500 + 120 * len(dfa.rows) + 130 * sum(map(len, dfa.rows)),
    )
    if len(found.rows) > limits.leaf_states:
        raise states_limit(len(found.rows), limits.leaf_states)
    return found


def _constructed(e: ir.Expr, limits: Limits) -> SymbolicDfa:
    words = excluded_words(e)
    if words is not None:
        return any_but(words)
    return construct(e, limits.leaf_states, known=lambda part: symbolic_dfa(part, limits))


def leaf_dfa(e: ir.Expr, limits: Limits) -> Dfa:
    """The minimal byte automaton of a leaf, remembered.

    Args:
        e: `ir.Leaf` or any regular expression (its UTF-8), or `ir.JsonString` (every JSON spelling, or the canonical
            one).
        limits: `leaf_states` bounds the states, here and on the way.

    Raises:
        GrammarError: `e` is neither.
        LimitError: it needs more than `Limits.leaf_states` states.
    """
    if isinstance(e, ir.JsonString):
        quoted = Encoding.JSON_NAME if e.canonical else Encoding.JSON_STRING
        return _encoded(e.body, quoted if e.quoted else Encoding.JSON_CHARS, limits)
    if isinstance(e, ir.Leaf):
        return _encoded(e.body, Encoding.UTF8, limits)
    if not e.regular:
        msg = f"only leaves, JSON strings and regular expressions have one automaton, got {e!r}"
        raise GrammarError(msg)
    return _encoded(e, Encoding.UTF8, limits)


def _encoded(body: ir.Expr, encoding: Encoding, limits: Limits) -> Dfa:
    limit = limits.leaf_states
    found = _leaves.get(
        (body, encoding),
        lambda: _built(body, encoding, limits),
        lambda dfa: dfa.nbytes + 1_000,
    )
    if found.n_states > limit:
        raise states_limit(found.n_states, limit)
    return found


def _built(body: ir.Expr, encoding: Encoding, limits: Limits) -> Dfa:
    if encoding is Encoding.UTF8 and isinstance(body, ir.Alt):
        words = [part.data for part in body.parts if isinstance(part, ir.Literal)]
        if len(words) == len(body.parts):
            return words_dfa(words, limits.leaf_states)
    if encoding is Encoding.JSON_NAME:
        excluded = excluded_words(body)
        if excluded is not None:
            return names_but(excluded, _encoded(ir.ANY_TEXT, encoding, limits), limits.leaf_states)
    return encode(symbolic_dfa(body, limits), encoding, limits.leaf_states)


def spelled_char_dfa() -> Dfa:
    """Every JSON spelling of exactly one character, without quotes."""
    return _encoded(ir.ANY_CHAR, Encoding.JSON_CHARS, Limits())
