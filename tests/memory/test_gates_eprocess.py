"""memory/gates/eprocess.py: E against brute-force integration, its martingale property exactly, invariant 7."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.gates import log_e, log_e_below, mixture

UNIFORM = (1.0, 1.0)
THRESHOLDS = st.sampled_from([0.5, 0.6, 0.75, 0.9])
PRIORS = st.sampled_from([(1.0, 1.0), (0.5, 0.5), (1.0, 3.0), (2.0, 1.0)])
WEIGHTS = st.sampled_from([0.05, 0.25, 0.31, 0.5, 1.0])
PIECES = st.lists(st.tuples(WEIGHTS, st.booleans()), max_size=40)


def _counts(pieces) -> tuple[Counter[float], Counter[float]]:
    return Counter(w for w, right in pieces if right), Counter(w for w, right in pieces if not right)


def _brute_force(pieces, threshold: float, prior: tuple[float, float]) -> float:
    """log E by the midpoint rule in t with 1 - q = (1 - threshold) t^4, which no prior's pole survives."""
    t = (np.arange(400_000) + 0.5) / 400_000
    q = 1 - (1 - threshold) * t**4
    density = q ** (prior[0] - 1) * ((1 - threshold) * t**4) ** (prior[1] - 1) * t**3
    products = np.ones_like(q)
    for weight, right in pieces:
        ratio = q / threshold if right else (1 - q) / (1 - threshold)
        products *= 1 + weight * (ratio - 1)
    return math.log((products * density).sum() / density.sum())


@pytest.mark.parametrize("prior", [(1.0, 1.0), (0.5, 0.5), (1.0, 3.0)])
@pytest.mark.parametrize("threshold", [0.5, 0.6, 0.9])
@pytest.mark.parametrize("seed", [1, 2])
def test_weighted_e_is_the_integral(threshold: float, prior: tuple[float, float], seed: int) -> None:
    rng = np.random.default_rng(seed)
    pieces = [(float(rng.choice([0.25, 0.4, 0.5, 1.0])), bool(rng.random() < 0.8)) for _ in range(60)]
    assert log_e(*_counts(pieces), threshold, prior) == pytest.approx(_brute_force(pieces, threshold, prior), abs=1e-8)


@pytest.mark.parametrize("prior", [(1.0, 1.0), (0.5, 0.5), (1.0, 3.0)])
@pytest.mark.parametrize("counts", [(0, 1), (9, 0), (60, 40), (43, 0), (900, 100), (6_000, 4_000), (9_500, 500)])
def test_quadrature_is_the_closed_form(counts: tuple[int, int], prior: tuple[float, float]) -> None:
    for threshold in (0.1, 0.5, 0.6, 0.9):
        nodes = mixture(threshold, prior, sum(counts))
        products = np.array(counts) @ nodes.log_factors(np.ones(2), np.array([True, False]))
        closed = log_e({1.0: counts[0]}, {1.0: counts[1]}, threshold, prior)
        assert float(nodes.log_e(products)) == pytest.approx(closed, abs=1e-9)


def test_closed_form_by_hand() -> None:
    """One right piece under the uniform prior: the mean of q / p over (p, 1) is (1 + p) / (2 p)."""
    assert log_e({1.0: 1}, {}, 0.6, UNIFORM) == pytest.approx(math.log(1.6 / 1.2))
    assert log_e({}, {1.0: 1}, 0.6, UNIFORM) == pytest.approx(math.log(0.5))
    assert log_e({0.5: 1}, {}, 0.6, UNIFORM) == pytest.approx(math.log(1 + 0.5 * (1.6 / 1.2 - 1)))


def test_where_the_survival_function_underflows_logarithms_go_on() -> None:
    """20,000 of 50,000 right, threshold .6: E is about exp(-2,000), its tail beyond any double."""
    value = log_e({1.0: 20_000}, {1.0: 30_000}, 0.6, UNIFORM)
    # Laplace at the boundary: the integrand falls from 1 at p with slope s/p - f/(1-p), over a prior density 1/(1-p).
    slope = 30_000 / 0.4 - 20_000 / 0.6
    assert value == pytest.approx(-math.log(0.4 * slope), abs=0.01)


@given(PIECES, WEIGHTS, THRESHOLDS, PRIORS, st.floats(0, 1))
def test_one_more_piece_never_raises_the_mean(
    pieces, weight: float, threshold: float, prior: tuple[float, float], part: float
) -> None:
    """The supermartingale property itself, for every weight and every chance of right up to the threshold."""
    chance = threshold * part
    right, wrong = _counts([*pieces, (weight, True)]), _counts([*pieces, (weight, False)])
    before = log_e(*_counts(pieces), threshold, prior)
    mean = chance * math.exp(log_e(*right, threshold, prior) - before) + (1 - chance) * math.exp(
        log_e(*wrong, threshold, prior) - before
    )
    assert mean <= 1 + 1e-9
    if part == 1.0:
        assert mean == pytest.approx(1.0, abs=1e-9)


@given(PIECES, THRESHOLDS, st.randoms(use_true_random=False))
def test_invariant_7_order_does_not_matter(pieces, threshold: float, random) -> None:
    shuffled = list(pieces)
    random.shuffle(shuffled)
    assert log_e(*_counts(pieces), threshold, UNIFORM) == pytest.approx(
        log_e(*_counts(shuffled), threshold, UNIFORM), abs=1e-9
    )


@given(PIECES, WEIGHTS, THRESHOLDS, PRIORS)
def test_right_raises_and_wrong_lowers(pieces, weight: float, threshold: float, prior: tuple[float, float]) -> None:
    before = log_e(*_counts(pieces), threshold, prior)
    assert log_e(*_counts([*pieces, (weight, True)]), threshold, prior) > before
    assert log_e(*_counts([*pieces, (weight, False)]), threshold, prior) < before


@given(PIECES, THRESHOLDS)
def test_below_is_the_mirror_image(pieces, threshold: float) -> None:
    rights, wrongs = _counts(pieces)
    mirrored = [(weight, not right) for weight, right in pieces]
    expected = _counts(mirrored)
    assert log_e_below(rights, wrongs, threshold, (1.0, 3.0)) == log_e(*expected, 1 - threshold, (3.0, 1.0))


def test_nothing_says_nothing() -> None:
    assert log_e({}, {}, 0.6, UNIFORM) == 0.0
    assert log_e({0.0: 50}, {1.0: 0}, 0.6, UNIFORM) == 0.0


@pytest.mark.parametrize(
    ("rights", "threshold", "prior"),
    [({1.5: 1}, 0.6, UNIFORM), ({-0.1: 1}, 0.6, UNIFORM), ({1.0: -1}, 0.6, UNIFORM), ({math.nan: 1}, 0.6, UNIFORM),
     ({1.0: 1}, 0.0, UNIFORM), ({1.0: 1}, 1.0, UNIFORM), ({1.0: 1}, 0.6, (0.0, 1.0))],
)  # fmt: skip
def test_what_has_no_guarantee_is_refused(rights, threshold: float, prior: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=r"^(`|the )"):
        log_e(rights, {}, threshold, prior)
