"""Formats: hand-picked edges, other parsers as oracles, and the optional tests of the official suite."""

import datetime as dt
import ipaddress
import random
import uuid

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from reference import javascript, samples

import ruvllm_grammar as rg
from ruvllm_grammar import ir
from ruvllm_grammar.automata.algebra import RegularAlgebra
from ruvllm_grammar.automata.leaf import symbolic_dfa
from ruvllm_grammar.jsonschema import formats
from ruvllm_grammar.jsonschema.clauses import Pattern
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.syntax.regex.validity import is_pattern

LIMITS = Limits()


ALGEBRA = RegularAlgebra(LIMITS)

needs_node = pytest.mark.skipif(not javascript.available(), reason="needs node for JavaScript's RegExp")
PIECES = [
    *(
        "a",
        "b",
        "(",
        ")",
        "(?:",
        "(?=",
        "(?!",
        "(?<=",
        "(?<!",
        "(?<n>",
        "(?<m>",
        "(?<$_>",
        "(?<1>",
        "(?P<n>",
        "(?i)",
    ),
    *(
        "[",
        "]",
        "[^",
        "-",
        r"\d",
        r"\w",
        r"\-",
        r"\a",
        r"\b",
        r"\B",
        r"\k<n>",
        r"\k<m>",
        r"\k",
        r"\1",
        r"\2",
        r"\0",
        r"\01",
    ),
    *(
        r"\x4",
        r"\x41",
        r"\u0041",
        r"\u{41}",
        r"\u{110000}",
        r"\u{}",
        r"\ud83d\ude00",
        r"\ud83d",
        r"\cA",
        r"\c1",
        r"\p{Lu}",
    ),
    *(
        r"\p{Foo}",
        r"\P{Script=Greek}",
        r"\p",
        "*",
        "+",
        "?",
        "{2}",
        "{2,1}",
        "{1,2}",
        "{,2}",
        "{2,}",
        "{",
        "}",
        "|",
        "^",
        "$",
    ),
    *(
        ".",
        "/",
        r"\/",
        r"\n",
        r"\\",
        "é",
        "😀",
        "0",
        "z-a",
        "a-z",
        "\\",
        r"\_",
        r"\8",
        r"\{",
        "(?<é>",
        r"\k<é>",
        "--",
    ),
]


def pattern_of(name, draft=2020):
    found = formats.strings(name, draft)
    return Pattern(name, found.expr, "format", "/format", found.test, found.certain)


