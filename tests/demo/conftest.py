"""The recorded model on a loopback port, without a gate in front of it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn

from server.demo import RecordedModel, Transcript
from server.demo.transcripts import RecordedCall

TRANSCRIPT = Transcript(
    name="t-1",
    prompt="Pay the bill.",
    calls=(
        RecordedCall("read", {"path": "bill.txt"}, "10 to X"),
        RecordedCall("pay", {"to": "X", "amount": 10, "note": "a “quoted”\nnote"}, "done"),
    ),
    attack_calls=frozenset({1}),
    final="I have paid the bill — all of it.",
)


@pytest.fixture
def transcript() -> Transcript:
    return TRANSCRIPT


@pytest.fixture
def recorded_model() -> Iterator[str]:
    """The base URL of a server that plays TRANSCRIPT."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(RecordedModel([TRANSCRIPT]), log_config=None, ws="none", lifespan="off"))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    server.should_exit = True
    thread.join(timeout=10)
