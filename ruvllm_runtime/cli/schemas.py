"""The schemas that ship with the project: `grammars/schemas/*.json`."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from ruvllm_runtime.errors import RequestError


def shipped_schema(name: str) -> Any:
    """The schema `name`, from the source tree or, in an installed wheel, from the package's data.

    Raises:
        RequestError: there is no such schema.
    """
    tree = Path(__file__).resolve().parent.parent.parent / "grammars" / "schemas"
    wheel = files("ruvllm_grammar") / "_data" / "grammars" / "schemas"
    for folder in (tree, wheel):
        file = folder / f"{name}.json"
        if file.is_file():
            return json.loads(file.read_text(encoding="utf-8"))
    raise RequestError(
        f"no schema {name!r} ships with this installation; look in grammars/schemas", param="schema"
    )
