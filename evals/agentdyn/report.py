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
    table = Table(title=f"AgentDyn, the tasks that nothing was reported on: mean of {seeds} seeds (least to most)")
    for column in ("defence", "ceiling", "costs", "reports", "poisoned", "audits", "rules"):
        table.add_column(column)
    for column in MEASURES:
        table.add_column(column, justify="right")
    for cell in cells:
        rates = (f"{cell.rate:.0%}", f"{cell.poisoned:.0%}", f"{cell.audits:.0%}")
        shown = [_shown(cell.shares(measure)) for measure in MEASURES]
        table.add_row(cell.defence, cell.ceiling, cell.costs, *rates, f"{fmean(cell.speaking):.1f}", *shown)
    console.print(table)
    defences = {cell.defence: cell for cell in cells}
    for name, cell in defences.items():
        counts = ", ".join(f"{measure}: {cell.calls(measure):.0f}" for measure in MEASURES)
        console.print(f"{name}, calls that a share is of: {counts}")


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
