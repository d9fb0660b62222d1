"""What is timed, and how: one schema at a time, CPU time of this thread.

A mask, an advance and a compilation are each read off the thread's clock right before and after; the clock's own cost
is in every figure, is measured, reported, and subtracted from none. (Compilations use the clock of the process, lest an
engine hide work in threads.) The collector is off while something is timed.

Verdicts are by masks: a valid instance is accepted if every token is legal where it stands and an end token behind the
last; an invalid one is refused if that fails anywhere. A valid instance that is refused is asked again in other orders
of its members. Times of a test whose verdict is wrong are kept apart by whoever reads the records.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench import vocabulary
from bench.engines import Engine, Grammar, Matcher, Refused
from bench.sample import Case

#: Tokens between two looks at the schema's budget.
_STRETCH = 16
#: Tokens of an instance that are followed when applying is measured.
APPLIED = 64


class OverLimit(Exception):
    """A schema has used up its CPU time."""


@dataclass(slots=True)
class Walk:
    """One instance followed through one grammar; nanoseconds.

    Attributes:
        accepted: whether the engine takes the instance as a whole.
        masks: one per token, and one for the end.
        first: for each mask, "1" if this grammar was never asked after these tokens before.
        advances: one per token taken.
        idles: what the engine did between advance and mask, one per token taken; empty if it does nothing there.
    """

    accepted: bool = False
    masks: list[int] = field(default_factory=list)
    first: str = ""
    advances: list[int] = field(default_factory=list)
    idles: list[int] = field(default_factory=list)


class Visits:
    """Which sequences of tokens a grammar has been asked about: a trie."""

    def __init__(self) -> None:
        self._root: dict[int, Any] = {}

    def walk(self) -> Callable[[int], bool]:
        """A function that says of each next token (-1 at the start) whether its place is new, and enters it."""
        node = self._root

        def new(token: int) -> bool:
            nonlocal node
            found = node.get(token)
            if found is None:
                found = node[token] = {}
                node = found
                return True
            node = found
            return False

        return new


class Budget:
    """CPU time of one schema.

    Args:
        seconds: of this process, from now.
    """

    def __init__(self, seconds: float) -> None:
        self._until = time.process_time() + seconds

    def check(self) -> None:
        """Raise OverLimit when it is used up."""
        if time.process_time() > self._until:
            raise OverLimit


def clock_cost(rounds: int = 20_000) -> float:
    """Median nanoseconds between two readings of the thread's clock with nothing in between."""
    now = time.thread_time_ns
    return float(np.median([-(now() - now()) for _ in range(rounds)]))


def compiled(engine: Engine, schema: str) -> tuple[Grammar, int]:
    """A grammar and the CPU time of the process that it took. Raises Refused."""
    start = time.process_time_ns()
    grammar = engine.compile(schema)
    return grammar, time.process_time_ns() - start


def timed_mask(matcher: Matcher) -> int:
    """CPU time of one mask."""
    start = time.thread_time_ns()
    matcher.mask()
    return time.thread_time_ns() - start


def follow(
    matcher: Matcher,
    tokens: list[int],
    visits: Visits,
    budget: Budget,
    *,
    masked: int | None = None,
    eos: Iterable[int] = vocabulary.EOS,
) -> Walk:
    """Ask before every token and behind the last; stop at the first that is not legal.

    Args:
        matcher: at its start.
        tokens: of the instance.
        visits: of the grammar.
        budget: looked at every few tokens.
        masked: time of the first mask if it was computed already.
        eos: the end tokens, one of which must be legal behind the last token.
    """
    walk = Walk()
    now = time.thread_time_ns
    mask, legal, advance, idle, new = (
        matcher.mask,
        matcher.legal,
        matcher.advance,
        matcher.idle,
        visits.walk(),
    )
    first = ["1" if new(-1) else "0"]
    walk.masks.append(timed_mask(matcher) if masked is None else masked)
    for count, token in enumerate(tokens, 1):
        if not legal(token):
            break
        if count % _STRETCH == 0:
            budget.check()
        start = now()
        advance(token)
        between = now()
        walk.advances.append(between - start)
        if idle is not None:
            between = now()
            idle()
            walk.idles.append(now() - between)
        asked = now()
        mask()
        walk.masks.append(now() - asked)
        first.append("1" if new(token) else "0")
    else:
        walk.accepted = any(map(legal, eos))
    walk.first = "".join(first)
    return walk


