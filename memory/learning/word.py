"""What the reports on one decision come to: one label, one weight.

People who looked on purpose (audits, administrators) decide by their majority, with weight 1. Else the weighted
majority of all reports decides, with the weight of the most trusted reporter: many new names on one decision are not
worth an audit. A tie says nothing. The weight does not depend on which label won: it is fixed by who
reported, before any label is read, which is what keeps the e-process valid (memory.md 2.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..model import Label, Report, ReporterKind

LOOKED: Final[frozenset[ReporterKind]] = frozenset({"audit", "admin"})


@dataclass(frozen=True, slots=True)
class Word:
    """`reporters` are those who said the label that won, `units` theirs, in the same order; `audit` whether one of
    them looked on purpose; `human` whether one of them is no agent."""

    label: Label
    weight: float
    reporters: tuple[str, ...]
    units: tuple[str, ...]
    audit: bool
    human: bool


def word_of(reports: Sequence[Report]) -> Word | None:
    looked = audit_label(reports)
    label = looked if looked is not None else _majority(reports)
    if label is None:
        return None
    winners = [report for report in reports if report.label == label]
    weight = 1.0 if looked is not None else max(report.weight for report in reports)
    units = dict(sorted((report.reporter, report.unit) for report in winners))
    return Word(
        label,
        weight,
        tuple(units),
        tuple(units.values()),
        looked is not None,
        any(report.kind != "automated" for report in winners),
    )


def audit_label(reports: Sequence[Report]) -> Label | None:
    """What those who looked on purpose say by majority; None where there are none or they tie."""
    return _majority([report for report in reports if report.kind in LOOKED])


def _majority(reports: Sequence[Report]) -> Label | None:
    weights: dict[Label, float] = {"allow": 0.0, "forbid": 0.0}
    for report in sorted(reports, key=lambda one: (one.weight, one.sequence)):
        weights[report.label] += report.weight
    if weights["allow"] == weights["forbid"]:
        return None
    return "allow" if weights["allow"] > weights["forbid"] else "forbid"
