"""Memory from outside: a real gate in front of a scripted model, reports over HTTP, refreshed, reviewed, and heard.

server/routes_memory.py, remembering/ (review_desk.py, opening.py, speaking.py, keeping.py, observing.py, showing.py,
proposal.py, trial.py) and what recorded.py keeps for them.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from policy_dsl import parse
from server.cli import main
from server.exchange import Scope
from server.store import StoreError

POLICY = """language 1
allow pay(to, amount) as pay
learnable send(to, text) as mails when to in mail at {"example.com"}
forbid drop as never
"""
KEYS = {
    **{f"user{n}": {"agent": "console", "user": f"u{n}", "scopes": [Scope.REPORT]} for n in range(5)},
    **{f"admin{n}": {"agent": "console", "user": f"a{n}", "scopes": [Scope.APPROVE, Scope.ADMIN]} for n in range(4)},
    "foreign": {"tenant": "other", "agent": "console", "user": "x", "scopes": [Scope.APPROVE, Scope.ADMIN]},
    "auditor": {"agent": "console", "user": "aud", "scopes": [Scope.AUDIT]},
}
MEMORY = {
    "url": "memory.db",
    "refresh_seconds": 0,
    "poll_seconds": 0.05,
    "audits": {"fired": 1.0, "other": 1.0},
    "costs": {"missed_harm": 1, "false_block": 1},
    "alpha": 0.2,
}


@dataclass
class Clock:
    """A day that the test turns over."""

    now: datetime = field(default_factory=lambda: datetime(2026, 11, 2, 9, tzinfo=UTC))

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def next_day(self) -> None:
        self.now += timedelta(days=1)


@dataclass
class Remembered:
    """A gate with memory, and what people do at it."""

    gate: Any
    outside: Any
    clock: Clock

    def decide(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Let the model make this call; its Record."""
        self.gate.model.script = [self.outside.saying({"calls": [[tool, json.dumps(arguments)]]})]
        answer = self.gate.client.chat()
        assert answer.status == 200, answer.body
        record: dict[str, Any] = self.gate.records()[-1]
        released = "tool_calls" in answer.tree["choices"][0]["message"]
        assert released == (record["effect"] == "allow")
        return record

    def ask(self, key: str, method: str, path: str, body: Any = None) -> Any:
        client = self.gate.client if key == "agent" else self.gate.with_key(key)
        return client.ask(method, path, body)

    def told(self, key: str, method: str, path: str, body: Any = None) -> Any:
        answer = self.ask(key, method, path, body)
        assert answer.status == 200, answer.body
        return answer.tree

    def report(self, key: str, record: dict[str, Any], should: str) -> None:
        self.told(key, "POST", "/v1/reports", {"decision": record["id"], "should": should, "because": "{{x}} said so"})

    def audit(self, record: dict[str, Any], should: str, by: str = "admin0") -> None:
        self.told(by, "POST", f"/v1/audits/{record['id']}", {"should": should})

    def refresh(self) -> Any:
        return self.told("admin0", "POST", "/v1/refresh", {})

    def learned(self) -> list[dict[str, Any]]:
        return list(self.told("admin0", "GET", "/v1/abstractions")["abstractions"])

    def phases(self, label: str) -> set[str]:
        return {one["phase"] for one in self.learned() if one["label"] == label}

    def teach(self, tool: str, should: str, bad: Arguments, good: Arguments, days: int = 3) -> None:
        """Days on which the same failure is reported by users in turn, and looked at by auditors in turn, who look at
        good decisions too."""
        for day in range(days):
            for at in range(6):
                failure = self.decide(tool, **bad(day * 6 + at))
                self.report(f"user{at % 5}", failure, should)
                self.audit(failure, should, by=f"admin{at % 4}")
                right = self.decide(tool, **good(day * 6 + at))
                self.audit(right, "forbid" if should == "allow" else "allow", by=f"admin{at % 4}")
            self.refresh()
            self.clock.next_day()


Arguments = Callable[[int], dict[str, Any]]


def ann(at: int) -> dict[str, Any]:
    return {"to": "ann", "amount": 10 + at}


def eve(at: int) -> dict[str, Any]:
    return {"to": "eve", "amount": 10 + at}


def mail(at: int) -> dict[str, Any]:
    return {"to": f"p{at}@example.com", "text": "weekly"}


def wild(at: int) -> dict[str, Any]:
    return {"to": f"p{at}@elsewhere.org", "text": "weekly"}