def run(engine: Engine, case: Case, *, fresh: bool, seconds: float) -> dict[str, Any]:
    """One schema and all its instances.

    Args:
        engine: the engine.
        case: the schema.
        fresh: compile again for every instance (the engine's own caches stay as they are).
        seconds: CPU time of the schema.

    Returns:
        The record that `records` describes: status `ok`, `refused` or `limit`.
    """
    record: dict[str, Any] = {"number": case.number, "id": case.name, "status": "ok", "tests": []}
    budget = Budget(seconds)
    try:
        grammar, record["compile"] = compiled(engine, case.schema)
        matcher: Matcher = grammar.matcher()
        record["first mask"] = masked = timed_mask(matcher)
        visits = Visits()
        for place, instance in enumerate(case.instances):
            if place and fresh:
                grammar, again = compiled(engine, case.schema)
                record.setdefault("again", []).append(again)
                visits = Visits()
            given = matcher if place == 0 else grammar.matcher()
            walk = follow(given, instance.tokens, visits, budget, masked=None if place else masked)
            order = 0
            if instance.valid and not walk.accepted:
                for other in instance.others:
                    trial = follow(grammar.matcher(), other, visits, budget)
                    order += 1
                    if trial.accepted:
                        walk = trial
                        break
            record["tests"].append(
                {
                    "valid": instance.valid,
                    "right": walk.accepted == instance.valid,
                    "order": order if walk.accepted else 0,
                    "masks": walk.masks,
                    "first": walk.first,
                    "advances": walk.advances,
                    "idles": walk.idles,
                }
            )
            budget.check()
    except Refused as reason:
        record |= {"status": "refused", "reason": str(reason)[:300], "tests": []}
    except OverLimit:
        record |= {"status": "limit", "reason": f"more than {seconds:g} CPU seconds", "tests": []}
    except Exception as error:  # noqa: BLE001  whatever an engine fails with is its outcome
        record |= {"status": "crash", "reason": _said(error), "tests": []}
    return record


def run_applied(engine: Engine, case: Case, *, seconds: float) -> dict[str, Any]:
    """Mask, apply and advance along the first valid instance, the second time it is followed.

    The logits are 128,256 float32 on the CPU, written anew (not timed) before each mask, as a model would.
    """
    record: dict[str, Any] = {"number": case.number, "id": case.name, "status": "ok", "tests": []}
    budget = Budget(seconds)
    tokens = next((one.tokens for one in case.instances if one.valid), [])[:APPLIED]
    logits = np.zeros(vocabulary.SIZE, dtype=np.float32)
    fresh = np.random.default_rng(0).standard_normal(vocabulary.SIZE, dtype=np.float32)
    now = time.thread_time_ns
    try:
        apply = engine.applier(logits)
        grammar, record["compile"] = compiled(engine, case.schema)
        follow(grammar.matcher(), tokens, Visits(), budget)
        matcher = grammar.matcher()
        steps = []
        for token in tokens:
            np.copyto(logits, fresh)
            start = now()
            matcher.mask()
            masked = now()
            apply(matcher)
            applied = now()
            if not matcher.legal(token):
                break
            assert np.isfinite(logits[token])
            moving = now()
            matcher.advance(token)
            steps.append([masked - start, applied - masked, now() - moving])
            budget.check()
        record["steps"] = steps
    except Refused as reason:
        record |= {"status": "refused", "reason": str(reason)[:300]}
    except OverLimit:
        record |= {"status": "limit", "reason": f"more than {seconds:g} CPU seconds"}
    except Exception as error:  # noqa: BLE001  as above
        record |= {"status": "crash", "reason": _said(error)}
    return record


def _said(error: Exception) -> str:
    """The error and the place that raised it."""
    *_, last = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno})"[:300]
