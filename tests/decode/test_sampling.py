from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from reference.naive_sampling import probabilities

from ruvllm_runtime import GenerationError, SamplingParams
from ruvllm_runtime.decode import Sampler

LOGITS = st.lists(st.floats(-8, 8, width=32) | st.just(-math.inf), min_size=1, max_size=40)
DRAWS = 20_000


def masses(params, logits):
    """What the sampler draws from, as probabilities."""
    values = torch.tensor(logits)
    kept = Sampler(params)._masses(values, float(values.max())).double()
    return (kept / kept.sum()).tolist()


@given(
    LOGITS,
    st.floats(0.1, 5),
    st.integers(0, 50),
    st.floats(0.05, 1),
    st.floats(0, 1),
)
def test_filters_equal_the_naive_sampler(logits, temperature, top_k, top_p, min_p):
    assume(max(logits) > -math.inf)
    # Logits that differ by less than probabilities can show are ties to one sampler and not to the other.
    finite = sorted(one for one in set(logits) if one > -math.inf)
    assume(all(b - a > 1e-4 for a, b in pairwise(finite)))
    expected = probabilities(logits, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    params = SamplingParams(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    got = masses(params, logits)
    # Where float32 and float64 round a boundary differently, one token more or less may stay.
    differing = [i for i, (a, b) in enumerate(zip(got, expected, strict=True)) if (a > 0) != (b > 0)]
    assert len(differing) <= 1
    if not differing:
        assert got == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("params", "logits", "expected"),
    [
        ({"top_k": 2}, [3.0, 2.0, 2.0, 1.0], [0, 1, 2]),  # tied with the last one: stays
        ({"top_k": 9}, [3.0, 2.0], [0, 1]),
        ({"top_p": 0.5}, [0.0, 0.0, 0.0, 0.0], [0, 1]),  # ties: the lower ids
        ({"top_p": 0.51}, [0.0, 0.0, 0.0, 0.0], [0, 1, 2]),
        ({"top_p": 1e-9}, [1.0, 5.0, 2.0], [1]),
        ({"min_p": 1.0}, [1.0, 5.0, 5.0], [1, 2]),
        ({"min_p": 0.5}, [0.0, math.log(0.5) + 1e-3, math.log(0.4)], [0, 1]),
        ({"temperature": 1e-30}, [1.0, 1.5, 0.0], [1]),
        ({}, [1.0, -math.inf, 0.0], [0, 2]),
    ],
)
def test_which_tokens_stay(params, logits, expected):
    got = masses(SamplingParams(**params), logits)
    assert [i for i, mass in enumerate(got) if mass > 0] == expected


@pytest.mark.parametrize("spread", [0.0, 1e-4, 3.0])
def test_top_p_of_a_large_vocabulary_reaches_its_mass_and_not_more(spread):
    logits = torch.randn(50_000, generator=torch.Generator().manual_seed(3)) * spread
    full = torch.softmax(logits.double(), 0)
    kept = torch.tensor(masses(SamplingParams(top_p=0.9), logits.tolist())) > 0
    mass = float(full[kept].sum())
    assert mass >= 0.9 - 1e-6
    assert mass - float(full[kept].min()) < 0.9 + 1e-6
    # float32 cannot tell logits apart that differ in the last bit
    assert float(full[kept].min()) >= float(full[~kept].max()) * (1 - 1e-6)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"temperature": 2.0},
        {"temperature": 0.5, "top_k": 12},
        {"top_p": 0.8},
        {"min_p": 0.1, "top_p": 0.95},
    ],
    ids=str,
)
def test_draws_follow_the_distribution(params):
    """Pearson's chi-square; the bound is the 99.9 % quantile (Wilson and Hilferty's approximation)."""
    logits = (torch.randn(40, generator=torch.Generator().manual_seed(1)) * 1.5).tolist()
    logits[7] = -math.inf
    sampler = Sampler(SamplingParams(**params, seed=11))
    drawn = torch.bincount(
        torch.tensor([sampler.choose(torch.tensor(logits)) for _ in range(DRAWS)]), minlength=len(logits)
    ).tolist()
    expected = [DRAWS * p for p in probabilities(logits, **params)]
    assert [i for i, n in enumerate(drawn) if n and not expected[i]] == []
    cells = [(n, e) for n, e in zip(drawn, expected, strict=True) if e > 0]
    statistic = sum((n - e) ** 2 / e for n, e in cells)
    freedom = len(cells) - 1
    bound = freedom * (1 - 2 / (9 * freedom) + 3.09 * math.sqrt(2 / (9 * freedom))) ** 3
    assert statistic < bound


