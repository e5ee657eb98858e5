"""What it costs to check a policy: all passes of `leastward check` over the decision workload, with typed tools.

`python -m evals.bench.check [--json]`

Seconds of thread CPU time for one `check` of a policy that is parsed and resolved already: the median of ROUNDS rounds
with the smallest and the largest beside it. The rules stand on 50 tools and, as the passes compare rules of one tool
with each other, all on one tool.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from policy_dsl import Catalogue, PolicyFile, check, format, parse, policy_set

from . import workload
from .decide import policy_of
from .machine import machine

SIZES = (100, 1_000)
ROUNDS = 7
TYPES = {"recipient": "string", "path": "string", "amount": "integer", "mode": "string", "count": "integer"}
"""The arguments of every tool of the workload."""


@dataclass(frozen=True, slots=True)
class Figure:
    """Seconds; `findings` is how many were found, the same in each round."""

    rules: int
    tools: int
    median: float
    low: float
    high: float
    findings: int


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m evals.bench.check", description=__doc__)
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    options = parser.parse_args(argv)
    figures = [measure(size, tools) for tools in (50, 1) for size in SIZES]
    if options.json:
        print(json.dumps({"machine": machine(), "figures": [asdict(figure) for figure in figures]}))
        return 0
    print(machine())
    for one in figures:
        print(
            f"check of {one.rules:5,} rules on {one.tools:2} tool(s): median {one.median:.3f} s "
            f"({one.low:.3f} to {one.high:.3f}), n = {ROUNDS}, {one.findings:,} findings"
        )
    return 0


def measure(size: int, tools: int) -> Figure:
    catalogue = Catalogue.from_tools([_tool(number) for number in range(tools)])
    rules = tuple(policy_of(workload.rules(size, tools)).rules.values())
    policy = policy_set([parse(format(PolicyFile("bench.lw", 1, rules, "")), "bench.lw")], catalogue)
    taken, found = [], 0
    for _ in range(ROUNDS):
        started = time.thread_time()
        found = len(check(policy))
        taken.append(time.thread_time() - started)
    return Figure(size, tools, statistics.median(taken), min(taken), max(taken), found)


def _tool(number: int) -> dict[str, object]:
    properties = {name: {"type": kind} for name, kind in TYPES.items()}
    return {"name": f"tool_{number}", "parameters": {"type": "object", "properties": properties, "required": []}}


if __name__ == "__main__":
    sys.exit(main())
