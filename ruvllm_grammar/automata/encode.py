r"""From an automaton over code points to the minimal automaton over bytes.

Every state asks `spelling` for the byte tree of its choice of characters. States with the same choice are handled
together, as matrices: their targets, their inner nodes numbered by (shape, targets), and one gather that writes all
their rows. The result is minimal by construction (the essay of `spelling` says why) and is then numbered breadth first.

```text
[a-z]{2} in JSON   START -"-> s0 -[a-z]-> s1 -[a-z]-> s2 -"-> FINAL, and six inner nodes for the escapes of
                   each step: after \, \u, \u0, \u00, \u006, \u007
```

Cost: linear in the size of the result, in numpy apart from a few Python steps per choice and per inner node that has
several targets.
"""

from __future__ import annotations

from enum import Enum

import numpy as np
import numpy.typing as npt

from ruvllm_grammar.automata.dfa import Dfa, empty_dfa
from ruvllm_grammar.automata.nfa import states_limit
from ruvllm_grammar.automata.spelling import Form, Spelling, shape_table
from ruvllm_grammar.automata.symbolic import SymbolicDfa
from ruvllm_grammar.ir import CharSet

_Ints = npt.NDArray[np.int64]


class Encoding(Enum):
    """What the bytes of a text look like."""

    UTF8 = "the text in UTF-8"
    JSON_STRING = "a JSON string: quote, the text in any spelling, quote"
    JSON_CHARS = "the text in any JSON spelling, without quotes"
    JSON_NAME = "a JSON string: quote, the text in its canonical spelling, quote"


_FORMS = {
    Encoding.UTF8: Form.UTF8,
    Encoding.JSON_STRING: Form.JSON,
    Encoding.JSON_CHARS: Form.JSON,
    Encoding.JSON_NAME: Form.CANONICAL,
}


def encode(dfa: SymbolicDfa, encoding: Encoding, limit: int) -> Dfa:
    """The byte automaton of every spelling of every text that `dfa` matches.

    Raises:
        LimitError: more than `limit` states.
    """
    if dfa.is_empty:
        return empty_dfa()
    form = _FORMS[encoding]
    quoted = encoding in {Encoding.JSON_STRING, Encoding.JSON_NAME}
    texts = len(dfa.rows)
    # Provisional numbers: 0 dead, then the states between characters, then FINAL and the opening, then inner nodes.
    final, opening = texts + 1, texts + 2
    first_inner = texts + 3 if quoted else texts + 1
    if first_inner > limit:
        raise states_limit(first_inner, limit)

    groups = _by_choice(dfa, form)
    inner, states = _number_inner(groups, texts, first_inner)
    if states > limit:
        raise states_limit(states, limit)
    maps = [spelling.classes.tobytes() for spelling, _, _ in groups]
    byte_to_class, smallest = _join_classes([*maps, _QUOTE_ALONE] if quoted else maps)

    transitions = np.zeros((states, len(smallest)), np.int32)
    sample = np.array(smallest)
    for (spelling, members, targets), ids in zip(groups, inner, strict=True):
        columns = np.concatenate(
            [np.zeros((len(members), 1), np.int64), targets, ids], axis=1, dtype=np.int32
        )
        rows = np.concatenate([members[:, None], ids], axis=1)
        transitions[rows] = columns[:, spelling.rows[:, spelling.classes[sample]]]
    accepting = np.zeros(states, np.bool_)
    if quoted:
        quote = byte_to_class[0x22]
        transitions[opening, quote] = 1
        transitions[1 : texts + 1, quote][list(dfa.accepting)] = final
        accepting[final] = True
    else:
        accepting[1 : texts + 1] = dfa.accepting
    return canonical(byte_to_class, transitions, accepting, opening if quoted else 1)


_QUOTE_ALONE = bytes(byte == 0x22 for byte in range(256))

_Group = tuple[Spelling, _Ints, _Ints]


