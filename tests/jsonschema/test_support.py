import json
from pathlib import Path

import pytest

from ruvllm_grammar.jsonschema import formats, reference
from ruvllm_grammar.jsonschema.drafts import UNSAID, Draft
from ruvllm_grammar.jsonschema.support import ROWS, TABLE, State

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "json-schema.md"


def test_the_reference_page_is_the_table():
    text = PAGE.read_text()
    assert text == reference.page(measured=reference.measured(text)), (
        "run: python -m ruvllm_grammar.jsonschema.reference docs/reference/json-schema.md"
    )


def test_the_page_shows_the_results_of_the_benchmark():
    results = json.loads((ROOT / "bench" / "results" / "keywords.json").read_text())
    assert reference.measured(PAGE.read_text()) == results["table"], "run: python bench/keywords.py"


def test_every_keyword_and_format_is_on_the_page():
    text = reference.page()
    names = [row.keyword for row in ROWS] + list(formats.ASSERTED)
    assert [name for name in names if f"| `{name}` |" not in text] == []


def test_every_keyword_has_one_row():
    assert len(TABLE) == len(ROWS)


def test_every_refusal_says_what_to_do():
    assert [row.keyword for row in ROWS if row.state is State.REFUSED and ";" not in row.note] == []


@pytest.mark.parametrize(
    ("keyword", "drafts"),
    [
        ("const", [6, 7, 2019, 2020]),
        ("prefixItems", [2020]),
        ("additionalItems", [4, 6, 7, 2019]),
        ("if", [7, 2019, 2020]),
        ("$recursiveRef", [2019]),
        ("dependencies", [4, 6, 7, 2019, 2020]),
        ("dependentRequired", [2019, 2020]),
    ],
)
def test_when_keywords_are_active(keyword, drafts):
    row = TABLE[keyword]
    assert [number for number in (4, 6, 7, 2019, 2020) if row.active(Draft(number))] == drafts
    assert row.active(UNSAID)


def test_a_dialect_without_validation_keeps_the_applicators():
    bare = Draft(2020, validation=False)
    assert not TABLE["minimum"].active(bare)
    assert TABLE["properties"].active(bare)
