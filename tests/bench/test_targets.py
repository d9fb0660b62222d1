"""Targets beside results."""

from bench import targets

LOW = {"p50": 1.0, "p90": 2.0, "p99": 3.0, "p99.9": 4.0, "max": 5.0}
HIGH = {name: value * 1000 for name, value in LOW.items()}


def metrics(figures):
    return {"mask us": figures, "advance us": figures, "compile plus first mask ms": figures}


def results(ours, theirs):
    both = {"ruvllm": metrics(ours), "llguidance": metrics(theirs)}
    beside = {"shared": {**both, "xgrammar": metrics(theirs)}, "fresh": {"ruvllm": metrics(ours)}}
    return {
        "maskbench": {
            "set A": {"shared": both, "fresh": both},
            "set B": {"xgrammar": beside},
            "apply": {"engines": {"ruvllm": {"token us": ours}}},
        },
        "memory": {"peak MB": ours["p50"] * 300},
    }


def met(found):
    return [line[2] for line in targets.lines(found)]


def test_everything_is_met_by_what_is_fast():
    low = dict(LOW, p99=2.0, p50=0.5)
    assert set(met(results(low, HIGH))) == {"yes"}


def test_nothing_is_met_by_what_is_slow():
    assert set(met(results(HIGH, LOW))) == {"no"}


def test_one_percentile_above_is_not_met():
    found = {line[0]: line for line in targets.lines(results(dict(LOW, p90=2001.0), HIGH))}
    (line,) = (found[name] for name in found if name.startswith("masks, one grammar per schema"))
    assert line[1:] == ("1 : 1000, 2001 : 2000, 3 : 3000, 4 : 4000", "no")


def test_missing_figures_are_not_met():
    found = results(LOW, LOW)
    found["maskbench"]["set A"]["shared"] = {"ruvllm": {}, "llguidance": {}}
    assert targets.lines(found)[0][1:] == ("? / ? / ? / ?", "no")


def test_without_results_there_are_no_lines():
    assert targets.lines({}) == []
