"""evals/gates/simulate.py: invariants 6 and 19 and the tables of docs/memory-mathematics.md, few paths and 20,000."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evals.gates import detected_after, ever_open, ever_open_contaminated, ever_open_weighted, exactly, opens
from evals.gates.simulate import PREDICTABLE, opens_contaminated
from memory.gates import log_detector

SEED = 20_260_514
ALPHA = 0.05
SIZES = [pytest.param(2_000, id="small"), pytest.param(20_000, id="all", marks=pytest.mark.long)]


def _within(share: float, expected: float, paths: int) -> bool:
    """Three standard errors of this run and of the 20,000 paths of the expected one, which was rounded to 0.001."""
    error = math.sqrt(max(expected, 1 / paths) * (1 - expected))
    return abs(share - expected) <= 3 * error * math.sqrt(1 / paths + 1 / 20_000) + 0.0005


def _at_most(share: float, level: float, paths: int) -> bool:
    return share <= level + 3 * math.sqrt(level * (1 - level) / paths)


@pytest.mark.parametrize("paths", SIZES)
@pytest.mark.parametrize(
    ("gate", "ever", "end"),
    [
        ("beta", 0.221, 0.047),
        ("clopper-pearson", 0.185, 0.047),
        ("eprocess", 0.028, 0.002),
        ("empirical", 0.929, 0.545),
    ],
)
def test_repeated_reading_at_the_threshold(gate, ever: float, end: float, paths: int) -> None:
    """An earlier and independent simulation of the project is the expectation."""
    opened = ever_open(opens(gate, 0.7, ALPHA, 100), 0.7, paths, SEED)
    assert _within(opened.ever, ever, paths), f"seed {SEED}: {opened.ever}"
    assert _within(opened.at_end, end, paths), f"seed {SEED}: {opened.at_end}"


@pytest.mark.parametrize("paths", SIZES)
@pytest.mark.parametrize(
    ("threshold", "theta", "flips", "beta", "anytime"),
    [(0.7, 0.9, 0.0, 1.0, 0.996), (0.7, 0.9, 0.1, 0.942, 0.617), (0.7, 0.9, 0.2, 0.450, 0.093),
     (0.7, 0.95, 0.2, 0.675, 0.217), (0.6, 0.9, 0.2, 0.963, 0.671), (0.6, 0.95, 0.2, 0.992, 0.862),
     (0.6, 0.9, 0.3, 0.596, 0.145), (0.7, 0.5, 0.2, 0.006, 0.0)],
)  # fmt: skip
def test_flips_cost_power(
    threshold: float, theta: float, flips: float, beta: float, anytime: float, paths: int
) -> None:
    rate = flips + (1 - 2 * flips) * theta
    for gate, expected in (("beta", beta), ("eprocess", anytime)):
        opened = ever_open(opens(gate, threshold, ALPHA, 100), rate, paths, SEED)
        assert _within(opened.ever, expected, paths), f"{gate}, seed {SEED}: {opened.ever}"


@pytest.mark.parametrize("gate", ["beta", "clopper-pearson", "eprocess", "empirical"])
@pytest.mark.parametrize("rate", [0.5, 0.7, 0.9])
def test_paths_agree_with_the_sum_over_all_paths(gate, rate: float) -> None:
    is_open, paths = opens(gate, 0.7, ALPHA, 60), 2_000
    drawn, summed = ever_open(is_open, rate, paths, SEED).by, exactly(is_open, rate)
    error = np.sqrt(np.maximum(summed * (1 - summed), 1e-4) / paths)
    assert (np.abs(drawn - summed) <= 4 * error).all(), f"seed {SEED}"


@pytest.mark.parametrize("threshold", [0.5, 0.6, 0.7, 0.9])
def test_invariant_6_without_any_chance(threshold: float) -> None:
    """The probability itself, summed over all paths of 200 pieces: no sampling error at all."""
    assert exactly(opens("eprocess", threshold, ALPHA, 200), threshold)[-1] <= ALPHA


@pytest.mark.parametrize("paths", SIZES)
@pytest.mark.parametrize("threshold", [0.5, 0.6, 0.7, 0.9])
@pytest.mark.parametrize("flips", [0.0, 0.1, 0.3, 0.45])
def test_invariants_6_and_19_level_under_optional_stopping_and_flips(
    threshold: float, flips: float, paths: int
) -> None:
    rate = flips + (1 - 2 * flips) * threshold
    opened = ever_open(opens("eprocess", threshold, ALPHA, 100), rate, paths, SEED)
    assert _at_most(opened.ever, ALPHA, paths), f"seed {SEED}: {opened.ever}"


@pytest.mark.parametrize("paths", SIZES)
@pytest.mark.parametrize("threshold", [0.6, 0.9])
@pytest.mark.parametrize("scheme", PREDICTABLE)
def test_invariant_6_level_with_predictable_weights_and_dependence(scheme: str, threshold: float, paths: int) -> None:
    opened = ever_open_weighted(scheme, threshold, ALPHA, 100, paths, SEED)
    assert _at_most(opened.ever, ALPHA, paths), f"seed {SEED}: {opened.ever}"


def test_weights_that_saw_the_label_have_no_level() -> None:
    """Why a weight is fixed before its label is read: leave out what is wrong, and every gate opens."""
    always_right = ever_open(opens("eprocess", 0.7, ALPHA, 100), 1.0, 100, SEED)
    assert always_right.ever == 1.0


@pytest.mark.parametrize("paths", SIZES)
@pytest.mark.parametrize("defence", ["threshold raised", "most favourable dropped"])
@pytest.mark.parametrize("threshold", [0.6, 0.8])
def test_level_against_an_attacker_of_a_tenth(defence, threshold: float, paths: int) -> None:
    opened = ever_open_contaminated(
        opens_contaminated(defence, threshold, 0.1, ALPHA, 100), threshold, 0.1, paths, SEED
    )
    assert _at_most(opened.ever, ALPHA, paths), f"seed {SEED}: {opened.ever}"


def test_without_a_defence_an_attacker_of_a_fifth_opens_it() -> None:
    opened = ever_open_contaminated(opens_contaminated("none", 0.8, 0.2, ALPHA, 100), 0.8, 0.2, 1_000, SEED)
    assert not _at_most(opened.ever, ALPHA, 1_000)


@pytest.mark.parametrize("rate", [0.5, 0.6])
def test_the_detector_is_slow_to_cry_wolf(rate: float) -> None:
    after = detected_after(rate, 0.5, ALPHA, 300, SEED, most=1_000)
    assert after.mean() >= 1 / ALPHA, f"seed {SEED}"


def test_the_detector_simulated_is_the_one_in_use() -> None:
    """`detected_after` steps through time; the gate computes the last value from sums."""
    assert detected_after(0.0, 0.5, ALPHA, 1, SEED).tolist() == [7.0]
    wrong = np.zeros(7, dtype=np.bool_)
    assert (
        log_detector(np.ones((1, 7)), wrong, 0.5)[0]
        >= -math.log(ALPHA)
        > log_detector(np.ones((1, 6)), wrong[:6], 0.5)[0]
    )
