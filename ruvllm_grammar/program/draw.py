"""A picture of a running program: super-states as nodes, bytes as edges, in Graphviz text.

A grammar's machine has no end of super-states, so a picture shows those that are nearest to the start. They
are explored breadth first; edges that leave what was explored end in a dashed `...`.

Literals make long chains: `"name":` is seven states that have one byte each. A state that does not accept,
is entered by one edge and left by one byte is therefore drawn as part of an edge, and only states that are
left in another way count against the bound. With the schema `{"properties": {"a": {"type": "null"}}}` and
compact whitespace:

```text
 0  --{-->  1  --}-->  ((3))         state 3 is accepting
            1  --"a":null-->  2      one edge, seven states inside
            2  --}-->  ((3))
```

Cost: 256 steps for each state.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ruvllm_grammar.kernels import layout
from ruvllm_grammar.program.machine import Machine

_CHAINED = 64  # states inside edges that are explored for each one that counts
_MOST = 16  # ranges on one edge
_NAMES = {0x09: "\\t", 0x0A: "\\n", 0x0D: "\\r", 0x20: "space"}


@dataclass(frozen=True, slots=True)
class Edge:
    """One way on.

    Attributes:
        target: number of the state it leads to, or None when that was not explored.
        on: bytes that lead there, any of them, ascending.
        text: what must be read instead, all of it; b"" when `on` or `tokens` say.
        tokens: token ids that lead there, ascending.
    """

    target: int | None
    on: tuple[int, ...] = ()
    text: bytes = b""
    tokens: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """One super-state; state 0 is the start.

    Attributes:
        number: by distance from the start.
        accepting: whether the document may end here.
        edges: ways on.
    """

    number: int
    accepting: bool
    edges: tuple[Edge, ...]


@dataclass(frozen=True, slots=True)
class Automaton:
    """Super-states near the start.

    Attributes:
        states: in order of their numbers; () when nothing matches.
        complete: whether these are all there are.
    """

    states: tuple[State, ...]
    complete: bool


def byte_ranges(values: Collection[int]) -> list[tuple[int, int]]:
    """The maximal runs of a set of numbers, inclusive, ascending."""
    found: list[tuple[int, int]] = []
    for value in sorted(values):
        if found and value == found[-1][1] + 1:
            found[-1] = (found[-1][0], value)
        else:
            found.append((value, value))
    return found


def explore(machine: Machine, *, states: int = 64, chains: bool = True) -> Automaton:
    """The super-states nearest to the start.

    Args:
        machine: the running program; it emits what the exploration enters.
        states: how many to explore.
        chains: draw chains of forced bytes as one edge; their inner states do not count.

    Raises:
        LimitError: a budget of the machine was too small.
    """
    if machine.start < 0:
        return Automaton((), complete=True)
    with machine.lock:
        edges, complete = _breadth_first(machine, states, chains=chains)
        accepting = {state: machine.accepting(state) for state in edges}
    inner = _inner(edges, accepting, machine.start) if chains else set()
    number = {state: i for i, state in enumerate(state for state in edges if state not in inner)}
    return Automaton(
        tuple(
            State(i, accepting[state], tuple(_followed(edge, edges, inner, number) for edge in edges[state]))
            for state, i in number.items()
        ),
        complete,
    )


def _breadth_first(machine: Machine, states: int, *, chains: bool) -> tuple[dict[int, list[Edge]], bool]:
    """Edges by super-state, targets by super-state, in the order of exploration; and whether all were seen."""
    edges: dict[int, list[Edge]] = {}
    queue, queued = [machine.start], {machine.start}
    counted = 0
    for state in queue:
        if counted == states or len(edges) >= _CHAINED * states:
            return edges, False
        edges[state] = _edges(machine, state)
        counted += not (chains and _forced(edges[state]) and not machine.accepting(state))
        for edge in edges[state]:
            if edge.target is not None and edge.target not in queued:
                queued.add(edge.target)
                queue.append(edge.target)
    return edges, True


def _edges(machine: Machine, state: int) -> list[Edge]:
    by_byte: dict[int, list[int]] = {}
    for byte in range(256):
        target = machine.step_bytes(state, bytes([byte]))
        if target >= 0:
            by_byte.setdefault(target, []).append(byte)
    by_token: dict[int, list[int]] = {}
    for token in _tokens(machine, state):
        by_token.setdefault(machine.step_token(state, token), []).append(token)
    found = [Edge(target, on=tuple(values)) for target, values in by_byte.items()]
    return found + [Edge(target, tokens=tuple(ids)) for target, ids in by_token.items()]


def _tokens(machine: Machine, state: int) -> list[int]:
    """Tokens that leave a super-state by edges of their own."""
    code = machine.arena.code
    numbers = [int(code[pc, 1]) for pc, _ in machine.configurations(state) if code[pc, 0] == layout.TOKEN]
    return sorted({token for number in numbers for token in machine.token_sets[number]})


def _forced(edges: list[Edge]) -> bool:
    return len(edges) == 1 and len(edges[0].on) == 1


def _inner(edges: dict[int, list[Edge]], accepting: dict[int, bool], start: int) -> set[int]:
    """States to be drawn as part of an edge. A circle of them keeps one, being entered from outside too."""
    entered: dict[int, int] = {start: 2}
    for leaving in edges.values():
        for edge in leaving:
            if edge.target is not None:
                entered[edge.target] = entered.get(edge.target, 0) + (1 if len(edge.on) == 1 else 2)
    return {
        state
        for state, leaving in edges.items()
        if _forced(leaving) and not accepting[state] and entered[state] == 1
    }


def _followed(edge: Edge, edges: dict[int, list[Edge]], inner: set[int], number: dict[int, int]) -> Edge:
    """The edge with its target's number, led through inner states to the first that is drawn."""
    text = bytearray(edge.on) if len(edge.on) == 1 else bytearray()
    target = edge.target
    while target in inner:
        following = edges[target][0]
        text += bytes(following.on)
        target = following.target
    place = None if target is None else number.get(target)
    return Edge(place, text=bytes(text)) if len(text) > 1 else Edge(place, edge.on, tokens=edge.tokens)


