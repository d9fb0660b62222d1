"""The arrays of an arena as kernels see them: views on addresses.

A named tuple of twenty arrays is a hundred and fifty words. Handing it to a kernel cost about 8 us at every call from
Python and 150 ns at every call between kernels, which was most of the time of a new super-state. So kernels are handed
one small array, `Arena.address`, and make views of what they need; the compiler inlines these into loads.

The arrays belong to the `Arena` that the caller holds; nothing here keeps them alive.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir as llvm
from numba import carray, njit, types  # type: ignore[attr-defined]  # numba lists it too late for mypy
from numba.extending import intrinsic

from ruvllm_grammar.kernels.layout import APART, CLOSE, INTERN_NODE, STEP_TO, UNITE, Arena


def _pointer_to(dtype: types.Type) -> Callable[..., Any]:
    @intrinsic
    def pointer(typingctx, address):  # noqa: ARG001  numba's protocol
        target = types.CPointer(dtype)

        def codegen(context, builder, signature, args):  # noqa: ARG001  numba's protocol
            return builder.inttoptr(args[0], context.get_value_type(target))

        return target(types.int64), codegen

    found: Callable[..., Any] = pointer
    return found


_i32 = _pointer_to(types.int32)
_i64 = _pointer_to(types.int64)
_u8 = _pointer_to(types.uint8)
_inline = njit(inline="always")
_FIELDS = len(APART)  # addresses in front of the arrays
_WORDS = _FIELDS + 2 * (len(Arena._fields) - 2)


def _column(pointer: Callable[..., Any], field: str) -> Callable[..., Any]:
    at = _FIELDS + 2 * Arena._fields.index(field)

    def view(arena):
        pointers = carray(_i64(arena), (_WORDS,))
        return carray(pointer(pointers[at]), (pointers[at + 1],))

    found: Callable[..., Any] = _inline(view)
    return found


def _table(pointer: Callable[..., Any], field: str, columns: int) -> Callable[..., Any]:
    at = _FIELDS + 2 * Arena._fields.index(field)

    def view(arena):
        pointers = carray(_i64(arena), (_WORDS,))
        return carray(pointer(pointers[at]), (pointers[at + 1], columns))

    found: Callable[..., Any] = _inline(view)
    return found


def _called(context, builder, args):
    word = context.get_value_type(types.int64)
    kernel = llvm.FunctionType(word, [word] * (len(args) - 1))
    return builder.call(builder.inttoptr(args[0], kernel.as_pointer()), args[1:])


@intrinsic
def _call_with_one(typingctx, pointer, arena, a):  # noqa: ARG001  numba's protocol
    def codegen(context, builder, signature, args):  # noqa: ARG001  numba's protocol
        return _called(context, builder, args)

    return types.int64(types.int64, types.int64, types.int64), codegen


@intrinsic
def _call_with_two(typingctx, pointer, arena, a, b):  # noqa: ARG001  numba's protocol
    def codegen(context, builder, signature, args):  # noqa: ARG001  numba's protocol
        return _called(context, builder, args)

    return types.int64(types.int64, types.int64, types.int64, types.int64), codegen


def _through_one(slot: int) -> Callable[..., Any]:
    """A call of a kernel that is apart, handed the arena and one integer."""

    def call(arena, a):
        return _call_with_one(carray(_i64(arena), (_WORDS,))[slot], arena, a)  # type: ignore[call-arg]

    found: Callable[..., Any] = _inline(call)
    return found


def _through_two(slot: int) -> Callable[..., Any]:
    """The same with two integers."""

    def call(arena, a, b):
        return _call_with_two(carray(_i64(arena), (_WORDS,))[slot], arena, a, b)  # type: ignore[call-arg]

    found: Callable[..., Any] = _inline(call)
    return found


intern_node = _through_one(INTERN_NODE)
unite = _through_two(UNITE)
close = _through_one(CLOSE)
step = _through_two(STEP_TO)

head_of = _column(_i64, "head")
code_of = _table(_i32, "code", 4)
leaf_next_of = _column(_i32, "leaf_next")
leaf_class_of = _table(_u8, "leaf_class", 256)
pc_distance_of = _column(_i32, "pc_distance")
nodes_of = _table(_i32, "nodes", 3)
edges_of = _table(_i32, "edges", 4)
node_hash_of = _column(_i32, "node_hash")
unions_of = _table(_i32, "unions", 3)
configs_of = _table(_i32, "configs", 2)
states_of = _table(_i32, "states", 4)
state_hash_of = _column(_i32, "state_hash")
table_of = _table(_i32, "table", 256)
work_of = _column(_i64, "work")
found_of = _column(_i64, "found")
used_of = _column(_i64, "used")
seen_of = _column(_i64, "seen")
failed_of = _column(_u8, "failed")
records_of = _table(_i32, "records", 3)
record_next_of = _column(_i32, "record_next")
