"""Programs: expressions emitted as byte instructions, run as lazily determinised super-states."""

from ruvllm_grammar.program.emit import END_PC, RETURN_PC, LeafBlock
from ruvllm_grammar.program.image import Image
from ruvllm_grammar.program.machine import Cursor, Machine, StartedAnewError, memory

__all__ = ["END_PC", "RETURN_PC", "Cursor", "Image", "LeafBlock", "Machine", "StartedAnewError", "memory"]
