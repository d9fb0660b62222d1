"""The smallest automaton of a language: states that accept the same rests become one.

```text
(ab|cb)    states {b1, b2}: both [b] -> ACCEPT, one row, one state
```

The work is done on symbols (`table`); edges keep the labels they had.
"""

from __future__ import annotations

import numpy as np

from ruvllm_grammar.automata.symbolic import Draft, row_of
from ruvllm_grammar.automata.table import blocks, edges_of, symbols_of


def minimize(draft: Draft) -> Draft:
    """The minimal automaton. `draft` must be trimmed and reachable; the start stays state 0."""
    if len(draft.rows) == 1:
        return draft
    edges = edges_of(draft, symbols_of((draft,)))
    return _quotient(draft, blocks(*edges, np.array(draft.accepting, np.int32))[0].tolist())


def _quotient(draft: Draft, block: list[int]) -> Draft:
    number: dict[int, int] = {}
    chosen: list[int] = []
    for state, b in enumerate(block):
        if b not in number:
            number[b] = len(chosen)
            chosen.append(state)
    if len(chosen) == len(block):
        return draft
    merged = [number[b] for b in block]
    rows = [row_of(draft.alphabet, [(label, merged[t]) for label, t in draft.rows[s]]) for s in chosen]
    return Draft(draft.alphabet, rows, [draft.accepting[s] for s in chosen])
