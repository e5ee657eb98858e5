"""server/reporting.py: who reports as what, what a report may hold, and that every refusal is counted."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

import jsonschema_rs
import pytest

from guardrail import Principal
from policy_dsl import encode_json
from server.edge import EdgeError
from server.exchange import Caller, Scope
from server.reporting import REPORT_DECISION, REPORT_SCOPES, Claim, Reporting, Who, who_is

DECISION = "dec-" + "0" * 26 + ".1"


def caller(*scopes: Scope, user: str | None = "ada", roles: tuple[str, ...] = ()) -> Caller:
    return Caller(Principal("acme", "console", user, frozenset(roles)), frozenset(scopes), "key-1")


class Taker:
    """The port that memory keeps: it remembers what reached it."""

    def __init__(self) -> None:
        self.taken: list[Claim] = []

    def report_many(self, claims: Sequence[Claim]) -> list[dict[str, Any] | Exception]:
        self.taken += claims
        unknown = EdgeError(404, "unknown-decision", "there is no such decision")
        return [{"decision": one.decision} if one.decision == DECISION else unknown for one in claims]


def test_who_reports_is_one_whatever_the_credential_says_beside() -> None:
    said = Principal("acme", "console", "ada", frozenset({"lead"}), {"level": 2}, ("broker",))
    found = who_is(Caller(said, frozenset({Scope.REPORT}), "corp:ada"))
    assert found.principal == who_is(caller(Scope.REPORT)).principal


@pytest.mark.parametrize(
    ("scopes", "id", "kind"),
    [
        ((Scope.CALL,), "agent:console", "automated"),
        ((Scope.CALL, Scope.RUNS, Scope.DECIDE), "agent:console", "automated"),
        ((Scope.REPORT,), "user:ada", "user"),
        ((Scope.CALL, Scope.REPORT), "user:ada", "user"),
        ((Scope.REPORT, Scope.APPROVE), "user:ada", "admin"),
        ((Scope.ADMIN,), "user:ada", "admin"),
    ],
)
def test_scopes_say_what_a_reporter_is(scopes: tuple[Scope, ...], id: str, kind: str) -> None:
    found = who_is(caller(*scopes))
    assert (found.id, found.kind, found.principal) == (id, kind, caller().principal.key)


def test_an_agents_tool_is_an_agent_whatever_its_key_may_do() -> None:
    assert who_is(caller(*Scope), agent=True).kind == "automated"


def test_two_keys_of_one_person_are_one_reporter_and_an_agents_users_are_one_agent() -> None:
    assert who_is(caller(Scope.REPORT)).id == who_is(caller(Scope.ADMIN)).id
    assert who_is(caller(Scope.CALL, user="ada")).id == who_is(caller(Scope.CALL, user="bob")).id
    assert who_is(caller(Scope.REPORT, user=None)).id == "agent:console"


def test_a_role_names_the_unit() -> None:
    assert who_is(caller(Scope.REPORT, roles=("ops", "unit:sales"))).unit == "sales"
    assert who_is(caller(Scope.REPORT, roles=("ops",))).unit == ""


BODIES: list[tuple[Any, str]] = [
    ({"decision": DECISION, "should": "allow"}, "accepted"),
    ({"decision": DECISION, "should": "forbid", "because": "\x1b[2J{{x}}", "key": "k"}, "accepted"),
    ({"decision": "dec-other", "should": "forbid"}, "unknown-decision"),
    ({"decision": DECISION}, "bad-report"),
    ({"should": "allow"}, "bad-report"),
    ({"decision": DECISION, "should": "ask"}, "bad-report"),
    ({"decision": DECISION, "should": "allow", "because": "x" * 1001}, "bad-report"),
    ({"decision": "d" * 65, "should": "allow"}, "bad-report"),
    ({"decision": DECISION, "should": "allow", "key": 1}, "bad-report"),
    ({"decision": DECISION, "should": "allow", "weight": 1}, "bad-report"),
    ([], "bad-report"),
]


@pytest.mark.parametrize(("body", "result"), BODIES)
def test_every_report_is_counted_by_what_became_of_it(body: Any, result: str) -> None:
    taker, counted = Taker(), list[str]()
    reporting = Reporting(taker, counted.append)
    if result == "accepted":
        assert asyncio.run(reporting.from_body(caller(Scope.REPORT), encode_json(body))) == {"decision": DECISION}
        who = Who("user:ada", "user", caller().principal.key)
        expected = Claim("acme", DECISION, body["should"], who, body.get("because", ""), body.get("key", ""))
        assert taker.taken == [expected]
    else:
        with pytest.raises(EdgeError) as caught:
            asyncio.run(reporting.from_body(caller(Scope.REPORT), encode_json(body)))
        assert caught.value.code == result
    assert counted == [result]


@pytest.mark.parametrize(("body", "result"), [case for case in BODIES if isinstance(case[0], dict)])
def test_the_tools_schema_and_its_handler_agree(body: dict[str, Any], result: str) -> None:
    accepts = jsonschema_rs.validator_for(REPORT_DECISION["inputSchema"]).is_valid(body)
    assert accepts == (result != "bad-report")
    taker = Taker()
    counted: list[str] = []
    with contextlib.suppress(EdgeError):
        asyncio.run(Reporting(taker, counted.append).from_tool(caller(*Scope), body))
    assert counted == [result]
    assert [one.who.kind for one in taker.taken] == ["automated"] * len(taker.taken)
    assert bool(taker.taken) == accepts


def test_whoever_may_call_may_report() -> None:
    assert frozenset({Scope.CALL, Scope.APPROVE, Scope.ADMIN}) == REPORT_SCOPES
