"""One adapter per engine, all to one small protocol.

An engine is made once per process; `compile` is what is timed as compiling, `Matcher.mask` as a mask, `Matcher.advance`
as an advance, the function that `applier` returns as applying; `Matcher.idle` apart from all of them. What only the
harness needs (`legal`) is not timed.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

Logits = npt.NDArray[np.float32]
Words = npt.NDArray[np.int32]

#: Module of this package by the name on the command line; in the order in which tables show them.
ENGINES = {
    "ruvllm": "ruvllm",
    "ruvllm-prepared": "ruvllm",
    "llguidance": "llguidance",
    "xgrammar": "xgrammar",
    "xgrammar-strict": "xgrammar",
    "outlines-core": "outlines",
    "lm-format-enforcer": "enforcer",
}


class Refused(Exception):
    """The engine does not take a schema; the message is its reason."""


class Matcher(Protocol):
    """One sequence in one grammar.

    Attributes:
        idle: what the engine does between an advance and the next mask, while a model would compute; None: nothing.
    """

    idle: Callable[[], None] | None

    def mask(self) -> None:
        """Compute which tokens may come next, as a packed bitmask where the engine makes one."""

    def legal(self, token: int) -> bool:
        """Whether the last mask allows a token."""

    def advance(self, token: int) -> None:
        """Append a token that the last mask allows."""


class Grammar(Protocol):
    """A compiled schema."""

    def matcher(self) -> Matcher:
        """A sequence at its start."""


class Engine(Protocol):
    """A library under measurement.

    Attributes:
        name: of `ENGINES`.
        package: the distribution that is measured.
        settings: what was chosen, in words.
    """

    name: str
    package: str
    settings: str

    def compile(self, schema: str) -> Grammar:
        """Compile the JSON text of a schema.

        Raises:
            Refused: the engine does not take it.
        """

    def applier(self, logits: Logits) -> Callable[[Matcher], None]:
        """A function that applies a matcher's last mask to these logits, in place.

        Asked for before the grammar is compiled: an engine may have a form of masks that is made to be applied.
        """


def load(name: str, folder: Path) -> Engine:
    """Import and construct one engine over the prepared vocabulary of `folder`."""
    module = import_module(f"bench.engines.{ENGINES[name]}")
    made: Engine = module.make(folder, name)
    return made


def bit(words: Words, token: int) -> bool:
    """Whether a packed row allows a token."""
    return bool(int(words[token >> 5]) >> (token & 31) & 1)
