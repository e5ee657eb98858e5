"""Approvals for clients of MCP that can wait: what server/mcp asks of the queue (its port `Held`).

Loaded with the MCP door alone, as that loads the SDK. A state that comes back only says which approval its client waits
for; the choke point decides the call anew and looks for the yes itself.
"""

from __future__ import annotations

from guardrail import ToolCall

from ..edge import EdgeError
from ..exchange import Caller
from ..mcp import Waiting
from .binding import digest_of
from .sealing import BadState
from .service import Approvals
from .shown import written_of


class HeldOverMcp:
    """`url` is where people give approvals, None where there is no page that a client could open."""

    def __init__(self, approvals: Approvals, url: str | None = None) -> None:
        self._approvals = approvals
        self._url = url

    async def waiting(self, caller: Caller, approval: str) -> Waiting | None:
        """What to tell the client; None for an approval that is not its own, or that is over: a client that was
        told to wait for that would come back without end."""
        try:
            found = await self._approvals.named(approval, caller.tenant)
        except EdgeError:
            return None
        if found.principal_key != caller.principal.key or found.state not in ("pending", "approved"):
            return None
        message = f"A person has to approve this call first (approval {found.id}).\n{written_of(found)}"
        return Waiting(self._approvals.seal(found), message, self._url)

    async def resumed(self, caller: Caller, asked: ToolCall, state: str) -> None:
        """Wait for the answer, as long as the queue lets a request wait. Raises EdgeError 400 `bad-state` for a state
        that is forged, over, or of another principal or call."""
        try:
            opened = self._approvals.opened(state, caller.principal.key)
            found = await self._approvals.named(opened.approval, caller.tenant)
        except (BadState, EdgeError):
            raise _bad() from None
        call = self._approvals.call_of(found)
        # What was kept of a rewritten call is gone once it is over; then only the digest is left to compare with.
        wanted = opened.digest if call is None else _digest(call)
        if found.digest != opened.digest or _digest(asked) != wanted:
            raise _bad()
        await self._approvals.waiting(found.id, caller.tenant, self._approvals.bounds.wait_seconds)


def _digest(call: ToolCall) -> str:
    return digest_of(call.server, call.tool, call.arguments)


def _bad() -> EdgeError:
    return EdgeError(400, "bad-state", "`requestState` is none of this gate's, or of another call")
