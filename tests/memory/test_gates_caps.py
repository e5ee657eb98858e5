"""memory/gates/caps.py: shares are kept, labels are not read, the solution is the largest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.gates import kept_weights

WEIGHTS = st.lists(st.sampled_from([0.0, 0.1, 0.5, 1.0, 3.0, 40.0]), min_size=1, max_size=9)
AUDITS = st.sampled_from([0.0, 0.3, 5.0])
SHARES = st.sampled_from([(0.34, 0.5), (0.2, 0.3), (0.34, 1.0), (0.9, 0.5)])


def _units(weights: list[float], count: int) -> np.ndarray:
    return np.arange(len(weights)) % count


def _largest(weights, audits: float, units, reporter: float, unit: float) -> float:
    """The largest fixed point by halving, from the definition in the module's text."""

    def excess(total: float) -> float:
        kept = np.minimum(weights, reporter * total)
        return audits + sum(min(unit * total, kept[units == u].sum()) for u in set(units)) - total

    low, high = 0.0, audits + sum(weights) + 1e-9
    for at in np.linspace(high, 0, 4_001):
        if excess(at) >= -1e-9:
            low = at
            break
    high = min(high, low + high / 4_000)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) >= -1e-12 else (low, middle)
    return low


@given(WEIGHTS, AUDITS, SHARES, st.integers(1, 4))
def test_shares_are_kept_or_raised_just_enough(
    weights: list[float], audits: float, shares: tuple[float, float], count: int
) -> None:
    units = _units(weights, count)
    kept = kept_weights(np.array([weights]), audits, units, *shares)[0]
    present = [sum(1 for w, u in zip(weights, units, strict=True) if u == unit and w > 0) for unit in set(units)]
    possible = sum(min(shares[1], shares[0] * number) for number in present)
    raised = max(1.0, 1.0 / possible) if possible else 1.0
    total = audits + kept.sum()
    assert (kept >= 0).all()
    assert (kept <= np.array(weights) + 1e-9).all()
    assert (kept <= shares[0] * raised * total + 1e-6).all()
    for unit in set(units):
        assert kept[units == unit].sum() <= shares[1] * raised * total + 1e-6
    largest = _largest(np.array(weights), audits, units, shares[0] * raised, shares[1] * raised)
    assert total == pytest.approx(largest, rel=1e-3, abs=1e-3)


@given(WEIGHTS, AUDITS, SHARES)
def test_rows_do_not_touch_each_other(weights: list[float], audits: float, shares: tuple[float, float]) -> None:
    units = _units(weights, 2)
    rows = np.repeat(np.array([weights]), len(weights) + 1, axis=0)
    np.fill_diagonal(rows[1:], 0.0)
    together = kept_weights(rows, audits, units, *shares)
    for row, kept in zip(rows, together, strict=True):
        assert kept == pytest.approx(kept_weights(row[None, :], audits, units, *shares)[0], abs=1e-9)


def test_one_of_many_names_has_a_third() -> None:
    apart = np.arange(3)
    kept = kept_weights(np.array([[20.0, 1.0, 1.0]]), 0.0, apart, 0.34, 0.5)[0]
    assert kept[0] / kept.sum() == pytest.approx(0.34)
    assert kept[1:].tolist() == [1.0, 1.0]


def test_two_names_have_a_half_each_and_one_all() -> None:
    assert kept_weights(np.array([[20.0, 1.0]]), 0.0, np.arange(2), 0.34, 0.5)[0] == pytest.approx([1.0, 1.0])
    assert kept_weights(np.array([[20.0]]), 0.0, np.arange(1), 0.34, 0.5)[0] == pytest.approx([20.0])


def test_a_flood_from_one_unit_is_worth_what_the_other_unit_is() -> None:
    sybils, one = [0.5] * 20, [3.0] * 3
    units = np.array([0] * 20 + [1] * 3)
    kept = kept_weights(np.array([[*sybils, *one]]), 0.0, units, 0.34, 0.5)[0]
    assert kept[:20].sum() == pytest.approx(kept[20:].sum())


def test_audits_are_never_capped_and_raise_what_others_may_say() -> None:
    without = kept_weights(np.array([[9.0, 1.0, 1.0]]), 0.0, np.arange(3), 0.34, 0.5)[0]
    beside = kept_weights(np.array([[9.0, 1.0, 1.0]]), 10.0, np.arange(3), 0.34, 0.5)[0]
    assert (beside >= without).all()
    assert kept_weights(np.zeros((1, 0)), 4.0, np.zeros(0, dtype=np.intp), 0.34, 0.5).shape == (1, 0)
