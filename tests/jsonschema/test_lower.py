"""The rules themselves, as text."""

import pytest

from ruvllm_grammar import ir
from ruvllm_grammar.jsonschema import read


def test_an_object(rules):
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "boolean"}},
        "required": ["b"],
        "additionalProperties": {"type": "null"},
    }
    assert rules(schema).splitlines() == [
        "root ::= $c0",
        r'c0 ::= "{" chain(",": ("\"a\":" json_string(.*))? ("\"b\":" ("true" | "false")) '
        '(json_name(~("a" | "b")) check(name "names") ":null")*) "}"',
    ]


def test_an_array_with_a_prefix(rules):
    schema = {
        "type": "array",
        "prefixItems": [{"type": "null"}, {"type": "boolean"}],
        "items": {"$ref": "#"},
        "minItems": 1,
    }
    assert rules(schema, whitespace="flexible").splitlines() == [
        "root ::= $ws $c0 $ws",
        r"ws ::= leaf([\u{9} ]{0,8} | (\"\u{a}\" | \"\u{d}\u{a}\") [\u{9} ]{0,128})".replace('\\"', '"'),
        'c0 ::= "[" $ws "null" $ws $c0.i1 "]"',
        'c0.i1 ::= "" | "," $ws ("true" | "false") $ws ("," $ws $c0 $ws)*',
    ]


def test_alternatives(rules):
    schema = {"anyOf": [{"type": "string", "maxLength": 9}, {"type": "array", "items": {"$ref": "#"}}]}
    assert rules(schema).splitlines() == [
        "root ::= $v0",
        "v0 ::= json_string(.{0,9}) | $c1",
        'c1 ::= "[" ("]" | $v0 ("," $v0)* "]")',
    ]


def test_json_mode(rules):
    assert rules(True).splitlines() == [
        "root ::= $c_any",
        'c_any ::= "null" | "true" | "false" | leaf("-"? ("0" | [1-9] [0-9]*) ("." [0-9]+)? ([Ee] [+\\-]? [0-9]+)?) '
        '| json_string(.*) | "{" ("}" | json_name(.*) check(name "names") ":" $c_any '
        '("," json_name(.*) check(name "names") ":" $c_any)* "}") | "[" ("]" | $c_any ("," $c_any)* "]")',
    ]


def test_the_whole_document_has_its_own_rule_where_its_last_bracket_is_spaced_alone(rules):
    text = rules({"type": "array", "items": {"$ref": "#"}}, whitespace="pretty")
    assert text.splitlines() == [
        "root ::= $c0-top",
        'c0-top ::= "[" ("]" | $ws $c0 ("," $ws $c0)* leaf("\\u{a}" [\\u{9} ]{0,128}) "]")',
        'ws ::= leaf("\\u{a}" [\\u{9} ]{1,128})',
        'c0 ::= "[" ("]" | $ws $c0 ("," $ws $c0)* $ws "]")',
    ]


BIG = {
    "type": "object",
    "properties": {f"p{i}": {"type": "object", "properties": {"x": {"anyOf": [{"type": "array"}, {"$ref": "#"}]}}} for i in range(20)},
}  # fmt: skip


def test_a_group_holds_its_rule_and_refers_to_nothing_else_of_another_group(algebra, limits):
    grammar = read(BIG, algebra=algebra, limits=limits)
    asked = ["root"]
    for name in asked:
        group = grammar.group(name)
        assert name in group
        for body in group.values():
            for used in ir.references(body):
                if used not in group and used not in asked:
                    assert "." not in used, f"{used} is a helper of another group"
                    asked.append(used)
    assert len(asked) > 20


def test_rules_are_written_when_asked_for(algebra, limits):
    grammar = read(BIG, algebra=algebra, limits=limits)
    grammar.group("root")
    known = [name for name in ("root", "ws", "c0", "c1", "c2") if grammar.known(name)]
    assert known == ["root", "ws"]


def test_names_do_not_depend_on_the_order_of_asking(algebra, limits):
    forward = read(BIG, algebra=algebra, limits=limits)
    names = list(forward.force())
    backward = read(BIG, algebra=algebra, limits=limits)
    for name in reversed(names):
        if "." not in name:
            backward.group(name)
    assert backward.text() == forward.text()


@pytest.mark.parametrize("name", ["v999", "c999", "x1", "c", "", "c0.m0", "cx", "c-1"])
def test_a_name_that_nobody_defines(algebra, limits, name):
    from ruvllm_grammar.errors import GrammarError

    grammar = read({"type": "string"}, algebra=algebra, limits=limits)
    with pytest.raises(GrammarError):
        grammar.group(name)
