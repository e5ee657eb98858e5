"""memory/gates/bounds.py: bounds against their definitions, the table of least rights, invariants 3 and 4."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.gates import beta_bound, clopper_pearson, confidence_sequence, least_rights

COUNTS = st.floats(0, 500)
ALPHAS = st.sampled_from([0.001, 0.01, 0.05, 0.2])
PRIORS = st.sampled_from([(1.0, 1.0), (0.5, 0.5), (1.0, 3.0)])
UNIFORM = (1.0, 1.0)

# Threshold, Beta(.5,.5), Beta(1,1), Clopper-Pearson, e-process (alpha .05); the project's own earlier measurement.
LEAST = [(0.6, 4, 5, 6, 9), (0.7, 6, 8, 9, 13), (0.8, 9, 13, 14, 20), (0.9, 18, 28, 29, 43)]


@pytest.mark.parametrize(("threshold", "jeffreys", "uniform", "exact", "anytime"), LEAST)
def test_least_rights(threshold: float, jeffreys: int, uniform: int, exact: int, anytime: int) -> None:
    assert least_rights("beta", threshold, 0.05, (0.5, 0.5)) == jeffreys
    assert least_rights("beta", threshold, 0.05) == uniform
    assert least_rights("clopper-pearson", threshold, 0.05) == exact
    assert least_rights("eprocess", threshold, 0.05) == anytime


def test_uniform_prior_is_clopper_pearson_with_one_more_right() -> None:
    assert beta_bound(7, 3, 0.05, UNIFORM) == clopper_pearson(8, 3, 0.05)


@pytest.mark.parametrize(("right", "wrong"), [(1, 0), (5, 2), (30, 10), (3, 40)])
def test_clopper_pearson_solves_the_binomial_tail(right: int, wrong: int) -> None:
    p, n = clopper_pearson(right, wrong, 0.05), right + wrong
    tail = sum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(right, n + 1))
    assert tail == pytest.approx(0.05, abs=1e-9)
    assert clopper_pearson(0, wrong, 0.05) == 0.0


def test_beta_bound_leaves_alpha_of_the_posterior_below() -> None:
    bound = beta_bound(11.5, 2.25, 0.05, (1.0, 3.0))
    q = np.linspace(0, 1, 400_001)
    density = q**11.5 * (1 - q) ** 4.25
    assert density[q <= bound].sum() / density.sum() == pytest.approx(0.05, abs=1e-4)


@given(COUNTS, COUNTS, st.floats(0, 50), ALPHAS, PRIORS)
def test_invariant_3_bound_rises_with_right_and_falls_with_wrong(
    right: float, wrong: float, more: float, alpha: float, prior: tuple[float, float]
) -> None:
    bound = beta_bound(right, wrong, alpha, prior)
    assert 0.0 <= bound <= 1.0
    assert bound <= beta_bound(right + more, wrong, alpha, prior) + 1e-12
    assert bound >= beta_bound(right, wrong + more, alpha, prior) - 1e-12


@given(st.floats(0, 500), st.floats(0, 500), ALPHAS)
def test_invariant_3_bound_is_below_the_posterior_mean(right: float, wrong: float, alpha: float) -> None:
    """For a uniform prior and alpha at most .2; where the prior has a pole at 0 or 1 the mean is no such limit."""
    assert beta_bound(right, wrong, alpha, UNIFORM) <= (1 + right) / (2 + right + wrong)


@given(st.integers(1, 60), st.integers(0, 20), st.integers(2, 6), st.sampled_from([0.01, 0.05]))
def test_invariant_4_more_of_the_same_raises_the_bound(right: int, wrong: int, times: int, alpha: float) -> None:
    if right > wrong:
        bound = beta_bound(right, wrong, alpha, UNIFORM)
        assert beta_bound(right * times, wrong * times, alpha, UNIFORM) > bound


@given(st.integers(0, 200), st.integers(0, 200))
def test_confidence_sequence_is_where_the_mixture_stays_small(right: int, wrong: int) -> None:
    lower, upper = confidence_sequence(right, wrong, 0.05, UNIFORM)
    total = right + wrong
    assert lower <= (right / total if total else 0.5) <= upper
    grid = np.linspace(0.0005, 0.9995, 1000)
    log_mixture = math.lgamma(1 + right) + math.lgamma(1 + wrong) - math.lgamma(2 + total)
    inside = grid[log_mixture - right * np.log(grid) - wrong * np.log1p(-grid) < math.log(20)]
    assert lower == pytest.approx(inside.min() if lower else 0.0, abs=0.0011)
    assert upper == pytest.approx(inside.max() if upper < 1 else 1.0, abs=0.0011)


def test_confidence_sequence_holds_at_all_times() -> None:
    rng = np.random.default_rng(20_260)
    missed, paths = 0, 400
    limits = {}
    for path in rng.random((paths, 60)) < 0.7:
        right = 0
        for n, one in enumerate(path, 1):
            right += int(one)
            if (right, n) not in limits:
                limits[right, n] = confidence_sequence(right, n - right, 0.05, UNIFORM)
            if not limits[right, n][0] <= 0.7 <= limits[right, n][1]:
                missed += 1
                break
    assert missed / paths <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / paths), "seed 20260"
