"""From any regular expression to its minimal automaton over code points.

Concatenation, alternation and repetition go through one NFA and one subset construction. Boolean operators and
explicit machines inside are compiled first, innermost first, and pasted into that NFA as fragments; at the top of an
expression, where most of them stand, nothing needs pasting and the algebra's result is the answer.
"""

from __future__ import annotations

from collections.abc import Callable

from ruvllm_grammar import ir
from ruvllm_grammar.automata.alphabet import Alphabet, SetId
from ruvllm_grammar.automata.counts import without_empty_bodies
from ruvllm_grammar.automata.determinize import determinize
from ruvllm_grammar.automata.minimize import minimize
from ruvllm_grammar.automata.nfa import Nfa, states_limit
from ruvllm_grammar.automata.product import complement, draft_of, products_limit
from ruvllm_grammar.automata.symbolic import Draft, Row, SymbolicDfa, row_of
from ruvllm_grammar.automata.table import Table, symbols_of
from ruvllm_grammar.errors import GrammarError
from ruvllm_grammar.ir import CharSet

#: Pairs of states that the products of one intersection may make together, as a share of the limit: a pair costs more
#: than a state, and most of them do not last.
_PRODUCTS = 4

_NOTHING = SymbolicDfa(((),), (False,))


def construct(
    e: ir.Expr, limit: int, *, known: Callable[[ir.Expr], SymbolicDfa] | None = None
) -> SymbolicDfa:
    """The minimal automaton of a regular expression.

    Args:
        e: a regular expression.
        limit: `Limits.leaf_states`, for every automaton on the way.
        known: remembers the automata of operands, or builds them.

    Raises:
        GrammarError: `e` is not regular.
        LimitError: an automaton on the way is too large.
    """
    if not e.regular:
        msg = f"only regular expressions become automata (no rules, tokens, marks or raw bytes), got {e!r}"
        raise GrammarError(msg)
    alphabet = Alphabet()
    fragments: dict[ir.Expr, SymbolicDfa] = {}
    for node in _boolean_nodes(e):
        if known is not None:
            for part in ir.children(node):
                operand = part.body if isinstance(node, ir.Both) and isinstance(part, ir.Complement) else part
                fragments.setdefault(operand, known(operand))
        if node not in fragments:
            fragments[node] = _boolean(node, alphabet, fragments, limit).freeze()
    return fragments[e] if e in fragments else _finish(_plain(e, alphabet, fragments, limit))


def _boolean_nodes(e: ir.Expr) -> list[ir.Expr]:
    """Intersections, complements and machines inside `e`, inner ones first.

    A complement in an intersection is subtracted, and never made by itself.
    """
    found: dict[ir.Expr, None] = {}
    seen: set[ir.Expr] = set()
    stack: list[tuple[ir.Expr, bool]] = [(e, False)]
    while stack:
        node, left = stack.pop()
        if left:
            found[node] = None
        elif node not in seen:
            seen.add(node)
            if isinstance(node, (ir.Both, ir.Complement, ir.Machine)):
                stack.append((node, True))
            subtracted = isinstance(node, ir.Both)
            stack.extend(
                (child.body if subtracted and isinstance(child, ir.Complement) else child, False)
                for child in ir.children(node)
            )
    return list(found)


def _finish(draft: Draft) -> SymbolicDfa:
    return minimize(draft).freeze()


def _plain(e: ir.Expr, alphabet: Alphabet, fragments: dict[ir.Expr, SymbolicDfa], limit: int) -> Draft:
    if e in fragments:
        return draft_of(fragments[e], alphabet)
    if e is ir.NEVER:
        return draft_of(_NOTHING, alphabet)
    nfa = Nfa(alphabet, limit)
    draft = determinize(nfa, nfa.build(without_empty_bodies(e), fragments), limit)
    return draft.trimmed() if fragments else draft


def _minimal(e: ir.Expr, alphabet: Alphabet, fragments: dict[ir.Expr, SymbolicDfa], limit: int) -> Draft:
    plain = _plain(e, alphabet, fragments, limit)
    return plain if e in fragments else minimize(plain)


def _boolean(e: ir.Expr, alphabet: Alphabet, fragments: dict[ir.Expr, SymbolicDfa], limit: int) -> Draft:
    """The minimal automaton of a boolean operator or a machine; states that nothing reaches may be left over."""
    if isinstance(e, ir.Machine):
        return minimize(_machine(e, alphabet, limit))
    if isinstance(e, ir.Complement):
        return _without(_minimal(e.body, alphabet, fragments, limit))
    operands: list[Draft] = []
    excluded: list[Draft] = []
    for part in ir.children(e):
        if isinstance(part, ir.Complement):
            excluded.append(_minimal(part.body, alphabet, fragments, limit))
        else:
            operands.append(_minimal(part, alphabet, fragments, limit))
    operands.sort(key=lambda draft: len(draft.rows))
    excluded.sort(key=lambda draft: len(draft.rows))
    if not operands:
        operands.append(_without(excluded.pop(0)))
    symbols = symbols_of((*operands, *excluded))
    result = Table.of(operands[0], symbols)
    allowed = left = max(limit // _PRODUCTS, 1)
    for without, others in ((False, operands[1:]), (True, excluded)):
        for other in others:
            pairs = result.combined(Table.of(other, symbols), left, without=without)
            if pairs is None:
                raise products_limit((allowed + 1) * _PRODUCTS, limit)
            left = max(left - len(pairs.next), 1)
            result = pairs.minimal()
    return result.draft(alphabet, symbols)


def _without(draft: Draft) -> Draft:
    """The minimal complement of a minimal automaton.

    No state of it is dead, so the place for its missing edges is like no other state, and distinct states stay
    distinct. Only the start of the empty language is dead.
    """
    denied = complement(draft).trimmed()
    return denied if any(draft.accepting) else minimize(denied)


def _machine(e: ir.Machine, alphabet: Alphabet, limit: int) -> Draft:
    """The states of an explicit machine that its start reaches."""
    if len(e.rows) > limit:
        raise states_limit(len(e.rows), limit)
    number = {0: 0}
    order = [0]
    rows: list[Row] = []
    known: dict[tuple[tuple[int, int], ...], SetId | None] = {}  # the same few digits label every state
    for state in order:
        by_target: dict[int, list[tuple[int, int]]] = {}
        for low, high, target in e.rows[state]:
            by_target.setdefault(target, []).append((low, high))
        edges = []
        for target, ranges in by_target.items():
            key = tuple(ranges)
            if key not in known:
                label = CharSet.of(*ranges)
                known[key] = alphabet.intern(label) if label else None
            name = known[key]
            if name is None:
                continue
            if target not in number:
                number[target] = len(order)
                order.append(target)
            edges.append((name, number[target]))
        rows.append(row_of(alphabet, edges))
    return Draft(alphabet, rows, [state in e.accepting for state in order]).trimmed()
