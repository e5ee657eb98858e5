"""`leastward eval`: run a measurement of this project's checkout; installed packages hold none."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from .errors import CalledWrongly

MEASUREMENTS = {
    "agentdojo": "the policies of examples/agentdojo on recorded runs and ground truths",
    "agentdyn": "what memory makes of two defences' false refusals",
    "gates": "how often gates open that should not, by simulation",
    "lisa": "memory against simpler ways to learn from failure reports",
    "tau": "the policies of examples/tau on recorded dialogues and ground truths",
}


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "eval",
        help="measure what this project claims, on public data (from a checkout)",
        description="Runs `python -m evals.NAME` of the checkout in the working directory: "
        + "; ".join(f"`{name}`, {what}" for name, what in MEASUREMENTS.items())
        + ". Everything after the name goes to it; `leastward eval lisa --help` prints its options.",
    )
    parser.add_argument("measurement", choices=tuple(MEASUREMENTS), metavar="NAME", help=", ".join(MEASUREMENTS))
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="options of the measurement")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    # evals is never installed, and this floor may not know it: it is looked for by name, beside the user first.
    if (Path.cwd() / "evals" / options.measurement / "__main__.py").is_file():
        sys.path.insert(0, str(Path.cwd()))
    if find_spec("evals") is None:
        raise CalledWrongly("measurements run from a checkout of this project: go to its root and try again")
    code: int = import_module(f"evals.{options.measurement}.__main__").main(options.arguments)
    return code
