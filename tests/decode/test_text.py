from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ruvllm_runtime.decode import TextStream
from ruvllm_runtime.decode.stop import StopStrings

STOPS = st.lists(st.text(alphabet="ab\u00e9\U0001f600", min_size=1, max_size=3), max_size=3).map(tuple)


def run(pieces, stops=()):
    """Texts released piece by piece, and the stop string that ended it."""
    stream = TextStream(StopStrings(stops))
    shown = []
    for piece in pieces:
        stopped = stream.feed(piece)
        shown.append(stream.take())
        if stopped:
            break
    stream.finish()
    shown.append(stream.take())
    assert "".join(shown) == stream.text
    return shown, stream.stopped_by


def cut(data, places):
    bounds = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(bounds)]


@given(st.text(alphabet="ab\u00e9\u20ac\U0001f600"), st.lists(st.integers(0, 200)), STOPS)
@example("aab", [1, 2], ("ab",))
@example("ab\u00e9", [1, 2], ("b", "ab\u00e9"))
def test_any_cutting_gives_the_text_before_the_first_stop(text, places, stops):
    shown, stopped_by = run(cut(text.encode(), places), stops)
    at, stop = StopStrings(stops).find(text) or (len(text), None)
    assert ("".join(shown), stopped_by) == (text[:at], stop)


@given(st.binary(), st.lists(st.integers(0, 200)))
def test_bytes_that_are_no_text_are_shown_as_python_shows_them(data, places):
    shown, _ = run(cut(data, places))
    whole = data.decode("utf-8", errors="replace")
    # Python marks an unfinished character at the end; here it is left out.
    assert "".join(shown) in (whole, whole.removesuffix("\ufffd"))


def test_unfinished_characters_wait():
    assert run([b"caf", b"\xc3", b"\xa9 au", b"\xf0\x9f"]) == (["caf", "", "é au", "", ""], None)


@pytest.mark.parametrize(
    ("pieces", "shown", "stopped_by"),
    [
        ([b"the E", b"N", b"D."], ["the ", "", "", ""], "END"),
        ([b"the E", b"N", b"T"], ["the ", "", "ENT", ""], None),
        ([b"the E", b"N"], ["the ", "", "EN"], None),
    ],
)
def test_stop_strings_cross_tokens(pieces, shown, stopped_by):
    assert run(pieces, ("END",)) == (shown, stopped_by)
