"""Formats: hand-picked edges, other parsers as oracles, and the optional tests of the official suite."""

import datetime as dt
import ipaddress
import json
import uuid

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ruvllm_grammar.automata.leaf import symbolic_dfa
from ruvllm_grammar.jsonschema import formats
from ruvllm_grammar.limits import Limits

LIMITS = Limits()


def matches(name, text):
    return symbolic_dfa(formats.expression(name), LIMITS).matches(text)


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
            ["00:00:00Z", "23:59:59.123456789z", "08:30:06+00:20", "23:59:60Z", "22:59:60-01:00", "00:59:60.5+01:00"],
            ["24:00:00Z", "23:60:00Z", "23:59:61Z", "22:59:60Z", "23:59:60+01:00", "08:30:06", "8:30:06Z", "08:30:06.Z",
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
            ["www.example.com", "a", "a-b", "1host", "a" * 63, ".".join(["a" * 63] * 3), "a.b.c.d.e.f.g.h"],
            ["", "-a", "a-", "a..b", ".a", "a.", "a_b", "a" * 64, "ab--c", "xn--a", "ü.de", "a b"],
        ),
        (
            "email",
            ["joe.bloggs@example.com", "te~st@example.com", "a@b", "a+b@c.d"],
            ["@b", "a@", ".a@b", "a.@b", "a..b@c", "a b@c", "a@b@c", "a@-b", "x" * 65 + "@b"],
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


def test_listed_values_are_checked_too(accepts):
    assert accepts(
        {"enum": ["2024-02-30", "2024-02-29"], "format": "date"}, '"2024-02-30"', '"2024-02-29"'
    ) == ['"2024-02-29"']


#: Valid texts that are not offered, by description; `formats.hosts` and `formats.times` say why.
NOT_OFFERED = {
    "hostname": ("--",),
    "time": ("01:29:60+01:30", "23:29:60+23:30", "00:29:60-23:30"),
    "email": ('"', "["),
}


@pytest.mark.parametrize("draft", ["draft4", "draft6", "draft7", "draft2019-09", "draft2020-12"])
def test_optional_tests_of_the_official_suite(conformance, draft):
    wrong = []
    folder = conformance / "json-schema-test-suite" / "tests" / draft / "optional" / "format"
    files = sorted(folder.glob("*.json"))
    assert files
    for file in files:
        for group in json.loads(file.read_text()):
            name = group["schema"].get("format")
            if formats.expression(name) is None:
                continue
            for case in group["tests"]:
                if not isinstance(case["data"], str):
                    continue
                text = case["data"]
                found = matches(name, text)
                left_out = any(part in text for part in NOT_OFFERED.get(name, ()))
                if found != case["valid"] and not (case["valid"] and left_out):
                    wrong.append((name, text, case["valid"]))
    assert wrong == []
