"""Pictures of the results: how masks and compilations are spread, and what becomes of schemas.

    python -m bench.plots

Made from `results/maskbench.json` alone; the same file gives the same bytes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench import facts, maskbench

FOLDER = facts.ROOT / "docs" / "reference" / "performance"
#: One colour per engine in every picture (distinguishable in all common kinds of colour blindness).
COLOURS = {
    "ruvllm": "#0072b2",
    "ruvllm-prepared": "#000000",
    "llguidance": "#d55e00",
    "xgrammar": "#009e73",
    "xgrammar-strict": "#56b4e9",
    "outlines-core": "#cc79a7",
    "lm-format-enforcer": "#999999",
}
OUTCOMES = {
    "right": "#0072b2",
    "valid refused": "#f0e442",
    "invalid accepted": "#d55e00",
    "refused": "#bbbbbb",
    "over the time limit": "#666666",
    "over the memory limit": "#444444",
    "crash": "#222222",
    "not reached": "#eeeeee",
}


def draw(found: dict[str, Any], folder: Path = FOLDER) -> list[Path]:
    """Write all pictures of a result; their paths."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams |= {
        "svg.fonttype": "none",
        "svg.hashsalt": "bench",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": "#e5e5e5",
    }
    folder.mkdir(parents=True, exist_ok=True)
    return [
        _spread(found, folder / "masks.svg", "mask us", "CPU microseconds of a mask", 300.0),
        _spread(found, folder / "compile.svg", "compile ms", "CPU milliseconds of a compilation", None),
        _coverage(found, folder / "coverage.svg"),
    ]


def _spread(found: dict[str, Any], path: Path, metric: str, label: str, mark: float | None) -> Path:
    """Share of values above x, both axes logarithmic: each gridline down is one more nine."""
    from matplotlib import pyplot as plt

    curves = found["curves"]
    figure, panels = plt.subplots(1, 2, figsize=(8.6, 3.4), sharey=True, layout="constrained")
    for panel, chosen in zip(panels, ("set A", "set B"), strict=True):
        for name, values in curves[chosen].items():
            if not values[metric]:
                continue
            engine, _, mode = name.partition(", ")
            above = [max(1.0 - at, 5e-5) for at in curves["quantiles"]]
            style = "--" if mode == "fresh" else "-"
            panel.plot(values[metric], above, style, color=COLOURS[engine], label=name, linewidth=1.4)
        if mark is not None:
            panel.axvline(mark, color="#bbbbbb", linewidth=0.8)
        panel.set(xscale="log", yscale="log", ylim=(5e-5, 1.2), xlabel=label)
        panel.minorticks_off()
        panel.set_title(chosen, loc="left")
        panel.legend(frameon=False, fontsize=7.5)
    panels[0].set_ylabel("share above")
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return path


def _coverage(found: dict[str, Any], path: Path) -> Path:
    """What becomes of the schemas of set B, in percent."""
    from matplotlib import pyplot as plt

    rows = found["coverage"]["set B"]
    names = list(reversed(rows))
    figure, panel = plt.subplots(figsize=(8.6, 0.42 * len(names) + 1.1), layout="constrained")
    left = [0.0] * len(names)
    for outcome, colour in OUTCOMES.items():
        shares = [100 * rows[name].get(outcome, 0) / max(rows[name].get("schemas", 1), 1) for name in names]
        if any(shares):
            panel.barh(names, shares, left=left, color=colour, label=outcome, height=0.7)
        left = [before + share for before, share in zip(left, shares, strict=True)]
    panel.set(xlim=(0, 100), xlabel="percent of the schemas of set B")
    panel.grid(visible=False)
    panel.legend(frameon=False, ncols=len(OUTCOMES), loc="lower left", bbox_to_anchor=(0, 1), fontsize=7.5)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return path


def main() -> None:
    """Draw the committed results."""
    for path in draw(json.loads(maskbench.RESULTS.read_text(encoding="utf-8"))):
        print(path.relative_to(facts.ROOT))


if __name__ == "__main__":
    main()
