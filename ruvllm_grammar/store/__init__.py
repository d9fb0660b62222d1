"""Compiled tables on disk, safe for many processes; a file that cannot be used is a miss, never an error."""

from ruvllm_grammar.store.cache import CacheStats, TableCache, deferred

__all__ = ["CacheStats", "TableCache", "deferred"]
