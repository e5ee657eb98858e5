"""Every route by every form of call by every effect, whole and streamed, on the client's socket: arguments of a call
that was not allowed never arrive, those of an allowed one do, and the Record says the effect.

A route of server.app.ROUTES without a row or a reason fails by its name. Forms of call stand here as the protocols name
them; calls written as text, rewrites and the doors of tools are proved in tests/server, tests/mcp and tests/tools.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from server.app import ROUTES

POLICY = """language 1
allow pay(...) as pay
ask ask_first(...) as asks
forbid drop as never message "Never."
"""
EFFECTS = {"pay": "allow", "ask_first": "ask", "drop": "forbid", "unnamed": "forbid"}
SECRET = "s3cret-in-the-arguments"
ARGUMENTS = json.dumps({"to": SECRET})
_PIECES = re.compile(r'"(?:arguments|partial_json|delta|input)":\s*"((?:[^"\\]|\\.)*)"')
FORMS: Mapping[str, tuple[str, ...]] = {
    "/v1/chat/completions": ("tool", "function"),
    "/v1/responses": ("function_call", "custom_tool_call"),
    "/v1/messages": ("tool_use",),
}
ELSEWHERE: Mapping[str, str] = {
    "/mcp": "calls come from the client: tests/mcp",
    "/tools": "calls come from the client: tests/tools",
    "/proxy": "calls come from the client: tests/tools",
    "/v1/decide": "a dry run: nothing is released",
    "/v1/models": "names of models",
    "/v1/messages/count_tokens": "no model speaks",
    "/v1/runs": "no call",
    "/v1/decisions": "what was recorded",
    "/v1/reports": "no call",
    "/v1/audits": "no call",
    "/v1/abstractions": "no call",
    "/v1/refresh": "no call",
    "/v1/memory": "no call",
    "/v1/approvals": "what waits; released by the routes that it was asked on: tests/approvals",
    "/healthz": "no call",
    "/readyz": "no call",
    "/metrics": "no call",
    "/.well-known/oauth-protected-resource": "no call",
}
"""Where routes of no row are proved, or why there is nothing to prove, by the beginning of their paths."""


def test_every_route_has_a_row_or_a_reason() -> None:
    unproved = {
        f"{route.method} {route.path}"
        for route in ROUTES
        if route.path not in FORMS
        and not any(route.path == path or route.path.startswith(path + "/") for path in ELSEWHERE)
    }
    assert unproved == set()


def _block(form: str, tool: str) -> dict[str, Any]:
    common = {"id": "id_1", "type": form, "name": tool}
    if form == "tool_use":
        return {**common, "input": {"to": SECRET}}
    said = {"arguments": ARGUMENTS} if form == "function_call" else {"input": SECRET}
    return {**common, "call_id": "call_1", "status": "completed", **said}


def _responses(output: list[dict[str, Any]], status: str = "completed") -> dict[str, Any]:
    return {"id": "resp_1", "object": "response", "created_at": 1, "model": "gpt-4o", "status": status,
            "output": output}  # fmt: skip


def _messages(content: list[dict[str, Any]], stop: str | None) -> dict[str, Any]:
    usage = {"input_tokens": 1, "output_tokens": 1}
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": "gpt-4o", "content": content,
            "stop_reason": stop, "stop_sequence": None, "usage": usage}  # fmt: skip


def _events_of(path: str, block: dict[str, Any]) -> list[dict[str, Any]]:
    """The stream of one item or block, its arguments in two pieces where it has any."""
    if path == "/v1/messages":
        text = block["type"] == "text"
        whole = block["text"] if text else json.dumps(block["input"])
        opened = {**block, **({"text": ""} if text else {"input": {}})}
        kind, member = ("text_delta", "text") if text else ("input_json_delta", "partial_json")
        deltas = [{"type": kind, member: piece} for piece in (whole[:5], whole[5:])]
        return [
            {"type": "message_start", "message": _messages([], None)},
            {"type": "content_block_start", "index": 0, "content_block": opened},
            *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn" if text else "tool_use",
             "stop_sequence": None}, "usage": {"output_tokens": 1}},
            {"type": "message_stop"},
        ]  # fmt: skip
    at = {"output_index": 0, "item_id": block["id"]}
    if block["type"] == "message":
        part = block["content"][0]
        place = {**at, "content_index": 0}
        opened = {**block, "content": [], "status": "in_progress"}
        middle = [
            {"type": "response.content_part.added", **place, "part": {**part, "text": ""}},
            {"type": "response.output_text.delta", **place, "delta": part["text"]},
            {"type": "response.output_text.done", **place, "text": part["text"]},
            {"type": "response.content_part.done", **place, "part": part},
        ]
    else:
        member = "arguments" if block["type"] == "function_call" else "input"
        event = f"response.{'function_call_arguments' if member == 'arguments' else 'custom_tool_call_input'}"
        opened = {**block, member: "", "status": "in_progress"}
        pieces = (block[member][:5], block[member][5:])
        middle = [{"type": f"{event}.delta", **at, "delta": piece} for piece in pieces]
        middle.append({"type": f"{event}.done", **at, member: block[member]})
    events = [
        {"type": "response.created", "response": _responses([], "in_progress")},
        {"type": "response.output_item.added", "output_index": 0, "item": opened},
        *middle,
        {"type": "response.output_item.done", "output_index": 0, "item": block},
        {"type": "response.completed", "response": _responses([block])},
    ]
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def _reply(outside: Any, path: str, form: str, tool: str | None, asked: Any) -> Any:
    if path == "/v1/chat/completions":
        call = [tool, ARGUMENTS]
        said = {"text": "I stop."} if tool is None else {"calls": [call]} if form == "tool" else {"function": call}
        return outside.saying(said)(asked)
    if tool is not None:
        block = _block(form, tool)
    elif path == "/v1/messages":
        block = {"type": "text", "text": "I stop."}
    else:
        text = {"type": "output_text", "text": "I stop.", "annotations": []}
        block = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [text]}
    if asked.tree.get("stream"):
        return outside.events(_events_of(path, block), done=False)
    stop = "end_turn" if tool is None else "tool_use"
    return outside.whole(_messages([block], stop) if path == "/v1/messages" else _responses([block]))


@pytest.mark.parametrize(("path", "form"), [(path, form) for path, forms in FORMS.items() for form in forms])
def test_only_an_allowed_call_reaches_the_socket(
    start_gate: Callable[..., Any], outside: Any, path: str, form: str
) -> None:
    turn: list[str] = []
    gate = start_gate(
        POLICY,
        answers=lambda asked: _reply(outside, path, form, turn.pop() if turn else None, asked),
        refusals={"per_run_limit": 10_000, "rounds": 0},
    )
    words: Any = [{"role": "user", "content": "go on"}]
    for stream in (False, True):
        for tool, effect in EFFECTS.items():
            turn[:] = [tool]
            known = len(gate.records())
            said = {"input": words} if path == "/v1/responses" else {"messages": words}
            limit = {"max_tokens": 64} if path == "/v1/messages" else {}
            got = gate.client.ask("POST", path, {"model": "gpt-4o", "stream": stream, **said, **limit})
            cell = f"{path} {form} stream={stream} {tool}: {got.status} {got.body[:300]!r}"
            assert (got.status, got.complete) == (200, True), cell
            # Text that was split over events is joined before it is searched: a leak in pieces is a leak.
            wire = got.body.decode() + "".join(_PIECES.findall(got.body.decode()))
            assert (SECRET in wire) == (effect == "allow"), cell
            assert bool(re.search(rf'"name":\s*"{tool}"', wire)) == (effect == "allow"), cell
            fresh = [r for r in gate.records()[known:] if r["kind"] == "decision"]
            assert [r["effect"] for r in fresh] == [effect], f"{cell} {fresh}"
