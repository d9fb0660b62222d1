"""Watched processes, on workers that are small scripts."""

import sys

import pytest

from bench import records, runner
from bench.runner import Job, Limits

DEFAULT = Limits()
SCRIPT = """
import argparse, json, os, sys, time
parser = argparse.ArgumentParser()
parser.add_argument("folder")
for name in ("--engine", "--mode", "--only", "--first", "--seconds"):
    parser.add_argument(name)
options = parser.parse_args()
def say(record):
    os.write(1, (json.dumps(record) + "\\n").encode())
say({"cpu": time.process_time(), "loaded MB": 7})
for number in json.load(open(options.only)):
    if number < int(options.first):
        continue
    say({"begin": number, "cpu": time.process_time()})
    kind = BEHAVIOUR.get(number, "ok")
    if kind == "crash":
        os._exit(3)
    if kind == "large":
        held = b"x" * (400 << 20)
    while kind in ("spin", "large"):
        pass
    say({"number": number, "status": "ok", "tests": []})
    if kind == "leave":
        os._exit(4)
say({"end": True, "peak MB": 9})
"""


def run(tmp_path, behaviour, limits=DEFAULT, numbers=(0, 3, 5)):
    script = tmp_path / "worker.py"
    script.write_text(f"BEHAVIOUR = {behaviour!r}\n{SCRIPT}")
    job = Job("fake", "shared", "B", numbers, 0, limits)
    runner.execute(tmp_path, job, "now", worker=(sys.executable, str(script)))
    return job


def outcomes(tmp_path, job):
    return {
        number: record["status"]
        for number, record in records.read(runner.path_of(tmp_path, job)).schemas.items()
    }


def test_a_job_runs_to_its_end(tmp_path):
    job = run(tmp_path, {})
    assert outcomes(tmp_path, job) == {0: "ok", 3: "ok", 5: "ok"}
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["fake-B-shared-0.jsonl"]


def test_behind_a_crash_another_process_goes_on(tmp_path):
    assert outcomes(tmp_path, run(tmp_path, {3: "crash"})) == {0: "ok", 3: "crash", 5: "ok"}


def test_a_schema_that_takes_too_long_is_ended(tmp_path):
    job = run(tmp_path, {0: "spin"}, Limits(seconds=0.2))
    assert outcomes(tmp_path, job) == {0: "limit", 3: "ok", 5: "ok"}


def test_a_process_that_takes_too_much_memory_is_ended(tmp_path):
    job = run(tmp_path, {5: "large"}, Limits(memory_mb=200))
    assert outcomes(tmp_path, job) == {0: "ok", 3: "ok", 5: "memory"}


def test_what_is_behind_the_time_of_the_job_is_not_reached(tmp_path):
    job = run(tmp_path, {3: "spin"}, Limits(total_seconds=0.5))
    assert outcomes(tmp_path, job) == {0: "ok", 3: "not reached", 5: "not reached"}


def test_a_process_that_ends_between_schemas_is_an_error_with_its_last_words(tmp_path):
    with pytest.raises(RuntimeError, match=r"fake-B-shared-0 ended between schemas \(exit 4\)"):
        run(tmp_path, {3: "leave"})


def test_a_finished_job_is_known_again(tmp_path):
    job = run(tmp_path, {})
    assert runner.done(tmp_path, job, "now")
    assert not runner.done(tmp_path, job, "later")
    assert not runner.done(tmp_path, Job("fake", "shared", "B", (0, 3), 0), "now")
    assert not runner.done(tmp_path, Job("fake", "shared", "B", (0, 3, 5), 1), "now")


def test_a_process_that_has_ended_keeps_its_last_figure():
    assert runner.usage(2**22 + 1, 4.5) == (4.5, 0)
