"""The standard decision workload: tools with five arguments, rules of one to three conditions, every seventh a forbid.

Conditions are an equality, a text between a beginning and an ending, a range, or membership in a small set; forbids
win, nothing granted is refused. The same rules are handed to every engine in its own language, and `truth` is the slow
answer that each of them must equal. Nothing here is random but which requests `mixed` picks, by its seed.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Arguments = dict[str, str | int]
Request = tuple[str, Arguments]

ENDINGS = {1: ".txt", 4: ".csv"}
"""Of the two kinds of rule that look at the path."""


@dataclass(frozen=True, slots=True)
class Equal:
    argument: str
    value: str

    def holds(self, arguments: Mapping[str, Any]) -> bool:
        return bool(arguments.get(self.argument) == self.value)


@dataclass(frozen=True, slots=True)
class Like:
    """A text that begins and ends like this, the two not overlapping."""

    argument: str
    beginning: str
    ending: str

    def holds(self, arguments: Mapping[str, Any]) -> bool:
        value = arguments.get(self.argument, "")
        long_enough = len(value) >= len(self.beginning) + len(self.ending)
        return bool(long_enough and value.startswith(self.beginning) and value.endswith(self.ending))


@dataclass(frozen=True, slots=True)
class Range:
    """Both ends included."""

    argument: str
    low: int
    high: int

    def holds(self, arguments: Mapping[str, Any]) -> bool:
        value = arguments.get(self.argument)
        return value is not None and bool(self.low <= value <= self.high)


@dataclass(frozen=True, slots=True)
class OneOf:
    argument: str
    values: tuple[str, ...]

    def holds(self, arguments: Mapping[str, Any]) -> bool:
        return arguments.get(self.argument) in self.values


Condition = Equal | Like | Range | OneOf


@dataclass(frozen=True, slots=True)
class WorkloadRule:
    tool: str
    forbids: bool
    conditions: tuple[Condition, ...]


def rules(count: int, tools: int = 50) -> list[WorkloadRule]:
    """`count` rules dealt out over `tools` tools in turn; the last rule of each tool is never a forbid."""
    return [_rule(number, tools, last=number + tools >= count) for number in range(count)]


def _rule(number: int, tools: int, *, last: bool) -> WorkloadRule:
    tool, turn = number % tools, number // tools
    forbids = turn % 7 == 3 and not last
    recipient = Equal("recipient", f"u{turn}@corp.com")
    kind = turn % 5
    conditions: tuple[Condition, ...]
    if kind == 0:
        conditions = (recipient, Range("amount", 0, 100 + turn))
    elif kind == 1:
        conditions = (Like("path", f"/srv/{tool}/{turn}/", ENDINGS[kind]),)
    elif kind == 2:
        low = 1000 + 10 * turn
        conditions = (Range("amount", low, low + 5), OneOf("mode", ("read", "write", "append")))
    elif kind == 3:
        conditions = (OneOf("mode", tuple(f"m{turn}_{x}" for x in range(5))), Range("count", 0, 50))
    else:
        path = Like("path", f"/srv/{tool}/{turn}/", ENDINGS[kind])
        conditions = (recipient, path, OneOf("mode", ("read", "list", "stat")))
    return WorkloadRule(f"tool_{tool}", forbids, conditions)


def idle_arguments() -> Arguments:
    """Arguments that no rule matches."""
    return {
        "recipient": "nobody@else.org",
        "path": "/home/x/report_final_2026.pdf",
        "amount": 500,
        "mode": "exec",
        "count": 77,
    }


def matching_arguments(rule: WorkloadRule) -> Arguments:
    """Arguments that this rule matches."""
    arguments = idle_arguments()
    for condition in rule.conditions:
        match condition:
            case Equal(argument, value):
                arguments[argument] = value
            case Like(argument, beginning, ending):
                arguments[argument] = f"{beginning}some/dir/file_name{ending}"
            case Range(argument, low, _):
                arguments[argument] = low + 1
            case OneOf(argument, values):
                arguments[argument] = values[1]
    return arguments


def worst(listed: Sequence[WorkloadRule]) -> Request:
    """The request that only the last rule matches."""
    return listed[-1].tool, matching_arguments(listed[-1])


def mixed(listed: Sequence[WorkloadRule], tools: int = 50, count: int = 256, seed: int = 3) -> list[Request]:
    """Half match some rule, four in ten match none, one in ten is for a tool that no rule names."""
    chance = random.Random(seed)
    requests: list[Request] = []
    for _ in range(count):
        share = chance.random()
        if share < 0.5:
            rule = chance.choice(listed)
            requests.append((rule.tool, matching_arguments(rule)))
        elif share < 0.9:
            requests.append((f"tool_{chance.randrange(tools)}", idle_arguments()))
        else:
            requests.append(("unknown_tool", idle_arguments()))
    return requests


def truth(listed: Iterable[WorkloadRule], request: Request) -> bool:
    """Whether the request is allowed: some rule grants it and no rule forbids it."""
    tool, arguments = request
    about_it = (rule for rule in listed if rule.tool == tool)
    matching = [rule for rule in about_it if all(condition.holds(arguments) for condition in rule.conditions)]
    return bool(matching) and not any(rule.forbids for rule in matching)
