"""The e-detector: a run of fresh contradictions closes a gate that old successes would keep open.

For a fixed q below `threshold`, e_t = 1 + w_t (L_q(x_t) - 1) has mean at most 1 while the abstraction is right at least
`threshold` often. D_t = max(D_{t-1}, 1) e_t forgets the past whenever the past speaks for the abstraction (a CUSUM of
e-values). D is at most the sum over all starting points j <= t of e_j ... e_t, whose expectation is at most t, so the
mean number of pieces until D first reaches 1 / alpha is at least 1 / alpha (Shin, Ramdas and Rinaldo, E-detectors,
arXiv 2203.03532). Since q is not known, D is the mean of those of three q: a mean of e-detectors is one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .special import Floats

# As parts of the threshold: nearly always wrong, wrong in more than half of what it should be right in, a little worse.
PARTS = (0.25, 0.5, 0.75)


def log_detector(weights: Floats, right: NDArray[np.bool_], threshold: float) -> Floats:
    """log D after the last piece, for each row of `weights` (shape rows x pieces, in order; 0 leaves a piece out).

    `right` has shape (pieces,). 0 pieces give -inf: nothing was detected.
    """
    rows, pieces = weights.shape
    if not pieces:
        return np.full(rows, -np.inf)
    below = threshold * np.array(PARTS)
    gain = np.where(right, (below / threshold)[:, None], ((1.0 - below) / (1.0 - threshold))[:, None]) - 1.0
    steps = np.log1p(weights[:, None, :] * gain[None, :, :])
    heights = steps.cumsum(axis=2)
    # D_t is the largest product of a run of factors that ends at t: a sum's height above its least earlier height.
    ends = heights[:, :, -1] - np.minimum(0.0, (heights - steps).min(axis=2))
    return np.asarray(np.logaddexp.reduce(ends, axis=1) - np.log(len(PARTS)), dtype=np.float64)
