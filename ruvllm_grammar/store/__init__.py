"""Compiled tables on disk, safe for many processes; a file that cannot be used is a miss, never an error."""

from ruvllm_grammar.store.cache import CacheStats, TableCache, default_path, deferred
from ruvllm_grammar.store.folder import Entry

__all__ = ["CacheStats", "Entry", "TableCache", "default_path", "deferred"]
