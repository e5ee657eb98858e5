"""memory/gates/decay.py."""

from __future__ import annotations

import numpy as np
import pytest

from memory.gates import decay
from memory.gates.decay import DAY


def test_half_is_left_after_each_half_life() -> None:
    at = np.array([0.0, 90.0, 180.0, 400.0]) * DAY
    assert decay(at, 180 * DAY, 90.0) == pytest.approx([0.25, 0.5, 1.0, 1.0])
