"""`python -m evals.gates`: measure the gates of memory and print the tables of docs/memory-mathematics.md."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import track

from .plot import draw
from .report import as_json, print_tables
from .tables import measure

PLOT = Path(__file__).resolve().parents[2] / "docs" / "plots" / "gates.svg"
TABLES = 7


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    errors = Console(stderr=True)
    measured = measure(options.paths, options.seed)
    tables = list(track(measured, "reading gates", total=TABLES, console=errors, transient=True))
    if options.plot is not None:
        draw(options.plot, options.paths, options.seed)
    if options.json:
        json.dump(as_json(tables, options.paths, options.seed), sys.stdout, indent=1)
        print()
    else:
        print_tables(Console(width=None if sys.stdout.isatty() else 120), tables, options.paths, options.seed)
    return 0


def _paths(text: str) -> int:
    paths = int(text)
    if paths < 100:
        raise argparse.ArgumentTypeError("fewer than 100 paths measure nothing")
    return paths


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evals.gates", description=__doc__)
    parser.add_argument(
        "--paths", type=_paths, default=20_000, help="paths a cell (default 20,000; about half a minute)"
    )
    parser.add_argument("--seed", type=int, default=1, help="the seed that all seeds follow from")
    parser.add_argument(
        "--plot", type=Path, nargs="?", const=PLOT, help="also write the picture (docs/plots/gates.svg)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
