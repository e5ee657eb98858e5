"""memory/gates/conflict.py: tails against binomial sums, Bayes factors against their integrals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.gates import log_e, log_e_mixed, mixed, separates, split_factor


@given(st.integers(0, 40), st.integers(0, 20), st.sampled_from([0.05, 0.2, 0.3]))
def test_mixed_is_the_binomial_test(majority: int, minority: int, flips: float) -> None:
    n = majority + minority
    tail = sum(math.comb(n, k) * flips**k * (1 - flips) ** (n - k) for k in range(minority, n + 1))
    assert mixed(majority, minority, flips) == (n >= 5 and minority >= 2 and tail < 0.05)


def test_mixed_needs_five_cases_and_two_of_the_minority() -> None:
    assert not mixed(2, 2, 0.2)
    assert not mixed(8, 1, 0.01)
    assert mixed(5, 5, 0.2)
    assert not mixed(7.5, 1.9, 0.01)


def test_log_e_mixed_may_be_read_at_every_refresh() -> None:
    """The fixed-n test says `mixed` far more often than one time in twenty when it is read again and again."""
    rng = np.random.default_rng(3)
    paths, often, anytime = 1_000, 0, 0
    tests = {(m, n): (mixed(n - m, m, 0.2), log_e_mixed(n - m, m, 0.2) >= math.log(20))
             for n in range(1, 61) for m in range(n + 1)}  # fmt: skip
    for path in (rng.random((paths, 60)) < 0.2).cumsum(axis=1):
        said = [tests[int(m), n] for n, m in enumerate(path, 1)]
        often += any(one for one, _ in said)
        anytime += any(two for _, two in said)
    assert anytime / paths <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / paths) < often / paths, "seed 3"
    assert log_e_mixed(5, 7, 0.2) == log_e({1.0: 7}, {1.0: 5}, 0.2, (1.0, 1.0))


@pytest.mark.parametrize("counts", [(8, 1, 2, 9), (5, 5, 5, 5), (20, 0, 0, 3)])
def test_split_factor_is_the_ratio_of_integrals(counts: tuple[int, int, int, int]) -> None:
    s1, f1, s2, f2 = counts
    q = (np.arange(200_000) + 0.5) / 200_000
    apart = (q**s1 * (1 - q) ** f1).mean() * (q**s2 * (1 - q) ** f2).mean()
    together = (q ** (s1 + s2) * (1 - q) ** (f1 + f2)).mean()
    assert split_factor(*counts) == pytest.approx(math.log(apart / together), abs=1e-6)


@given(*[st.integers(0, 50)] * 4)
def test_split_factor_is_symmetric(s1: int, f1: int, s2: int, f2: int) -> None:
    assert split_factor(s1, f1, s2, f2) == pytest.approx(split_factor(s2, f2, s1, f1), abs=1e-9)
    assert split_factor(s1, f1, s2, f2) == pytest.approx(split_factor(f1, s1, f2, s2), abs=1e-9)


def test_equal_rates_pool_and_opposite_ones_separate() -> None:
    assert split_factor(10, 2, 20, 4) < 0
    assert separates(split_factor(12, 0, 0, 12), 10)
    assert not separates(split_factor(12, 0, 0, 12), 10**6)
    assert not separates(math.log(10), 1)
