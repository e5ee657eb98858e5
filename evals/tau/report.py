"""The counts as tables for people and as JSON for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from evals.agentdojo import Interval, wilson

from .measure import Dialogues, Measured, Refusal


def as_json(truths: Mapping[str, Measured], dialogues: Dialogues | None) -> dict[str, Any]:
    """Everything the tables say, and every refused truth."""
    return {
        "truths": {
            name: {
                "calls": one.truths,
                "calls_allowed": one.truths_allowed,
                "writes": one.truth_writes,
                "tasks": one.tasks,
                "tasks_allowed": one.tasks_allowed,
                "looked_up": one.looked_up,
                "refusals": [_refusal(refusal) for refusal in one.refusals],
            }
            for name, one in truths.items()
        },
        "dialogues": None if dialogues is None else _dialogues(dialogues),
    }


def print_tables(console: Console, truths: Mapping[str, Measured], dialogues: Dialogues | None) -> None:
    table = Table(title="truths of tau2's tasks", title_justify="left")
    for heading in ("", "calls allowed", "of them writes", "tasks allowed", "reads added"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, one in truths.items():
        tasks = f"{one.tasks_allowed} / {one.tasks}"
        table.add_row(name, f"{one.truths_allowed} / {one.truths}", str(one.truth_writes), tasks, str(one.looked_up))
    console.print(table)
    for one in truths.values():
        for refusal in one.refusals:
            console.print(f"  {refusal.place}: {refusal.call.tool} is {refusal.decision.effect}", highlight=False)
    if dialogues is not None:
        _print_dialogues(console, dialogues)


def _print_dialogues(console: Console, counts: Dialogues) -> None:
    table = Table(title="recorded airline dialogues of gpt-4o", title_justify="left")
    for heading in ("", "refused", "of", "share [95%]", "forbid / ask"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, effects in _rows(counts).items():
        refused = _refused(effects)
        table.add_row(
            name,
            str(refused),
            str(effects.total()),
            _share(wilson(refused, effects.total())),
            f"{effects['forbid']} / {effects['ask']}",
        )
    console.print(table)
    found, of = counts.failed_with_refused_wrong_write, counts.failed_with_wrong_write
    console.print(
        f"{counts.failed} dialogues failed, {of} of them with a wrong write; "
        f"of these at least one was refused in {found}: {_share(wilson(found, of))}"
    )
    found, of = counts.passed_with_any_refusal, counts.passed
    console.print(f"{of} reached the goal; any call of theirs was refused in {found}: {_share(wilson(found, of))}")


def _rows(counts: Dialogues) -> dict[str, Counter[str]]:
    rows = {"wrong writes, all": counts.wrong + counts.wrong_in_vain}
    rows |= {"  carried out by the tool": counts.wrong, "  answered with an error": counts.wrong_in_vain}
    rows |= {f"  {tool}": effects for tool, effects in sorted(counts.wrong_by_tool.items())}
    return rows | {"right writes": counts.right, "other writes where the goal was reached": counts.other_in_passed}


def _dialogues(counts: Dialogues) -> dict[str, Any]:
    return {
        "failed": counts.failed,
        "failed_with_wrong_write": counts.failed_with_wrong_write,
        "failed_with_refused_wrong_write": counts.failed_with_refused_wrong_write,
        "passed": counts.passed,
        "passed_with_any_refusal": counts.passed_with_any_refusal,
        "writes": {
            name.strip(): {**effects, "n": effects.total(), "refused": wilson(_refused(effects), effects.total())}
            for name, effects in _rows(counts).items()
        },
    }


def _refused(effects: Counter[str]) -> int:
    return effects["forbid"] + effects["ask"]


def _refusal(refusal: Refusal) -> dict[str, Any]:
    return {
        "place": refusal.place,
        "tool": refusal.call.tool,
        "effect": refusal.decision.effect,
        "rule": refusal.decision.rule,
        "reason": refusal.decision.reason,
    }


def _share(interval: Interval | None) -> str:
    if interval is None:
        return "-"
    return f"{100 * interval.share:.1f}% [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"
