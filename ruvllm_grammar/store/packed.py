"""Rows as few integers: the words that differ from all-legal or all-illegal, or all words where that is shorter.

```text
[0 or -1, n, n places, n words]    every other word is 0 (or -1)
[1, W words]                       as they are
```
"""

from __future__ import annotations

import numpy as np

from ruvllm_grammar.kernels.layout import I32

_WHOLE = 1


def packed(words: I32) -> I32:
    """int32: a row's words, int32[W], in the shortest of these forms."""
    best: I32 = np.concatenate([np.array([_WHOLE], np.int32), words])
    for usual in (0, -1):
        places = np.flatnonzero(words != usual).astype(np.int32)
        if 2 * len(places) + 2 < len(best):
            best = np.concatenate([np.array([usual, len(places)], np.int32), places, words[places]])
    return best


def unpacked(item: I32, words: int) -> I32:
    """int32[words], writable: the row that `packed` was given."""
    usual = int(item[0])
    if usual == _WHOLE:
        return item[1:].copy()
    n = int(item[1])
    out = np.full(words, usual, np.int32)
    out[item[2 : 2 + n]] = item[2 + n : 2 + 2 * n]
    return out
