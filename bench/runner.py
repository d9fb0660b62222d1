"""Jobs: one engine in one mode over a list of schemas, in processes of their own, watched and resumable.

A process that uses more CPU time on a schema than its budget (native code cannot be interrupted), or more memory than
allowed, is ended; the schema is recorded as such, and a new process goes on behind it. A finished job leaves a file,
and is not run again until `fingerprint` changes: stop the benchmark at any time and start it again.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

_TICKS = os.sysconf("SC_CLK_TCK")
_POLL_S = 0.1
#: A worker looks at its budget itself, where it can; it is ended when this many times the budget are gone.
_GRACE = 1.2
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}
WORKER = (sys.executable, "-m", "bench.worker")
#: Processes of one job that may end for reasons of their own before the job is given up.
_CRASHES = 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What a process may take.

    Attributes:
        seconds: CPU seconds a schema.
        memory_mb: resident memory.
        total_seconds: CPU seconds of a whole job; schemas behind are recorded as not reached.
    """

    seconds: float = 10.0
    memory_mb: int = 8_192
    total_seconds: float = 1_200.0


@dataclass(frozen=True, slots=True)
class Job:
    """One engine in one mode.

    Attributes:
        engine: of `bench.engines.ENGINES`.
        mode: of `bench.worker.MODES`.
        part: which part of the sample, by name.
        numbers: places in the sample.
        repeat: which of several runs.
        limits: of its processes.
    """

    engine: str
    mode: str
    part: str
    numbers: tuple[int, ...]
    repeat: int
    limits: Limits = Limits()

    @property
    def name(self) -> str:
        """What its file is called."""
        return f"{self.engine}-{self.part}-{self.mode}-{self.repeat}"


def path_of(folder: Path, job: Job) -> Path:
    """The finished job's file."""
    return folder / "runs" / f"{job.name}.jsonl"


def done(folder: Path, job: Job, fingerprint: str) -> bool:
    """Whether the job was finished under the same circumstances."""
    path = path_of(folder, job)
    if not path.is_file():
        return False
    with path.open(encoding="utf-8") as lines:
        return bool(json.loads(lines.readline()).get("fingerprint") == stamp(job, fingerprint))


def stamp(job: Job, fingerprint: str) -> str:
    """What a finished job must have been run with."""
    chosen = f"{len(job.numbers)} {sum(n * (i + 1) for i, n in enumerate(job.numbers))}"
    return f"{fingerprint} {chosen} {job.limits}"


def execute(folder: Path, job: Job, fingerprint: str, *, worker: Sequence[str] = WORKER) -> float:
    """Run a job to its end, in as many processes as it takes.

    Args:
        folder: the prepared sample; the finished job goes to its `runs`.
        job: what to run.
        fingerprint: what a finished job is known again by.
        worker: the command that measures; its arguments are those of `bench.worker`.

    Returns:
        The CPU seconds it took.

    Raises:
        RuntimeError: a process ended before its first schema, or between two.
    """
    target = path_of(folder, job)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".part")
    asked = target.with_suffix(".json")
    asked.write_text(json.dumps(job.numbers), encoding="utf-8")
    first, left, crashes = 0, job.limits.total_seconds, 0
    with partial.open("w", encoding="utf-8") as out:
        out.write(json.dumps({"fingerprint": stamp(job, fingerprint)}) + "\n")
        while left > 0 and crashes <= _CRASHES:
            process = _Process([*worker, str(folder)], job, asked, first)
            process.watch(out, left)
            left -= process.cpu
            if process.through:
                break
            crashes += process.status == "crash"
            if process.at is not None:
                out.write(json.dumps({"number": process.at, "status": process.status, "tests": []}) + "\n")
            first = process.following
        else:
            for number in job.numbers:
                if number >= first:
                    out.write(json.dumps({"number": number, "status": "not reached", "tests": []}) + "\n")
    asked.unlink()
    partial.replace(target)
    return job.limits.total_seconds - left


class _Process:
    """One worker, from its start to its end.

    Attributes:
        through: whether it came to the end of its list.
        at: the schema it was at when it ended; None between two.
        following: the place from which the next process goes on.
        status: why it ended: `crash` unless it was ended here.
        cpu: CPU seconds it used.
    """

    def __init__(self, command: list[str], job: Job, asked: Path, first: int) -> None:
        self.through = False
        self.at: int | None = None
        self.following = first
        self.status = "crash"
        self.cpu = 0.0
        self._began = 0.0
        self._job = job
        self._log = asked.with_suffix(".log")
        command += ["--engine", job.engine, "--mode", job.mode]
        command += ["--only", str(asked), "--first", str(first), "--seconds", str(job.limits.seconds)]
        with self._log.open("wb") as sink:
            self._worker = subprocess.Popen(  # noqa: S603  our own arguments
                command, stdout=subprocess.PIPE, stderr=sink, env=os.environ | _ONE_THREAD
            )

    def watch(self, out: TextIO, left: float) -> None:
        """Copy its records to `out` until it ends, or ends something by using too much.

        Args:
            out: the job's file.
            left: CPU seconds before the job has used up its own.
        """
        pipe = self._worker.stdout
        if pipe is None:
            msg = "a worker without output"
            raise RuntimeError(msg)
        os.set_blocking(pipe.fileno(), False)
        rest = b""
        while True:
            running = self._worker.poll() is None
            text = pipe.read() or b""
            *lines, rest = (rest + text).split(b"\n")
            for line in lines:
                self._read(line, out)
            if running:
                self._limit(left)
                select.select([pipe], [], [], _POLL_S)
            elif not text:
                break
        pipe.close()
        if self.at is None and not self.through and self.status == "crash":
            said = self._log.read_text(encoding="utf-8", errors="replace")[-2_000:]
            msg = f"{self._job.name} ended between schemas (exit {self._worker.returncode}):\n{said}"
            raise RuntimeError(msg)
        self._log.unlink()

    def _read(self, line: bytes, out: TextIO) -> None:
        """Records are long: only what begins one is parsed."""
        if line.startswith(b'{"begin"'):
            record: dict[str, Any] = json.loads(line)
            self.at, self._began = record["begin"], record["cpu"]
            self.following = record["begin"] + 1
            return
        out.write(line.decode() + "\n")
        if line.startswith(b'{"number"'):
            self.at = None
        self.through = self.through or line.startswith(b'{"end"')

    def _limit(self, left: float) -> None:
        self.cpu, memory = usage(self._worker.pid, self.cpu)
        limits = self._job.limits
        if self.at is not None and self.cpu - self._began > limits.seconds * _GRACE:
            self.status = "limit"
        elif memory > limits.memory_mb:
            self.status = "memory"
        elif self.cpu > left:
            self.status = "not reached"
        else:
            return
        self._worker.kill()
        self._worker.wait()


def usage(pid: int, before: float) -> tuple[float, int]:
    """CPU seconds and resident MB of a process; what was known before where it has just ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return before, 0
    return (int(fields[11]) + int(fields[12])) / _TICKS, int(fields[21]) * os.sysconf("SC_PAGE_SIZE") >> 20
