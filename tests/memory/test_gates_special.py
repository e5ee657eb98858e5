"""memory/gates/special.py: scipy's functions against integrals and sums computed here."""

from __future__ import annotations

import math

import numpy as np
import pytest

from memory.gates import special


def _integral(function, low: float, high: float) -> float:
    """Gauss-Legendre with numpy's own nodes."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    at = low + (high - low) * (nodes + 1) / 2
    return float((weights * function(at)).sum() * (high - low) / 2)


@pytest.mark.parametrize(("a", "b", "x"), [(1, 1, 0.3), (4, 2, 0.7), (2.5, 6.5, 0.2), (40, 12, 0.8)])
def test_beta_integrals(a: float, b: float, x: float) -> None:
    def density(q):
        return q ** (a - 1) * (1 - q) ** (b - 1)

    whole = _integral(density, 0, 1)
    assert special.beta_below(a, b, x) == pytest.approx(_integral(density, 0, x) / whole, abs=1e-9)
    assert special.beta_above(a, b, x) == pytest.approx(_integral(density, x, 1) / whole, abs=1e-9)
    assert special.log_beta(a, b) == pytest.approx(math.log(whole), abs=1e-7)
    assert special.beta_below(a, b, float(special.beta_quantile(a, b, 0.05))) == pytest.approx(0.05, abs=1e-9)


def test_beta_below_is_the_binomial_tail() -> None:
    tail = sum(math.comb(12, k) * 0.2**k * 0.8 ** (12 - k) for k in range(5, 13))
    assert special.beta_below(5, 8, 0.2) == pytest.approx(tail, abs=1e-12)


def test_gamma_above_is_the_poisson_head() -> None:
    head = sum(math.exp(-4.5) * 4.5**k / math.factorial(k) for k in range(8))
    assert special.gamma_above(8, 4.5) == pytest.approx(head, abs=1e-12)
    assert special.log_gamma(6) == pytest.approx(math.log(120))


@pytest.mark.parametrize("power", [0.0, -0.5, 2.0])
def test_nodes_integrate_polynomials_exactly(power: float) -> None:
    nodes, weights = special.jacobi_nodes(8, power)
    # The integral of (1 - x)^(power + k) over (-1, 1).
    for k in range(16):
        exact = 2.0 ** (power + k + 1) / (power + k + 1)
        assert (weights * (1 - nodes) ** k).sum() == pytest.approx(exact, rel=1e-11)


def test_log_mean_exp_does_not_overflow() -> None:
    values = np.array([[1000.0, 1001.0], [-1000.0, -999.0]])
    weights = np.log(np.array([0.25, 0.75]))
    expected = math.log(0.25 + 0.75 * math.e)
    assert special.log_mean_exp(values, weights) == pytest.approx([1000 + expected, -1000 + expected])
