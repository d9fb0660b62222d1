"""The command line `ruvllm`."""

from __future__ import annotations

from ruvllm_runtime.cli.app import app, main

__all__ = ["app", "main"]
