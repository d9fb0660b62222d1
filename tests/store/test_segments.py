"""Items by key in immutable files: found by whoever looks, merged, never wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruvllm_grammar.errors import CacheError
from ruvllm_grammar.store.folder import Folder
from ruvllm_grammar.store.packed import packed, unpacked
from ruvllm_grammar.store.segments import Segment, Segments, segment_of

COMPILER = bytes(32)


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path, max_bytes=1 << 20, suffixes=(".segment",))


def item(n):
    return np.arange(n, n + 40, dtype=np.int32)


def files(folder):
    return sorted((folder.path / "rows").glob("*.segment"))


@given(
    st.dictionaries(
        st.tuples(st.integers(0, 3), st.integers(0, (1 << 64) - 1)),
        st.lists(st.integers(-(1 << 31), (1 << 31) - 1), max_size=5),
        max_size=9,
    )
)
def test_a_segment_has_what_was_put_in(items):
    segment = Segment(
        memoryview(segment_of({k: np.array(v, np.int32) for k, v in items.items()}, COMPILER)), COMPILER
    )
    assert {key: segment.find(key).tolist() for key in segment} == items
    assert segment.find((7, 7)) is None
    assert segment.damaged() == 0


def test_others_find_what_was_added(folder):
    writer, reader = (Segments(folder, "rows", COMPILER) for _ in range(2))
    assert reader.find((1, 2)) is None
    for n in range(30):
        assert writer.add({(n, n): item(n), (n, 0): item(-n)})
        assert reader.find((n, n)).tolist() == item(n).tolist()
    assert len(files(folder)) <= 6
    assert all(reader.find((n, 0)).tolist() == item(-n).tolist() for n in range(1, 30))
    assert writer.add({(3, 3): item(3)})
    assert sum(path.stat().st_size for path in files(folder)) < 3 * 60 * 160


def test_a_damaged_item_is_lost_and_no_other_thing(folder, caplog):
    Segments(folder, "rows", COMPILER).add({(n, n): item(n) for n in range(3)})
    (path,) = files(folder)
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        segments = Segments(folder, "rows", COMPILER)
        for n in range(3):
            found = segments.find((n, n))
            assert found is None or found.tolist() == item(n).tolist()
    assert "damaged" in caplog.text


def test_a_damaged_file_is_deleted_and_written_again(folder):
    items = {(n, n): item(n) for n in range(3)}
    Segments(folder, "rows", COMPILER).add(items)
    (path,) = files(folder)
    path.write_bytes(path.read_bytes()[:-100])
    segments = Segments(folder, "rows", COMPILER)
    assert segments.find((1, 1)) is None
    assert files(folder) == []
    assert segments.damaged == 1
    assert segments.add(items)
    assert segments.find((1, 1)).tolist() == item(1).tolist()


def test_counting_damaged_items():
    data = bytearray(segment_of({(n, n): item(n) for n in range(3)}, COMPILER))
    data[-1] ^= 1
    assert Segment(memoryview(data), COMPILER).damaged() == 1


def test_another_file_is_no_segment():
    from ruvllm_grammar.store.container import pack

    with pytest.raises(CacheError, match="foreign: no section 'low'"):
        Segment(memoryview(pack(COMPILER, {})), COMPILER)


@given(st.lists(st.integers(-(1 << 31), (1 << 31) - 1) | st.sampled_from([0, -1]), min_size=1, max_size=40))
def test_rows_are_packed_without_loss(words):
    row = np.array(words, np.int32)
    item = packed(row)
    assert len(item) <= len(row) + 1
    assert unpacked(item, len(row)).tolist() == words


def test_rows_with_few_exceptions_are_short():
    row = np.full(1000, -1, np.int32)
    row[7] = 3
    assert packed(row).tolist() == [-1, 1, 7, 3]
