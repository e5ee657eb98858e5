"""Runs the `test` blocks of a policy set: each expectation through the same Guard that the gate asks.

A test block is one session of one principal, its steps in order; the counters of agents, users and tenants are its own
too, and a judge has no objection to anything. What the user says before a call is known to the call, and every call
that was decided, with what came of it, to the calls after it. A `given` step is observed, as if the gate had seen it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any, Literal, assert_never

from policy_dsl import (
    CallExpectation,
    PolicyError,
    PolicyFile,
    PolicySet,
    Scope,
    Span,
    StrictJsonError,
    TestBlock,
    UserSays,
    spelling,
    strict_json,
)
from policy_dsl.ast import EventKind, Given, GivenLabel, MoveClock, Scalar
from policy_dsl.state import StatePlan

from .decision import Decision
from .guard import Guard
from .judging import no_objection
from .model import Principal, ToolCall
from .session import Session


@dataclass(frozen=True, slots=True)
class ExpectationOutcome:
    """One expectation and what came of it. `wanted_rule` None: any rule, or none. `wanted_arguments` None: whatever the
    call `became`, which is what it was where no rewrite changed it."""

    test: str
    tool: str
    wanted: Literal["allow", "ask", "forbid"]
    wanted_rule: str | None
    got: Decision
    span: Span
    path: str
    source: str
    wanted_arguments: dict[str, Any] | None = None
    became: dict[str, Any] | None = None

    @property
    def passed(self) -> bool:
        return (
            self.got.effect == self.wanted
            and self.wanted_rule in (None, self.got.rule)
            and (self.wanted_arguments is None or _same(self.wanted_arguments, self.became))
        )

    def render(self) -> str:
        """What was wanted and what came instead, with the expectation underlined."""
        wanted = _described(self.wanted, self.wanted_rule, self.wanted_arguments)
        came = _described(self.got.effect, self.got.rule, self.became if self.wanted_arguments is not None else None)
        errors = ", ".join(f"`{error.rule}`: {error.code} at `{error.place}`" for error in self.got.errors)
        return PolicyError(
            f"test {spelling.text(self.test)}: wanted {wanted}, got {came} ({self.got.reason})",
            code="test-failed",
            span=self.span,
            path=self.path,
            source=self.source,
            help=f"rules that could not be evaluated: {errors}" if errors else None,
        ).render()


def _described(effect: str, rule: str | None, arguments: dict[str, Any] | None) -> str:
    by = "" if rule is None else f" by `{rule}`"
    become = "" if arguments is None else f" with `{strict_json.encode(arguments).decode()}`"
    return f"{effect}{by}{become}"


def _same(one: Any, other: Any) -> bool:
    """JSON equality: Python alone would find true equal to 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def run_tests(policy: PolicySet, guard: Guard) -> list[ExpectationOutcome]:
    """Every expectation of every test block, in the order written. `guard` decides by `policy`, compiled."""
    plan = StatePlan(policy)
    return [
        result
        for file in policy.files
        for statement in file.statements
        if isinstance(statement, TestBlock)
        for result in _Run(file, statement, guard, plan).results()
    ]


class _Run:
    """One test block while it runs."""

    def __init__(self, file: PolicyFile, test: TestBlock, guard: Guard, plan: StatePlan) -> None:
        self._file = file
        self._test = test
        self._guard = guard
        self._session = Session(_principal(test.principal, test.claims), plan=plan)
        self._ids = (f"call-{number}" for number in count(1))
        if test.at is not None:
            self._session.tick(_microseconds(test.at))

    def results(self) -> Iterator[ExpectationOutcome]:
        for step in self._test.steps:
            match step:
                case CallExpectation():
                    yield self._expect(step)
                case UserSays(words):
                    self._session.user_said([words])
                case MoveClock(at):
                    self._session.tick(_microseconds(at))
                case GivenLabel(label):
                    self._session.labelled(label.name, label.compartment)
                case Given():
                    self._give(step)
                case _:
                    assert_never(step)

    def _expect(self, step: CallExpectation) -> ExpectationOutcome:
        wanted = None if step.rewritten is None else strict_json.parse_object(step.rewritten)
        became: dict[str, Any] | None = None
        try:
            arguments = strict_json.parse_object(step.arguments)
        except StrictJsonError:
            # As the gate does with a call whose arguments are no strict JSON: refused without asking the Guard.
            got = Decision("forbid", None, "bad-arguments", None, (), self._guard.policy_hash)
        else:
            call = ToolCall(step.tool, arguments, next(self._ids), step.server)
            got = self._guard.decide(call, self._session)
            if got.needs is not None:
                asked = self._guard.question(call, self._session, got)
                got = self._guard.decide(call, self._session, judged=no_objection(asked))
            self._session.decided(call, got)
            became = arguments if got.arguments is None else got.arguments
        test, file = self._test, self._file
        return ExpectationOutcome(
            test.title, step.tool, step.effect, step.rule, got, step.span, file.path, file.source, wanted, became
        )

    def _give(self, step: Given) -> None:
        """Something that has happened, and what must have happened for it."""
        call = ToolCall(step.tool, strict_json.parse_object(step.arguments), next(self._ids), step.server)
        released = step.kind in (EventKind.RELEASED, EventKind.SUCCEEDED, EventKind.FAILED)
        if step.kind is EventKind.REQUESTED:
            self._session.requested(call)
            return
        self._session.decided(call, Decision("allow" if released else "forbid", None, "given", None, (), ""))
        if step.kind in (EventKind.SUCCEEDED, EventKind.FAILED):
            result = None if step.result is None else strict_json.parse(step.result)
            status: Literal["ok", "error"] = "ok" if step.kind is EventKind.SUCCEEDED else "error"
            self._session.answered(call.call_id, result, observed=True, status=status)


def _principal(scope: Scope, claims: tuple[tuple[str, Scalar], ...]) -> Principal:
    """Who a test speaks as: the first of each kind of name, all roles, and the whole chain of delegation."""
    return Principal(
        tenant=next(iter(scope.tenants), None),
        agent=next(iter(scope.agents), None),
        user=next(iter(scope.users), None),
        roles=frozenset(scope.roles),
        claims=dict(claims),
        via=scope.via,
    )


def _microseconds(at: str) -> int:
    """An RFC 3339 moment, which the language has checked, as microseconds since 1970 UTC."""
    since = datetime.fromisoformat(at) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
