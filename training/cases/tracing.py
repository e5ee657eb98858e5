"""The engine's way to an answer as words: which tests of the deciding rule came to what, on which values.

Every test is asked of the compiled policy itself (`compile_condition`), so a thought can never disagree with a label.
A test that is written with `not` is told as the test itself with the opposite answer: `after succeeded login: no`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from policy_dsl import (
    ABSENT,
    And,
    Compare,
    Condition,
    Effect,
    Facts,
    FromSource,
    Holds,
    IfThen,
    IsType,
    Like,
    Matches,
    Member,
    MultipleOf,
    Not,
    Or,
    PolicySet,
    Presence,
    Quantified,
    Rule,
    Runs,
    Seen,
    TimeWithin,
    Tracker,
    Under,
    compile_operand,
    spelling,
    strict_json,
)
from policy_dsl.compile import compile_condition, fits

from .asking import Engine, Labelled

MOST_TESTS = 8
"""Tests that a thought tells; a longer rule is told by its first ones."""

MOST_RULES = 3
"""Rules that a thought names where none decided."""

_SUBJECTED = (Compare, Member, Matches, Like, Holds, Under, Runs, IsType, MultipleOf)
_SAYS = {"allow": "allows", "ask": "asks", "forbid": "forbids"}
_TRUTH = {True: "yes", False: "no", None: "unknown"}


@dataclass(frozen=True, slots=True)
class _Test:
    subject: str
    value: Callable[..., Any] | None
    tail: str
    test: Callable[..., bool | None]

    def told(self, arguments: Mapping[str, Any], facts: Facts) -> str:
        answer = _TRUTH[self.test(arguments, facts)]
        if self.value is None:
            return f"{self.subject}: {answer}"
        value = self.value(arguments, facts)
        return f"{self.subject} {_shown(value)} {self.tail}: {answer}"


def _shown(value: Any) -> str:
    if value is ABSENT:
        return "missing"
    if type(value) is int:
        return str(value)  # what the encoder writes, at a fifth of its price
    return value if isinstance(value, str) else strict_json.encode(value).decode()


class Tracer:
    """Tells how one Engine came to its answers. What a rule tests is prepared once."""

    __slots__ = ("_engine", "_made", "_tests")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._tests: dict[str, tuple[_Test, ...]] = {}
        # Rules of one tree share their tests (equal nodes, wherever they stand), and each is compiled once.
        self._made: dict[Condition, _Test] = {}

    def thought(self, call: Mapping[str, Any], facts: Facts, label: Labelled) -> str:
        """The tests walked, and what came of them; without a deciding rule, why the nearest grants did not match."""
        arguments = call["args"]
        if label.rule is not None and label.rule in self._engine.policy.rules:
            told = [test.told(arguments, facts) for test in self._of(label.rule)]
            return "; ".join([*told, f"so {label.rule} {_SAYS[label.effect]}"])
        if label.reason != "no-rule":
            return f"{label.reason}; so it is forbidden"
        parts = []
        for rule in self._grants(call)[:MOST_RULES]:
            failed = next((test for test in self._of(rule) if test.test(arguments, facts) is not True), None)
            parts.append(f"{rule}: {failed.told(arguments, facts) if failed else 'other arguments'}")
        return "; ".join([*parts, "no rule grants it"])

    def tests(self, call: Mapping[str, Any], facts: Facts) -> Iterator[tuple[str, str, str]]:
        """Each test of each rule on the call's tool: the rule's id, the test, and what it came to."""
        for id, rule in self._engine.policy.rules.items():
            if fits(rule.tools, call.get("server"), call["tool"]):
                for test in self._of(id):
                    yield id, f"{test.subject} {test.tail}".strip(), _TRUTH[test.test(call["args"], facts)]

    def rule(self, id: str | None) -> Rule | None:
        """The rule that decided, where one did."""
        return None if id is None else self._engine.policy.rules.get(id)

    def depth(self, rule: Rule) -> int:
        """How many tests the rule has."""
        return len(leaves(rule))

    def _of(self, rule: str) -> tuple[_Test, ...]:
        if rule not in self._tests:
            found = leaves(self._engine.policy.rules[rule])[:MOST_TESTS]
            self._tests[rule] = tuple(map(self._test, found))
        return self._tests[rule]

    def _test(self, node: Condition) -> _Test:
        if node not in self._made:
            self._made[node] = _test(node, self._engine.policy)
        return self._made[node]

    def _grants(self, call: Mapping[str, Any]) -> list[str]:
        rules = self._engine.policy.rules
        return [
            id
            for id, rule in rules.items()
            if rule.effect in (Effect.ALLOW, Effect.ASK) and fits(rule.tools, call.get("server"), call["tool"])
        ]


def leaves(rule: Rule) -> list[Condition]:
    """The tests of a rule in the order written, connectives and `not` taken off."""
    return [leaf for part in (rule.when, rule.unless) if part is not None for leaf in _leaves(part)]


def _leaves(node: Condition) -> Iterator[Condition]:
    match node:
        case And(items) | Or(items):
            for item in items:
                yield from _leaves(item)
        case Not(item):
            yield from _leaves(item)
        case IfThen(test, then, otherwise):
            for part in (test, then, otherwise):
                if part is not None:
                    yield from _leaves(part)
        case _:
            yield node


def _test(node: Condition, policy: PolicySet) -> _Test:
    test = compile_condition(node, policy)
    match node:
        case Seen(tracker):
            return _Test(_event(policy.trackers[tracker]), None, "", test)
        case TimeWithin():
            return _Test("in its time", None, "", test)
        case FromSource(operand, source, loosely):
            place = policy.sources[source]
            words = "anything untrusted" if place.untrusted else "a label" if place.label else _names(place.tools)
            how = "derived from" if loosely else "from results of"
            return _Test(f"{spelling.operand(operand, ('it',))} {how} {words}", None, "", test)
        case Presence() | Quantified():
            return _Test(spelling.condition(node), None, "", test)
        case _ if isinstance(node, _SUBJECTED):
            subject = spelling.subject(node)
            tail = spelling.tail(node, ()).replace('"', "")
            return _Test(
                spelling.operand(subject, ()).removeprefix("claim ").strip('"'), compile_operand(subject), tail, test
            )
        case _:
            return _Test(spelling.condition(node).replace('"', ""), None, "", test)


def _event(tracker: Tracker) -> str:
    feed = tracker.feeds[0]
    return f"{_names(feed.tools)} {feed.kind} {'just before' if tracker.measure == 'previous' else 'before'}"


def _names(tools: Sequence[Any]) -> str:
    return spelling.tools(tools)
