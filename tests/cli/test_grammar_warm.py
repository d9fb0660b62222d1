"""`ruvllm-grammar warm`, and what loading kernels says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from ruvllm_grammar.cli.kernels import _Notice
from ruvllm_grammar.cli.screen import stderr


def test_warm(grammar_cli):
    grammar_cli("warm")
    code, out, err = grammar_cli("warm")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"kernels are warm \(\d+\.\d s\)\n", out)


def test_for_machines(grammar_cli):
    grammar_cli("warm")
    code, out, _ = grammar_cli("warm", "--json")
    assert (code, json.loads(out)["compiled"]) == (0, 0)


def test_compiling_is_announced_once(capsys):
    notice = _Notice(stderr())
    for name in ("step", "walk"):
        notice.count(name)
    notice.end()
    assert notice.counted == 2
    assert capsys.readouterr().err == (
        "compiling the kernels: once per machine and version, some ten seconds ...\n"
    )


@pytest.mark.slow
def test_a_cold_cache_is_filled_by_two_processes(tmp_path):
    command = [sys.executable, "-c", "from ruvllm_grammar.cli import main; main()", "warm", "--json"]
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    first, second = (
        json.loads(subprocess.run(command, env=environment, check=True, capture_output=True).stdout)
        for _ in range(2)
    )
    assert first["compiled"] > 20
    assert second["compiled"] == 0
