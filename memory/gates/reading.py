"""One reading of a gate: all evidence of an abstraction in, whether it may speak and why out.

                 opens when all hold                                          stays open while all hold
few-reporters    least_reporters identities confirmed it, auditors included   the same
few-days         it was confirmed on least_days UTC days                      the same
no-audit         label allow: an auditor confirmed it                         the same
audits-low       the posterior mean of audited evidence alone >= Terms.floor  the same
bound-low        beta: bound >= threshold; eprocess: >= threshold - MARGIN    see closing
e-low            eprocess: E >= 1 / alpha                                     -
closing          nothing says that it is wrong too often                      nothing does, see below
one-reporter     bound-low, e-low and closing hold without any one reporter   -

It is wrong too often where one of three says so: the bound of decayed counts without caps is below threshold - MARGIN
(hysteresis; with caps, a newcomer's one light report would shrink what two heavy reporters said), the mirrored
e-process against `right at least threshold - MARGIN` reaches 1 / CLOSING_ALPHA, or the e-detector does, which needs no
more than a short run of fresh contradictions. To close an open gate it must still be said without any one reporter, so
that one reporter alone flips a gate in neither direction. Auditors are never left out: one may close alone.

The bound is of decayed, capped counts. Decay and caps void the martingale, so E is computed without them, from the
weights of receipt; for an eprocess gate the decayed bound, least reporters and the rest are additional conditions that
can only close. While `Terms.floor` is at least one half, symmetric label flips of any rate below one half leave the
level of the e-process gate what it is (docs/memory-mathematics.md, section 2).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..model import Evidence, GateName, GateReading, Label, Terms
from .caps import capped_counts
from .detector import log_detector
from .eprocess import mixture
from .special import Floats, beta_quantile
from .tally import Tally, tally

MARGIN = 0.1
"""How far below the threshold a gate closes: at 0.05, one near it would open and close with every few reports; at
 0.2, a forbid gate of 0.6 would stay open at 0.4."""

CLOSING_ALPHA = 0.05
"""The level of closing, the same for all abstractions: closing is the cautious side, nothing is spent on it. A detector
of this level raises a false alarm once in twenty pieces at worst, right at threshold - MARGIN, and far more seldom for
an abstraction that is as often right as its gate asked."""


_CELLS = 200_000
"""Pieces x rows of one block of the detector's arrays: below 5 MB a temporary one."""


@dataclass(frozen=True)
class _Numbers:
    """What the evidence says: of all of it in row 0, then, where asked for, without each reporter in turn."""

    confirming: Floats
    against: Floats
    bound: Floats
    log_e: Floats
    wrong: NDArray[np.bool_]
    stands: NDArray[np.bool_]


class _Process:
    """An e-process of receipt weights. Taking a reporter out exchanges the factors of its pieces, at every node."""

    def __init__(self, pieces: Tally, right: NDArray[np.bool_], threshold: float, prior: tuple[float, float]) -> None:
        self._pieces, self._right = pieces, right
        self._nodes = mixture(threshold, prior, len(pieces.weights))
        self._factors = self._nodes.log_factors(pieces.weights, right)

    def log_e(self, each: bool) -> Floats:
        products = self._factors.sum(axis=0)[None, :]
        if each:
            products = np.concatenate([products, products - self._lost()])
        return self._nodes.log_e(products)

    def _lost(self) -> Floats:
        of, many = self._pieces.part_piece, self._pieces.part_of
        lost = self._factors[of]
        shared = many > 1.0
        if shared.any():
            left = self._pieces.weights[of[shared]] * (1.0 - 1.0 / many[shared])
            lost[shared] -= self._nodes.log_factors(left, self._right[of[shared]])
        return self._pieces.by_reporter(lost)


