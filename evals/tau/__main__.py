"""`python -m evals.tau --data DIR`: decide tau2's truths and the recorded dialogues, print the counts."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from policy_dsl import PolicyError

from .material import DOMAINS, Unreadable, read_dialogues, read_shop, read_tasks
from .measure import POLICIES, Domain, measure_dialogues, measure_truths
from .report import as_json, print_tables


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    if options.data is None:
        print("name the data folder with --data or LEASTWARD_DATA", file=sys.stderr)
        return 2
    try:
        domains = {name: Domain(name, options.policies) for name in options.domains}
        truths = {
            name: measure_truths(domain, read_tasks(options.data, name), read_shop(options.data, name))
            for name, domain in domains.items()
        }
        airline = domains.get("airline")
        dialogues = None if airline is None else measure_dialogues(airline, read_dialogues(options.data))
    except (Unreadable, PolicyError) as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        json.dump(as_json(truths, dialogues), sys.stdout, indent=1)
        print()
    else:
        print_tables(Console(width=None if sys.stdout.isatty() else 120), truths, dialogues)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evals.tau", description=__doc__)
    folder = os.environ.get("LEASTWARD_DATA")
    parser.add_argument("--data", type=Path, default=Path(folder) if folder else None, help="the data folder")
    parser.add_argument("--domains", nargs="+", choices=DOMAINS, default=DOMAINS, help="only these domains")
    parser.add_argument("--policies", type=Path, default=POLICIES, help="folder of airline.lw and retail.lw")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
