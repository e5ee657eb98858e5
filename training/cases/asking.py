"""The engine as the one who labels: a case in, the Guard's own Decision out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final, Literal

from guardrail import ANYONE, Decision, Guard, Principal, Session, ToolCall, no_objection
from policy_dsl import (
    Catalogue,
    Effect,
    Facts,
    PolicyError,
    PolicySet,
    check,
    compile_policy,
    load,
    parse,
    policy_set,
    quoted,
    strict_json,
)
from policy_dsl.state import StatePlan

from ..example import DataError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OBSERVED = ("succeeded", "failed")
_FILE: Final = re.compile(r"^# file: (.+)\n", re.MULTILINE)
_SAYS: Final[Mapping[Effect, Literal["allow", "ask", "forbid"]]] = {
    Effect.ALLOW: "allow",
    Effect.ASK: "ask",
    Effect.REQUIRE_APPROVAL: "ask",
    Effect.FORBID: "forbid",
}


@dataclass(frozen=True, slots=True)
class Labelled:
    """What the engine says to one case. `call` is what would be released, None for a forbid."""

    effect: Literal["allow", "ask", "forbid"]
    rule: str | None
    reason: str
    call: dict[str, Any] | None

    def answer(self) -> str:
        """The gold answer: one line of canonical JSON."""
        return strict_json.encode({"effect": self.effect, "rule": self.rule, "call": self.call}).decode()


class Engine:
    """One policy, compiled, with the Guard that the gate would ask. A judge has no objection to anything."""

    __slots__ = ("_idle", "guard", "plan", "policy")

    def __init__(self, policy: PolicySet) -> None:
        self.policy = policy
        self.guard = Guard(compile_policy(policy))
        self.plan = StatePlan(policy)
        self._idle = self.plan.is_idle

    @classmethod
    def of_text(cls, text: str, tools: Sequence[Mapping[str, object]], name: str = "policy") -> Engine:
        """The engine of one policy in memory, of several files where lines `# file: PATH` part them; DataError where it
        does not parse or does not check. `name` is its own or its identifier."""
        plain = name.removeprefix("<|policy:").partition("@")[0]
        first, *parted = _FILE.split(text)
        named = list(zip(parted[::2], parted[1::2], strict=True)) or [(f"{plain}.lw", first)]
        try:
            files = [parse(source, path) for path, source in named]
            policy = policy_set(files, Catalogue.from_tools(list(tools)) if tools else None)
        except PolicyError as error:
            raise DataError(f"the policy `{name}` cannot be used: {error}") from error
        return cls(checked(policy))

    @classmethod
    def of_files(cls, paths: Sequence[str], tools: Catalogue | None = None) -> Engine:
        """The engine of a policy set on disk; DataError where it does not parse or does not check."""
        try:
            policy = load(paths, tools)
        except PolicyError as error:
            raise DataError(f"the policy cannot be used: {error}") from error
        return cls(checked(policy))

    def session(self, context: Mapping[str, Any]) -> Session:
        """The session that a context tells of: `facts`, `at`, `user`, `given` (what happened before), `labels`."""
        facts = context.get("facts")
        principal = ANYONE if not facts else _principal(facts)
        session = Session(principal, plan=None if self._idle else self.plan)
        if at := context.get("at"):
            session.tick(_microseconds(at))
        if user := context.get("user"):
            session.user_said(user)
        for name, compartment in context.get("labels", ()):
            session.labelled(name, compartment)
        if given := context.get("given"):
            ids = count(1)
            for step in given:
                _give(session, step, f"before-{next(ids)}")
        return session

    def decision(self, call: Mapping[str, Any], context: Mapping[str, Any]) -> tuple[Decision, Session]:
        """The Guard's Decision on a call, and the session it was made in."""
        session = self.session(context)
        asked = ToolCall(call["tool"], call["args"], "asked", call.get("server"))
        decision = self.guard.decide(asked, session)
        if decision.needs is not None:
            question = self.guard.question(asked, session, decision)
            decision = self.guard.decide(asked, session, judged=no_objection(question))
        return decision, session

    def label(self, call: Mapping[str, Any], context: Mapping[str, Any]) -> Labelled:
        """The engine's answer to one case."""
        return self.label_with_facts(call, context)[0]

    def label_with_facts(self, call: Mapping[str, Any], context: Mapping[str, Any]) -> tuple[Labelled, Facts]:
        """The same with the facts that it was decided by, so that each test of a rule can be asked again."""
        decision, session = self.decision(call, context)
        return labelled(decision, call), session.facts

    def rule(self, id: str) -> Labelled:
        """A rule as the answer to a question about the rule itself; DataError where the policy has no such rule."""
        if id not in self.policy.rules:
            raise DataError(f"the policy has no rule `{id}`")
        return Labelled(_SAYS[self.policy.rules[id].effect], id, "rule", None)


def labelled(decision: Decision, call: Mapping[str, Any]) -> Labelled:
    """A Decision as the answer that a model is to give."""
    if decision.effect == "forbid":
        return Labelled("forbid", decision.rule, decision.reason, None)
    arguments = call["args"] if decision.arguments is None else decision.arguments
    return Labelled(decision.effect, decision.rule, decision.reason, {"tool": call["tool"], "args": arguments})


def checked(policy: PolicySet) -> PolicySet:
    """The policy, where `check` finds no error in it; DataError with the first one, and its place, where it does."""
    for finding in check(policy, policy.catalogue):
        if finding.severity == "error":
            place = f"{finding.path}:{finding.span.line}:{finding.span.column}"
            raise DataError(f"the policy does not check: {place}: {finding.message} ({quoted(finding.code)})")
    return policy


def _principal(facts: Mapping[str, Any]) -> Principal:
    return Principal(
        tenant=facts.get("tenant"),
        agent=facts.get("agent"),
        user=facts.get("user"),
        roles=frozenset(facts.get("roles", ())),
        claims=facts.get("claims", {}),
        via=tuple(facts.get("via", ())),
    )


def _give(session: Session, step: Mapping[str, Any], id: str) -> None:
    """Something that has happened, and what must have happened for it; as a test block's `given`."""
    kind = step["kind"]
    call = ToolCall(step["tool"], step.get("args", {}), id, step.get("server"))
    if kind == "requested":
        session.requested(call)
        return
    released = kind in ("released", *_OBSERVED)
    session.decided(call, Decision("allow" if released else "forbid", None, "given", None, (), ""))
    if kind in _OBSERVED:
        status: Literal["ok", "error"] = "ok" if kind == "succeeded" else "error"
        session.answered(id, step.get("result"), observed=True, status=status)


def _microseconds(at: str) -> int:
    since = datetime.fromisoformat(at) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
