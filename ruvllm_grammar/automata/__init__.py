"""Byte automata of leaf languages: construction, boolean algebra, spellings, minimal canonical tables."""

from ruvllm_grammar.automata.algebra import RegularAlgebra
from ruvllm_grammar.automata.dfa import DEAD, START, Dfa
from ruvllm_grammar.automata.leaf import leaf_dfa, spelled_char_dfa, symbolic_dfa
from ruvllm_grammar.automata.symbolic import SymbolicDfa

__all__ = [
    "DEAD",
    "START",
    "Dfa",
    "RegularAlgebra",
    "SymbolicDfa",
    "leaf_dfa",
    "spelled_char_dfa",
    "symbolic_dfa",
]
