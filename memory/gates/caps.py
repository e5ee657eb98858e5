"""No identity and no unit supplies more than its share of the evidence that counts.

With w_r the weight of reporter r, A that of audits, V all that counts after capping, and the shares rho (reporters) and
upsilon (units),

    V = A + sum over units u of min(upsilon V, sum over r in u of min(w_r, rho V))

and the largest V that solves it is taken. Only weights and names are read, never whether a piece was right, so that
capping cannot prefer a label. Where too few identities exist to keep the shares (two reporters cannot each stay below
0.34 of what they say together), both are raised by the least factor that can be kept: two then have a half each, and no
identity ever has a majority beside others.

The right side minus V is concave and piecewise linear in V, so that Newton's method from the uncapped total comes down
to the largest solution and needs no more steps than there are pieces of line.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .special import Floats
from .tally import Tally


def capped_counts(pieces: Tally, reporter_share: float, unit_share: float, *, each: bool) -> tuple[Floats, Floats]:
    """Confirming and against: decayed, capped sums of weights. Of all evidence, and with `each` also without each
    reporter in turn: shape (1,) or (1 + reporters,)."""
    audit, right = pieces.fresh * pieces.audit, pieces.fresh * pieces.audit * pieces.right
    audits, audits_right = float(audit.sum()), float(right.sum())
    parts = pieces.fresh[pieces.part_piece] / pieces.part_of
    rights = pieces.by_reporter(parts * pieces.right[pieces.part_piece])
    totals = pieces.by_reporter(parts)
    rows = np.repeat(totals[None, :], 1 + pieces.reporters if each else 1, axis=0)
    if each:
        np.fill_diagonal(rows[1:], 0.0)
    kept = kept_weights(rows, audits, pieces.units, reporter_share, unit_share)
    confirming = audits_right + kept @ (rights / np.where(totals > 0.0, totals, 1.0))
    return confirming, np.maximum(0.0, audits + kept.sum(axis=1) - confirming)


def kept_weights(
    weights: Floats, audits: float, units: NDArray[np.intp], reporter_share: float,
    unit_share: float,
) -> Floats:  # fmt: skip
    """What each reporter's weight becomes. `weights` has shape (rows, reporters), each row a case of its own; `units`
    says which unit each reporter is of; `audits` is the weight that is never capped."""
    reporters = len(units)
    if not reporters:
        return weights
    members = np.zeros((reporters, int(units.max()) + 1))
    members[np.arange(reporters), units] = 1.0
    possible = np.minimum(unit_share, reporter_share * ((weights > 0.0) @ members)).sum(axis=1)
    raised = np.maximum(1.0, 1.0 / np.maximum(possible, 1e-300))[:, None]
    by_reporter, by_unit = reporter_share * raised, unit_share * raised
    total = audits + weights.sum(axis=1, keepdims=True)
    for _ in range(2 * reporters + 2):
        kept = np.minimum(weights, by_reporter * total)
        of_unit = kept @ members
        excess = total - audits - np.minimum(of_unit, by_unit * total).sum(axis=1, keepdims=True)
        if (excess <= 1e-12 * total).all():
            break
        slopes = by_reporter * ((weights > by_reporter * total) @ members)
        slope = np.where(of_unit > by_unit * total, by_unit, slopes).sum(axis=1, keepdims=True)
        total = total - np.where(excess > 1e-12 * total, excess / np.maximum(1.0 - slope, 1e-12), 0.0)
    whole = np.minimum(1.0, by_unit * total / np.where(of_unit > 0.0, of_unit, 1.0))
    return np.asarray(kept * (whole @ members.T), dtype=np.float64)
