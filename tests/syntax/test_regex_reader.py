"""What patterns mean: tables of texts, and differential tests of the two ways in which assertions are resolved."""

from __future__ import annotations

import random

import pytest
import regex
from reference import patterns

from ruvllm_grammar import ir
from ruvllm_grammar.automata import symbolic_dfa
from ruvllm_grammar.errors import LimitError, SyntaxGrammarError
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.syntax.regex import read_pattern
from ruvllm_grammar.syntax.regex.machine import machine_language
from ruvllm_grammar.syntax.regex.parser import parse

LIMITS = Limits()


def split(pattern: str, texts: list[str], *, search: bool = True) -> list[str]:
    dfa = symbolic_dfa(read_pattern(pattern, search=search, limits=LIMITS), LIMITS)
    return [text for text in texts if dfa.matches(text)]


@pytest.mark.parametrize(
    ("pattern", "found", "missed"),
    [
        ("b", ["b", "abc"], ["", "a"]),
        ("", ["", "a\n"], []),
        ("^a", ["a", "ab"], ["", "ba", "\na"]),
        ("a$", ["a", "ba"], ["ab", "a\n"]),
        ("^a$|b", ["a", "b", "xby"], ["aa", "ax", ""]),
        ("^a|b$", ["ax", "xb"], ["xa", "bx"]),
        ("$|(^x)", ["", "y", "x"], []),
        ("^$", [""], ["\n", "a"]),
        ("a^", [], ["", "a", "a^"]),
        ("$a", [], ["", "a", "$a"]),
        ("^^a$$", ["a"], ["aa"]),
        ("(^a|b)(c$|d)", ["ac", "ad!", "xbc", "xbdx"], ["xac", "bcx", "xad"]),
        (r"a\b", ["a", "a b", "xa-"], ["ab", "b"]),
        (r"\ba", ["a", "b a", "-ax"], ["ba", ""]),
        (r"\Ba", ["ba"], ["a", "b a"]),
        (r"^\b|\b$", ["a", "-a", "a-"], ["", "-", "-a-"]),
        (r"\B", ["", "-", "ab"], ["a"]),
        (r"^(?:\b\w+\b\W?)+$", ["a b", "ab"], ["", "a  b"]),
        ("(?!x)a", ["a", "xa"], ["x"]),
        ("^(?!foo)", ["", "fo", "xfoo"], ["foo", "food"]),
        ("^((?!foo).)*$", ["", "fo", "fofo"], ["foo", "xfoox", "a\nb"]),
        ("^(?=.*a)(?=.*b).{2,3}$", ["ab", "ba", "xab"], ["a", "aa", "abxx"]),
        ("^(?:a(?=b)|b(?=a|$))+$", ["abab", "b"], ["aab", "ba"]),
        ("(?=a)*b", ["b"], ["a"]),
        ("(?=a){2}.", ["a"], ["b"]),
        ("(?<=a)b", ["ab", "aab"], ["b", "bb"]),
        ("(?<!a)b", ["b", "bb", "cb"], ["ab", "aab"]),
        (r"(?<=^|-)a", ["a", "b-a"], ["ba"]),
        (r"(?<=\bab+)c", ["abbc", "-abc"], ["xabc", "ac"]),
        (r"^(?<!x)a(?!b)$", ["a"], ["ab", "xa"]),
        ("(?=(?!ab)a)a", ["ac", "a"], ["ab"]),
        ("(?!(?=a)a)", ["", "a"], []),
        ("a{2}", ["aa"], ["a"]),
        ("^a{1,}?$", ["a", "aaa"], ["", "ab"]),
        ("^a{0}$", [""], ["a"]),
        ("^a{,3}$", ["a{,3}"], ["", "a", "aaa"]),
        ("^x{2$", ["x{2"], ["xx"]),
        ("^}]{$", ["}]{"], ["}"]),
        ("^(?:a|)$", ["", "a"], ["aa"]),
        ("^[]$", [], ["", "]"]),
        ("^[^]$", ["a", "\n", "😀"], ["", "ab"]),
        ("^[\\w-.]$", ["a", "-", "."], ["/", ","]),
        ("^[a\\-z]$", ["a", "-", "z"], ["b"]),
        ("^[-a]$", ["-", "a"], ["b"]),
        ("^[\\b]$", ["\b"], ["b"]),
        ("^[\\B]$", ["B"], ["\\"]),
        ("^[\\c_]$", ["\x1f"], ["\\", "c", "_"]),
        ("^\\cJ$", ["\n"], ["cJ", "J"]),
        ("^\\c!$", ["\\c!"], ["!"]),
        ("^[\\c!]$", ["\\", "c", "!"], ["\x01"]),
        ("^\\x41\\u0042\\u{43}$", ["ABC"], ["x41"]),
        ("^\\x4$", ["x4"], ["\x04"]),
        ("^\\u12$", ["u12"], ["\x12"]),
        ("^\\ud83d\\ude00$", ["😀"], ["\U0001f601"]),
        ("^[\\ud83d\\ude00-\\ud83d\\ude02]$", ["😀", "😂"], ["😃"]),
        ("^[😀-😂]$", ["😁"], ["a"]),
        ("^\\ud83d$", [], ["", "?", "😀"]),
        ("^[\\ud800-\\udfffa]$", ["a"], ["😀", "\ufffd"]),
        ("^\\0$", ["\0"], ["0"]),
        ("^\\07\\101\\8$", ["\aA8"], []),
        ("^[\\1]$", ["\x01"], ["1"]),
        ("^\\-\\_\\@\\'$", ["-_@'"], []),
        ("^\\f\\n\\r\\t\\v$", ["\f\n\r\t\v"], []),
        ("^\\/\\^\\$\\.\\|$", ["/^$.|"], []),
        ("^\\k$", ["k"], ["\\k"]),
        ("^.$", ["a", "\u0085", "\x0b", "😀"], ["\n", "\r", "\u2028", "\u2029", ""]),
        (
            "^\\s$",
            list("\t\n\x0b\f\r \xa0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"),
            ["\u0085", "\u200b"],
        ),
        ("^\\d$", ["0", "9"], ["٣", "a"]),
        ("^\\w$", ["a", "Z", "_", "0"], ["é", "\u017f", "-"]),
        ("^\\p{Lu}\\P{Lu}$", ["Aa", "ÀA"[:1] + "a"], ["aa", "AA"]),
        ("^\\p{Script=Greek}+$", ["αβγ"], ["abc"]),
        ("^[\\p{L}\\p{Nd}_]+$", ["aé٣_"], ["a b"]),
        ("^\\p{sc=Cyrl}\\p{scx=Deva}\\p{Alphabetic}\\p{gc=Decimal_Number}$", ["жकa7"], []),
        ("/a/", ["/a/", "x/a/g"], ["a"]),
        ("^(?<year>\\d{4})-(?<month>\\d\\d)$", ["2026-11"], ["2026-1"]),
        ("^(?:(?<a>x)|(?<a>y))$", ["x", "y"], ["xy"]),
        ("^tape\\d+$(\\.alt\\d+){0,1}", ["tape1"], ["tape1.alt2"]),
    ],
)
def test_patterns_are_found_where_ecma_262_finds_them(pattern, found, missed):
    assert split(pattern, found + missed) == found


