"""errors.py and token_count.py: what an upstream's error and an upstream's count become."""

from __future__ import annotations

import json
from typing import Any

import pytest

from server.wire import MalformedAnswer
from server.wire.messages import MESSAGES, read_token_count

CASES: tuple[tuple[int, Any, int, str, str], ...] = (
    (
        429,
        {"type": "error", "error": {"type": "rate_limit_error", "message": "Slow."}},
        429,
        "rate_limit_error",
        "Slow.",
    ),
    (
        529,
        {"type": "error", "error": {"type": "overloaded_error", "message": "Busy."}},
        529,
        "overloaded_error",
        "Busy.",
    ),
    (400, {"error": {"type": "f", "message": "No.", "tool_calls": [1]}}, 400, "invalid_request_error", "No."),
    (401, {"error": {"message": "key sk-1 is wrong"}}, 502, "api_error", "the upstream refused the gate's credentials"),
    (302, {}, 502, "api_error", "the upstream answered with status 302"),
)


@pytest.mark.parametrize(("status", "tree", "shown", "word", "message"), CASES)
def test_of_an_upstreams_error_only_its_sentence_passes(
    status: int, tree: Any, shown: int, word: str, message: str
) -> None:
    left, body = MESSAGES.upstream_error(status, json.dumps(tree).encode())
    read = json.loads(body)
    assert left == shown
    assert read.pop("type") == "error"
    assert {name: value for name, value in read.pop("error").items() if name != "code"} == {
        "type": word, "message": message,
    }  # fmt: skip
    assert not read


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"input_tokens": "1"}', b'{"input_tokens": -1}', b'{"input_tokens": true}']
)
def test_a_count_that_is_none(body: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        read_token_count(body)


def test_the_dialect_says_where_it_lives() -> None:
    assert (MESSAGES.name, MESSAGES.path) == ("messages", "/messages")
