"""Whether a region holds both labels for good, whether an attribute tells them apart, whether two regions are one.

After docs/memory-mathematics.md, section 5. `mixed` is read once at a refresh, at a fixed n; `log_e_mixed` may be read
at every one.
"""

from __future__ import annotations

import math

from .eprocess import log_e
from .special import beta_below, log_beta

LEAST_CASES = 5
LEAST_MINORITY = 2
MIXED_LEVEL = 0.05

SPLIT_FACTOR = math.log(10.0)
"""`Strong` on Jeffreys' scale of Bayes factors."""


def mixed(majority: float, minority: float, flips: float) -> bool:
    """Whether label flips alone, at a rate of at most `flips`, leave so large a minority in under one case of twenty.

    Weights may make the counts fractional; the binomial tail is then its continuation by the incomplete beta function.
    """
    if majority + minority < LEAST_CASES or minority < LEAST_MINORITY:
        return False
    return beta_below(minority, majority + 1.0, flips) < MIXED_LEVEL


def log_e_mixed(majority: int, minority: int, flips: float) -> float:
    """The same question as an e-process against a minority's share of at most `flips`; uniform prior above it."""
    return log_e({1.0: minority}, {1.0: majority}, flips, (1.0, 1.0))


def split_factor(s1: float, f1: float, s2: float, f2: float, prior: tuple[float, float] = (1.0, 1.0)) -> float:
    """Log Bayes factor that two groups (s right, f wrong each) have two rates, against one rate for both.

    Beta-binomial marginals with the same prior for every rate; negative where the pooled rate is the better account,
    which is what a merge needs.
    """
    a, b = prior
    apart = log_beta(a + s1, b + f1) + log_beta(a + s2, b + f2)
    together = log_beta(a, b) + log_beta(a + s1 + s2, b + f1 + f2)
    return apart - together


def separates(factor: float, candidates: int) -> bool:
    """Whether the best split_factor of `candidates` splits tried is strong enough after the price of having chosen."""
    return factor - math.log(candidates) > SPLIT_FACTOR
