"""A leaf automaton as instructions, before it is known where they stand.

The same few automata (any string, numbers, white space) stand in every program; working out their instructions, live
bytes and distances took a tenth of a millisecond each time. So that is kept with the automaton's digest, and placing
one is copying arrays and adding offsets.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ruvllm_grammar.automata import Dfa
from ruvllm_grammar.kernels.layout import I32, LEAF, LEAF_END, RETURN

_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """Instructions of a leaf that would stand at address 0, its targets at 0.

    Attributes:
        code: int32[n, 4], one instruction for every state from START on.
        following: int32[n * n_classes], targets by state and class.
        dead: bool[n * n_classes], those places of `following` that lead nowhere.
        live: int32[n + 1], bytes on which a state goes on.
        distance: int32[n + 1], fewest bytes to acceptance.
    """

    code: I32
    following: I32
    dead: npt.NDArray[np.bool_]
    live: I32
    distance: I32

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(a.nbytes for a in (self.code, self.following, self.dead, self.live, self.distance))


_known: OrderedDict[bytes, Shape] = OrderedDict()
_held = 0
_lock = threading.Lock()


def shape_of(dfa: Dfa) -> Shape:
    """The instructions of an automaton; the last used 4 MB are remembered."""
    global _held  # noqa: PLW0603  one memo for the process
    with _lock:
        found = _known.get(dfa.digest)
        if found is not None:
            _known.move_to_end(dfa.digest)
            return found
    shape = _shaped(dfa)
    with _lock:
        if dfa.digest not in _known and shape.nbytes <= _BYTES:
            _known[dfa.digest] = shape
            _held += shape.nbytes
            while _held > _BYTES:
                _held -= _known.popitem(last=False)[1].nbytes
    return shape


def _shaped(dfa: Dfa) -> Shape:
    from ruvllm_grammar.kernels import structure  # numba loads on first compile, not on import

    states = dfa.n_states - 1
    following = dfa.transitions[1:].ravel() - 1
    live = np.asarray(dfa.live_bytes(), np.int32)
    code = np.zeros((states, 4), np.int32)
    code[:, 0] = np.where(dfa.accepting[1:], np.where(live[1:] > 0, LEAF_END, RETURN), LEAF)
    code[:, 1] = np.arange(states, dtype=np.int32) * dfa.n_classes
    distance = np.empty(dfa.n_states, np.int32)
    structure.leaf_distances(dfa.transitions, dfa.accepting, distance)
    return Shape(code, following, following < 0, live, distance)
