"""What one decision costs, beside Cedar and jsonschema-rs, in one run.

`python -m evals.bench.decide [--json] [--quick]`

Every engine gets the same rules, each tool's rules as a set of their own where the engine has no index of tools; every
answer is checked against the workload's own truth before anything is timed. A figure is thread CPU time for one
decision: the median of ROUNDS rounds with the smallest and the largest beside it. Engines take turns inside a round, so
that a busy moment of the machine hits all of them; `empty call` is what the loop and one Python call cost (it is in
every figure).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from policy_dsl import (
    EMPTY_CATALOGUE,
    And,
    Argument,
    Compare,
    Effect,
    Holds,
    Literal,
    Member,
    NamedArgument,
    PolicySet,
    RangeSet,
    Rule,
    SetLiteral,
    Signature,
    ToolPattern,
    compile_policy,
)
from policy_dsl.ast import Condition

from . import workload
from .machine import machine
from .workload import Equal, Like, OneOf, Range, Request, WorkloadRule

SIZES = (1, 10, 100, 1_000, 10_000)
ROUNDS = 9
ROUND_SECONDS = 0.02
"""CPU time that one engine gets in one round, about."""

SLOW_REQUESTS = 32
"""Requests of a round for an engine that needs longer than ROUND_SECONDS for all of them."""

Decide = Callable[[str, dict[str, Any]], object]


@dataclass(frozen=True, slots=True)
class Engine:
    """`decide` is timed; `allows` reads its answer for the check. `load_us` is the time to load, per rule."""

    name: str
    decide: Decide
    allows: Callable[[Any], bool]
    load_us: float


@dataclass(frozen=True, slots=True)
class Figure:
    """Microseconds for one decision; `requests` is `worst` (only the last rule matches) or `mixed`."""

    engine: str
    rules: int
    tools: int
    requests: str
    median: float
    low: float
    high: float
    load_us_per_rule: float


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m evals.bench.decide", description=__doc__)
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    parser.add_argument("--quick", action="store_true", help="without the sizes and engines that take minutes to load")
    options = parser.parse_args(argv)
    figures = [
        figure
        for tools in (50, 1)
        for size in SIZES
        for figure in measure(size, tools, peers=not options.quick or size <= 1_000)
    ]
    if options.json:
        print(json.dumps({"machine": machine(), "figures": [asdict(f) for f in figures], "ratios": ratios(figures)}))
    else:
        _show(figures)
    return 0


def measure(size: int, tools: int, *, peers: bool) -> list[Figure]:
    """The figures of all engines on one workload; AssertionError where an engine answers wrongly."""
    rules = workload.rules(size, tools)
    mixed = workload.mixed(rules, tools)
    engines = [*_leastward(rules), *([_cedar(rules), _jsonschema(rules)] if peers else []), _EMPTY]
    for engine in engines[:-1]:
        for tool, arguments in (workload.worst(rules), *mixed):
            expected = workload.truth(rules, (tool, arguments))
            assert engine.allows(engine.decide(tool, arguments)) is expected, f"{engine.name}: {tool} {arguments}"
    figures = []
    for kind, requests in (("worst", [workload.worst(rules)] * 256), ("mixed", mixed)):
        taken = _time(engines, requests)
        for engine in engines:
            times = taken[engine.name]
            median = statistics.median(times)
            figures.append(Figure(engine.name, size, tools, kind, median, min(times), max(times), engine.load_us))
    return figures


def _time(engines: Sequence[Engine], requests: Sequence[Request]) -> dict[str, list[float]]:
    """Microseconds of each round of each engine; one that is slow gets only the first SLOW_REQUESTS."""
    plans: dict[str, tuple[Sequence[Request], int]] = {}
    for engine in engines:
        few = requests[:SLOW_REQUESTS]
        each = _one_pass(engine.decide, few) / len(few)
        asked = requests if each * len(requests) <= ROUND_SECONDS else few
        plans[engine.name] = (asked, max(1, int(ROUND_SECONDS / (each * len(asked)))))
    taken: dict[str, list[float]] = {engine.name: [] for engine in engines}
    for _ in range(ROUNDS):
        for engine in engines:
            asked, passes = plans[engine.name]
            spent = sum(_one_pass(engine.decide, asked) for _ in range(passes))
            taken[engine.name].append(spent / passes / len(asked) * 1e6)
    return taken


def _one_pass(decide: Decide, requests: Sequence[Request]) -> float:
    started = time.thread_time()
    for tool, arguments in requests:
        decide(tool, arguments)
    return time.thread_time() - started


def _loaded(load: Callable[[], Decide], rules: Sequence[object]) -> tuple[Decide, float]:
    started = time.thread_time()
    decide = load()
    return decide, (time.thread_time() - started) / len(rules) * 1e6


# --- the engines ----------------------------------------------------------------------------------------------------

_EMPTY = Engine("empty call", lambda tool, arguments: None, lambda answer: False, 0.0)


def _leastward(rules: Sequence[WorkloadRule]) -> list[Engine]:
    policy = policy_of(rules)
    started = time.thread_time()
    program = compile_policy(policy)
    program.prepare()
    load = (time.thread_time() - started) / len(rules) * 1e6
    both = {"leastward bare": program.decide_bare, "leastward full": program.decide}
    return [Engine(name, decide, lambda answer: answer.effect == "allow", load) for name, decide in both.items()]


def policy_of(rules: Sequence[WorkloadRule]) -> PolicySet:
    """The workload in this project's language, with `...`: its rules name one to three of five arguments."""
    return PolicySet(
        files=(),
        rules={f"r{number:05}": _rule(rule) for number, rule in enumerate(rules)},
        sets={},
        otherwise={},
        tests=(),
        hash="sha256:workload",
        catalogue=EMPTY_CATALOGUE,
    )


