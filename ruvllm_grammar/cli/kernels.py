"""Loading the numba kernels, and saying so when it takes long: they compile once per machine and version."""

from __future__ import annotations

import time
from dataclasses import dataclass

from rich.console import Console
from rich.status import Status
from rich.text import Text

from ruvllm_grammar.cli.screen import stderr

_NOTICE = "compiling the kernels: once per machine and version, up to a minute"


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
    """Import all kernels. Says so on stderr as soon as one has to be compiled, and then counts them."""
    start = time.perf_counter()
    from numba.core.event import Event, Listener, register, unregister

    class Count(Listener):
        """Counts compilations. A cached kernel causes no event."""

        def __init__(self) -> None:
            self.notice = _Notice(stderr())

        def on_start(self, event: Event) -> None:
            self.notice.count(event.data["dispatcher"].py_func.__name__)

        def on_end(self, event: Event) -> None:
            """Nothing to do."""

    listener = Count()
    register("numba:compile", listener)  # type: ignore[no-untyped-call]  # numba's types are partial
    try:
        from ruvllm_grammar.kernels import rows, structure  # noqa: F401  imported for their compilation
    finally:
        unregister("numba:compile", listener)  # type: ignore[no-untyped-call]  # the same
        listener.notice.end()
    return Loaded(time.perf_counter() - start, listener.notice.counted)


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
