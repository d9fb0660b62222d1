"""Tokens known by their names: those that reserve an id, and those that end a turn.

Checkpoints pad their vocabularies with placeholders, and converters often type these as ordinary or added
text. They are not: no text was ever tokenised to them, and a mask that allows `[PAD50259]` inside a string
lets a model write nonsense. Chat models stop with tokens which their tokenizer does not call its `eos_token`;
a grammar has to know them all, since each is forbidden until the text is complete.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

_RESERVED = re.compile(
    r"""
      \[ (PAD|unused) _? \d+ \]                                             # [PAD151646], [unused7]
    | < \|? [a-z_]* (reserved|unused|dummy|placeholder|special|extra) [a-z_]* \d+ \|? >
    | <\| [^<>|]* reserved [^<>|]* \|>                                      # <|reserved_special_token_3|>
    | <｜place▁holder▁no▁ \d+ ｜>                                            # DeepSeek
    """,
    re.VERBOSE | re.IGNORECASE,
)

STOPS = frozenset(
    {
        "</s>",
        "<eos>",
        "<|endoftext|>",
        "<|end_of_text|>",
        "<｜end▁of▁sentence｜>",
        "<|im_end|>",  # ChatML: Qwen and many others
        "<|eot_id|>",  # Llama 3
        "<|eom_id|>",  # Llama 3: ends a message that waits for a tool's answer
        "<|eot|>",  # Llama 4
        "<|eom|>",
        "<|end|>",  # Phi
        "<|end_of_turn|>",
        "<end_of_turn>",  # Gemma
        "<turn|>",
        "<|END_OF_TURN_TOKEN|>",  # Command R
        "<|return|>",  # Harmony
        "<|call|>",
    }
)


def reserved_ids(tokens: Sequence[bytes | None]) -> set[int]:
    """Ids whose token is spelled like a placeholder, however it is typed."""
    return {
        i
        for i, text in enumerate(tokens)
        if text
        and text[:1] in b"[<"
        and text[-1:] in b"]>"
        and _RESERVED.fullmatch(text.decode("utf-8", "replace"))
    }


def stop_names(names: Collection[str]) -> frozenset[str]:
    """Those of a tokenizer's named tokens that end a turn or the text."""
    stops = STOPS.intersection(names)
    if "<|return|>" in stops:
        return stops - {"<|end|>"}  # in Harmony it ends one message of several in a turn
    return stops
