"""Figures of a list of times: percentiles, shares above thresholds, medians over runs, curves for plots."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import numpy as np

PERCENTILES = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0}
THRESHOLDS_US = {"above 300 us": 300.0, "above 1 ms": 1_000.0, "above 5 ms": 5_000.0}
#: Where curves are read off: a hundredth apart, and closer where it matters.
QUANTILES = (*(step / 100 for step in range(100)), 0.993, 0.995, 0.997, 0.998, 0.999, 0.9995, 0.9999, 1.0)

Figures = dict[str, float]


def figures(values: Sequence[float], *, thresholds: bool = False) -> Figures:
    """Percentiles by linear interpolation, mean and count; empty for an empty list.

    Args:
        values: times in one unit.
        thresholds: also the share of values above each of `THRESHOLDS_US` (values are microseconds).
    """
    if not values:
        return {}
    array = np.asarray(values, dtype=np.float64)
    found = {name: float(np.percentile(array, at)) for name, at in PERCENTILES.items()}
    found["mean"] = float(array.mean())
    if thresholds:
        found |= {name: float((array > at).mean()) for name, at in THRESHOLDS_US.items()}
    return {name: rounded(value) for name, value in found.items()} | {"count": len(values)}


def median_of(runs: Sequence[Figures]) -> Figures:
    """Figure by figure the median over runs; runs without figures do not count."""
    kept = [run for run in runs if run]
    return {name: rounded(statistics.median(run[name] for run in kept)) for name in kept[0]} if kept else {}


def spread_of(runs: Sequence[Figures], name: str) -> list[float]:
    """One figure of every run, in order: how far the runs lie apart."""
    return [run[name] for run in runs if run]


def curve(values: Sequence[float]) -> list[float]:
    """The values at `QUANTILES`."""
    return [rounded(float(value)) for value in np.quantile(values, QUANTILES)] if values else []


def rounded(value: float) -> float:
    """Four significant digits: more would be noise, and noise makes large files."""
    return float(f"{value:.4g}")