def test_draws_are_uniform_in_the_cumulative_mass():
    """Kolmogorov-Smirnov against a continuous distribution: 10,000 equal tokens are nearly one."""
    logits = torch.zeros(10_000)
    sampler = Sampler(SamplingParams(seed=5))
    drawn = sorted(sampler.choose(logits) / 10_000 for _ in range(2_000))
    distance = max(abs((i + 0.5) / len(drawn) - x) for i, x in enumerate(drawn))
    assert distance < 1.95 / math.sqrt(len(drawn))  # 99.9 %


def test_the_same_seed_draws_the_same():
    logits = torch.randn(500, generator=torch.Generator().manual_seed(0))
    one, same, other = (
        [sampler.choose(logits) for _ in range(50)]
        for sampler in (Sampler(SamplingParams(seed=s)) for s in (1, 1, 2))
    )
    assert one == same != other


def test_without_a_seed_draws_differ():
    logits = torch.zeros(1000)
    draws = [
        tuple(sampler.choose(logits) for _ in range(8)) for sampler in map(Sampler, [SamplingParams()] * 2)
    ]
    assert draws[0] != draws[1]


def test_greedy_takes_the_first_of_the_best():
    assert Sampler(SamplingParams.greedy()).choose(torch.tensor([1.0, 3.0, 2.0, 3.0])) == 1


PARAMS = st.builds(
    SamplingParams,
    temperature=st.sampled_from([0.0, 0.3, 1.0, 4.0]),
    top_k=st.sampled_from([0, 1, 3, 20]),
    top_p=st.sampled_from([1.0, 0.95, 0.5, 0.01]),
    min_p=st.sampled_from([0.0, 0.1, 0.9]),
    seed=st.integers(0, 2**32),
)


@given(
    PARAMS,
    st.integers(2, 3000),
    st.integers(1, 60),
    st.integers(0, 2**32),
    st.sampled_from([torch.float32, torch.float64, torch.float16, torch.bfloat16]),
)
def test_gathered_logits_draw_what_masked_ones_draw(params, width, few, seed, dtype):
    """The same token under the same seed, whether the legal logits are taken out or all others are masked."""
    source = torch.Generator().manual_seed(seed)
    logits = (torch.randn(width, generator=source) * 3).to(dtype)
    ids = torch.randperm(width, generator=source)[:few].sort().values
    masked = torch.full((width,), -math.inf, dtype=dtype)
    masked[ids] = logits[ids]
    one, other = Sampler(params), Sampler(params)
    for _ in range(5):
        assert int(ids[one.choose(logits[ids])]) == other.choose(masked)


def test_tokens_without_mass_are_never_drawn():
    logits = torch.full((1000,), -math.inf)
    logits[[3, 400]] = torch.tensor([0.0, -100.0])
    sampler = Sampler(SamplingParams(temperature=2.0, seed=1))
    assert {sampler.choose(logits) for _ in range(500)} == {3}


@pytest.mark.parametrize(
    ("logits", "what"),
    [
        ([1.0, math.nan], "NaN or infinity"),
        ([1.0, math.inf], "NaN or infinity"),
        ([-math.inf, -math.inf], "no finite value"),
    ],
)
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_broken_logits_are_an_error(logits, what, temperature):
    with pytest.raises(GenerationError, match=f"the model's logits hold {what}"):
        Sampler(SamplingParams(temperature=temperature)).choose(torch.tensor(logits))


def test_repetition_penalty_divides_what_was_seen():
    sampler = Sampler(SamplingParams(repetition_penalty=2.0), seen=[0, 1])
    sampler.observe(3)
    sampler.observe(3)
    logits = torch.tensor([4.0, -4.0, 4.0, 0.5, -math.inf])
    sampler.penalize(logits)
    assert logits.tolist() == [2.0, -8.0, 4.0, 0.25, -math.inf]


def test_without_penalty_nothing_changes():
    sampler = Sampler(SamplingParams(), seen=[0])
    logits = torch.tensor([4.0])
    sampler.penalize(logits)
    assert logits.tolist() == [4.0]
