"""Calls that wait for a person, told to a client that can wait.

In 2026-07-28 the answer to such a call is an InputRequiredResult: a sealed state, and one request that asks the
client's user to go to where approvals are given. A client with a session is asked the same on the stream of its call,
which waits for the answer (2025-11-25, Elicitation). It is no approval: whoever answers it has said that they looked,
nothing more. The call comes back, or is looked at again; whether a person with the scope for it approved in the
meantime is for the choke point.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol

from guardrail import ToolCall

from ..exchange import Caller

KEY: Final = "approval"
"""The name of the one request in an InputRequiredResult."""

MOST_STATE: Final = 8_192


class Waiting(NamedTuple):
    """`state` is sealed and bound to the principal, the exact call, the policy and an end; `message` is for the user,
    written by the gate; `url` is where approvals are given, None where there is no such page."""

    state: str
    message: str
    url: str | None = None


class Held(Protocol):
    """What the door asks of approvals."""

    async def waiting(self, caller: Caller, approval: str) -> Waiting | None:
        """What to tell a client whose call waits for `approval`; None where it has to be content with the refusal."""
        ...

    async def resumed(self, caller: Caller, asked: ToolCall, state: str) -> None:
        """A client comes back with `state`; may wait, for a bounded time, until the approval is decided. Raises
        EdgeError where the state is forged, over, or for another principal or call."""
        ...


def can_wait(capabilities: Mapping[str, Any], url: bool) -> bool:
    """Whether the client can be asked: it has `elicitation`, of the kind that is needed. An empty one means forms
    (2025-11-25, Elicitation, Capabilities)."""
    elicitation = capabilities.get("elicitation")
    if not isinstance(elicitation, dict):
        return False
    return "url" in elicitation if url else ("form" in elicitation or "url" not in elicitation)


def elicited(waiting: Waiting, approval: str, url: bool) -> dict[str, Any]:
    """The parameters of `elicitation/create` that send a user to where approvals are given."""
    if url:
        return {"mode": "url", "message": waiting.message, "url": waiting.url, "elicitationId": approval}
    return {"mode": "form", "message": waiting.message, "requestedSchema": _NOTHING}


def input_required(waiting: Waiting, approval: str, url: bool) -> dict[str, Any]:
    return {
        "resultType": "input_required",
        "inputRequests": {KEY: {"method": "elicitation/create", "params": elicited(waiting, approval, url)}},
        "requestState": waiting.state,
    }


_NOTHING: Final[Mapping[str, Any]] = {"type": "object", "properties": {}}
