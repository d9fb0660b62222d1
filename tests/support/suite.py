"""The official JSON Schema Test Suite, read in place, and the documents that it expects to find."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema_specifications

DRAFTS = ("4", "6", "7", "2019-09", "2020-12")


@dataclass(frozen=True)
class Group:
    """Tests of one schema. file: its keyword. draft: what the schema follows, or None where it says so itself."""

    file: str
    name: str
    schema: Any
    draft: str | None
    tests: list[dict[str, Any]]


def groups(conformance: Path, draft: str) -> Iterator[Group]:
    """The required tests of a draft."""
    for file in sorted((conformance / "json-schema-test-suite" / "tests" / f"draft{draft}").glob("*.json")):
        for group in json.loads(file.read_text()):
            schema = group["schema"]
            says = isinstance(schema, dict) and "$schema" in schema
            yield Group(file.stem, group["description"], schema, None if says else draft, group["tests"])


def registry(conformance: Path) -> dict[str, Any]:
    """The metaschemas, and the documents that the suite expects at localhost."""
    known = jsonschema_specifications.REGISTRY
    found = {uri: known[uri].contents for uri in known}
    remotes = conformance / "json-schema-test-suite" / "remotes"
    for path in remotes.rglob("*.json"):
        found[f"http://localhost:1234/{path.relative_to(remotes).as_posix()}"] = json.loads(path.read_text())
    return found
