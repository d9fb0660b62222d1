"""A folder of files: whole or absent, bounded, quiet about what it cannot do."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys
import time

import pytest

from ruvllm_grammar.store.folder import Folder

WRITER = """
import sys, time
from pathlib import Path
from ruvllm_grammar.store.folder import Folder

folder = Folder(Path(sys.argv[1]), max_bytes=1 << 30, suffixes=(".x",))
data = sys.argv[2].encode() * 400_000
print("ready", flush=True)
while True:
    assert folder.write("one.x", data)
"""


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "cache", max_bytes=1000, suffixes=(".x",))


def names(folder):
    return [entry.path.name for entry in folder.listed()]


def test_what_is_written_is_read(folder):
    assert folder.map("a/b.x") is None
    assert folder.write("a/b.x", b"text")
    assert bytes(folder.map("a/b.x")) == b"text"
    assert folder.write("a/b.x", b"another")
    assert bytes(folder.map("a/b.x")) == b"another"
    assert folder.write("a/empty.x", b"")
    assert bytes(folder.map("a/empty.x")) == b""


def test_a_mapping_outlives_its_file(folder):
    folder.write("a.x", b"text")
    data = folder.map("a.x")
    folder.discard("a.x")
    folder.discard("a.x")
    assert folder.map("a.x") is None
    assert bytes(data) == b"text"


def test_the_least_recently_used_goes_first(tmp_path):
    folder = Folder(tmp_path, max_bytes=1 << 20, suffixes=(".x",))
    for i, name in enumerate("abcd"):
        folder.write(f"{name}.x", bytes(300))
        os.utime(folder.path / f"{name}.x", (i, i))
    folder.map("a.x")
    assert folder.prune() == []
    assert [entry.path.name for entry in folder.prune(1000)] == ["b.x"]
    assert names(folder) == ["c.x", "d.x", "a.x"]
    assert folder.evicted == 1
    folder.prune(300)
    assert names(folder) == ["a.x"]


def test_writing_prunes(tmp_path):
    folder = Folder(tmp_path, max_bytes=1000, suffixes=(".x",))
    for i in range(20):
        folder.write(f"{i}.x", bytes(300))
    assert sum(entry.size for entry in folder.listed()) <= 1000
    assert "19.x" in names(folder)


def test_what_dead_writers_left_is_deleted_later(folder):
    folder.write("a.x", b"text")
    for age, name in ((0, ".a.x.12.3.tmp"), (7200, ".a.x.12.4.tmp")):
        (folder.path / name).write_bytes(b"half")
        os.utime(folder.path / name, (time.time() - age,) * 2)
    folder.prune()
    assert sorted(path.name for path in folder.path.iterdir()) == [".a.x.12.3.tmp", "a.x"]
    assert names(folder) == ["a.x"]
    assert len(folder.clear()) == 1
    assert list(folder.path.iterdir()) == []


def test_files_of_others_are_left_alone(tmp_path):
    """Somebody may name a folder that holds more than a cache."""
    folder = Folder(tmp_path, max_bytes=1000, suffixes=(".x",))
    others = ["thesis.txt", "a/b/c/deep.x", "a/b/photo.jpg", ".bashrc", "x.tmp", ".y.1.2.tmp", "x"]
    for name in others:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(5000))
        os.utime(tmp_path / name, (1, 1))
    folder.write("a/b/one.x", bytes(10))
    folder.prune(0)
    folder.write("a/b/one.x", bytes(10))
    assert names(folder) == ["one.x"]
    assert len(folder.clear()) == 1
    assert sorted(
        str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()
    ) == sorted(others)


def test_a_full_disk_is_one_warning(folder, monkeypatch, caplog):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    assert folder.write("kept.x", b"old")
    monkeypatch.setattr("pathlib.Path.replace", full)
    with caplog.at_level(logging.WARNING):
        assert not folder.write("kept.x", b"new")
        assert not folder.write("other.x", b"new")
    assert [record.getMessage().partition("; ")[2] for record in caplog.records] == [
        "going on without keeping tables, free some space"
    ]
    assert folder.failures == 2
    assert [path.name for path in folder.path.iterdir()] == ["kept.x"]
    assert bytes(folder.map("kept.x")) == b"old"


def test_a_folder_that_is_none(tmp_path, caplog):
    (tmp_path / "file").write_text("not a folder")
    folder = Folder(tmp_path / "file", max_bytes=1000, suffixes=(".x",))
    with caplog.at_level(logging.WARNING):
        assert not folder.write("a.x", b"text")
        assert not folder.write("b.x", b"text")
        assert folder.map("a.x") is None
    assert sum("going on without keeping tables" in record.getMessage() for record in caplog.records) == 1
    assert folder.prune() == []
    assert folder.listed() == []


@pytest.mark.slow
def test_a_killed_writer_leaves_a_whole_file(tmp_path):
    folder = Folder(tmp_path, max_bytes=1 << 30, suffixes=(".x",))
    folder.write("one.x", b"a" * 400_000)
    for _ in range(5):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, folder.path, "b"], stdout=subprocess.PIPE)
        assert writer.stdout.readline() == b"ready\n"
        for _ in range(20):
            assert bytes(folder.map("one.x")) in {b"a" * 400_000, b"b" * 400_000}
        writer.kill()
        writer.communicate()
        assert bytes(folder.map("one.x")) in {b"a" * 400_000, b"b" * 400_000}


@pytest.mark.slow
def test_two_writers_at_once(tmp_path):
    folder = Folder(tmp_path, max_bytes=1 << 30, suffixes=(".x",))
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, folder.path, letter], stdout=subprocess.PIPE)
        for letter in "ab"
    ]
    for writer in writers:
        assert writer.stdout.readline() == b"ready\n"
    seen = set()
    end = time.monotonic() + 30
    while seen != {b"a", b"b"} and time.monotonic() < end:
        data = folder.map("one.x")
        if data is not None:
            assert bytes(data) in {b"a" * 400_000, b"b" * 400_000}
            seen.add(bytes(data[:1]))
    for writer in writers:
        assert writer.poll() is None
        writer.kill()
        writer.communicate()
    assert seen == {b"a", b"b"}
