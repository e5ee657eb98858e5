"""Telling people that a call waits: one signed POST for each ask, to the address that the settings name.

The address comes from the settings alone; nothing of a call or an agent reaches it. Redirects are not followed. The
body is what approvers see (shown.py), the way back is `POST /v1/approvals/{id}` with a key of the scope `approve`: a
webhook that was read by the wrong eyes approves nothing.

What is to be told stands in the outbox of the database since the transaction of the ask, until a receiver took it, and
carries the same id each time, as a receiver may hear of one ask twice: at least once. Between two attempts is a pause
that grows and is drawn by chance, so that a receiver that comes back is not met by everything at once. It ends with the
approval: what nobody can answer any more is not told. Replicas share the outbox; each takes a row before it delivers.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import random
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from guardrail import Clock, instant
from policy_dsl import encode_json

from ..store import Announcement, Approval, StoreError
from ..upstream import Timeouts, Upstream, UpstreamError
from .ports import Outbox
from .shown import shown

LOG: Final = logging.getLogger("leastward.approvals")

MOST_AT_ONCE: Final = 4
"""Deliveries under way at a time."""

LEASE_SECONDS: Final = 5.0
"""How much longer than an attempt may last a row belongs to who took it."""

REDIRECT: Final = 307
"""Stands for every redirect: it is not followed, and asking again would meet it again."""

MOST_ANSWER: Final = 65_536
"""Bytes of a receiver's answer that are read, so that its connection can be used again."""

_PLAIN: Final = re.compile(r"(https?://[A-Za-z0-9.\[\]:-]+)((?:/[A-Za-z0-9._~-]+)+)")
_AGAIN: Final = frozenset({408, 425, 429})
"""Answers below 500 that ask to be asked again (RFC 9110 section 15.5.9, RFC 8470, RFC 6585)."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to, signed with what. `pause_seconds` is the longest first pause between two attempts; each may be twice as
    long as the last, up to `most_seconds`. `look_seconds` is how often the outbox is looked into while nobody asks."""

    url: str
    secret: bytes
    timeout_seconds: float = 10.0
    pause_seconds: float = 1.0
    most_seconds: float = 300.0
    look_seconds: float = 1.0


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
    """Calls `told` with `delivered` or `refused` for each ask that is settled, with `failed` for each attempt that is
    made again, and with `over` where nobody has to be told any more. Raises ValueError for an address that is no plain
    http or https URL with a path."""

    def __init__(
        self, outbox: Outbox, address: Address, clock: Clock, told: Callable[[str], None] = lambda _: None
    ) -> None:
        base, self._path = split_address(address.url)
        self._upstream = Upstream(
            "approvals-webhook",
            base,
            timeouts=Timeouts(address.timeout_seconds, address.timeout_seconds, 4.0),
            max_connections=MOST_AT_ONCE,
        )
        self._outbox = outbox
        self._address = address
        self._clock = clock
        self._told = told
        self._asked = asyncio.Event()

    def look(self) -> None:
        """Something stands in the outbox; from the event loop. Never blocks, never raises."""
        self._asked.set()

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
        while True:
            self._asked.clear()  # before looking: no ask is missed
            try:
                found = await asyncio.to_thread(self._outbox.announcements, MOST_AT_ONCE)
            except StoreError as error:
                LOG.error("the outbox of approvals cannot be read: %s", error)
                found = []
            await asyncio.gather(*map(self._deliver, found))
            if not found:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._asked.wait(), self._address.look_seconds)

    async def _deliver(self, found: Announcement) -> None:
        lease = timedelta(seconds=self._address.timeout_seconds + LEASE_SECONDS)
        try:
            approval = await asyncio.to_thread(self._outbox.take_announcement, found, instant(self._clock() + lease))
            if approval is None:
                return
            outcome = "over" if approval.state != "pending" else await self._attempt(approval)
            if outcome == "failed":
                due_at = instant(self._clock() + timedelta(seconds=self._pause(found.attempts)))
                await asyncio.to_thread(self._outbox.announce_later, approval.id, due_at)
            else:
                await asyncio.to_thread(self._outbox.announced, approval.id)
        except Exception:  # one ask that cannot be told must not end the telling of the others; its row is still there
            LOG.exception("the webhook failed on an approval")
            return
        if outcome in ("failed", "refused"):
            LOG.error("an approval was not announced: %s", outcome)
        self._told(outcome)

    def _pause(self, attempts: int) -> float:
        """Seconds, drawn between half of the longest pause and the whole ("equal jitter")."""
        longest = min(self._address.pause_seconds * 2.0 ** min(attempts, 30), self._address.most_seconds)
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 (spreads load, hides nothing)

    async def _attempt(self, approval: Approval) -> str:
        status = await self._post(approval, body_of(approval))
        if status is not None and 200 <= status < 300:
            return "delivered"
        if status is not None and status < 500 and status not in _AGAIN:
            return "refused"
        return "failed"

    async def _post(self, approval: Approval, body: bytes) -> int | None:
        """The status of the answer, None where there was none."""
        at = int(self._clock().timestamp())
        headers = {"x-leastward-signature": signature(self._address.secret, at, body), "x-leastward-id": approval.id}
        deadline = time.monotonic() + self._address.timeout_seconds
        try:
            reply = await self._upstream.post(self._path, body, headers, deadline=deadline)
            await reply.read(MOST_ANSWER)
        except UpstreamError as error:
            return REDIRECT if error.code == "redirect" else None
        return reply.status
