from __future__ import annotations

import math

import pytest

from ruvllm_runtime import RequestError, SamplingParams


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("temperature", -0.1, "temperature must be at least 0, not -0.1"),
        ("temperature", math.nan, "temperature must be finite, not nan"),
        ("temperature", math.inf, "temperature must be finite, not inf"),
        ("temperature", True, "temperature must be a number, not bool (True)"),
        ("temperature", "1", "temperature must be a number, not str ('1')"),
        ("top_k", -1, "top_k must be at least 0, not -1"),
        ("top_k", 1.0, "top_k must be an integer, not float (1.0)"),
        ("top_p", 0, "top_p must be greater than 0 and at most 1, not 0"),
        ("top_p", 1.5, "top_p must be greater than 0 and at most 1, not 1.5"),
        ("min_p", -1, "min_p must be at least 0 and at most 1, not -1"),
        ("min_p", 1.1, "min_p must be at least 0 and at most 1, not 1.1"),
        ("repetition_penalty", 0, "repetition_penalty must be greater than 0, not 0"),
        ("seed", -1, "seed must be at least 0, not -1"),
        ("seed", 2**63, f"seed must be at most {2**63 - 1}, not {2**63}"),
        ("seed", False, "seed must be an integer, not bool (False)"),
    ],
)
def test_values_outside_their_range_are_refused_by_name(field, value, message):
    with pytest.raises(RequestError) as caught:
        SamplingParams(**{field: value})
    assert (str(caught.value), caught.value.param) == (message, field)


def test_unknown_fields_are_type_errors():
    with pytest.raises(TypeError):
        SamplingParams(topk=3)


def test_limits_are_inside():
    SamplingParams(temperature=0, top_k=0, top_p=1, min_p=1, repetition_penalty=0.01, seed=0)
    assert SamplingParams.greedy() == SamplingParams(temperature=0.0)
