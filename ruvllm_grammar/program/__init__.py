"""Programs: expressions emitted as byte instructions, run as lazily determinised super-states."""

from ruvllm_grammar.program.emit import END_PC, RETURN_PC, LeafBlock
from ruvllm_grammar.program.machine import Cursor, Machine, memory

__all__ = ["END_PC", "RETURN_PC", "Cursor", "LeafBlock", "Machine", "memory"]
