"""Two ways to compile a kernel, both with an explicit signature, cached on disk, without the GIL, C-like division.

`kernel` is called from Python and from other kernels; into these, the compiler copies it. That makes small helpers
free and large ones expensive: with the closure inside each of its nine callers the kernels took 13 s to compile. A
kernel that is `apart` is compiled once and called through its address, which costs a few nanoseconds; who calls it
need not wait for it, so that files of kernels can be compiled by several processes at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache, partial
from typing import Any, Final

from numba import cfunc, njit

_LOG: Final = logging.getLogger("ruvllm_grammar")
_APART: Final[dict[int, Any]] = {}


def kernel(signature: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator that compiles for exactly one numba signature, at import, or loads it from numba's cache.

    Args:
        signature: a numba signature; kernels never get a second one.
    """
    return partial(_compiled, njit, signature, nogil=True)


def apart(signature: Any, slot: int) -> Callable[[Callable[..., Any]], Any]:
    """Decorator for a kernel that others call through its address in `Arena.pointers`.

    Args:
        signature: of 64-bit integers.
        slot: its number (`layout.APART`).
    """

    def decorate(function: Callable[..., Any]) -> Any:
        found = _compiled(cfunc, signature, function)
        _APART[slot] = found  # its code lives as long as it does
        return found

    return decorate


def addresses() -> tuple[int, ...]:
    """Addresses of the kernels that are apart, by slot, once the files with all of them are imported."""
    return tuple(_APART[slot].address for slot in range(len(_APART)))


def _compiled(
    compiler: Callable[..., Any], signature: Any, function: Callable[..., Any], **options: bool
) -> Any:
    """The kernel, cached where that is possible.

    numba looks for a folder beside the source, then in the user's cache folder; `NUMBA_CACHE_DIR` names another.
    """
    try:
        return compiler(signature, cache=True, error_model="numpy", **options)(function)
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        _warn_uncached()
        return compiler(signature, error_model="numpy", **options)(function)


@cache
def _warn_uncached() -> None:
    _LOG.warning(
        "no folder is writable for compiled kernels, so every process compiles them anew; "
        "set NUMBA_CACHE_DIR to one that is"
    )
