"""The documentation is true: its Python runs, its links lead somewhere, nothing public is left out of it."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from dataclasses import fields
from pathlib import Path

import pytest

from ruvllm_grammar.limits import Limits

PACKAGES = ["ruvllm_grammar", "ruvllm_runtime"]
ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINKED = [*PAGES, ROOT / "CHANGELOG.md", ROOT / "tests" / "README.md", ROOT / "grammars" / "README.md"]

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> list[tuple[int, str]]:
    """Line number and text of each block marked as Python."""
    text = page.read_text(encoding="utf-8")
    return [(text.count("\n", 0, match.start(1)), match.group(1)) for match in BLOCK.finditer(text)]


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=name_of)
def test_python_of_the_page_runs(page, tmp_path, monkeypatch):
    """A page is one program: its blocks share a namespace and run from top to bottom in an empty folder.

    It checks what it claims, so that it fails when the claim becomes wrong.
    """
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__page__"}
    claims = 0
    for line, source in blocks(page):
        # Blank lines in front, so that a traceback shows the line of the page.
        tree = ast.parse("\n" * line + source, str(page))
        claims += sum(isinstance(node, ast.Assert) for node in ast.walk(tree))
        exec(compile(tree, str(page), "exec", dont_inherit=True), namespace)  # noqa: S102  our own documentation
    assert claims > 0


@pytest.mark.parametrize("page", LINKED, ids=name_of)
def test_links_of_the_page_lead_to_files(page):
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_error_class_is_in_the_reference(package):
    text = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    errors = importlib.import_module(f"{package}.errors")
    classes = [name for name, value in vars(errors).items() if inspect.isclass(value)]
    assert classes != []
    assert [name for name in classes if f"| `{name}` |" not in text] == []


def test_every_limit_is_in_the_reference():
    text = (ROOT / "docs" / "reference" / "limits.md").read_text(encoding="utf-8")
    rows = {field.name: f"| `{field.name}` | {field.default:,} |" for field in fields(Limits)}
    assert {name: row for name, row in rows.items() if row not in text} == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_in_the_reference(package):
    text = (ROOT / "docs" / "reference" / "python-api.md").read_text(encoding="utf-8")
    text += (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    names = importlib.import_module(package).__all__
    assert [name for name in names if not re.search(rf"`(?:rg\.)?{re.escape(name)}\b", text)] == []
