"""The command line `ruvllm-grammar`."""

from __future__ import annotations

from ruvllm_grammar.cli.app import app, main

__all__ = ["app", "main"]
