"""How large the automaton of a pattern with a length will be, before anybody builds it.

A length beside a pattern is counted by the pattern's automaton: each place in the pattern is a state once for every
length at which it can be reached. `^(a+b+){0,49}c$` with `maxLength 1000` has 99 places, nearly all of them reachable
at a thousand lengths. Spelled as a JSON string every such state also has its escapes, at least `_SPELLED` states of
bytes each. The estimate walks the expression with the interval of lengths at which it may start, so a list of words
costs no more than its letters. It errs towards too many where the automaton merges places, and is used only to say no
in time instead of late.
"""

from __future__ import annotations

from ruvllm_grammar import ir
from ruvllm_grammar.ir import CharSet

#: States of bytes that one state over characters needs at least, when a JSON string spells it: its escapes, and for a
#: set that reaches beyond U+FFFF (`.`, `[^x]`, `\S`) also the forms of UTF-8 and the surrogate pairs.
_SPELLED = 5
_SPELLED_WIDE = 20

#: Ranges that a set may have before each of them is counted as a state more: `\p{L}` has 650, and needs 890 states.
_RANGES = 16

#: Lengths beyond this are as good as any number.
_FAR = 1 << 40


def scattered(members: CharSet) -> int:
    """States that spelling a set costs because it has many ranges."""
    return max(0, len(members.ranges) - _RANGES)


class _TooMany(Exception):
    pass


def spelled_states(e: ir.Expr, longest: int | None, budget: int) -> int | None:
    """About how many states the spelled automaton has; None when a boolean operator or a machine hides it.

    Stops counting beyond `budget`.

    Args:
        e: the pattern.
        longest: strings longer than this do not matter; None: lengths are not counted.
        budget: more need not be told apart.
    """
    walk = _Walk(longest, budget)
    try:
        walk.after(e, (0, 0))
    except _TooMany:
        return walk.count
    return None if walk.hidden else walk.count


class _Walk:
    def __init__(self, longest: int | None, budget: int) -> None:
        self.longest = longest
        self.budget = budget
        self.count = 0
        self.hidden = False

    def after(self, e: ir.Expr, start: tuple[int, int]) -> tuple[int, int]:
        """Add the states of `e` begun at the lengths `start`; the lengths at which it may end."""
        if self.longest is not None and start[0] > self.longest:
            return start
        match e:
            case ir.Literal(text=str(text)):
                for offset in range(len(text)):
                    self._add((start[0] + offset, start[1] + offset), _SPELLED)
                return (start[0] + len(text), start[1] + len(text))
            case ir.Chars():
                wide = _SPELLED_WIDE if e.set.ranges[-1][1] > 0xFFFF else _SPELLED
                self._add(start, wide + scattered(e.set))
                return (start[0] + 1, start[1] + 1)
            case ir.Seq():
                for part in e.parts:
                    start = self.after(part, start)
                return start
            case ir.Alt():
                ends = [self.after(part, start) for part in e.parts]
                return (min(end[0] for end in ends), max(end[1] for end in ends))
            case ir.Repeat():
                return self._repeated(e, start)
            case ir.Empty():
                return start
            case _:
                self.hidden = True
                return (start[0], _FAR)

    def _repeated(self, e: ir.Repeat, start: tuple[int, int]) -> tuple[int, int]:
        least = start[0]
        copies = e.low if e.high is None else e.high
        for done in range(copies):
            if done <= e.low:
                least = start[0]
            if self.longest is not None and start[0] > self.longest:
                break
            before = self.count
            start = self.after(e.body, start)
            if self.count == before:
                break  # nothing is read in the body
        if e.high is None:
            if e.low == 0:
                least = start[0]
            start = self.after(e.body, (start[0], _FAR))
            return (least if e.low == 0 else start[0], _FAR)
        return (start[0] if e.low >= copies else least, start[1])

    def _add(self, lengths: tuple[int, int], spelled: int) -> None:
        places = 1 if self.longest is None else max(0, min(lengths[1], self.longest) - lengths[0] + 1)
        self.count += places * spelled
        if self.count > self.budget:
            raise _TooMany
