r"""Patterns whose assertions stand in loops or look behind: a deterministic automaton, state by state.

`^((?!foo).)*$` asserts something at every character, so no finite rewriting resolves it. Here the pattern is run on all
texts at once. A *thread* is what is still to be matched (a stack of parts) together with its *promises*: look-aheads
that began earlier and are not decided yet. A promise is itself a set of threads, kept or to be broken, so a set of
threads is a formula: one thread must arrive, and with it all its promises.

```text
^((?!foo).)*$ on "fo"
  at the start   {loop}
  after "f"      {loop, if not "oo"...}
  after "fo"     {loop, if not "o"...}      then "o" kills the thread, and the state is gone
```

A state is the threads, what was read last (nothing, a word character, another) for `^` and `\b`, and, for every
look-behind, the threads of its body, started anew at every place. `$` and `\b` look one character ahead: they restrict
the next step of their thread. Characters that no part of the pattern tells apart are stepped once.

Cost: states are finite (stacks come from the pattern, promises are subsets) but may be doubly exponential; steps of
threads are counted against `Limits.leaf_states`.

Lineage: alternating automata (Chandra, Kozen and Stockmeyer 1981), determinised; partial derivatives (Antimirov 1996)
for the stacks; look-arounds by automata as in Miyazaki and Minamide (2019).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import reduce
from typing import NamedTuple

from ruvllm_grammar import ir
from ruvllm_grammar.errors import LimitError
from ruvllm_grammar.ir import CharSet
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.syntax.regex.charclasses import WORD
from ruvllm_grammar.syntax.regex.nodes import Choice, Look, Loop, Node, Position, Sequence, Where, walk
from ruvllm_grammar.syntax.regex.parser import refuse

Stack = int
#: Steps of single threads that `Limits.leaf_states` allows for each state.
_STEPS_PER_STATE = 4
_END: Stack = 0  # nothing left to match: the text must be over


class _Last(IntEnum):
    """What was read last."""

    NOTHING = 0
    WORD = 1
    OTHER = 2


class _Promise(NamedTuple):
    broken: bool  # the threads must not arrive
    threads: Threads


class _Thread(NamedTuple):
    stack: Stack
    promises: frozenset[_Promise]


Threads = frozenset[_Thread]
_NONE: frozenset[_Promise] = frozenset()
_FAILED: Threads = frozenset()


@dataclass(frozen=True, slots=True)
class _Here:
    """A place between two characters: what was read last, and which look-behinds hold."""

    last: _Last
    behind: tuple[bool, ...]


class _Way(NamedTuple):
    r"""One way to go on from a stack without reading: then a character, or the end of the text.

    label: the character to read, None at the end of the pattern. stack: what comes behind it. following: what the
    next character may be because of `$` and `\b`. may_end: whether the text may be over. looks: look-aheads that
    begin here.
    """

    label: CharSet | None
    stack: Stack
    following: CharSet
    may_end: bool
    looks: frozenset[Look]


def machine_language(node: Node, pattern: str, *, search: bool, limits: Limits) -> ir.Expr:
    """The texts that `node` is found in, or matches as a whole, as an explicit machine.

    Raises:
        SyntaxGrammarError: a look-behind whose end depends on what follows it.
        LimitError: more steps than 4 times `Limits.leaf_states`.
    """
    return _Runner(node, pattern, limits).run(search=search)


class _Runner:
    def __init__(self, node: Node, pattern: str, limits: Limits) -> None:
        self.node = node
        self.pattern = pattern
        self.limit = limits.leaf_states
        self.cells: list[tuple[Node, Stack]] = [(ir.EMPTY, _END)]
        self.known_cells: dict[tuple[Node, Stack], Stack] = {}
        self.known_ways: dict[tuple[Stack, _Here], list[_Way]] = {}
        self.known_loops: dict[tuple[Node, int, int | None], Node] = {}
        self.anything = self.push(ir.ANY_TEXT, _END)
        # Inner look-behinds first: the outer ones ask about them.
        self.behinds = [n for n in reversed(walk(node)) if isinstance(n, Look) and not n.ahead]
        self.behind_index = {look: index for index, look in enumerate(self.behinds)}
        self.steps = 0

    def push(self, node: Node, rest: Stack) -> Stack:
        """The stack with `node` on top of `rest`."""
        key = (node, rest)
        found = self.known_cells.get(key)
        if found is None:
            found = self.known_cells[key] = len(self.cells)
            self.cells.append(key)
        return found

    # ------------------------------------------------------------------------------------- without reading

    def ways(self, stack: Stack, here: _Here) -> list[_Way]:
        """All ways to go on from `stack` at a place."""
        key = (stack, here)
        found = self.known_ways.get(key)
        if found is None:
            found = self.known_ways[key] = self._ways(stack, here)
        return found

    def _ways(self, stack: Stack, here: _Here) -> list[_Way]:
        found: dict[_Way, None] = {}
        start = (stack, CharSet.ANY, True, frozenset[Look]())
        seen = {start}
        work = [start]
        while work:
            top, following, may_end, looks = work.pop()
            if top == _END:
                found[_Way(None, _END, following, may_end, looks)] = None
                continue
            node, rest = self.cells[top]
            nexts: list[Stack] = []
            match node:
                case ir.Chars():
                    found[_Way(node.set, rest, following, may_end, looks)] = None
                case ir.Literal():
                    text = node.text or ""
                    behind = self.push(ir.literal(text[1:]), rest) if len(text) > 1 else rest
                    found[_Way(CharSet.of(text[0]), behind, following, may_end, looks)] = None
                case ir.Seq() | Sequence():
                    nexts = [reduce(lambda below, part: self.push(part, below), reversed(node.parts), rest)]
                case ir.Alt() | Choice():
                    nexts = [self.push(part, rest) for part in node.parts]
                case ir.Repeat() | Loop():
                    nexts = self._loop(node, top, rest)
                case ir.Empty():
                    nexts = [rest]
                case Look() if not node.ahead:
                    nexts = [rest] if here.behind[self.behind_index[node]] != node.negative else []
                case Look():
                    looks |= {node}
                    nexts = [rest]
                case Position(where=Where.START):
                    nexts = [rest] if here.last is _Last.NOTHING else []
                case Position(where=Where.END):
                    following, nexts = CharSet.NONE, [rest]  # only the end of the text may follow
                case Position():
                    want_word = (here.last is _Last.WORD) == (node.where is Where.INSIDE)
                    following = following.intersect(WORD if want_word else WORD.complement())
                    may_end = may_end and not want_word
                    nexts = [rest]
            for one in nexts:
                state = (one, following, may_end, looks)
                if state not in seen and (may_end or following):
                    seen.add(state)
                    work.append(state)
        return list(found)

    def _loop(self, node: ir.Repeat | Loop, top: Stack, rest: Stack) -> list[Stack]:
        if node.low == 0 and node.high is None:
            return [rest, self.push(node.body, top)]
        high = None if node.high is None else node.high - 1
        if isinstance(node.body, ir.Expr):
            left: Node = ir.repeat(node.body, max(node.low - 1, 0), high)
        else:
            left = self._fewer(node, max(node.low - 1, 0), high)
        once = self.push(node.body, self.push(left, rest))
        return [once] if node.low else [rest, once]

    def _fewer(self, node: ir.Repeat | Loop, low: int, high: int | None) -> Node:
        key = (node.body, low, high)
        found = self.known_loops.get(key)
        if found is None:
            found = self.known_loops[key] = ir.EMPTY if high == 0 else Loop(node.body, low, high)
        return found

    # --------------------------------------------------------------------------------------------- reading

    def begin(self, look: Look) -> _Promise:
        """The promise of a look-ahead at the place where it begins."""
        return _Promise(look.negative, frozenset([_Thread(self.push(look.body, self.anything), _NONE)]))

    def step(self, threads: Threads, char: int, here: _Here) -> Threads:
        """The threads after one character."""
        found: set[_Thread] = set()
        for thread in threads:
            kept = self._step_promises(thread.promises, char, here)
            if kept is None:
                continue
            for way in self.ways(thread.stack, here):
                self._count()
                if way.label is None or char not in way.label or char not in way.following:
                    continue
                begun = self._step_promises(frozenset(self.begin(look) for look in way.looks), char, here)
                if begun is not None:
                    found.add(_Thread(way.stack, kept | begun))
        return self._reduced(found)

    def _step_promises(
        self, promises: frozenset[_Promise], char: int, here: _Here
    ) -> frozenset[_Promise] | None:
        """The promises after one character without those that are kept for good; None when one cannot be kept."""
        left: set[_Promise] = set()
        for promise in promises:
            threads = self.step(promise.threads, char, here)
            arrived = threads == self.arrived
            if arrived if promise.broken else not threads:
                return None
            if not (not threads if promise.broken else arrived):
                left.add(_Promise(promise.broken, threads))
        return frozenset(left)

    @property
    def arrived(self) -> Threads:
        """Threads that match whatever comes."""
        return frozenset([_Thread(self.anything, _NONE)])

    def _reduced(self, threads: set[_Thread]) -> Threads:
        """Without threads that promise more than another with the same stack."""
        if _Thread(self.anything, _NONE) in threads:
            return self.arrived
        if all(not thread.promises for thread in threads):
            return frozenset(threads)
        return frozenset(
            t for t in threads if not any(o.stack == t.stack and o.promises < t.promises for o in threads)
        )

    def over(self, threads: Threads, here: _Here) -> bool:
        """Whether the threads have arrived if the text ends here."""
        for thread in threads:
            if not self._promises_over(thread.promises, here):
                continue
            for way in self.ways(thread.stack, here):
                begun = frozenset(self.begin(look) for look in way.looks)
                if way.label is None and way.may_end and self._promises_over(begun, here):
                    return True
        return False

    def _promises_over(self, promises: frozenset[_Promise], here: _Here) -> bool:
        return all(self.over(promise.threads, here) != promise.broken for promise in promises)

    # -------------------------------------------------------------------------------------- looking behind

    def here(self, last: _Last, behinds: tuple[Threads, ...]) -> _Here:
        """The place, with the answer of every look-behind."""
        answers: list[bool] = []
        for look, threads in zip(self.behinds, behinds, strict=True):
            partial = _Here(last, (*answers, *([False] * (len(behinds) - len(answers)))))
            answers.append(False)
            for thread in threads:
                for way in self.ways(thread.stack, partial):
                    if way.label is not None:
                        continue
                    if way.following != CharSet.ANY or way.looks or thread.promises:
                        refuse(
                            self.pattern,
                            look.at,
                            "a look-behind whose end depends on what follows",
                            "move the inner assertion behind it",
                        )
                    answers[-1] = True
        return _Here(last, tuple(answers))

    # -------------------------------------------------------------------------------------------- the whole

    def run(self, *, search: bool) -> ir.Expr:
        """Explore all states breadth first."""
        after = self.anything if search else _END
        root = self.push(self.node, after)
        main: Threads = frozenset([_Thread(self.push(ir.ANY_TEXT, root) if search else root, _NONE)])
        behinds = tuple(
            frozenset([_Thread(self.push(ir.ANY_TEXT, self.push(look.body, _END)), _NONE)])
            for look in self.behinds
        )
        classes = _classes(self.node)
        start = (_Last.NOTHING, behinds, main)
        number = {start: 0}
        queue = [start]
        rows: list[list[tuple[int, int, int]]] = []
        accepting: list[int] = []
        for state in queue:
            last, behinds, main = state
            here = self.here(last, behinds)
            if self.over(main, here):
                accepting.append(len(rows))
            row: list[tuple[int, int, int]] = []
            for members in classes:
                char = members.ranges[0][0]
                threads = self.step(main, char, here)
                if not threads:
                    continue
                if threads == self.arrived:
                    target = (_Last.OTHER, tuple(_FAILED for _ in behinds), threads)
                else:
                    moved = tuple(self.step(b, char, here) for b in behinds)
                    target = (_Last.WORD if char in WORD else _Last.OTHER, moved, threads)
                if target not in number:
                    number[target] = len(queue)
                    queue.append(target)
                row.extend((low, high, number[target]) for low, high in members.ranges)
            rows.append(row)
        return ir.machine(rows, accepting)

    def _count(self) -> None:
        self.steps += 1
        if self.steps > self.limit * _STEPS_PER_STATE:
            msg = (
                f"the assertions of a pattern need more than {self.steps:,} steps, and Limits.leaf_states allows "
                f"{_STEPS_PER_STATE} times {self.limit:,}; raise the limit, or simplify the assertions"
            )
            raise LimitError(msg, limit="leaf_states", needed=self.steps // _STEPS_PER_STATE)


def _classes(node: Node) -> list[CharSet]:
    """All scalar values, divided so that the pattern treats every member of a class alike."""
    sets: dict[CharSet, None] = {WORD: None}
    seen: set[ir.Expr] = set()
    stack: list[Node] = walk(node)
    while stack:
        one = stack.pop()
        if isinstance(one, ir.Expr) and one not in seen:
            seen.add(one)
            stack.extend(ir.children(one))
            if isinstance(one, ir.Chars):
                sets[one.set] = None
            elif isinstance(one, ir.Literal):
                sets.update((CharSet.of(char), None) for char in one.text or "")
    toggles: dict[int, int] = {0: 0}
    for index, members in enumerate(sets):
        for low, high in members.ranges:
            toggles[low] = toggles.get(low, 0) ^ (1 << index)
            toggles[high + 1] = toggles.get(high + 1, 0) ^ (1 << index)
    ends = sorted(toggles)
    pieces: dict[int, list[tuple[int, int]]] = {}
    active = 0
    for low, high in zip(ends, [*ends[1:], 0x110000], strict=True):
        active ^= toggles[low]
        if low < high:
            pieces.setdefault(active, []).append((low, high - 1))
    classes = [CharSet.of(*ranges) for ranges in pieces.values()]
    return [members for members in classes if members]
