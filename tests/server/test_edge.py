"""server/edge.py: one shape for every refusal."""

from __future__ import annotations

import json

from server.edge import EdgeError, failed, refused, unavailable


def test_the_shape() -> None:
    answer = refused(EdgeError(413, "body-too-large", "the body is too large", {"x-a": "b"}))
    assert answer.status == 413
    assert answer.headers == {"x-a": "b"}
    assert json.loads(answer.body) == {
        "error": {
            "message": "the body is too large",
            "type": "invalid_request_error",
            "param": None,
            "code": "body-too-large",
        }
    }


def test_what_the_gates_own_failures_say() -> None:
    assert (failed().status, json.loads(failed().body)["error"]["type"]) == (500, "server_error")
    assert (unavailable("x").status, json.loads(unavailable("x").body)["error"]["message"]) == (503, "x")
