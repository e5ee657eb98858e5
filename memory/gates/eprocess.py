"""The e-process of the gate: evidence against `right at most threshold`, that may be read after every piece.

E = integral over q in (threshold, 1) of the product of 1 + w_i (L_q(x_i) - 1), by the prior truncated to (threshold, 1)
    with L_q(right) = q / threshold and L_q(wrong) = (1 - q) / (1 - threshold)

For weights that were fixed before their labels were read, E is a supermartingale that begins at 1 wherever the chance
of right, given the past, never exceeds the threshold; by Ville's inequality it ever reaches 1 / alpha with probability
at most alpha. It depends on the counts only, not on their order. Proofs: docs/memory-mathematics.md.

With all weights 1 there is a closed form in incomplete beta functions. Otherwise E is an integral of a polynomial in q
(times the prior), and Gauss-Jacobi quadrature with half as many nodes as pieces is exact; since that polynomial becomes
a peak of width 1/sqrt(n), or 1/n at an end where the nodes lie 1/size**2 apart, a few sqrt(n) nodes are enough.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .special import Floats, beta_above, jacobi_nodes, log_beta, log_mean_exp

# Below this the incomplete beta function loses digits on its way to underflow; the quadrature works in logarithms.
_SMALLEST = 1e-250


class Mixture:
    """The truncated prior as nodes, to integrate products of many factors over it.

    `size` nodes; arrays over nodes have them last.
    """

    def __init__(self, threshold: float, prior: tuple[float, float], size: int) -> None:
        a, b = prior
        nodes, weights = jacobi_nodes(size, b - 1.0)
        rise = (nodes + 1.0) / 2.0
        log_weights = np.log(weights) + (a - 1.0) * np.log(threshold + (1.0 - threshold) * rise)
        self.log_weights: Floats = log_weights - log_mean_exp(log_weights, np.zeros(size))
        # L_q - 1 at the nodes: for a right piece rise (1 - p) / p, for a wrong one -rise.
        self._gain: Floats = np.stack([-rise, rise * (1.0 - threshold) / threshold])

    def log_factors(self, weights: Floats, right: NDArray[np.bool_]) -> Floats:
        """Shape (pieces, nodes): the logarithm of 1 + w (L_q(x) - 1)."""
        return np.log1p(weights[:, None] * self._gain[right.astype(np.intp)])

    def log_e(self, log_products: Floats) -> Floats:
        """The logarithm of the integral, of products given by their logarithms at the nodes."""
        return log_mean_exp(log_products, self.log_weights)


@lru_cache(maxsize=256)
def _sized(threshold: float, prior: tuple[float, float], size: int) -> Mixture:
    return Mixture(threshold, prior, size)


def mixture(threshold: float, prior: tuple[float, float], pieces: int) -> Mixture:
    """Nodes enough for products of up to `pieces` factors; sizes are powers of two. The logarithm of the integral is
    exact to 1e-9 up to 10,000 pieces of a uniform prior (tests), to about 1e-12 of its value beyond."""
    if not 0.0 < threshold < 1.0:
        raise ValueError(f"the threshold must lie between 0 and 1, not `{threshold}`")
    if min(prior) <= 0.0:
        raise ValueError(f"the prior's parameters must be positive, not `{prior}`")
    wanted = 64 if pieces <= 100 else 64 + 4.0 * math.sqrt(pieces)
    return _sized(threshold, prior, 1 << math.ceil(math.log2(wanted)))


def log_e(
    rights: Mapping[float, int], wrongs: Mapping[float, int], threshold: float, prior: tuple[float, float]
) -> float:
    """log E of pieces given as weight -> how many; natural logarithm, 0 for no evidence. ValueError for a weight
    outside [0, 1]: there is no guarantee for it."""
    right, wrong = _counted(rights), _counted(wrongs)
    pieces = sum(right.values()) + sum(wrong.values())
    mixed = mixture(threshold, prior, pieces)
    if not pieces:
        return 0.0
    if set(right) | set(wrong) == {1.0}:
        closed = _closed_form(right.get(1.0, 0), wrong.get(1.0, 0), threshold, prior)
        if closed is not None:
            return closed
    weights = np.array([*right, *wrong])
    counts = np.array([*right.values(), *wrong.values()], dtype=np.float64)
    is_right = np.arange(len(weights)) < len(right)
    return float(mixed.log_e(counts @ mixed.log_factors(weights, is_right)))


def log_e_below(
    rights: Mapping[float, int], wrongs: Mapping[float, int], threshold: float, prior: tuple[float, float]
) -> float:
    """The mirrored process: evidence against `right at least threshold`. Right and wrong change places."""
    return log_e(wrongs, rights, 1.0 - threshold, (prior[1], prior[0]))


def _counted(counts: Mapping[float, int]) -> dict[float, int]:
    for weight, count in counts.items():
        if not 0.0 <= weight <= 1.0 or count < 0:
            raise ValueError(f"`{count}` pieces of weight `{weight}`: weights lie in [0, 1], counts are not negative")
    return {weight: count for weight, count in counts.items() if weight > 0.0 and count}


def _closed_form(right: int, wrong: int, threshold: float, prior: tuple[float, float]) -> float | None:
    """B(a+s, b+f) P(Beta(a+s, b+f) > p) / B(a, b) / P(Beta(a, b) > p) / (p^s (1-p)^f); None where P underflows."""
    a, b = prior
    above = beta_above(a + right, b + wrong, threshold)
    if above < _SMALLEST:
        return None
    posterior = log_beta(a + right, b + wrong) + math.log(above)
    before = log_beta(a, b) + math.log(beta_above(a, b, threshold))
    return posterior - before - right * math.log(threshold) - wrong * math.log1p(-threshold)
