"""Frames for tests: lists of letters, each at most once, some of them required, within bounds on their number."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

from hypothesis import strategies as st

from ruvllm_grammar import ir


@dataclass(frozen=True)
class Letters:
    """The records: a frozenset of letters written. Symbols 2i and 2i + 1: letter i may come, has come; then the rest."""

    names: str
    required: frozenset[str]
    low: int
    high: int

    @property
    def key(self) -> str:
        return repr(self)

    @property
    def start(self) -> frozenset[str]:
        return frozenset()

    @property
    def close(self) -> int:
        return 2 * len(self.names)

    def lives(self, record: frozenset[str]) -> bool:
        return len(record | self.required) <= self.high and len(self.names) >= self.low

    def step(self, record: frozenset[str], symbol: int) -> frozenset[str] | None:
        if symbol == self.close:
            return record if self.required <= record and self.low <= len(record) <= self.high else None
        if symbol == self.close + 1:  # first
            return record if not record else None
        if symbol == self.close + 2:  # one more
            more = any(self.lives(record | {name}) for name in self.names if name not in record)
            return record if record and more else None
        name = self.names[symbol // 2]
        after = record | {name}
        if name in record or not self.lives(after):
            return None
        return after if symbol % 2 else record

    @property
    def owed(self) -> tuple[str, ...]:
        return tuple(f"pair_{name}" for name in self.names)

    def debt(self, record: frozenset[str]) -> tuple[str, ...]:
        missing = sorted(self.required - record)
        spare = sorted(set(self.names) - self.required - record)
        return tuple(
            f"pair_{name}" for name in (missing + spare)[: max(len(missing), self.low - len(record))]
        )

    def words(self) -> list[bytes]:
        """Every word of `grammar`."""
        return [
            ("[" + ",".join(f"{name}{name}!" for name in order) + "]").encode()
            for n in range(self.low, min(self.high, len(self.names)) + 1)
            for order in permutations(self.names, n)
            if self.required <= set(order)
        ]

    def grammar(self) -> ir.Grammar:
        """`[aa!,cc!]`: the letter doubled, so that the frame decides in the middle of a token."""
        members = [
            ir.seq(ir.step(2 * i), ir.literal(name), ir.step(2 * i + 1), ir.ref(f"tail_{name}"))
            for i, name in enumerate(self.names)
        ]
        separator = ir.alt(ir.step(self.close + 1), ir.seq(ir.step(self.close + 2), ir.literal(",")))
        loop = ir.repeat(ir.seq(separator, ir.pick(*members)), 0)
        rules = {
            "start": ir.seq(
                ir.literal("["), ir.frame(self, ir.seq(loop, ir.step(self.close))), ir.literal("]")
            )
        }
        for name in self.names:
            rules[f"tail_{name}"] = ir.literal(name + "!")
            rules[f"pair_{name}"] = ir.literal(f",{name}{name}!")
        return ir.Grammar("start", rules)


@st.composite
def letters(draw: st.DrawFn) -> Letters:
    """Frames that have at least one word."""
    names = draw(st.sampled_from(["a", "ab", "abc", "abcd"]))
    required = draw(st.sets(st.sampled_from(names), max_size=3))
    high = draw(st.integers(len(required), len(names)))
    return Letters(names, frozenset(required), draw(st.integers(0, high)), high)