def _detected(pieces: Tally, low: float, each: bool) -> Floats:
    rows = 1 + pieces.reporters if each else 1
    step = max(1, _CELLS // max(1, len(pieces.weights)))
    blocks = [(first, min(rows, first + step)) for first in range(0, rows, step)]
    return np.concatenate([log_detector(pieces.without(*block), pieces.right, low) for block in blocks])


class _Look:
    """What the conditions may ask of one reading; the costly part, without each reporter, only if it comes to that."""

    def __init__(self, pieces: Tally, label: Label, alpha: float, terms: Terms) -> None:
        allows = label == "allow"
        self.pieces, self.alpha, self.terms = pieces, alpha, terms
        self.gate: GateName = terms.allow_gate if allows else terms.forbid_gate
        self.threshold = terms.allow_threshold if allows else terms.forbid_threshold
        self.needs_audit = allows and terms.audit_for_allow
        low, (a, b) = self.threshold - MARGIN, terms.prior
        self._above = _Process(pieces, pieces.right, self.threshold, (a, b))
        self._below = _Process(pieces, ~pieces.right, 1.0 - low, (b, a))

    @cached_property
    def all(self) -> _Numbers:
        return self._numbers(each=False)

    @cached_property
    def each(self) -> _Numbers:
        return self._numbers(each=True)

    def _numbers(self, *, each: bool) -> _Numbers:
        low, (a, b) = self.threshold - MARGIN, self.terms.prior
        shares = self.terms.reporter_share, self.terms.unit_share
        confirming, against = capped_counts(self.pieces, *shares, each=each)
        bound = beta_quantile(a + confirming, b + against, self.alpha)
        log_e = self._above.log_e(each)
        said = np.maximum(self._below.log_e(each), _detected(self.pieces, low, each))
        all_right, all_wrong = capped_counts(self.pieces, 1.0, 1.0, each=each)
        fresh_bound = beta_quantile(a + all_right, b + all_wrong, self.alpha)
        wrong = (fresh_bound < low) | (said >= -math.log(CLOSING_ALPHA))
        enough = bound >= self.threshold if self.gate == "beta" else log_e >= -math.log(self.alpha)
        return _Numbers(confirming, against, bound, log_e, wrong, enough & ~wrong)

    @property
    def auditors_agree(self) -> bool:
        """Whether the sample that nobody selected, where there is one, does not say otherwise on average."""
        right, of = self.pieces.audits, int(self.pieces.audit.sum())
        a, b = self.terms.prior
        return of == 0 or (a + right) / (a + b + of) >= self.terms.floor

    @property
    def bound_is_high(self) -> bool:
        return bool(self.all.bound[0] >= self.threshold - (0.0 if self.gate == "beta" else MARGIN))

    @property
    def e_is_high(self) -> bool:
        return self.gate == "beta" or bool(self.all.log_e[0] >= -math.log(self.alpha))

    @property
    def is_wrong_whoever_is_left_out(self) -> bool:
        return bool(self.all.wrong[0] and self.each.wrong.all())


_Condition = tuple[str, Callable[[_Look], bool]]

_BOTH: tuple[_Condition, ...] = (
    ("few-reporters", lambda look: look.pieces.confirmers >= look.terms.least_reporters),
    ("few-days", lambda look: look.pieces.days >= look.terms.least_days),
    ("no-audit", lambda look: look.pieces.audits > 0 or not look.needs_audit),
    ("audits-low", lambda look: look.auditors_agree),
)

_OPENS: tuple[_Condition, ...] = (
    *_BOTH,
    ("bound-low", lambda look: look.bound_is_high),
    ("e-low", lambda look: look.e_is_high),
    ("closing", lambda look: not look.all.wrong[0]),
    ("one-reporter", lambda look: bool(look.each.stands.all())),
)

_STAYS: tuple[_Condition, ...] = (
    *_BOTH,
    ("closing", lambda look: not look.is_wrong_whoever_is_left_out),
)


def read_gate(
    evidence: Sequence[Evidence], label: Label, alpha: float, terms: Terms, now: int, was_open: bool
) -> GateReading:
    """Read the gate of an abstraction that claims `label`. `alpha` is what was spent on it; weights are in [0, 1].

    `why` is `open`, `hysteresis-holds` (open, and would not open today), or the first condition of the module's table
    that does not hold. `confirming` and `against` are decayed and capped; `reporters` and `audits` count who confirmed,
    each auditor being one reporter too. Depends on the order of evidence by `sequence` only through the e-detector.
    """
    look = _Look(tally(evidence, terms.half_life_days, now), label, alpha, terms)
    failing = _first_failing(_OPENS, look)
    is_open, why = failing is None, failing or "open"
    if was_open and not is_open:
        failing = _first_failing(_STAYS, look)
        is_open, why = failing is None, failing or "hysteresis-holds"
    return GateReading(
        gate=look.gate,
        open=is_open,
        why=why,
        confirming=float(look.all.confirming[0]),
        against=float(look.all.against[0]),
        reporters=look.pieces.confirmers,
        audits=look.pieces.audits,
        bound=float(look.all.bound[0]),
        log_e=float(look.all.log_e[0]),
        threshold=look.threshold,
        alpha=alpha,
    )


def _first_failing(conditions: tuple[_Condition, ...], look: _Look) -> str | None:
    return next((why for why, holds in conditions if not holds(look)), None)