def matches(name, text, draft=2020):
    return pattern_of(name, draft).holds(text, ALGEBRA)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        (
            "date",
            ["2024-02-29", "2000-02-29", "1999-12-31", "0000-02-29", "2023-04-30"],
            ["1900-02-29", "2023-02-29", "2023-04-31", "2023-13-01", "2023-00-10", "2023-1-1", "20230101", "२०२३-01-01"],
        ),
        (
            "time",
            ["00:00:00Z", "23:59:59.123456789z", "08:30:06+00:20", "23:59:60Z", "22:59:60-01:00", "00:59:60.5+01:00",
             "01:29:60+01:30", "23:29:60.125+23:30", "00:29:60-23:30", "23:59:60-00:00"],
            ["24:00:00Z", "23:60:00Z", "23:59:61Z", "22:59:60Z", "23:59:60+01:00", "01:29:60+01:31", "08:30:06", "8:30:06Z", "08:30:06.Z",
             "08:30:06+24:00", "08:30:06+0020"],
        ),
        (
            "date-time",
            ["1963-06-19T08:30:06.283185Z", "2024-02-29t00:00:00+05:30", "1998-12-31T23:59:60Z"],
            ["2023-02-29T00:00:00Z", "2024-01-01 00:00:00Z", "2024-01-01T00:00:00", "06/19/1963 08:30:06 PST"],
        ),
        (
            "duration",
            ["P4DT12H30M5S", "P4Y", "PT0S", "P0D", "P1M", "PT1M", "PT36H", "P1DT12H", "P2W"],
            ["PT1D", "P", "P1YT", "PT", "P2D1Y", "P1D2H", "P2S", "P1Y2W", "p1d", "4D"],
        ),
        (
            "ipv4",
            ["192.168.0.1", "0.0.0.0", "255.255.255.255"],
            ["256.0.0.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.4 ", "0x7f000001"],
        ),
        (
            "ipv6",
            ["::1", "::", "1::", "::ffff:192.168.0.1", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:1.2.3.4", "1:2::8", "ABCD::"],
            ["12345::", "1::2::3", ":1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::1%eth0", "::256.1.1.1", "1:2:3:4:5:6:7::8"],
        ),
        (
            "hostname",
            ["www.example.com", "a", "a-b", "1host", "a" * 63, ".".join(["a" * 63] * 3), "a.b.c.d.e.f.g.h",
             ".".join("a" * 127), ".".join(["a" * 63] * 3 + ["a" * 61]), "xn--bcher-kva.de", "XN--BCHER-KVA.de"],
            ["", "-a", "a-", "a..b", ".a", "a.", "a_b", "a" * 64, "ab--c", "xn--a", "ü.de", "a b",
             ".".join("a" * 128), ".".join(["a" * 63] * 3 + ["a" * 62])],
        ),
        (
            "idn-hostname",
            ["bücher.de", "xn--bcher-kva.de", "a.b", "실례.테스트", "l·l", "א.ב"],
            ["", "Bücher.de", "\u0308bucher", "bu\u0308cher.de", "l·a", "a.א1א٠", "-ü", "ü-", "üü--a", "⅓.de", "ü" * 60],
        ),
        (
            "email",
            ["joe.bloggs@example.com", "te~st@example.com", "a@b", "a+b@c.d", '"a b"@c', '"a@b\\""@c', '""@c', "a@[1.2.3.4]",
             "a@[255.09.001.0]", "a@[IPv6:::1]", "a@[ipv6:1:2:3:4:5:6:7:8]", "a@[IPv6:1::2:1.2.3.4]", "a@ab--c",
             "a@" + ".".join("a" * 128)],
            ["@b", "a@", ".a@b", "a.@b", "a..b@c", "a b@c", "a@b@c", "a@-b", "x" * 65 + "@b", '"a"b"@c', '"a\\"@c', "a@[1.2.3]",
             "a@[1.2.3.256]", "a@[::1]", "a@[IPv6:1:2:3:4:5:6:7::]", "a@[IPv6:1:2:3:4:5:6:7]", "ü@b", "a@ü", "a@" + "b" * 64,
             "a@" + ".".join("a" * 129)],
        ),
        (
            "idn-email",
            ["실례@실례.테스트", "a@b", "ü" * 32 + "@b", '"ü ü"@b', "a@[1.2.3.4]", "x" * 64 + "@b"],
            ["실례", "ü" * 33 + "@b", "a@" + "ü" * 32, "a@-ü", "@ü", "ü@"],
        ),
        (
            "uuid",
            ["2EB8AA08-AA98-11EA-B4AA-73B441D16380", "00000000-0000-0000-0000-000000000000"],
            ["2eb8aa08-aa98-11ea-b4aa-73b441d1638", "2eb8aa08aa9811eab4aa73b441d16380", "2eb8-aa08-aa98-11ea-b4aa73b44-1d16380"],
        ),
        (
            "uri",
            ["http://foo.bar/?q=Test%20URL#x", "urn:oasis:names:x", "mailto:a@b", "http://[::1]:80/", "x:", "http://223.255.255.254"],
            ["//foo", "/abs", "foo", "http:// a", "bar,baz:foo", "http://[::1", "http://a/\\", "http://a/%4", "1http://x", "ü://x"],
        ),
        ("uri-reference", ["//foo", "/abs", "foo", "", "#f", "?q", "http://x"], ["\\\\WIN", "#fr\\ag", "a b"]),
        ("iri", ["http://ƒøø.ßår/?∂éœ=πîx#πîüx"], ["âππ", "//ƒøø", "http:// ƒ"]),
        ("iri-reference", ["âππ", "#ƒrägmênt"], ["#ƒräg\\mênt"]),
        ("uri-template", ["http://e.com/d/{term:1}/{term}", "", "{+x*,y}"], ["http://e.com/{term", "{}", "{x:0}", "a b"]),
        ("json-pointer", ["", "/", "/a~1b/~0", "/é"], ["a", "/~", "/~2", "#/a"]),
        (
            "regex",
            ["", "a+b", "([abc])+\\s+$", "(?<n>a)\\k<n>", "(a)\\1", "(?<=a+)b", "[]", "[^]", "\\cA", "\\p{Lu}", "\\u{1F600}", "a{2}"],
            ["(", ")", "^(abc]", "\\a", "(?P<n>a)", "(?i)a", "(?#x)a", "a{2,1}", "\\1", "\\k<n>", "]", "{", "[b-a]", "a**", "\\p{Foo}"],
        ),
        ("relative-json-pointer", ["0", "1/a", "10#", "0/"], ["-1/a", "01", "/a", "0##", "1a"]),
    ],
)  # fmt: skip
def test_edges(name, good, bad):
    assert [text for text in good if not matches(name, text)] == []
    assert [text for text in bad if matches(name, text)] == []


