"""A folder of cache files: whole or absent, bounded in bytes, shared by processes that know nothing of each other.

Problem. Many processes read, fill and prune one folder at once, any of them may be killed at any moment, and the disk
may be full or not ours to write.

Idea. No locks. A file is written under a name of its own and renamed into place, so a reader finds the old one, the new
one or none. Two writers of one name write equally good contents; the later one stays. Whoever reads a file touches it,
and pruning deletes the files not touched for longest. A file deleted under a reader stays mapped. A file that a kill
left behind under its temporary name is deleted by a later pruning.

A new name is not flushed to the disk before it is renamed: a power cut may leave a file with a good name and bad
contents, which its checksums tell, and flushing costs more than most grammars take to compile. What is *replaced* by a
new file (`durable`) is deleted after the flush.

Nothing here raises `OSError` but `listed` and `clear`, which people ask for: a folder that cannot be written is one
warning, and then a cache that holds nothing.
"""

from __future__ import annotations

import errno
import itertools
import logging
import mmap
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

logger = logging.getLogger("ruvllm_grammar.store")

_SUFFIX = ".tmp"
_DEPTH = 2  # folders below the cache's own
_ABANDONED = 3600.0  # seconds after which a temporary file belongs to nobody
_SHARE = 16  # the folder is measured again after this part of its budget was written
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the folder.

    Attributes:
        path: where it is.
        size: bytes.
        used: when it was last written or asked for, seconds since the epoch.
    """

    path: Path
    size: int
    used: float


class Folder:
    """The files below one folder.

    Args:
        path: need not exist yet.
        max_bytes: pruned down to this, least recently used files first.
        suffixes: what names of its files end with. Other files are somebody else's: never listed, never deleted.

    Attributes:
        path, max_bytes: as given.
        evicted: files deleted by pruning.
        failures: files that could not be written.
    """

    def __init__(self, path: Path, *, max_bytes: int, suffixes: tuple[str, ...]) -> None:
        self.path = path.absolute()  # whatever the current folder will be
        self._suffixes = suffixes
        self.max_bytes = max_bytes
        self.evicted = 0
        self.failures = 0
        self._warned = False
        self._written = 0
        self._measured = False
        self._lock = threading.Lock()

    def map(self, name: str, *, touch: bool = True) -> memoryview | None:
        """The contents of a file, mapped; None when there is none, or it cannot be read.

        The mapping lives as long as the view or anything made of it.
        """
        path = os.path.join(self.path, name)  # noqa: PTH118  on the way of every hit
        try:
            handle = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        except FileNotFoundError:
            return None
        except OSError as error:
            logger.warning("cannot read %s: %s", path, error.strerror)
            return None
        try:
            size = os.fstat(handle).st_size
            data = memoryview(mmap.mmap(handle, size, access=mmap.ACCESS_READ)) if size else memoryview(b"")
        except (OSError, ValueError) as error:
            logger.warning("cannot map %s: %s", path, error)
            return None
        finally:
            os.close(handle)
        if touch:
            self._touch(path)
        return data

    def _touch(self, path: str) -> None:
        try:
            os.utime(path)
        except OSError as error:  # gone, or not ours: then its age is somebody else's business
            logger.debug("cannot touch %s: %s", path, error.strerror)

    def write(self, name: str, data: bytes, *, durable: bool = False) -> bool:
        """Put a file into place, whole; whether that worked.

        Args:
            name: relative to the folder; folders on the way are made.
            data: its contents.
            durable: on the disk before this returns, because something is deleted for it.
        """
        target = self.path / name
        temporary = target.with_name(f".{target.name}.{os.getpid()}.{next(_numbers)}{_SUFFIX}")
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                with temporary.open("xb") as file:
                    file.write(data)
                    if durable:
                        file.flush()
                        os.fsync(file.fileno())
                temporary.replace(target)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
        except OSError as error:
            self._failed(target, error)
            return False
        with self._lock:
            self._written += len(data)
            due = not self._measured or self._written * _SHARE > self.max_bytes
            if due:
                self._measured, self._written = True, 0
        if due:
            self.prune()
        return True

    def _failed(self, target: Path, error: OSError) -> None:
        with self._lock:
            self.failures += 1
            warned, self._warned = self._warned, True
        level = logging.DEBUG if warned else logging.WARNING
        remedy = (
            "free some space" if error.errno in {errno.ENOSPC, errno.EDQUOT} else "check the folder's rights"
        )
        logger.log(
            level, "cannot write %s: %s; going on without keeping tables, %s", target, error.strerror, remedy
        )

    def discard(self, name: str) -> None:
        """Delete a file that turned out useless, if that is possible."""
        try:
            (self.path / name).unlink(missing_ok=True)
        except OSError as error:
            logger.debug("cannot delete %s: %s", name, error.strerror)

    def listed(self) -> list[Entry]:
        """All files, least recently used first; without temporary ones."""
        found, _ = self._scan()
        return found

    def _scan(self) -> tuple[list[Entry], list[Entry]]:
        """Files, and temporary files."""
        found: list[Entry] = []
        temporary: list[Entry] = []
        todo = [(str(self.path), 0)]
        while todo:
            here, depth = todo.pop()
            try:
                entries = list(os.scandir(here))
            except (FileNotFoundError, NotADirectoryError):
                continue
            for entry in entries:
                try:
                    if entry.is_dir(follow_symlinks=False):
                        if depth < _DEPTH:
                            todo.append((entry.path, depth + 1))
                        continue
                    name, _, number = entry.name.removesuffix(_SUFFIX).rpartition(".")
                    unfinished = entry.name.endswith(_SUFFIX) and number.isdigit()
                    if unfinished:
                        name = name.rpartition(".")[0]
                    if not (name if unfinished else entry.name).endswith(self._suffixes):
                        continue
                    facts = entry.stat(follow_symlinks=False)
                except FileNotFoundError:  # another process pruned it
                    continue
                kept = temporary if unfinished else found
                kept.append(Entry(Path(entry.path), facts.st_size, facts.st_mtime))
        found.sort(key=lambda entry: (entry.used, entry.path))
        return found, temporary

    def prune(self, max_bytes: int | None = None) -> list[Entry]:
        """Delete least recently used files until the rest fits, and what dead writers left; what was deleted.

        Args:
            max_bytes: instead of the folder's own budget.
        """
        budget = self.max_bytes if max_bytes is None else max_bytes
        try:
            found, temporary = self._scan()
        except OSError as error:
            logger.warning("cannot list %s: %s", self.path, error.strerror)
            return []
        old = time.time() - _ABANDONED
        for entry in temporary:
            if entry.used < old:
                self.discard(str(entry.path))
        total = sum(entry.size for entry in found)
        deleted = []
        for entry in found:
            if total <= budget:
                break
            self.discard(str(entry.path))
            total -= entry.size
            deleted.append(entry)
        with self._lock:
            self.evicted += len(deleted)
        return deleted

    def clear(self) -> list[Entry]:
        """Delete every file; what was deleted.

        Raises:
            OSError: the folder cannot be listed, or a file not deleted.
        """
        found, temporary = self._scan()
        for entry in (*found, *temporary):
            entry.path.unlink(missing_ok=True)
        return found
