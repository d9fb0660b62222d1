from __future__ import annotations

import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ruvllm_grammar.match.canonical import Pool, plain
from ruvllm_grammar.match.scanner import DONE, ESCAPE, NUMBER, STRING, Scanner

VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.text(),
        st.sampled_from(["\\", '"', "é😀", "\n", "\u2028"]),
    ),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(max_size=3), inner)),
    max_leaves=20,
)


def pieces(text: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[a:b] for a, b in pairwise(places)]


@given(VALUES, st.lists(st.integers(0, 1000)), st.booleans(), st.sampled_from([None, 1]))
def test_any_document_in_any_pieces(value, cuts, ascii_only, indent):
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    scanner = Scanner(Pool(), values=True)
    scan = scanner.start
    for piece in pieces(text, cuts):
        scan = scanner.feed(scan, piece)
    assert plain(scan.ended()) == value
    assert scanner.feed(scanner.start, text).ended() == scan.ended()


@given(st.dictionaries(st.text(max_size=3), VALUES), st.lists(st.integers(0, 1000)))
def test_names_alone(value, cuts):
    scanner = Scanner(Pool(), values=False)
    scan = scanner.start
    text = json.dumps(value).encode().removesuffix(b"}") + (b"," if value else b"")
    for piece in pieces(text, cuts):
        scan = scanner.feed(scan, piece)
    assert [name for run in scan.open.runs for name in run.values] == list(value)
    assert not scan.open.holds("????")


@given(st.text(), st.booleans())
def test_a_string_that_has_not_ended_is_read_so_far(text, ascii_only):
    spelled = json.dumps(text, ensure_ascii=ascii_only).encode()
    scanner = Scanner(Pool(), values=True)
    for cut in range(1, len(spelled)):
        scan = scanner.feed(scanner.start, spelled[:cut])
        head, escape = scan.head
        assert text.encode().startswith(head)
        assert spelled[:cut].endswith(escape)
        assert scan.mode == (ESCAPE if escape.endswith(b"\\") else STRING)
    assert scanner.feed(scanner.start, spelled).mode == DONE


def test_earlier_scans_stay_what_they_were():
    scanner = Scanner(Pool(), values=True)
    scans = [scanner.start]
    text = b"[" + b",".join(str(i).encode() for i in range(100))
    for i in range(len(text)):
        scans.append(scanner.feed(scans[-1], text[i : i + 1]))
    for i, scan in enumerate(scans):
        fresh = scanner.feed(scanner.start, text[:i])
        siblings = [[v for run in s.open.runs for v in run.values] if s.open else [] for s in (scan, fresh)]
        assert siblings[0] == siblings[1]
        assert (scan.mode, scan.text) == (fresh.mode, fresh.text)
    assert scans[-1].mode == NUMBER
    assert len(scans[-1].open.runs) < 8
