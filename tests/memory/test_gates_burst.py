"""memory/gates/burst.py: the closed form against its integral, its level by simulation, floods against steady rates."""

from __future__ import annotations

import math

import numpy as np
import pytest

from memory import Terms
from memory.gates import log_e_burst, quarantined
from memory.gates.burst import HOUR, ORDINARY

NOW = 400 * HOUR


@pytest.mark.parametrize(("reports", "mean"), [(0, 3.0), (5, 3.0), (26, 10.0), (300, 40.0)])
def test_closed_form_is_the_integral(reports: int, mean: float) -> None:
    beyond = (np.arange(2_000_000) + 0.5) / 2_000_000 * 40 * mean
    logs = reports * np.log1p(beyond / mean) - beyond - beyond / mean - math.log(mean)
    integral = np.exp(logs - logs.max()).sum() * 40 * mean / 2_000_000
    assert log_e_burst(reports, mean) == pytest.approx(math.log(integral) + logs.max(), abs=1e-5)


def test_it_is_an_e_value() -> None:
    """Its mean under any Poisson mean up to the tested one is at most 1; here as a sum over all counts."""
    for rate in (2.0, 7.0, 10.0):
        mean = sum(
            math.exp(count * math.log(rate) - rate - math.lgamma(count + 1) + log_e_burst(count, 10.0))
            for count in range(600)
        )
        assert mean <= 1 + 1e-9


def test_far_below_the_mean_nothing_is_said() -> None:
    assert log_e_burst(0, 5_000.0) < 0


def test_floods_are_held_and_steady_streams_are_not() -> None:
    terms = Terms()
    quiet = list(range(0, NOW - HOUR, 2 * HOUR))
    assert not quarantined([], NOW, terms)
    assert not quarantined([*quiet, *[NOW - 1] * 25], NOW, terms)
    assert quarantined([*quiet, *[NOW - 1] * 26], NOW, terms)
    busy = [*range(0, NOW, HOUR // 30)]
    assert not quarantined(busy, NOW, terms)
    assert quarantined([*busy, *[NOW] * 200], NOW, terms)


def test_what_is_older_than_a_week_or_later_than_now_does_not_count() -> None:
    terms = Terms()
    long_ago = [HOUR] * 100_000
    flood = [NOW - 1] * 30
    assert quarantined([*long_ago, *flood], NOW, terms)
    assert not quarantined([*[NOW + 1] * 30], NOW, terms)


def test_a_stricter_level_needs_more() -> None:
    assert not quarantined([NOW] * 26, NOW, Terms(burst_alpha=1e-6))
    assert not quarantined([NOW] * int(ORDINARY), NOW, Terms(burst_alpha=0.05))
