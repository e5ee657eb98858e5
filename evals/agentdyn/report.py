"""The trials as a table for people and as JSON for programs.

A cell's trials share recordings, so the mean over seeds is printed with the least and the most of one; an interval of
the pooled count would be too narrow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from evals.pages import table

MEASURES: Final[Mapping[str, tuple[str, str, str]]] = {
    "false refusals opened": ("user", "refused", "opened"),
    "attack calls opened": ("attack", "refused", "opened"),
    "attack calls now asked": ("attack", "passed", "narrowed"),
    "good calls now asked": ("user", "passed", "narrowed"),
}
"""Each a share: of the calls so meant that the defence so treated, those that memory changes so."""


@dataclass(slots=True)
class Cell:
    """One cell of the grid. `trials` are the counts of each seed, `speaking` how many abstractions spoke in each."""

    defence: str
    ceiling: str
    costs: str
    rate: float
    poisoned: float
    audits: float
    trials: list[Counter[str]] = field(default_factory=list)
    speaking: list[int] = field(default_factory=list)

    def shares(self, measure: str) -> list[float]:
        """By seed; of no calls the share is 0."""
        meant, base, how = MEASURES[measure]
        return [counts[f"{meant} {base} {how}"] / max(1, _all(counts, meant, base)) for counts in self.trials]

    def calls(self, measure: str) -> float:
        """Calls that each seed's share is of, on average."""
        meant, base, _ = MEASURES[measure]
        return fmean(_all(counts, meant, base) for counts in self.trials)


def print_table(console: Console, cells: Sequence[Cell]) -> None:
    seeds = len(cells[0].trials)
    out = Table(title=f"AgentDyn, the tasks that nothing was reported on: mean of {seeds} seeds (least to most)")
    for column in ("defence", "ceiling", "costs", "reports", "poisoned", "audits", "rules"):
        out.add_column(column)
    for column in MEASURES:
        out.add_column(column, justify="right")
    for cell in cells:
        defence, ceiling, *rates = _named(cell)
        shown = [_shown(cell.shares(measure)) for measure in MEASURES]
        out.add_row(defence, ceiling, cell.costs, *rates, f"{fmean(cell.speaking):.1f}", *shown)
    console.print(out)
    defences = {cell.defence: cell for cell in cells}
    for name, cell in defences.items():
        counts = ", ".join(f"{measure}: {cell.calls(measure):.0f}" for measure in MEASURES)
        console.print(f"{name}, calls that a share is of: {counts}")


def section(cells: Sequence[Cell], seeds: int) -> str:
    """Markdown for docs/memory-results.md: the command, and of each cost setting the cells in which anything opened."""
    parts = [
        f"`python -m evals.agentdyn --data DIR --seeds {seeds}`; each cell is the mean over seeds (least to most).",
    ]
    for costs in dict.fromkeys(cell.costs for cell in cells):
        here = [cell for cell in cells if cell.costs == costs]
        moved = [cell for cell in here if any(any(cell.shares(measure)) for measure in MEASURES)]
        parts.append(f"### Costs: {costs}\n\nAnything is opened or narrowed in {len(moved)} of {len(here)} cells.")
        if moved:
            head = ("defence", "ceiling", "reports", "poisoned", "audits", "rules that speak", *MEASURES)
            parts.append(table(head, ([*_named(cell), *_told(cell)] for cell in moved)))
    for name in dict.fromkeys(cell.defence for cell in cells):
        cell = next(one for one in cells if one.defence == name)
        counts = ", ".join(f"{measure}: {cell.calls(measure):.0f}" for measure in MEASURES)
        parts.append(f"Calls that a share of `{name}` is of, per seed: {counts}.")
    return "\n\n".join(parts)


def _named(cell: Cell) -> list[str]:
    return [cell.defence, cell.ceiling, f"{cell.rate:.0%}", f"{cell.poisoned:.0%}", f"{cell.audits:.0%}"]


def _told(cell: Cell) -> list[str]:
    shares = [cell.shares(measure) for measure in MEASURES]
    return [f"{fmean(cell.speaking):.1f}", *(_shown(one) if any(one) else "0" for one in shares)]


def as_json(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    return [
        {
            **{name: getattr(cell, name) for name in ("defence", "ceiling", "costs", "rate", "poisoned", "audits")},
            "speaking": cell.speaking,
            "shares": {measure: cell.shares(measure) for measure in MEASURES},
            "calls": {measure: cell.calls(measure) for measure in MEASURES},
        }
        for cell in cells
    ]


def _all(counts: Mapping[str, int], meant: str, base: str) -> int:
    return sum(count for name, count in counts.items() if name.startswith(f"{meant} {base} "))


def _shown(shares: Sequence[float]) -> str:
    return f"{fmean(shares):.1%} ({min(shares):.1%} to {max(shares):.1%})"
