"""What Terms must satisfy for docs/memory-mathematics.md to hold: a table, read before a tenant's Terms are used.

Terms that void a claim are refused, and not merely documented: nobody reads the small print of a gate that is open.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..model import Terms

_Claim = tuple[str, Callable[[Terms], bool]]

CLAIMS: Final[tuple[_Claim, ...]] = (
    ("`floor` is at least 0.5 and below 1: else flipped labels may open a gate", lambda t: 0.5 <= t.floor < 1.0),
    ("thresholds are below 1: nothing is ever surely right", lambda t: max(t.allow_threshold, t.forbid_threshold) < 1),
    ("`alpha` lies between 0 and 0.5", lambda t: 0.0 < t.alpha < 0.5),
    ("a rule that widens needs the gate `eprocess`: `beta` has no level over its readings", lambda t: _anytime(t)),
    ("the prior's counts are above 0", lambda t: min(t.prior) > 0.0),
    ("`report_weight` is above 0 and at most 0.5: reports are no sample", lambda t: 0.0 < t.report_weight <= 0.5),
    ("`new_reporter_weight` is above 0 and at most 0.5: an unknown name is no auditor", lambda t: _humble(t)),
    ("`contradiction` is at least 1: what is said against a rule never weighs less", lambda t: t.contradiction >= 1.0),
    ("`reporter_share` is above 0 and at most 0.5: no one is a majority", lambda t: 0.0 < t.reporter_share <= 0.5),
    ("`unit_share` is above 0 and at most 1", lambda t: 0.0 < t.unit_share <= 1.0),
    ("`least_reporters` and `least_support` are at least 2", lambda t: min(t.least_reporters, t.least_support) >= 2),
    ("`least_days` is at least 1", lambda t: t.least_days >= 1),
    ("`flips` is at least 0 and below 0.5", lambda t: 0.0 <= t.flips < 0.5),
    ("`half_life_days` and `idle_days` are above 0", lambda t: min(t.half_life_days, t.idle_days) > 0.0),
    ("what widens waits for an audit or for a person's approval", lambda t: t.audit_for_allow or t.approval_for_allow),
)
"""What must be, as it is told, and whether it is."""


def voided(terms: Terms) -> tuple[str, ...]:
    """Which claims these terms would void, as sentences; empty where all hold."""
    return tuple(said for said, holds in CLAIMS if not holds(terms))


def _anytime(terms: Terms) -> bool:
    return terms.allow_gate == "eprocess"


def _humble(terms: Terms) -> bool:
    return 0.0 < terms.new_reporter_weight <= 0.5
