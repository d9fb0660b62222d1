"""`Dfa`: a minimal byte automaton as a frozen record of arrays.

The form that everything below the algebra works on. Bytes that the automaton never tells apart share a *class*, so a
row has a few columns instead of 256. Two automata of one language have equal arrays: numbering is canonical, which
makes their digest a content address.

```text
"ab"|"cb"        class 0: other bytes, 1: a and c, 2: b

state   0  1  2
0 DEAD  0  0  0
1 START 0  2  0
2       0  0  3
3 *     0  0  0
```
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ruvllm_grammar.automata.symbolic import distances

#: The state from which nothing is accepted.
DEAD = 0
#: Where reading starts.
START = 1


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """What an automaton of "anything but these words" has in common with that of anything.

    Whatever begins in a state and does not end leads on exactly if it does so from the state beside it: of a state's
    row of tokens, only those that end the text can differ.

    Attributes:
        free: the automaton of anything.
        state: int32[n_states], the state of `free` that the same bytes lead to; `DEAD` for `DEAD`.
        excludes: bool[n_states], whether some excluded word goes on from here; elsewhere the rests are equal.
    """

    free: Dfa
    state: npt.NDArray[np.int32]
    excludes: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        self.state.setflags(write=False)
        self.excludes.setflags(write=False)


@dataclass(frozen=True, slots=True, eq=False)
class Dfa:
    """A minimal deterministic automaton over bytes. Arrays are read-only; safe to share between threads.

    Attributes:
        byte_to_class: uint8[256], the column of every byte.
        transitions: int32[n_states, n_classes], C-contiguous: the next state.
        accepting: bool[n_states].
        beside: of automata of "anything but these words" (`exclusion`); says nothing about the language.

    Invariants, by the numbers that `check` uses:

    1. dtypes, shapes, contiguity and read-only flags as above; at least the states `DEAD` and `START`.
    2. Every transition leads to a state; every class is used by some byte.
    3. `DEAD` leads only to itself and does not accept.
    4. Every other state reaches an accepting one (unless the language is empty: then there are only `DEAD` and
       `START`, and `START` leads only to `DEAD`).
    5. Classes are numbered by their smallest byte, and no two columns are equal.
    6. States from `START` on are numbered breadth first, classes ascending; so all are reachable.
    7. No two states accept the same language.
    """

    byte_to_class: npt.NDArray[np.uint8]
    transitions: npt.NDArray[np.int32]
    accepting: npt.NDArray[np.bool_]
    beside: Beside | None = field(default=None, repr=False, kw_only=True)
    _digest: list[bytes] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        for array in (self.byte_to_class, self.transitions, self.accepting):
            array.setflags(write=False)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Dfa):
            return NotImplemented
        return (
            np.array_equal(self.byte_to_class, other.byte_to_class)
            and np.array_equal(self.transitions, other.transitions)
            and np.array_equal(self.accepting, other.accepting)
        )

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Dfa({self.n_states} states, {self.n_classes} classes, {self.digest.hex()[:12]})"

    @property
    def n_states(self) -> int:
        """Number of states, `DEAD` and `START` included."""
        return len(self.accepting)

    @property
    def n_classes(self) -> int:
        """Number of byte classes."""
        return int(self.transitions.shape[1])

    @property
    def nbytes(self) -> int:
        """Memory of the arrays, in bytes."""
        return self.byte_to_class.nbytes + self.transitions.nbytes + self.accepting.nbytes

    @property
    def is_empty(self) -> bool:
        """Whether nothing matches."""
        return not self.accepting.any()

    @property
    def digest(self) -> bytes:
        """SHA-256 over sizes and arrays, little-endian: equal exactly for equal languages. Worked out once."""
        if not self._digest:
            found = hashlib.sha256(np.array(self.transitions.shape, "<i8").tobytes())
            found.update(self.byte_to_class.data)
            found.update(self.transitions.astype("<i4", copy=False).data)
            found.update(np.packbits(self.accepting).data)
            self._digest.append(found.digest())
        return self._digest[0]

    def step(self, state: int, data: bytes) -> int:
        """The state after `data`, `DEAD` when nothing can follow."""
        classes, transitions = self.byte_to_class, self.transitions
        for byte in data:
            state = transitions.item(state, classes.item(byte))
        return state

    def matches(self, data: bytes) -> bool:
        """Whether the whole of `data` matches."""
        return bool(self.accepting[self.step(START, data)])

    def successors(self) -> list[list[int]]:
        """Per state the live states that one byte leads to, each once, ascending by class."""
        return [[t for t in dict.fromkeys(row) if t] for row in self.transitions.tolist()]

    def distances(self) -> npt.NDArray[np.int32]:
        """int32[n_states]: bytes to the nearest accepting state; -1 where there is none."""
        return np.array(distances(self.successors(), self.accepting.tolist()), np.int32)

    def live_bytes(self) -> npt.NDArray[np.int32]:
        """int32[n_states]: how many bytes lead to another state than `DEAD`."""
        weight = np.bincount(self.byte_to_class, minlength=self.n_classes).astype(np.int32)
        live: npt.NDArray[np.int32] = ((self.transitions != DEAD) @ weight).astype(np.int32)
        return live

    def shortest(self) -> bytes | None:
        """A shortest byte string that matches, the least of them; None when there is none."""
        if self.is_empty:
            return None
        remaining = self.distances()
        smallest = [int(np.argmax(self.byte_to_class == c)) for c in range(self.n_classes)]
        state, out = START, bytearray()
        while not self.accepting[state]:
            row = self.transitions[state]
            column = int(np.argmax((row != DEAD) & (remaining[row] == remaining[state] - 1)))
            out.append(smallest[column])
            state = int(row[column])
        return bytes(out)

    def check(self) -> None:
        """Verify the invariants.

        Raises:
            ValueError: one does not hold; the message names it. That is a bug in whoever built the automaton.
        """
        states, classes = self.n_states, self.n_classes
        shaped = (
            self.byte_to_class.dtype == np.uint8
            and self.byte_to_class.shape == (256,)
            and self.transitions.dtype == np.int32
            and self.transitions.shape == (states, classes)
            and self.transitions.flags.c_contiguous
            and self.accepting.dtype == np.bool_
            and states >= 2
            and not any(a.flags.writeable for a in (self.byte_to_class, self.transitions, self.accepting))
        )
        _require(shaped, 1, "dtypes, shapes, contiguity or flags are wrong")
        inside = self.transitions.min() >= 0 and self.transitions.max() < states
        used = np.array_equal(np.unique(self.byte_to_class), np.arange(classes))
        _require(bool(inside and used), 2, "a transition leads outside, or a class has no byte")
        _require(not self.transitions[DEAD].any() and not self.accepting[DEAD], 3, "DEAD is not dead")
        if self.is_empty:
            _require(states == 2 and not self.transitions.any(), 4, "the empty language has needless states")
        else:
            alive = self.distances() >= 0
            _require(bool(alive[START:].all()), 4, f"state {int(np.argmin(alive[START:])) + 1} is dead")
        firsts = [int(np.argmax(self.byte_to_class == c)) for c in range(classes)]
        columns = {self.transitions[:, c].tobytes() for c in range(classes)}
        _require(firsts == sorted(firsts) and len(columns) == classes, 5, "classes are not canonical")
        order, seen = [START], {DEAD, START}
        for state in order:
            new = [t for t in dict.fromkeys(self.transitions[state].tolist()) if t not in seen]
            seen.update(new)
            order.extend(new)
        _require(order == list(range(START, states)), 6, "states are not numbered breadth first")
        _require(self._is_minimal(), 7, "two states accept the same language")

    def _is_minimal(self) -> bool:
        """Moore's refinement, to the end: checks what construction arranged by other means."""
        block = self.accepting.astype(np.int32)
        count = len(np.unique(block))
        while count < self.n_states:
            rows = np.concatenate([block[:, None], block[self.transitions]], axis=1)
            _, inverse = np.unique(rows, axis=0, return_inverse=True)
            block = inverse.reshape(-1).astype(np.int32)
            new = int(block.max()) + 1
            if new == count:
                return self.is_empty  # there START and DEAD are twins, and both stay
            count = new
        return True


def _require(holds: bool, number: int, problem: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not holds:
        msg = f"invariant {number} of Dfa does not hold: {problem}"
        raise ValueError(msg)


def empty_dfa() -> Dfa:
    """The automaton of the empty language."""
    return Dfa(np.zeros(256, np.uint8), np.zeros((2, 1), np.int32), np.zeros(2, np.bool_))
