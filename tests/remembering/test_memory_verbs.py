"""The command line beside a gate with memory: server/cli/report.py, refresh.py, review.py, review_pages.py, export.py,
remote.py, memory_access.py, explain_decision.py, decide.py."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from policy_dsl import parse
from server.cli import main

Leastward = Callable[..., tuple[int, str, str]]


@pytest.fixture
def verb(capfd: pytest.CaptureFixture[str]) -> Leastward:
    """A verb's exit code, output and errors."""

    def run(*args: str) -> tuple[int, str, str]:
        code = main(args)
        out, err = capfd.readouterr()
        return code, out, err

    return run


@pytest.fixture
def leastward(
    lessons: tuple[Path, datetime],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    verb: Leastward,
    scene: Any,
) -> Leastward:
    """A verb beside the databases of `lessons`."""
    shutil.copytree(lessons[0], tmp_path, dirs_exist_ok=True)
    settings = {"policies": ["policy.lw"], "database": "gate.db", "memory": scene.memory}
    (tmp_path / "leastward.yaml").write_text(json.dumps(settings), encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    return verb


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
    assert (code, rule in out) == (0, True)
    phases = {one["id"]: one["phase"] for one in told(leastward, "review", "list", *acme)["abstractions"]}
    assert phases[rule] == "pending"
    code, out, _ = leastward("review", "show", rule, *acme)
    assert "learned allow send(...)" in out
    assert "if it spoke, 30 of the last" in out
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


def test_without_memory_a_decision_is_shown_elsewhere(
    verb: Leastward, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = verb("explain", "dec-1")
    assert (code, "there is no memory" in err, "`leastward audit show dec-1` prints what" in err) == (2, True, True)


def test_a_tenant_without_keys_learns_too(leastward: Leastward, tmp_path: Path) -> None:
    """As where everybody comes with a signed token."""
    with contextlib.closing(sqlite3.connect(tmp_path / "gate.db", isolation_level=None)) as database:
        database.execute("DELETE FROM api_key")
    assert [one["tenant"] for one in told(leastward, "refresh", "--dry-run")["tenants"]] == ["acme"]
    assert told(leastward, "review", "list")["abstractions"]
    assert "no tenant has a key or a report yet" in leastward("refresh", "--memory", "sqlite:///new.db")[1]


def test_what_was_held_back_is_released_at_the_keyboard(fresh: Any, verb: Leastward, scene: Any) -> None:
    """Beside the gate, on its databases."""
    folder = fresh.gate.folder
    settings = {"policies": ["policy.lw"], "database": "gate.db", "memory": scene.memory}
    (folder / "leastward.yaml").write_text(json.dumps(settings), encoding="utf-8")
    acme = ("--tenant", "acme", "--config", str(folder / "leastward.yaml"))
    assert "no report is held back" in verb("review", "quarantined", *acme)[1]
    records = [fresh.decide("pay", **fresh.eve(number)) for number in range(9)]
    for record in records:
        for user in range(5):
            fresh.report(f"user{user}", record, "forbid")
    fresh.refresh()
    code, out, _ = verb("review", "quarantined", *acme)
    (held, *_) = told(verb, "review", "quarantined", *acme)["reports"]
    assert (code, "{{x}} said so" in out) == (0, True)
    code, out, _ = verb("review", "release", held["decision"], held["reporter"], *acme)
    assert (code, f"what {held['reporter']} said of" in out) == (0, True)
    code, _, err = verb("review", "release", held["decision"], held["reporter"], *acme)
    assert (code, "unknown-report" in err) == (1, True)


def test_a_report_goes_over_http_too(
    taught: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
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


def test_a_gate_without_memory_loads_nothing_of_it(tmp_path: Path, scene: Any) -> None:
    (tmp_path / "policy.lw").write_text(scene.policy, encoding="utf-8")
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
