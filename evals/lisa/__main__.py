"""`python -m evals.lisa --data DIR`: streams past memory and past its simpler rivals; also `leastward eval lisa`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from evals.pages import NoPart, rewrite
from server.asking import NoLibrary

from .grid import GRIDS, PROCESSES, Plan, run_grid
from .material import Unreadable
from .methods import OURS
from .page import section
from .plots import NoPlots, draw
from .report import as_json, print_tables
from .requirements import contests, judge
from .streams import DECISIONS, STREAMS, build

QUICK = {"streams": ("confaide+",), "seeds": 2, "grid": "small", "decisions": 400}


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    if options.data is None:
        print("name the data folder with --data or LEASTWARD_DATA", file=sys.stderr)
        return 2
    if options.quick:
        for name, value in QUICK.items():
            setattr(options, name, value)
    cases = tuple(case for case in GRIDS[options.grid] if not options.cells or case.name in options.cells)
    missing = [name for name in options.cells if name not in {case.name for case in cases}]
    if missing:
        print(f"the grid `{options.grid}` has no cell `{missing[0]}`", file=sys.stderr)
        return 2
    plan = Plan(
        data=options.data,
        streams=tuple(options.streams),
        seeds=tuple(range(options.first, options.first + options.seeds)),
        cases=cases,
        decisions=options.decisions,
        is_part=bool(options.cells),
        encoder=options.encoder,
        methods=tuple(options.methods),
        model=options.model,
        base_url=options.base_url,
    )
    try:
        digests = {f"{name}/{seed}": build(name, plan.data, seed, plan.decisions).digest for name, seed in plan.tasks()}
        with Progress(console=Console(stderr=True), transient=True) as progress:
            bar = progress.add_task("streams x seeds", total=len(plan.tasks()))
            results = run_grid(plan, options.processes, lambda: progress.advance(bar))
    except (Unreadable, NoLibrary) as error:
        print(error, file=sys.stderr)
        return 1
    judged, contested = judge(results, cases), contests(results, OURS)
    if options.plots is not None:
        try:
            for path in draw(results, cases, options.plots):
                print(f"wrote {path}", file=sys.stderr)
        except NoPlots as error:
            print(error, file=sys.stderr)
            return 1
    if options.page is not None:
        try:
            part = section(plan, options.grid, results, cases, judged, contested)
            rewrite(options.page, options.part or options.grid, part)
        except (OSError, NoPart) as error:
            print(error, file=sys.stderr)
            return 1
    if options.json:
        json.dump(as_json(plan, digests, results, judged, contested), sys.stdout, indent=1)
        print()
    else:
        console = Console(width=None if sys.stdout.isatty() else 200)
        print_tables(console, results, cases, judged, contested)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evals.lisa", description=__doc__)
    folder = os.environ.get("LEASTWARD_DATA")
    parser.add_argument("--data", type=Path, default=Path(folder) if folder else None, help="the data folder")
    parser.add_argument("--streams", nargs="+", choices=tuple(STREAMS), default=tuple(STREAMS), help="only these")
    parser.add_argument("--grid", choices=tuple(GRIDS), default="small", help="which cells")
    parser.add_argument(
        "--cells", nargs="+", default=(), metavar="NAME", help="only these of the grid's, as tables name them"
    )
    parser.add_argument("--seeds", type=int, default=10, help="how many")
    parser.add_argument("--first", type=int, default=0, metavar="SEED", help="the first seed (0 to 9 were tuned on)")
    parser.add_argument("--decisions", type=int, default=DECISIONS, help="the most decisions of one traffic")
    parser.add_argument("--methods", nargs="+", default=(), metavar="NAME", help="only these methods")
    parser.add_argument("--model", help="also the methods that ask a language model, by litellm's name of it")
    parser.add_argument("--base-url", help="the model's server, where it is one's own")
    parser.add_argument("--encoder", choices=("hashing", "wordllama", "minilm"), default="hashing", help="for texts")
    parser.add_argument("--processes", type=int, default=PROCESSES, help="streams x seeds at a time")
    parser.add_argument("--quick", action="store_true", help="one stream, two seeds, 400 decisions, the small grid")
    parser.add_argument("--plots", type=Path, default=None, metavar="DIR", help="write the figures there")
    parser.add_argument("--page", type=Path, default=None, metavar="FILE", help="rewrite a part of a page")
    parser.add_argument("--part", metavar="NAME", help="which part of the page; the grid's name unless said")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