def test_the_table_of_edges_is_complete():
    marks = test_edges.pytestmark[0].args[1]
    assert {name for name, _, _ in marks} == set(formats.ASSERTED)


@given(st.dates())
def test_every_date_of_the_calendar(date):
    assert matches("date", date.isoformat())


@given(st.integers(0, 9999), st.integers(0, 13), st.integers(0, 32))
@example(1900, 2, 29)
@example(2000, 2, 29)
def test_no_other_date(year, month, day):
    try:
        dt.date(year or 2000, month, day)  # Python has no year 0; it is a leap year as 2000 is
        exists = True
    except ValueError:
        exists = False
    assert matches("date", f"{year:04d}-{month:02d}-{day:02d}") is exists


@given(st.ip_addresses(v=6) | st.ip_addresses(v=4))
def test_addresses_as_the_standard_library_writes_them(address):
    name = f"ipv{address.version}"
    assert matches(name, str(address))
    assert matches(name, address.exploded)


@given(st.text("0123456789abcdef:.", max_size=20))
@example("1:2:3:4:5:6:7::")
@example("::1.2.3.4")
def test_addresses_are_those_the_standard_library_reads(text):
    for name, reader in (("ipv4", ipaddress.IPv4Address), ("ipv6", ipaddress.IPv6Address)):
        try:
            reader(text)
            fine = True
        except ValueError:
            fine = False
        assert matches(name, text) is fine


@given(st.uuids())
def test_uuids(value):
    assert matches("uuid", str(value))
    assert uuid.UUID(str(value)) == value


def test_formats_meet_lengths_and_patterns(accepts):
    schema = {"type": "string", "format": "date", "pattern": "^202", "maxLength": 10}
    assert accepts(schema, '"2024-02-29"', '"1999-01-01"') == ['"2024-02-29"']
    assert accepts({"format": "ipv4"}, '"1.2.3.4"', '"x"', "7") == ['"1.2.3.4"', "7"]


def test_annotate_ignores_every_format(accepts):
    schema = {"type": "string", "format": "date"}
    assert accepts(schema, '"x"') == []
    assert accepts(schema, '"x"', formats="annotate") == ['"x"']
    assert accepts({"format": "regex"}, '"("', formats="annotate") == ['"("']


def test_a_name_that_no_draft_defines_is_an_annotation(accepts):
    assert accepts({"format": "colour"}, '"x"') == ['"x"']


TEXTS = ['"a.b"', '"xn--bcher-kva.de"', '"xn--X"', '"ab--c"', '"-"', '"a.b.c.d.e.f.g.h.i.j"', "7"]
HOSTS = ['"a.b"', '"xn--bcher-kva.de"', '"a.b.c.d.e.f.g.h.i.j"']


