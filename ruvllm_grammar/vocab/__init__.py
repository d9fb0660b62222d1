"""Vocabularies: what each token id of a model spells, in bytes, and the prefix tree over all of them."""

from ruvllm_grammar.vocab.trie import Trie
from ruvllm_grammar.vocab.vocabulary import Vocabulary

__all__ = ["Trie", "Vocabulary"]
