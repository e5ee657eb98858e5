"""server/app.py: which route answers, in which shape, and what happens when something breaks behind it."""

from __future__ import annotations

import json
import logging
import re
import socket
from typing import Any

import pytest

from server.app import ROUTES
from server.exchange import Scope
from server.routes import Guarded

# What other gateways and other APIs serve, and what a client may therefore try. None of it may reach anything.
FOREIGN = (
    "/v1/completions",
    "/v1/embeddings",
    "/v1/chat",
    "/v1/chat/completions/x",
    "/v1/engines/m/completions",
    "/v1/threads",
    "/v1beta/models/m:generateContent",
    "/chat/completions",
    "/sse",
    "/v1/report",
    "/v1",
    "/console",
    "/openapi.yaml",
)


def _plain(path: str) -> str:
    """A path with plain values in its braces."""
    return re.sub(r"\{(\w+)(?::path)?\}", lambda found: _VALUES.get(found[1], "x"), path)


_VALUES = {"id": "dec-00000000000000000000000000"}


@pytest.mark.parametrize("method", ["POST", "GET", "PUT", "DELETE"])
@pytest.mark.parametrize("path", FOREIGN)
def test_unknown_routes_are_refused(path: str, method: str, gate: Any, code_of: Any) -> None:
    status, _, body = gate.ask(method, path, b"{}")
    assert (status, code_of(body)) == (404, "unknown-route")
    assert gate.behind.seen == []


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_other_methods_are_refused(route: Any, gate: Any, code_of: Any) -> None:
    path = _plain(route.path)
    others = {"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"}
    for method in others - {one.method for one in ROUTES if one.path == route.path}:
        status, _, body = gate.ask(method, path, b"{}")
        assert (status, code_of(body)) == (405, "method-not-allowed")
    assert gate.behind.seen == []


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if isinstance(route, Guarded)], ids=lambda route: f"{route.method} {route.path}"
)
def test_every_guarded_route_needs_a_key_with_its_scope(route: Guarded, gate: Any, code_of: Any) -> None:
    path = _plain(route.path)
    body = b"{}" if route.method == "POST" else None
    status, headers, answer = gate.ask(route.method, path, body, key=None)
    assert (status, code_of(answer)) == (401, "invalid-key")
    assert headers["www-authenticate"].startswith("bearer")
    others = set(Scope) - {route.scope} - route.also
    status, _, answer = gate.ask(route.method, path, body, key=gate.issue(*others))
    assert (status, code_of(answer)) == (403, "missing-scope")
    assert gate.behind.seen == []
    assert gate.ask(route.method, path, body, key=gate.issue(route.scope))[0] not in (401, 403, 500)


def test_a_whole_answer_leaves_with_its_headers(gate: Any) -> None:
    status, headers, body = gate.ask("POST", "/v1/chat/completions", b'{"a": 1}')
    assert (status, body) == (200, b'{"a": 1}')
    assert headers["x-leastward-decision"] == "dec-1"
    assert headers["content-type"] == "application/json"
    assert headers["content-length"] == "8"


def test_a_stream_leaves_part_by_part(gate: Any) -> None:
    status, headers, body = gate.ask("POST", "/v1/chat/completions", b'{"stream":true}')
    assert status == 200
    assert headers["content-type"] == "text/event-stream"
    assert headers["transfer-encoding"] == "chunked"
    assert headers["x-leastward-decision"] == "dec-1"
    assert headers["cache-control"] == "no-cache"
    assert body == b"9\r\ndata: 1\n\n\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"


def test_a_stream_that_breaks_is_cut_and_not_ended(gate: Any) -> None:
    gate.behind.break_after_parts = True
    status, _, body = gate.ask("POST", "/v1/chat/completions", b'{"stream":true}')
    assert status == 200
    assert b"data: 1" in body
    assert not body.endswith(b"0\r\n\r\n")


def test_an_error_behind_the_edge_releases_nothing_and_is_logged_without_its_text(
    gate: Any, code_of: Any, caplog: pytest.LogCaptureFixture
) -> None:
    gate.behind.fail = True
    with caplog.at_level(logging.ERROR, "leastward.http"):
        status, _, body = gate.ask("POST", "/v1/chat/completions", b'{"a":"sensitive"}')
    assert (status, code_of(body)) == (500, "gate-error")
    assert b"sensitive" not in body
    assert b"KeyError" not in body
    assert [record.getMessage() for record in caplog.records] == ["request-failed"]
    assert caplog.records[0].exc_info is not None
    assert gate.ask("GET", "/healthz", key=None)[0] == 200


def test_the_store_that_fails_is_a_503(start: Any, code_of: Any) -> None:
    gate = start()
    gate.store.close()
    gate.behind.seen.clear()
    status, headers, body = gate.ask("POST", "/v1/runs", b"", key=gate.key)
    assert status in (403, 503)
    # the memory of keys outlives the writer by two seconds; after that no key is good
    status, headers, body = _eventually(gate, 503)
    assert code_of(body) == "unavailable"
    assert headers["retry-after"] == "1"
    assert gate.behind.seen == []


def _eventually(gate: Any, wanted: int) -> tuple[int, dict[str, str], bytes]:
    import time

    for _ in range(100):
        answer: tuple[int, dict[str, str], bytes] = gate.ask("GET", "/v1/models")
        if answer[0] == wanted:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"no {wanted} came")


def test_a_body_is_not_asked_for_before_the_key_is_good(gate: Any, parsed: Any) -> None:
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n"
    with socket.create_connection(("127.0.0.1", gate.port), timeout=10) as line:
        line.sendall(head)
        data = line.recv(65536)
    assert parsed(data)[0] == 401


def test_the_api_describes_itself(gate: Any) -> None:
    status, _, body = gate.ask("GET", "/openapi.json", key=None)
    assert status == 200
    paths = json.loads(body)["paths"]
    assert {(method.upper(), path) for path, methods in paths.items() for method in methods} == {
        (route.method, route.path.replace(":path", "")) for route in ROUTES
    }


def test_requests_are_counted_by_route_and_status(gate: Any) -> None:
    before = _count(gate, "/v1/chat/completions", 200)
    gate.ask("POST", "/v1/chat/completions", b"{}")
    assert _count(gate, "/v1/chat/completions", 200) == before + 1
    unknown = _count(gate, "unknown", 404)
    gate.ask("GET", "/v1/whatever")
    assert _count(gate, "unknown", 404) == unknown + 1


def _count(gate: Any, route: str, status: int) -> float:
    start = f'leastward_requests_total{{route="{route}",status="{status}"}} '
    lines = gate.metrics.text().decode().splitlines()
    return next((float(line.removeprefix(start)) for line in lines if line.startswith(start)), 0.0)