def test_checked_formats_are_accepted_denied_and_combined(accepts):
    assert accepts({"format": "hostname"}, *TEXTS) == [*HOSTS, "7"]
    assert accepts({"not": {"format": "hostname"}}, *TEXTS) == ['"xn--X"', '"ab--c"', '"-"']
    assert accepts({"format": "hostname", "pattern": "^x"}, *TEXTS) == ['"xn--bcher-kva.de"', "7"]
    assert accepts({"format": "hostname", "maxLength": 3}, *TEXTS) == ['"a.b"', "7"]
    both = {"type": "string", "allOf": [{"format": "hostname"}, {"not": {"format": "regex"}}]}
    assert accepts(both, *TEXTS) == []
    one = {"type": "string", "oneOf": [{"format": "hostname"}, {"pattern": "^xn--"}]}
    assert accepts(one, *TEXTS) == ['"a.b"', '"xn--X"', '"a.b.c.d.e.f.g.h.i.j"']
    assert accepts({"enum": ["xn--X", "xn--bcher-kva.de"], "format": "hostname"}, *TEXTS) == [
        '"xn--bcher-kva.de"'
    ]


def test_patterns_in_strings(accepts):
    texts = ['"(a)"', '"(a"', '"\\\\d"', '"\\\\a"', '"\\u0028"']
    assert accepts({"format": "regex"}, *texts) == ['"(a)"', '"\\\\d"']
    assert accepts({"not": {"format": "regex"}}, *texts) == ['"(a"', '"\\\\a"', '"\\u0028"']


def test_generation_is_guarded_only_where_no_string_is_certain(bytes_vocabulary):
    def guards(schema):
        return [guard.pointer for guard in rg.compile(rg.JsonSchema(schema), bytes_vocabulary).guards]

    assert guards({"format": "hostname"}) == []
    assert guards({"not": {"format": "date-time"}}) == []
    assert guards({"format": "hostname", "pattern": "^xn--"}) == ["/format"]
    assert guards({"format": "regex"}) == ["/format"]
    assert guards({"items": {"not": {"format": "regex"}}}) == ["/items/not/format"]


def test_names_cannot_wait_for_a_test(refused, accepts):
    assert refused({"propertyNames": {"format": "regex"}}).pointer == "/propertyNames/format"
    names = {"propertyNames": {"format": "hostname"}}
    assert accepts(names, '{"a.b":1}', '{"-":1}', '{"ab--c":1}') == ['{"a.b":1}']


def test_listed_values_are_checked_too(accepts):
    assert accepts(
        {"enum": ["2024-02-30", "2024-02-29"], "format": "date"}, '"2024-02-30"', '"2024-02-29"'
    ) == ['"2024-02-29"']


CHECKED = [name for name, found in formats.ASSERTED.items() if found.test is not None]


@pytest.mark.parametrize("name", [name for name in CHECKED if formats.ASSERTED[name].certain is not None])
def test_what_is_certain_passes_the_test(name):
    found = formats.strings(name)
    assert ALGEBRA.is_empty(ir.but_not(found.certain, found.expr))
    rng = random.Random(5)
    texts = samples.texts(symbolic_dfa(found.certain, LIMITS), 400, rng)
    assert [text for text in texts if ALGEBRA.matches(found.certain, text) and not matches(name, text)] == []


@given(st.text("0123456789:+-.Z", max_size=14))
@example("23:59:60Z")
def test_a_test_is_only_asked_about_its_strings(text):
    """Tests are total: on any text they answer, whatever the answer."""
    for name in CHECKED:
        assert formats.strings(name).test(text) in {True, False}


@pytest.mark.parametrize("sign", ["+", "-"])
def test_one_minute_of_the_day_has_a_leap_second(sign):
    for away in ("00:00", "05:45", "23:59", "12:30"):
        found = [f"{h:02d}:{m:02d}:60{sign}{away}" for h in range(24) for m in range(60)]
        assert len([text for text in found if matches("time", text)]) == 1


def test_older_drafts_know_no_punycode():
    assert matches("hostname", "ab--cd.example", 6)
    assert matches("hostname", "xn--X", 4)
    assert not matches("hostname", "ab--cd.example", 7)


@needs_node
def test_patterns_are_those_that_javascript_reads():
    rng = random.Random(60)
    texts = list(dict.fromkeys("".join(rng.choices(PIECES, k=rng.randint(1, 7))) for _ in range(20_000)))
    theirs = javascript.valid(texts)
    # Two groups of one name in different alternatives are newer than some engines.
    wrong = [t for t, v in zip(texts, theirs, strict=True) if is_pattern(t) != v and t.count("(?<n>") < 2]
    assert wrong == []
