"""The gate: what must be open before an abstraction speaks. Pure; nothing here knows of stores, texts or tenants.

theta       how often an abstraction's claim is right where it fires
threshold   what theta must confidently reach (p0); from the costs of a missed harm and a false block, never below 0.5
bound       the lower quantile of theta's posterior (Beta); a heuristic under decay, caps and repeated reading
E           the e-process against `theta <= threshold`: may be read after every piece of evidence (anytime-valid)
closing     the mirrored e-process, the e-detector and the bound below threshold - MARGIN
share       what one identity or one unit may supply of the evidence that counts
spending    dividing alpha over abstractions

Flow: Evidence -> tally.py (arrays) -> caps.py, decay.py (counts) -> bounds.py; eprocess.py, detector.py (receipt
weights) -> reading.py (the table of conditions) -> GateReading. Beside it, for the passes of learning/: conflict.py
(mixed regions, splits, merges), trust.py and burst.py (what a reporter weighs), spending.py, contamination.py.

Proofs, measurements and the exact claims: docs/memory-mathematics.md; `python -m evals.gates` measures.
"""

from __future__ import annotations

from .bounds import beta_bound, clopper_pearson, confidence_sequence, least_rights
from .burst import log_e_burst, quarantined
from .caps import kept_weights
from .claims import CLAIMS, voided
from .conflict import log_e_mixed, mixed, separates, split_factor
from .contamination import contaminated_threshold, without_most_favourable
from .decay import decay
from .detector import log_detector
from .eprocess import Mixture, log_e, log_e_below, mixture
from .reading import CLOSING_ALPHA, MARGIN, read_gate
from .spending import alpha_spent, e_bh
from .trust import trust

__all__ = [
    "CLAIMS",
    "CLOSING_ALPHA",
    "MARGIN",
    "Mixture",
    "alpha_spent",
    "beta_bound",
    "clopper_pearson",
    "confidence_sequence",
    "contaminated_threshold",
    "decay",
    "e_bh",
    "kept_weights",
    "least_rights",
    "log_detector",
    "log_e",
    "log_e_below",
    "log_e_burst",
    "log_e_mixed",
    "mixed",
    "mixture",
    "quarantined",
    "read_gate",
    "separates",
    "split_factor",
    "trust",
    "voided",
    "without_most_favourable",
]
