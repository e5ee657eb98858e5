"""The numbers as tables for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from .grid import Case, Key, Plan, Results
from .metrics import Spread, spreads
from .requirements import Contest, Judged

COLUMNS = (
    ("balanced", "balanced", 100),
    ("above_base", "above base", 100),
    ("broken", "broken", 100),
    ("mended", "mended", 100),
    ("coverage", "spoke", 100),
    ("precision", "right then", 100),
    ("astray", "astray", 100),
    ("regret", "regret", 1),
)
"""Metric, heading, factor: shares are printed in percent. All the others stand in the JSON."""


def as_json(
    plan: Plan, digests: Mapping[str, str], results: Results, judged: Sequence[Judged], contests: Sequence[Contest]
) -> dict[str, Any]:
    """Everything the tables say, all metrics and the digests of the streams. A share of nothing is null."""
    rows = [
        key._asdict() | {name: _plain(asdict(one)) for name, one in spreads(list(seeds.values())).items()}
        for key, seeds in results.items()
    ]
    return {
        "seeds": list(plan.seeds),
        "decisions": plan.decisions,
        "encoder": plan.encoder,
        "streams": dict(digests),
        "rows": rows,
        "requirements": [asdict(one) | {"value": one.value and _plain(asdict(one.value))} for one in judged],
        "contests": [_plain(asdict(one)) | {"behind": _plain(asdict(one.behind))} for one in contests],
    }


def print_tables(
    console: Console, results: Results, cases: Sequence[Case], judged: Sequence[Judged], contests: Sequence[Contest]
) -> None:
    table = {key: spreads(list(seeds.values())) for key, seeds in results.items()}
    for stream in dict.fromkeys(key.stream for key in table):
        for case in cases:
            rows = {key: row for key, row in table.items() if (key.stream, key.case) == (stream, case.name)}
            if rows:
                _print_cell(console, f"{stream}: {case.name}", rows)
    _print_drift(console, table, cases)
    _print_gates(console, table)
    _print_contests(console, contests)
    _print_judged(console, judged)


def _print_cell(console: Console, title: str, rows: Mapping[Key, Mapping[str, Spread]]) -> None:
    out = _table(title, "method", *(heading for _, heading, _ in COLUMNS))
    for key, row in rows.items():
        out.add_row(key.method, *(shown(row[name], factor) for name, _, factor in COLUMNS))
    console.print(out)


def _print_drift(console: Console, table: Mapping[Key, Mapping[str, Spread]], cases: Sequence[Case]) -> None:
    drifting = {case.name for case in cases if case.drift}
    out = _table("after the drift", "stream, cell, method", "reports to recover", "recovered")
    for key, row in table.items():
        if key.case in drifting:
            out.add_row(", ".join(key), shown(row["recovery"], 1), shown(row["recovered"], 100))
    if out.row_count:
        console.print(out)


def _print_gates(console: Console, table: Mapping[Key, Mapping[str, Spread]]) -> None:
    out = _table(
        "gates", "stream, cell, method", "speaking", "bound", "observed", "false activation", "p50 µs", "p99 µs"
    )
    for key, row in table.items():
        if row["rules"].seeds and row["rules"].mean:
            gates = (shown(row[name], 100) for name in ("bound", "observed", "false_activation"))
            latency = (shown(row[name], 1) for name in ("p50", "p99"))
            out.add_row(", ".join(key), shown(row["rules"], 1), *gates, *latency)
    if out.row_count:
        console.print(out)


def _print_contests(console: Console, contests: Sequence[Contest]) -> None:
    out = _table("who is best", "stream: cell", "best other", "its balanced", "its broken", "ours", "broken", "behind")
    for one in contests:
        numbers = (one.balanced, one.broken, one.ours, one.ours_broken)
        out.add_row(f"{one.stream}: {one.case}", one.best, *(f"{100 * n:.1f}" for n in numbers), shown(one.behind, 100))
    console.print(out)


def _print_judged(console: Console, judged: Sequence[Judged]) -> None:
    out = _table("requirements", "requirement", "method", "holds", "cells failing", "worst cell", "there [95%]")
    for one in judged:
        value = "-" if one.value is None else shown(one.value, 100)
        failing = f"{one.failing} of {one.cells}"
        out.add_row(one.requirement, one.method, "yes" if one.holds else "NO", failing, one.worst, value)
    console.print(out)


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(first, no_wrap=True)
    for heading in others:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def shown(one: Spread, factor: int) -> str:
    """`mean [low, high]`, or `-` for a share of nothing."""
    if not one.seeds:
        return "-"
    return f"{factor * one.mean:.1f} [{factor * one.low:.1f}, {factor * one.high:.1f}]"


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: None if isinstance(value, float) and value != value else value for name, value in row.items()}
