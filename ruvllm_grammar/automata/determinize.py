"""Subset construction: one deterministic state for every set of nodes the NFA may be in.

```text
(a|ab)c     start {a1, a2};  a -> {c, b};  c -> {ACCEPT};  b -> {c}
```

Where several nodes of a set read characters, their labels are cut into disjoint pieces, and each piece leads to the
union of what its labels lead to. Most sets hold one node, whose row is one edge.

Cost: exponential at worst. `(a|b)*a(a|b){n}` has 2^(n+1) states and no smaller automaton exists, so states, and the
nodes in all of them together, are counted as they appear and the budget stops both.

Lineage: Rabin and Scott, "Finite automata and their decision problems" (1959).
"""

from __future__ import annotations

from ruvllm_grammar.automata.nfa import ACCEPT, NODES_PER_STATE, Nfa, Node, states_limit
from ruvllm_grammar.automata.symbolic import Draft, Row, row_of


def determinize(nfa: Nfa, entry: Node, limit: int) -> Draft:
    """The deterministic automaton of everything between `entry` and `ACCEPT`; only reachable states.

    Raises:
        LimitError: more than `limit` states.
    """
    alphabet, symbol, target = nfa.alphabet, nfa.symbol, nfa.target
    closure, pruned = nfa.closure, nfa.pruned
    start = closure(entry)
    number: dict[tuple[Node, ...], int] = {start: 0}
    queue = [start]
    rows: list[Row] = []
    accepting: list[bool] = []
    held = 0

    def state_of(subset: tuple[Node, ...]) -> int:
        nonlocal held
        found = number.get(subset)
        if found is None:
            found = number[subset] = len(queue)
            queue.append(subset)
            held += len(subset)
            if found >= limit or held > limit * NODES_PER_STATE:
                raise states_limit(found + 1, limit)
        return found

    for subset in queue:
        accepts = bool(subset) and subset[0] == ACCEPT
        accepting.append(accepts)
        if accepts:
            subset = subset[1:]
        if len(subset) == 1:
            node = subset[0]
            rows.append(((symbol[node], state_of(closure(target[node]))),))
            continue
        after: dict[int, set[Node]] = {}
        for node in subset:
            label = symbol[node]
            known = after.get(label)
            if known is None:
                after[label] = set(closure(target[node]))
            else:
                known.update(closure(target[node]))
        if len(after) <= 1:
            rows.append(tuple((label, state_of(pruned(nodes))) for label, nodes in after.items()))
            continue
        edges = []
        for piece, members in alphabet.partition(tuple(sorted(after))):
            joined = after[members[0]].union(*(after[m] for m in members[1:]))
            edges.append((piece, state_of(pruned(joined))))
        rows.append(row_of(alphabet, edges))
    return Draft(alphabet, rows, accepting)
