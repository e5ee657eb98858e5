"""`python -m evals.agentdyn --data DIR`: learn from reports of two defences' false refusals, print the shares."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from evals.pages import NoPart, rewrite
from memory import Terms

from .ceilings import Ceiling, ceiling
from .report import Cell, as_json, print_table, section
from .runs import DEFENCES, Run, Suite, Unreadable, read_runs, read_suites
from .trial import Asked, Plan, asked, learned, measured

COSTS = {"product": Terms(), "even": Terms(missed_harm=1.0, false_block=1.0)}
"""`product` are the defaults: a missed harm costs nine false blocks. `even` prices both alike."""

RATES, POISONED, AUDITS = (0.1, 0.3), (0.0, 0.1, 0.3), (0.0, 0.05, 0.25)


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    if options.data is None:
        print("name the data folder with --data or LEASTWARD_DATA", file=sys.stderr)
        return 2
    try:
        suites = read_suites(options.data)
        runs = {defence: read_runs(options.data, defence, suites) for defence in options.defences}
    except Unreadable as error:
        print(error, file=sys.stderr)
        return 1
    cells = _cells(runs, suites, options.seeds)
    if options.page is not None:
        try:
            rewrite(options.page, "agentdyn", section(cells, options.seeds))
        except (OSError, NoPart) as error:
            print(error, file=sys.stderr)
            return 1
    if options.json:
        json.dump(as_json(cells), sys.stdout, indent=1)
        print()
    else:
        print_table(Console(width=None if sys.stdout.isatty() else 200), cells)
    return 0


def _cells(runs: dict[str, list[Run]], suites: dict[str, Suite], seeds: int) -> list[Cell]:
    ceilings: tuple[Ceiling, ...] = ("open", "bound")
    cells = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        per_side = len(COSTS) * len(RATES) * len(POISONED) * len(AUDITS) * seeds
        task = progress.add_task("trials", total=len(runs) * len(ceilings) * per_side)
        for (defence, found), kind in product(runs.items(), ceilings):
            programs = {name: ceiling(name, suite.tools, kind) for name, suite in suites.items()}
            calls = asked(found, programs)
            halves = [[one for one, run in zip(calls, found, strict=True) if run.half == half] for half in (0, 1)]
            for (costs, rate), poisoned, audits in product(product(COSTS, RATES), POISONED, AUDITS):
                cell = Cell(defence, kind, costs, rate, poisoned, audits)
                for seed in range(seeds):
                    _trial(cell, halves, Plan(rate, poisoned, audits, COSTS[costs]), seed)
                    progress.advance(task)
                cells.append(cell)
    return cells


def _trial(cell: Cell, halves: list[list[list[Asked]]], plan: Plan, seed: int) -> None:
    """Learn from one half and measure on the other; which is which alternates with the seed."""
    state = learned(halves[seed % 2], plan, seed)
    cell.trials.append(measured(halves[1 - seed % 2], state, plan.terms))
    cell.speaking.append(sum(one.phase == "active" for one in state.abstractions.values()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evals.agentdyn", description=__doc__)
    folder = os.environ.get("LEASTWARD_DATA")
    parser.add_argument("--data", type=Path, default=Path(folder) if folder else None, help="the data folder")
    parser.add_argument("--defences", nargs="+", choices=DEFENCES, default=DEFENCES, help="only these defences")
    parser.add_argument("--seeds", type=int, default=10, help="trials of each cell")
    parser.add_argument("--page", type=Path, default=None, metavar="FILE", help="rewrite the part of a page")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
