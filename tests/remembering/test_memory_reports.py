"""Reports, audits and dry runs over HTTP: server/routes_memory.py and remembering/ (review_desk.py, observing.py)."""

from __future__ import annotations

from typing import Any


def test_reports_are_taken_once_and_refusals_are_counted(fresh: Any) -> None:
    record = fresh.decide("drop")

    def code(by: str, **body: Any) -> str:
        answer = fresh.ask(by, "POST", "/v1/reports", {"decision": record["id"], "should": "allow", **body})
        return "accepted" if answer.status == 200 else f"{answer.status} {answer.code}"

    assert code("user0", key="k") == "accepted"
    assert code("user0", key="k") == "accepted", "the same report again, under its key, is the one report"
    assert code("user0") == "409 duplicate-report"
    assert code("user1", decision=record["id"].partition(".")[0]) == "accepted", "an exchange with one decision"
    assert code("user2", decision="dec-" + "0" * 26 + ".1") == "404 unknown-decision"
    assert code("user2", should="maybe") == "400 bad-report"
    assert code("user2", because="\x1b[2J") == "400 bad-report"
    assert code("agent") == "403 own-run"
    assert code("agent", should="forbid") == "accepted"
    assert code("auditor") == "403 missing-scope"
    assert fresh.gate.house.store.erase(record["id"], "acme")
    assert code("user3") == "410 expired-decision"
    counted = {name: value for name, value in fresh.gate.metrics().items() if name.startswith("leastward_reports")}
    assert counted == {
        f'leastward_reports_total{{result="{result}"}}': count
        for result, count in {
            "accepted": 4.0, "duplicate-report": 1.0, "unknown-decision": 1.0, "bad-report": 2.0, "own-run": 1.0,
            "expired-decision": 1.0,
        }.items()
    }  # fmt: skip


def test_secrets_are_in_nothing_that_memory_keeps(fresh: Any) -> None:
    record = fresh.decide("pay", to="ann", amount=1, password="hunter2-hunter2", note="Bearer abc123def456")
    fresh.report("user0", record, "forbid")
    fresh.refresh()
    for name in ("gate.db", "gate.db-wal", "memory.db", "memory.db-wal"):
        path = fresh.gate.folder / name
        assert not path.exists() or b"hunter2" not in path.read_bytes()
        assert not path.exists() or b"abc123def456" not in path.read_bytes()


def test_what_was_drawn_waits_for_a_person(fresh: Any) -> None:
    record = fresh.decide("pay", **fresh.ann(1))
    (waiting,) = fresh.told("admin0", "GET", "/v1/audits")["audits"]
    assert (waiting["decision"], waiting["effect"], waiting["probability"]) == (record["id"], "allow", 1.0)
    assert waiting["context"]["arg to"] == '"ann"'
    fresh.audit(record, "allow")
    assert fresh.told("admin0", "GET", "/v1/audits")["audits"] == []
    assert fresh.ask("admin0", "POST", f"/v1/audits/{record['id']}", {"should": "allow"}).code == "duplicate-report"
    assert fresh.ask("user0", "GET", "/v1/audits").code == "missing-scope"


def test_a_dry_run_changes_nothing(taught: Any) -> None:
    taught.report("user0", taught.decide("pay", **taught.ann(50)), "forbid")
    before = taught.told("admin0", "GET", "/v1/abstractions")
    assert taught.told("admin0", "POST", "/v1/refresh", {"dry_run": True})["dry_run"] is True
    assert taught.told("admin0", "GET", "/v1/abstractions") == before
    assert taught.ask("admin0", "POST", "/v1/refresh", {"dry_run": 1}).code == "bad-review"


def test_what_came_in_a_burst_is_held_back_until_a_person_lets_it_count(fresh: Any) -> None:
    records = [fresh.decide("pay", **fresh.eve(number)) for number in range(9)]
    for record in records:
        for user in range(5):
            fresh.report(f"user{user}", record, "forbid")
    assert fresh.told("admin0", "GET", "/v1/memory/quarantine")["reports"] == [], "nothing is folded yet"
    fresh.refresh()
    held = fresh.told("admin0", "GET", "/v1/memory/quarantine")["reports"]
    assert held
    assert {(one["standing"], one["weight"]) for one in held} == {("quarantined", 0.0)}
    body = {"decision": held[0]["decision"], "reporter": held[0]["reporter"]}
    path = "/v1/memory/release"
    for by, given, code in (
        ("user0", body, "missing-scope"),
        ("foreign", body, "unknown-report"),
        ("admin0", {**body, "reporter": "user:nobody"}, "unknown-report"),
        ("admin0", {"decision": held[0]["decision"]}, "bad-review"),
    ):
        assert fresh.ask(by, "POST", path, given).code == code
    assert fresh.told("admin0", "POST", path, body)["changes"]["released"]
    assert fresh.ask("admin0", "POST", path, body).code == "unknown-report"
    assert len(fresh.told("admin0", "GET", "/v1/memory/quarantine")["reports"]) == len(held) - 1
