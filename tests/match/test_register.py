"""Checks: acceptance and masks against a twin that parses every prefix anew."""

from __future__ import annotations

import json
import random
from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import checks

from ruvllm_grammar import ir
from ruvllm_grammar.errors import MatchError
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.match import CompiledGrammar
from ruvllm_grammar.match.ahead import Ahead
from ruvllm_grammar.tables import allocate_bitmask
from ruvllm_grammar.vocab import Vocabulary

NAME = ir.check(ir.Check("name", "unique names", "/names"))
ITEM = ir.check(ir.Check("item", "unique items", "/items"))
AB = ir.json_string(ir.repeat(ir.chars(ir.CharSet.of("ab", "é")), 0, 3))
DIGIT = ir.chars(ir.CharSet.of((48, 57)))
NUMERAL = ir.leaf(
    ir.seq(
        ir.repeat(ir.literal("-"), 0, 1),
        ir.alt(ir.literal("0"), ir.seq(ir.chars(ir.CharSet.of((49, 57))), ir.repeat(DIGIT, 0))),
        ir.repeat(ir.seq(ir.literal("."), ir.repeat(DIGIT, 1)), 0, 1),
        ir.repeat(ir.seq(ir.chars(ir.CharSet.of("eE")), ir.repeat(DIGIT, 1, 2)), 0, 1),
    )
)
FREE = ir.json_string(ir.ANY_TEXT)
ONE_TO_NINE = ir.chars(ir.CharSet.of((49, 57)))
WHOLE = ir.leaf(ir.alt(ir.literal("0"), ir.seq(ONE_TO_NINE, ir.repeat(DIGIT, 0))))
BELOW_100 = ir.leaf(ir.alt(ir.literal("0"), ir.seq(ONE_TO_NINE, ir.repeat(DIGIT, 0, 1))))
SPACE = ir.repeat(ir.literal(" "), 0, 1)
WORDS = ir.alt(ir.literal("true"), ir.literal("false"), ir.literal("null"))


def listed(left: str, right: str, member: ir.Expr) -> ir.Expr:
    more = ir.repeat(ir.seq(ir.literal(","), SPACE, member), 0)
    return ir.seq(ir.literal(left), ir.alt(ir.EMPTY, ir.seq(member, more)), ir.literal(right))


def members(value: ir.Expr, *, name: ir.Expr = AB) -> ir.Expr:
    return listed("{", "}", ir.seq(name, NAME, ir.literal(":"), value))


def items(value: ir.Expr) -> ir.Expr:
    return listed("[", "]", ir.seq(value, ITEM))


#: Strings, numbers, words, lists and objects, unique everywhere.
ANYTHING = {
    "start": ir.ref("value"),
    "value": ir.alt(AB, NUMERAL, WORDS, items(ir.ref("value")), members(ir.ref("value"))),
}
GRAMMARS = {
    "names": {"start": members(AB)},
    "nested names": {"start": members(ir.alt(AB, ir.ref("start")))},
    "strings": {"start": items(AB)},
    "numbers": {"start": items(NUMERAL)},
    "lists of lists": {"start": items(ir.alt(items(ir.alt(AB, WORDS)), WORDS))},
    "lists not unique in a list": {"start": items(listed("[", "]", ir.alt(AB, NUMERAL)))},
    "objects": {"start": items(members(ir.alt(NUMERAL, AB)))},
    "anything": ANYTHING,
    # Strings and numbers of which there is no end are looked up and not walked.
    "free names": {"start": members(AB, name=FREE)},
    "free strings": {"start": items(FREE)},
    "free objects": {"start": items(members(ir.alt(WHOLE, FREE), name=FREE))},
    "whole numbers": {"start": items(WHOLE)},
    "whole numbers below 100": {"start": items(BELOW_100)},
    "free lists": {"start": items(listed("[", "]", ir.alt(FREE, WHOLE)))},
}
PIECES = [
    'a"', '"a"', '"a', '":', '":"', '","', '","a"', '"a","b"', '"a","a"', "1,1", "1", "10", "12", ",1", ",12,", "1.0", ".0",
    ".5", "e0", "e1", "]", "],", "],[", "[]", "[],[]", "[[", "[1]", "[1],[1]", "{}", "{},{}", '{"a"', '{"a":1', '"}', '"},', '":1}',
    '"},{"', "true", "tr", "ue", "true]", "null,null", ', "', "\\u0061", "\\u00", '61"', "é", "\\u00e9", 'b","a', '":{"a":', "}}", "]}",
    '"a":1,"a":1', '"a":1}', ' "a"', " ", '"]', '"],', '"}]', '\\"', 'a\\u0062"', "12,1", "2,", "0]", "2}", '"a","a"]', "11", "22",
]  # fmt: skip
ALPHABET = sorted({*b'"ab\\u01269eE.-5,:[]{} truefalsn', *"é".encode()})


