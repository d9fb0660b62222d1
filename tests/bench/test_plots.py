"""Pictures: one for each question, and the same bytes for the same results."""

from bench import plots, stats

CURVE = {"mask us": [1.0 + at for at in stats.QUANTILES], "compile ms": [2.0 + at for at in stats.QUANTILES]}
FOUND = {
    "curves": {
        "quantiles": list(stats.QUANTILES),
        "set A": {"ruvllm, shared": CURVE, "ruvllm, fresh": CURVE},
        "set B": {"ruvllm": CURVE, "outlines-core": {"mask us": [], "compile ms": []}},
    },
    "coverage": {"set B": {"ruvllm": {"schemas": 4, "right": 3, "refused": 1}, "xgrammar": {"schemas": 0}}},
}


def test_the_same_results_make_the_same_pictures(tmp_path):
    first, second = (plots.draw(FOUND, tmp_path / name) for name in ("a", "b"))
    assert [path.name for path in first] == ["masks.svg", "compile.svg", "coverage.svg"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert "outlines-core" not in first[0].read_text()