@contextlib.contextmanager
def house(outside: Any, folder: Path, clock: Clock, **memory: Any) -> Iterator[Remembered]:
    with outside.running_gate(
        folder, POLICY, keys=KEYS, clock=clock, memory={**MEMORY, **memory}, refusals={"rounds": 0}
    ) as gate:
        yield Remembered(gate, outside, clock)


@pytest.fixture(scope="module")
def lessons(tmp_path_factory: pytest.TempPathFactory, outside: Any) -> tuple[Path, datetime]:
    """What three days of reports leave in the databases, and the moment after."""
    folder, clock = tmp_path_factory.mktemp("taught"), Clock()
    with house(outside, folder, clock) as taught:
        taught.teach("pay", "forbid", eve, ann, days=4)
        taught.teach("send", "allow", mail, wild)
    return folder, clock.now


@pytest.fixture
def taught(lessons: tuple[Path, datetime], tmp_path: Path, outside: Any) -> Iterator[Remembered]:
    """A gate that goes on from there."""
    folder, now = lessons
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    with house(outside, tmp_path, Clock(now)) as gate:
        yield gate


@pytest.fixture
def fresh(tmp_path: Path, outside: Any) -> Iterator[Remembered]:
    with house(outside, tmp_path, Clock()) as gate:
        yield gate


# --- what was learned is heard ---------------------------------------------------------------------------------------


def test_a_harmful_call_becomes_a_question_and_others_do_not(taught: Remembered) -> None:
    record = taught.decide("pay", **eve(50))
    (rule,) = (one for one in taught.learned() if one["label"] == "forbid")
    assert (rule["phase"], rule["approved"]) == ("active", None)
    assert (record["effect"], record["reason"], record["rule"]) == ("ask", "learned", rule["id"])
    said = record["memory"]
    assert (said["base"], said["base_rule"], said["base_reason"]) == ("allow", "pay", "rule")
    assert said["bound"] >= said["threshold"]
    assert taught.decide("pay", **ann(99))["effect"] == "allow"
    assert taught.decide("drop")["reason"] == "rule"
    metrics = taught.gate.metrics()
    assert metrics['leastward_memory_abstractions{phase="active"}'] == 1.0
    assert metrics["leastward_memory_snapshot_version"] == record["memory_version"]


def test_approved_to_forbid_it_forbids(taught: Remembered) -> None:
    (rule,) = (one for one in taught.learned() if one["label"] == "forbid")
    body = {"version": rule["version"], "narrows_to": "forbid"}
    assert taught.told("admin0", "POST", f"/v1/abstractions/{rule['id']}/approve", body)["narrows_to"] == "forbid"
    assert taught.decide("pay", **eve(50))["effect"] == "forbid"


def test_a_forbidden_call_is_released_once_a_person_approved_and_not_before(taught: Remembered) -> None:
    assert taught.decide("send", **mail(99))["reason"] == "no-rule"
    (rule,) = (one for one in taught.learned() if one["label"] == "allow")
    assert (rule["phase"], rule["gate"]["open"]) == ("pending", True)
    path = f"/v1/abstractions/{rule['id']}/approve"
    assert taught.ask("admin0", "POST", path, {"version": rule["version"] + 1}).code == "stale-version"
    assert taught.ask("admin0", "POST", path, {}).code == "bad-review"
    assert taught.ask("user0", "POST", path, {"version": rule["version"]}).code == "missing-scope"
    assert taught.decide("send", **mail(99))["effect"] == "forbid"
    before = taught.told("admin0", "GET", "/v1/abstractions")["snapshot"]["version"]
    assert taught.told("admin0", "POST", path, {"version": rule["version"]})["phase"] == "active"
    record = taught.decide("send", **mail(99))
    assert (record["effect"], record["rule"], record["memory"]["base_reason"]) == ("allow", rule["id"], "no-rule")
    assert taught.decide("send", **wild(99))["effect"] == "forbid"
    assert taught.decide("send", **mail(99), cc="x")["effect"] == "forbid", "the learnable's arguments are closed"
    taught.told("admin0", "POST", "/v1/memory/rollback", {"snapshot": before})
    assert taught.decide("send", **mail(99))["effect"] == "forbid"
    assert taught.ask("admin0", "POST", "/v1/memory/rollback", {"snapshot": 99}).code == "unknown-snapshot"


