"""server/settings_mcp.py and the error shape of server/routes_mcp.py."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from server.routes_mcp import ROUTES, mcp_error
from server.settings_mcp import McpSettings

URL = {"url": "http://127.0.0.1:1/mcp"}


@pytest.mark.parametrize(
    "settings",
    [
        {"servers": {"s": {}}},
        {"servers": {"s": {**URL, "command": "x"}}},
        {"servers": {"s": {"command": "x", "headers": {"a": "b"}}}},
        {"servers": {"s": {**URL, "args": ["x"]}}},
        {"servers": {"a__b": URL}},
        {"servers": {"a/b": URL}},
        {"servers": {"A": URL}},
        {"servers": {"_a": URL}},
        {"origins": ["https://desk.example/"]},
        {"origins": ["*"]},
        {"accepts": "nobody"},
    ],
    ids=str,
)
def test_settings_that_say_two_things_or_none_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        McpSettings.model_validate(settings)


def test_settings_that_are_taken() -> None:
    taken = McpSettings.model_validate(
        {
            "servers": {"a-b_c": URL, "p": {"command": "x", "env": {"K": "secret"}}},
            "origins": ["https://desk.example:8443"],
        }
    )
    assert taken.accepts == "first-look"
    assert "secret" not in repr(taken)


def test_every_route_refuses_in_the_shape_of_json_rpc() -> None:
    assert {(route.method, route.path) for route in ROUTES} == {
        (method, path) for method in ("POST", "DELETE", "GET") for path in ("/mcp", "/mcp/{server}")
    }
    for route in ROUTES:
        assert route.error is mcp_error
    error = json.loads(mcp_error(401, "a key is needed", code="invalid-key"))
    assert error == {
        "jsonrpc": "2.0",
        "id": None,
        "error": {"code": -32600, "message": "a key is needed", "data": {"code": "invalid-key"}},
    }
    assert json.loads(mcp_error(503, "x", code="unavailable"))["error"]["code"] == -32603
