"""server/dry_run.py: who a dry run is for, and that it leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from guardrail import Guard, Principal, ToolCall
from policy_dsl import EMPTY_CATALOGUE, compile_policy, parse, policy_set
from server.dry_run import DryRun
from server.exchange import Caller, Scope
from server.sessions import SessionBook
from server.settings_judge import JudgeSettings

POLICY = """language 1
allow see(...) as see
for agent "bot" { allow act(...) as bots }
for role "boss" { allow order(...) as bosses }
for tenant "acme" { allow own(...) as own }
for tenant "other" { allow foreign(...) as foreign }
allow said(x) as said when x from user
allow night() as night when time between 22:00 and 06:00 in "UTC"
allow pay(amount) as pay
allow post(text) as posts subject to judge
limit pay to 100 of amount released per agent ever as purse
"""
CALLER = Caller(Principal("acme", "bot"), frozenset({Scope.DECIDE}), "key-1")


@dataclass
class Held:
    current: Guard
    is_loaded: bool = True
    error: str | None = None
    loaded_at: Any = None


GUARD = Guard(compile_policy(policy_set([parse(POLICY, "policy.lw")]), EMPTY_CATALOGUE))
BOOK = SessionBook()
RUN = DryRun(Held(GUARD), BOOK, lambda: datetime(2026, 11, 22, 12, tzinfo=UTC))


def asked(line: Any) -> tuple[int, Any]:
    body = line if isinstance(line, bytes) else json.dumps(line).encode()
    answer = asyncio.run(RUN(CALLER, body))
    return answer.status, json.loads(answer.body)


@pytest.mark.parametrize(
    ("line", "effect", "reason"),
    [
        ({"tool": "see", "args": {}}, "allow", "rule"),
        ({"tool": "act", "args": {}}, "allow", "rule"),
        ({"tool": "act", "args": {}, "principal": {"agent": "other"}}, "forbid", "no-rule"),
        ({"tool": "order", "args": {}}, "forbid", "no-rule"),
        ({"tool": "order", "args": {}, "principal": {"roles": ["boss"]}}, "allow", "rule"),
        ({"tool": "see", "args": '{"a":1,"a":2}'}, "forbid", "bad-json-arguments"),
        ({"tool": "see", "args": "[]"}, "forbid", "arguments-not-object"),
        ({"tool": "see", "args": '{"a":1}'}, "allow", "rule"),
        ({"tool": "said", "args": {"x": "invoice 7"}, "session": "s"}, "forbid", "no-rule"),
    ],
)
def test_calls(line: Any, effect: str, reason: str) -> None:
    status, tree = asked(line)
    assert (status, tree["effect"], tree["reason"]) == (200, effect, reason)


@pytest.mark.parametrize(
    "line",
    [
        b"", b"[]", b"{", {}, {"tool": "see"}, {"args": {}}, {"user": "pay invoice 7"}, {"result": 1, "session": "s"},
        {"tool": "see", "args": {}, "speaks_for_user": True}, {"tool": "see", "args": 1},
        b'{"tool":"see","tool":"act","args":{}}',
    ],
)  # fmt: skip
def test_everything_else_is_a_bad_line(line: Any) -> None:
    status, tree = asked(line)
    assert (status, tree["error"]["code"]) == (400, "bad-line")


@pytest.mark.parametrize("named", [{}, {"tenant": "other"}, {"tenant": "other", "agent": "bot"}])
def test_a_named_principal_stays_in_the_callers_tenant(named: dict[str, Any]) -> None:
    assert asked({"tool": "own", "args": {}, "principal": named})[1]["effect"] == "allow"
    assert asked({"tool": "foreign", "args": {}, "principal": named})[1]["effect"] == "forbid"


def test_the_clock_is_the_gates_unless_the_line_has_a_time() -> None:
    assert asked({"tool": "night", "args": {}})[1]["effect"] == "forbid"
    assert asked({"tool": "night", "args": {}, "at": "2026-11-22T23:00:00Z"})[1]["effect"] == "allow"


def test_counters_of_the_agent_are_read_and_not_moved() -> None:
    line = {"tool": "pay", "args": {"amount": 60}}
    assert [asked(line)[1]["effect"] for _ in range(3)] == ["allow"] * 3
    session = BOOK.of("run-1", CALLER.principal, GUARD.plan).session
    call = ToolCall("pay", {"amount": 60})
    session.tick(1)
    session.decided(call, GUARD.decide(call, session))
    assert asked(line)[1]["rule"] == "purse"
    assert asked({**line, "args": {"amount": 40}})[1]["effect"] == "allow"


def test_the_judge_is_asked_and_nothing_of_it_is_kept() -> None:
    judged = DryRun(Held(GUARD), BOOK, lambda: datetime(2026, 11, 22, 12, tzinfo=UTC), judge=JudgeSettings().judges())
    for text, run, effect, reason in (
        ("tide", RUN, "forbid", "needs-judge"),
        ("tide", judged, "allow", "rule"),
        ("AKIAIOSFODNN7EXAMPLE", judged, "forbid", "judge"),
    ):
        body = json.dumps({"tool": "post", "args": {"text": text}}).encode()
        told = json.loads(asyncio.run(run(CALLER, body)).body)
        assert (told["effect"], told["reason"]) == (effect, reason)
