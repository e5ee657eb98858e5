"""memory/gates/spending.py: the series sums to alpha, e-BH is its definition and holds its level."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.gates import alpha_spent, e_bh


def test_all_that_is_spent_is_alpha() -> None:
    spent = sum(alpha_spent(0.05, k) for k in range(1, 20_000))
    assert 0.04999 < spent < 0.05
    assert alpha_spent(0.05, 1) == pytest.approx(0.0303964, abs=1e-7)


def test_epochs_spend_what_the_abstraction_has() -> None:
    assert sum(alpha_spent(alpha_spent(0.05, 3), j) for j in range(1, 5_000)) < alpha_spent(0.05, 3)


@pytest.mark.parametrize("k", [0, -1])
def test_counting_begins_at_one(k: int) -> None:
    with pytest.raises(ValueError, match="counted from 1"):
        alpha_spent(0.05, k)


@given(st.lists(st.floats(0.001, 10_000), max_size=12), st.sampled_from([0.05, 0.2]))
def test_e_bh_is_the_largest_set_that_passes(es: list[float], alpha: float) -> None:
    chosen = e_bh([math.log(e) for e in es], alpha)
    m = len(es)
    sizes = [k for k in range(1, m + 1) if sorted(es, reverse=True)[k - 1] >= m / (k * alpha) * (1 + 1e-12)]
    assert sum(chosen) >= max(sizes, default=0)
    if any(chosen):
        assert min(e for e, c in zip(es, chosen, strict=True) if c) * (1 + 1e-12) >= m / (sum(chosen) * alpha)


def test_e_bh_by_hand() -> None:
    assert e_bh([math.log(e) for e in (90.0, 1.0, 45.0, 10.0)], 0.05) == (True, False, True, False)
    assert e_bh([math.log(70.0), 0.0, 0.0, 0.0], 0.05) == (False,) * 4
    assert e_bh([], 0.05) == ()


def test_e_bh_bounds_false_discoveries_even_for_copies() -> None:
    """20 nulls that share one e-value, the worst dependence: (0 or 20 x alpha-level value)."""
    rng = np.random.default_rng(7)
    paths = 2_000
    false = sum(any(e_bh([math.log(e)] * 20, 0.05)) for e in np.where(rng.random(paths) < 0.05, 20.0, 1e-9))
    assert false / paths <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / paths), "seed 7"
