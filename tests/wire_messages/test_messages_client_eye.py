"""What leaves, seen with the eyes of Anthropic's own client over a socket: it must find exactly the released calls."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import anthropic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.wire import GRAMMARS, HeldCall, Refusal
from server.wire.messages import COUNT_TOKENS_PATH, MESSAGES, read_token_count

names = st.sampled_from(("f", "g", "h"))
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)
arguments = st.dictionaries(st.text(max_size=5), json_values, max_size=3)
citations = st.just({
    "type": "char_location", "cited_text": "c", "document_index": 0, "document_title": None, "file_id": None,
    "start_char_index": 0, "end_char_index": 1,
})  # fmt: skip
blocks = st.lists(
    st.one_of(
        st.builds(lambda text: {"type": "text", "text": text, "citations": None}, st.text(max_size=9)),
        st.builds(lambda one: {"type": "text", "text": "cited", "citations": [one]}, citations),
        st.builds(lambda text: {"type": "thinking", "thinking": text, "signature": "c2ln"}, st.text(max_size=9)),
        st.just({"type": "redacted_thinking", "data": "b3BhcXVl"}),
        st.builds(lambda name, given: {"type": "tool_use", "name": name, "input": given}, names, arguments),
    ),
    max_size=5,
).map(lambda drawn: [{**b, "id": f"toolu_{at}"} if b["type"] == "tool_use" else b for at, b in enumerate(drawn)])
SETTINGS = settings(print_blob=True, deadline=None, max_examples=40)
USER: Any = [{"role": "user", "content": "Go."}]


class Script:
    """What the server on the socket answers next, and what it was asked."""

    status = 200
    content_type = "application/json"
    body = b""
    path = ""


@pytest.fixture(scope="module")
def script() -> Script:
    return Script()


@pytest.fixture(scope="module")
def client(script: Script) -> Iterator[anthropic.Anthropic]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            script.path = self.path
            self.send_response(script.status)
            self.send_header("content-type", script.content_type)
            self.send_header("content-length", str(len(script.body)))
            self.end_headers()
            self.wfile.write(script.body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    http = anthropic.DefaultHttpxClient(trust_env=False)
    with anthropic.Anthropic(
        api_key="k", base_url=f"http://127.0.0.1:{server.server_port}", http_client=http, max_retries=0
    ) as opened:
        yield opened
    server.shutdown()
    server.server_close()


def refused(held: tuple[HeldCall, ...]) -> dict[HeldCall, Refusal]:
    return {call: Refusal("no-rule", None, "d") for call in held if call.tool == "g"}


def released(held: tuple[HeldCall, ...]) -> list[tuple[str, str, dict[str, Any] | None]]:
    return [(call.call_id, call.tool, call.arguments) for call in held if call.tool != "g"]


def seen(message: anthropic.types.Message) -> list[tuple[str, str, Any]]:
    return [(block.id, block.name, block.input) for block in message.content if block.type == "tool_use"]


def plain(message: anthropic.types.Message) -> list[dict[str, Any]]:
    return [block.to_dict() for block in message.content]


@SETTINGS
@given(said=blocks, data=st.data())
def test_the_call_that_the_client_sees_is_the_one_that_was_judged(
    client: anthropic.Anthropic,
    script: Script,
    body: Callable[..., bytes],
    streamed: Callable[..., list[bytes]],
    said: list[dict[str, Any]],
    data: st.DataObject,
) -> None:
    stop = "tool_use" if any(block["type"] == "tool_use" for block in said) else "end_turn"
    answer = MESSAGES.answer(body(said, stop), GRAMMARS)
    script.status, script.content_type = 200, "application/json"
    script.body = answer.settled(refused(answer.calls))
    message = client.messages.create(model="m", max_tokens=9, messages=USER)
    assert seen(message) == released(answer.calls)
    assert (message.stop_reason == "tool_use") == bool(released(answer.calls))

    def cut(text: str) -> list[str]:
        at = data.draw(st.integers(0, len(text)))
        return [text[:at], text[at:]]

    stream = MESSAGES.stream(GRAMMARS)
    out = b"".join([stream.feed(event) for event in streamed(said, stop, cut)])
    held = stream.close()
    assert held == answer.calls
    script.content_type, script.body = "text/event-stream", out + stream.settle(refused(held))
    with client.messages.stream(model="m", max_tokens=9, messages=USER) as opened:
        final = opened.get_final_message()
    assert seen(final) == released(held)
    assert (final.id, final.stop_reason) == (message.id, message.stop_reason)
    assert [_bare(block) for block in plain(final)] == [_bare(block) for block in plain(message)]
    assert final.usage.output_tokens == message.usage.output_tokens


def _bare(block: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in block.items() if value is not None}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("text", ["", "Waiting for a person."])
def test_an_answer_of_the_gates_own(
    client: anthropic.Anthropic, script: Script, asking: Callable[..., bytes], stream: bool, text: str
) -> None:
    calls = [HeldCall(0, 0, "toolu_1", "f", {"a": [1]}, "tool", None), HeldCall(0, 1, "", "g", {}, "text:hermes", None)]
    request = MESSAGES.request(asking(*USER, stream=stream))
    script.status, script.content_type = 200, "text/event-stream" if stream else "application/json"
    for given_calls in (calls, calls[:0]):
        script.body = MESSAGES.own(request, given_calls, text, id="x" * 26, at=1)
        if stream:
            with client.messages.stream(model="m", max_tokens=9, messages=USER) as opened:
                message: anthropic.types.Message = opened.get_final_message()
        else:
            message = client.messages.create(model="m", max_tokens=9, messages=USER)
        assert message.id == "msg_" + "x" * 26
        assert [(name, given) for _, name, given in seen(message)] == [(c.tool, c.arguments) for c in given_calls]
        assert all(call_id for call_id, _, _ in seen(message))
        assert message.stop_reason == ("tool_use" if given_calls else "end_turn")
        assert [block.text for block in message.content if block.type == "text"] == [text] * bool(text)


ERRORS = (
    (400, anthropic.BadRequestError, "invalid_request_error"),
    (401, anthropic.AuthenticationError, "authentication_error"),
    (403, anthropic.PermissionDeniedError, "permission_error"),
    (404, anthropic.NotFoundError, "not_found_error"),
    (409, anthropic.ConflictError, "invalid_request_error"),
    (413, anthropic.APIStatusError, "request_too_large"),
    (429, anthropic.RateLimitError, "rate_limit_error"),
    (502, anthropic.InternalServerError, "api_error"),
    (503, anthropic.InternalServerError, "api_error"),
    (504, anthropic.InternalServerError, "timeout_error"),
)


@pytest.mark.parametrize(("status", "kind", "word"), ERRORS, ids=lambda value: str(value))
def test_errors_are_read_by_the_client(
    client: anthropic.Anthropic, script: Script, status: int, kind: type[anthropic.APIStatusError], word: str
) -> None:
    script.status, script.content_type = status, "application/json"
    script.body = MESSAGES.error(status, "No.", code="no-rule")
    with pytest.raises(kind) as raised:
        client.messages.create(model="m", max_tokens=9, messages=USER)
    assert raised.value.body == {"type": "error", "error": {"type": word, "message": "No.", "code": "no-rule"}}


def test_an_error_ends_a_stream(
    client: anthropic.Anthropic, script: Script, streamed: Callable[..., list[bytes]]
) -> None:
    stream = MESSAGES.stream(GRAMMARS)
    out = b"".join(stream.feed(event) for event in streamed([{"type": "text", "text": "Hi"}])[:3])
    script.status, script.content_type = 200, "text/event-stream"
    script.body = out + MESSAGES.error_event(MESSAGES.error(503, "No.", code="cannot-record"))
    words: list[str] = []
    with (
        pytest.raises(anthropic.APIStatusError, match="cannot-record"),
        client.messages.stream(model="m", max_tokens=9, messages=USER) as opened,
    ):
        words.extend(opened.text_stream)
    assert words == ["Hi"]


def test_tokens_are_counted(client: anthropic.Anthropic, script: Script) -> None:
    script.status, script.content_type = 200, "application/json"
    script.body = read_token_count(json.dumps({"input_tokens": 12, "tool_calls": [{"name": "f"}]}).encode())
    assert client.messages.count_tokens(model="m", messages=USER).to_dict() == {"input_tokens": 12}
    assert script.path.endswith(COUNT_TOKENS_PATH)
