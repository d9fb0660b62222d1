"""Frames for tests: lists of letters, each at most once, some of them required, within bounds on their number."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

from hypothesis import strategies as st

from ruvllm_grammar import ir


@dataclass(frozen=True)
class Letters:
    """The records: (letters written, whether a comma stands behind them). Symbol i: letter i; then close, first, next."""

    names: str
    required: frozenset[str]
    low: int
    high: int

    @property
    def key(self) -> str:
        return repr(self)

    @property
    def start(self) -> tuple[frozenset[str], bool]:
        return frozenset(), False

    def lives(self, written: frozenset[str]) -> bool:
        return len(written | self.required) <= self.high and len(self.names) >= self.low

    def allowed(self, written: frozenset[str]) -> list[str]:
        return [name for name in self.names if name not in written and self.lives(written | {name})]

    def step(self, record: tuple[frozenset[str], bool], symbol: int) -> tuple[frozenset[str], bool] | None:
        written, _ = record
        if symbol < len(self.names):
            name = self.names[symbol]
            return (written | {name}, False) if name in self.allowed(written) else None
        if symbol == len(self.names):
            return record if self.required <= written and self.low <= len(written) <= self.high else None
        if symbol == len(self.names) + 1:
            return record if not written else None
        return (written, True) if written and self.allowed(written) else None

    @property
    def owed(self) -> tuple[str, ...]:
        return ("comma", *(f"pair_{name}" for name in self.names))

    def debt(self, record: tuple[frozenset[str], bool]) -> tuple[str, ...]:
        written, comma = record
        missing = sorted(self.required - written)
        spare = sorted(set(self.names) - self.required - written)
        members = (missing + spare)[: max(len(missing), self.low - len(written))]
        if comma and not members:
            members = self.allowed(written)[:1]
        commas = len(members) - (comma or not written) if members else 0
        return (*(f"pair_{name}" for name in members), *["comma"] * commas)

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
        members = [
            ir.seq(ir.step(i), ir.literal(name), ir.ref(f"tail_{name}")) for i, name in enumerate(self.names)
        ]
        close = len(self.names)
        separator = ir.alt(ir.step(close + 1), ir.seq(ir.step(close + 2), ir.literal(",")))
        loop = ir.repeat(ir.seq(separator, ir.pick(*members)), 0)
        rules = {
            "start": ir.seq(ir.literal("["), ir.frame(self, ir.seq(loop, ir.step(close))), ir.literal("]"))
        }
        rules["comma"] = ir.literal(",")
        for name in self.names:
            rules[f"tail_{name}"] = ir.literal(name + "!")
            rules[f"pair_{name}"] = ir.seq(ir.literal(name), ir.ref(f"tail_{name}"))
        return ir.Grammar("start", rules)


@st.composite
def letters(draw: st.DrawFn) -> Letters:
    """Frames that have at least one word."""
    names = draw(st.sampled_from(["a", "ab", "abc", "abcd"]))
    required = draw(st.sets(st.sampled_from(names), max_size=3))
    high = draw(st.integers(len(required), len(names)))
    return Letters(names, frozenset(required), draw(st.integers(0, high)), high)
