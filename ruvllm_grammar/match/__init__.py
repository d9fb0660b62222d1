"""Matchers: cursors over compiled grammars."""

from ruvllm_grammar.match.batch import fill_bitmask
from ruvllm_grammar.match.compiled import CompiledGrammar
from ruvllm_grammar.match.matcher import Matcher

__all__ = ["CompiledGrammar", "Matcher", "fill_bitmask"]
