"""Files of arrays: what `pack` wrote comes back, and nothing else does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from ruvllm_grammar.errors import CacheError
from ruvllm_grammar.store.container import ALIGNMENT, pack, unpack

COMPILER = bytes(range(32))
SECTIONS = {
    "code": np.arange(12, dtype=np.int32).reshape(3, 4),
    "empty": np.empty((0, 4), np.int32),
    "text": np.frombuffer(b"names", np.uint8),
    "keys": np.array([1 << 63, 5], np.uint64),
    "numbers": np.array([-1, 1 << 40], np.int64),
}


def same(found, expected):
    return found.keys() == expected.keys() and all(
        found[name].dtype == array.dtype and np.array_equal(found[name], array)
        for name, array in expected.items()
    )


@given(
    st.dictionaries(
        st.text("abc_", min_size=1, max_size=16),
        st.sampled_from([np.uint8, np.int32, np.uint32, np.int64, np.uint64]).flatmap(
            lambda dtype: npst.arrays(
                dtype, npst.array_shapes(min_dims=1, max_dims=2, min_side=0, max_side=4)
            )
        ),
        max_size=4,
    )
)
def test_what_was_packed_is_unpacked(sections):
    sections = {name: a for name, a in sections.items() if a.ndim == 1 or a.shape[1]}
    assert same(unpack(memoryview(pack(COMPILER, sections)), COMPILER), sections)


def test_arrays_are_aligned_views_that_nobody_can_write():
    data = pack(COMPILER, SECTIONS)
    base = np.frombuffer(data, np.uint8).__array_interface__["data"][0]
    for array in unpack(memoryview(data), COMPILER).values():
        assert not array.flags.writeable
        assert len(array) == 0 or (array.__array_interface__["data"][0] - base) % ALIGNMENT == 0


def test_every_flipped_byte_is_noticed_or_harmless():
    data = bytearray(pack(COMPILER, SECTIONS))
    harmless = 0
    for at in range(len(data)):
        for flip in (0x01, 0x80, 0xFF):
            data[at] ^= flip
            try:
                harmless += same(unpack(memoryview(data), COMPILER), SECTIONS)
            except CacheError as error:
                assert str(error).partition(":")[0] in {"foreign", "damaged", "cut short"}
            else:
                assert same(unpack(memoryview(data), COMPILER), SECTIONS)
            data[at] ^= flip
    assert harmless == 3 * padding(data)


def padding(data):
    """Bytes that belong to nobody: between the directory and the arrays, and behind each of them."""
    used = 64 + 48 * len(SECTIONS) + sum(array.nbytes for array in SECTIONS.values())
    return len(data) - used


def test_every_cut_is_noticed():
    data = pack(COMPILER, SECTIONS)
    for length in range(len(data)):
        with pytest.raises(CacheError, match="cut short"):
            unpack(memoryview(data[:length]), COMPILER)
    with pytest.raises(CacheError, match="cut short"):
        unpack(memoryview(data + b"\0"), COMPILER)


@pytest.mark.parametrize(
    ("at", "bytes_", "reason"),
    [
        (0, b"GIF89a", "foreign: not a file of tables"),
        (8, b"\x01\x02\x03\x04", "foreign: written on a machine with another order of bytes"),
        (12, b"\xff\0\0\0", "foreign: format 255, this is 1"),
        (16, b"another compiler", "foreign: made by another version of the compiler"),
        (60, b"\0\0\0\0", "damaged: header or directory"),
    ],
)
def test_reasons(at, bytes_, reason):
    data = bytearray(pack(COMPILER, SECTIONS))
    data[at : at + len(bytes_)] = bytes_
    with pytest.raises(CacheError, match=reason):
        unpack(memoryview(data), COMPILER)


def test_a_section_may_be_left_unchecked():
    data = bytearray(pack(COMPILER, {"data": np.zeros(4, np.int32)}))
    data[-1] ^= 1
    assert unpack(memoryview(data), COMPILER, unchecked=("data",))["data"][3] == 1 << 24
    with pytest.raises(CacheError, match="damaged: section data"):
        unpack(memoryview(data), COMPILER)
