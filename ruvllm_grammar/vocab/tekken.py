"""Exact bytes from Mistral's Tekken: a `Tekkenizer`, or its `tekken.json`.

The file holds more tokens than the model uses, by rank, as base64. The ids begin with the special tokens,
named or not, and of the ranks as many follow as fit the stated size:

```text
default_vocab_size 131072, default_num_special_tokens 1000, 150000 ranks
id 0 .. 999        special: <unk>, <s>, </s>, [INST], ... <SPECIAL_999>
id 1000 .. 131071  ranks 0 .. 130071
```
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from ruvllm_grammar.errors import VocabularyError
from ruvllm_grammar.vocab.ranks import RankEncoder
from ruvllm_grammar.vocab.reading import Reading, file_bytes, table

# Files before version 7 do not name their special tokens.
# fmt: off
_FIRST_NAMES = (
    "<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]",
    "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]",
    "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]",
)
# fmt: on


def read(tekkenizer: Any) -> Reading:
    """Read a `mistral_common` Tekkenizer, or anything that has the same methods."""
    reading = Reading(
        origin=f"tokenizer {type(tekkenizer).__name__}",
        tokens=[],
        eos={tekkenizer.eos_id},
        encode=lambda text: tekkenizer.encode(text, bos=False, eos=False),
    )
    for i in range(tekkenizer.n_words):
        if i < tekkenizer.num_special_tokens:
            reading.put_special(i, tekkenizer.id_to_piece(i))
        else:
            reading.put(i, tekkenizer.id_to_byte_piece(i))
    return reading


def read_file(path: str | Path) -> Reading:
    """Read a `tekken.json`.

    Raises:
        VocabularyError: the file cannot be read or is not one.
    """
    origin = f"tokenizer file {path}"
    try:
        described = json.loads(file_bytes(path))
        size = int(described["config"]["default_vocab_size"])
        n_special = int(described["config"]["default_num_special_tokens"])
        ranks = [
            (n_special + token["rank"], base64.b64decode(token["token_bytes"]))
            for token in described["vocab"]
            if token["rank"] < size - n_special
        ]
        pattern = described["config"].get("pattern")
        named = described.get("special_tokens")
        names = {i: f"<SPECIAL_{i}>" for i in range(n_special)}
        names |= (
            dict(enumerate(_FIRST_NAMES)) if named is None else {t["rank"]: t["token_str"] for t in named}
        )
    except (ValueError, KeyError, TypeError) as reason:
        raise VocabularyError(f"{origin}: not a Tekken file: fetch it again") from reason
    reading = Reading(origin=origin, tokens=table(ranks, origin))
    if pattern is not None:
        reading.encode = RankEncoder(reading.tokens, pattern)
    for i, name in names.items():
        reading.put_special(i, name)
    reading.eos = {i for i, name in names.items() if name == "</s>"}
    return reading
