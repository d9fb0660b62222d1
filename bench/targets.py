"""What this project set out to reach, beside what was measured: every line is computed from the results."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
Line = tuple[str, str, str]

_PREPARED = "ruvllm-prepared"
_MODES = {"shared": "one grammar per schema", "fresh": "a fresh grammar per instance"}
_LIMITS = {
    ("shared", "mask us"): {"p50": 2.5, "p99": 150.0, "p99.9": 600.0, "max": 5_000.0},
    ("fresh", "mask us"): {"p50": 12.0, "p99": 150.0, "p99.9": 500.0, "max": 5_000.0},
    ("shared", "advance us"): {"p50": 2.0, "p99": 10.0},
    ("shared", "compile plus first mask ms"): {"p50": 1.0, "p99": 10.0},
}
_UP_TO = ("p50", "p90", "p99", "p99.9")
_FROM = ("p90", "p99", "p99.9", "max")


def lines(results: dict[str, Json]) -> list[Line]:
    """Target, measured, met or not; only of results that are there.

    Args:
        results: by name of the file.
    """
    found: list[Line] = []
    if "maskbench" in results:
        found += _masks(results["maskbench"])
    if "disk" in results:
        figures = results["disk"]["compile plus first mask ms"]
        found.append(_most("from disk, compile plus first mask ms", figures, {"p50": 0.5, "p99": 3.0}))
    if "maskbench" in results:
        token = results["maskbench"]["apply"]["engines"]["ruvllm"]["token us"]
        found.append(_most("mask, apply and advance, us", token, {"p50": 20.0}))
    if "tools" in results:
        tools = results["tools"]["tools"]["128"]["ruvllm"]
        figures = {"compile ms": tools["compile ms"], "mask us": tools["first time"]["mask us"]["p50"]}
        found.append(_most("128 tools: built, mask p50", figures, {"compile ms": 10.0, "mask us": 15.0}))
    if "memory" in results:
        peak = {"peak": results["memory"]["peak MB"]}
        found.append(_most("memory over the sample, MB", peak, {"peak": 400.0}))
    if "cold" in results:
        seconds = results["cold"]["seconds"]
        figures = {
            "first": seconds["first use"]["cpu"]["first mask"],
            "later": seconds["later, 256 bytes"]["cpu"]["first mask"],
        }
        found.append(_most("first use, later processes, CPU s", figures, {"first": 8.0, "later": 0.7}))
    return found


def _masks(found: Json) -> list[Line]:
    chosen = found["set A"]
    made = [
        _most(f"{metric}, {_MODES[mode]}", chosen[mode]["ruvllm"].get(metric, {}), limits)
        for (mode, metric), limits in _LIMITS.items()
    ]
    made += [
        _most(f"{metric}, prepared, {_MODES[mode]}", chosen[mode][_PREPARED].get(metric, {}), limits)
        for (mode, metric), limits in _LIMITS.items()
        if metric == "mask us" and _PREPARED in chosen[mode]
    ]
    for mode, label in _MODES.items():
        made.append(
            _better(
                f"masks, {label}", chosen[mode]["ruvllm"], "llguidance", chosen[mode]["llguidance"], _UP_TO
            )
        )
    for mode, label in _MODES.items():
        beside = found["set B"].get("xgrammar", {})
        if mode in beside:
            theirs = beside["shared"]["xgrammar"]
            made.append(_better(f"masks, set B, {label}", beside[mode]["ruvllm"], "xgrammar", theirs, _FROM))
    return made


def _most(name: str, figures: dict[str, float], limits: dict[str, float]) -> Line:
    """Figures that must not be above limits."""
    asked = " / ".join(f"{limit:g}" for limit in limits.values())
    shown = " / ".join(f"{figures[at]:.4g}" if at in figures else "?" for at in limits)
    met = all(at in figures and figures[at] <= limit for at, limit in limits.items())
    return f"{name}: {' / '.join(limits)} at most {asked}", shown, "yes" if met else "no"


def _better(name: str, ours: Json, peer: str, theirs: Json, points: tuple[str, ...]) -> Line:
    """Our masks faster than a peer's at every one of some percentiles."""
    own, other = ours.get("mask us", {}), theirs.get("mask us", {})
    pairs = [f"{own.get(at, 0):.4g} : {other.get(at, 0):.4g}" for at in points]
    met = all(at in own and at in other and own[at] < other[at] for at in points)
    return f"{name}: {' / '.join(points)} below {peer}'s", ", ".join(pairs), "yes" if met else "no"
