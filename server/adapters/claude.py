"""Claude Agent SDK: hooks for every call, or the permission callback for those that the host would ask about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from guardrail import as_json, with_floats

if TYPE_CHECKING:
    from claude_agent_sdk import CanUseTool, HookMatcher

    from ..hook import Hook
    from ..in_process import Door

_EVENTS: Final = ("PreToolUse", "PostToolUse", "PostToolUseFailure")


def claude_hooks(door: Door, *, allows: bool = False) -> dict[Any, list[HookMatcher]]:
    """For `ClaudeAgentOptions(hooks=...)`: every call is decided and its answer seen, whatever the host allows.

    A refused call is denied with the reason, an ask with the approval that it waits for: no user sits at an SDK.
    Without `allows` an allowed call is left to the host's own rules. Not together with `claude_permission` of the same
    Door: a call would count twice.
    """
    from claude_agent_sdk import HookMatcher

    hook = door.hook(allows=allows)

    async def leastward(event: Any, call_id: str | None, context: Any) -> Any:
        return await _before(hook, event) if event["hook_event_name"] == "PreToolUse" else await _told(hook, event)

    return {event: [HookMatcher(hooks=[leastward], on_failure="block")] for event in _EVENTS}


def claude_permission(door: Door) -> CanUseTool:
    """For `ClaudeAgentOptions(can_use_tool=...)`. The host asks only about calls that its own rules leave open, and
    tells nothing of what came back: `claude_hooks` sees all."""
    from claude_agent_sdk import PermissionResultAllow, PermissionResultDeny

    hook = door.hook(allows=True)

    async def leastward(tool: str, arguments: dict[str, Any], context: Any) -> Any:
        event = {"hook_event_name": "PreToolUse", "tool_name": tool, "tool_input": arguments}
        ruled = (await _before(hook, {**event, "tool_use_id": context.tool_use_id}))["hookSpecificOutput"]
        if ruled["permissionDecision"] == "allow":
            return PermissionResultAllow(updated_input=ruled.get("updatedInput", arguments))
        return PermissionResultDeny(message=ruled["permissionDecisionReason"])

    return leastward


async def _before(hook: Hook, event: Mapping[str, Any]) -> dict[str, Any]:
    """The host takes a hook that failed for one without an opinion: any error is a no of its own."""
    try:
        answer = await _told(hook, event)
    except Exception:
        answer = {"hookSpecificOutput": {"permissionDecision": "ask"}}
        answer["hookSpecificOutput"]["permissionDecisionReason"] = "leastward: the gate cannot decide"
    ruled = answer.get("hookSpecificOutput", {})
    if ruled.get("permissionDecision") == "ask" and "updatedInput" not in ruled:
        ruled = {"hookEventName": "PreToolUse", **ruled, "permissionDecision": "deny"}
        return {"hookSpecificOutput": ruled}
    return answer


async def _told(hook: Hook, event: Mapping[str, Any]) -> dict[str, Any]:
    read = cast("dict[str, Any]", as_json(dict(event)))
    return cast("dict[str, Any]", with_floats(await hook.answer(read)))
