"""server/wire/responses/dialect.py: what the gate says by itself, read by the official SDK over a real socket."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import openai
import pytest

from server.wire import GRAMMARS, HeldCall, Refusal
from server.wire.responses import RESPONSES

CALLS = (
    HeldCall(0, 0, "call_1", "f", {"x": [1, "é"]}, "tool", None),
    HeldCall(0, 1, "call_2", "sh", {"input": "ls -l\n"}, "custom", None),
    HeldCall(0, 2, "", "g", {}, "text:hermes", None),
)
ID = "0" * 26


def request(**more: Any) -> Any:
    tools = [{"type": "function", "name": "f", "parameters": {}, "strict": False}]
    return RESPONSES.request(json.dumps({"model": "m", "input": "Hi", "tools": tools, **more}).encode())


@contextmanager
def serving(status: int, body: bytes, kind: str) -> Iterator[openai.OpenAI]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == f"/v1{RESPONSES.path}"
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/v1"
        try:
            with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
                yield client
        finally:
            server.shutdown()
            thread.join()


def seen(response: Any) -> list[tuple[str, str, str]]:
    return [
        (item.type, item.name, item.arguments if item.type == "function_call" else item.input)
        for item in response.output
        if item.type != "message"
    ]


WANTED = [("function_call", "f", '{"x":[1,"é"]}'), ("custom_tool_call", "sh", "ls -l\n"), ("function_call", "g", "{}")]


def test_a_whole_answer_of_the_gates_own() -> None:
    body = RESPONSES.own(request(), CALLS, "Waiting.", id=ID, at=7)
    with serving(200, body, "application/json") as client:
        response = client.responses.create(model="m", input="Hi")
    assert (response.id, response.created_at, response.status) == (f"resp_{ID}", 7, "completed")
    assert response.output_text == "Waiting."
    assert seen(response) == WANTED
    ids = [item.call_id for item in response.output if item.type != "message"]
    assert ids[:2] == ["call_1", "call_2"]
    assert len(set(ids)) == 3
    assert "" not in ids


def test_a_stream_of_the_gates_own() -> None:
    body = RESPONSES.own(request(stream=True), CALLS, "Waiting.", id=ID, at=7)
    with serving(200, body, "text/event-stream") as client:
        with client.responses.stream(model="m", input="Hi") as stream:
            names = [event.type for event in stream]
            final = stream.get_final_response()
        with client.responses.create(model="m", input="Hi", stream=True) as events:
            numbers = [event.sequence_number for event in events]
    assert names[0] == "response.created"
    assert names[-1] == "response.completed"
    assert seen(final) == WANTED
    assert final.output_text == "Waiting."
    assert numbers == list(range(len(numbers)))


def test_an_answer_of_words_alone() -> None:
    body = RESPONSES.own(request(), (), "No.", id=ID, at=7)
    assert [item["type"] for item in json.loads(body)["output"]] == ["message"]
    assert json.loads(RESPONSES.own(request(), CALLS[:1], "", id=ID, at=7))["output"][0]["type"] == "function_call"


def test_the_gate_reads_its_own_answers() -> None:
    for streams in (False, True):
        body = RESPONSES.own(request(stream=streams), CALLS[:2], "Hi", id=ID, at=7)
        if streams:
            held: Any = RESPONSES.stream(GRAMMARS)
            held.feed(body)
            calls = held.close()
        else:
            calls = RESPONSES.answer(body, GRAMMARS).calls
        assert [(c.call_id, c.tool, c.arguments, c.form) for c in calls] == [
            (c.call_id, c.tool, c.arguments, c.form) for c in CALLS[:2]
        ]


def test_a_streamed_answer_that_passed_the_gate(
    items: Any, streamed: Callable[..., list[bytes]], refuse: Callable[..., dict[HeldCall, Refusal]]
) -> None:
    stream = RESPONSES.stream(GRAMMARS)
    answer = streamed(items.reasoning("Hm."), items.message("Hi"), items.call(1, "f", '{"a": 1}'), items.call(2, "g"))
    body = b"".join(map(stream.feed, answer))
    calls = stream.close()
    body += stream.settle(refuse(calls, "g"))
    with serving(200, body, "text/event-stream") as client, client.responses.stream(model="m", input="Hi") as events:
        final = events.until_done().get_final_response()
    assert [item.type for item in final.output] == ["reasoning", "message", "function_call", "message"]
    assert final.output[2].arguments == '{"a":1}'
    assert final.output_text == "Hi\n[leastward] refused g: no-rule. Not allowed. (decision d1)"


def test_an_error_in_the_apis_shape() -> None:
    body = RESPONSES.error(403, "no", code="no-rule")
    with serving(403, body, "application/json") as client, pytest.raises(openai.PermissionDeniedError) as caught:
        client.responses.create(model="m", input="Hi")
    assert caught.value.code == "no-rule"
    assert RESPONSES.upstream_error(401, b"{}")[0] == 502


def test_an_error_that_ends_a_stream() -> None:
    body = RESPONSES.error_event(RESPONSES.error(502, "cut", code="malformed-answer"))
    with (
        serving(200, body, "text/event-stream") as client,
        client.responses.create(model="m", input="Hi", stream=True) as events,
    ):
        (event,) = events
    assert (event.type, event.code, event.message) == ("error", "malformed-answer", "cut")


def test_the_door() -> None:
    assert (RESPONSES.name, RESPONSES.path) == ("responses", "/responses")
