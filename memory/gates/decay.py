"""Old evidence weighs less: half after each half-life.

Discounted counts have no frequentist level and are a heuristic against drift. They are used where they can only close:
the e-process is computed without them (reading.py).
"""

from __future__ import annotations

import numpy as np

from .special import Floats

DAY = 86_400_000_000
"""Microseconds, the unit of all times in memory/."""


def decay(at: Floats, now: int, half_life_days: float) -> Floats:
    """2 ** (-age / half-life); what lies in the future counts as now, since clocks differ."""
    return np.asarray(np.exp2(-np.maximum(0.0, now - at) / (half_life_days * DAY)), dtype=np.float64)
