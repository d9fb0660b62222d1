from hypothesis import given
from hypothesis import strategies as st

import ruvllm_grammar as rg
from ruvllm_grammar import ir
from ruvllm_grammar.automata.algebra import RegularAlgebra
from ruvllm_grammar.automata.leaf import symbolic_dfa
from ruvllm_grammar.jsonschema.clauses import Pattern, Size
from ruvllm_grammar.jsonschema.lengths import Lengths, lengths
from ruvllm_grammar.jsonschema.strings import StringShape
from ruvllm_grammar.limits import Limits

LIMITS = Limits()
ALGEBRA = RegularAlgebra(LIMITS)
_ATOMS = st.sampled_from([ir.literal("a"), ir.literal("ab"), ir.literal("abc"), ir.ANY_CHAR, ir.EMPTY])
EXPRESSIONS = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: ir.seq(*parts)),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: ir.alt(*parts)),
        st.tuples(inner, st.integers(0, 3), st.none() | st.integers(0, 2)).map(
            lambda t: ir.repeat(t[0], t[1], None if t[2] is None else t[1] + t[2])
        ),
    ),
    max_leaves=5,
)


@given(EXPRESSIONS)
def test_lengths_are_those_of_the_automaton(e):
    found = lengths(e)
    horizon = 30
    occurring = {
        n
        for n in range(horizon)
        if not symbolic_dfa(ir.both(e, ir.repeat(ir.ANY_CHAR, n, n)), LIMITS).is_empty
    }
    assert found is not None
    assert found.shortest == min(occurring)
    if found.longest is not None and found.longest < horizon:
        assert found.longest == max(occurring)
    if found.longest is None:
        assert max(occurring) >= horizon - 12
    if found.gapless:
        end = horizon if found.longest is None else min(horizon, found.longest + 1)
        assert occurring == set(range(found.shortest, end))


def test_boolean_operators_hide_lengths():
    assert lengths(ir.complement(ir.literal("a"))) is None


@given(EXPRESSIONS, st.none() | st.integers(0, 8), st.none() | st.integers(0, 8))
def test_pattern_and_length_are_the_intersection(e, low, high):
    shape = StringShape(
        None if low is None else Size(low, "minLength", "/minLength"),
        None if high is None else Size(high, "maxLength", "/maxLength"),
        (Pattern("x", e, "pattern", "/pattern"),),
    )
    wanted = ir.both(e, ir.repeat(ir.ANY_CHAR, low or 0, high))
    empty = wanted is ir.NEVER or symbolic_dfa(wanted, LIMITS).is_empty

    assert (shape.why_empty(ALGEBRA, LIMITS) is not None) is empty
    if not empty:
        assert symbolic_dfa(shape.expression(), LIMITS) == symbolic_dfa(wanted, LIMITS)


def test_a_length_that_every_match_has_is_not_counted_again():
    digits = ir.repeat(ir.ANY_CHAR, 3, 5)
    shape = StringShape(
        Size(2, "minLength", ""), Size(9, "maxLength", ""), (Pattern("", digits, "pattern", ""),)
    )
    assert shape.expression() is digits


def test_lengths_alone_stay_a_counted_repetition():
    shape = StringShape(Size(5, "minLength", ""), Size(10**6, "maxLength", ""))
    assert shape.expression() is ir.repeat(ir.ANY_CHAR, 5, 10**6)


def test_a_loop_around_something_long_starts_with_a_gap():
    assert lengths(ir.repeat(ir.repeat(ir.ANY_CHAR, 5), 0)) == Lengths(0, None, gapless=False)
    assert lengths(ir.repeat(ir.repeat(ir.ANY_CHAR, 5), 1)) == Lengths(5, None, gapless=True)


def test_the_schema_level(accepts):
    schema = {"type": "string", "minLength": 2, "maxLength": 3}
    assert accepts(schema, "a", '"a"', '"ab"', '"\\u00e9\\ud83d\\ude00"', '"😀😀😀"', '"abcd"') == [
        '"ab"',
        '"\\u00e9\\ud83d\\ude00"',
        '"😀😀😀"',
    ]
    assert accepts({"pattern": "b", "type": "string"}, "abc", '"abc"', '"\\u0062"', '"ac"', 1) == [
        '"abc"',
        '"\\u0062"',
    ]
    long = {"type": "string", "minLength": 10_000, "maxLength": 10_001}
    texts = ['"' + "x" * n + '"' for n in (9_999, 10_000, 10_001, 10_002)]
    assert accepts(long, *texts) == texts[1:3]


def test_lone_surrogates_are_no_strings(accepts):
    assert accepts({"type": "string"}, '"\\ud800"', '"\\ud83d\\ude00"', '"\\udc00x"') == ['"\\ud83d\\ude00"']


def test_clash_of_pattern_and_length(refused):
    error = refused({"type": "string", "pattern": "^abc$", "maxLength": 2})
    assert error.because == 'pattern "^abc$" (at /pattern) and maxLength 2 (at /maxLength) leave no string'
    error = refused({"type": "string", "pattern": "^a", "allOf": [{"pattern": "^b"}]})
    assert (
        error.because == 'pattern "^a" (at /pattern) and pattern "^b" (at /allOf/0/pattern) leave no string'
    )
    error = refused({"type": "string", "minLength": 5, "maxLength": 2})
    assert error.because == "minLength 5 (at /minLength) and maxLength 2 (at /maxLength) leave no string"


#: Eleven patterns that each are small; their product has a state for every subset of the words seen so far.
MANY = [*[x + y + z for x in "ab" for y in "bc" for z in "abc"][:11], "[xy][12].*[zZ]", "^.{60}$"]


def test_patterns_without_a_common_automaton_are_decided_one_by_one(bytes_vocabulary):
    schema = {"type": "string", "allOf": [{"pattern": one} for one in MANY]}
    compiled = rg.compile(rg.JsonSchema(schema), bytes_vocabulary)
    assert [guard.pointer for guard in compiled.guards] == [
        f"/allOf/{i}/pattern" for i in range(1, len(MANY))
    ]
    fits = "".join(MANY[:-2]) + "x1z"
    fits += "_" * (60 - len(fits))
    assert compiled.accepts(f'"{fits}"')
    assert not compiled.accepts(f'"{fits}_"')
    assert not compiled.accepts('"' + fits.replace("x1z", "x3z") + '"')
    denied = rg.compile(rg.JsonSchema({"type": "string", "not": schema}), bytes_vocabulary)
    assert [denied.accepts(f'"{text}"') for text in (fits, fits + "_")] == [False, True]
