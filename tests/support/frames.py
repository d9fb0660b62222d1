"""Frames for tests: lists of letters, each at most once, some of them required, within bounds on their number."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

from hypothesis import strategies as st

from ruvllm_grammar import ir

Record = tuple[frozenset[str], str]


@dataclass(frozen=True)
class Letters:
    """The records: (letters written, stage). Symbols: letter i; then close, first and next due, first and next other."""

    names: str
    required: frozenset[str]
    low: int
    high: int

    @property
    def key(self) -> str:
        return repr(self)

    @property
    def start(self) -> Record:
        return frozenset(), "between"

    @property
    def due(self) -> str:
        """Letters that a shortest completion may hold."""
        return self.names if self.low > len(self.required) else "".join(sorted(self.required))

    @property
    def owed(self) -> tuple[str, ...]:
        return ("one",) if self.due else ()

    def lives(self, written: frozenset[str]) -> bool:
        return len(written | self.required) <= self.high and len(self.names) >= self.low

    def step(self, record: Record, symbol: int) -> Record | None:
        written, stage = record
        allowed = {name for name in self.names if name not in written and self.lives(written | {name})}
        if symbol < len(self.names):
            name = self.names[symbol]
            here = stage == ("due" if name in self.due else "other")
            return (written | {name}, "between") if here and name in allowed else None
        symbol -= len(self.names)
        if stage != "between":
            return None
        if symbol == 0:
            return record if self.required <= written and self.low <= len(written) <= self.high else None
        due = symbol in {1, 2}
        may = (symbol in {1, 3}) != bool(written) and any((name in self.due) == due for name in allowed)
        return (written, "due" if due else "other") if may else None

    def debt(self, record: Record) -> tuple[str, ...]:
        written, stage = record
        left = max(len(self.required - written), self.low - len(written), 0)
        return self.owed * max(0, left - (stage == "due"))

    def words(self) -> list[bytes]:
        """Every word of `grammar`."""
        return [
            ("[" + ",".join(f"{name}{name}!" for name in order) + "]").encode()
            for n in range(self.low, min(self.high, len(self.names)) + 1)
            for order in permutations(self.names, n)
            if self.required <= set(order)
        ]

    def grammar(self) -> ir.Grammar:
        """Words like `[aa!,cc!]`."""
        close = len(self.names)
        other = "".join(name for name in self.names if name not in self.due)
        rounds = []
        for first, names in ((close + 1, self.due), (close + 3, other)):
            members = [ir.seq(ir.step(self.names.index(name)), _one(name)) for name in names]
            begin = ir.alt(ir.step(first), ir.seq(ir.step(first + 1), ir.literal(",")))
            rounds.append(ir.seq(begin, ir.pick(*members)))
        body = ir.seq(ir.repeat(ir.alt(*rounds), 0), ir.step(close))
        rules = {"start": ir.seq(ir.literal("["), ir.frame(self, body), ir.literal("]"))}
        if self.due:
            rules["one"] = ir.seq(ir.literal(","), ir.pick(*map(_one, self.due)))
        rules |= {f"tail_{name}": ir.literal(name + "!") for name in self.names}
        return ir.Grammar("start", rules)


def _one(name: str) -> ir.Expr:
    return ir.seq(ir.literal(name), ir.ref(f"tail_{name}"))


@st.composite
def letters(draw: st.DrawFn) -> Letters:
    """Frames that have at least one word."""
    names = draw(st.sampled_from(["a", "ab", "abc", "abcd"]))
    required = draw(st.sets(st.sampled_from(names), max_size=3))
    high = draw(st.integers(len(required), len(names)))
    return Letters(names, frozenset(required), draw(st.integers(0, high)), high)