def vocabulary(pieces) -> Vocabulary:
    tokens = [bytes([b]) for b in ALPHABET] + [piece.encode() for piece in pieces]
    return Vocabulary.from_tokens([*tokens, None], eos={len(tokens)})


EVERYTHING = vocabulary(PIECES)


def legal(matcher, tokens) -> set[int]:
    mask = allocate_bitmask(1, tokens.size)[0]
    matcher.fill_mask(mask)
    return {i for i in range(tokens.size) if (int(mask[i >> 5]) >> (i & 31)) & 1}


class Twin:
    """Legal tokens, one byte and one parse at a time."""

    def __init__(self, grammar: ir.Grammar, tokens: Vocabulary) -> None:
        self.grammar, self.tokens = grammar, tokens
        self.known = {b"": True}

    def alive(self, text: bytes) -> bool:
        if text not in self.known:
            self.known[text] = self.alive(text[:-1]) and checks.alive(self.grammar, text)
        return self.known[text]

    def legal(self, prefix: bytes) -> set[int]:
        out = {self.tokens.size - 1} if checks.matches(self.grammar, prefix) else set()
        for token in range(self.tokens.size - 1):
            if self.alive(prefix + self.tokens.token_bytes(token)):
                out.add(token)
        return out


@pytest.fixture
def offer_dead_ends(monkeypatch):
    monkeypatch.setattr(Ahead, "alive", lambda self, state, scan: True)


def walk(rules, tokens, choose, steps, *, limits=None, prefer=None):
    """A random walk that compares every mask with the twin's; rolls back and forks on the way."""
    grammar = ir.Grammar("start", rules)
    compiled = CompiledGrammar(grammar, tokens, limits or Limits())
    twin = Twin(grammar, tokens)
    matcher = compiled.matcher()
    texts = [b""]
    for _ in range(steps):
        prefix = texts[-1]
        expected = twin.legal(prefix)
        assert legal(matcher, tokens) == expected, prefix
        refused = sorted(set(range(tokens.size - 1)) - expected)
        for token in choose.sample(refused, min(3, len(refused))):
            with pytest.raises(MatchError):
                matcher.accept(token)
        choices = sorted(expected - {tokens.size - 1})
        if not choices or choose.random() < 0.1:
            back = choose.randrange(len(texts))
            if not choices and not back:
                return
            matcher.rollback(back)
            del texts[len(texts) - back :]
            continue
        token = choose.choice(choices)
        if choose.random() < 0.2:
            matcher = matcher.fork()
        if choose.random() < 0.2:
            matcher.accept_bytes(tokens.token_bytes(token))
        else:
            matcher.accept(token)
        texts.append(prefix + tokens.token_bytes(token))
    assert compiled.accepts(texts[-1]) == checks.matches(grammar, texts[-1])


@pytest.mark.usefixtures("offer_dead_ends")
@pytest.mark.parametrize("name", GRAMMARS)
@settings(max_examples=6)
@given(st.lists(st.sampled_from(PIECES), unique=True), st.integers(0, 2**32))
def test_masks_equal_the_naive_filter(name, pieces, seed):
    walk(GRAMMARS[name], vocabulary(pieces), random.Random(seed), 8)


@pytest.mark.usefixtures("offer_dead_ends")
@settings(max_examples=15)
@given(st.sampled_from(sorted(GRAMMARS)), st.integers(0, 2**32))
def test_masks_survive_dropped_super_states(name, seed):
    walk(GRAMMARS[name], EVERYTHING, random.Random(seed), 15, limits=Limits(super_states=12))


def _thirds(value) -> bool:
    return not isinstance(value, str | list | dict | bool | None) and Fraction(value) % 3 == 0


#: Numbers that are multiples of three, strings of even length, lists whose numbers grow.
TESTED = {
    "thirds": ir.check(ir.Check("value", "multiples of three", "/thirds", test=_thirds)),
    "even": ir.check(ir.Check("value", "even length", "/even", test=lambda v: len(v) % 2 == 0)),
    "sorted": ir.check(ir.Check("value", "sorted", "/sorted", test=lambda v: v == sorted(v))),
}
TEST_GRAMMARS = {
    "thirds": {"start": items(ir.seq(NUMERAL, TESTED["thirds"]))},
    "even": {"start": members(ir.alt(ir.seq(AB, TESTED["even"]), ir.ref("start")))},
    "even names": {"start": members(AB, name=ir.seq(AB, TESTED["even"]))},
    "one of two": {
        "start": listed("[", "]", ir.alt(ir.seq(AB, ITEM, TESTED["even"]), ir.seq(AB, ITEM, ir.literal(" "))))
    },
    "sorted": {"start": items(ir.seq(listed("[", "]", NUMERAL), TESTED["sorted"]))},
}


