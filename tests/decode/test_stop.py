from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruvllm_runtime.decode.stop import StopStrings

TEXT = st.text(alphabet="ab")
STOPS = st.lists(st.text(alphabet="ab", min_size=1, max_size=4), max_size=3).map(tuple)


@pytest.mark.parametrize(
    ("stops", "text", "found"),
    [
        (("END",), "the END.", (4, "END")),
        (("END", "the"), "the END.", (0, "the")),
        (("a", "ab"), "xab", (1, "a")),  # complete first
        (("b", "abc"), "abc", (1, "b")),
        (("b", "ab"), "ab", (0, "ab")),  # complete together: the longer
        (("END",), "EN", None),
        ((), "anything", None),
    ],
)
def test_find(stops, text, found):
    assert StopStrings(stops).find(text) == found


@given(STOPS, TEXT)
def test_held_is_the_longest_end_that_begins_a_stop(stops, text):
    beginnings = {stop[:size] for stop in stops for size in range(1, len(stop))}
    expected = max((size for size in range(1, len(text) + 1) if text[-size:] in beginnings), default=0)
    assert StopStrings(stops).held(text) == expected