def _by_choice(dfa: SymbolicDfa, form: Form) -> list[_Group]:
    """Group states by their sets: (spelling, states [m], targets [m, g]), in provisional numbers."""
    table = shape_table()
    members: dict[tuple[CharSet, ...], list[int]] = {}
    targets: dict[tuple[CharSet, ...], list[list[int]]] = {}
    known: dict[tuple[int, ...], tuple[CharSet, ...]] = {}
    for state, row in enumerate(dfa.rows):
        identity = tuple([id(label) for label, _ in row])
        sets = known.get(identity)
        if sets is None:  # hashing large sets once per state would cost more than everything else
            sets = known[identity] = tuple(label for label, _ in row)
        members.setdefault(sets, []).append(state + 1)
        targets.setdefault(sets, []).append([target + 1 for _, target in row])
    return [
        (
            table.spelling(form, sets),
            np.array(found, np.int64),
            np.array(targets[sets], np.int64).reshape(len(found), len(sets)),
        )
        for sets, found in members.items()
    ]


def _number_inner(groups: list[_Group], texts: int, first: int) -> tuple[list[_Ints], int]:
    """Per group the numbers [m, inner] of its inner nodes, equal exactly for equal (shape, targets); and the end."""
    out = [np.zeros((len(members), len(spelling.shapes)), np.int64) for spelling, members, _ in groups]
    # One target (most inner nodes): the key is one integer, for all groups at once.
    keys: list[_Ints] = []
    singles: list[_Ints] = []
    several: dict[tuple[int, ...], int] = {}
    for (spelling, _, targets), ids in zip(groups, out, strict=True):
        single = np.array([i for i, a in enumerate(spelling.arguments) if len(a) == 1], np.int64)
        singles.append(single)
        arguments = np.array([spelling.arguments[i][0] for i in single], np.int64)
        keys.append((spelling.shapes[single] * (texts + 2) + targets[:, arguments]).ravel())
        for i, argument in enumerate(spelling.arguments):
            if len(argument) > 1:
                shape = int(spelling.shapes[i])
                ids[:, i] = [
                    several.setdefault((shape, *row), len(several)) for row in targets[:, argument].tolist()
                ]
    unique, inverse = np.unique(np.concatenate(keys), return_inverse=True)
    place = 0
    for (_, members, _), ids, single in zip(groups, out, singles, strict=True):
        count = len(members) * len(single)
        ids += first + len(unique)
        ids[:, single] = first + inverse[place : place + count].reshape(len(members), len(single))
        place += count
    return out, first + len(unique) + len(several)


def _join_classes(maps: list[bytes]) -> tuple[npt.NDArray[np.uint8], list[int]]:
    """The coarsest classes that respect every map, numbered by smallest byte; and those smallest bytes."""
    numbers: dict[tuple[int, ...], int] = {}
    smallest: list[int] = []
    byte_to_class = bytearray(256)
    for byte, key in enumerate(zip(*maps, strict=True)):
        found = numbers.get(key)
        if found is None:
            found = numbers[key] = len(smallest)
            smallest.append(byte)
        byte_to_class[byte] = found
    return np.frombuffer(bytes(byte_to_class), np.uint8), smallest


def canonical(
    byte_to_class: npt.NDArray[np.uint8],
    transitions: npt.NDArray[np.int32],
    accepting: npt.NDArray[np.bool_],
    start: int,
) -> Dfa:
    """Number the states breadth first from `start`."""
    order, number = breadth_first(transitions, start)
    return Dfa(byte_to_class, number[transitions[order]], accepting[order])


def breadth_first(
    transitions: npt.NDArray[np.int32], start: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """States in the order in which `start` reaches them, classes ascending, `DEAD` first; and the place of each."""
    from ruvllm_grammar.kernels import automata  # numba loads when it is first needed, not on import

    order = np.empty(len(transitions), np.int32)
    place = np.zeros(len(transitions), np.int32)
    return order[: automata.breadth_first(transitions, start, order, place)], place
