"""Many abstractions, one level: what each may spend of alpha.

Either the k-th abstraction to be counted (at a moment that no label has a part in) is tested at alpha_spent(alpha, k),
so that all levels together stay below alpha and none needs to know how many will follow; or all e-values are read
together (e-BH), which bounds the expected share of false ones among the open instead and needs no independence.

An abstraction whose evidence begins anew (another policy, a narrower condition) spends again:
alpha_spent(alpha_spent(alpha, k), j) for its j-th beginning keeps the level over all epochs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def alpha_spent(alpha: float, k: int) -> float:
    """6 alpha / (pi^2 k^2), k = 1, 2, ...: the terms of a series whose sum is alpha."""
    if k < 1:
        raise ValueError(f"abstractions are counted from 1, not `{k}`")
    return 6.0 * alpha / (math.pi * k) ** 2


def e_bh(log_es: Sequence[float], alpha: float) -> tuple[bool, ...]:
    """Which of the hypotheses to reject, in their order: the k largest, for the largest k with e_(k) >= m / (k alpha).

    Expected share of false ones among them at most alpha under any dependence (Wang and Ramdas, arXiv 2009.02824).
    """
    m = len(log_es)
    ranked = sorted(log_es, reverse=True)
    passing = [k for k, value in enumerate(ranked, 1) if value >= math.log(m / (k * alpha))]
    if not passing:
        return (False,) * m
    least = ranked[passing[-1] - 1]
    return tuple(value >= least for value in log_es)
