import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ruvllm_grammar as rg
from ruvllm_grammar.automata.algebra import RegularAlgebra
from ruvllm_grammar.jsonschema import content
from ruvllm_grammar.limits import Limits

ALGEBRA = RegularAlgebra(Limits())
JSON = {"contentMediaType": "application/json"}
BOTH = {**JSON, "contentEncoding": "base64"}


@given(st.binary(max_size=12))
def test_what_an_encoder_writes(data):
    assert ALGEBRA.matches(content.base64_text(), base64.b64encode(data).decode())


@given(st.text("ABQZaz09+/=", max_size=9))
def test_nothing_else(text):
    try:
        written = base64.b64encode(base64.b64decode(text, validate=True)).decode() == text
    except ValueError:
        written = False
    assert ALGEBRA.matches(content.base64_text(), text) is written


@pytest.mark.parametrize("text", ["1e5", "[]", '"\\ud800"', " {} ", "9" * 5000, "null"])
def test_json_texts(text):
    assert content.is_json(text)


@pytest.mark.parametrize("text", ["", "NaN", "[1,]", "Infinity", "{'a': 1}", "\ufeff1"])
def test_no_json_texts(text):
    assert not content.is_json(text)
    assert not content.is_json(text.encode())


def test_content_is_an_annotation_unless_asked(accepts):
    assert accepts(BOTH, '"%"') == ['"%"']
    assert accepts({"contentEncoding": "quoted-printable"}, '"%"') == ['"%"']


def test_optional_tests_of_the_official_suite(conformance, accepts):
    path = conformance / "json-schema-test-suite" / "tests" / "draft7" / "optional" / "content.json"
    for group in json.loads(path.read_text()):
        for case in group["tests"]:
            found = accepts(group["schema"], json.dumps(case["data"]), draft="7", content="assert")
            assert bool(found) is case["valid"], case["description"]


def test_content_meets_lengths_and_negation(accepts):
    texts = ['"AA=="', '"AAAA"', '"AB=="', '"e30="', '"A"']
    assert accepts({"contentEncoding": "base64", "pattern": "^A"}, *texts, content="assert") == texts[:2]
    assert accepts({"not": {"contentEncoding": "base64"}}, *texts, content="assert") == ['"AB=="', '"A"']
    assert accepts(BOTH, *texts, content="assert") == ['"e30="']


@pytest.mark.parametrize(
    ("schema", "keyword"),
    [
        ({"contentEncoding": "base32"}, "contentEncoding"),
        ({"contentMediaType": "text/html"}, "contentMediaType"),
        ({**JSON, "contentSchema": {"type": "object"}}, "contentSchema"),
    ],
)
def test_other_content_is_refused(refused, schema, keyword):
    error = refused({"properties": {"a": schema}}, content="assert")
    assert type(error) is rg.UnsupportedKeyword
    assert (error.keyword, error.pointer) == (keyword, f"/properties/a/{keyword}")
