from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import ruvllm_grammar as rg
from ruvllm_runtime import RequestError
from ruvllm_runtime.cli.demo import CASES
from ruvllm_runtime.cli.schemas import shipped_schema
from ruvllm_runtime.model import byte_vocabulary

FOLDER = Path(__file__).resolve().parent.parent.parent / "grammars" / "schemas"
NAMES = sorted(file.stem for file in FOLDER.glob("*.json"))


@pytest.mark.parametrize("name", NAMES)
def test_schemas_are_schemas_and_compile_with_few_guards(name):
    schema = shipped_schema(name)
    Draft202012Validator.check_schema(schema)
    guards = rg.compile(rg.JsonSchema(schema), byte_vocabulary()).guards
    # Its names have a greatest length: one that is taken may be begun and cannot be ended otherwise.
    assert [one.pointer for one in guards] == (
        ["/patternProperties/^x-[a-z]{1,6}$"] if name == "service_config" else []
    )


def test_the_demo_shows_them_all():
    assert sorted(case.schema for case in CASES) == NAMES


def test_what_does_not_ship_is_said():
    with pytest.raises(RequestError, match="no schema 'nothing' ships with this installation") as caught:
        shipped_schema("nothing")
    assert caught.value.param == "schema"
