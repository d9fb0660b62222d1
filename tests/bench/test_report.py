"""Tables and the page that shows them."""

import json

import pytest

from bench import maskbench, report


def test_the_page_shows_the_committed_results():
    page = report.PAGE.read_text(encoding="utf-8")
    assert report.splice(page, report.tables()) == page, "run: python -m bench.report"


def test_blocks_are_replaced_and_nothing_else():
    page = "a\n<!-- measured: masks -->\nold\n<!-- end -->\nb\n<!-- measured: set b -->\n<!-- end -->\n"
    made = report.splice(page, {"masks": "M", "set b": "| x |"})
    assert made == (
        "a\n<!-- measured: masks -->\n\nM\n\n<!-- end -->\nb\n<!-- measured: set b -->\n\n| x |\n\n<!-- end -->\n"
    )
    assert report.splice(made, {"masks": "M", "set b": "| x |"}) == made


def test_a_block_nobody_makes_is_an_error():
    with pytest.raises(KeyError):
        report.splice("<!-- measured: nothing -->\n<!-- end -->", {})


def test_without_results_every_block_says_so(tmp_path):
    assert set(report.tables(tmp_path).values()) == {report.ABSENT}


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.123, "0.12"), (9.996, "10.00"), (10.0, "10.0"), (99.96, "100.0"), (12345.6, "12,346"), (None, "")],
)
def test_numbers_have_three_digits(value, text):
    assert report.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (0.0123, "1.2 %"), (0.5, "50 %"), (0.00004, "0.004 %"), (None, "")]
)
def test_shares_are_percent(value, text):
    assert report.share(value) == text


def test_tables_are_aligned():
    assert report.table(["a", "b"], [["x", "1"]]) == "| a | b |\n| --- | --: |\n| x | 1 |"


def test_results_are_json_with_short_lines():
    value = {"a": {"b": [1, 2], "c": {}}, "d": [{"e": 1}, {"f": [2]}], "g": "x"}
    text = maskbench.compact(value)
    assert json.loads(text) == value
    assert ' "b": [1, 2],' in text.splitlines()[2]


def test_jobs_go_round_the_engines_and_set_b_is_part_of_set_a():
    jobs = maskbench.jobs(maskbench.Options(repeat=2), 1379)
    assert len({job.name for job in jobs}) == len(jobs)
    assert [job.engine for job in jobs[2:6]] == ["ruvllm", "llguidance", "ruvllm", "llguidance"]
    assert {len(job.numbers) for job in jobs if job.part == "A"} == {1379}
    assert {len(job.numbers) for job in jobs if job.part == "B" and job.mode == "shared"} == {150}
    assert {job.limits.seconds for job in jobs} == {10.0}
    few = maskbench.jobs(maskbench.Options(repeat=1, every=7), 1379)
    assert {n for job in few if job.part == "B" for n in job.numbers} <= set(few[0].numbers)


def test_the_command_names_what_differs():
    assert maskbench.command(maskbench.Options()) == "python -m bench --repeat 3 --lanes 2"
    fast = maskbench.Options(repeat=1, every=9, slow=False, strong=False)
    assert maskbench.command(fast) == "python -m bench --repeat 1 --lanes 2 --every 9 --only-fast"
