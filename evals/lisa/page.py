"""What a run measured, as a part of docs/memory-results.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evals.pages import table

from .grid import Case, Key, Plan, Results
from .methods import OURS
from .metrics import Spread, spreads
from .report import shown
from .requirements import Contest, Judged
from .streams import STREAMS


def section(
    plan: Plan, grid: str, results: Results, cases: Sequence[Case], judged: Sequence[Judged], fought: Sequence[Contest]
) -> str:
    """Markdown: the command, the cells by stream, what comes after a drift, the requirements, who is best."""
    rows = {key: spreads(list(seeds.values())) for key, seeds in results.items()}
    parts = [
        f"`{_command(plan, grid)}`, n = {len(plan.seeds)} seeds, encoder `{plan.encoder}`. Each entry is "
        "*above base* / *broken*, in points and percent, means over seeds.",
    ]
    methods = [name for name in dict.fromkeys(key.method for key in rows) if name != "base"]
    streams = list(dict.fromkeys(key.stream for key in rows))
    if len(methods) == 1:
        told = ([_case(case), *(_entry(rows, stream, case, methods[0]) for stream in streams)] for case in cases)
        parts.append(f"### {methods[0].capitalize()}\n\n{table(['cell', *streams], told)}")
    else:
        for stream in streams:
            here = [case for case in cases if Key(stream, case.name, methods[0]) in rows]
            lines = ([_case(case), *(_entry(rows, stream, case, method) for method in methods)] for case in here)
            parts.append(f"### {stream}\n\n{table(['cell', *methods], lines)}")
    drifting = {case.name: case for case in cases if case.drift}
    if drifting:
        parts.append("### Cells with a drift\n\n" + _drift(rows, drifting))
    parts.append("### Requirements\n\n" + _requirements(judged))
    if any(not method.startswith(OURS) for method in methods):
        parts.append("### Who is best\n\n" + _best(fought))
    return "\n\n".join(parts)


def _command(plan: Plan, grid: str) -> str:
    """What makes the same numbers: whatever is not the default is named."""
    named = {"cells": [case.name for case in plan.cases] if plan.is_part else (), "methods": plan.methods}
    named["streams"] = () if plan.streams == tuple(STREAMS) else plan.streams
    command = f"python -m evals.lisa --data DIR --grid {grid} --first {plan.seeds[0]} --seeds {len(plan.seeds)}"
    command += f" --decisions {plan.decisions}"
    for option, values in named.items():
        if values:
            command += f" --{option} " + " ".join(f'"{value}"' if " " in value else value for value in values)
    return command


def _case(case: Case) -> str:
    return case.name.replace("audit 0.02, ", "")


def _entry(rows: Mapping[Key, Mapping[str, Spread]], stream: str, case: Case, method: str) -> str:
    row = rows.get(Key(stream, case.name, method))
    return "-" if row is None else f"{100 * row['above_base'].mean:+.1f} / {100 * row['broken'].mean:.1f}"


def _drift(rows: Mapping[Key, Mapping[str, Spread]], drifting: Mapping[str, Case]) -> str:
    lines = (
        [
            key.stream,
            _case(drifting[key.case]),
            key.method,
            *(shown(row[name], 100) for name in ("broken", "mended", "above_base")),
            shown(row["recovery"], 1),
            f"{100 * row['recovered'].mean:.0f}%",
        ]
        for key, row in rows.items()
        if key.case in drifting and key.method != "base"
    )
    head = ("stream", "cell", "method", "broken [95%]", "mended [95%]", "above base [95%]")
    return table([*head, "reports to recover [95%]", "seeds that did"], lines)


def _requirements(judged: Sequence[Judged]) -> str:
    lines = (
        [
            one.requirement,
            one.method,
            "yes" if one.holds else "**no**",
            f"{one.failing} of {one.cells}",
            one.worst,
            shown(one.value, 100),
        ]
        for one in judged
        if one.value is not None
    )
    return table(["requirement", "method", "holds", "cells failing", "worst cell", "there [95%]"], lines)


def _best(fought: Sequence[Contest]) -> str:
    """Every cell in which a simpler method has the higher mean, with what it breaks for that."""
    lines = (
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
        "balanced accuracy / broken:\n\n" + table(["cell", "best other", "it", "ours", "ours behind [95%]"], lines)
    )
