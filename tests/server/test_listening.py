"""server/listening.py: what uvicorn is told."""

from __future__ import annotations

from typing import Any

from server.listening import listening
from server.metrics import Metrics
from server.settings import Settings


def test_nothing_trusts_forwarding_headers(gate: Any) -> None:
    config = listening(gate.gate, Settings(), Metrics())
    assert config.proxy_headers is False
    assert config.access_log is False
    assert config.ws == "none"
    assert (config.host, config.port) == ("127.0.0.1", 4747)


def test_the_server_does_not_name_itself(gate: Any) -> None:
    _, headers, _ = gate.ask("GET", "/healthz", key=None)
    assert "server" not in headers
