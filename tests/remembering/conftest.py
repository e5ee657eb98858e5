"""Memory from outside: a real gate in front of a scripted model, reports over HTTP, refreshed, reviewed, and heard.

`lessons` are the databases after a few days of reports, made once for all tests here; `taught` is a gate that goes on
from a copy of them, `fresh` one that has learned nothing.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from server.exchange import Scope

POLICY = """language 1
allow pay(to, amount) as pay
learnable send(to, text) as mails when to in mail at {"example.com"}
forbid drop as never
"""
KEYS = {
    **{f"user{n}": {"agent": "console", "user": f"u{n}", "scopes": [Scope.REPORT]} for n in range(5)},
    **{f"admin{n}": {"agent": "console", "user": f"a{n}", "scopes": [Scope.APPROVE, Scope.ADMIN]} for n in range(4)},
    "foreign": {"tenant": "other", "agent": "console", "user": "x", "scopes": [Scope.APPROVE, Scope.ADMIN]},
    "agent-with-report": {"scopes": [Scope.REPORT], "roles": ["reviewer"]},
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


Arguments = Callable[[int], dict[str, Any]]


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

    def teach(self, tool: str, should: str, bad: Arguments, good: Arguments, days: int) -> None:
        """Days on which the same failure is reported by users in turn, and looked at by auditors in turn, who look at
        good decisions too: so many, and more until it is learned. A rule is found on half of the cases and looked at on
        the other half, and the ids of decisions, which are random, say which half; so there is no number of days after
        which it always is."""
        learned = "active" if should == "forbid" else "pending"
        for day in itertools.count():
            if day >= days and learned in self.phases(should):
                return
            assert day < days + 20, "what was reported for weeks was not learned"
            for at in range(6):
                failure = self.decide(tool, **bad(day * 6 + at))
                self.report(f"user{at % 5}", failure, should)
                self.audit(failure, should, by=f"admin{at % 4}")
                right = self.decide(tool, **good(day * 6 + at))
                self.audit(right, "forbid" if should == "allow" else "allow", by=f"admin{at % 4}")
            self.refresh()
            self.clock.next_day()

    @staticmethod
    def ann(at: int) -> dict[str, Any]:
        return {"to": "ann", "amount": 10 + at}

    @staticmethod
    def eve(at: int) -> dict[str, Any]:
        return {"to": "eve", "amount": 10 + at}

    @staticmethod
    def mail(at: int) -> dict[str, Any]:
        return {"to": f"p{at}@example.com", "text": "weekly"}

    @staticmethod
    def wild(at: int) -> dict[str, Any]:
        return {"to": f"p{at}@elsewhere.org", "text": "weekly"}


@contextlib.contextmanager
def house(outside: Any, folder: Path, clock: Clock, **memory: Any) -> Iterator[Remembered]:
    with outside.running_gate(
        folder, POLICY, keys=KEYS, clock=clock, memory={**MEMORY, **memory}, refusals={"rounds": 0}
    ) as gate:
        yield Remembered(gate, outside, clock)


@pytest.fixture(scope="session")
def lessons(tmp_path_factory: pytest.TempPathFactory, outside: Any) -> tuple[Path, datetime]:
    """What days of reports leave in the databases, and the moment after."""
    folder, clock = tmp_path_factory.mktemp("taught"), Clock()
    with house(outside, folder, clock) as taught:
        taught.teach("pay", "forbid", taught.eve, taught.ann, days=4)
        taught.teach("send", "allow", taught.mail, taught.wild, days=5)
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


@dataclass(frozen=True)
class Scene:
    """The functions and constants of this file for tests, which cannot import it."""

    outside: Any
    policy: str = POLICY
    keys: Any = field(default_factory=lambda: KEYS)
    memory: Any = field(default_factory=lambda: MEMORY)
    clock: type[Clock] = Clock

    def house(self, folder: Path, clock: Clock, **memory: Any) -> contextlib.AbstractContextManager[Remembered]:
        return house(self.outside, folder, clock, **memory)


@pytest.fixture(scope="session")
def scene(outside: Any) -> Scene:
    return Scene(outside)
