"""ECMA-262 regular expressions, as JSON Schema's `pattern` means them, into regular expressions of the IR."""

from ruvllm_grammar.syntax.regex.reader import read_pattern

__all__ = ["read_pattern"]
