"""Figures of lists of times."""

import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import stats

TIMES = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=60)


def by_hand(values, percent):
    """Linear interpolation between the two nearest of the sorted values."""
    ranked = sorted(values)
    at = (len(ranked) - 1) * percent / 100
    low = int(at)
    high = min(low + 1, len(ranked) - 1)
    return ranked[low] + (ranked[high] - ranked[low]) * (at - low)


@given(TIMES)
def test_percentiles_are_those_of_the_definition(values):
    found = stats.figures(values)
    for name, percent in stats.PERCENTILES.items():
        assert found[name] == pytest.approx(by_hand(values, percent), rel=1e-3)
    assert found["mean"] == pytest.approx(statistics.fmean(values), rel=1e-3)
    assert found["count"] == len(values)


@given(TIMES)
def test_percentiles_ascend(values):
    found = stats.figures(values)
    assert [found[name] for name in stats.PERCENTILES] == sorted(found[name] for name in stats.PERCENTILES)


def test_no_times_have_no_figures():
    assert stats.figures([]) == {}
    assert stats.curve([]) == []
    assert stats.median_of([{}, {}]) == {}


def test_shares_count_what_is_strictly_above():
    found = stats.figures([300.0, 301.0, 1_000.5, 5_001.0], thresholds=True)
    assert [found[name] for name in stats.THRESHOLDS_US] == [0.75, 0.5, 0.25]


def test_medians_are_taken_figure_by_figure():
    runs = [{"p50": 1.0, "p99": 30.0}, {}, {"p50": 3.0, "p99": 10.0}, {"p50": 2.0, "p99": 20.0}]
    assert stats.median_of(runs) == {"p50": 2.0, "p99": 20.0}
    assert stats.spread_of(runs, "p99") == [30.0, 10.0, 20.0]


def test_a_curve_has_a_value_at_every_quantile():
    values = list(np.linspace(0, 1, 501))
    found = stats.curve(values)
    assert len(found) == len(stats.QUANTILES)
    assert found == pytest.approx(list(stats.QUANTILES), abs=2e-3)


def test_four_digits_are_kept():
    assert stats.rounded(1234567.0) == 1235000.0
    assert stats.rounded(0.00123456) == 0.001235
