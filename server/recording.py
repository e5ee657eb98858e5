"""The Record of a Decision at the gate: what an Exchange knows, put with what was decided in it.

An Exchange is one request of a client and the answer to it, over all rounds. Its id is minted first; its Decisions are
numbered inside it (docs/adr/0005-decision-ids.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec
from msgspec.structs import replace

from guardrail import Act, Decision, Guard, IntentDigest, Record, Session, Shadowed
from policy_dsl import intent_hash, intent_of

from .exchange import Caller
from .sessions import RunState
from .store import Sealed, sealed
from .wire import HeldCall

Kind = Literal["decision", "malformed-answer", "malformed-request", "act"]


@dataclass(frozen=True, slots=True)
class Conduct:
    """How this gate was told to behave; it stands in every Record. `text_calls` is how the setting is written there."""

    mode: Literal["enforce", "observe"] = "enforce"
    text_calls: str = ""
    most_explained: int = 100


class Exchange(msgspec.Struct, eq=False):
    """One request and its answer. `decisions` are the ids of the Decisions taken so far, in order. `observable` is
    whether the gate itself will see what the tools answer."""

    id: str
    caller: Caller
    run_id: str
    state: RunState
    guard: Guard
    door: str
    observable: bool = False
    upstream: str = ""
    model: str = ""
    decisions: list[str] = msgspec.field(default_factory=list)

    @property
    def session(self) -> Session:
        """That of its run, held by who came with this exchange: requests of one run may come with other claims, and
        beside each other, so this is asked for wherever something is decided."""
        session = self.state.session
        session.held_by(self.caller.principal)
        return session

    def next_id(self) -> str:
        name = f"{self.id}.{len(self.decisions) + 1}"
        self.decisions.append(name)
        return name


def record_of(
    exchange: Exchange,
    conduct: Conduct,
    kind: Kind,
    name: str,
    at: str,
    decision: Decision,
    call: HeldCall | None,
    seal: Sealed | None,
    *,
    act: Act | None = None,
    approvals: tuple[str, ...] = (),
) -> Record:
    """The Record `name` of `decision`, on `call` where there was one."""
    who = exchange.caller.principal
    return Record(
        kind=kind,
        id=name,
        at=at,
        tenant=who.tenant,
        agent=who.agent,
        user=who.user,
        roles=tuple(sorted(who.roles)),
        run=exchange.run_id,
        door=exchange.door,
        tool=None if call is None else _identity(call),
        call_id=None if call is None else call.call_id,
        arguments=None if seal is None else seal.arguments,
        effect=decision.effect,
        rule=decision.rule,
        reason=decision.reason,
        errors=decision.errors,
        policy_hash=decision.policy_hash,
        memory_version=decision.memory_version,
        mode=conduct.mode,
        text_calls=conduct.text_calls,
        upstream=exchange.upstream,
        model=exchange.model,
        released=None if seal is None else seal.released,
        intent=None if call is None else _intent(exchange.guard, call, decision),
        approvals=approvals,
        shadow=None if decision.shadow is None else Shadowed(*decision.shadow),
        ends_session=decision.ends_session,
        act=act,
        memory=decision.memory,
        judge=decision.judge,
        payload=None if seal is None else seal.payload,
    )


def _intent(guard: Guard, call: HeldCall, decision: Decision) -> IntentDigest | None:
    """The transaction that the call spells as it was judged, where the policy maps its tool."""
    policy = guard.program.policy
    if not policy.intents or call.arguments is None:
        return None
    found = intent_of(policy, call.tool, call.server, decision.arguments or call.arguments)
    return None if found is None else IntentDigest(intent_hash(*found), found[0], found[1])


def observed_record(
    exchange: Exchange, conduct: Conduct, name: str, at: str, call: HeldCall, offered: Decision
) -> Record:
    """The Record `name` of a call that ran at the provider. `offered` is the Decision that kept its tool in the
    request: its rule stands in the Record, and the reason says that the call itself was not decided."""
    decision = replace(offered, reason="ran-at-provider", message=None, arguments=None)
    seal = sealed(call.arguments or {}, None)
    return record_of(exchange, conduct, "decision", name, at, decision, call, seal)


def _identity(call: HeldCall) -> str:
    return call.tool if call.server is None else f"{call.server}/{call.tool}"