def _rule(rule: WorkloadRule) -> Rule:
    parts = tuple(part for condition in rule.conditions for part in _condition(condition))
    names = tuple(NamedArgument(condition.argument) for condition in rule.conditions)
    return Rule(
        effect=Effect.FORBID if rule.forbids else Effect.ALLOW,
        tools=(ToolPattern(None, rule.tool),),
        signature=None if rule.forbids else Signature(names, open=True),
        when=parts[0] if len(parts) == 1 else And(parts),
        unless=None,
    )


def _condition(condition: workload.Condition) -> tuple[Condition, ...]:
    argument = Argument((condition.argument,))
    match condition:
        case Equal(_, value):
            return (Compare("==", argument, Literal(value)),)
        case Like(_, beginning, ending):
            # The two of the workload cannot overlap: no beginning ends as an ending begins.
            return Holds("starts with", argument, Literal(beginning)), Holds("ends with", argument, Literal(ending))
        case Range(_, low, high):
            return (Member(argument, RangeSet(low, high)),)
        case OneOf(_, values):
            return (Member(argument, SetLiteral(values)),)


def _by_tool(rules: Sequence[WorkloadRule]) -> dict[str, list[WorkloadRule]]:
    listed: dict[str, list[WorkloadRule]] = {}
    for rule in rules:
        listed.setdefault(rule.tool, []).append(rule)
    return listed


def _cedar(rules: Sequence[WorkloadRule]) -> Engine:
    import cedarpy

    def load() -> Decide:
        texts = {tool: "\n".join(map(_cedar_text, of)) for tool, of in _by_tool(rules).items()}
        sets = {tool: cedarpy.PolicySet.from_str(text) for tool, text in texts.items()}
        entities = cedarpy.Entities.from_json_str("[]")
        actions = {tool: f'Action::"{tool}"' for tool in sets}

        def decide(tool: str, arguments: dict[str, Any]) -> object:
            policies = sets.get(tool)
            if policies is None:
                return None
            request = {
                "principal": 'Agent::"a"',
                "action": actions[tool],
                "resource": 'Gate::"g"',
                "context": arguments,
            }
            return cedarpy.is_authorized(request, policies, entities)

        return decide

    decide, load_us = _loaded(load, rules)
    return Engine("cedarpy", decide, lambda answer: answer is not None and answer.allowed, load_us)


def _cedar_text(rule: WorkloadRule) -> str:
    effect = "forbid" if rule.forbids else "permit"
    conditions = " && ".join(map(_cedar_condition, rule.conditions))
    return f'{effect} (principal, action == Action::"{rule.tool}", resource) when {{ {conditions} }};'


