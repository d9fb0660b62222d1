"""`ruvllm-grammar compile --cache` and `ruvllm-grammar cache`."""

from __future__ import annotations

import json

import pytest

import ruvllm_grammar as rg
from ruvllm_grammar.cli.vocabularies import byte_vocabulary


@pytest.fixture
def filled(grammar_cli, folder):
    """A cache in `tables` with two grammars."""
    code, out, err = grammar_cli("compile", "person.json", "word.regex", "-v", "bytes", "--cache", "tables")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == f"2 stored, 0 there already in {folder / 'tables'}"
    return grammar_cli


def paths(folder):
    return sorted((folder / "tables").glob("*/grammars/*.tables"))


def mask(grammar, text):
    matcher = grammar.matcher()
    matcher.accept_bytes(text)
    return matcher.legal().ids.tolist()


def test_what_is_stored_is_found_by_the_library(filled, folder):
    cache = rg.TableCache(folder / "tables")
    source = rg.JsonSchema((folder / "person.json").read_text())
    grammar = rg.compile(source, byte_vocabulary(), cache=cache)
    assert cache.stats.hits == 1
    plain = rg.compile(source, byte_vocabulary())
    for text in (b"", b"{", b'{"name": "', b'{"name": "", "age": 1'):
        assert mask(grammar, text) == mask(plain, text)
    assert grammar.tokens.machine.is_dormant
    assert grammar.matcher().tokens_to_finish == plain.matcher().tokens_to_finish


def test_the_second_time_they_are_there(filled, folder):
    code, out, _ = filled(
        "compile", "person.json", "word.regex", "any.json", "-v", "bytes", "--cache", "tables", "--json"
    )
    found = json.loads(out)
    assert code == 0
    assert [row["kept"] for row in found["sources"]] == ["there", "there", "stored"]
    assert all(row["states"] > 1 for row in found["sources"])
    assert found["cache"] == str(folder / "tables")


def test_documents_are_walked(grammar_cli, folder):
    (folder / "answers").mkdir()
    document = '{"name": "Ada", "age": 36}'
    (folder / "answers" / "person.jsonl").write_text(f'{document}\n{{"name": 1}}\n')
    (folder / "answers" / "person.json").write_text('{"age": 2}\n')
    run = ("compile", "person.json", "-v", "bytes", "--cache", "tables", "--walks", "0")
    assert grammar_cli(*run, "--documents", "answers")[0] == 0
    grammar = rg.compile(
        rg.JsonSchema((folder / "person.json").read_text()), byte_vocabulary(), cache=rg.TableCache("tables")
    )
    matcher = grammar.matcher()
    for byte in document.encode():
        assert grammar.tokens.rows.row(matcher._place.state) is not None
        matcher.accept(byte)
    assert grammar.tokens.machine.is_dormant
    assert matcher.is_accepting


def test_the_default_folder(grammar_cli, folder, monkeypatch):
    monkeypatch.setenv("RUVLLM_CACHE_DIR", str(folder / "elsewhere"))
    assert grammar_cli("compile", "any.json", "-v", "bytes", "--store")[0] == 0
    code, out, _ = grammar_cli("cache", "ls", "--json")
    assert code == 0
    assert json.loads(out)["cache"] == str(folder / "elsewhere")
    assert len(json.loads(out)["files"]) == 1
    assert not (folder / "tables").exists()


def test_a_folder_that_cannot_be_written_stores_nothing(grammar_cli, folder):
    (folder / "file").write_text("")
    code, out, _ = grammar_cli("compile", "any.json", "-v", "bytes", "--cache", "file")
    assert code == 0
    assert out.splitlines()[-1] == f"0 stored, 0 there already, 1 could not be written in {folder / 'file'}"


def test_ls(filled, folder):
    code, out, err = filled("cache", "ls", "--cache", "tables")
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[0].split() == ["vocabulary", "holds", "name", "bytes", "used"]
    assert [line.split()[1] for line in lines[1:3]] == ["grammar", "grammar"]
    total = sum(path.stat().st_size for path in paths(folder))
    assert lines[3] == f"2 files, {total:,} bytes in {folder / 'tables'}"
    found = json.loads(filled("cache", "ls", "--cache", "tables", "--json")[1])
    assert {row["path"] for row in found["files"]} == {str(path) for path in paths(folder)}
    assert found["bytes"] == total


def test_an_empty_cache_is_no_error(grammar_cli):
    assert grammar_cli("cache", "ls", "--cache", "none")[0] == 0
    assert grammar_cli("cache", "verify", "--cache", "none")[:2] == (
        0,
        "0 files: 0 damaged, 0 of other versions\n",
    )
    assert grammar_cli("cache", "clear", "--cache", "none")[:2] == (
        0,
        "0 files deleted, 0 bytes; 0 left, 0 bytes\n",
    )


def test_verify(filled, folder):
    assert filled("cache", "verify", "--cache", "tables")[:2] == (
        0,
        "2 files: 0 damaged, 0 of other versions\n",
    )
    first, second = paths(folder)
    data = bytearray(first.read_bytes())
    data[16] ^= 1  # the compiler's digest
    first.write_bytes(data)
    assert filled("cache", "verify", "--cache", "tables")[0] == 0
    second.write_bytes(second.read_bytes()[:-1])
    code, out, _ = filled("cache", "verify", "--cache", "tables")
    assert code == 1
    assert out.splitlines()[-1] == "2 files: 1 damaged, 1 of other versions"
    assert "cut short" in out
    code, out, _ = filled("cache", "verify", "--cache", "tables", "--delete", "--json")
    found = json.loads(out)
    assert (code, found["files"], found["damaged"], found["deleted"]) == (1, 2, 1, 2)
    assert {row["reason"].partition(":")[0] for row in found["useless"]} == {"foreign", "cut short"}
    assert paths(folder) == []


def test_prune_and_clear(filled, folder):
    sizes = [path.stat().st_size for path in paths(folder)]
    code, out, _ = filled("cache", "prune", "--cache", "tables", "--max-bytes", max(sizes))
    assert code == 0
    assert out.startswith("1 files deleted, ")
    found = json.loads(filled("cache", "clear", "--cache", "tables", "--json")[1])
    assert (found["deleted"]["files"], found["left"]) == (1, {"files": 0, "bytes": 0})
    assert paths(folder) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--documents", "answers"],
            "--documents and --max-bytes are about a cache: name one with --cache, or say --store",
        ),
        (["--cache", "tables", "--documents", "answers"], "answers: no such folder; check its name"),
    ],
)
def test_bad_input(grammar_cli, arguments, message):
    assert grammar_cli("compile", "any.json", "-v", "bytes", *arguments) == (
        2,
        "",
        f"InputError: {message}\n",
    )


@pytest.mark.slow
def test_several_processes_fill_one_cache(grammar_cli, folder):
    for n in range(6):
        (folder / f"{n}.json").write_text(json.dumps({"enum": [n, str(n)]}))
    names = [f"{n}.json" for n in range(6)]
    code, out, _ = grammar_cli("compile", *names, "-v", "bytes", "--cache", "tables", "--jobs", "2")
    assert code == 0
    assert out.splitlines()[-1] == f"6 stored, 0 there already in {folder / 'tables'}"
    assert grammar_cli("cache", "verify", "--cache", "tables")[1].startswith("6 files: 0 damaged")
