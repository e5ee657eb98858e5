"""The results section of docs/memory-results.md, printed from what a run measured so that no number is typed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from .grid import Case, Key, Plan, Results
from .material import Unreadable
from .metrics import Spread, spreads
from .report import shown
from .requirements import Contest, Judged

MARK = "<!-- results -->"
"""Everything after it is replaced."""


def write_page(path: Path, section: str) -> None:
    """Puts the section after the mark. Raises Unreadable where the page has none."""
    text = path.read_text(encoding="utf-8")
    if MARK not in text:
        raise Unreadable(f"`{path.name}` has no line `{MARK}`")
    path.write_text(f"{text.split(MARK)[0]}{MARK}\n\n{section}", encoding="utf-8")


def section(
    plan: Plan, grid: str, results: Results, cases: Sequence[Case], judged: Sequence[Judged], fought: Sequence[Contest]
) -> str:
    """Markdown: the command, the square of rates and flips, the other cells, the requirements, who is best."""
    table = {key: spreads(list(seeds.values())) for key, seeds in results.items()}
    command = f"python -m evals.lisa --data DIR --grid {grid} --first {plan.seeds[0]} --seeds {len(plan.seeds)} "
    command += f"--decisions {plan.decisions}"
    parts = [
        f"`{command}`, n = {len(plan.seeds)} seeds, encoder `{plan.encoder}`. Each entry is *above base* / *broken*, "
        "in points and percent, means over seeds.",
    ]
    methods = list(dict.fromkeys(key.method for key in table))
    for stream in dict.fromkeys(key.stream for key in table):
        here = [case for case in cases if Key(stream, case.name, methods[0]) in table]
        rows = (
            [_case(case), *(_pair(table[Key(stream, case.name, method)]) for method in methods if method != "base")]
            for case in here
        )
        parts.append(f"### {stream}\n\n{_table(['cell', *(m for m in methods if m != 'base')], rows)}")
    parts.append("### After the drift\n\n" + _drift(table, cases))
    parts.append("### Requirements\n\n" + _requirements(judged))
    parts.append("### Who is best\n\n" + _best(fought))
    return "\n\n".join(parts) + "\n"


def _case(case: Case) -> str:
    return case.name.replace("audit 0.02, ", "")


def _pair(row: Mapping[str, Spread]) -> str:
    return f"{100 * row['above_base'].mean:+.1f} / {100 * row['broken'].mean:.1f}"


def _drift(table: Mapping[Key, Mapping[str, Spread]], cases: Sequence[Case]) -> str:
    drifting = {case.name for case in cases if case.drift}
    rows = (
        [key.stream, key.method, shown(row["recovery"], 1), f"{100 * row['recovered'].mean:.0f}%"]
        for key, row in table.items()
        if key.case in drifting and key.method != "base"
    )
    return _table(["stream", "method", "reports to recover [95%]", "seeds that did"], rows)


def _requirements(judged: Sequence[Judged]) -> str:
    rows = (
        [
            one.requirement,
            one.method,
            "yes" if one.holds else "**no**",
            f"{one.failing} of {one.cells}",
            one.worst,
            "-" if one.value is None else shown(one.value, 100),
        ]
        for one in judged
    )
    return _table(["requirement", "method", "holds", "cells failing", "worst cell", "there [95%]"], rows)


def _best(fought: Sequence[Contest]) -> str:
    """Every cell in which a simpler method has the higher mean, with what it breaks for that."""
    rows = (
        [
            f"{one.stream}: {one.case}",
            one.best,
            f"{100 * one.balanced:.1f} / {100 * one.broken:.1f}",
            f"{100 * one.ours:.1f} / {100 * one.ours_broken:.1f}",
            shown(one.behind, 100),
        ]
        for one in fought
        if one.behind.mean > 0
    )
    won = sum(one.behind.mean <= 0 for one in fought)
    return (
        f"No other method has a higher mean balanced accuracy than ours in {won} of {len(fought)} cells, the base "
        "counted as a rival, with which it is equal in most of them. In the others a simpler method wins; entries are "
        "balanced accuracy / broken:\n\n" + _table(["cell", "best other", "it", "ours", "ours behind [95%]"], rows)
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
