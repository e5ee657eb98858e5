"""From an ask of the Guard to a pending approval: once for one call, and not more often than people can read.

Approval fatigue is an attack (OWASP ASI09): what is asked a hundred times is waved through. So one call of a run is one
approval while it is pending, a no holds for a while, and a principal asks for so much an hour and no more.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from guardrail import Clock, Decision, ToolCall, instant, new_id

from ..exchange import Caller
from ..store import Approval, Asked, without_secrets
from .binding import as_judged, canonical, digest_of
from .bounds import Bounds
from .ports import Keeper
from .sealing import Seals

NEEDS_APPROVAL: Final = "needs-approval"
BUDGET: Final = "approval-budget"
DENIED: Final = "approval-denied"
TOO_LARGE: Final = "approval-too-large"

_HOUR: Final = timedelta(hours=1)
_UNSEEN: Final = timedelta(minutes=1)
"""How long an ask that is not in the database yet counts: by then it is there, or its write failed."""

_Key = tuple[str, str, str]


class Holding(NamedTuple):
    """What becomes of a call that needs a person. `code` is what the agent is told: NEEDS_APPROVAL with the approval,
    else why nobody is asked. `change` goes into the commit of the ask's Record; None where nothing is new."""

    code: str
    approval: Approval | None = None
    change: Asked | None = None


@dataclass(slots=True)
class _Unseen:
    """An ask of this process that was not seen in the database yet."""

    approval: Approval
    at: datetime
    told: bool = False


class Asking:
    """One event loop. Asks of other replicas are seen in the database; a race between two is settled by its index."""

    def __init__(
        self, store: Keeper, clock: Clock, bounds: Bounds, seals: Callable[[], Seals], *, announces: bool = False
    ) -> None:
        self._announces = announces
        self._store = store
        self._clock = clock
        self._bounds = bounds
        self._seals = seals
        self._unseen: dict[_Key, _Unseen] = {}

    async def held(
        self, caller: Caller, run: str, door: str, call: ToolCall, decision: Decision, record: str
    ) -> Holding:
        """See Approvals.held."""
        if decision.effect != "ask":
            raise ValueError(f"only an ask is held, not a decision with the effect `{decision.effect}`")
        judged = as_judged(call, decision)
        shown = canonical(without_secrets(judged.arguments))
        if len(shown) > self._bounds.shown_bytes:
            return Holding(TOO_LARGE)
        key = (run, digest_of(judged.server, judged.tool, judged.arguments), decision.policy_hash)
        found = await asyncio.to_thread(self._store.approval_for, *key)
        now = self._clock()
        self._forget(key if found is not None else None, now)
        standing = self._standing(found, now)
        if standing is not None:
            return standing
        if key in self._unseen:  # another answer of this run asks for it at this moment
            waiting = self._unseen[key].approval
            return Holding(NEEDS_APPROVAL, waiting, Asked(waiting, self._announces))
        asked = await asyncio.to_thread(self._store.asked, caller.principal.key, instant(now - _HOUR))
        if key not in self._unseen:
            if self._is_over_budget(caller.principal.key, asked):
                return Holding(BUDGET)
            approval = self._pending(caller, key, door, call, judged, shown, decision, record, now)
            self._unseen[key] = _Unseen(approval, now)
        approval = self._unseen[key].approval
        return Holding(NEEDS_APPROVAL, approval, Asked(approval, self._announces))

    def tells(self, approval: Approval) -> bool:
        """Whether an ask that is durable now has to be told: not where another call of the same turn told it."""
        unseen = self._unseen.get((approval.run, approval.digest, approval.policy_hash))
        if unseen is None or unseen.approval.id != approval.id:
            return True
        told, unseen.told = unseen.told, True
        return not told

    def _standing(self, found: Approval | None, now: datetime) -> Holding | None:
        """What an earlier ask of the same call comes to now; None where a person has to be asked anew."""
        if found is None:
            return None
        if found.state in ("pending", "approved"):
            return Holding(NEEDS_APPROVAL, found)
        refused = timedelta(seconds=self._bounds.denied_seconds)
        if found.state == "denied" and (found.decided_at or "") > instant(now - refused):
            return Holding(DENIED, found)
        return None

    def _is_over_budget(self, principal_key: str, asked: list[tuple[str, bool, bool]]) -> bool:
        known = {name for name, _, _ in asked}
        mine = [one.approval.id for one in self._unseen.values() if one.approval.principal_key == principal_key]
        unseen = sum(name not in known for name in mine)
        recent = sum(is_recent for _, is_recent, _ in asked) + unseen
        pending = sum(is_pending for _, _, is_pending in asked) + unseen
        return recent >= self._bounds.asks_an_hour or pending >= self._bounds.pending_at_once

    def _forget(self, key: _Key | None, now: datetime) -> None:
        if key is not None:
            self._unseen.pop(key, None)
        for old in [name for name, one in self._unseen.items() if now - one.at > _UNSEEN]:
            del self._unseen[old]

    def _pending(
        self,
        caller: Caller,
        key: _Key,
        door: str,
        call: ToolCall,
        judged: ToolCall,
        shown: bytes,
        decision: Decision,
        record: str,
        now: datetime,
    ) -> Approval:
        run, digest, policy_hash = key
        terms, who = decision.terms, caller.principal
        name = new_id("apr", int(now.timestamp() * 1000), os.urandom(10))
        valid = None if terms is None else terms.valid
        uses = None if terms is None else terms.uses
        return Approval(
            id=name,
            tenant=caller.tenant,
            principal_key=who.key,
            agent=who.agent,
            user=who.user,
            run=run,
            decision=record,
            door=door,
            server=judged.server,
            tool=judged.tool,
            arguments=shown.decode(),
            digest=digest,
            policy_hash=policy_hash,
            rule=decision.rule,
            prompt=None if terms is None else terms.prompt,
            by_roles=self._groups(() if terms is None else terms.by),
            uses=uses or 1,
            valid_seconds=self._bounds.valid_seconds if valid is None else valid.seconds,
            state="pending",
            asked_at=instant(now),
            expires_at=instant(now + timedelta(seconds=self._bounds.pending_seconds)),
            sealed=self._closed(name, call.arguments, shown),
        )

    def _groups(self, by: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        """The rules' groups of roles, and the settings' own: what they ask of everybody who answers they ask now."""
        return tuple(sorted({*by, self._bounds.roles} - {()}))

    def _closed(self, approval_id: str, arguments: Any, shown: bytes) -> bytes | None:
        """The call as it was asked, where what is shown of it is not the same: it holds a secret, or was rewritten.

        Without `cryptography` it is not kept at all. Such a call is released when its agent asks for it again.
        """
        if canonical(arguments) == shown:
            return None
        try:
            return self._seals().close_call(approval_id, arguments)
        except ModuleNotFoundError:
            return None
