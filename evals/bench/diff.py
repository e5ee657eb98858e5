"""How long a comparison of two policies takes.

`python -m evals.bench.diff [--json] [--quick]`

The standard decision workload is compared with three changed copies of itself: one rule in ten a little wider, one in
ten a little narrower (one conjunct more), and every rule spelled in other words, so that nothing is seen at sight and
each rule goes through the solver. A figure is CPU time of this process, and beside it what the answers were.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from policy_dsl import And, Compare, Holds, Literal, Matches, Member, PolicySet, RangeSet, Rule, SetLiteral
from policy_dsl.analysis import compare
from policy_dsl.ast import Condition

from . import workload
from .decide import policy_of
from .machine import machine
from .workload import Range

SIZES = (200, 1_000)
QUICK_SIZES = (200,)
TOOLS = 50


@dataclass(frozen=True, slots=True)
class Figure:
    """Seconds of CPU for one comparison; `relations` counts the tools by what the new policy is to the old one."""

    change: str
    rules: int
    tools: int
    seconds: float
    relations: dict[str, int]
    unknowns: int


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m evals.bench.diff", description=__doc__)
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    parser.add_argument("--quick", action="store_true", help="without the size that takes longest")
    options = parser.parse_args(argv)
    figures = [measure(name, size) for size in (QUICK_SIZES if options.quick else SIZES) for name in CHANGES]
    if options.json:
        print(json.dumps({"machine": machine(), "figures": [asdict(figure) for figure in figures]}))
    else:
        _show(figures)
    return 0


def measure(change: str, size: int, tools: int = TOOLS) -> Figure:
    rules = workload.rules(size, tools)
    old = policy_of(rules)
    new = CHANGES[change](rules)
    started = time.process_time()
    comparison = compare(old, new)
    seconds = time.process_time() - started
    relations: Counter[str] = Counter(tool.relation for tool in comparison.tools if tool.named)
    return Figure(change, size, tools, seconds, dict(relations), comparison.unknowns)


# --- changes --------------------------------------------------------------------------------------------------------


def _wider(rules: Sequence[workload.WorkloadRule]) -> PolicySet:
    def higher(rule: workload.WorkloadRule) -> workload.WorkloadRule:
        ranges = (replace(one, high=one.high + 1) if isinstance(one, Range) else one for one in rule.conditions)
        return replace(rule, conditions=tuple(ranges))

    return policy_of([higher(rule) if place % 10 == 0 else rule for place, rule in enumerate(rules)])


def _narrower(rules: Sequence[workload.WorkloadRule]) -> PolicySet:
    def held(rule: workload.WorkloadRule) -> workload.WorkloadRule:
        return replace(rule, conditions=(*rule.conditions, workload.Equal("mode", "read")))

    return policy_of([held(rule) if place % 10 == 0 and not rule.forbids else rule for place, rule in enumerate(rules)])


def _respelled(rules: Sequence[workload.WorkloadRule]) -> PolicySet:
    policy = policy_of(rules)
    return replace(policy, rules={id: _in_other_words(rule) for id, rule in policy.rules.items()})


def _in_other_words(rule: Rule) -> Rule:
    conjuncts = rule.when.items if isinstance(rule.when, And) else (rule.when,)
    return replace(rule, when=And(tuple(other for one in conjuncts if one is not None for other in _other_words(one))))


def _other_words(test: Condition) -> tuple[Condition, ...]:
    match test:
        case Member(operand, RangeSet(low, high)):
            return Compare(">=", operand, Literal(low)), Compare("<=", operand, Literal(high))
        case Holds("starts with", operand, Literal(str(beginning))):
            escaped = "".join(f"\\{one}" if one in "./" else one for one in beginning)
            return (Matches(operand, f"{escaped}[\\x00-\\x{{10FFFF}}]*"),)
        case Compare("==", operand, Literal(value)):
            return (Member(operand, SetLiteral((value,))),)
    return (test,)


CHANGES: dict[str, Callable[[Sequence[workload.WorkloadRule]], PolicySet]] = {
    "one rule in ten wider": _wider,
    "one rule in ten narrower": _narrower,
    "every rule respelled": _respelled,
}


def _show(figures: Sequence[Figure]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(machine())
    table = Table("change", "rules", "tools", "seconds", "tools are", "unknown", title="comparing two policies")
    for one in figures:
        relations = ", ".join(f"{count} {relation}" for relation, count in sorted(one.relations.items()))
        table.add_row(one.change, f"{one.rules:,}", str(one.tools), f"{one.seconds:.2f}", relations, str(one.unknowns))
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
