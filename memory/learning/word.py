"""What the reports on one decision come to: one label, one weight.

People who looked on purpose (audits, administrators) decide by their majority, with weight 1. Else the first person
who reported decides, until two others outweigh everybody who said the same: a lone reporter who came later and denied
every confirmation could otherwise shut any gate (memory.md 7.4, invariant 10). The weight is that of the most trusted
reporter: many new names on one decision are not worth an audit. It does not depend on which label won: it is fixed by
who reported, before any label is read, which is what keeps the e-process valid (memory.md 2.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..model import Label, Report, ReporterKind

LOOKED: Final[frozenset[ReporterKind]] = frozenset({"audit", "admin"})
_OTHER: Final[dict[Label, Label]] = {"allow": "forbid", "forbid": "allow"}
_LEAST_OTHERS: Final = 2


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
    label = looked if looked is not None else _said(reports)
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


def _said(reports: Sequence[Report]) -> Label | None:
    """By the time of the reports, not by their place in the log: what came in between two refreshes has no order."""
    if any(report.kind in LOOKED for report in reports):
        return _majority(reports)  # those who looked tie: then the others decide between them
    people = [report for report in reports if report.kind != "automated"] or list(reports)
    if not people:
        return None
    first = min(people, key=lambda one: (one.at, one.reporter)).label
    others = {report.reporter for report in people if report.label != first}
    outweighed = len(others) >= _LEAST_OTHERS and _majority(people) not in (None, first)
    return _OTHER[first] if outweighed else first


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
