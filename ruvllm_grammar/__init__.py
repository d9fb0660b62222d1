"""RuvLLM structured generation: grammars compiled to byte automata and applied as token masks.

```python
import ruvllm_grammar as rg

vocabulary = rg.Vocabulary.from_tokens([bytes([b]) for b in range(256)] + [None], eos={256})
grammar = rg.compile(rg.JsonSchema({"type": "integer", "minimum": 1}), vocabulary)
grammar.accepts("12")
```
"""

from ruvllm_grammar.api import Json, JsonSchema, Regex, Source, check, compile
from ruvllm_grammar.errors import (
    CacheError,
    GrammarError,
    LimitError,
    MatchError,
    RequestError,
    RuvllmError,
    SchemaError,
    SyntaxGrammarError,
    UnsatisfiableGrammar,
    UnsupportedKeyword,
    VocabularyError,
)
from ruvllm_grammar.ir import Guard
from ruvllm_grammar.jsonschema import Report
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.match import CompiledGrammar, Matcher, fill_bitmask
from ruvllm_grammar.store import CacheStats, TableCache
from ruvllm_grammar.tables import Row, allocate_bitmask, apply_bitmask
from ruvllm_grammar.vocab import Vocabulary

__all__ = [
    "CacheError",
    "CacheStats",
    "CompiledGrammar",
    "GrammarError",
    "Guard",
    "Json",
    "JsonSchema",
    "LimitError",
    "Limits",
    "MatchError",
    "Matcher",
    "Regex",
    "Report",
    "RequestError",
    "Row",
    "RuvllmError",
    "SchemaError",
    "Source",
    "SyntaxGrammarError",
    "TableCache",
    "UnsatisfiableGrammar",
    "UnsupportedKeyword",
    "Vocabulary",
    "VocabularyError",
    "allocate_bitmask",
    "apply_bitmask",
    "check",
    "compile",
    "fill_bitmask",
]
