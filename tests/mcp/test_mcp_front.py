"""server/mcp/front.py, messages.py, headers.py, asking.py, eras.py and clients.py: every message that a client may send
(front.yaml), and sessions of older clients."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from guardrail import Principal
from server.mcp.asking import Asking
from server.mcp.clients import IDLE_SECONDS, MOST, MOST_OF_ONE, ClientSessions
from server.mcp.front import MOST_UNHEARD, _Stream
from server.mcp.headers import Headers
from server.mcp.messages import Reply, Request, RpcError, error_bytes, read_message, request_bytes, result_bytes

CASES = yaml.safe_load(Path(__file__).with_name("front.yaml").read_text(encoding="utf-8"))
POLICY = """language 1
allow shop/echo(text) when text != "secret"
allow shop/slow(steps)
forbid shop/remove
"""


@pytest.fixture(scope="module")
def gate(shop: Any, tmp_path_factory: pytest.TempPathFactory, running: Any) -> Iterator[Any]:
    servers = {"shop": {"url": shop[1]}, "other": {"url": shop[1]}}
    with running(tmp_path_factory.mktemp("gate"), POLICY, servers, origins=["https://desk.example"]) as gate:
        yield gate


def code_of(tree: Any) -> Any:
    if not isinstance(tree, dict) or "error" not in tree:
        return None
    data = tree["error"].get("data") or {}
    own = data.get("code")
    return (
        own if own in ("foreign-origin", "no-session", "unknown-session", "not-acceptable") else tree["error"]["code"]
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_a_message_comes_to_what_is_written(gate: Any, shop: Any, case: dict[str, Any]) -> None:
    shop[0].calls.clear()
    headers = case.get("headers", {})
    if "raw" in case:
        status, _, tree = gate.post(case["raw"].encode(), **headers)
    else:
        gone = {name for name, value in headers.items() if value is None}
        kept = {name: value for name, value in headers.items() if value is not None}
        status, _, tree = gate.modern(case["modern"]["method"], case["modern"]["params"], without=gone, **kept)
    assert [status, code_of(tree)] == case["<<"]
    assert len(shop[0].calls) == case.get("reached", 0)


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
def test_an_older_client_has_a_session(gate: Any, version: str) -> None:
    session = gate.opened(version)
    status, _, tree = gate.post({"jsonrpc": "2.0", "id": 7, "method": "tools/list"}, **session)
    assert (status, [tool["name"] for tool in tree["result"]["tools"]]) == (200, ["echo", "slow"])
    assert "cacheScope" not in tree["result"]
    status, _, tree = gate.post({"jsonrpc": "2.0", "id": "x", "method": "ping"}, **session)
    assert (status, tree) == (200, {"jsonrpc": "2.0", "id": "x", "result": {}})


def test_a_list_that_was_filtered_is_for_this_caller_alone(gate: Any) -> None:
    status, _, tree = gate.modern("tools/list")
    assert status == 200
    assert tree["result"]["cacheScope"] == "private"
    assert tree["result"]["resultType"] == "complete"


@pytest.mark.parametrize(
    ("server", "headers"),
    [("shop", {"x-agent": "thief"}), ("other", {}), (None, {})],
    ids=["another principal", "another server", "all servers"],
)
def test_a_session_is_nobody_elses(gate: Any, server: str | None, headers: dict[str, str]) -> None:
    session = gate.opened()
    status, _, tree = gate.post({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, server, **{**session, **headers})
    assert (status, tree["error"]["data"]["code"]) == (404, "unknown-session")


def test_a_session_keeps_its_version(gate: Any) -> None:
    session = {**gate.opened("2025-06-18"), "mcp-protocol-version": "2025-11-25"}
    status, _, tree = gate.post({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, **session)
    assert (status, tree["error"]["data"]["code"]) == (400, "other-version")


def test_an_unknown_version_is_answered_with_our_newest(gate: Any) -> None:
    params = {"protocolVersion": "1999-01-01", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}
    _, _, tree = gate.post({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})
    assert tree["result"]["protocolVersion"] == "2025-11-25"


def test_a_cancelled_request_ends_at_the_server(gate: Any, shop: Any, wait_for: Any) -> None:
    shop[0].began.clear()
    session = gate.opened()
    call = {"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": {"name": "slow", "arguments": {"steps": 500}}}
    answers: list[Any] = []
    asking = threading.Thread(target=lambda: answers.append(gate.post(call, **session)))
    asking.start()
    wait_for(shop[0].began.is_set)
    told = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 5}}
    assert gate.post(told, **session)[0] == 202
    asking.join(20)
    assert answers[0][2]["error"]["data"]["code"] == "cancelled"


def test_a_client_that_leaves_its_stream_ends_the_call(gate: Any, shop: Any, wait_for: Any) -> None:
    shop[0].began.clear()
    shop[0].cancelled.clear()
    with gate.streaming("slow", {"steps": 500}) as line:
        assert b"notifications/progress" in line.recv(65536) + line.recv(65536)
    wait_for(shop[0].cancelled.is_set)


def test_progress_that_a_client_does_not_read_takes_no_more_room() -> None:
    asking = Asking(None, None, "shop", "2026-07-28", Request(1, "tools/call", {}))  # type: ignore[arg-type]

    async def unread() -> int:
        stream = _Stream(asking, None)
        stream.progress("p")
        assert asking.progressed is not None
        for step in range(MOST_UNHEARD + 10):
            asking.progressed({"progress": step})
        return stream._queue.qsize()

    assert asyncio.run(unread()) == MOST_UNHEARD


def test_sessions_are_bounded_and_idle_ones_are_over() -> None:
    now = 0.0
    sessions = ClientSessions(now=lambda: now)
    alice = Principal(tenant="t", agent="a")
    first = sessions.opened(alice, "shop", "2025-11-25")
    assert sessions.find(first.id, alice, "shop") is first
    now = IDLE_SECONDS + 1
    assert sessions.find(first.id, alice, "shop") is None
    sessions.opened(alice, "shop", "2025-11-25")
    assert len(sessions) == 1, "the idle one is forgotten"


def test_who_opens_too_many_sessions_ends_its_own() -> None:
    over: list[str] = []
    sessions = ClientSessions(lambda session: over.append(session.id))
    alice, eve = (Principal(tenant="t", agent=name) for name in ("alice", "eve"))
    hers = sessions.opened(alice, "shop", "2025-11-25")
    used, *others = [sessions.opened(eve, "shop", "2025-11-25") for _ in range(MOST_OF_ONE)]
    assert sessions.find(used.id, eve, "shop") is used
    for _ in range(MOST + 1):
        sessions.opened(eve, None, "2025-11-25")
        sessions.find(used.id, eve, "shop")
    assert sessions.find(hers.id, alice, "shop") is hers
    assert sessions.find(used.id, eve, "shop") is used
    assert over[: len(others)] == [session.id for session in others], "each is told of, the one used longest ago first"
    assert len(sessions) == MOST_OF_ONE + 1


def test_the_requests_of_a_session_that_is_over_end() -> None:
    async def crowded() -> bool:
        sessions, eve = ClientSessions(), Principal(tenant="t", agent="eve")
        first = sessions.opened(eve, "shop", "2025-11-25")
        task = asyncio.create_task(asyncio.sleep(60))
        first.begin(1, task)
        for _ in range(MOST_OF_ONE):
            sessions.opened(eve, "shop", "2025-11-25")
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(crowded())


def test_a_header_of_mcp_stands_once() -> None:
    with pytest.raises(RpcError) as refused:
        Headers([(b"mcp-name", b"echo"), (b"Mcp-Name", b"remove")])
    assert refused.value.code == -32020


TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.integers(-(2**53), 2**53) | st.text(max_size=20),
    st.text(min_size=1, max_size=20),
    st.dictionaries(st.text(max_size=4), TREES),
)
def test_what_is_written_is_read_as_the_same(name: Any, method: str, params: dict[str, Any]) -> None:
    assert read_message(request_bytes(name, method, params)) == Request(name, method, params)
    assert read_message(result_bytes(name, params)) == Reply(name, params, None)
    error = RpcError(-1, method, params)
    assert read_message(error_bytes(name, error)) == Reply(name, {}, {"code": -1, "message": method, "data": params})


@given(st.binary(max_size=60) | TREES.map(lambda tree: json.dumps(tree).encode()))
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    with contextlib.suppress(RpcError):
        read_message(data)
        assert json.loads(data)["jsonrpc"] == "2.0"
