"""What the tests of the wire share: how a chunk and an answer are written, and how calls are refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from server.wire import HeldCall, Refusal

HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def _event(value: Any) -> bytes:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"data: {text}\n\n".encode()


def _chunk(delta: dict[str, Any], index: int = 0, finish: str | None = None, **more: Any) -> bytes:
    return _event({**HEAD, "choices": [{"index": index, "delta": delta, "finish_reason": finish}], **more})


def _answer(*messages: dict[str, Any], finish: str = "stop", **more: Any) -> bytes:
    choices = [
        {"index": index, "message": {"role": "assistant", **message}, "finish_reason": finish}
        for index, message in enumerate(messages)
    ]
    head = {**HEAD, "object": "chat.completion"}
    return json.dumps({**head, "choices": choices, **more}, ensure_ascii=False).encode()


def _refuse(calls: Iterable[HeldCall], *tools: str) -> dict[HeldCall, Refusal]:
    return {
        call: Refusal(call.problem or "no-rule", "Not allowed.", "d1")
        for call in calls
        if call.problem or call.tool in tools or "*" in tools
    }


@pytest.fixture(scope="session")
def event() -> Callable[..., bytes]:
    return _event


@pytest.fixture(scope="session")
def chunk() -> Callable[..., bytes]:
    return _chunk


@pytest.fixture(scope="session")
def answer() -> Callable[..., bytes]:
    return _answer


@pytest.fixture(scope="session")
def refuse() -> Callable[..., dict[HeldCall, Refusal]]:
    """Refuses the unreadable calls, those of the named tools, and with `*` all."""
    return _refuse


@pytest.fixture(scope="session")
def head() -> dict[str, Any]:
    return dict(HEAD)