@pytest.mark.parametrize(
    ("pattern", "whole", "others"),
    [
        ("a|ab", ["a", "ab"], ["abc", "", "xa"]),
        ("^a", ["a"], ["ab"]),
        ("a(?=b)", [], ["a", "ab"]),
        ("a(?=b).", ["ab"], ["ac"]),
        (r"\ba+\b", ["a", "aa"], ["", "ab"]),
        ("(?<=a)b", [], ["b", "ab"]),
        ("a(?<=a)b", ["ab"], ["b"]),
    ],
)
def test_without_search_the_whole_text_must_match(pattern, whole, others):
    assert split(pattern, whole + others, search=False) == whole


@pytest.mark.parametrize(
    ("pattern", "shown"),
    [
        ("abc", '.* "abc" .*'),
        ("^abc$", '"abc"'),
        ("^[a-z]+$", "[a-z]+"),
        ("^a", '"a" .*'),
        ("a$", '.* "a"'),
        ("a*", ".*"),
        ("", ".*"),
        ("a{3,100}", '.* "a"{3} .*'),
        ("^a{3,100}", '"a"{3} .*'),
        ("^a$|^b$", '"a" | "b"'),
        ("^(?:a|b)$", '"a" | "b"'),
        ("^(?!no)[a-z]*$", '~("no" .*) & [a-z]*'),
    ],
)
def test_plain_patterns_stay_plain_expressions(pattern, shown):
    assert ir.show(read_pattern(pattern, limits=LIMITS)) == shown


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("search", [True, False])
def test_rewriting_and_machines_agree_with_each_other_and_with_regex(seed, search):
    """Two constructions of ours and one of theirs, on random patterns and all texts of up to four characters."""
    rng = random.Random(seed)
    texts = patterns.short_texts(4)
    for _ in range(60):
        pattern = patterns.pattern(rng)
        try:
            dfa = symbolic_dfa(read_pattern(pattern, search=search, limits=LIMITS), LIMITS)
            other = machine_language(parse(pattern, LIMITS), pattern, search=search, limits=LIMITS)
        except SyntaxGrammarError as error:
            assert "look-behind" in str(error)
            continue
        assert symbolic_dfa(other, LIMITS) == dfa, pattern
        theirs = regex.compile(pattern.replace("$", r"\Z"), regex.ASCII)
        match = theirs.search if search else theirs.fullmatch
        assert [t for t in texts if dfa.matches(t)] == [t for t in texts if match(t)], pattern


@pytest.mark.parametrize(
    "pattern",
    ["(?<=a\\b)b", "(?<=a$)", "(?<!a(?=b))b"],
)
def test_a_look_behind_that_depends_on_what_follows_is_refused(pattern):
    with pytest.raises(SyntaxGrammarError, match="a look-behind whose end depends on what follows") as caught:
        read_pattern(pattern, limits=LIMITS)
    assert caught.value.position == 0


@pytest.mark.parametrize(
    ("pattern", "limits", "name"),
    [
        ("(" * 600 + ")" * 600, LIMITS, "depth"),
        ("(?:x" * 200 + "^" + ")?" * 200, LIMITS, "depth"),
        ("a" * 20, Limits(text=10), "text"),
        ("^(?:(?!.{9}a)(?!.{7}b).)*$", Limits(leaf_states=50), "leaf_states"),
    ],
)
def test_budgets(pattern, limits, name):
    with pytest.raises(LimitError) as caught:
        read_pattern(pattern, limits=limits)
    assert caught.value.limit == name


def test_deep_groups_within_the_budget_are_no_problem():
    pattern = "^" + "(?:a" * 400 + ")?" * 400 + "$"
    assert split(pattern, ["", "a" * 400, "a" * 401]) == ["", "a" * 400]


def test_deep_alternatives_before_a_border():
    pattern = "^" + "(?:a|b" * 400 + "c" + ")" * 400 + r"\b"
    assert split(pattern, ["a", "ba-", "bbax", "b" * 400 + "c", "b" * 400 + "d"]) == [
        "a",
        "ba-",
        "b" * 400 + "c",
    ]
