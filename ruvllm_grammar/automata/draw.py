"""Automata for people: a table to print, and Graphviz text to draw.

```text
state     [a]  [b]
1 START   2    .
2         .    3
3 *       .    .
```
"""

from __future__ import annotations

import numpy as np

from ruvllm_grammar.automata.dfa import DEAD, START, Dfa


def byte_label(members: list[int]) -> str:
    r"""Bytes as ranges: printable ASCII as itself, everything else in hexadecimal.

    >>> byte_label([97, 98, 99, 0xE2])
    'a-c \\xe2'
    """
    ranges: list[list[int]] = []
    for byte in members:
        if ranges and ranges[-1][1] + 1 == byte:
            ranges[-1][1] = byte
        else:
            ranges.append([byte, byte])
    return " ".join(_byte(a) if a == b else f"{_byte(a)}-{_byte(b)}" for a, b in ranges)


def _byte(value: int) -> str:
    char = chr(value)
    if char in "\\- ":
        return "\\" + char if char != " " else "\\x20"
    return char if 0x20 < value < 0x7F else f"\\x{value:02x}"


def table(dfa: Dfa) -> str:
    """One row per live state, one column per byte class that leads anywhere; a dot is `DEAD`, a star accepts."""
    used = [c for c in range(dfa.n_classes) if dfa.transitions[:, c].any()]
    header = ["state", *(f"[{byte_label(np.flatnonzero(dfa.byte_to_class == c).tolist())}]" for c in used)]
    rows = [header]
    for state in range(START, dfa.n_states):
        name = f"{state}{' START' if state == START else ''}{' *' if dfa.accepting[state] else ''}"
        targets = dfa.transitions[state, used].tolist()
        rows.append([name, *("." if target == DEAD else str(target) for target in targets)])
    widths = [max(len(row[i]) for row in rows) for i in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def dot(dfa: Dfa) -> str:
    """Graphviz text: an edge per pair of states, labelled with its bytes; `DEAD` is left out."""
    lines = [
        "digraph dfa {",
        "  rankdir=LR;",
        "  node [shape=circle];",
        f"  start [shape=point]; start -> {START};",
    ]
    for state in range(START, dfa.n_states):
        if dfa.accepting[state]:
            lines.append(f"  {state} [shape=doublecircle];")
        by_byte = dfa.transitions[state, dfa.byte_to_class]
        for target in dict.fromkeys(by_byte.tolist()):
            if target != DEAD:
                label = byte_label(np.flatnonzero(by_byte == target).tolist())
                escaped = label.replace("\\", "\\\\").replace('"', '\\"')
                lines.append(f'  {state} -> {target} [label="{escaped}"];')
    return "\n".join([*lines, "}"])
