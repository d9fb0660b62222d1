"""`ruvllm-grammar warm`, and what loading kernels says."""

from __future__ import annotations

import json
import re

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
    assert (
        capsys.readouterr().err == "compiling the kernels: once per machine and version, up to a minute ...\n"
    )
