"""One grammar as the sections of a file, and back.

A file holds the machine's image (`program.image`), the map from super-states to rows, the rows that are small, and what
the API says without asking the program: the start rule, the guards, the identity. Large rows are the same in many
grammars and stand in the vocabulary's segments; the file has their keys.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from ruvllm_grammar import ir
from ruvllm_grammar.errors import CacheError
from ruvllm_grammar.kernels.layout import I32
from ruvllm_grammar.program import Image
from ruvllm_grammar.store.container import Array
from ruvllm_grammar.store.packed import packed, unpacked
from ruvllm_grammar.store.segments import Key
from ruvllm_grammar.tables import Known, SavedRows

_SMALL: Final = 128  # int32 of a packed row that stays with its grammar; that of the start always does
_ROWS: Final = (
    "row_states",
    "row_numbers",
    "row_farthest",
    "row_meets",
    "row_gates",
    "row_low",
    "row_high",
    "row_from",
    "row_data",
)

_IMAGE: Final = (
    "numbers", "log", "leaves", "code", "leaf_next", "leaf_class", "pc_distance", "nodes", "edges", "configs", "states",
    "usual", "at", "to", "records", "record_next",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Facts:
    """What a grammar answers without its program.

    Attributes:
        start: name of the start rule.
        key: of the `ir.Grammar`.
        guards: as the reader found them.
        lenient: whether there is a lenient grammar.
    """

    start: str
    key: bytes
    guards: tuple[ir.Guard, ...]
    lenient: bool

    @classmethod
    def of(cls, grammar: ir.Grammar) -> Facts:
        """The facts of a grammar."""
        return cls(grammar.start, grammar.key, grammar.guards, grammar.lenient is not None)


def sections_of(
    facts: Facts, image: Image, rows: Iterable[Known], steps: Mapping[tuple[int, int], int]
) -> tuple[dict[str, Array], dict[Key, I32]]:
    """The sections of a grammar's file, and the packed rows that belong into segments.

    Args:
        facts: of the grammar.
        image: of its machine.
        rows: what is known of its super-states.
        steps: super-states by super-state and token.
    """
    described = {
        "start": facts.start,
        "guards": [(guard.pointer, guard.reason) for guard in facts.guards],
        "lenient": facts.lenient,
    }
    sections: dict[str, Array] = {
        "facts": _bytes(json.dumps(described).encode()),
        "key": _bytes(facts.key),
        "names": _bytes(image.names),
        **image.arrays,
    }
    start = image.number("start")
    number = {state: n for n, state in enumerate(image.kept.tolist())}
    numbers: dict[Key, int] = {}
    small: list[I32] = []
    shared: dict[Key, I32] = {}
    found = []
    for one in sorted(rows, key=lambda one: one.state):
        state = number.get(one.state)
        if state is None:
            continue
        words = one.words()
        key = _content_key(words)
        if key not in numbers:
            numbers[key] = len(numbers)
            item = packed(words)
            stays = len(item) <= _SMALL or state == start
            small.append(item if stays else item[:0])
            if not stays:
                shared[key] = item
        found.append((state, numbers[key], one.farthest, int(one.meets), one.gate))
    taken = sorted(
        (number[state] << 32 | token, number[to])
        for (state, token), to in steps.items()
        if state in number and to in number
    )
    columns = np.array(found, np.int32).reshape(-1, 5).T
    sections |= {
        "steps": np.array([step for step, _ in taken], np.int64),
        "step_to": np.array([to for _, to in taken], np.int32),
        "row_states": columns[0],
        "row_numbers": columns[1],
        "row_farthest": columns[2],
        "row_meets": columns[3].astype(np.uint8),
        "row_gates": columns[4],
        "row_low": np.array([key[0] for key in numbers], np.uint64),
        "row_high": np.array([key[1] for key in numbers], np.uint64),
        "row_from": np.concatenate([[0], np.cumsum([len(item) for item in small])]).astype(np.int64),
        "row_data": np.concatenate([np.empty(0, np.int32), *small]),
    }
    return sections, shared


def _content_key(words: I32) -> Key:
    digest = hashlib.blake2b(words.tobytes(), digest_size=16).digest()
    return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")


def _bytes(data: bytes) -> Array:
    return np.frombuffer(data, np.uint8)


def restored(
    sections: Mapping[str, Array], words: int, shared: Callable[[Key], I32 | None]
) -> tuple[Facts, Image, SavedRows]:
    """What `sections_of` was given.

    Args:
        sections: of the file.
        words: W of the vocabulary.
        shared: packed rows from the segments, by key.

    Raises:
        CacheError: the file is not one of a grammar.
    """
    try:
        image = Image({name: sections[name] for name in _IMAGE}, sections["names"].tobytes())
        described = json.loads(sections["facts"].tobytes())
        facts = Facts(
            described["start"],
            sections["key"].tobytes(),
            tuple(ir.Guard(pointer, reason) for pointer, reason in described["guards"]),
            bool(described["lenient"]),
        )
        states, numbers, farthest, meets, gates, low, high, first, data = (sections[name] for name in _ROWS)
    except (KeyError, TypeError, ValueError) as error:
        raise CacheError(f"foreign: not the tables of a grammar ({error})") from error

    def words_of(number: int) -> I32 | None:
        begin, stop = int(first[number]), int(first[number + 1])
        item = data[begin:stop] if stop > begin else shared((int(low[number]), int(high[number])))
        return None if item is None else unpacked(item, words)

    return (
        facts,
        image,
        SavedRows(states, numbers, farthest, meets, gates, words_of, sections["steps"], sections["step_to"]),
    )