@pytest.mark.usefixtures("offer_dead_ends")
@pytest.mark.parametrize("name", TEST_GRAMMARS)
@settings(max_examples=6)
@given(st.lists(st.sampled_from(PIECES), unique=True), st.integers(0, 2**32))
def test_masks_obey_tests_of_values(name, pieces, seed):
    walk(TEST_GRAMMARS[name], vocabulary(pieces), random.Random(seed), 8)


# --- looking ahead

#: Documents without repetition, whose count of siblings never passes what is there to choose from.
FINITE = {
    "words": (["true", "false", "null"], "[]", 3),
    "shared beginnings": (['"ab"', '"a"', '"b"', '"aab"', '"ba"'], "[]", 5),
    "numbers": (["1", "12", "1.0", "10"], "[]", 3),
    "objects": (['{"a":true}', '{"a":false}', '{"b":true}', "{}"], "[]", 4),
    "lists": (["[1,2]", "[1]", "[]", "[2,1]"], "[]", 4),
    "mixed": (["1", '"1"', "[1]", "true", '{"a":1}', '{"a":1.0}'], "[]", 5),
    "names": (['"a":1', '"ab":1', '"b":2', '"b":1', '"aa":[]'], "{}", 4),
}


def finite(texts: list[str], brackets: str, most: int):
    """(rules, documents) of the lists, or objects, of at most `most` of the texts."""
    named = brackets == "{}"
    parts = []
    for text in texts:
        name, _, value = text.partition(":") if named else (text, "", "")
        end = [NAME, ir.literal(":" + value)] if named else [ITEM]
        parts.append(ir.seq(ir.literal(name), *end))
    one = ir.alt(*parts)
    body = ir.seq(one, ir.repeat(ir.seq(ir.literal(","), one), 0, most - 1))
    rules = {"start": ir.seq(ir.literal(brackets[0]), body, ir.literal(brackets[1]))}
    documents = []
    for size in range(1, most + 1):
        for chosen in permutations(texts, size):
            parsed = [json.loads(text.partition(":")[0] if named else text) for text in chosen]
            # json has 1 == True
            distinct = {json.dumps(p).replace(".0", "") for p in parsed}
            if len(distinct) == size:
                documents.append((brackets[0] + ",".join(chosen) + brackets[1]).encode())
    return rules, documents


@pytest.mark.parametrize("name", FINITE)
@settings(max_examples=12)
@given(st.lists(st.sampled_from(PIECES), unique=True), st.integers(0, 2**32))
def test_what_only_leads_to_repetitions_is_not_offered(name, pieces, seed):
    rules, documents = finite(*FINITE[name])
    tokens = vocabulary(pieces)
    matcher = CompiledGrammar(ir.Grammar("start", rules), tokens, Limits()).matcher()
    choose = random.Random(seed)
    text = b""
    while not matcher.is_finished:
        begins = [document[len(text) :] for document in documents if document.startswith(text)]
        expected = {
            t
            for t in range(tokens.size - 1)
            if any(rest.startswith(tokens.token_bytes(t)) for rest in begins)
        }
        expected |= {tokens.size - 1} if b"" in begins else set()
        assert legal(matcher, tokens) == expected, text
        token = choose.choice(sorted(expected))
        matcher.accept(token)
        text += tokens.token_bytes(token) or b""


def test_escapes_do_not_lead_into_a_dead_end():
    words = ir.json_string(ir.alt(*(ir.literal(w) for w in ["ab", "aé", "b", "é"])))
    rules = {"start": ir.seq(ir.literal("["), words, ITEM, ir.repeat(ir.seq(ir.literal(","), words, ITEM), 3, 3), ir.literal("]"))}  # fmt: skip
    hexadecimal = vocabulary([*PIECES, "\\", "0", "6", "9", "1", "2", "E", "e"])
    compiled = CompiledGrammar(ir.Grammar("start", rules), hexadecimal, Limits())
    for seed in range(40):
        choose = random.Random(seed)
        matcher, text = compiled.matcher(), b""
        while not matcher.is_finished:
            token = choose.choice(sorted(legal(matcher, hexadecimal)))
            matcher.accept(token)
            text += hexadecimal.token_bytes(token) or b""
        assert sorted(json.loads(text)) == ["ab", "aé", "b", "é"]


