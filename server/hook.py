"""Hooks of coding agents: the JSON that Claude Code and Codex write before and after a tool runs, and what they read.

The host runs the hook as a process of its own for each event, and goes by what stands on standard output. Before a
tool: refuse, ask, or say nothing, which leaves the call to the host's own rules; saying allow would skip those. After a
tool, and when the user says something, the gate only learns.

The host's session id names nothing here: a run belongs to a principal, and a client does not choose it (design).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from guardrail import ToolCall
from policy_dsl import StrictJsonError, strict_json

from .exchange import Caller
from .store import Run
from .tool_gate import Cleared, ToolAnswer, ToolGate

DOOR: Final = "hook"
MOST_BYTES: Final = 8 << 20

_MCP_NAME: Final = re.compile(r"mcp__(?P<server>[A-Za-z0-9-]+(?:_[A-Za-z0-9-]+)*)__(?P<tool>.+)")
"""How hosts spell a tool of an MCP server: `mcp__server__tool`."""

_OF_A_CALL: Final = frozenset({"command", "tool_input", "tool_name"})
"""Members of events about a call, of other hosts too: where such a host hears nothing it runs the call."""


class BadEvent(Exception):
    """What stands on standard input is no event of a hook."""


def read_event(text: bytes) -> dict[str, Any]:
    """The event, read strictly: what is decided is what the host will run. Raises BadEvent."""
    if len(text) > MOST_BYTES:
        raise BadEvent(f"the event is larger than {MOST_BYTES} bytes")
    try:
        return strict_json.parse_object(text.decode("utf-8"))
    except (StrictJsonError, UnicodeDecodeError) as error:
        raise BadEvent("the event is not one strict JSON object") from error


class Hook:
    """One principal's events. `allows` makes it say allow where the policy does, past the host's own rules."""

    def __init__(self, gate: ToolGate, caller: Caller, run: Run, *, allows: bool = False) -> None:
        self._gate = gate
        self._caller = caller
        self._run = run
        self._allows = allows

    async def answer(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """What the host is to read. Raises BadEvent, and StoreError where nothing can be recorded."""
        name = _text(event, "hook_event_name")
        take = _EVENTS.get(name)
        if take is None and not _OF_A_CALL.isdisjoint(event):
            raise BadEvent("the event tells of a call and is none that leastward knows")
        return {} if take is None else await take(self, event)

    async def _before(self, event: Mapping[str, Any]) -> dict[str, Any]:
        ruled = await self._gate.decide(self._caller, self._run, DOOR, _call(event))
        if isinstance(ruled, Cleared):
            # In JSON, as a host reads it: to Python `1` and `true` are equal.
            changed = strict_json.encode(ruled.arguments) != strict_json.encode(event["tool_input"])
            if not self._allows and not changed:
                return {}
            # Hosts take other arguments only with an answer: without `allows` it is left to the user.
            told: dict[str, Any] = {"permissionDecision": "allow" if self._allows else "ask"}
            reason = f"leastward: decision {ruled.decision}"
            if changed:
                told["updatedInput"] = ruled.arguments
                reason = f"leastward: the policy changed the call (decision {ruled.decision})"
            return _said({**told, "permissionDecisionReason": reason})
        refusal = ruled.refusal
        message = f" {refusal.message}" if refusal.message else ""
        return _said(
            {
                "permissionDecision": "ask" if ruled.effect == "ask" else "deny",
                "permissionDecisionReason": f"leastward: {refusal.code}.{message} (decision {ruled.decision})",
            }
        )

    async def _after(self, event: Mapping[str, Any]) -> dict[str, Any]:
        failed = event.get("hook_event_name") == "PostToolUseFailure"
        told = event.get("error" if failed else "tool_response")
        answer = ToolAnswer(told, "error" if failed else "ok")
        shown = await self._gate.answered(self._caller, self._run, DOOR, _call(event), answer)
        if failed or shown.content == told:
            return {}
        return {"hookSpecificOutput": {"hookEventName": "PostToolUse", "updatedToolOutput": shown.content}}

    async def _prompt(self, event: Mapping[str, Any]) -> dict[str, Any]:
        if self._caller.speaks_for_user:
            await self._gate.user_said(self._caller, self._run, [_text(event, "prompt")])
        return {}


_EVENTS: Final[Mapping[str, Callable[[Hook, Mapping[str, Any]], Awaitable[dict[str, Any]]]]] = {
    "PreToolUse": Hook._before,
    "PostToolUse": Hook._after,
    "PostToolUseFailure": Hook._after,
    "UserPromptSubmit": Hook._prompt,
}


def _call(event: Mapping[str, Any]) -> ToolCall:
    arguments = event.get("tool_input")
    if not isinstance(arguments, dict):
        raise BadEvent("`tool_input` is an object")
    name = _text(event, "tool_name")
    of_server = _MCP_NAME.fullmatch(name)
    server, tool = (None, name) if of_server is None else (of_server["server"], of_server["tool"])
    call_id = event.get("tool_use_id")
    return ToolCall(tool, arguments, call_id if isinstance(call_id, str) else "", server)


def _text(event: Mapping[str, Any], name: str) -> str:
    value = event.get(name)
    if not isinstance(value, str) or not value:
        raise BadEvent(f"`{name}` is missing")
    return value


def _said(told: Mapping[str, Any]) -> dict[str, Any]:
    return {"hookSpecificOutput": {"hookEventName": "PreToolUse", **told}}
