"""The few special functions that the gates need, with types; scipy ships none.

Only `scipy.special` is imported: `scipy.stats` costs 70 MB of memory and offers nothing more here.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy.special as scipy_special  # type: ignore[import-untyped] # it has no stubs; the types are given here
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def beta_quantile(a: ArrayLike, b: ArrayLike, alpha: ArrayLike) -> Floats:
    """The `alpha` quantile of Beta(a, b)."""
    return np.asarray(scipy_special.betaincinv(a, b, alpha), dtype=np.float64)


def beta_below(a: float, b: float, x: float) -> float:
    """P(Beta(a, b) <= x); equally P(Bin(n, x) >= a) with n = a + b - 1, which it continues to real numbers."""
    return float(scipy_special.betainc(a, b, x))


def beta_above(a: float, b: float, x: float) -> float:
    """P(Beta(a, b) > x), without the cancellation of one minus the other."""
    return float(scipy_special.betaincc(a, b, x))


def log_beta(a: float, b: float) -> float:
    """The logarithm of the beta function."""
    return float(scipy_special.betaln(a, b))


def log_gamma(x: float) -> float:
    return float(scipy_special.gammaln(x))


def gamma_above(shape: float, x: float) -> float:
    """P(Gamma(shape, 1) > x)."""
    return float(scipy_special.gammaincc(shape, x))


@lru_cache(maxsize=64)
def jacobi_nodes(size: int, power: float) -> tuple[Floats, Floats]:
    """Gauss-Jacobi nodes and weights on (-1, 1) for the weight (1 - x)**power: exact for polynomials below degree
    2 * size, and the singular end of a prior with a parameter below 1 is in the weight, not in the integrand."""
    nodes, weights = scipy_special.roots_jacobi(size, power, 0.0)
    return np.asarray(nodes, dtype=np.float64), np.asarray(weights, dtype=np.float64)


def log_mean_exp(values: Floats, log_weights: Floats) -> Floats:
    """log of sum(exp(log_weights) * exp(values)) over the last axis."""
    shifted = values + log_weights
    top = shifted.max(axis=-1, keepdims=True)
    return np.asarray(top[..., 0] + np.log(np.exp(shifted - top).sum(axis=-1)), dtype=np.float64)
