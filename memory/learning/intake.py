"""A Reported event: how much it counts, what case it makes or joins, whose trust it moves.

The weight is a function of who reports on what, and is fixed before the label is read; then two kinds of report are
struck out: an agent's, and one about its own reporter's run, wherever they would widen. Striking out confirmations
only makes a gate harder to open.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from .. import gates
from ..model import Case, Label, Observed, Released, Report, Reported, Reporter, Standing, State, Terms
from .changes import Changes
from .evidence import attach
from .index import Index, index_of
from .word import LOOKED, audit_label


def receive(terms: Terms, state: State, event: Reported) -> None:
    """Fold one report in. A second one of a reporter on the same decision changes nothing."""
    index, observed, reporter = index_of(state), event.observed, event.reporter
    if index.has_said(reporter.id, observed.id) or observed.tenant != state.tenant or reporter.tenant != state.tenant:
        return
    standing = _standing(terms, index, event)
    weight = _weight(terms, state, reporter)
    counts = standing == "accepted" and not _struck(observed, reporter, event.label)
    report = Report(
        sequence=state.sequence,
        at=event.at,
        decision=observed.id,
        reporter=reporter.id,
        kind=reporter.kind,
        unit=reporter.unit,
        label=event.label,
        weight=weight if counts else 0.0,
        standing=standing,
        because=event.because,
    )
    state.reports.append(report)
    if report.weight == 0.0:
        index.note(report, None)
        return
    case = _joined(state, index, observed)
    index.note(report, case.context.tool)
    if reporter.kind in LOOKED:
        _audit(state, index, case.id)
    attach(terms, state, case)


def release(terms: Terms, state: State, event: Released) -> Changes:
    """A person lets a quarantined report count. It weighs what a new reporter's does, whatever was found out about the
    reporter since: who releases has read the label, and trust may have moved by this very decision. What would have
    been struck out stays so. Its case is one of today: it is evidence for what was made before."""
    changes, reported = Changes(), event.report
    observed, reporter = reported.observed, reported.reporter
    at = next((place for place, one in enumerate(state.reports) if _is_held(one, reported)), None)
    if at is None:
        changes.add("ignored", observed.id, "not-quarantined")
        return changes
    counts = not _struck(observed, reporter, reported.label)
    weight = min(terms.report_weight, gates.trust(0.0, 0.0, terms)) if counts else 0.0
    report = state.reports[at] = replace(state.reports[at], standing="released", weight=weight)
    changes.add("released", observed.id, "person")
    if counts:
        index = index_of(state)
        case = _joined(state, index, observed)
        index.release(report, case.context.tool)
        if report.sequence < _first_look(index.counting(case.id)):
            _move(state, report, state.audited.get(case.id), 1.0)
        attach(terms, state, case)
    return changes


def _is_held(report: Report, of: Reported) -> bool:
    return (report.reporter, report.decision, report.standing) == (of.reporter.id, of.observed.id, "quarantined")


def _joined(state: State, index: Index, observed: Observed) -> Case:
    """The case of this decision, made where it is none yet."""
    case = state.cases.get(observed.id)
    if case is None:
        case = state.cases[observed.id] = _case(state.sequence, observed)
        index.add(case)
    return case


def _case(sequence: int, observed: Observed) -> Case:
    return Case(
        id=observed.id,
        sequence=sequence,
        at=observed.at,
        context=observed.context,
        base=observed.base,
        effect=observed.effect,
        policy_hash=observed.policy_hash,
        audited=observed.audited,
    )


def _standing(terms: Terms, index: Index, event: Reported) -> Standing:
    """Only who looks on purpose is trusted to look often."""
    if event.reporter.kind in LOOKED:
        return "accepted"
    if index.today(event.reporter.id, event.at) >= terms.reports_a_day:
        return "quarantined"
    times = index.times.get(event.observed.context.tool, ())
    return "quarantined" if gates.quarantined(times, event.at, terms) else "accepted"


def _weight(terms: Terms, state: State, reporter: Reporter) -> float:
    """Trust is earned by agreeing with auditors only, never with other users: colluders cannot vouch for each other."""
    if reporter.kind in LOOKED:
        return 1.0
    agreed, disagreed = state.trust.get(reporter.id, (0.0, 0.0))
    return min(terms.report_weight, gates.trust(agreed, disagreed, terms))


def _struck(observed: Observed, reporter: Reporter, label: Label) -> bool:
    """An agent's word never widens; nobody's word widens what their own runs may do beyond the written policy.

    "Allowed" where the base allows is no widening: it takes back what memory narrowed.
    """
    if label != "allow" or reporter.kind == "audit":
        return False
    own = reporter.principal != "" and reporter.principal == observed.principal
    return reporter.kind == "automated" or (own and observed.base != "allow")


def _audit(state: State, index: Index, decision: str) -> None:
    """An auditor spoke: those who had reported on the decision before have agreed or disagreed.

    Who reports afterwards may know what the auditor said, so it moves nobody's trust.
    """
    reports = index.counting(decision)
    before, after = state.audited.get(decision), audit_label(reports)
    if before == after:
        return
    first = _first_look(reports)
    for report in reports:
        if report.kind not in LOOKED and report.sequence < first:
            _move(state, report, before, -1.0)
            _move(state, report, after, 1.0)
    if after is None:
        state.audited.pop(decision, None)
    else:
        state.audited[decision] = after


def _first_look(reports: Sequence[Report]) -> float:
    """The sequence of the first report of somebody who looked on purpose; infinite where nobody did."""
    return min((report.sequence for report in reports if report.kind in LOOKED), default=math.inf)


def _move(state: State, report: Report, said: Label | None, by: float) -> None:
    if said is None:
        return
    agreed, disagreed = state.trust.get(report.reporter, (0.0, 0.0))
    right = report.label == said
    state.trust[report.reporter] = (agreed + by, disagreed) if right else (agreed, disagreed + by)