def _cedar_condition(condition: workload.Condition) -> str:
    argument = f"context.{condition.argument}"
    match condition:
        case Equal(_, value):
            return f"{argument} == {json.dumps(value)}"
        case Like(_, beginning, ending):
            return f'{argument} like "{beginning}*{ending}"'
        case Range(_, low, high):
            return f"{argument} >= {low} && {argument} <= {high}"
        case OneOf(_, values):
            return f"{json.dumps(values)}.contains({argument})"


def _jsonschema(rules: Sequence[WorkloadRule]) -> Engine:
    import jsonschema_rs

    def load() -> Decide:
        valid: dict[str, tuple[Callable[[Any], bool], Callable[[Any], bool]]] = {}
        for tool, of in _by_tool(rules).items():
            forbids = [_schema(rule) for rule in of if rule.forbids]
            grants = [_schema(rule) for rule in of if not rule.forbids]
            valid[tool] = (
                jsonschema_rs.validator_for({"anyOf": forbids} if forbids else False).is_valid,
                jsonschema_rs.validator_for({"anyOf": grants} if grants else False).is_valid,
            )

        def decide(tool: str, arguments: dict[str, Any]) -> object:
            both = valid.get(tool)
            return both is not None and not both[0](arguments) and both[1](arguments)

        return decide

    decide, load_us = _loaded(load, rules)
    return Engine("jsonschema-rs", decide, bool, load_us)


def _schema(rule: WorkloadRule) -> dict[str, Any]:
    return {
        "properties": {condition.argument: _member_schema(condition) for condition in rule.conditions},
        "required": [condition.argument for condition in rule.conditions],
    }


def _member_schema(condition: workload.Condition) -> dict[str, Any]:
    match condition:
        case Equal(_, value):
            return {"const": value}
        case Like(_, beginning, ending):
            return {"type": "string", "pattern": f"^{beginning}.*{ending.replace('.', '[.]')}$"}
        case Range(_, low, high):
            return {"type": "number", "minimum": low, "maximum": high}
        case OneOf(_, values):
            return {"enum": list(values)}


# --- the table ------------------------------------------------------------------------------------------------------


def ratios(figures: Sequence[Figure]) -> dict[str, float]:
    """What design.md sets numbers for, as ratios of this run's medians."""
    at = {(f.engine, f.rules, f.tools, f.requests): f.median for f in figures}
    found: dict[str, float] = {}
    for tools in (50, 1):
        for requests in ("worst", "mixed"):
            name = f"{requests}, {tools} tool{'s' if tools > 1 else ''}"
            bare = {size: at["leastward bare", size, tools, requests] for size in SIZES}
            found[f"growth 100 -> 10,000 rules, {name}"] = bare[10_000] / bare[100]
            for size in SIZES:
                full = at["leastward full", size, tools, requests]
                found[f"full / bare at {size:,} rules, {name}"] = full / bare[size]
                for peer in ("cedarpy", "jsonschema-rs"):
                    if (peer, size, tools, requests) in at:
                        found[f"{peer} / bare at {size:,} rules, {name}"] = at[peer, size, tools, requests] / bare[size]
    return {name: float(round(Decimal(ratio), 2)) for name, ratio in found.items()}


def _show(figures: Sequence[Figure]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(machine())
    for tools in (50, 1):
        for requests in ("worst", "mixed"):
            table = Table(title=f"us for one decision, {requests} request, rules on {tools} tool(s): median, low-high")
            table.add_column("engine")
            for size in SIZES:
                table.add_column(f"{size:,} rules", justify="right")
            for engine in dict.fromkeys(figure.engine for figure in figures):
                listed = {
                    f.rules: f"{f.median:.4g}\n{f.low:.4g}-{f.high:.4g}"
                    for f in figures
                    if (f.engine, f.tools, f.requests) == (engine, tools, requests)
                }
                table.add_row(engine, *(listed.get(size, "-") for size in SIZES))
            console.print(table)
    loads = {f.engine: f.load_us_per_rule for f in figures if f.rules == max(SIZES) and f.tools == 50}
    console.print("load, us per rule at 10,000: " + ", ".join(f"{name} {us:.0f}" for name, us in loads.items() if us))
    for name, ratio in ratios(figures).items():
        console.print(f"{ratio:8.2f}x  {name}", highlight=False)


if __name__ == "__main__":
    sys.exit(main())
