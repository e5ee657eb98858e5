"""guardrail/guard.py and decision.py: an Outcome becomes a Decision, and whatever breaks becomes a refusal."""

from __future__ import annotations

from typing import Any, cast

import pytest

from guardrail import ANYONE, Decision, Guard, Principal, Session, ToolCall
from policy_dsl import EMPTY_CATALOGUE, Program, compile_policy, parse, policy_set

POLICY = """language 1
allow pay(to, amount) as known when to == "ann" and amount <= 10
ask pay(to, amount) as dear when to == "ann" and amount > 10 message "Ask first."
forbid pay as never when to == "eve" message "Never eve."
for agent "clerk" { allow note(...) as clerk }
allow said(x) as said when x from user
otherwise forbid message "Not in the policy."
"""
POLICY_SET = policy_set([parse(POLICY, "policy.lw")])


@pytest.fixture(scope="module")
def guard() -> Guard:
    return Guard(compile_policy(POLICY_SET, EMPTY_CATALOGUE))


@pytest.mark.parametrize(
    ("arguments", "effect", "rule", "reason", "message"),
    [
        ({"to": "ann", "amount": 1}, "allow", "known", "rule", None),
        ({"to": "ann", "amount": 11}, "ask", "dear", "rule", "Ask first."),
        ({"to": "eve", "amount": 1}, "forbid", "never", "rule", "Never eve."),
        ({"to": "bob", "amount": 1}, "forbid", None, "no-rule", "Not in the policy."),
        ({"amount": 1}, "forbid", "never", "rule-error", "Never eve."),
    ],
)
def test_decisions(
    guard: Guard, arguments: dict[str, Any], effect: str, rule: str | None, reason: str, message: str | None
) -> None:
    decision = guard.decide(ToolCall("pay", arguments), Session(ANYONE))
    assert (decision.effect, decision.rule, decision.reason, decision.message) == (effect, rule, reason, message)
    assert decision.policy_hash == POLICY_SET.hash == guard.policy_hash
    assert decision.releases == (effect == "allow")
    assert (decision.memory_version, decision.rewritten) == (0, False)
    assert [(error.rule, error.code) for error in decision.errors] == [("never", "missing")] * ("to" not in arguments)


def test_who_acts_and_what_was_said_count(guard: Guard) -> None:
    note, said = ToolCall("note", {}), ToolCall("said", {"x": "invoice 7"})
    clerk = Session(Principal(agent="clerk"))
    assert guard.decide(note, clerk).releases
    assert not guard.decide(note, Session(Principal(agent="other"))).releases
    assert not guard.decide(said, clerk).releases
    clerk.user_said(["Please pay invoice 7."])
    assert guard.decide(said, clerk).releases


def test_deciding_changes_nothing(guard: Guard) -> None:
    session, call = Session(ANYONE), ToolCall("pay", {"to": "ann", "amount": 1})
    facts = session.facts
    assert guard.decide(call, session) == guard.decide(call, session)
    assert session.facts is facts
    assert call.arguments == {"to": "ann", "amount": 1}


@pytest.mark.parametrize("error", [ValueError("a value"), RecursionError(), MemoryError(), KeyError("x")])
def test_whatever_breaks_is_a_refusal(error: Exception) -> None:
    class Broken:
        policy = POLICY_SET
        policy_hash = "sha256:broken"
        shadow = None

        def decide(self, *_: object) -> object:
            raise error

    decision = Guard(cast(Program, Broken())).decide(ToolCall("pay", {}), Session(ANYONE))
    assert decision == Decision("forbid", None, "guard-error", None, (), "sha256:broken")
    assert not decision.releases


@pytest.mark.parametrize("effect", ["allow", "ask", "forbid"])
def test_only_an_allow_releases(effect: Any) -> None:
    assert Decision(effect, "known", "rule", None, (), "sha256:x").releases == (effect == "allow")
