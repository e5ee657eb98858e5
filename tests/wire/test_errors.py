from __future__ import annotations

import json

import pytest

from server.wire import MalformedAnswer, MalformedRequest, WireError, openai_error, parse_upstream_error


def test_both_kinds_are_wire_errors_with_a_status() -> None:
    request, answer = MalformedRequest("no"), MalformedAnswer("no")
    assert isinstance(request, WireError)
    assert isinstance(answer, WireError)
    assert (request.code, request.status_hint, request.part) == ("malformed-request", 400, "request")
    assert (answer.code, answer.status_hint, answer.part) == ("malformed-answer", 502, "answer")


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (400, "invalid_request_error"),
        (403, "permission_error"),
        (413, "invalid_request_error"),
        (503, "server_error"),
    ],
)
def test_the_type_word_follows_the_status(status: int, word: str) -> None:
    error = json.loads(openai_error(status, "no", code="x"))["error"]
    assert error == {"message": "no", "type": word, "param": None, "code": "x"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":{"message":"too long","type":"BadRequestError","param":null,"code":400}}', "too long"),
        (b'{"object":"error","message":"too long","type":"BadRequestError","code":400}', "too long"),
        (b'{"error":"too long"}', "too long"),
        (b'{"detail":"too long"}', "too long"),
        (b"<html>too long</html>", "the upstream answered with status 400"),
        (b'{"error":{"message":["too long"]}}', "the upstream answered with status 400"),
        (b'{"error":{"message":"a","message":"b"}}', "the upstream answered with status 400"),
        (b"", "the upstream answered with status 400"),
    ],
)
def test_an_upstream_error_keeps_its_sentence(body: bytes, message: str) -> None:
    status, shown = parse_upstream_error(400, body)
    assert status == 400
    assert json.loads(shown)["error"]["message"] == message


def test_nothing_else_of_an_upstream_error_passes() -> None:
    body = b'{"error":{"message":"no","tool_calls":[{"id":"a"}]},"choices":[{"message":{}}]}'
    _, shown = parse_upstream_error(429, body)
    assert b"choices" not in shown
    assert b"tool_calls" not in shown


@pytest.mark.parametrize("status", [401, 403, 407])
def test_what_concerns_the_gates_own_credentials_stays_here(status: int) -> None:
    shown_status, shown = parse_upstream_error(status, b'{"error":{"message":"Incorrect API key sk-12"}}')
    assert shown_status == 502
    assert b"sk-12" not in shown


@pytest.mark.parametrize("status", [204, 302, 700])
def test_a_status_that_is_no_error_is_the_upstreams_fault(status: int) -> None:
    assert parse_upstream_error(status, b"")[0] == 502


def test_a_long_message_is_cut() -> None:
    _, shown = parse_upstream_error(500, json.dumps({"error": {"message": "x" * 10_000}}).encode())
    assert len(json.loads(shown)["error"]["message"]) == 2000
