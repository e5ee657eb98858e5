"""server/routes_approvals.py: who sees what of an approval over HTTP, and who may answer it."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def people_ask(answering: Any, outside: Any) -> Any:
    """`people_ask(WHO, METHOD, PATH, BODY)` over HTTP with that one's key."""

    def ask(who: str, method: str, path: str, body: Any = None) -> Any:
        return outside.client(answering.port, answering.keys[who]).ask(method, path, body)

    return ask


def test_the_whole_way_over_http(answering: Any, people_ask: Any) -> None:
    asked = answering.ask(5, note="\u202elunch")
    one = f"/v1/approvals/{asked.approval.id}"
    listed = people_ask("ada", "GET", "/v1/approvals")
    assert listed.headers["cache-control"] == "no-store"
    (waiting,) = listed.tree["pending"]
    assert waiting["call"] == 'send_money(\n  amount = 5\n  note = "\\u202elunch"\n)'
    assert waiting["prompt"] == "Pay 5?"
    assert (waiting["rule"], waiting["agent"], waiting["state"]) == ("big", "bot", "pending")
    assert people_ask("bot", "GET", one).tree == {
        "id": asked.approval.id,
        "state": "pending",
        "expires_at": "2026-11-22T13:00:00.000000Z",
    }
    answered = people_ask("ada", "POST", one, {"approve": True, "because": "I know them"})
    assert (answered.status, answered.tree["state"], answered.tree["decided_by"]) == (200, "approved", "ada")
    assert people_ask("bot", "GET", one).tree["state"] == "approved"
    assert answering.ask(5, note="\u202elunch").said == "released"
    (over,) = people_ask("ada", "GET", "/v1/approvals").tree["over"]
    assert (over["state"], over["used"], over["because"]) == ("used", 1, "I know them")


def test_what_is_kept_of_an_answer(answering: Any, people_ask: Any) -> None:
    asked = answering.ask()
    people_ask("ada", "POST", f"/v1/approvals/{asked.approval.id}", {"approve": False, "because": "no such payee"})
    with answering.gate.store.rows() as rows:
        (act,) = [row for row in rows if b'"kind":"act"' in row.body]
    found = answering.gate.store.decision(act.id, "acme")
    wanted = {
        "kind": "act",
        "effect": "forbid",
        "reason": "denied",
        "approvals": [asked.approval.id],
        "user": "ada",
        "door": "approvals",
        "tool": "send_money",
        "run": asked.approval.run,
        "policy_hash": asked.approval.policy_hash,
    }
    assert {name: found[name] for name in wanted} == wanted
    assert b"no such payee" not in act.body, "why is kept where it can be erased"


def test_who_may_not_answer(answering: Any, people_ask: Any) -> None:
    asked = answering.ask()
    for who, status, code in (
        ("bot", 403, "missing-scope"),
        ("bot-with-approve", 403, "own-run"),
        ("eve", 404, "unknown-approval"),
    ):
        answer = people_ask(who, "POST", f"/v1/approvals/{asked.approval.id}", {"approve": True})
        assert (answer.status, answer.code) == (status, code)
    assert answering.gate.store.approval(asked.approval.id, "acme").state == "pending"


def test_only_the_roles_of_the_rule_answer(answering: Any, people_ask: Any) -> None:
    asked = answering.ask(tool="wire")
    path = f"/v1/approvals/{asked.approval.id}"
    for who in ("ada", "max"):  # without roles, and with another one
        for approve in (True, False):
            answer = people_ask(who, "POST", path, {"approve": approve})
            assert (answer.status, answer.code) == (403, "not-your-role")
    assert people_ask("tom", "GET", path).tree["by_roles"] == [["board", "treasurer"]]
    assert answering.ask(tool="wire").said == "needs-approval"
    assert people_ask("tom", "POST", path, {"approve": True}).status == 200
    assert answering.ask(tool="wire").said == "released"


def test_every_rule_that_asks_has_to_be_content(answering: Any, people_ask: Any) -> None:
    """The attack: of two rules that ask, whoever the one that is named would let answer is not enough."""
    asked = answering.ask(amount=5000, tool="wire")
    path = f"/v1/approvals/{asked.approval.id}"
    for who in ("tom", "uma"):  # with a role of one rule each
        answer = people_ask(who, "POST", path, {"approve": True})
        assert (answer.status, answer.code) == (403, "not-your-role")
    assert people_ask("zoe", "GET", path).tree["by_roles"] == [["auditor"], ["board", "treasurer"]]
    assert people_ask("zoe", "POST", path, {"approve": True}).status == 200
    assert answering.ask(amount=5000, tool="wire").said == "released"


def test_a_role_approves_nothing_that_its_own_principal_asked_for(answering: Any, people_ask: Any) -> None:
    asked = answering.ask(tool="wire", who="tom-asks")
    answer = people_ask("tom", "POST", f"/v1/approvals/{asked.approval.id}", {"approve": True})
    assert (answer.status, answer.code) == (403, "own-run")


def test_others_see_nothing(answering: Any, people_ask: Any) -> None:
    one = f"/v1/approvals/{answering.ask().approval.id}"
    for who in ("other-bot", "bot-for-ann", "eve"):
        answer = people_ask(who, "GET", one)
        assert (answer.status, answer.code) == (404, "unknown-approval"), who
    assert people_ask("other-bot", "GET", "/v1/approvals").code == "missing-scope"
    assert people_ask("eve", "GET", "/v1/approvals").tree == {"pending": [], "over": []}


BAD_ANSWERS: list[Any] = [
    {},
    {"approve": "yes"},
    {"approve": 1},
    {"approve": None},
    {"approve": True, "more": 1},
    {"approve": True, "because": 5},
    {"approve": True, "because": "x" * 1_001},
    b'{"approve": false, "approve": true}',
    b'{"approve": true}{}',
    b"",
]


def test_an_answer_is_read_strictly(answering: Any, people_ask: Any) -> None:
    asked = answering.ask()
    for body in BAD_ANSWERS:
        answer = people_ask("ada", "POST", f"/v1/approvals/{asked.approval.id}", body)
        assert (answer.status, answer.code) == (400, "bad-approval"), body
    assert answering.gate.store.approval(asked.approval.id, "acme").state == "pending"


def test_answers_that_come_too_late(answering: Any, people_ask: Any) -> None:
    first, second = answering.ask(1), answering.ask(2)
    path = f"/v1/approvals/{first.approval.id}"
    assert people_ask("ada", "POST", path, {"approve": True}).status == 200
    again = people_ask("max", "POST", path, {"approve": False})
    assert (again.status, again.code) == (409, "already-decided")
    answering.gate.clock.go(3_600)
    late = people_ask("ada", "POST", f"/v1/approvals/{second.approval.id}", {"approve": True})
    assert (late.status, late.code) == (410, "approval-expired")


def test_an_unknown_id_is_nothing_special(answering: Any, people_ask: Any) -> None:
    answering.ask()
    for name in ("apr-00000000000000000000000000", "x", "..", "apr-%27%20OR%201=1", "%2e%2e"):
        assert people_ask("ada", "GET", f"/v1/approvals/{name}").status == 404, name
