"""Names of the types in kernels' signatures: a letter for the elements, a digit for the dimensions, R for read-only.

A read-only parameter takes both kinds of arrays; numba would compile a second variant for them otherwise.
"""

from __future__ import annotations

from typing import Any, Final

from numba.core import types


def _array(dtype: types.Type, ndim: int, *, readonly: bool = False) -> Any:
    return types.Array(dtype, ndim, "C", readonly=readonly)


i64: Final = types.int64
u64: Final = types.uint64
void: Final = types.void
pair: Final = types.UniTuple(types.int64, 2)
#: What kernels are handed for an arena: `Arena.address`.
ARENA: Final = types.int64
#: What kernels are handed for a desk: `Desk.address`.
DESK: Final = types.int64
u64_pair: Final = types.UniTuple(types.uint64, 2)
I1: Final = _array(types.int32, 1)
I2: Final = _array(types.int32, 2)
L1: Final = _array(types.int64, 1)
L2: Final = _array(types.int64, 2)
B1: Final = _array(types.uint8, 1)
RI1: Final = _array(types.int32, 1, readonly=True)
RI2: Final = _array(types.int32, 2, readonly=True)
RB1: Final = _array(types.uint8, 1, readonly=True)
BOOLS: Final = _array(types.boolean, 1, readonly=True)