def test_a_retracted_reporter_takes_what_rested_on_it_along(taught: Remembered) -> None:
    assert taught.decide("pay", **eve(50))["effect"] == "ask"
    assert taught.ask("admin0", "POST", "/v1/memory/retract", {"reporter": "user:nobody"}).code == "unknown-reporter"
    for name in ("a0", "a1", "a2", "a3", "u0", "u1", "u2", "u3"):
        taught.told("admin0", "POST", "/v1/memory/retract", {"reporter": f"user:{name}"})
    assert taught.decide("pay", **eve(50))["effect"] == "allow", "what one reporter alone says opens nothing"
    later = taught.decide("pay", **eve(49))
    refused = taught.ask("admin1", "POST", "/v1/reports", {"decision": later["id"], "should": "forbid"})
    assert (refused.status, refused.code) == (403, "no-right")


def test_a_rejected_rule_is_gone_and_a_narrowed_one_begins_anew(taught: Remembered) -> None:
    forbids, allows = (next(one for one in taught.learned() if one["label"] == label) for label in ("forbid", "allow"))
    path = f"/v1/abstractions/{forbids['id']}"
    assert taught.told("admin0", "POST", f"{path}/reject", {"because": "no"})["phase"] == "retired"
    assert taught.decide("pay", **eve(50))["effect"] == "allow"
    shown = taught.told("admin0", "GET", f"/v1/abstractions/{allows['id']}")
    when = shown["text"].partition("when ")[2].partition("evidence")[0].strip()
    path = f"/v1/abstractions/{allows['id']}/edit"
    assert taught.ask("admin0", "POST", path, {"when": "true"}).code in ("bad-condition", "not-narrower")
    assert taught.ask("admin0", "POST", path, {"when": f"{when})\nallow drop(...) when (true"}).code == "bad-condition"
    assert taught.ask("admin0", "POST", path, {"when": 'text == "weekly"'}).code == "not-narrower"
    narrower = taught.told("admin0", "POST", path, {"when": f'{when} and to == "p1@example.com"'})
    assert narrower["id"] != allows["id"]
    assert narrower["phase"] == "shadow"


def test_a_learned_rule_is_shown_with_all_that_a_person_needs(taught: Remembered) -> None:
    (rule,) = (one for one in taught.learned() if one["label"] == "allow")
    shown = taught.told("admin0", "GET", f"/v1/abstractions/{rule['id']}")
    assert "learned allow send(...)" in shown["text"]
    assert f"state {rule['phase']}" in shown["text"]
    assert {one["severity"] for one in shown["findings"]} <= {"warning"}
    assert {one["audit"] for one in shown["evidence"]} == {True}
    assert shown["would_change"]["looked_at"] >= 72
    changed = shown["would_change"]["decisions"]
    assert {(one["tool"], one["was"], one["becomes"]) for one in changed} == {("send", "forbid", "allow")}
    assert len(changed) == 18


def test_another_tenants_are_unknown(taught: Remembered) -> None:
    record = taught.decide("pay", **ann(1))
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
    assert taught.decide("pay", **eve(50))["effect"] == "ask"


# --- reports ---------------------------------------------------------------------------------------------------------


def test_reports_are_taken_once_and_refusals_are_counted(fresh: Remembered) -> None:
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


def test_secrets_are_in_nothing_that_memory_keeps(fresh: Remembered) -> None:
    record = fresh.decide("pay", to="ann", amount=1, password="hunter2-hunter2", note="Bearer abc123def456")
    fresh.report("user0", record, "forbid")
    fresh.refresh()
    for name in ("gate.db", "gate.db-wal", "memory.db", "memory.db-wal"):
        path = fresh.gate.folder / name
        assert not path.exists() or b"hunter2" not in path.read_bytes()
        assert not path.exists() or b"abc123def456" not in path.read_bytes()


def test_what_was_drawn_waits_for_a_person(fresh: Remembered) -> None:
    record = fresh.decide("pay", **ann(1))
    (waiting,) = fresh.told("admin0", "GET", "/v1/audits")["audits"]
    assert (waiting["decision"], waiting["effect"], waiting["probability"]) == (record["id"], "allow", 1.0)
    assert waiting["context"]["arg to"] == '"ann"'
    fresh.audit(record, "allow")
    assert fresh.told("admin0", "GET", "/v1/audits")["audits"] == []
    assert fresh.ask("admin0", "POST", f"/v1/audits/{record['id']}", {"should": "allow"}).code == "duplicate-report"
    assert fresh.ask("user0", "GET", "/v1/audits").code == "missing-scope"


