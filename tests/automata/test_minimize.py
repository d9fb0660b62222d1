"""Minimisation: idempotent, language-preserving, and the quotient of a naive refinement."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ruvllm_grammar.automata.alphabet import Alphabet
from ruvllm_grammar.automata.minimize import minimize
from ruvllm_grammar.automata.symbolic import Draft, row_of
from ruvllm_grammar.ir import CharSet


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    """Trimmed automata of up to twelve states over three letters, with equal states by construction."""
    alphabet = Alphabet()
    labels = [alphabet.intern(CharSet.of(c)) for c in "abc"]
    states = draw(st.integers(1, 6))
    rows = draw(
        st.lists(
            st.lists(st.integers(-1, states - 1), min_size=3, max_size=3), min_size=states, max_size=states
        )
    )
    accepting = draw(st.lists(st.booleans(), min_size=states, max_size=states))
    copies = draw(st.lists(st.integers(0, 1), min_size=states * 3, max_size=states * 3))
    doubled = []
    for state in range(2 * states):
        edges = []
        for label, target, copy in zip(
            labels, rows[state % states], copies[3 * (state % states) :], strict=False
        ):
            if target >= 0:
                edges.append((label, target + states * ((copy + state // states) % 2)))
        doubled.append(row_of(alphabet, edges))
    return _reachable(Draft(alphabet, doubled, accepting * 2)).trimmed()


def _reachable(draft: Draft) -> Draft:
    order, number = [0], {0: 0}
    for state in order:
        for _, target in draft.rows[state]:
            if target not in number:
                number[target] = len(order)
                order.append(target)
    rows = [row_of(draft.alphabet, [(label, number[t]) for label, t in draft.rows[s]]) for s in order]
    return Draft(draft.alphabet, rows, [draft.accepting[s] for s in order])


def naive(draft: Draft) -> list[int]:
    """Moore's refinement to the end, on single letters, with nothing clever."""
    sets = draft.alphabet.sets
    block = [int(yes) for yes in draft.accepting]
    while True:
        table: dict[object, int] = {}
        new = []
        for state, row in enumerate(draft.rows):
            by_letter = {c: block[t] for label, t in row for c in "abc" if c in sets[label]}
            new.append(table.setdefault((block[state], tuple(sorted(by_letter.items()))), len(table)))
        if len(set(new)) == len(set(block)):
            return new
        block = new


@given(drafts())
def test_the_result_is_the_quotient_of_the_naive_refinement(draft):
    smallest = minimize(draft)
    classes = naive(draft)
    assert len(smallest.rows) == len(set(classes))
    twin = Draft(draft.alphabet, list(draft.rows), list(draft.accepting))
    chosen = {b: s for s, b in reversed(list(enumerate(classes)))}
    order = sorted(chosen, key=lambda b: chosen[b])
    place = {b: i for i, b in enumerate(order)}
    rows = [
        row_of(draft.alphabet, [(label, place[classes[t]]) for label, t in twin.rows[chosen[b]]])
        for b in order
    ]
    expected = Draft(draft.alphabet, rows, [twin.accepting[chosen[b]] for b in order])
    assert smallest.freeze() == expected.freeze()


@given(drafts())
def test_minimising_twice_changes_nothing(draft):
    once = minimize(draft)
    assert minimize(once).freeze() == once.freeze()


def test_a_long_chain_into_a_loop():
    """`a{300,}`, every state twice: 300 rounds of Moore would be needed."""
    alphabet = Alphabet()
    a = alphabet.intern(CharSet.of("a"))
    n = 300
    rows = []
    for state in range(2 * (n + 1)):
        level, copy = divmod(state, 2)
        rows.append(((a, 2 * min(level + 1, n) + (1 - copy)),))
    accepting = [state // 2 == n for state in range(2 * (n + 1))]
    draft = _reachable(Draft(alphabet, rows, accepting))
    smallest = minimize(draft).freeze()
    assert len(smallest.rows) == n + 1
    assert smallest.accepting == (False,) * n + (True,)
