"""A Reported event: how much it counts, what case it makes or joins, whose trust it moves.

The weight is a function of who reports on what, and is fixed before the label is read; then two kinds of report are
struck out: an agent's, and one about its own reporter's run, wherever they would widen. Striking out confirmations
only makes a gate harder to open.
"""

from __future__ import annotations

from .. import gates
from ..model import Case, Label, Observed, Report, Reported, Reporter, Standing, State, Terms
from .evidence import attach
from .index import Index, index_of
from .word import LOOKED, audit_label


def receive(terms: Terms, state: State, event: Reported) -> None:
    """Fold one report in. A second one of a reporter on the same decision changes nothing."""
    index, observed, reporter = index_of(state), event.observed, event.reporter
    if (reporter.id, observed.id) in index.said or observed.tenant != state.tenant or reporter.tenant != state.tenant:
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
    case = state.cases.get(observed.id)
    if case is None:
        case = state.cases[observed.id] = _case(state.sequence, observed)
        index.add(case)
    index.note(report, case.context.tool)
    if reporter.kind in LOOKED:
        _audit(state, index, case.id)
    attach(terms, state, case)


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
    reports = index.reports[decision]
    before, after = state.audited.get(decision), audit_label(reports)
    if before == after:
        return
    first = min(report.sequence for report in reports if report.kind in LOOKED)
    for report in reports:
        if report.kind not in LOOKED and report.sequence < first:
            _move(state, report, before, -1.0)
            _move(state, report, after, 1.0)
    if after is None:
        state.audited.pop(decision, None)
    else:
        state.audited[decision] = after


def _move(state: State, report: Report, said: Label | None, by: float) -> None:
    if said is None:
        return
    agreed, disagreed = state.trust.get(report.reporter, (0.0, 0.0))
    right = report.label == said
    state.trust[report.reporter] = (agreed + by, disagreed) if right else (agreed, disagreed + by)
