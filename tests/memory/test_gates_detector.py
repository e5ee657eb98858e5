"""memory/gates/detector.py: against the recursion it is short for."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.gates import log_detector
from memory.gates.detector import PARTS


def _recursion(pieces, threshold: float) -> float:
    values = [0.0] * len(PARTS)
    for weight, right in pieces:
        for at, part in enumerate(PARTS):
            ratio = part if right else (1 - part * threshold) / (1 - threshold)
            values[at] = max(values[at], 1.0) * (1 + weight * (ratio - 1))
    return math.log(sum(values) / len(values))


@given(
    st.lists(st.tuples(st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.booleans()), min_size=1, max_size=60),
    st.sampled_from([0.5, 0.8]),
)
def test_it_is_the_recursion(pieces, threshold: float) -> None:
    weights = np.array([[weight for weight, _ in pieces]])
    right = np.array([right for _, right in pieces])
    assert log_detector(weights, right, threshold)[0] == pytest.approx(_recursion(pieces, threshold), abs=1e-9)


@given(st.floats(0, 1), st.floats(0.5, 1), st.sampled_from([0.5, 0.8]), st.sampled_from(PARTS))
def test_each_factor_has_mean_at_most_one_above_the_threshold(
    weight: float, chance: float, threshold: float, part: float
) -> None:
    chance = max(chance, threshold)
    wrong = (1 - part * threshold) / (1 - threshold)
    assert chance * (1 + weight * (part - 1)) + (1 - chance) * (1 + weight * (wrong - 1)) <= 1 + 1e-12


def test_a_run_of_contradictions_is_not_held_up_by_a_long_good_past() -> None:
    right = np.array([True] * 500 + [False] * 7)
    assert log_detector(np.ones((1, 507)), right, 0.5)[0] >= math.log(20)
    assert log_detector(np.ones((1, 506)), right[:506], 0.5)[0] < math.log(20)


def test_rows_are_apart_and_a_weight_of_zero_leaves_out() -> None:
    right = np.array([True, False, False])
    rows = np.array([[1.0, 1.0, 1.0], [1.0, 0.0, 1.0]])
    both = log_detector(rows, right, 0.5)
    assert both[1] == pytest.approx(log_detector(np.ones((1, 2)), right[:2], 0.5)[0])
    assert both[0] > both[1]


def test_no_pieces() -> None:
    assert log_detector(np.zeros((2, 0)), np.zeros(0, dtype=bool), 0.5).tolist() == [-math.inf, -math.inf]
