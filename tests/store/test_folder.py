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

folder = Folder(Path(sys.argv[1]), max_bytes=1 << 30)
data = sys.argv[2].encode() * 400_000
print("ready", flush=True)
while True:
    assert folder.write("one", data)
"""


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "cache", max_bytes=1000)


def names(folder):
    return [entry.path.name for entry in folder.listed()]


def test_what_is_written_is_read(folder):
    assert folder.map("a/b") is None
    assert folder.write("a/b", b"text")
    assert bytes(folder.map("a/b")) == b"text"
    assert folder.write("a/b", b"another")
    assert bytes(folder.map("a/b")) == b"another"
    assert folder.write("a/empty", b"")
    assert bytes(folder.map("a/empty")) == b""


def test_a_mapping_outlives_its_file(folder):
    folder.write("a", b"text")
    data = folder.map("a")
    folder.discard("a")
    folder.discard("a")
    assert folder.map("a") is None
    assert bytes(data) == b"text"


def test_the_least_recently_used_goes_first(tmp_path):
    folder = Folder(tmp_path, max_bytes=1 << 20)
    for i, name in enumerate("abcd"):
        folder.write(name, bytes(300))
        os.utime(folder.path / name, (i, i))
    folder.map("a")
    assert folder.prune() == []
    assert [entry.path.name for entry in folder.prune(1000)] == ["b"]
    assert names(folder) == ["c", "d", "a"]
    assert folder.evicted == 1
    folder.prune(300)
    assert names(folder) == ["a"]


def test_writing_prunes(tmp_path):
    folder = Folder(tmp_path, max_bytes=1000)
    for i in range(20):
        folder.write(f"{i}", bytes(300))
    assert sum(entry.size for entry in folder.listed()) <= 1000
    assert "19" in names(folder)


def test_what_dead_writers_left_is_deleted_later(folder):
    folder.write("a", b"text")
    for age, name in ((0, ".new.tmp"), (7200, ".old.tmp")):
        (folder.path / name).write_bytes(b"half")
        os.utime(folder.path / name, (time.time() - age,) * 2)
    folder.prune()
    assert sorted(path.name for path in folder.path.iterdir()) == [".new.tmp", "a"]
    assert names(folder) == ["a"]
    assert len(folder.clear()) == 1
    assert list(folder.path.iterdir()) == []


def test_a_full_disk_is_one_warning(folder, monkeypatch, caplog):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    assert folder.write("kept", b"old")
    monkeypatch.setattr("pathlib.Path.replace", full)
    with caplog.at_level(logging.WARNING):
        assert not folder.write("kept", b"new")
        assert not folder.write("other", b"new")
    assert [record.getMessage().partition("; ")[2] for record in caplog.records] == [
        "going on without keeping tables, free some space"
    ]
    assert folder.failures == 2
    assert [path.name for path in folder.path.iterdir()] == ["kept"]
    assert bytes(folder.map("kept")) == b"old"


def test_a_folder_that_is_none(tmp_path, caplog):
    (tmp_path / "file").write_text("not a folder")
    folder = Folder(tmp_path / "file", max_bytes=1000)
    with caplog.at_level(logging.WARNING):
        assert not folder.write("a", b"text")
        assert not folder.write("b", b"text")
        assert folder.map("a") is None
    assert sum("going on without keeping tables" in record.getMessage() for record in caplog.records) == 1
    assert folder.prune() == []
    assert folder.listed() == []


@pytest.mark.slow
def test_a_killed_writer_leaves_a_whole_file(tmp_path):
    folder = Folder(tmp_path, max_bytes=1 << 30)
    folder.write("one", b"a" * 400_000)
    for _ in range(5):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, folder.path, "b"], stdout=subprocess.PIPE)
        assert writer.stdout.readline() == b"ready\n"
        for _ in range(20):
            assert bytes(folder.map("one")) in {b"a" * 400_000, b"b" * 400_000}
        writer.kill()
        writer.communicate()
        assert bytes(folder.map("one")) in {b"a" * 400_000, b"b" * 400_000}


@pytest.mark.slow
def test_two_writers_at_once(tmp_path):
    folder = Folder(tmp_path, max_bytes=1 << 30)
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, folder.path, letter], stdout=subprocess.PIPE)
        for letter in "ab"
    ]
    for writer in writers:
        assert writer.stdout.readline() == b"ready\n"
    seen = set()
    end = time.monotonic() + 30
    while seen != {b"a", b"b"} and time.monotonic() < end:
        data = folder.map("one")
        if data is not None:
            assert bytes(data) in {b"a" * 400_000, b"b" * 400_000}
            seen.add(bytes(data[:1]))
    for writer in writers:
        assert writer.poll() is None
        writer.kill()
        writer.communicate()
    assert seen == {b"a", b"b"}