# --- Graphviz


def graphviz(automaton: Automaton, *, name: str = "grammar") -> str:
    """The automaton in the DOT language. Accepting states have a double circle."""
    lines = [
        f"digraph {_string(name)} {{",
        "  rankdir=LR;",
        '  node [shape=circle, fontname="monospace", fontsize=11];',
        '  edge [fontname="monospace", fontsize=10];',
    ]
    if automaton.states:
        lines += ["  start [shape=point];", "  start -> 0;"]
    else:
        lines.append('  nothing [shape=plaintext, label="nothing matches"];')
    for state in automaton.states:
        if state.accepting:
            lines.append(f"  {state.number} [shape=doublecircle];")
        if any(edge.target is None for edge in state.edges):
            lines.append(f'  more{state.number} [shape=plaintext, label="..."];')
        lines.extend(_edge_lines(state))
    return "\n".join([*lines, "}"])


def _edge_lines(state: State) -> Iterator[str]:
    beyond = [edge for edge in state.edges if edge.target is None]
    for edge in state.edges:
        if edge.target is not None:
            yield f"  {state.number} -> {edge.target} [label={_string(_label(edge))}];"
    if beyond:
        label = "\n".join(_label(edge) for edge in beyond[:_MOST]) + ("\n..." if len(beyond) > _MOST else "")
        yield f"  {state.number} -> more{state.number} [style=dashed, label={_string(label)}];"


def _label(edge: Edge) -> str:
    if edge.tokens:
        shown = ", ".join(map(str, edge.tokens[:_MOST])) + (", ..." if len(edge.tokens) > _MOST else "")
        return f"<{shown}>"
    if edge.text:
        return "".join(" " if byte == 0x20 else _byte(byte) for byte in edge.text)
    ranges = byte_ranges(edge.on)
    items = [_byte(low) if low == high else f"{_byte(low)}-{_byte(high)}" for low, high in ranges[:_MOST]]
    return " ".join(items + (["..."] if len(ranges) > _MOST else []))


def _byte(byte: int) -> str:
    return _NAMES.get(byte) or (chr(byte) if 0x20 < byte < 0x7F else f"x{byte:02X}")


def _string(text: str) -> str:
    """A quoted string of the DOT language; newlines in it centre their line."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
