"""`python -m evals.progent --data DIR`: Progent's shipped policies, imported, on AgentDojo's ground-truth calls."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from evals.agentdojo import Unreadable
from policy_dsl import PolicyError

from .replay import Counts, replay


def main(argv: Sequence[str] | None = None) -> int:
    """0 where every task comes out as in Progent's own engine, 1 where they are not, 2 without data."""
    options = _parser().parse_args(argv)
    if options.data is None:
        print("name the data folder with --data or LEASTWARD_DATA", file=sys.stderr)
        return 2
    try:
        suites = replay(options.data)
    except (Unreadable, PolicyError) as error:
        print(error, file=sys.stderr)
        return 1
    found = total(suites)
    same = all(suite.is_progents for suite in suites)
    if options.json:
        rows = [{name: getattr(suite, name) for name in Counts.__dataclass_fields__} for suite in suites]
        print(json.dumps({"suites": rows, "total": found, "as_progent": same}, indent=1))
    else:
        for suite in suites:
            print(_row(suite))
        print(f"{'total':<10} user tasks {found[0]}/{found[1]}, injections refused {found[2]}/{found[3]}")
        print("task by task as Progent's own engine" if same else "not what Progent's own engine says")
    return int(not same)


def total(suites: Sequence[Counts]) -> tuple[int, int, int, int]:
    tasks = sum(len(suite.tasks) for suite in suites)
    injections = sum(len(suite.injections) for suite in suites)
    refused = sum(len(suite.tasks_refused) for suite in suites)
    passed = sum(len(suite.injections_passed) for suite in suites)
    return tasks - refused, tasks, injections - passed, injections


def _row(suite: Counts) -> str:
    tasks, injections = len(suite.tasks), len(suite.injections)
    told = [*(f"{name} refused" for name in suite.tasks_refused), *(f"{n} passes" for n in suite.injections_passed)]
    return (
        f"{suite.suite:<10} user tasks {tasks - len(suite.tasks_refused)}/{tasks}, "
        f"injections refused {injections - len(suite.injections_passed)}/{injections}"
        + (f" ({', '.join(told)})" if told else "")
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evals.progent", description=__doc__)
    folder = os.environ.get("LEASTWARD_DATA")
    parser.add_argument("--data", type=Path, default=Path(folder) if folder else None, help="folder of the data")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