def test_a_dry_run_changes_nothing(taught: Remembered) -> None:
    taught.report("user0", taught.decide("pay", **ann(50)), "forbid")
    before = taught.told("admin0", "GET", "/v1/abstractions")
    assert taught.told("admin0", "POST", "/v1/refresh", {"dry_run": True})["dry_run"] is True
    assert taught.told("admin0", "GET", "/v1/abstractions") == before
    assert taught.ask("admin0", "POST", "/v1/refresh", {"dry_run": 1}).code == "bad-review"


# --- a gate that has learned nothing, or cannot -----------------------------------------------------------------------

CHANGING = {"at", "id", "arguments", "incarnation", "run"}
CALLS = [
    ["pay", '{"to":"ann","amount":1}'],
    ["send", '{"to":"a@example.com","text":"x"}'],
    ["drop", "{}"],
    ["pay", "?"],
]


@pytest.mark.parametrize("stream", [False, True])
def test_an_empty_memory_changes_no_byte(outside: Any, tmp_path: Path, names: Any, stream: bool) -> None:
    said = []
    for name, memory in (("without", None), ("with", MEMORY)):
        (tmp_path / name).mkdir()
        settings = {} if memory is None else {"memory": memory}
        with outside.running_gate(tmp_path / name, POLICY, clock=Clock(), refusals={"rounds": 0}, **settings) as gate:
            gate.model.script = [outside.saying({"text": "so", "calls": CALLS})]
            answer = gate.client.chat(stream=stream)
            records = [{key: one[key] for key in one if key not in CHANGING} for one in gate.records()]
            said.append((answer.status, type(names)()(answer.body.decode()), records))
    assert said[0] == said[1]
    assert [one["memory_version"] for one in said[1][2]] == [0, 0, 0, 0]


def test_a_gate_without_memory_has_none(start_gate: Callable[..., Any]) -> None:
    gate = start_gate(POLICY, keys=KEYS)
    assert "memory" not in gate.ready()[1]
    for method, path, body in [
        ("POST", "/v1/reports", {"decision": "dec-1", "should": "allow"}),
        ("GET", "/v1/audits", None),
        ("GET", "/v1/abstractions", None),
        ("POST", "/v1/refresh", {}),
        ("POST", "/v1/memory/retract", {"reporter": "x"}),
    ]:
        answer = gate.with_key("admin0").ask(method, path, body)
        assert (answer.status, answer.code) == (404, "memory-off")


def test_a_memory_that_cannot_be_read_stops_the_start_and_later_leaves_the_last_snapshot(
    taught: Remembered, outside: Any, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    broken = tmp_path_factory.mktemp("broken")
    (broken / "memory.db").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError), house(outside, broken, Clock()):
        pass
    assert taught.gate.ready()[1]["memory"] == "ok"
    for name in ("memory.db", "memory.db-wal", "memory.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / "memory.db").write_bytes(b"no database" * 1000)
    taught.gate.house.app._services.memory._memory.store.database.engine.dispose()
    outside.wait_for(lambda: taught.gate.ready()[1]["memory"] == "stale")
    assert taught.gate.ready()[0] == 200
    assert taught.decide("pay", **eve(50))["effect"] == "ask"
    assert taught.ask("admin0", "GET", "/v1/abstractions").code == "memory-unavailable"


# --- the command line beside it: server/cli/report.py, refresh.py, review.py, review_pages.py, export.py, remote.py,
# memory_access.py, explain_decision.py, decide.py ---------------------------------------------------------------------

Leastward = Callable[..., tuple[int, str, str]]


@pytest.fixture
def leastward(
    lessons: tuple[Path, datetime],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Leastward:
    """A verb beside the databases of `lessons`: its exit code, output and errors."""
    shutil.copytree(lessons[0], tmp_path, dirs_exist_ok=True)
    settings = {"policies": ["policy.lw"], "database": "gate.db", "memory": MEMORY}
    (tmp_path / "leastward.yaml").write_text(json.dumps(settings), encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def run(*args: str) -> tuple[int, str, str]:
        code = main(args)
        out, err = capfd.readouterr()
        return code, out, err

    return run


def told(leastward: Leastward, *args: str) -> Any:
    code, out, err = leastward(*args, "--json")
    assert code == 0, err
    return json.loads(out)


def one_on(leastward: Leastward, label: str) -> str:
    found = told(leastward, "review", "list", "--tenant", "acme")["abstractions"]
    return next(str(one["id"]) for one in found if one["label"] == label)


def test_a_rule_is_reviewed_at_the_keyboard(leastward: Leastward) -> None:
    acme, rule = ("--tenant", "acme"), one_on(leastward, "allow")
    code, out, _ = leastward("review", "list", *acme)
    assert (code, "pending" in out, rule in out) == (0, True, True)
    code, out, _ = leastward("review", "show", rule, *acme)
    assert "learned allow send(...)" in out
    assert "if it spoke, 18 of the last" in out
    assert "send: wider" in out or "diff: unknown" in out
    code, out, _ = leastward("export", *acme)
    parse(out)
    code, owned, _ = leastward("export", rule, *acme)
    parse(f"language 1\n{owned}")
    assert "learned" not in owned.partition("because")[0]
    code, out, _ = leastward("review", "approve", rule, *acme)
    assert "is approved; it is active" in out
    assert told(leastward, "review", "show", rule, *acme)["approved_by"].startswith("cli:")
    code, _, err = leastward("review", "approve", "L-none", *acme)
    assert (code, "unknown-abstraction" in err) == (1, True)
    code, _, err = leastward("review", "list")
    assert (code, "the tenants are `acme`, `other`" in err) == (2, True)


def test_a_pipe_is_decided_with_what_was_learned(leastward: Leastward, monkeypatch: pytest.MonkeyPatch) -> None:
    line = {"tool": "pay", "args": {"to": "eve", "amount": 60}, "principal": {"tenant": "acme", "agent": "bot"}}
    for memory, reason in (((), "rule"), (("--memory", "memory.db"), "learned")):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(line).encode())))
        code, out, _ = leastward("decide", "-p", "policy.lw", *memory)
        assert (code, json.loads(out)["reason"]) == (0, reason)


