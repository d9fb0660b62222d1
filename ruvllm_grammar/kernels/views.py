"""The arrays of an arena, and the kernels that are apart, as kernels see them: loads from one small array.

A named tuple of twenty arrays is a hundred and fifty words. Handing it to a kernel cost about 8 us at every call from
Python and 150 ns at every call between kernels, which was most of the time of a new super-state. So kernels are handed
one address, `Arena.address`, and make views of what they need.

A view is emitted as machine instructions: two loads and constants. Written as inlined functions of `numba.carray`,
views took a fifth of the time of compiling all kernels.

The arrays belong to the `Arena` that the caller holds; nothing here keeps them alive.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir as llvm
from numba import types
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from ruvllm_grammar.kernels.layout import APART, CLOSE, INTERN_NODE, STEP_TO, UNITE, Arena, Desk

_HEAD = len(APART)  # addresses in front of the arrays
_i64 = types.int64


def _word(context: Any, builder: Any, arena: Any, index: int) -> Any:
    """The value of word `index` of `Arena.pointers`."""
    integer = context.get_value_type(_i64)
    words = builder.inttoptr(arena, integer.as_pointer())
    return builder.load(builder.gep(words, [llvm.Constant(integer, index)]))


def _view(dtype: types.Type, field: str, columns: int | None = None) -> Any:
    """What makes the view of an arena's array: all of it, or rows of `columns`."""
    return _viewed(dtype, _HEAD + 2 * Arena._fields.index(field), columns)


def _on_desk(dtype: types.Type, field: str, columns: int | None = None) -> Any:
    """The same of a desk's array."""
    return _viewed(dtype, 2 * Desk._fields.index(field), columns)


def _viewed(dtype: types.Type, at: int, columns: int | None) -> Any:
    array_type = types.Array(dtype, 1 if columns is None else 2, "C")

    @intrinsic
    def view(typingctx, arena):  # noqa: ARG001  numba's protocol
        def codegen(context, builder, signature, args):  # noqa: ARG001  numba's protocol
            integer = context.get_value_type(_i64)
            element = context.get_data_type(dtype)
            size = context.get_abi_sizeof(element)
            shape = [_word(context, builder, args[0], at + 1)]
            strides = [llvm.Constant(integer, size * (columns or 1))]
            if columns is not None:
                shape.append(llvm.Constant(integer, columns))
                strides.append(llvm.Constant(integer, size))
            out = context.make_array(array_type)(context, builder)
            populate_array(
                out,
                data=builder.inttoptr(_word(context, builder, args[0], at), element.as_pointer()),
                shape=shape,
                strides=strides,
                itemsize=llvm.Constant(integer, size),
                meminfo=None,
            )
            return out._getvalue()  # noqa: SLF001  numba's protocol

        return array_type(_i64), codegen

    return view


def _called(context: Any, builder: Any, slot: int, args: Any) -> Any:
    integer = context.get_value_type(_i64)
    kernel = llvm.FunctionType(integer, [integer] * len(args))
    address = _word(context, builder, args[0], slot)
    return builder.call(builder.inttoptr(address, kernel.as_pointer()), args)


def _through_one(slot: int) -> Any:
    """A call of a kernel that is apart, handed the arena and one integer."""

    @intrinsic
    def call(typingctx, arena, a):  # noqa: ARG001  numba's protocol
        def codegen(context, builder, signature, args):  # noqa: ARG001  numba's protocol
            return _called(context, builder, slot, args)

        return _i64(_i64, _i64), codegen

    return call


def _through_two(slot: int) -> Any:
    """The same with two integers."""

    @intrinsic
    def call(typingctx, arena, a, b):  # noqa: ARG001  numba's protocol
        def codegen(context, builder, signature, args):  # noqa: ARG001  numba's protocol
            return _called(context, builder, slot, args)

        return _i64(_i64, _i64, _i64), codegen

    return call


intern_node = _through_one(INTERN_NODE)
unite = _through_two(UNITE)
close = _through_one(CLOSE)
step = _through_two(STEP_TO)

head_of = _view(_i64, "head")
code_of = _view(types.int32, "code", 4)
leaf_next_of = _view(types.int32, "leaf_next")
leaf_class_of = _view(types.uint8, "leaf_class", 256)
pc_distance_of = _view(types.int32, "pc_distance")
nodes_of = _view(types.int32, "nodes", 3)
edges_of = _view(types.int32, "edges", 4)
node_hash_of = _view(types.int32, "node_hash")
unions_of = _view(types.int32, "unions", 3)
configs_of = _view(types.int32, "configs", 2)
states_of = _view(types.int32, "states", 4)
state_hash_of = _view(types.int32, "state_hash")
table_of = _view(types.int32, "table", 256)
work_of = _view(_i64, "work")
found_of = _view(_i64, "found")
used_of = _view(_i64, "used")
seen_of = _view(_i64, "seen")
failed_of = _view(types.uint8, "failed")
records_of = _view(types.int32, "records", 3)
record_next_of = _view(types.int32, "record_next")

trie_of = _on_desk(types.int32, "trie", 4)
order_of = _on_desk(types.int32, "order")
roots_of = _on_desk(types.int32, "roots")
frame_of_of = _on_desk(types.int32, "frame_of")
frames_of = _on_desk(_i64, "frames", 6)
exits_of = _on_desk(types.int32, "exits", 3)
masks_of = _on_desk(_i64, "masks", 4)
fans_of = _on_desk(types.int32, "fans", 256)
path_of = _on_desk(types.int32, "path")
spelled_of = _on_desk(types.int32, "spelled", 2)
out_of = _on_desk(types.int32, "out")
result_of = _on_desk(_i64, "result")
