"""Whole documents against compiled schemas, and the parts of the reader for tests of one part."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

import ruvllm_grammar as rg
from ruvllm_grammar.automata.algebra import RegularAlgebra
from ruvllm_grammar.jsonschema import read
from ruvllm_grammar.jsonschema.cells import Cells
from ruvllm_grammar.jsonschema.document import Document, parse
from ruvllm_grammar.jsonschema.emptiness import Emptiness
from ruvllm_grammar.jsonschema.obligations import Obligations
from ruvllm_grammar.jsonschema.shapes import Shapes


@pytest.fixture(scope="session")
def bytes_vocabulary() -> rg.Vocabulary:
    return rg.Vocabulary.from_tokens([bytes([i]) for i in range(256)] + [b""], special={256}, eos={256})


@pytest.fixture(scope="session")
def limits() -> rg.Limits:
    return rg.Limits()


@pytest.fixture(scope="session")
def algebra(limits: rg.Limits) -> RegularAlgebra:
    return RegularAlgebra(limits)


@pytest.fixture
def accepts(bytes_vocabulary: rg.Vocabulary) -> Callable[..., list[str]]:
    """`accepts(schema, *texts)` is the texts that the schema accepts, in order; values are written as JSON first."""

    def accepted(schema: Any, *texts: Any, **options: Any) -> list[str]:
        compiled = rg.compile(rg.JsonSchema(schema, **options), bytes_vocabulary)
        written = [text if isinstance(text, str) else json.dumps(text, ensure_ascii=False) for text in texts]
        return [text for text in written if compiled.accepts(text)]

    return accepted


@pytest.fixture
def rules(algebra: RegularAlgebra, limits: rg.Limits) -> Callable[..., str]:
    """The rules of a schema as text, without white space unless asked for."""

    def text(schema: Any, **options: Any) -> str:
        options.setdefault("whitespace", "compact")
        return read(schema, algebra=algebra, limits=limits, **options).text()

    return text


@pytest.fixture
def refused(algebra: RegularAlgebra, limits: rg.Limits) -> Callable[..., rg.GrammarError]:
    """The error that reading a schema raises."""

    def error(schema: Any, **options: Any) -> rg.GrammarError:
        with pytest.raises(rg.GrammarError) as caught:
            read(schema, algebra=algebra, limits=limits, **options)
        return caught.value

    return error


@pytest.fixture
def emptiness(algebra: RegularAlgebra, limits: rg.Limits) -> Callable[..., tuple[Emptiness, Any]]:
    """The parts of a reading: emptiness with all below it, and the root obligation."""

    def parts(schema: Any, **options: Any) -> tuple[Emptiness, Any]:
        value, text = parse(schema, limits)
        document = Document(value, text, draft=None, registry=options.pop("registry", None), limits=limits)
        cells = Cells(document, limits=limits, assert_formats=True, **options)
        root = cells.cell(document.root)
        obligations = Obligations(cells, algebra=algebra, limits=limits)
        return Emptiness(Shapes(obligations)), obligations.obligation(root)

    return parts
