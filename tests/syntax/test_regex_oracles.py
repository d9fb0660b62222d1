"""Real patterns against other people's engines: JavaScript's RegExp, Python's `regex`, and interegular."""

from __future__ import annotations

import json
import random

import interegular
import pytest
import regex
from reference import javascript, patterns, samples

from ruvllm_grammar import ir
from ruvllm_grammar.automata import RegularAlgebra, SymbolicDfa, symbolic_dfa
from ruvllm_grammar.errors import LimitError, SyntaxGrammarError
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.syntax.regex import read_pattern

LIMITS = Limits()

#: Patterns of real schemas that are refused, with the error.
REFUSED = {
    r"^\s*<([A-Za-z]+).+?(\/>|\/\1>)\s*$": SyntaxGrammarError,  # a back-reference
    # Up to 127 labels of up to 63 arbitrary characters within 255: more than 200,000 states.
    r"^(?!.*://)(?=.{1,255}$)((.{1,63}\.){1,127}(?![0-9]*$)[a-z0-9-]+\.?)$": LimitError,
}

needs_node = pytest.mark.skipif(not javascript.available(), reason="needs node for JavaScript's RegExp")


@pytest.fixture(scope="module")
def real_patterns(conformance) -> list[str]:
    entries = json.loads((conformance / "schema-patterns.json").read_text())["patterns"]
    return list(dict.fromkeys(entry["pattern"] for entry in entries))


def compile_pattern(pattern: str) -> SymbolicDfa:
    return symbolic_dfa(read_pattern(pattern, limits=LIMITS), LIMITS)


@pytest.mark.slow
def test_all_real_patterns_but_the_known_ones_are_read(real_patterns):
    refused = {}
    for pattern in real_patterns:
        try:
            compile_pattern(pattern)
        except (SyntaxGrammarError, LimitError) as error:
            refused[pattern] = type(error)
    assert refused == REFUSED


@needs_node
@pytest.mark.slow
def test_real_patterns_agree_with_javascript(real_patterns):
    rng = random.Random(20)
    usable = [p for p in real_patterns if p not in REFUSED]
    cases = [(p, samples.texts(compile_pattern(p), 12, rng)) for p in usable]
    assert differences(cases) == []


@needs_node
def test_every_tenth_real_pattern_agrees_with_javascript(real_patterns):
    rng = random.Random(10)
    usable = [p for p in real_patterns if p not in REFUSED][::10]
    cases = [(p, samples.texts(compile_pattern(p), 6, rng)) for p in usable]
    assert differences(cases) == []


@needs_node
@pytest.mark.slow
def test_random_patterns_agree_with_javascript():
    rng = random.Random(30)
    texts = patterns.short_texts(4)
    drawn = dict.fromkeys(patterns.pattern(rng) for _ in range(2_000))
    cases = []
    for pattern in drawn:
        try:
            compile_pattern(pattern)
        except SyntaxGrammarError:  # a look-behind that asks for what follows
            continue
        cases.append((pattern, texts))
    assert differences(cases) == []


def differences(cases: list[tuple[str, list[str]]]) -> list[tuple[str, str, bool]]:
    """(pattern, text, JavaScript's answer) where we differ. Without `u` JavaScript sees halves of large characters."""
    found = []
    for (pattern, texts), verdict in zip(cases, javascript.ask(cases), strict=True):
        assert verdict is not None, f"JavaScript refuses {pattern!r}"
        dfa = compile_pattern(pattern)
        found += [
            (pattern, text, theirs)
            for text, theirs in zip(texts, verdict.found, strict=True)
            if (verdict.unicode or max(text, default="") <= "\uffff") and dfa.matches(text) != theirs
        ]
    return found


def test_real_patterns_agree_with_the_regex_package(real_patterns):
    """Where the dialects agree: ASCII escapes, no bare braces, and texts without the characters they argue about."""
    rng = random.Random(40)
    shared = regex.compile(r"(?:[\w ,:;@/+*?.()|^$%&='\"<>!#~-]|\\[dw./+*?()|^$-]|\[\^?[\w.:@/-]+\])*")
    usable = [p for p in real_patterns if shared.fullmatch(p) and p not in REFUSED]
    assert len(usable) > 700
    wrong = []
    for pattern in usable[::3]:
        theirs = regex.compile(regex.sub(r"(?<!\\)\$", r"\\Z", pattern), regex.ASCII)
        dfa = compile_pattern(pattern)
        texts = [t for t in samples.texts(dfa, 6, rng) if not set(t) & set("\r\u2028\u2029")]
        wrong += [(pattern, t) for t in texts if dfa.matches(t) != bool(theirs.search(t))]
    assert wrong == []


def test_anchored_patterns_agree_with_interegular(real_patterns):
    """Language equality, not samples: interegular's automaton becomes a machine of the IR."""
    simple = regex.compile(r"\^(?:[\w:@/%#~-]|\\[dw.]|\[[\w.:@/-]+\](?:[+*?]|\{\d\}|\{\d,\d\})?)*\$")
    usable = [p for p in real_patterns if simple.fullmatch(p)]
    assert len(usable) > 250
    algebra = RegularAlgebra(LIMITS)
    for pattern in usable[::2]:
        theirs = _machine(interegular.parse_pattern(pattern[1:-1]).to_fsm().reduce())
        ours = read_pattern(pattern, limits=LIMITS)
        assert algebra.is_empty(ir.but_not(ours, theirs)), pattern
        assert algebra.is_empty(ir.but_not(theirs, ours)), pattern


@pytest.mark.parametrize("draft", ["draft4", "draft6", "draft7", "draft2019-09", "draft2020-12"])
def test_patterns_of_the_official_suite(conformance, draft):
    """Every schema of the suite that is a `pattern` and nothing else, the optional ones included."""
    asked, wrong = 0, []
    for file in sorted((conformance / "json-schema-test-suite" / "tests" / draft).rglob("*.json")):
        for group in json.loads(file.read_text()):
            schema = group["schema"]
            if not isinstance(schema, dict) or set(schema) - {"$schema"} != {"pattern"}:
                continue
            dfa = compile_pattern(schema["pattern"])
            for case in group["tests"]:
                if isinstance(case["data"], str):
                    asked += 1
                    if dfa.matches(case["data"]) != case["valid"]:
                        wrong.append((schema["pattern"], case["data"]))
    assert wrong == []
    assert asked > 20


def _machine(fsm: interegular.FSM) -> ir.Expr:
    """An automaton of interegular as a machine; "anything else" becomes every character it does not name."""
    named = {ord(c): key for c, key in fsm.alphabet._symbol_mapping.items() if isinstance(c, str)}
    other = fsm.alphabet[interegular.fsm.anything_else]
    rest = ir.CharSet.of(*named).complement()
    numbers = {fsm.initial: 0}
    numbers.update((s, i + 1) for i, s in enumerate(sorted(set(fsm.states) - {fsm.initial})))
    rows: list[list[tuple[int, int, int]]] = [[] for _ in numbers]
    for state, targets in fsm.map.items():
        row = rows[numbers[state]]
        row += [(c, c, numbers[targets[key]]) for c, key in named.items() if key in targets]
        if other in targets:
            row += [(low, high, numbers[targets[other]]) for low, high in rest.ranges]
    return ir.machine(rows, [numbers[s] for s in fsm.finals])
