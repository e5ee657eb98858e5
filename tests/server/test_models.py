"""server/models.py: one list of what several model servers serve."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any


def listed(*names: str) -> dict[str, Any]:
    return {"object": "list", "data": [{"id": name, "created": 7, "permission": ["all"]} for name in names]}


def test_all_upstreams_are_asked_and_silent_ones_left_out(start_gate: Callable[..., Any], outside: Any) -> None:
    with contextlib.ExitStack() as stack:
        here, there, gone = (stack.enter_context(contextlib.closing(outside.model())) for _ in range(3))
        gone.close()
        servers = {"here": here, "there": there, "gone": gone}
        upstreams = {name: {"url": f"http://127.0.0.1:{one.port}/v1"} for name, one in servers.items()}
        gate = start_gate("language 1\n", upstreams=upstreams, models={"default": "here"})
        here.script, there.script = [outside.whole(listed("a", "b"))], [outside.whole(listed("b"))]
        answer = gate.client.ask("GET", "/v1/models")
        assert answer.tree["object"] == "list"
        assert answer.tree["data"] == [
            {"id": "a", "object": "model", "created": 7, "owned_by": "here"},
            {"id": "b", "object": "model", "created": 7, "owned_by": "here"},
            {"id": "b", "object": "model", "created": 7, "owned_by": "there"},
        ]
        here.script, there.script = [outside.whole({}, 500)], [outside.whole(b"[]")]
        assert (answer := gate.client.ask("GET", "/v1/models")).status == 502
        assert answer.code == "upstream-error"
