"""What was learned is heard, reviewed and taken back: server/routes_memory.py over HTTP, remembering/ (speaking.py,
keeping.py, observing.py, showing.py, proposal.py, trial.py) and what recorded.py keeps for them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from guardrail import Principal
from server.dry_run import DryRun
from server.exchange import Caller, Scope
from server.sessions import SessionBook


def test_a_harmful_call_becomes_a_question_and_others_do_not(taught: Any) -> None:
    record = taught.decide("pay", **taught.eve(50))
    (rule,) = (one for one in taught.learned() if one["label"] == "forbid")
    assert (rule["phase"], rule["approved"]) == ("active", None)
    assert (record["effect"], record["reason"], record["rule"]) == ("ask", "learned", rule["id"])
    said = record["memory"]
    assert (said["base"], said["base_rule"], said["base_reason"]) == ("allow", "pay", "rule")
    assert said["bound"] >= said["threshold"]
    assert taught.decide("pay", **taught.ann(99))["effect"] == "allow"
    assert taught.decide("drop")["reason"] == "rule"
    metrics = taught.gate.metrics()
    assert metrics['leastward_memory_abstractions{phase="active"}'] == 1.0
    assert metrics["leastward_memory_snapshot_version"] == record["memory_version"]


def test_approved_to_forbid_it_forbids(taught: Any) -> None:
    (rule,) = (one for one in taught.learned() if one["label"] == "forbid")
    body = {"version": rule["version"], "narrows_to": "forbid"}
    assert taught.told("admin0", "POST", f"/v1/abstractions/{rule['id']}/approve", body)["narrows_to"] == "forbid"
    assert taught.decide("pay", **taught.eve(50))["effect"] == "forbid"


def test_a_forbidden_call_is_released_once_a_person_approved_and_not_before(taught: Any) -> None:
    assert taught.decide("send", **taught.mail(99))["reason"] == "no-rule"
    (rule,) = (one for one in taught.learned() if one["label"] == "allow")
    assert (rule["phase"], rule["gate"]["open"]) == ("pending", True)
    path = f"/v1/abstractions/{rule['id']}/approve"
    assert taught.ask("admin0", "POST", path, {"version": rule["version"] + 1}).code == "stale-version"
    assert taught.ask("admin0", "POST", path, {}).code == "bad-review"
    assert taught.ask("user0", "POST", path, {"version": rule["version"]}).code == "missing-scope"
    assert taught.decide("send", **taught.mail(99))["effect"] == "forbid"
    before = taught.told("admin0", "GET", "/v1/abstractions")["snapshot"]["version"]
    assert taught.told("admin0", "POST", path, {"version": rule["version"]})["phase"] == "active"
    record = taught.decide("send", **taught.mail(99))
    assert (record["effect"], record["rule"], record["memory"]["base_reason"]) == ("allow", rule["id"], "no-rule")
    assert taught.decide("send", **taught.wild(99))["effect"] == "forbid"
    assert taught.decide("send", **taught.mail(99), cc="x")["effect"] == "forbid", (
        "the learnable's arguments are closed"
    )
    taught.told("admin0", "POST", "/v1/memory/rollback", {"snapshot": before})
    assert taught.decide("send", **taught.mail(99))["effect"] == "forbid"
    assert taught.ask("admin0", "POST", "/v1/memory/rollback", {"snapshot": 99}).code == "unknown-snapshot"


def test_a_retracted_reporter_takes_what_rested_on_it_along(taught: Any) -> None:
    assert taught.decide("pay", **taught.eve(50))["effect"] == "ask"
    assert taught.ask("admin0", "POST", "/v1/memory/retract", {"reporter": "user:nobody"}).code == "unknown-reporter"
    for name in ("a0", "a1", "a2", "a3", "u0", "u1", "u2", "u3"):
        taught.told("admin0", "POST", "/v1/memory/retract", {"reporter": f"user:{name}"})
    assert taught.decide("pay", **taught.eve(50))["effect"] == "allow", "what one reporter alone says opens nothing"
    later = taught.decide("pay", **taught.eve(49))
    refused = taught.ask("admin1", "POST", "/v1/reports", {"decision": later["id"], "should": "forbid"})
    assert (refused.status, refused.code) == (403, "no-right")


def test_a_rejected_rule_is_gone_and_a_narrowed_one_begins_anew(taught: Any) -> None:
    forbids, allows = (next(one for one in taught.learned() if one["label"] == label) for label in ("forbid", "allow"))
    path = f"/v1/abstractions/{forbids['id']}"
    assert taught.told("admin0", "POST", f"{path}/reject", {"because": "no"})["phase"] == "retired"
    assert taught.decide("pay", **taught.eve(50))["effect"] == "allow"
    shown = taught.told("admin0", "GET", f"/v1/abstractions/{allows['id']}")
    when = shown["text"].partition("when ")[2].partition("evidence")[0].strip()
    path = f"/v1/abstractions/{allows['id']}/edit"
    assert taught.ask("admin0", "POST", path, {"when": "true"}).code in ("bad-condition", "not-narrower")
    assert taught.ask("admin0", "POST", path, {"when": f"{when})\nallow drop(...) when (true"}).code == "bad-condition"
    assert taught.ask("admin0", "POST", path, {"when": 'text == "weekly"'}).code == "not-narrower"
    narrower = taught.told("admin0", "POST", path, {"when": f'{when} and to == "p1@example.com"'})
    assert narrower["id"] != allows["id"]
    assert narrower["phase"] == "shadow"


def test_a_learned_rule_is_shown_with_all_that_a_person_needs(taught: Any) -> None:
    (rule,) = (one for one in taught.learned() if one["label"] == "allow")
    shown = taught.told("admin0", "GET", f"/v1/abstractions/{rule['id']}")
    assert "learned allow send(...)" in shown["text"]
    assert f"state {rule['phase']}" in shown["text"]
    assert {one["severity"] for one in shown["findings"]} <= {"warning"}
    assert {one["audit"] for one in shown["evidence"]} == {True}
    assert shown["would_change"]["looked_at"] >= 72
    changed = shown["would_change"]["decisions"]
    assert {(one["tool"], one["was"], one["becomes"]) for one in changed} == {("send", "forbid", "allow")}
    assert len(changed) == 30


def test_another_tenants_are_unknown(taught: Any) -> None:
    record = taught.decide("pay", **taught.ann(1))
    rule = taught.learned()[0]
    assert taught.told("foreign", "GET", "/v1/abstractions")["abstractions"] == []
    assert taught.told("foreign", "GET", "/v1/audits")["audits"] == []
    for method, path, body, code in [
        ("POST", "/v1/reports", {"decision": record["id"], "should": "forbid"}, "unknown-decision"),
        ("POST", f"/v1/audits/{record['id']}", {"should": "forbid"}, "unknown-decision"),
        ("GET", f"/v1/abstractions/{rule['id']}", None, "unknown-abstraction"),
        ("POST", f"/v1/abstractions/{rule['id']}/approve", {"version": 1}, "unknown-abstraction"),
        ("POST", f"/v1/abstractions/{rule['id']}/reject", {}, "unknown-abstraction"),
        ("POST", f"/v1/abstractions/{rule['id']}/edit", {"when": "true"}, "unknown-abstraction"),
        ("POST", "/v1/memory/rollback", {"snapshot": 1}, "unknown-snapshot"),
        ("POST", "/v1/memory/retract", {"reporter": "user:a0"}, "unknown-reporter"),
    ]:
        answer = taught.ask("foreign", method, path, body)
        assert (answer.status, answer.code) == (404, code), path
    assert taught.decide("pay", **taught.eve(50))["effect"] == "ask"


def test_a_dry_run_hears_memory_and_keeps_nothing(taught: Any) -> None:
    """server/dry_run.py behind `/v1/decide`, with the memory of the caller's own tenant."""
    house, desk = taught.gate.house, taught.gate.house.app._services.memory
    run = DryRun(house.policies, SessionBook(), taught.clock, desk._tenants)
    records = len(taught.gate.records())

    def reason(to: str, tenant: str = "acme") -> str:
        body = json.dumps({"tool": "pay", "args": {"to": to, "amount": 60}}).encode()
        caller = Caller(Principal(tenant, "bot"), frozenset({Scope.DECIDE}), "key-1")
        return str(json.loads(asyncio.run(run(caller, body)).body)["reason"])

    assert [reason("eve"), reason("ann"), reason("eve", "other")] == ["learned", "rule", "rule"]
    assert len(taught.gate.records()) == records
    waiting = taught.told("admin0", "GET", "/v1/audits")
    reason("eve")
    taught.refresh()
    assert taught.told("admin0", "GET", "/v1/audits") == waiting, "nothing was drawn for an audit"
