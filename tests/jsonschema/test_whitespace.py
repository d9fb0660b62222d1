import json

import pytest

import ruvllm_grammar as rg

VALUE = {"a": [1, {"b": []}, "x"], "c": {}, "d": {"e": None}}
SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "array"}, "c": {}, "d": {"type": "object"}},
}
COMPACT = json.dumps(VALUE, separators=(",", ":"))
SPACED = json.dumps(VALUE)
PRETTY = [json.dumps(VALUE, indent=indent) for indent in (1, 2, 4, "\t")]
FLAT = json.dumps(VALUE, indent=0)
ODD = COMPACT.replace(":", " :").replace("{", "{ ")
WIDE = COMPACT.replace(",", "," + " " * 9)
LINES = COMPACT.replace(",", ",\r\n\t ")
BLANK_LINES = COMPACT.replace(",", ",\n\n")
AROUND = " \t" + COMPACT + "\n"
ALL = [COMPACT, SPACED, *PRETTY, FLAT, ODD, WIDE, LINES, BLANK_LINES, AROUND]


@pytest.mark.parametrize("schema", [SCHEMA, True])
@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("compact", [COMPACT]),
        ("spaced", [SPACED]),
        ("pretty", PRETTY),
        ("flexible", [COMPACT, SPACED, *PRETTY, FLAT, ODD, LINES, AROUND]),
        ("any", ALL),
    ],
)
def test_styles(accepts, schema, style, expected):
    assert accepts(schema, *ALL, whitespace=style) == expected


@pytest.mark.parametrize("style", ["compact", "spaced", "pretty", "flexible", "any"])
def test_json_mode_in_every_style(bytes_vocabulary, style):
    compiled = rg.compile(rg.Json(whitespace=style), bytes_vocabulary)
    texts = {
        "compact": COMPACT,
        "spaced": SPACED,
        "pretty": PRETTY[1],
        "flexible": LINES,
        "any": BLANK_LINES,
    }
    assert compiled.accepts(texts[style])
    assert [compiled.accepts(text) for text in ("1", '"a"', "null", "[]", "{}", "", "[", "nul")] == [
        True
    ] * 5 + [False] * 3


def test_flexible_space_ends(accepts):
    blanks = ["[" + " " * n + "1]" for n in (8, 9)]
    breaks = ["[\n" + " " * n + "1]" for n in (128, 129)]
    assert accepts({"type": "array"}, *blanks, *breaks, "[ \n1]") == [blanks[0], breaks[0]]
    assert accepts({"type": "array"}, *blanks, *breaks, "[ \n1]", whitespace="any") == [
        *blanks,
        *breaks,
        "[ \n1]",
    ]


def test_pretty_indents_what_is_nested_and_not_the_last_bracket(accepts):
    schema = {
        "type": "object",
        "properties": {"a": {"type": "object", "properties": {"b": {"type": "null"}}}},
    }
    good = '{\n "a": {\n  "b": null\n }\n}'
    flat_inside = '{\n "a": {\n  "b": null\n}\n}'
    assert accepts(schema, good, flat_inside, whitespace="pretty") == [good]


def test_an_unknown_style_lists_the_known_ones(bytes_vocabulary):
    with pytest.raises(rg.GrammarError) as caught:
        rg.compile(rg.Json(whitespace="loose"), bytes_vocabulary)
    assert str(caught.value) == (
        "unknown whitespace style 'loose'; use one of compact, spaced, pretty, flexible, any"
    )
