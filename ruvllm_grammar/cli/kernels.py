"""Loading the numba kernels, and saying so when it takes long: they compile once per machine and version."""

from __future__ import annotations

import importlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.status import Status
from rich.text import Text

from ruvllm_grammar.cli.screen import stderr

_NOTICE = "compiling the kernels: once per machine and version, some ten seconds"
_CLOSURE = "ruvllm_grammar.kernels.closure"
_COMPILE_CLOSURE = f"from {__name__} import count_compiled; print(count_compiled({_CLOSURE!r}))"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loading took.

    Attributes:
        seconds: wall-clock time, numba's own import included.
        compiled: kernels that had to be compiled; 0 when the cache had them all.
    """

    seconds: float
    compiled: int


def load_kernels() -> Loaded:
    """Import all kernels. Says so on stderr as soon as one has to be compiled, and then counts them.

    What runs a program's closure takes as long to compile as all others together, so a second process does it.
    """
    start = time.perf_counter()
    notice = _Notice(stderr())
    other: subprocess.Popen[str] | None = None

    def begun(name: str) -> None:
        nonlocal other
        notice.count(name)
        if other is None and _CLOSURE not in sys.modules:
            other = subprocess.Popen(  # noqa: S603  our own text
                [sys.executable, "-c", _COMPILE_CLOSURE], stdout=subprocess.PIPE, text=True
            )

    with _each_compilation(begun):
        try:
            from ruvllm_grammar.kernels import automata, leaves, rows, walks  # noqa: F401  imported for their compilation

            elsewhere = 0
            if other is not None:
                text, _ = other.communicate()
                elsewhere = int(text or 0)  # should it have failed, this process compiles the rest itself

            from ruvllm_grammar.kernels import structure  # noqa: F401  the same
        finally:
            notice.end()
    return Loaded(time.perf_counter() - start, notice.counted + elsewhere)


def count_compiled(module: str) -> int:
    """Import a module and return how many kernels had to be compiled for it."""
    names: list[str] = []
    with _each_compilation(names.append):
        importlib.import_module(module)
    return len(names)


@contextmanager
def _each_compilation(begun: Callable[[str], None]) -> Iterator[None]:
    """Call `begun` with the name of every kernel that numba starts to compile. A cached one is none."""
    from numba.core.event import Event, Listener, register, unregister

    class Each(Listener):
        def on_start(self, event: Event) -> None:
            begun(event.data["dispatcher"].py_func.__name__)

        def on_end(self, event: Event) -> None:
            """Nothing to do."""

    listener = Each()
    register("numba:compile", listener)  # type: ignore[no-untyped-call]  # numba's types are partial
    try:
        yield
    finally:
        unregister("numba:compile", listener)  # type: ignore[no-untyped-call]  # the same


class _Notice:
    """A line, once; on a terminal with a spinner and the number of kernels so far."""

    def __init__(self, console: Console) -> None:
        self.counted = 0
        self._console = console
        self._status: Status | None = None

    def count(self, name: str) -> None:
        self.counted += 1
        if not self._console.is_terminal:
            if self.counted == 1:
                self._console.print(_NOTICE + " ...", markup=False)
            return
        line = Text(f"{_NOTICE} ({self.counted}: {name})")
        if self._status is None:
            self._status = self._console.status(line)
            self._status.start()
        self._status.update(line)

    def end(self) -> None:
        if self._status is not None:
            self._status.stop()
