"""Reports, audits and dry runs over HTTP: server/routes_memory.py and remembering/ (review_desk.py, observing.py)."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from memory import Reported
from memory.service import Memory


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
    assert code("agent-with-report") == "403 own-run", "an agent with two keys is one agent"
    assert code("agent", should="forbid") == "accepted"
    assert code("auditor") == "403 missing-scope"
    assert fresh.gate.house.store.erase(record["id"], "acme")
    assert code("user3") == "410 expired-decision"
    counted = {name: value for name, value in fresh.gate.metrics().items() if name.startswith("leastward_reports")}
    assert counted == {
        f'leastward_reports_total{{result="{result}"}}': count
        for result, count in {
            "accepted": 4.0, "duplicate-report": 1.0, "unknown-decision": 1.0, "bad-report": 2.0, "own-run": 2.0,
            "expired-decision": 1.0,
        }.items()
    }  # fmt: skip


def test_reports_that_come_at_once_are_each_decided_for_themselves(fresh: Any) -> None:
    """They are looked up, taken and committed together (server/gathering.py); nobody's answer is another's."""
    records = [fresh.decide("drop") for _ in range(3)]
    known = [record["id"] for record in records]
    asked = [
        (by, decision, should)
        for by in ("user0", "user1", "foreign", "agent")
        for decision in (*known, known[0].partition(".")[0], "dec-" + "0" * 26 + ".1", "no id")
        for should in ("allow", "forbid", "maybe")
    ]

    def code(one: tuple[str, str, str]) -> tuple[str, str, str]:
        by, decision, should = one
        answer = fresh.ask(by, "POST", "/v1/reports", {"decision": decision, "should": should})
        if answer.status == 200:
            assert answer.tree["decision"].partition(".")[0] == decision.partition(".")[0]
            assert answer.tree["should"] == should
        return by, decision.partition(".")[0], "taken" if answer.status == 200 else answer.code

    with ThreadPoolExecutor(24) as threads:
        codes = Counter(threads.map(code, asked))
    first, *others = (name.partition(".")[0] for name in known)
    for by in ("user0", "user1"):
        # Three names of six reports: the decision, its exchange; the label that came second is a duplicate.
        assert (codes[by, first, "taken"], codes[by, first, "duplicate-report"]) == (1, 3)
        assert all((codes[by, one, "taken"], codes[by, one, "duplicate-report"]) == (1, 1) for one in others)
    for by in ("user0", "user1", "foreign", "agent"):
        assert (codes[by, "dec-" + "0" * 26, "unknown-decision"], codes[by, "no id", "unknown-decision"]) == (2, 2)
        assert sum(count for (who, _, what), count in codes.items() if (who, what) == (by, "bad-report")) == 6
    assert all(codes["foreign", one, "unknown-decision"] == (4 if one == first else 2) for one in (first, *others))
    # An agent may say of its own run that it should have been forbidden, and nothing else of it.
    assert (codes["agent", first, "own-run"], codes["agent", first, "taken"]) == (2, 1)
    memory = Memory(fresh.gate.folder / "memory.db")
    heard = [row.event for row in memory.history("acme") if isinstance(row.event, Reported)]
    memory.close()
    assert len(heard) == len({(one.observed.id, one.reporter.id) for one in heard}) == 3 * 3


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
