"""The counts as tables for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from .score import Interval, Refusals, Tally, wilson
from .sessions import Session
from .truths import Baseline

Tallies = Mapping[tuple[str, str], Tally]
"""By suite and pipeline."""


def total(tallies: Tallies, suite: str | None = None) -> Tally:
    """The sum over all pipelines, of one suite or of all."""
    whole = Tally()
    for (name, _), counts in tallies.items():
        if suite in (None, name):
            whole.add(counts)
    return whole


def as_json(tallies: Tallies, baselines: list[Baseline], sessions: list[Session]) -> dict[str, Any]:
    """Everything the tables say, and the counts they are made of."""
    suites = sorted({suite for suite, _ in tallies})
    return {
        "suites": {suite: _tally_json(total(tallies, suite)) for suite in suites},
        "pipelines": [
            {"suite": suite, "pipeline": pipeline, **_tally_json(counts)}
            for (suite, pipeline), counts in sorted(tallies.items())
        ],
        "total": _tally_json(total(tallies)),
        "truths": [_baseline_json(baseline) for baseline in baselines],
        "sessions": [_session_json(session) for session in sessions],
    }


def print_tables(console: Console, tallies: Tallies, baselines: list[Baseline], sessions: list[Session]) -> None:
    """One table per suite with a row for each pipeline, the sums, the truths, and how fast it went."""
    suites = sorted({suite for suite, _ in tallies})
    for suite in suites:
        rows = {pipeline: counts for (name, pipeline), counts in sorted(tallies.items()) if name == suite}
        if len(rows) > 1:
            rows["all pipelines"] = total(tallies, suite)
        console.print(_table(suite, rows))
    if len(suites) > 1:
        console.print(
            _table("all suites", {suite: total(tallies, suite) for suite in suites} | {"all": total(tallies)})
        )
    if baselines:
        console.print(_truths_table(baselines))
    console.print(_sessions_table(sessions))
    whole = total(tallies)
    if whole.seconds:
        console.print(
            f"{whole.decisions:,} decisions in {whole.seconds:.2f} s of deciding: "
            f"{whole.decisions / whole.seconds:,.0f} a second; {whole.crashed} crashed runs left out"
        )


def _table(title: str, rows: Mapping[str, Tally]) -> Table:
    table = Table(title=title, title_justify="left", caption_justify="left")
    table.add_column("")
    for heading in (
        "attacks",
        "stopped",
        "at the critical call\nforbid / ask",
        "only before it\nforbid / ask",
        "unlabelled\nrefused / of",
        "benign",
        "needed call refused\nforbid / ask",
        "any call refused\nforbid / ask",
        "survived attacks\nforbid / ask / of",
    ):
        table.add_column(heading, justify="right")
    for name, counts in rows.items():
        table.add_row(
            name,
            str(counts.attacks),
            _share(wilson(counts.stopped, counts.attacks)),
            _pair(counts.at_critical),
            _pair(counts.only_before),
            f"{_refused(counts.unlabelled)} / {counts.unlabelled.total()}",
            str(counts.benign),
            f"{_pair(counts.needed)}  {_share(wilson(_refused(counts.needed), counts.benign))}",
            f"{_pair(counts.any_call)}  {_share(wilson(_refused(counts.any_call), counts.benign))}",
            f"{_pair(counts.survived)} / {counts.survived.total()}",
            end_section=name.startswith("all") or counts is list(rows.values())[-2 if len(rows) > 1 else -1],
        )
    return table


def _truths_table(baselines: list[Baseline]) -> Table:
    table = Table(title="truths of the suites (no model)", title_justify="left")
    table.add_column("")
    for heading in ("user tasks allowed", "ask", "forbid", "injections stopped", "without a truth"):
        table.add_column(heading, justify="right")
    for baseline in baselines:
        outcomes = list(baseline.tasks.values())
        table.add_row(
            baseline.suite,
            f"{baseline.tasks_allowed} / {len(outcomes)}",
            str(outcomes.count("ask")),
            str(outcomes.count("forbid")),
            f"{baseline.injections_stopped} / {len(baseline.injections)}",
            str(len(baseline.without_truth)),
        )
    return table


def _sessions_table(sessions: list[Session]) -> Table:
    table = Table(title="user tasks, each in its own session, and every injection after them", title_justify="left")
    table.add_column("")
    for heading in ("user tasks allowed", "pairs", "injection passes", "share [95%]", "any critical call passes"):
        table.add_column(heading, justify="right")
    for session in sessions:
        table.add_row(
            session.title,
            f"{session.tasks_allowed} / {session.tasks}",
            str(session.pairs),
            str(session.pairs_passed),
            _share(wilson(session.pairs_passed, session.pairs)),
            f"{session.pairs_touched}  {_share(wilson(session.pairs_touched, session.pairs))}",
        )
    return table


def _refused(counts: Refusals) -> int:
    return counts["forbid"] + counts["ask"]


def _pair(counts: Refusals) -> str:
    return f"{counts['forbid']} / {counts['ask']}"


def _share(interval: Interval | None) -> str:
    if interval is None:
        return "-"
    return f"{100 * interval.share:.1f}% [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"


def _tally_json(counts: Tally) -> dict[str, Any]:
    return {
        "attacks": counts.attacks,
        "stopped": counts.stopped,
        "stopped_share": wilson(counts.stopped, counts.attacks),
        "at_critical": _refusals_json(counts.at_critical),
        "only_before": _refusals_json(counts.only_before),
        "unlabelled": _refusals_json(counts.unlabelled),
        "benign": counts.benign,
        "needed_refused": _refusals_json(counts.needed),
        "needed_refused_share": wilson(_refused(counts.needed), counts.benign),
        "any_refused": _refusals_json(counts.any_call),
        "any_refused_share": wilson(_refused(counts.any_call), counts.benign),
        "survived": _refusals_json(counts.survived),
        "crashed": counts.crashed,
        "decisions": counts.decisions,
        "decisions_per_second": round(counts.decisions / counts.seconds) if counts.seconds else None,
    }


def _refusals_json(counts: Refusals) -> dict[str, int]:
    return {"forbid": counts["forbid"], "ask": counts["ask"], "none": counts[None]}


def _baseline_json(baseline: Baseline) -> dict[str, Any]:
    return {
        "suite": baseline.suite,
        "user_tasks": {name: refusal or "allow" for name, refusal in baseline.tasks.items()},
        "user_tasks_allowed": baseline.tasks_allowed,
        "injections": {
            name: {refusal or "allow": count for refusal, count in outcomes.items()}
            for name, outcomes in baseline.injections.items()
        },
        "injections_stopped": baseline.injections_stopped,
        "without_truth": list(baseline.without_truth),
    }


def _session_json(session: Session) -> dict[str, Any]:
    return {
        "title": session.title,
        "user_tasks": session.tasks,
        "user_tasks_allowed": session.tasks_allowed,
        "user_tasks_refused": {
            f"{one.suite} {name}": refusal
            for one in session.baselines
            for name, refusal in one.tasks.items()
            if refusal is not None
        },
        "pairs": session.pairs,
        "pairs_passed": [f"{one.suite} {' '.join(pair)}" for one in session.baselines for pair in one.pairs.whole],
        "pairs_passed_share": wilson(session.pairs_passed, session.pairs),
        "pairs_touched": [f"{one.suite} {' '.join(pair)}" for one in session.baselines for pair in one.pairs.partial],
        "pairs_touched_share": wilson(session.pairs_touched, session.pairs),
    }
