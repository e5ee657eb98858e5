"""Telling people that a call waits: one signed POST for each ask, to the address that the settings name.

The address comes from the settings alone; nothing of a call or an agent reaches it. Redirects are not followed. The
body is what approvers see (shown.py), the way back is `POST /v1/approvals/{id}` with a key of the scope `approve`: a
webhook that was read by the wrong eyes approves nothing.

A delivery is repeated with growing pauses until the receiver takes it or the attempts are over, and carries the same id
each time, as a receiver may hear of one ask twice. What was not told when the process ended is not told later: the
queue itself (`GET /v1/approvals`) is what is durable.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from policy_dsl import encode_json

from ..store import Approval
from ..upstream import Timeouts, Upstream, UpstreamError
from .shown import shown

LOG: Final = logging.getLogger("leastward.approvals")

MOST_QUEUED: Final = 1_000
REDIRECT: Final = 307
"""Stands for every redirect: it is not followed, and asking again would meet it again."""

MOST_ANSWER: Final = 65_536
"""Bytes of a receiver's answer that are read, so that its connection can be used again."""

_PLAIN: Final = re.compile(r"(https?://[A-Za-z0-9.\[\]:-]+)((?:/[A-Za-z0-9._~-]+)+)")
_AGAIN: Final = frozenset({408, 425, 429})
"""Answers below 500 that ask to be asked again (RFC 9110 section 15.5.9, RFC 8470, RFC 6585)."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to, signed with what. `pause_seconds` is the first pause between two attempts; each is twice the last."""

    url: str
    secret: bytes
    timeout_seconds: float = 10.0
    attempts: int = 6
    pause_seconds: float = 1.0


def split_address(url: str) -> tuple[str, str]:
    """The server's part of a webhook's address, and the path. Raises ValueError for one that is not plain."""
    found = _PLAIN.fullmatch(url)
    if found is None:
        raise ValueError("the webhook's address is a plain `https://host/path`")
    return found[1], found[2]


def signature(secret: bytes, at: int, body: bytes) -> str:
    """The header `x-leastward-signature`: `t=SECONDS,v1=HEX`, an HMAC-SHA256 (RFC 2104) over `SECONDS.BODY`.

    A receiver recomputes it, compares it in constant time, and refuses a time that is minutes away, which ends replays.
    """
    code = hmac.new(secret, b"%d." % at + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={code}"


def body_of(approval: Approval) -> bytes:
    tree: dict[str, Any] = {"event": "approval.asked", "approval": shown(approval), "tenant": approval.tenant}
    return encode_json(tree)


class Webhook:
    """Calls `told` with `delivered`, `refused`, `failed` or `dropped` for each ask. Raises ValueError for an address
    that is no plain http or https URL with a path."""

    def __init__(
        self, address: Address, told: Callable[[str], None] = lambda _: None, now: Callable[[], float] = time.time
    ) -> None:
        base, self._path = split_address(address.url)
        self._upstream = Upstream(
            "approvals-webhook",
            base,
            timeouts=Timeouts(address.timeout_seconds, address.timeout_seconds, 4.0),
            max_connections=4,
        )
        self._address = address
        self._told = told
        self._now = now
        self._queue: asyncio.Queue[Approval] = asyncio.Queue(MOST_QUEUED)

    def announce(self, approval: Approval) -> None:
        """Have it delivered; from the event loop. Never blocks, never raises: the ask stands whoever hears of it."""
        try:
            self._queue.put_nowait(approval)
        except asyncio.QueueFull:
            LOG.error("an approval is not announced: too many wait for the webhook")
            self._told("dropped")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Deliver while this is open."""
        worker = asyncio.create_task(self._deliver_all())
        try:
            yield
        finally:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)
            self._upstream.close()

    async def _deliver_all(self) -> None:
        async with asyncio.TaskGroup() as deliveries:
            slots = asyncio.Semaphore(4)
            while True:
                approval = await self._queue.get()
                await slots.acquire()
                delivery = deliveries.create_task(self._deliver(approval))
                delivery.add_done_callback(lambda _: slots.release())

    async def _deliver(self, approval: Approval) -> None:
        outcome = "failed"
        try:
            outcome = await self._attempt(approval)
        except Exception:  # one ask that cannot be told must not end the telling of the others
            LOG.exception("the webhook failed on an approval")
        if outcome != "delivered":
            LOG.error("an approval was not announced: %s", outcome)
        self._told(outcome)

    async def _attempt(self, approval: Approval) -> str:
        body = body_of(approval)
        for attempt in range(self._address.attempts):
            if attempt:
                await asyncio.sleep(self._address.pause_seconds * 2 ** (attempt - 1))
            status = await self._post(approval, body)
            if status is not None and 200 <= status < 300:
                return "delivered"
            if status is not None and status < 500 and status not in _AGAIN:
                return "refused"
        return "failed"

    async def _post(self, approval: Approval, body: bytes) -> int | None:
        """The status of the answer, None where there was none."""
        at = int(self._now())
        headers = {"x-leastward-signature": signature(self._address.secret, at, body), "x-leastward-id": approval.id}
        deadline = asyncio.get_running_loop().time() + self._address.timeout_seconds
        try:
            reply = await self._upstream.post(self._path, body, headers, deadline=deadline)
            await reply.read(MOST_ANSWER)
        except UpstreamError as error:
            return REDIRECT if error.code == "redirect" else None
        return reply.status
