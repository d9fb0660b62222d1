"""All kernels that run a grammar's program, under one name; importing it compiles or loads them.

They live in files that can be compiled at the same time, because none of them contains code of another: `closure` makes
super-states, `walks` follows texts and tries through them, `gather` lists what may follow, `leaves` works on
single automata.
"""

from __future__ import annotations

from ruvllm_grammar.kernels.closure import (
    close,
    intern_node,
    intern_state,
    push,
    refresh_distances,
    rehash,
    step_anew,
)
from ruvllm_grammar.kernels.gather import gather, hash_tokens
from ruvllm_grammar.kernels.jit import addresses
from ruvllm_grammar.kernels.leaves import (
    branches,
    counted_frame,
    leaf_distances,
    leaf_frame,
    relax_distances,
    survives,
)
from ruvllm_grammar.kernels.walks import (
    advance,
    advance_to_check,
    crossings,
    forced_bytes,
    walk,
)

#: Of the kernels that are apart: the head of `Arena.pointers`.
ADDRESSES = addresses()

__all__ = [
    "ADDRESSES",
    "advance",
    "advance_to_check",
    "branches",
    "close",
    "counted_frame",
    "crossings",
    "forced_bytes",
    "gather",
    "hash_tokens",
    "intern_node",
    "intern_state",
    "leaf_distances",
    "leaf_frame",
    "push",
    "refresh_distances",
    "rehash",
    "relax_distances",
    "step_anew",
    "survives",
    "walk",
]
