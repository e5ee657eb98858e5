"""Bounds on how often an abstraction is right, from counts of right and wrong.

beta_bound          the posterior's lower quantile (credible; says nothing about reading it again and again)
clopper_pearson     the exact confidence bound at one sample size fixed beforehand
confidence_sequence an interval that may be read at every moment (a two-sided beta mixture)
least_rights        how many right ones in a row open a gate that has seen nothing else

Of the bounds only the confidence sequence keeps its level under repeated reading; the others are for one n, fixed
beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from .eprocess import log_e
from .special import beta_quantile, log_beta

Test = Literal["beta", "clopper-pearson", "eprocess"]


def beta_bound(confirming: float, against: float, alpha: float, prior: tuple[float, float]) -> float:
    """The `alpha` quantile of Beta(prior + counts), in [0, 1]; counts may be fractional (weights, decay)."""
    return float(beta_quantile(prior[0] + confirming, prior[1] + against, alpha))


def clopper_pearson(confirming: float, against: float, alpha: float) -> float:
    """The one-sided lower confidence bound of Clopper and Pearson (1934): the quantile of Beta(s, f + 1), 0 for s = 0.

    Its level holds at one n chosen before the data; evals/gates measures what is left of it when n is not.
    """
    return float(beta_quantile(confirming, against + 1.0, alpha)) if confirming > 0 else 0.0


def confidence_sequence(
    confirming: float, against: float, alpha: float, prior: tuple[float, float]
) -> tuple[float, float]:
    """For display: all p whose two-sided beta mixture B(a+s, b+f) / B(a, b) / (p^s (1-p)^f) stays below 1 / alpha.

    Counts are of pieces of weight 1. Contains the true rate at all times together with probability 1 - alpha, under the
    sampling assumption of docs/memory-mathematics.md.
    """
    a, b = prior
    total = confirming + against
    if total == 0:
        return 0.0, 1.0
    level = log_beta(a + confirming, b + against) - log_beta(a, b) + math.log(alpha)

    def inside(p: float) -> bool:
        likelihood = (confirming * math.log(p) if confirming else 0.0) + (against * math.log1p(-p) if against else 0.0)
        return likelihood > level

    middle = confirming / total
    lower = _edge(0.0, middle, inside) if confirming else 0.0
    upper = _edge(1.0, middle, inside) if against else 1.0
    return lower, upper


def _edge(outside: float, within: float, inside: Callable[[float], bool]) -> float:
    """Where a set that holds `within` and not `outside` ends; 60 halvings are finer than a double near 1."""
    for _ in range(60):
        middle = (outside + within) / 2
        if inside(middle):
            within = middle
        else:
            outside = middle
    return outside


def least_rights(test: Test, threshold: float, alpha: float, prior: tuple[float, float] = (1.0, 1.0)) -> int:
    """The least number of pieces of weight 1, all right, with which `test` opens. Below it a gate is never open."""

    def opens(n: int) -> bool:
        if test == "beta":
            return beta_bound(n, 0, alpha, prior) >= threshold
        if test == "clopper-pearson":
            return clopper_pearson(n, 0, alpha) >= threshold
        return log_e({1.0: n}, {}, threshold, prior) >= -math.log(alpha)

    most = 1
    while not opens(most):
        most *= 2
    least = most // 2
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (least, middle) if opens(middle) else (middle, most)
    return most
