"""server/wire/event_stream.py, read_request.py: what the streams and requests of all three APIs have alike."""

from __future__ import annotations

import json
from typing import Any

import pytest

from server.wire import CHAT, Dialect, MalformedAnswer, MalformedRequest
from server.wire.messages import MESSAGES
from server.wire.responses import RESPONSES

FIRST: dict[str, dict[str, Any]] = {
    "chat": {"id": "c", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "hello"}}]},
    "responses": {"type": "response.created", "response": {"id": "r", "object": "response", "output": []}},
    "messages": {
        "type": "message_start",
        "message": {"id": "m", "type": "message", "role": "assistant", "content": [], "usage": {}},
    },
}
ASKED: dict[str, dict[str, Any]] = {
    "chat": {"messages": [{"role": "user", "content": "hi"}]},
    "responses": {"input": "hi"},
    "messages": {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 9},
}
DIALECTS = pytest.mark.parametrize("dialect", [CHAT, RESPONSES, MESSAGES], ids=lambda one: one.name)


def _event(tree: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(tree).encode() + b"\n\n"


@DIALECTS
@pytest.mark.parametrize("bad", [b"data: {\n\n", b"data: [1]\n\n", b'data: {"type":"error","error":{}}\n\n'])
def test_what_came_before_a_fault_leaves_and_nothing_after_it(dialect: Dialect, bad: bytes) -> None:
    stream, alone = dialect.stream(()), dialect.stream(())
    first = _event(FIRST[dialect.name])
    assert stream.feed(first + bad) == alone.feed(first) != b""
    with pytest.raises(MalformedAnswer) as fault:
        stream.feed(first)
    for again in (lambda: stream.feed(b""), stream.close, stream.close):
        with pytest.raises(MalformedAnswer) as same:
            again()
        assert same.value is fault.value


@DIALECTS
@pytest.mark.parametrize("last", [b"", b"data: {", b"data: [DONE]"])
def test_a_stream_that_was_not_ended_stays_refused(dialect: Dialect, last: bytes) -> None:
    stream = dialect.stream(())
    stream.feed(_event(FIRST[dialect.name]) + last)
    with pytest.raises(MalformedAnswer) as fault:
        stream.close()
    for again in (stream.close, lambda: stream.feed(_event(FIRST[dialect.name]))):
        with pytest.raises(MalformedAnswer) as same:
            again()
        assert same.value is fault.value
    with pytest.raises(ValueError, match="before the stream was closed"):
        stream.settle({})


@DIALECTS
def test_a_request_says_what_it_asks_for_and_is_printed_once(dialect: Dialect) -> None:
    body = json.dumps({"model": "m-1", "stream": True, **ASKED[dialect.name]}).encode()
    request = dialect.request(body)
    assert (request.model, request.stream) == ("m-1", True)
    assert request.encode() is request.encode()
    assert json.loads(request.encode()) == json.loads(body)
    assert dialect.request(json.dumps({"model": "m-1", **ASKED[dialect.name]}).encode()).stream is False


@DIALECTS
@pytest.mark.parametrize("value", [False, 0, "", {}])
def test_what_a_proxy_would_act_on_is_refused_whatever_it_says(dialect: Dialect, value: Any) -> None:
    asked = {"model": "m-1", **ASKED[dialect.name]}
    with pytest.raises(MalformedRequest, match="`extra_body` is not passed on") as fault:
        dialect.request(json.dumps({**asked, "extra_body": value}).encode())
    assert fault.value.code == "unsupported-member"
    assert dialect.request(json.dumps({**asked, "extra_body": None}).encode()).model == "m-1"


@DIALECTS
def test_of_missing_members_the_same_one_is_always_named(dialect: Dialect) -> None:
    with pytest.raises(MalformedRequest, match=f"`{'input' if dialect is RESPONSES else 'messages'}` is missing"):
        dialect.request(b"{}")
