import pytest

from ruvllm_grammar.jsonschema import drafts
from ruvllm_grammar.jsonschema.drafts import Draft


@pytest.mark.parametrize(
    ("uri", "draft"),
    [
        ("http://json-schema.org/draft-04/schema#", Draft(4)),
        ("http://json-schema.org/draft-04/schema", Draft(4)),
        ("https://json-schema.org/draft-06/schema", Draft(6)),
        ("http://json-schema.org/draft-07/schema#", Draft(7)),
        ("https://json-schema.org/draft/2019-09/schema", Draft(2019)),
        ("https://json-schema.org/draft/2020-12/schema", Draft(2020)),
        ("http://json-schema.org/schema#", drafts.UNSAID),
        ("http://json-schema.org/draft-03/schema#", None),
        ("http://example.com/draft-07/schema#", None),
    ],
)
def test_schema_uris(uri, draft):
    assert drafts.by_uri(uri) == draft


@pytest.mark.parametrize(
    ("name", "number"),
    [("4", 4), ("draft-06", 6), ("Draft7", 7), ("2019-09", 2019), ("draft2020-12", 2020), ("2020", 2020)],
)
def test_names(name, number):
    assert drafts.by_name(name) == Draft(number)


def test_an_unknown_name_is_no_draft():
    assert drafts.by_name("3") is None


def test_what_differs_between_drafts():
    assert [(d.name, d.id_keyword, d.ref_hides_siblings) for d in map(Draft, (4, 6, 7, 2019, 2020))] == [
        ("draft 4", "id", True),
        ("draft 6", "$id", True),
        ("draft 7", "$id", True),
        ("2019-09", "$id", False),
        ("2020-12", "$id", False),
    ]
