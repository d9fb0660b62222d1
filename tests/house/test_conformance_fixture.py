"""Absent conformance data skips with the reason, and fails in CI; pytest runs on a test that asks for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parent.parent / "conftest.py"


def outcome(folder: Path, *, required: bool, data: Path) -> str:
    """The last line of a run of one test that uses the fixture."""
    (folder / "conftest.py").write_text(CONFTEST.read_text(encoding="utf-8"), encoding="utf-8")
    test = "def test_reads(conformance):\n    assert conformance.is_dir()\n"
    (folder / "test_reads.py").write_text(test, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = conformance\n", encoding="utf-8")
    environment = os.environ | {"RUVLLM_CONFORMANCE_DATA": str(data)}
    environment["RUVLLM_REQUIRE_CONFORMANCE"] = "1" if required else "0"
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", str(folder)]
    answer = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    return answer.stdout


@pytest.mark.parametrize(
    ("required", "exists", "expected"),
    [
        (False, False, "1 skipped"),
        (True, False, "1 error"),
        (False, True, "1 passed"),
        (True, True, "1 passed"),
    ],
)
def test_absent_data_skips_or_fails(tmp_path, required, exists, expected):
    data = tmp_path / "data"
    if exists:
        data.mkdir()
    printed = outcome(tmp_path, required=required, data=data)
    assert printed.splitlines()[-1].startswith(expected)
    assert exists or f"no conformance data at {data}" in printed
