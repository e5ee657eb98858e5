"""A queue on a real store with a clock of its own, and the gate in small: decide, hold or release, record."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from guardrail import Decision, Guard, Principal, Record, Session, ToolCall, approved, instant, new_id
from policy_dsl import compile_policy, parse, policy_set
from server import app
from server.approvals import AlreadyUsed, Approval, Approvals, Bounds, Holding
from server.exchange import Caller, Scope
from server.listening import listening
from server.metrics import Metrics
from server.policies import Policies
from server.services import Services
from server.settings import Settings
from server.store import Run, Store, sealed

START = datetime(2026, 11, 22, 12, tzinfo=UTC)

POLICY = """language 1
ask send_money(amount, to?, note?) as big prompt "Pay {amount}?" valid 10 minutes
ask refund(amount) as twice uses 2
ask login(user, password) as login
ask wire(amount) as treasury by role { "treasurer", "board" }
require approval for wire as audited when amount > 1000 by role "auditor"
allow read(path)
forbid drop
ask round(amount) as rounded
rewrite round set amount = 100
"""


@dataclass
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def go(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def caller(
    agent: str | None, *scopes: Scope, tenant: str = "acme", user: str | None = None, roles: tuple[str, ...] = ()
) -> Caller:
    return Caller(Principal(tenant, agent, user, frozenset(roles)), frozenset(scopes), f"key-{agent}-{user}")


PEOPLE = {
    "bot": caller("bot", Scope.CALL),
    "bot-for-ann": caller("bot", Scope.CALL, user="ann"),
    "other-bot": caller("other-bot", Scope.CALL),
    "bot-with-approve": caller("bot", Scope.CALL, Scope.APPROVE, roles=("manager",)),
    "ada": caller("desk", Scope.APPROVE, user="ada"),
    "max": caller("desk", Scope.APPROVE, user="max", roles=("manager",)),
    "tom": caller("desk", Scope.APPROVE, user="tom", roles=("treasurer",)),
    "uma": caller("desk", Scope.APPROVE, user="uma", roles=("auditor",)),
    "zoe": caller("desk", Scope.APPROVE, user="zoe", roles=("auditor", "board")),
    "tom-asks": caller("desk", Scope.CALL, user="tom", roles=("treasurer",)),
    "eve": caller("desk", Scope.APPROVE, user="eve", tenant="evil"),
}


@dataclass
class Came:
    """What came of one call: `said` is `released`, `forbidden` or the code that the agent is told."""

    said: str
    approval: Approval | None
    record: str


@cache
def _guard(policy: str) -> Guard:
    return Guard(compile_policy(policy_set([parse(policy, "policy.lw")])))


@dataclass
class SmallGate:
    """What server/recorded.py does with an ask, and nothing else."""

    store: Store
    clock: Clock
    approvals: Approvals
    policy: str = POLICY
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    sessions: dict[str, Session] = field(default_factory=dict)
    held: list[Holding] = field(default_factory=list)

    def decide(self, who: Caller, call: ToolCall) -> Decision:
        return _guard(self.policy).decide(call, Session(who.principal, "run"), "dec-x")

    async def call(self, who: Caller, run: Run, call: ToolCall, door: str = "chat") -> Came:
        decision = self.decide(who, call)
        name = f"{new_id('dec', next(self.numbers), bytes(10))}.1"
        if decision.effect == "forbid":
            return Came("forbidden", None, name)
        if decision.effect == "ask":
            yes = await self.approvals.granted(run, call, decision)
            if yes is not None:
                try:
                    released = self.record(who, run, name, call, approved(decision, yes.id), (yes.id,))
                    await self.store.commit([released], (), [self.approvals.use(yes, name)])
                except AlreadyUsed:
                    pass
                else:
                    return Came("released", yes, name)
            holding = await self.approvals.held(who, run.id, door, call, decision, name)
            self.held.append(holding)
            changes = [] if holding.change is None else [holding.change]
            await self.store.commit([self.record(who, run, name, call, decision)], (), changes)
            self.approvals.committed(holding)
            return Came(holding.code, holding.approval, name)
        await self.store.commit([self.record(who, run, name, call, decision)])
        return Came("released", None, name)

    def record(
        self, who: Caller, run: Run, name: str, call: ToolCall, decision: Decision, approvals: tuple[str, ...] = ()
    ) -> Record:
        seal = sealed(call.arguments, decision.arguments)
        return Record(
            kind="decision",
            id=name,
            at=instant(self.clock()),
            tenant=who.principal.tenant,
            agent=who.principal.agent,
            user=who.principal.user,
            roles=(),
            run=run.id,
            door="chat",
            tool=call.tool,
            call_id=call.call_id,
            arguments=seal.arguments,
            effect=decision.effect,
            rule=decision.rule,
            reason=decision.reason,
            errors=decision.errors,
            policy_hash=decision.policy_hash,
            memory_version=0,
            mode="enforce",
            text_calls="",
            upstream="",
            model="",
            approvals=approvals,
            payload=seal.payload,
        )

    def run_of(self, who: Caller) -> Run:
        return self.store.default_run(who.principal)


MakeGate = Callable[..., SmallGate]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    with Store.open(tmp_path / "gate.db", clock=clock) as opened:
        yield opened


@pytest.fixture
def make_gate(store: Store, clock: Clock) -> MakeGate:
    """A gate with bounds by keyword, and perhaps somebody who is told of asks."""

    def make(
        *, asked: Callable[[], None] = lambda: None, announces: bool = False, policy: str = POLICY, **bounds: Any
    ) -> SmallGate:
        approvals = Approvals(store, clock, Bounds(**bounds), asked, announces=announces)
        return SmallGate(store, clock, approvals, policy)

    return make


@pytest.fixture
def gate(make_gate: MakeGate) -> SmallGate:
    return make_gate()


@pytest.fixture(scope="session")
def people() -> dict[str, Caller]:
    return PEOPLE


@dataclass
class Answering:
    """A gate on a socket, with keys of all kinds. Calls are held by `gate`, in front of the same database."""

    port: int
    gate: SmallGate
    keys: dict[str, str]

    def ask(self, amount: int = 5, who: str = "bot", tool: str = "send_money", **more: Any) -> Came:
        """Have an agent ask for a call."""
        caller, run = PEOPLE[who], self.gate.run_of(PEOPLE[who])
        return asyncio.run(self.gate.call(caller, run, ToolCall(tool, {"amount": amount, **more}, "call_1")))


@pytest.fixture
def answering(tmp_path: Path, store: Store, gate: SmallGate, clock: Clock) -> Iterator[Answering]:
    """The real edge in front of the queue: uvicorn in a thread, real keys."""
    (tmp_path / "gate.lw").write_text(POLICY)
    settings = Settings.model_validate({"database": str(tmp_path / "gate.db")})
    policies = Policies(settings.policies, folder=tmp_path)
    policies.load()
    metrics = Metrics()

    async def nobody(*_: Any) -> Any:
        raise AssertionError("no call is made in these tests")

    doors = (nobody, nobody, nobody, nobody, nobody)
    services = Services(settings, *doors, store, policies, metrics, Approvals(store, clock))

    @contextlib.asynccontextmanager
    async def life(_: Any) -> AsyncIterator[None]:
        yield

    server = uvicorn.Server(listening(app.Gate(services, life), settings, metrics))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            keys = {name: _key(store, one) for name, one in PEOPLE.items()}
            _until(lambda: server.started and all(store.caller_for(key) is not None for key in keys.values()))
            yield Answering(listener.getsockname()[1], gate, keys)
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()


def _key(store: Store, who: Caller) -> str:
    principal = who.principal
    made = store.issue_key(who.tenant, principal.agent or "", who.scopes, user=principal.user, roles=principal.roles)
    return made[0]


def _until(condition: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(3_000):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("it did not happen")
