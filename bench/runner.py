"""Jobs: one engine in one mode over a list of schemas, in processes of their own, watched and resumable.

A process that uses more CPU time on a schema than its budget (native code cannot be interrupted), or more memory than
allowed, is ended; the schema is recorded as such, and a new process goes on behind it. A finished job leaves a file,
and is not run again until `fingerprint` changes: stop the benchmark at any time and start it again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

_TICKS = os.sysconf("SC_CLK_TCK")
_POLL_S = 0.1
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
        numbers: places in the sample.
        repeat: which of several runs.
        limits: of its processes.
    """

    engine: str
    mode: str
    numbers: tuple[int, ...]
    repeat: int
    limits: Limits = Limits()

    @property
    def name(self) -> str:
        """What its file is called."""
        return f"{self.engine}-{self.mode}-{self.repeat}"


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


def execute(folder: Path, job: Job, fingerprint: str) -> None:
    """Run a job to its end, in as many processes as it takes."""
    target = path_of(folder, job)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".part")
    asked = target.with_suffix(".json")
    asked.write_text(json.dumps(job.numbers), encoding="utf-8")
    first, spent, crashes = 0, 0.0, 0
    with partial.open("w", encoding="utf-8") as out:
        out.write(json.dumps({"fingerprint": stamp(job, fingerprint)}) + "\n")
        while True:
            if spent > job.limits.total_seconds or crashes > _CRASHES:
                for number in job.numbers:
                    if number >= first:
                        out.write(json.dumps({"number": number, "status": "not reached", "tests": []}) + "\n")
                break
            ended = _process(folder, job, asked, first, out)
            spent += ended.cpu
            if ended.number is None:
                break
            crashes += ended.status == "crash"
            first = ended.number + 1
            out.write(json.dumps({"number": ended.number, "status": ended.status, "tests": []}) + "\n")
    asked.unlink()
    partial.replace(target)


@dataclass(slots=True)
class _Ended:
    """How a process ended: at which schema (None: it was through), why, after how much CPU time."""

    number: int | None
    status: str
    cpu: float


def _process(folder: Path, job: Job, asked: Path, first: int, out: TextIO) -> _Ended:
    """One worker, watched; its complete records are copied to `out`."""
    log = asked.with_suffix(".log")
    command = [sys.executable, "-m", "bench.worker", str(folder), "--engine", job.engine, "--mode", job.mode]
    command += ["--only", str(asked), "--first", str(first), "--seconds", str(job.limits.seconds)]
    with log.open("wb") as sink:
        worker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=sink)  # noqa: S603  our own arguments
    if worker.stdout is None:
        msg = "a worker without output"
        raise RuntimeError(msg)
    os.set_blocking(worker.stdout.fileno(), False)
    number: int | None = None
    began, cpu, memory, status, rest, through = 0.0, 0.0, 0, "crash", b"", False
    while True:
        running = worker.poll() is None
        if running:
            cpu, memory = usage(worker.pid, cpu)
        text = worker.stdout.read() or b""
        *lines, rest = (rest + text).split(b"\n")
        for line in lines:
            record: dict[str, Any] = json.loads(line)
            if "begin" in record:
                number, began = record["begin"], record["cpu"]
                continue
            out.write(line.decode() + "\n")
            number = None if "status" in record else number
            through = through or "end" in record
        if not running and not text:
            break
        over = number is not None and cpu - began > job.limits.seconds * 1.2 + 0.5
        if running and (over or memory > job.limits.memory_mb or cpu > job.limits.total_seconds):
            status = "limit" if over else "memory" if memory > job.limits.memory_mb else "not reached"
            worker.kill()
            worker.wait()
        else:
            time.sleep(_POLL_S)
    worker.stdout.close()
    if through:
        log.unlink()
        return _Ended(None, "ok", cpu)
    if number is None:
        said = log.read_text(encoding="utf-8", errors="replace")[-2_000:]
        msg = f"{job.name} ended between schemas (exit {worker.returncode}):\n{said}"
        raise RuntimeError(msg)
    return _Ended(number, status, cpu)


def usage(pid: int, before: float) -> tuple[float, int]:
    """CPU seconds and resident MB of a process; what was known before where it has just ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return before, 0
    return (int(fields[11]) + int(fields[12])) / _TICKS, int(fields[21]) * os.sysconf("SC_PAGE_SIZE") >> 20
