"""Runs the `test` blocks of a policy set: each expectation through the same Guard that the gate asks.

A test block is one session of one principal, its steps in order. What the user says before a call is known to the call.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

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

from .decision import Decision
from .guard import Guard
from .model import Principal, ToolCall
from .session import Session


@dataclass(frozen=True, slots=True)
class ExpectationOutcome:
    """One expectation and what came of it. `wanted_rule` None: any rule, or none."""

    test: str
    tool: str
    wanted: Literal["allow", "ask", "forbid"]
    wanted_rule: str | None
    got: Decision
    span: Span
    path: str
    source: str

    @property
    def passed(self) -> bool:
        return self.got.effect == self.wanted and self.wanted_rule in (None, self.got.rule)

    def render(self) -> str:
        """What was wanted and what came instead, with the expectation underlined."""
        wanted = self.wanted if self.wanted_rule is None else f"{self.wanted} by `{self.wanted_rule}`"
        came = self.got.effect if self.got.rule is None else f"{self.got.effect} by `{self.got.rule}`"
        errors = ", ".join(f"`{error.rule}`: {error.code} at `{error.place}`" for error in self.got.errors)
        return PolicyError(
            f"test {spelling.text(self.test)}: wanted {wanted}, got {came} ({self.got.reason})",
            code="test-failed",
            span=self.span,
            path=self.path,
            source=self.source,
            help=f"rules that could not be evaluated: {errors}" if errors else None,
        ).render()


def run_tests(policy: PolicySet, guard: Guard) -> list[ExpectationOutcome]:
    """Every expectation of every test block, in the order written. `guard` decides by `policy`, compiled."""
    return [
        result
        for file in policy.files
        for statement in file.statements
        if isinstance(statement, TestBlock)
        for result in _run(file, statement, guard)
    ]


def _run(file: PolicyFile, test: TestBlock, guard: Guard) -> Iterator[ExpectationOutcome]:
    session = Session(_principal(test.principal))
    for step in test.steps:
        if isinstance(step, UserSays):
            session.user_said([step.words])
        elif isinstance(step, CallExpectation):
            got = _decide(step, session, guard)
            yield ExpectationOutcome(
                test.title, step.tool, step.effect, step.rule, got, step.span, file.path, file.source
            )


def _decide(step: CallExpectation, session: Session, guard: Guard) -> Decision:
    try:
        arguments = strict_json.parse_object(step.arguments)
    except StrictJsonError:
        # As the gate does with a call whose arguments are no strict JSON: refused without asking the Guard.
        return Decision("forbid", None, "bad-arguments", None, (), guard.policy_hash)
    return guard.decide(ToolCall(step.tool, arguments, server=step.server), session)


def _principal(scope: Scope) -> Principal:
    """Who a test speaks as: the first of each kind of name, and all roles."""
    return Principal(
        tenant=next(iter(scope.tenants), None),
        agent=next(iter(scope.agents), None),
        user=next(iter(scope.users), None),
        roles=frozenset(scope.roles),
    )
