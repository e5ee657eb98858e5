"""Approvals: the queue between a Guard that asks and a person who answers."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from datetime import timedelta
from functools import cached_property
from typing import Literal, NamedTuple

from guardrail import Clock, Decision, Record, ToolCall, instant, new_id
from policy_dsl import strict_json

from ..edge import EdgeError
from ..exchange import Caller
from ..store import AlreadyAnswered, Answered, Approval, ApprovalState, Run, Used
from .asking import Asking, Holding
from .binding import as_judged, digest_of
from .bounds import Bounds
from .ports import Keeper
from .sealing import BadState, Opened, Seals
from .waiting import Waiting

MOST_LISTED = 200


class Ready(NamedTuple):
    """A call that a person approved and nobody released yet: `call` as it was asked, without a call id."""

    approval: Approval
    call: ToolCall


class Approvals:
    """One event loop. `announces` has every ask kept in the outbox until people were told of it (webhook.py); `asked`
    is called for each approval that was made durable as pending."""

    def __init__(
        self,
        store: Keeper,
        clock: Clock,
        bounds: Bounds | None = None,
        asked: Callable[[], None] = lambda: None,
        *,
        announces: bool = False,
    ) -> None:
        self.bounds = bounds or Bounds()
        self._store = store
        self._clock = clock
        self._asked = asked
        self._asking = Asking(store, clock, self.bounds, lambda: self._seals, announces=announces)
        self._runs: set[str] | None = None
        self._waiting = Waiting(self.bounds.poll_seconds, self.bounds.waiting_at_once)

    def told(self, approval_id: str) -> None:
        """Another replica says that a person answered this there; empty: any of them. From any thread."""
        self._waiting.told(approval_id)

    async def load(self) -> None:
        """Know from here on in which runs there are approvals at all, so that requests of all others need not look. For
        the only gate on a database: another one may ask in any run."""
        self._runs = await asyncio.to_thread(self._store.open_runs)

    # --- the gate's side ---------------------------------------------------------------------------------------------

    async def held(
        self, caller: Caller, run: str, door: str, call: ToolCall, decision: Decision, record: str
    ) -> Holding:
        """What becomes of `call`, which `decision` asks about; `record` is the id of the Record of that ask.

        The caller puts `change` into the commit of that Record, and calls `committed` afterwards. Nothing is known to
        anybody before. Raises StoreError.
        """
        holding = await self._asking.held(caller, run, door, call, decision, record)
        if self._runs is not None and holding.approval is not None:
            self._runs.add(run)
        return holding

    def committed(self, holding: Holding) -> None:
        """The ask is durable: whoever has to know of it may be told."""
        if holding.change is not None and self._asking.tells(holding.change.approval):
            self._asked()

    async def granted(self, run: Run, call: ToolCall, decision: Decision) -> Approval | None:
        """The yes that fits the call of `decision` exactly: run, principal, server, tool, arguments, policy, time.

        It is used only by the commit that `use` goes into; until then another release may take it.
        """
        judged = as_judged(call, decision)
        digest = digest_of(judged.server, judged.tool, judged.arguments)
        found = await asyncio.to_thread(self._store.approval_for, run.id, digest, decision.policy_hash)
        if found is None or found.state != "approved" or found.principal_key != run.principal_key:
            return None
        return found

    def use(self, approval: Approval, record: str) -> Used:
        """What the commit of the release's Record takes; that commit raises AlreadyUsed where the yes is gone."""
        return Used(approval.id, approval.digest, approval.policy_hash, record, instant(self._clock()))

    async def waiting(self, approval_id: str, tenant: str, seconds: float) -> Approval | None:
        """The approval once it is answered, or as it stands after so many seconds, at most `bounds.wait_seconds`.

        Waiting is no hurry for anybody: the answer counts whether the agent still waits or not.
        """

        async def look() -> Approval | None:
            return await asyncio.to_thread(self._store.approval, approval_id, tenant)

        return await self._waiting.until_answered(approval_id, look, min(seconds, self.bounds.wait_seconds))

    def may_be_ready(self, run_id: str) -> bool:
        """Whether `ready` has to look at all. Nearly no run has ever asked a person."""
        return self._runs is None or run_id in self._runs

    async def ready(self, run: Run, tenant: str, door: str) -> list[Ready]:
        """The approved calls of a run that came through `door`, oldest first, to be its next answer.

        Each is decided anew like any call, and then released by its yes. One that holds a secret is there only where it
        could be kept encrypted (the extra `mcp`, for `cryptography`).
        """
        found = await asyncio.to_thread(self._store.approved, run.id, tenant)
        mine = [one for one in found if one.door == door and one.principal_key == run.principal_key]
        return [Ready(one, call) for one in mine if (call := self.call_of(one)) is not None]

    def seal(self, approval: Approval) -> str:
        """The approval as a state that its principal keeps and brings back (MCP's `requestState`)."""
        asked_until = self._clock() + timedelta(seconds=self.bounds.pending_seconds + approval.valid_seconds)
        return self._seals.seal(approval, instant(asked_until))

    def opened(self, state: str, principal_key: str) -> Opened:
        """What a state names. It grants nothing: `granted` does. Raises BadState, also once its time is over."""
        found = self._seals.opened(state, principal_key)
        if found.expires_at <= instant(self._clock()):
            raise BadState
        return found

    def call_of(self, approval: Approval) -> ToolCall | None:
        """The call as it was asked; None where what is kept does not give it back."""
        if approval.sealed is not None:
            try:
                arguments = self._seals.open_call(approval)
            except (BadState, ModuleNotFoundError):
                return None
        else:
            arguments = strict_json.parse_object(approval.arguments)
            # What is shown is not the call itself where a secret was left out of it.
            if digest_of(approval.server, approval.tool, arguments) != approval.digest:
                return None
        return ToolCall(approval.tool, arguments, "", approval.server)

    # --- people's side -----------------------------------------------------------------------------------------------

    async def decide(self, approval_id: str, who: Caller, approve: bool, because: str) -> Approval:
        """A person's answer, durable and recorded when this returns.

        Raises EdgeError: 404 `unknown-approval` (another tenant's too), 403 `own-run`, 403 `not-your-role`,
        409 `already-decided`, 410 `approval-expired`. Raises StoreError.
        """
        found = await asyncio.to_thread(self._store.approval, approval_id, who.tenant)
        self._may_answer(found, who)
        assert found is not None
        now = self._clock()
        state: Literal["approved", "denied"] = "approved" if approve else "denied"
        until = now + timedelta(seconds=found.valid_seconds) if approve else now
        name = who.principal.user or who.principal.agent or who.key_id
        answered = Answered(found.id, found.tenant, state, name, because, instant(now), instant(until))
        try:
            await self._store.commit([self._act(found, who, state)], (), [answered])
        except AlreadyAnswered:
            raise _already() from None
        self._waiting.wake(found.id)
        decided = await asyncio.to_thread(self._store.approval, approval_id, who.tenant)
        return found if decided is None else decided

    async def listed(self, tenant: str) -> tuple[list[Approval], list[Approval]]:
        """What waits for an answer, and what was answered or ran out; each newest first, at most MOST_LISTED."""
        over: tuple[ApprovalState, ...] = ("approved", "denied", "used", "expired")
        pending = await asyncio.to_thread(self._store.approvals, tenant, ("pending",), MOST_LISTED)
        return pending, await asyncio.to_thread(self._store.approvals, tenant, over, MOST_LISTED)

    async def named(self, approval_id: str, tenant: str) -> Approval:
        """Raises EdgeError 404 `unknown-approval`."""
        found = await asyncio.to_thread(self._store.approval, approval_id, tenant)
        if found is None:
            raise _unknown()
        return found

    # --- inside ------------------------------------------------------------------------------------------------------

    @cached_property
    def _seals(self) -> Seals:
        return Seals(self.bounds.state_key or self._store.state_key)

    def _may_answer(self, found: Approval | None, who: Caller) -> None:
        if found is None:
            raise _unknown()
        principal = who.principal
        # The roles of a principal are no part of who it is here: an agent with two keys is one agent.
        if found.principal_key == principal.key or (found.agent, found.user) == (principal.agent, principal.user):
            raise EdgeError(403, "own-run", "nobody approves a call of their own")
        # Each rule that asks narrows who may answer, and so do the settings of now; none replaces another.
        if any(roles and principal.roles.isdisjoint(roles) for roles in (*found.by_roles, self.bounds.roles)):
            raise EdgeError(403, "not-your-role", "this call is for others to answer")
        if found.state == "expired":
            raise EdgeError(410, "approval-expired", "nobody answered in time; the agent has to ask again")
        if found.state != "pending":
            raise _already()

    def _act(self, approval: Approval, who: Caller, state: ApprovalState) -> Record:
        """What a person decided stands in the chain like what the gate decided; why, in the approval, which can be
        erased."""
        principal, now = who.principal, self._clock()
        return Record(
            kind="act",
            id=f"{new_id('dec', int(now.timestamp() * 1000), os.urandom(10))}.1",
            at=instant(now),
            tenant=principal.tenant,
            agent=principal.agent,
            user=principal.user,
            roles=tuple(sorted(principal.roles)),
            run=approval.run,
            door="approvals",
            tool=approval.tool,
            call_id=None,
            arguments=None,
            effect="allow" if state == "approved" else "forbid",
            rule=approval.rule,
            reason=state,
            errors=(),
            policy_hash=approval.policy_hash,
            memory_version=0,
            mode="enforce",
            text_calls="",
            upstream=approval.server or "",
            model="",
            approvals=(approval.id,),
        )


def _unknown() -> EdgeError:
    return EdgeError(404, "unknown-approval", "there is no such approval of this tenant")


def _already() -> EdgeError:
    return EdgeError(409, "already-decided", "somebody answered before")
