"""Records to figures: what is compared, and what is only counted."""

import json

import pytest

from bench import records


def schema(number, tests=(), status="ok", **more):
    return {"number": number, "id": f"s{number}", "status": status, "compile": 2e6, "first mask": 1e6,
            "tests": list(tests), **more}  # fmt: skip


def made(right, *, valid=True, masks=(1000, 3000), first="10", order=0):
    return {"valid": valid, "right": right, "order": order, "masks": list(masks), "first": first,
            "advances": [500]}  # fmt: skip


def run(*schemas):
    return records.Run({record["number"]: record for record in schemas})


def test_only_what_all_decide_rightly_is_compared():
    ours = run(schema(0, [made(True), made(True)]), schema(1, [made(True)]), schema(2, [made(True)]))
    theirs = run(schema(0, [made(True), made(False)]), schema(1, status="refused"), schema(2, [made(True)]))
    assert records.common([ours, theirs]) == {(0, 0), (2, 0)}
    assert records.common([ours]) == {(0, 0), (0, 1), (1, 0), (2, 0)}
    assert records.common([]) == set()


def test_a_schema_that_ran_out_of_time_has_no_times():
    assert records.common([run(schema(0, [made(True)], status="limit"))]) == set()


def test_coverage_counts_schemas_by_their_worst_test():
    found = records.coverage(
        run(
            schema(0, [made(True), made(True, order=2)]),
            schema(1, [made(True), made(False)]),
            schema(2, [made(False), made(False, valid=False)]),
            schema(3, status="refused"),
            schema(4, status="limit"),
            schema(5, status="memory"),
            schema(6, status="not reached"),
        )
    )
    assert found == {
        "schemas": 7, "tests": 6, "right": 1, "valid refused": 1, "invalid accepted": 1, "refused": 1,
        "over the time limit": 1, "over the memory limit": 1, "not reached": 1,
        "valid refused (tests)": 2, "invalid accepted (tests)": 1, "accepted in another order (tests)": 1,
    }  # fmt: skip


def test_times_are_in_their_units_and_apart_by_visit():
    found = records.times(run(schema(0, [made(True), made(True, first="00")], again=[4e6])), {(0, 0)})
    assert found["compile ms"] == [2.0]
    assert found["compile plus first mask ms"] == [3.0]
    assert found["compile again ms"] == [4.0]
    assert (found["mask us"], found["first visit us"], found["repeat us"]) == ([1.0, 3.0], [1.0], [3.0])
    assert found["advance us"] == [0.5]


def test_figures_of_a_run_have_shares_where_times_are_microseconds():
    found = records.figures(run(schema(0, [made(True, masks=(400_000, 1_000))])), {(0, 0)})
    assert found["mask us"]["above 300 us"] == 0.5
    assert "above 300 us" not in found["compile ms"]
    assert "compile again ms" not in found


def test_steps_of_applying_add_up():
    found = records.applied(run(schema(0, steps=[[1000, 2000, 3000], [3000, 4000, 5000]])), {0})
    assert [found[name]["p50"] for name in (*records.STEPS, "token us")] == [2.0, 3.0, 4.0, 9.0]


def test_medians_are_of_the_runs_that_have_the_metric():
    runs = [{"a": {"p50": 1.0}}, {"a": {"p50": 3.0}, "b": {"p50": 7.0}}, {"a": {"p50": 2.0}}]
    assert records.medians(runs) == {"a": {"p50": 2.0}, "b": {"p50": 7.0}}


def test_a_file_is_read_over_all_its_processes(tmp_path):
    lines = [
        {"fingerprint": "x"},
        {"cpu": 1.0, "loaded MB": 100, "imported MB": 50},
        schema(0, [made(True)]),
        {"number": 1, "status": "limit", "tests": []},
        {"cpu": 1.0, "loaded MB": 101, "imported MB": 50},
        schema(2),
        {"end": True, "peak MB": 300, "clock ns": 600.0},
    ]
    path = tmp_path / "run.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = records.read(path)
    assert sorted(found.schemas) == [0, 1, 2]
    assert (found.loaded_mb, found.peak_mb) == (101, 300)
    assert found.taken() == {0, 2}
    assert found.right() == {(0, 0)}
    assert found.end["clock ns"] == pytest.approx(600.0)
