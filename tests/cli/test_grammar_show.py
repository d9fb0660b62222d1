"""`ruvllm-grammar show`: rules, instructions, pictures."""

from __future__ import annotations

import json
import stat

import pytest

ALTERNATIVES = """\
digraph "yes.regex" {
  rankdir=LR;
  node [shape=circle, fontname="monospace", fontsize=11];
  edge [fontname="monospace", fontsize=10];
  start [shape=point];
  start -> 0;
  0 -> 1 [label="no"];
  0 -> 1 [label="yes"];
  1 [shape=doublecircle];
}
"""


@pytest.fixture
def yes(folder):
    (folder / "yes.regex").write_text("yes|no")
    return "yes.regex"


def test_the_automaton(grammar_cli, yes):
    assert grammar_cli("show", yes) == (0, ALTERNATIVES, "")


def test_the_automaton_for_machines(grammar_cli, yes):
    code, out, _ = grammar_cli("show", yes, "--json")
    assert (code, json.loads(out)) == (
        0,
        {
            "states": [
                {
                    "number": 0,
                    "accepting": False,
                    "edges": [
                        {"target": 1, "on": [], "text": "no", "tokens": []},
                        {"target": 1, "on": [], "text": "yes", "tokens": []},
                    ],
                },
                {"number": 1, "accepting": True, "edges": []},
            ],
            "complete": True,
        },
    )


def test_the_rules(grammar_cli, yes):
    assert grammar_cli("show", yes, "--what", "ir")[:2] == (0, 'pattern ::= leaf("yes" | "no")\n')
    code, out, _ = grammar_cli("show", "person.json", "--what", "ir", "-w", "compact", "--json")
    assert (code, json.loads(out)["start"]) == (0, "root")


def test_the_instructions(grammar_cli, folder):
    (folder / "s.json").write_text('{"type": "array", "items": {"const": 1}}')
    code, out, _ = grammar_cli("show", "s.json", "--what", "program", "-w", "compact")
    assert code == 0
    assert {"$root:", "LAZY"} & set(out.split()) == {"$root:"}
    code, out, _ = grammar_cli("show", "s.json", "--what", "program", "-w", "compact", "--instructions", "1")
    assert (code, out.splitlines()[-1]) == (0, "; 1 rules or leaves beyond them, see --instructions")


def test_a_file_is_written_whole(grammar_cli, folder, yes):
    (folder / "out.dot").write_text("old")
    assert grammar_cli("show", yes, "--output", "out.dot") == (0, "", "")
    assert (folder / "out.dot").read_text() == ALTERNATIVES
    assert sorted(path.name for path in folder.iterdir()) == [
        "any.json",
        "out.dot",
        "person.json",
        "word.regex",
        yes,
    ]


def test_a_failure_leaves_the_old_file(grammar_cli, folder):
    (folder / "out.dot").write_text("old")
    (folder / "broken.regex").write_text("(")
    assert grammar_cli("show", "broken.regex", "--output", "out.dot")[0] == 2
    assert (folder / "out.dot").read_text() == "old"


def test_a_folder_that_does_not_exist(grammar_cli, yes):
    assert grammar_cli("show", yes, "--output", "none/out.dot") == (
        2,
        "",
        "InputError: none/out.dot: cannot be written: No such file or directory; check the folder and its rights\n",
    )


@pytest.fixture
def fake_dot(folder, monkeypatch):
    """Graphviz, as far as these tests go: a program of that name that runs a shell script."""

    def install(script):
        (folder / "bin").mkdir()
        dot = folder / "bin" / "dot"
        dot.write_text(f"#!/bin/sh\n{script}\n")
        dot.chmod(dot.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(folder / "bin"), prepend=":")

    return install


def test_a_drawing_is_what_dot_makes_of_the_text(grammar_cli, folder, yes, fake_dot):
    fake_dot('[ "$1" = -Tsvg ] && cat')
    assert grammar_cli("show", yes, "-o", "x.svg") == (0, "", "")
    assert (folder / "x.svg").read_text() == ALTERNATIVES.rstrip("\n")


def test_dot_fails(grammar_cli, folder, yes, fake_dot):
    fake_dot("echo no fonts >&2; exit 3")
    assert grammar_cli("show", yes, "-o", "x.svg") == (
        2,
        "",
        "InputError: Graphviz failed: no fonts; write FILE.dot instead\n",
    )
    assert not (folder / "x.svg").exists()


def test_no_dot(grammar_cli, folder, yes, monkeypatch):
    monkeypatch.setenv("PATH", str(folder))
    assert grammar_cli("show", yes, "-o", "x.svg") == (
        2,
        "",
        (
            "InputError: drawing needs Graphviz, and there is no `dot` on the PATH: install the package graphviz of "
            "your system, or write Graphviz text with --output FILE.dot\n"
        ),
    )
    assert grammar_cli("show", yes, "--what", "ir", "-o", "x.svg")[2] == (
        "InputError: an .svg file shows the automaton; leave out --what and --json, or choose another ending\n"
    )
