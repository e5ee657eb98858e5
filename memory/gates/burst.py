"""Whether reports arrive faster than they ever did: a Poisson e-test on the last hour of one scope.

H0: the last hour's reports are Poisson with a mean of at most m. With the rates above m weighed by the exponential
prior of mean m beyond m, the expected likelihood ratio has the closed form

    E = exp(m + 1) Gamma(x + 1, m + 1) / (m + 1)^(x + 1)

with x the reports of the last hour and Gamma the upper incomplete gamma function. m comes from the week before that
hour only, so E is an e-value whatever that week was. It is an alarm to hold reports back, not a bound on what is
learned.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from ..model import Terms
from .decay import DAY
from .special import gamma_above, log_gamma

HOUR = DAY // 24
WEEK = 7 * DAY

ORDINARY = 10.0
"""Reports an hour that are no burst in any scope: what one team may file after one bad release."""

PEAK = 3.0
"""A busy hour over the mean hour of a week with nights and a weekend in it."""


def quarantined(times: Sequence[int], now: int, terms: Terms) -> bool:
    """Whether the hour up to `now` holds too many of `times` (sorted, microseconds; those of one scope)."""
    end = bisect_right(times, now)
    start = bisect_right(times, now - HOUR, 0, end)
    oldest = bisect_left(times, now - HOUR - WEEK, 0, start)
    hours = max(1.0, (now - HOUR - times[oldest]) / HOUR) if oldest < start else 1.0
    mean = max(ORDINARY, PEAK * (start - oldest) / hours)
    return log_e_burst(end - start, mean) >= -math.log(terms.burst_alpha)


def log_e_burst(reports: int, mean: float) -> float:
    """log E of the module's text."""
    above = gamma_above(reports + 1.0, mean + 1.0)
    if above <= 0.0:  # far fewer reports than the mean: nothing speaks for a burst
        return -math.inf
    return mean + 1.0 + log_gamma(reports + 1.0) + math.log(above) - (reports + 1.0) * math.log(mean + 1.0)