def test_a_token_that_is_not_offered_is_still_accepted():
    rules, _ = finite(*FINITE["words"])
    matcher = CompiledGrammar(ir.Grammar("start", rules), EVERYTHING, Limits()).matcher()
    matcher.accept_bytes(b"[true,")
    t = ALPHABET.index(ord("t"))
    assert t not in legal(matcher, EVERYTHING)
    matcher.accept(t)
    matcher.accept_bytes(b"ru")
    assert legal(matcher, EVERYTHING) == set()
    with pytest.raises(MatchError):
        matcher.accept_bytes(b"e")


# --- budgets, forced text, size


@settings(max_examples=20)
@given(st.sampled_from(["names", "objects", "anything", "lists of lists"]), st.integers(0, 2**32))
def test_budgets_leave_only_legal_tokens(name, seed):
    compiled = CompiledGrammar(ir.Grammar("start", GRAMMARS[name]), EVERYTHING, Limits())
    choose = random.Random(seed)
    bounded, free, twin = (
        compiled.matcher(),
        compiled.matcher(),
        Twin(ir.Grammar("start", GRAMMARS[name]), EVERYTHING),
    )
    bounded.finish_within(12)
    text = b""
    while not bounded.is_finished:
        offered = legal(bounded, EVERYTHING)
        assert offered <= legal(free, EVERYTHING) & twin.legal(text)
        assert offered
        token = choose.choice(sorted(offered))
        bounded.accept(token)
        free.accept(token)
        text += EVERYTHING.token_bytes(token) or b""
    assert compiled.accepts(text)


def test_forced_text_stops_before_a_check():
    rules = {"start": ir.seq(ir.literal('{"aa"'), NAME, ir.literal(':1,"b"'), NAME, ir.literal(":1}"))}
    matcher = CompiledGrammar(ir.Grammar("start", rules), EVERYTHING, Limits()).matcher()
    forced = []
    while not matcher.is_accepting:
        for token in matcher.forced():
            matcher.accept(token)
            forced.append(EVERYTHING.token_bytes(token))
        (token, *_) = sorted(legal(matcher, EVERYTHING))
        if token != EVERYTHING.size - 1:
            matcher.accept(token)
            forced.append(EVERYTHING.token_bytes(token))
    assert b"".join(forced) == b'{"aa":1,"b":1}'


def accepts(name: str, text: str) -> bool:
    return CompiledGrammar(ir.Grammar("start", GRAMMARS[name]), EVERYTHING, Limits()).accepts(text)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("numbers", "[1,1.0]", False),
        ("numbers", "[1,10e-1]", None),
        ("numbers", "[100,1e2]", False),
        ("numbers", "[0,-0.0e5]", False),
        ("numbers", "[1e99,10e98]", False),
        ("numbers", "[12,1,2,123]", True),
        ("anything", '[1,true,"a",null,[1],{"a":1}]', True),
        ("anything", '[{"a":1,"b":[2]},{"b":[2.0],"a":1e0}]', False),
        ("anything", '[{"a":{"a":1},"b":1},{"a":{"b":1},"b":1}]', True),
        ("anything", "[[1,2],[2,1],[1,2]]", False),
        ("anything", '{"a":1,"\\u0061":2}', False),
        ("anything", '{"é":1,"\\u00E9":2}', False),
        ("names", '{"":"","a":""}', True),
        ("names", '{"":"","":""}', False),
        ("lists not unique in a list", "[[1,1],[1]]", True),
        ("lists not unique in a list", "[[1,1],[1,1.0]]", False),
    ],
)  # fmt: skip
def test_equality_is_that_of_json_schema(name, text, expected):
    assert accepts(name, text) == bool(expected)


def test_long_lists_and_long_numbers():
    numbers = ir.Grammar("start", {"start": items(NUMERAL)})
    grammar = CompiledGrammar(numbers, EVERYTHING, Limits())
    many = ",".join(map(str, range(10_000)))
    assert grammar.accepts(f"[{many}]")
    assert not grammar.accepts(f"[{many},5000.0]")
    assert not grammar.accepts(f"[{'9' * 9_000},{'9' * 9_000}.0]")
    deep = ir.Grammar("start", {"start": ir.alt(items(ir.ref("start")), ir.literal("1"))})
    assert CompiledGrammar(deep, EVERYTHING, Limits()).accepts("[" * 3_000 + "1" + "]" * 3_000)
