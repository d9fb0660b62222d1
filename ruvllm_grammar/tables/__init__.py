"""Tables: rows of legal tokens, shared by content, and the frames they are made from."""

from ruvllm_grammar.tables.bitmask import allocate_bitmask, apply_bitmask, mask_words
from ruvllm_grammar.tables.build import RowBuilder, VocabularyTables, tables_for
from ruvllm_grammar.tables.forced import LOOK_BACK, Speller
from ruvllm_grammar.tables.row import Row
from ruvllm_grammar.tables.saved import Known, SavedRows

__all__ = [
    "LOOK_BACK",
    "Known",
    "Row",
    "RowBuilder",
    "SavedRows",
    "Speller",
    "VocabularyTables",
    "allocate_bitmask",
    "apply_bitmask",
    "mask_words",
    "tables_for",
]
