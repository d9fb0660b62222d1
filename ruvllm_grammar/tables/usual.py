"""Usual text: the tokens that nearly every string may go on with, and the trie of the others.

Inside most strings, be they free or searched for a pattern, anything may follow but a quote, a backslash, a control
character and a few line ends. Nine tokens in ten consist of nothing else. Where a leaf survives all such text (checked
on the automaton, `kernels.leaves.survives`), these tokens stay without being looked at, and a walk of the other ones
is a twentieth of a whole one: 11,000 nodes of 275,000 under Llama 3's vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ruvllm_grammar import ir
from ruvllm_grammar.automata import Dfa, leaf_dfa
from ruvllm_grammar.kernels.layout import I32
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.tables.row import set_bits
from ruvllm_grammar.vocab import Vocabulary

#: Neither in need of an escape, nor a line end or blank that patterns often leave out.
_USUAL: Final = ir.CharSet.of(
    (0x20, 0x21), (0x23, 0x5B), (0x5D, 0x84), (0x86, 0x2027), (0x202A, 0xFEFE), (0xFF00, 0x10FFFF)
)


@dataclass(frozen=True, slots=True, eq=False)
class Usual:
    """What is known once per vocabulary.

    Attributes:
        dfa: the automaton of usual text.
        bits: int32[W] of tokens that are the beginning of such text (a token may end within a character).
        hash: two words, of these tokens.
        nodes: int32[n, 4], the trie of all other tokens; its token ranges are those of the whole trie's `order`.
        origin: int32[n], where these nodes stand in the whole trie.
    """

    dfa: Dfa
    bits: I32
    hash: tuple[int, int]
    nodes: I32
    origin: I32


def usual_text(vocabulary: Vocabulary) -> Usual:
    """Sort the tokens of a vocabulary. Cost: a walk of the trie and a few passes over its arrays, some milliseconds."""
    from ruvllm_grammar.kernels.structure import hash_tokens, leaf_distances, leaf_frame

    dfa = leaf_dfa(ir.leaf(ir.repeat(ir.chars(_USUAL), 0)), Limits())
    trie = vocabulary.trie
    distance = np.empty(dfa.n_states, np.int32)
    leaf_distances(dfa.transitions, dfa.accepting, distance)
    path, twin = np.zeros((2, trie.max_depth + 2), np.int32)
    more, less = np.empty((2, max(len(trie.order), 1)), np.int32)
    counts = np.zeros(5, np.int64)
    none = np.empty(0, np.int32)
    leaf_frame(
        dfa.byte_to_class, dfa.transitions, dfa.accepting, distance, 1, 0, trie.nodes, trie.order,
        path, twin, more, less, none, none, counts,
    )  # fmt: skip
    tokens = more[: counts[0]]
    bits = np.zeros(vocabulary.words, np.int32)
    set_bits(bits, tokens)
    bits.setflags(write=False)
    # A branch is kept where some token below its node is not usual.
    usual = np.zeros(vocabulary.size, np.bool_)
    usual[tokens] = True
    others = np.concatenate([[0], np.cumsum(~usual[trie.order])])
    ends, low, high = trie.nodes[:, 1], trie.nodes[:, 2], trie.nodes[:, 3]
    kept = others[high[ends - 1]] > others[low]
    place = np.concatenate([[0], np.cumsum(kept)]).astype(np.int32)
    origin = np.flatnonzero(kept).astype(np.int32)
    nodes = trie.nodes[origin].copy()
    nodes[:, 1] = place[nodes[:, 1]]
    same = others[nodes[:, 2]] == others[nodes[:, 3]]  # usual tokens, or none, end here
    nodes[same, 3] = nodes[same, 2]
    nodes.setflags(write=False)
    return Usual(dfa, bits, hash_tokens(tokens), nodes, origin)
