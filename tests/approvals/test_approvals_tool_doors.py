"""server/tool_gate.py with approvals, over HTTP tools: a call waits for its person, a repeat after it runs once."""

from __future__ import annotations

import concurrent.futures
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from server.exchange import Scope

POLICY = """language 1
ask mail/send(to, amount) as sends
"""
PEOPLE = {"approver": {"agent": "console", "user": "eve", "scopes": [Scope.APPROVE]}}
CALL = {"to": "ann", "amount": 5}


@pytest.fixture
def mail() -> Iterator[tuple[int, list[Any]]]:
    """A server of one tool: its port, and what it was sent."""
    sent: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is said on standard error."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server.server_port, sent
    server.shutdown()
    thread.join(10)
    server.server_close()


@pytest.fixture
def start(start_gate: Callable[..., Any], mail: tuple[int, list[Any]]) -> Callable[[float], Any]:
    def start(wait_seconds: float) -> Any:
        tools = {"url": f"http://127.0.0.1:{mail[0]}", "posts": {"send": "/send"}, "networks": ["127.0.0.1/32"]}
        return start_gate(POLICY, keys=PEOPLE, http_tools={"mail": tools}, approvals={"wait_seconds": wait_seconds})

    return start


def send(gate: Any, call: dict[str, Any]) -> Any:
    return gate.client.ask("POST", "/tools/mail/send", call)


def answered(gate: Any, outside: Any, approve: bool) -> str:
    """Answer what waits; its id."""
    approver = gate.with_key("approver")
    outside.wait_for(lambda: bool(approver.ask("GET", "/v1/approvals").tree["pending"]), 15)
    name = str(approver.ask("GET", "/v1/approvals").tree["pending"][0]["id"])
    assert approver.ask("POST", f"/v1/approvals/{name}", {"approve": approve}).status == 200
    return name


@pytest.mark.parametrize(("approve", "status"), [(True, 200), (False, 403)])
def test_a_call_waits_for_its_person(
    start: Any, outside: Any, mail: tuple[int, list[Any]], approve: bool, status: int
) -> None:
    gate = start(30)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = pool.submit(send, gate, CALL)
        name = answered(gate, outside, approve)
        answer = waiting.result()
    assert answer.status == status
    assert mail[1] == [CALL] * approve
    assert gate.client.ask("GET", f"/v1/approvals/{name}").tree["state"] == ("used" if approve else "denied")


def test_a_repeat_after_the_yes_runs_once(start: Any, outside: Any, mail: tuple[int, list[Any]]) -> None:
    gate = start(0)
    first = send(gate, CALL)
    name = first.headers["x-leastward-approval"]
    assert (first.status, name) == (403, answered(gate, outside, True))
    assert send(gate, {**CALL, "amount": 6}).headers["x-leastward-approval"] != name, "another call is asked anew"
    # The same call: members in another order are the same digest. Of many at once one is released.
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        came = list(pool.map(lambda _: send(gate, dict(reversed(CALL.items()))), range(6)))
    assert sorted(one.status for one in came) == [200, *[403] * 5]
    assert mail[1] == [CALL]
    assert {one.headers["x-leastward-approval"] for one in came if one.status == 403}.isdisjoint({name})
