"""How uvicorn is run: with the strict protocol, uvloop, and nothing on the way that a request does not need."""

from __future__ import annotations

from functools import partial
from typing import Any

import uvicorn

from .metrics import Metrics
from .settings import Settings
from .strict_http import StrictProtocol

KEEP_ALIVE_SECONDS = 30
"""Longer than clients keep an unused connection (httpx 5 s, aiohttp 15 s), so that it is they who close it."""

GRACE_SECONDS = 15


def listening(app: Any, settings: Settings, metrics: Metrics) -> uvicorn.Config:
    """The server for `app` at the address of `settings`. The log is left to `start_logging`."""

    def refused(status: int, code: str) -> None:
        metrics.refusal(code)
        metrics.request("unknown", status)

    protocol: Any = partial(StrictProtocol, limit=settings.limits.connections, refused=refused)
    return uvicorn.Config(
        app,
        host=settings.listen.host,
        port=settings.listen.port,
        loop="uvloop",
        http=protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        # Forwarding headers would let a client choose the address that it is logged under.
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
