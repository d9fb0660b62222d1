"""One way to compile a kernel: explicit signature, cached on disk, without the GIL, C-like division."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def kernel(signature: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator that compiles for exactly one numba signature, at import, or loads it from numba's cache.

    Args:
        signature: a numba signature; kernels never get a second one.
    """
    decorate: Callable[[Callable[..., Any]], Callable[..., Any]] = njit(
        signature, cache=True, nogil=True, error_model="numpy"
    )
    return decorate