def test_a_decision_is_reported_and_explained(leastward: Leastward, tmp_path: Path, outside: Any) -> None:
    records = outside.read_records(tmp_path / "gate.db")
    decision = next(one["id"] for one in records if one["tool"] == "pay")
    code, out, _ = leastward("report", decision, "--should-allow", "--because", "[bold]fine")
    assert (code, out) == (0, f"{decision} is reported: it should have been allow\n")
    code, _, err = leastward("report", decision, "--should-allow")
    assert (code, "duplicate-report" in err) == (1, True)
    code, _, err = leastward("report", "dec-none", "--should-allow")
    assert (code, "there is no decision" in err) == (1, True)
    dry = told(leastward, "refresh", "--dry-run", "--tenant", "acme")["tenants"]
    assert [(one["tenant"], one["dry_run"]) for one in dry] == [("acme", True)]
    code, out, _ = leastward("explain", decision)
    assert "memory changed nothing" in out
    assert "user:u0 (user) said at" in out
    assert told(leastward, "explain", decision)["reports"]


def test_a_report_goes_over_http_too(
    taught: Remembered, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    record, url = taught.decide("drop"), f"http://127.0.0.1:{taught.gate.port}"
    report = ["report", record["id"], "--should-forbid", "--url", url]
    monkeypatch.setenv("LEASTWARD_KEY", taught.gate.keys["user0"])
    assert main(report) == 0
    assert main(report) == 1
    assert "duplicate-report" in capfd.readouterr().err
    monkeypatch.delenv("LEASTWARD_KEY")
    assert main(report) == 2


def test_a_refresh_that_is_killed_leaves_the_old_snapshot_in_force(leastward: Leastward, tmp_path: Path) -> None:
    acme = ("--tenant", "acme")
    before = told(leastward, "review", "list", *acme)
    script = """import os, signal, sys
from memory.store import states
whole = states.save
def cut(*given):
    whole(*given)
    os.kill(os.getpid(), signal.SIGKILL)
states.save = cut
from server.cli import main
main(["refresh", "--seed", "7", "--tenant", "acme"])
"""
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    ended = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert told(leastward, "review", "list", *acme) == before
    assert told(leastward, "refresh", *acme)["tenants"][0]["tenant"] == "acme"


def test_a_gate_without_memory_loads_nothing_of_it(tmp_path: Path) -> None:
    (tmp_path / "policy.lw").write_text(POLICY, encoding="utf-8")
    script = """import sys
from pathlib import Path
from server.settings import Settings
from server.wiring import build
build(Settings.model_validate({"policies": ["policy.lw"]}), Path())
heavy = {"memory", "sqlalchemy", "alembic", "numpy", "scipy"}
print(sorted(heavy & {name.partition(".")[0] for name in sys.modules}))
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert ended.stdout == "[]\n"
